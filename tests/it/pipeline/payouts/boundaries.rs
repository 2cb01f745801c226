//! A worker process that dies at each step of a payout's way, crossed with each way in which Stripe's answer can go wrong:
//! whoever goes on makes one transfer at most, and ends in the state that the answer asks for.

use std::time::Duration;

use futures::future::join_all;
use purser::domain::batch::{BatchStatus, ItemStatus};
use purser::domain::ids::BatchId;
use serde_json::json;

use crate::harness::{Payer, WorkerProcess};

/// How a payout under a fault must end, wherever a worker died.
#[derive(Debug, Clone, Copy)]
enum End {
    Posted,
    Failed(&'static str),
    /// Failed for want of balance, and paid by the item that took its place.
    Replaced,
}

/// No fault, and every fault of calls that the sandbox has.
const FAULTS: &[(&str, End)] = &[
    ("", End::Posted),
    ("timeout_before", End::Posted),
    ("timeout_after", End::Posted),
    ("reset_after", End::Posted),
    ("slow", End::Posted),
    ("429", End::Posted),
    ("409", End::Posted),
    ("500", End::Failed("no_transfer")),
    ("500_after", End::Posted),
    ("html_502", End::Posted),
    ("garbled_200", End::Posted),
    ("balance_insufficient", End::Replaced),
    ("account_disabled", End::Failed("transfers_not_allowed")),
];

async fn die_at_under_each_fault(step: &str) {
    join_all(FAULTS.iter().map(|(fault, end)| die_at(step, fault, *end))).await;
}

async fn die_at(step: &str, fault: &str, end: End) {
    let payer = Payer::deaf().await;
    let ada = payer.ready_partner("ada").await;
    payer.earn(ada, 5_000, "usd").await;
    if !fault.is_empty() {
        // The pause of the faults that hang: the worker's own patience would take longer than the test.
        let strikes = json!({ "method": "POST", "path": "/v1/transfers" });
        payer.control("faults", json!([{ "match": strikes, "times": 1, "fault": fault, "delay_ms": 300 }])).await;
    }
    let batch = payer.process_now().await;
    WorkerProcess::with(&payer, &[("PURSER_FAILPOINT", step)]).aborts().await;
    go_on(&payer, batch).await;

    let items = payer.items(batch).await;
    let transfers = payer.count_transfers_at_most_one_each().await;
    let told = format!("died at {step} under `{fault}`: {transfers} transfers, {items:?}");
    match end {
        End::Posted => {
            assert_eq!((items.len(), items[0].status, transfers), (1, ItemStatus::Posted, 1), "{told}");
        }
        End::Failed(code) => {
            assert_eq!((items.len(), items[0].status, transfers), (1, ItemStatus::Failed, 0), "{told}");
            assert_eq!(items[0].error_code.as_deref(), Some(code), "{told}");
        }
        End::Replaced => {
            assert_eq!((items.len(), items[0].status, transfers), (2, ItemStatus::Failed, 1), "{told}");
            assert_eq!(items[0].error_code.as_deref(), Some("balance_insufficient"), "{told}");
            assert_eq!((items[1].status, items[1].retry_of), (ItemStatus::Posted, Some(items[0].id)), "{told}");
        }
    }
    payer.company.prove_books().await;
}

/// Works until the batch is completed; leases run out and pauses end as if time had passed.
async fn go_on(payer: &Payer, batch: BatchId) {
    for _ in 0..150 {
        let past = "update payout_items set next_attempt_at = clock_timestamp() - interval '1 second',
                lease_until = lease_until - interval '1 minute'
            where status in ('pending', 'sending', 'processing', 'unresolved')";
        payer.company.run(past.to_owned()).await;
        payer.work().await;
        match payer.batch(batch).await.status {
            BatchStatus::Completed => return,
            BatchStatus::Paused => {
                let now = payer.now().await;
                purser::pipeline::funds::look(payer.engine(), now).await.unwrap();
            }
            _ => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
    panic!("the batch is {:?} with {:?}", payer.batch(batch).await, payer.items(batch).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_dies_after_its_claim_pays_once() {
    die_at_under_each_fault("claimed").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_dies_before_its_call_pays_once() {
    die_at_under_each_fault("attempt_begun").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_dies_in_the_middle_of_its_call_pays_once() {
    die_at_under_each_fault("calling").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_dies_with_the_answer_in_hand_pays_once() {
    die_at_under_each_fault("answered").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_dies_while_it_writes_the_outcome_pays_once() {
    die_at_under_each_fault("recording").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_dies_right_after_the_outcome_is_written_pays_once() {
    die_at_under_each_fault("recorded").await;
}
