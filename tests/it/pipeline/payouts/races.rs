//! Several workers, many items, an unreliable Stripe: one transfer each, and the books prove it.

use std::time::Duration;

use purser::domain::batch::BatchStatus;
use purser::{Engine, jobs};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use serde_json::json;
use tokio::sync::watch;

use crate::harness::Payer;

const ITEMS: usize = 200;
const WORKERS: usize = 3;

const FAULTS: &[&str] =
    &["timeout_before", "timeout_after", "reset_after", "429", "409", "500", "500_after", "html_502", "garbled_200"];

#[tokio::test(flavor = "multi_thread")]
async fn three_workers_under_random_faults_pay_each_item_at_most_once() {
    let seed: u64 = rand::rng().random();
    println!("seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let payer = Payer::deaf().await;
    for n in 0..ITEMS {
        let partner = payer.ready_partner(&format!("partner{n}")).await;
        payer.earn(partner, random.random_range(1_000..9_000), "usd").await;
    }
    let faults: Vec<_> = (0..60)
        .map(|_| {
            let fault = FAULTS.choose(&mut random).unwrap();
            json!({ "match": { "method": "POST", "path": "/v1/transfers" }, "times": 1, "fault": fault })
        })
        .collect();
    payer.control("faults", json!(faults)).await;
    let batch = payer.process_now().await;

    let (stop, stopping) = watch::channel(false);
    let workers: Vec<_> = (0..WORKERS)
        .map(|_| {
            let config = (*payer.engine().config).clone();
            let engine = Engine::new(config, payer.engine().pool.clone());
            tokio::spawn(jobs::payouts::run(engine, stopping.clone()))
        })
        .collect();
    let deadline = tokio::time::Instant::now() + Duration::from_secs(90);
    while payer.batch(batch).await.status != BatchStatus::Completed {
        assert!(tokio::time::Instant::now() < deadline, "seed {seed}: {:?}", payer.batch(batch).await.summary);
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    stop.send_replace(true);
    futures::future::join_all(workers).await;

    let summary = payer.batch(batch).await.summary;
    let transfers = payer.count_transfers_at_most_one_each().await;
    assert_eq!(i64::try_from(transfers).unwrap(), summary.posted.count, "seed {seed}: {summary:?}");
    assert_eq!(summary.posted.count + summary.failed.count, 200, "seed {seed}: {summary:?}");
    payer.company.prove_books().await;
}
