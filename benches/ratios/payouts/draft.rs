//! A draft for everybody, against the plain sum of the same lines by the same database.

use std::time::Instant;

use purser::desk::payouts;

use super::processes::{self, DraftTook};
use super::rail::StandIn;
use super::{DRAFTED, EARNED, seed};
use crate::database::{Server, configuration};
use crate::figures::{mebibytes, middle};
use crate::plan::{Part, Plan};

const SUM: &str = "select enrollment_id, currency, sum(amount_minor) from commissions_ledger
    where status in ('approved', 'finalized') and payout_item_id is null group by 1, 2";

pub struct Drafted {
    sum_seconds: f64,
    rounds: Vec<DraftTook>,
}

/// Leaves [`DRAFTED`] behind, whose batch executes.
pub async fn measure(plan: &Plan, server: &Server) -> Drafted {
    let rounds = if plan.includes(Part::Draft) { plan.rounds } else { 1 };
    let mut drafted = Drafted { sum_seconds: 0.0, rounds: Vec::new() };
    let mut sums = Vec::new();
    for _ in 0..rounds {
        server.copy(EARNED, DRAFTED).await;
        sums.push(sum(server).await);
        drafted.rounds.push(processes::run_draft(server, DRAFTED).await);
        eprintln!("drafted in {:.1} s", drafted.rounds.last().unwrap().seconds);
    }
    drafted.sum_seconds = middle(sums.into_iter()).unwrap();
    release(plan, server).await;
    drafted
}

/// How long the sum takes with a warm cache, in seconds.
async fn sum(server: &Server) -> f64 {
    let engine = server.engine(DRAFTED, 1).await;
    let mut took = Vec::new();
    for _ in 0..4 {
        let began = Instant::now();
        let rows = sqlx::query(SUM).fetch_all(&engine.pool).await.unwrap();
        took.push(began.elapsed().as_secs_f64());
        assert!(!rows.is_empty());
    }
    engine.pool.close().await;
    middle(took.into_iter().skip(1)).unwrap()
}

/// Lets the batch execute; nobody works on it yet.
async fn release(plan: &Plan, server: &Server) {
    let stripe = StandIn::start(std::time::Duration::ZERO);
    let engine = server.engine_of(DRAFTED, 4, configuration(Some(&stripe.url))).await;
    let now = engine.clock.now().await;
    let items: i64 = sqlx::query_scalar("select count(*) from payout_items").fetch_one(&engine.pool).await.unwrap();
    assert_eq!(items, i64::try_from(plan.payees).unwrap(), "everybody is due");
    let started = payouts::process_now(&seed::ACTOR, &engine, now, None).await.unwrap().done;
    assert!(started.is_empty(), "nobody was left for another batch");
    let batch = sqlx::query_scalar("select id from payout_batches").fetch_one(&engine.pool).await.unwrap();
    let batch = purser::domain::ids::BatchId(batch);
    payouts::approve(&seed::ACTOR, &engine, now, batch).await.unwrap();
    payouts::execute(&seed::ACTOR, &engine, now, batch).await.unwrap();
    sqlx::raw_sql("vacuum analyze").execute(&engine.pool).await.unwrap();
    engine.pool.close().await;
}

impl Drafted {
    pub fn print(&self, plan: &Plan) {
        let seconds = middle(self.rounds.iter().map(|took| took.seconds)).unwrap_or_default();
        let peak = self.rounds.iter().filter_map(|took| took.peak_kib).max();
        println!("\n| Draft | lines | plain SQL: sum by affiliate | Purser | ratio | peak memory |");
        println!("|---|---:|---:|---:|---:|---:|");
        println!(
            "| {} affiliates | {} | {:.2} s | {seconds:.1} s | {:.1} | {} |",
            plan.payees,
            plan.payees * plan.lines_per_payee,
            self.sum_seconds,
            seconds / self.sum_seconds,
            mebibytes(peak),
        );
    }
}
