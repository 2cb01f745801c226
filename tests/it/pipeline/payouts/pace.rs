//! How fast a batch goes: as fast as the rate allows and no faster, whatever the latency; slower when the rail says so, and back
//! again; and what is under way when a process is asked to stop comes to its end.

use std::time::{Duration, Instant};

use purser::Engine;
use purser::domain::batch::{BatchStatus, ItemStatus};
use purser::domain::ids::BatchId;
use serde_json::json;
use sqlx::AssertSqlSafe;
use tokio::sync::watch;

use crate::harness::{Payer, eventually};

/// A batch of so many items, and an engine that pays at the rate.
async fn at_rate(items: usize, per_second: u32) -> (Payer, Engine, BatchId) {
    let payer = Payer::deaf().await;
    for n in 0..items {
        let partner = payer.ready_partner(&format!("partner{n}")).await;
        payer.earn(partner, 2_000, "usd").await;
    }
    let batch = payer.process_now().await;
    let mut config = (*payer.engine().config).clone();
    config.stripe.transfers_per_second = per_second;
    config.stripe.timeout = Duration::from_secs(10);
    let engine = Engine::new(config, payer.engine().pool.clone());
    (payer, engine, batch)
}

async fn slow_answers(payer: &Payer, times: usize, delay_ms: u64) {
    let strikes = json!({ "method": "POST", "path": "/v1/transfers" });
    payer.control("faults", json!([{ "match": strikes, "times": times, "fault": "slow", "delay_ms": delay_ms }])).await;
}

async fn number(payer: &Payer, query: &str) -> f64 {
    let query = AssertSqlSafe(query.to_owned());
    sqlx::query_scalar(query).fetch_one(&payer.engine().pool).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rate_is_kept_and_filled_while_each_answer_takes_half_a_second() {
    let (payer, engine, batch) = at_rate(60, 20).await;
    slow_answers(&payer, 60, 500).await;
    let began = Instant::now();
    purser::jobs::payouts::run_until_idle(&engine).await;
    let took = began.elapsed().as_secs_f64();
    assert_eq!(payer.batch(batch).await.summary.posted.count, 60);
    // 60 at 20 a second, less what the bucket held at first, and the last answer.
    assert!(took > 2.6, "faster than the rate: {took}");
    assert!(took < 4.5, "slower than the rate: {took}");
}

#[tokio::test(flavor = "multi_thread")]
async fn several_processes_keep_one_rate_together() {
    let (payer, engine, batch) = at_rate(45, 15).await;
    let (stop, stopping) = watch::channel(false);
    let began = Instant::now();
    let workers: Vec<_> = (0..3)
        .map(|_| {
            let engine = Engine::new((*engine.config).clone(), engine.pool.clone());
            tokio::spawn(purser::jobs::payouts::run(engine, stopping.clone()))
        })
        .collect();
    eventually("the batch is completed", async || {
        (payer.batch(batch).await.status == BatchStatus::Completed).then_some(())
    })
    .await;
    assert!(began.elapsed().as_secs_f64() > 2.4, "faster than the rate: {:?}", began.elapsed());
    stop.send_replace(true);
    futures::future::join_all(workers).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_calls_halve_the_rate_once_for_all_that_were_under_way_and_it_recovers() {
    let (payer, engine, batch) = at_rate(30, 100).await;
    payer.fault("429", 20).await;
    purser::jobs::payouts::run_until_idle(&engine).await;
    let rate = number(&payer, "select per_second from rate_buckets").await;
    assert!((45.0..60.0).contains(&rate), "a hundred, halved once: {rate}");
    payer.company.run("update rate_buckets set refilled_at = refilled_at - interval '5 seconds'".to_owned()).await;
    payer.work_until(batch, BatchStatus::Completed).await;
    purser::jobs::payouts::run_until_idle(&engine).await;
    let later = number(&payer, "select per_second from rate_buckets").await;
    assert!(later >= rate + 20.0, "{rate} has come back to {later}");
    assert_eq!(payer.count_transfers_at_most_one_each().await, 30);
    payer.company.prove_books().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_has_no_more_items_in_hand_than_the_rate_needs() {
    let (payer, engine, _) = at_rate(60, 20).await;
    slow_answers(&payer, 60, 1_500).await;
    let (stop, stopping) = watch::channel(false);
    let working = tokio::spawn(purser::jobs::payouts::run(engine, stopping));
    let mut most = 0;
    let until = Instant::now() + Duration::from_millis(1_400);
    while Instant::now() < until {
        most = most.max(payer.company.count("payout_items where lease_until is not null").await);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!((10..=25).contains(&most), "{most} of 60 were claimed at once");
    stop.send_replace(true);
    working.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_is_asked_to_stop_ends_the_calls_under_way_and_begins_no_other() {
    let (payer, engine, batch) = at_rate(40, 20).await;
    slow_answers(&payer, 40, 700).await;
    let (stop, stopping) = watch::channel(false);
    let working = tokio::spawn(purser::jobs::payouts::run(engine, stopping));
    eventually("calls are under way", async || {
        (payer.company.count("transfer_attempts where finished_at is null").await >= 4).then_some(())
    })
    .await;
    stop.send_replace(true);
    working.await.unwrap();
    let statuses: Vec<ItemStatus> = payer.items(batch).await.into_iter().map(|item| item.status).collect();
    let posted = statuses.iter().filter(|status| **status == ItemStatus::Posted).count();
    assert!(statuses.iter().all(|status| matches!(status, ItemStatus::Posted | ItemStatus::Pending)), "{statuses:?}");
    assert!((4..40).contains(&posted), "{posted} of 40");
    assert_eq!(payer.count_transfers_at_most_one_each().await, posted);
    assert_eq!(payer.company.count("transfer_attempts where finished_at is null").await, 0);
    payer.company.prove_books().await;
}
