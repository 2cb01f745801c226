//! Workers that are killed in the middle of a call, as real processes by a real SIGKILL: whoever goes on pays each item once.

use std::time::Instant;

use purser::domain::batch::{BatchStatus, ItemStatus};

use crate::harness::{Payer, WorkerProcess, eventually};

/// The killed worker's leases run out.
async fn let_leases_run_out(payer: &Payer) {
    let expire =
        "update payout_items set lease_until = clock_timestamp() - interval '1 second' where lease_until is not null";
    payer.company.run(expire.to_owned()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_killed_between_the_call_and_its_record_pays_once() {
    let payer = Payer::deaf().await;
    let ada = payer.ready_partner("ada").await;
    payer.earn(ada, 5_000, "usd").await;
    payer.fault("timeout_after", 1).await;
    let batch = payer.process_now().await;
    let worker = WorkerProcess::start(&payer);
    eventually("the transfer", async || (!payer.transfers().await.is_empty()).then_some(())).await;
    drop(worker);
    assert_eq!(payer.items(batch).await[0].status, ItemStatus::Sending);
    assert_eq!(payer.company.count("transfer_attempts where finished_at is null").await, 1);
    payer.work().await;
    assert_eq!(payer.items(batch).await[0].status, ItemStatus::Sending, "the lease is respected");
    let_leases_run_out(&payer).await;
    payer.work_until(batch, BatchStatus::Completed).await;
    assert_eq!(payer.items(batch).await[0].status, ItemStatus::Posted);
    assert_eq!(payer.count_transfers_at_most_one_each().await, 1);
    payer.company.prove_books().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_survives_workers_that_are_killed_again_and_again() {
    const ITEMS: usize = 40;
    let payer = Payer::deaf().await;
    for n in 0..ITEMS {
        let partner = payer.ready_partner(&format!("partner{n}")).await;
        payer.earn(partner, 2_000, "usd").await;
    }
    let batch = payer.process_now().await;
    for killed_at in [3, 11, 19, 27, 35] {
        let worker = WorkerProcess::start(&payer);
        eventually("transfers", async || (payer.transfers().await.len() >= killed_at).then_some(())).await;
        drop(worker);
        let_leases_run_out(&payer).await;
    }
    let view = payer.work_until(batch, BatchStatus::Completed).await;
    assert_eq!(view.summary.posted.count, 40);
    assert_eq!(payer.count_transfers_at_most_one_each().await, ITEMS);
    payer.company.prove_books().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_worker_had_in_hand_is_taken_over_when_its_lease_runs_out() {
    let payer = Payer::deaf().await;
    let ada = payer.ready_partner("ada").await;
    payer.earn(ada, 5_000, "usd").await;
    payer.fault("timeout_after", 1).await;
    let batch = payer.process_now().await;
    let short = [("PURSER_STRIPE_TIMEOUT_SECONDS", "1"), ("PURSER_PAYOUT_LEASE_SECONDS", "3")];
    let worker = WorkerProcess::with(&payer, &short);
    eventually("the transfer", async || (!payer.transfers().await.is_empty()).then_some(())).await;
    drop(worker);
    let killed = Instant::now();
    let _other = WorkerProcess::with(&payer, &short);
    eventually("the batch is done", async || (payer.batch(batch).await.status == BatchStatus::Completed).then_some(()))
        .await;
    // The lease, and a few seconds for the process to start, to look and to complete the batch.
    assert!(killed.elapsed().as_secs() < 8, "{:?}", killed.elapsed());
    assert_eq!(payer.items(batch).await[0].status, ItemStatus::Posted);
    assert_eq!(payer.count_transfers_at_most_one_each().await, 1);
}
