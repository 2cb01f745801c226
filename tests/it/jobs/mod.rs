//! The worker of one process: it starts on a fresh database, does what is due, and stops when asked.

mod killed_worker;

use chrono::{TimeDelta, Utc};
use purser::jobs::Worker;
use purser::mail::{Letter, enqueue};
use purser::sandbox::{Options, Sandbox};
use purser::store::outgoing_mail;
use serde_json::json;

use crate::harness::events::Purchase;
use crate::harness::{Company, TestDb, engine, eventually};

#[tokio::test]
async fn a_worker_takes_the_post_out_and_stops_when_asked() {
    let db = TestDb::new().await;
    let engine = engine(&db, &[]);
    let letter =
        Letter { subject: "Hello", to_name: "", paragraphs: &["Hello."], link: None, closing: "", choices: None };
    let mut conn = db.pool.acquire().await.unwrap();
    enqueue(&mut conn, Utc::now() - TimeDelta::seconds(1), &letter, "ada@example.com", "hello").await.unwrap();

    let worker = Worker::start(&engine).await.unwrap();
    eventually("the mail is kept", async || {
        let mut conn = db.pool.acquire().await.unwrap();
        let mails = outgoing_mail::list(&mut conn, None, 1).await.unwrap();
        (mails[0].status == "kept").then_some(())
    })
    .await;
    worker.stop().await;
}

#[tokio::test]
async fn two_workers_start_on_a_fresh_database_at_the_same_time() {
    let db = TestDb::new().await;
    let engine = engine(&db, &[]);
    let (first, second) = tokio::join!(Worker::start(&engine), Worker::start(&engine));
    first.unwrap().stop().await;
    second.unwrap().stop().await;
}

#[tokio::test]
async fn the_schedule_goes_on_when_the_database_comes_back() {
    let db = TestDb::new().await;
    let engine = engine(&db, &[]);
    let worker = Worker::start(&engine).await.unwrap();
    let workers = async || {
        let query = "select array_agg(id::text order by id) from graphile_worker._private_workers";
        sqlx::query_scalar::<_, Option<Vec<String>>>(query).fetch_one(&db.pool).await.ok().flatten()
    };
    let before = eventually("the schedule runs", workers).await;
    // Away for as long as it takes that the schedule's own queries fail, not only those of connections that were cut.
    db.shut_until(async || {
        let mut refused = 0;
        eventually("the schedule has looked and found nothing", async || {
            refused += usize::from(db.pool.acquire().await.is_err());
            (refused > 100).then_some(())
        })
        .await;
    })
    .await;
    eventually("another schedule has begun", async || workers().await.filter(|now| *now != before)).await;
    worker.stop().await;
}

#[tokio::test]
async fn when_the_sandbox_s_clock_is_moved_hold_windows_pass_at_once() {
    let sandbox = Sandbox::start(Options::default(), ([127, 0, 0, 1], 0).into()).await.unwrap();
    let environment = [
        ("STRIPE_API_BASE", sandbox.url()),
        ("STRIPE_SECRET_KEY", purser::sandbox::SECRET_KEY.to_owned()),
        ("PURSER_CLOCK", "sandbox".to_owned()),
    ];
    let company = Company::with(json!({ "type": "percent", "rate": "20" }), &environment).await;
    let ada = company.partner("ada").await;
    company.take_in(&[Purchase::new(1).referred("ada").session()]).await;
    assert_eq!(company.lines(ada).await[0].status, "pending");

    let worker = Worker::start(&company.engine).await.unwrap();
    // The worker has to have seen the clock before it can see it move.
    eventually("the worker's schedule is there", async || {
        (company.count("pg_namespace where nspname = 'graphile_worker'").await == 1).then_some(())
    })
    .await;
    let line = eventually("the line matures", async || {
        let advance = company.http.post(format!("{}/sandbox/advance", sandbox.url())).json(&json!({ "days": 40 }));
        assert_eq!(advance.send().await.unwrap().status(), 200);
        company.lines(ada).await.into_iter().find(|line| line.status == "approved")
    })
    .await;
    assert_eq!(line.kind, "commission");
    company.run("update programs set cadence = 'daily'".to_owned()).await;
    eventually("the day's payout runs", async || {
        let advance = company.http.post(format!("{}/sandbox/advance", sandbox.url())).json(&json!({ "days": 2 }));
        assert_eq!(advance.send().await.unwrap().status(), 200);
        (company.count("runs where task = 'payouts' and outcome = 'nothing_due' and slot_at is not null").await > 0)
            .then_some(())
    })
    .await;
    let credited = company.text("select note from runs where task = 'maturity'").await.unwrap();
    assert!(credited.starts_with("1 commission was approved: "), "{credited}");
    worker.stop().await;
    sandbox.stop().await.unwrap();
}
