//! Workers that are killed in the middle of a call, as real processes by a real SIGKILL: whoever goes on pays each item once.

use std::process::{Child, Command, Stdio};

use purser::config::Config;
use purser::domain::batch::{BatchStatus, ItemStatus};
use purser::sandbox::SECRET_KEY;
use purser::{Engine, jobs};
use tokio::sync::watch;

use crate::harness::{Payer, eventually};

/// The process that the tests below start and kill; by itself it is no test.
#[tokio::test]
#[ignore = "a worker process that other tests start"]
async fn worker_process() {
    let config = Config::from_env().unwrap();
    let url = config.database_url.clone().expect("the test that starts it names its database");
    let engine = Engine::connect(config, url.expose()).await.unwrap();
    let (_never, stop) = watch::channel(false);
    jobs::payouts::run(engine, stop).await;
}

struct Worker(Child);

impl Worker {
    fn start(payer: &Payer) -> Self {
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "jobs::killed_worker::worker_process", "--ignored", "--nocapture"])
            .env("DATABASE_URL", payer.company.database_url())
            .env("STRIPE_SECRET_KEY", SECRET_KEY)
            .env("STRIPE_API_BASE", payer.sandbox.url())
            .env("PURSER_CLOCK", "sandbox")
            .env("PURSER_TRANSFER_RATE", "1000")
            .env("PURSER_SECRET_KEY", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        Worker(child)
    }
}

impl Drop for Worker {
    /// SIGKILL: nothing in the process gets a chance to finish.
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

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
    let worker = Worker::start(&payer);
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
        let worker = Worker::start(&payer);
        eventually("transfers", async || (payer.transfers().await.len() >= killed_at).then_some(())).await;
        drop(worker);
        let_leases_run_out(&payer).await;
    }
    let view = payer.work_until(batch, BatchStatus::Completed).await;
    assert_eq!(view.summary.posted.count, 40);
    assert_eq!(payer.count_transfers_at_most_one_each().await, ITEMS);
    payer.company.prove_books().await;
}
