//! What is kept of one payout: claimed, its attempt begun, its call made, its outcome and the postings written, in the
//! transactions that they are; against pgbench sending the same statements. The rail answers at once.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use purser::Engine;
use purser::config::Config;
use purser::pipeline::execute::{self, Claim};
use uuid::Uuid;

use super::DRAFTED;
use super::rail::StandIn;
use crate::database::{Server, configuration};
use crate::figures::Pairs;
use crate::names::{self, Names};
use crate::pgbench::{Pgbench, Script};
use crate::plan::{MOST_PER_SECOND, Plan};
use crate::recording;

const RECORDED: &str = "bench_item_recorded";
const MEASURED: &str = "bench_items";

pub struct Measured {
    statements: usize,
    pairs: Pairs,
}

pub async fn measure(plan: &Plan, server: &Server, pgbench: Option<&Pgbench>) -> Measured {
    let stripe = StandIn::start(Duration::ZERO);
    let config = without_a_limit(configuration(Some(&stripe.url)));
    server.copy(DRAFTED, RECORDED).await;
    let engine = server.engine_of(RECORDED, 1, config.clone()).await;
    let script = record(&engine).await;
    engine.pool.close().await;
    if let Some(file) = std::env::var_os("BENCH_ITEM_SCRIPT") {
        std::fs::write(file, script.text()).unwrap();
    }
    let mut measured = Measured { statements: script.statements(), pairs: Pairs::default() };
    let mut turn = 0;
    let mut left = None;
    let enough = MOST_PER_SECOND * usize::try_from(plan.time.as_secs()).unwrap() * 2;
    for _ in 0..plan.rounds {
        for &connections in &plan.connections {
            if left.is_none_or(|left| left < enough) {
                server.copy(DRAFTED, MEASURED).await;
            }
            turn += 1;
            let baseline = match pgbench {
                Some(pgbench) => {
                    let options = server.database(MEASURED);
                    Some(pgbench.per_second(&options, &script, connections, plan.time, turn).await)
                }
                None => None,
            };
            let engine = server.engine_of(MEASURED, u32::try_from(connections).unwrap(), config.clone()).await;
            measured.pairs.add(plan.payees, connections, baseline, work(&engine, connections, plan.time).await);
            left = Some(usize::try_from(pending(&engine).await).unwrap());
            engine.pool.close().await;
        }
    }
    measured
}

/// The rate is not what is measured.
fn without_a_limit(mut config: Config) -> Config {
    config.stripe.transfers_per_second = 1_000_000;
    config
}

/// Payouts a second, each claimed alone, by that many workers with a connection each.
async fn work(engine: &Engine, workers: usize, time: Duration) -> f64 {
    let before = pending(engine).await;
    let began = Instant::now();
    let workers = (0..workers).map(|_| {
        let engine = engine.clone();
        tokio::spawn(async move {
            while began.elapsed() < time {
                pay_one(&engine).await;
            }
        })
    });
    futures::future::join_all(workers).await.into_iter().for_each(Result::unwrap);
    let within = began.elapsed();
    (before - pending(engine).await) as f64 / within.as_secs_f64()
}

async fn pay_one(engine: &Engine) {
    let owner = Uuid::now_v7();
    let Claim::Items(claimed) = execute::claim_due(engine, owner, 1).await.unwrap() else {
        panic!("no payout was left")
    };
    for item in claimed {
        execute::advance(engine, engine.clock.now().await, owner, &item).await.unwrap();
    }
}

async fn pending(engine: &Engine) -> i64 {
    let pending = "select count(*) from payout_items where status = 'pending'";
    sqlx::query_scalar(pending).fetch_one(&engine.pool).await.unwrap()
}

/// What is fixed about the payout that is recorded.
#[derive(sqlx::FromRow)]
struct Next {
    id: Uuid,
    enrollment_id: Uuid,
    affiliate_id: Uuid,
    program_id: Uuid,
    batch_id: Uuid,
}

/// Pays one item over `engine`, whose pool has one connection, and writes the script of it.
async fn record(engine: &Engine) -> Script {
    let next = "select id, enrollment_id, affiliate_id, program_id, batch_id from payout_items
        where status = 'pending' order by next_attempt_at limit 1";
    let next: Next = sqlx::query_as(next).fetch_one(&engine.pool).await.unwrap();
    recording::begin(engine, &[next.enrollment_id]).await;
    pay_one(engine).await;
    let said = recording::end(engine).await;
    let transfer = "select transfer_id from payout_items where id = $1 and status = 'posted'";
    let transfer: String = sqlx::query_scalar(transfer).bind(next.id).fetch_one(&engine.pool).await.unwrap();

    let mut names = Names::default();
    names.add(next.id.to_string(), "(:id)::text");
    names.add(names::outside_form(next.id), "replace((:id)::text, '-', '')");
    names.add(next.enrollment_id.to_string(), "(:enrollment_id)::text");
    names.add(next.affiliate_id.to_string(), "(:affiliate_id)::text");
    names.add(transfer, "('tr_bench' || (:unique)::text)");
    let known = BTreeSet::from([next.id, next.enrollment_id, next.affiliate_id, next.program_id, next.batch_id]);
    let mut script = Script::new();
    let mut conn = engine.pool.acquire().await.unwrap();
    recording::add(&mut conn, &mut script, names, &known, &said).await;
    script
}

impl Measured {
    pub fn print(&self) {
        let against = format!("the same {} statements", self.statements);
        self.pairs.print_by_connections("Payouts claimed, called and recorded", &against);
    }
}
