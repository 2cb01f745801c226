//! Gaps that webhooks left, found in the sandbox's list of events.

use chrono::TimeDelta;
use purser::pipeline::backfill::{self, Backfilled, backfill, catch_up};
use purser::sandbox::{Endpoint, Options, Sandbox};
use serde_json::json;

use crate::harness::{Company, SECRET, eventually};

#[tokio::test]
async fn a_purchase_whose_webhooks_never_arrived_is_taken_in_once() {
    // No endpoint is configured: nothing is ever delivered.
    let sandbox = Sandbox::start(Options::default(), ([127, 0, 0, 1], 0).into()).await.unwrap();
    let environment =
        [("STRIPE_API_BASE", sandbox.url()), ("STRIPE_SECRET_KEY", purser::sandbox::SECRET_KEY.to_owned())];
    let company = Company::with(json!({ "type": "percent", "rate": "20" }), &environment).await;
    let ada = company.partner("ada").await;
    let purchase = json!({ "email": "buyer@example.com", "amount": 10_000, "currency": "usd", "referral": "ada", "mode": "payment" });
    let bought =
        company.http.post(format!("{}/sandbox/purchases", sandbox.url())).json(&purchase).send().await.unwrap();
    assert_eq!(bought.status(), 200);

    let now = company.engine.clock.now().await;
    let first = backfill(&company.engine, now, now - TimeDelta::days(1)).await.unwrap();
    assert!(first.new > 0 && first.new == first.seen, "{first:?}");
    company.drain().await;
    assert_eq!(company.count("sales").await, 1);
    assert_eq!(company.lines(ada).await.len(), 1);

    let again = backfill(&company.engine, now, now - TimeDelta::days(1)).await.unwrap();
    assert_eq!(again, Backfilled { seen: first.seen, new: 0 });
    sandbox.stop().await.unwrap();
}

#[tokio::test]
async fn without_a_key_there_is_nothing_to_ask() {
    let company = Company::new().await;
    let now = company.engine.clock.now().await;
    let refused = backfill(&company.engine, now, now).await.unwrap_err();
    assert!(matches!(refused, backfill::Error::NotConnected), "{refused}");
}

/// A company that follows the sandbox's clock, and a sandbox whose webhooks are all lost.
async fn with_lost_webhooks() -> (Company, purser::sandbox::Running) {
    let sandbox = Sandbox::start(Options::default(), ([127, 0, 0, 1], 0).into()).await.unwrap();
    let environment = [
        ("STRIPE_API_BASE", sandbox.url()),
        ("STRIPE_SECRET_KEY", purser::sandbox::SECRET_KEY.to_owned()),
        ("PURSER_CLOCK", "sandbox".to_owned()),
    ];
    let company = Company::with(json!({ "type": "percent", "rate": "20" }), &environment).await;
    let endpoint = Endpoint { url: format!("{}/webhooks/stripe", company.url), secret: SECRET.into() };
    sandbox.sandbox.add_webhook(endpoint, false);
    let lost = json!([{ "match": {}, "times": 1_000, "fault": "drop" }]);
    control(&company, &sandbox, "faults", lost).await;
    (company, sandbox)
}

async fn control(company: &Company, sandbox: &purser::sandbox::Running, path: &str, body: serde_json::Value) {
    let answer = company.http.post(format!("{}/sandbox/{path}", sandbox.url())).json(&body).send().await.unwrap();
    assert_eq!(answer.status(), 200, "{path}");
}

fn purchase() -> serde_json::Value {
    json!({ "email": "buyer@example.com", "amount": 10_000, "currency": "usd", "referral": "ada", "mode": "payment" })
}

#[tokio::test(flavor = "multi_thread")]
async fn the_nightly_comparison_takes_in_what_webhooks_dropped() {
    let (company, sandbox) = with_lost_webhooks().await;
    let ada = company.partner("ada").await;
    let worker = purser::jobs::Worker::start(&company.engine).await.unwrap();
    eventually("the worker's schedule is there", async || {
        (company.count("pg_namespace where nspname = 'graphile_worker'").await == 1).then_some(())
    })
    .await;
    control(&company, &sandbox, "purchases", purchase()).await;
    assert!(sandbox.sandbox.settle(std::time::Duration::from_secs(10)).await);
    assert_eq!(company.count("inbox_events").await, 0, "nothing arrived");
    let mut looked = 0;
    eventually("a commission", async || {
        // A night goes by now and then: the worker must have seen the clock before it can see it move.
        if looked % 50 == 0 {
            control(&company, &sandbox, "advance", json!({ "days": 1 })).await;
        }
        looked += 1;
        (!company.lines(ada).await.is_empty()).then_some(())
    })
    .await;
    let found = "select (missing > 0 and missing <= seen)::text from event_comparisons";
    eventually("the comparison is written down", async || company.text(found).await).await;
    worker.stop().await;
    company.prove_books().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_an_outage_the_comparison_begins_where_the_last_one_ended() {
    let (company, sandbox) = with_lost_webhooks().await;
    let ada = company.partner("ada").await;
    let now = company.engine.clock.now().await;
    assert_eq!(catch_up(&company.engine, now).await.unwrap(), Backfilled::default());
    control(&company, &sandbox, "purchases", purchase()).await;
    control(&company, &sandbox, "advance", json!({ "days": 12 })).await;

    // Somebody compares the last hours by hand, which says nothing of the days before.
    let now = company.engine.clock.now().await;
    assert_eq!(backfill(&company.engine, now, now - TimeDelta::hours(5)).await.unwrap().new, 0);
    let caught = catch_up(&company.engine, now).await.unwrap();
    assert!(caught.new > 0, "{caught:?}");
    company.drain().await;
    assert_eq!(company.lines(ada).await.len(), 1);
    assert_eq!(catch_up(&company.engine, now).await.unwrap().new, 0);
}
