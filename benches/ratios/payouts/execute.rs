//! Whether a worker reaches the configured rate of transfers although each answer takes its time: counted by whoever receives
//! them, from the first to the last.

use std::time::Duration;

use purser::desk::payouts;

use super::processes::Working;
use super::rail::{Log, StandIn};
use super::seed;
use crate::database::{Server, configuration};
use crate::figures::mebibytes;
use crate::plan::Plan;

const SEEDED: &str = "bench_rate";
const PAID: &str = "bench_rate_paid";

const PER_SECOND: u32 = 100;
const LATENCIES: [Duration; 2] = [Duration::from_millis(300), Duration::from_millis(500)];

pub async fn measure(plan: &Plan, server: &Server) {
    let payees = usize::try_from(PER_SECOND).unwrap() * usize::try_from(plan.rate_time.as_secs()).unwrap();
    seed::seed(server, SEEDED, payees, plan.lines_per_payee).await;
    println!(
        "\n| Execution at {PER_SECOND} /s, answers after | transfers | first to last | achieved | of the rate | peak memory |"
    );
    println!("|---|---:|---:|---:|---:|---:|");
    for latency in LATENCIES {
        let (log, peak) = pay(server, latency, payees).await;
        println!(
            "| {} ms | {} | {:.1} s | {:.1} /s | {:.3} | {} |",
            latency.as_millis(),
            log.asked_at.len(),
            log.within().as_secs_f64(),
            log.per_second(),
            log.per_second() / f64::from(PER_SECOND),
            mebibytes(peak),
        );
    }
}

/// Pays everybody, and gives what the rail saw and how much memory the worker took, in KiB.
async fn pay(server: &Server, latency: Duration, payees: usize) -> (Log, Option<u64>) {
    server.copy(SEEDED, PAID).await;
    let stripe = StandIn::start(latency);
    let engine = server.engine_of(PAID, 2, configuration(Some(&stripe.url))).await;
    let now = engine.clock.now().await;
    let batches = payouts::process_now(&seed::ACTOR, &engine, now, None).await.unwrap().done;
    let [batch] = &batches[..] else { panic!("one batch pays everybody") };
    let mut worker = Working::start(server, PAID, &stripe.url, PER_SECOND);
    loop {
        tokio::time::sleep(Duration::from_millis(500)).await;
        worker.must_run();
        let view = payouts::get(&seed::ACTOR, &engine, batch.id).await.unwrap();
        if view.completed_at.is_some() {
            assert_eq!(usize::try_from(view.summary.posted.count), Ok(payees), "everybody was paid");
            break;
        }
    }
    let peak = worker.peak_kib();
    worker.end().await;
    engine.pool.close().await;
    let log = stripe.log();
    assert_eq!((log.asked_at.len(), log.repeated), (payees, 0), "one call for each payout");
    (log, peak)
}
