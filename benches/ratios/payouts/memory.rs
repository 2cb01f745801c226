//! How much memory a worker takes for a large batch: it drafts by the program's schedule, approves, and executes as fast as it
//! may, all in one process.

use std::time::{Duration, Instant};

use super::processes::Working;
use super::rail::StandIn;
use super::{EARNED, seed};
use crate::database::Server;
use crate::figures::mebibytes;
use crate::plan::Plan;

const PAID: &str = "bench_memory";

/// As many as can be configured.
const PER_SECOND: u32 = 1_000;

/// How much of the batch is executed at least, unless it is done before.
const STRETCH: Duration = Duration::from_secs(120);
/// When nothing was paid by then, something is wrong.
const BEGIN_WITHIN: Duration = Duration::from_secs(1_800);

pub struct Remembered {
    drafted_after: Duration,
    transfers: usize,
    per_second: f64,
    peak_drafting_kib: Option<u64>,
    peak_kib: Option<u64>,
}

pub async fn measure(plan: &Plan, server: &Server) -> Remembered {
    server.copy(EARNED, PAID).await;
    let engine = server.engine(PAID, 1).await;
    // The slot of last night was not run, so it is due.
    let daily = "update programs set cadence = 'daily', auto_execute = true, schedule_from = now() - interval '25 hours' where slug = $1";
    sqlx::query(daily).bind(seed::PROGRAM).execute(&engine.pool).await.unwrap();
    engine.pool.close().await;
    let stripe = StandIn::start(Duration::ZERO);
    let began = Instant::now();
    let mut worker = Working::start(server, PAID, &stripe.url, PER_SECOND);
    while stripe.transfers() == 0 {
        worker.must_run();
        assert!(began.elapsed() < BEGIN_WITHIN, "the scheduled payouts don't begin");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let (drafted_after, peak_drafting_kib) = (began.elapsed(), worker.peak_kib());
    let executing = Instant::now();
    while executing.elapsed() < STRETCH && stripe.transfers() < plan.payees {
        worker.must_run();
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    let peak_kib = worker.peak_kib();
    worker.end().await;
    let log = stripe.log();
    assert_eq!(log.repeated, 0, "one call for each payout");
    let (transfers, per_second) = (log.asked_at.len(), log.per_second());
    Remembered { drafted_after, transfers, per_second, peak_drafting_kib, peak_kib }
}

impl Remembered {
    pub fn print(&self, plan: &Plan) {
        println!("\n| A worker's memory | begins to pay after | peak by then | paid | at | peak memory |");
        println!("|---|---:|---:|---:|---:|---:|");
        println!(
            "| {} payouts by schedule | {:.0} s | {} | {} | {:.0} /s | {} |",
            plan.payees,
            self.drafted_after.as_secs_f64(),
            mebibytes(self.peak_drafting_kib),
            self.transfers,
            self.per_second,
            mebibytes(self.peak_kib),
        );
    }
}
