//! `make bench`: how fast Purser is, told as ratios to the same PostgreSQL's own speed (pgbench, plain SQL) in the same run, so
//! that the tables mean the same on any machine. Needs a server of its own with the durability of production, which
//! `scripts/bench` starts; measurement and baseline take turns, so that a busy machine slows both.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a measurement that can't be made should stop here")]

mod clients;
mod copies;
mod database;
mod event_script;
mod figures;
mod intake;
mod names;
mod payouts;
mod pgbench;
mod plan;
mod recording;

use database::Server;
use payouts::processes;
use pgbench::Pgbench;
use plan::{Part, Plan};

fn main() {
    let runtime = tokio::runtime::Runtime::new().expect("no threads to run on");
    // What is measured as a process of its own is this program too, started by itself.
    match std::env::args().nth(1).as_deref() {
        Some(processes::WORK) => runtime.block_on(processes::work()),
        Some(processes::DRAFT) => runtime.block_on(processes::draft()),
        _ => runtime.block_on(bench()),
    }
}

async fn bench() {
    let plan = Plan::of_environment();
    let server = Server::at(&std::env::var("PURSER_BENCH_DATABASE_URL").expect(
        "PURSER_BENCH_DATABASE_URL names a PostgreSQL that the bench has to itself; `make bench` starts one and sets it",
    ));
    let pgbench = Pgbench::find();
    if pgbench.is_none() {
        eprintln!(
            "pgbench is missing, so there is nothing to compare with: install PostgreSQL's server package (Debian, Ubuntu: apt install postgresql)"
        );
    }
    if plan.includes(Part::Intake) {
        intake::run(&plan, &server, pgbench.as_ref()).await;
    }
    payouts::run(&plan, &server, pgbench.as_ref()).await;
}
