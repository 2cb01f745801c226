//! The way of a sale: webhooks accepted, events processed up to a commission, referral links, the proof of the books; with few
//! lines in the books and with many.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use axum::middleware;
use purser::{Engine, http, pipeline};
use tower_http::compression::CompressionLayer;

use super::clients::{self, Answered};
use super::database::{Original, Server};
use super::event_script;
use super::figures::Measured;
use super::pgbench::{Pgbench, Script};
use super::plan::{MOST_PER_SECOND, Plan};

const FOUNDED: &str = "bench_founded";
const FEW: &str = "bench_few";
const MANY: &str = "bench_many";
const RECORDED: &str = "bench_recorded";

pub async fn run(plan: &Plan, server: &Server, pgbench: Option<&Pgbench>) {
    let bench = Bench::prepare(plan, server, pgbench).await;
    let measured = bench.measure().await;
    measured.print(plan);
}

struct Bench<'a> {
    plan: &'a Plan,
    server: &'a Server,
    pgbench: Option<&'a Pgbench>,
    original: Original,
    insert: Script,
    inbox: Script,
    verified: Vec<(usize, Duration)>,
}

impl<'a> Bench<'a> {
    async fn prepare(plan: &'a Plan, server: &'a Server, pgbench: Option<&'a Pgbench>) -> Self {
        let original = Original::found(server, FOUNDED).await;
        let engine = server.engine(FOUNDED, 2).await;
        original.add_affiliates(&engine.pool).await;
        engine.pool.close().await;
        let mut verified = Vec::new();
        let mut before = (FOUNDED, 0);
        for (name, lines) in [(FEW, plan.few), (MANY, plan.many)] {
            let began = Instant::now();
            server.copy(before.0, name).await;
            let engine = server.engine(name, 2).await;
            original.add_purchases(&engine.pool, before.1, lines).await;
            eprintln!("{lines} commission lines written in {:.0} s", began.elapsed().as_secs_f64());
            verified.push((lines, verify(&engine).await));
            engine.pool.close().await;
            before = (name, lines);
        }
        server.copy(FEW, RECORDED).await;
        let engine = server.engine(RECORDED, 1).await;
        let inbox = event_script::record(&engine, &original).await;
        engine.pool.close().await;
        let insert = Script::insert(&original);
        if let Some(file) = std::env::var_os("BENCH_SCRIPT") {
            std::fs::write(file, inbox.text()).unwrap();
        }
        Self { plan, server, pgbench, original, insert, inbox, verified }
    }

    async fn measure(&self) -> Measured {
        let mut measured =
            Measured { statements: self.inbox.statements(), verified: self.verified.clone(), ..Measured::default() };
        let mut turn = 0;
        for round in 1..=self.plan.rounds {
            eprintln!("round {round} of {}", self.plan.rounds);
            for &connections in &self.plan.connections {
                for (lines, name) in [(self.plan.few, FEW), (self.plan.many, MANY)] {
                    turn += 1;
                    let database = self.fresh(name).await;
                    let inserts = self.baseline(&database, &self.insert, connections, 2 * turn).await;
                    let accepted = self.webhooks(&database, connections, turn).await.per_second();
                    measured.accepted.add(lines, connections, inserts, accepted);
                    let replayed = self.replay(&database, connections, 2 * turn + 1).await;
                    let processed = self.process(&database, connections, turn).await;
                    measured.processed.add(lines, connections, replayed, processed);
                }
            }
            for (lines, name) in [(self.plan.few, FEW), (self.plan.many, MANY)] {
                measured.visits.entry(lines).or_default().extend(self.visits(name).await.took);
            }
        }
        measured
    }

    /// The database to measure on. The small one is taken anew each time, so that it stays small.
    async fn fresh(&self, name: &str) -> String {
        if name != FEW {
            return name.to_owned();
        }
        let copy = format!("{FEW}_copy");
        self.server.copy(FEW, &copy).await;
        copy
    }

    async fn baseline(&self, database: &str, script: &Script, connections: usize, turn: usize) -> Option<f64> {
        let options = self.server.database(database);
        match self.pgbench {
            Some(pgbench) => Some(pgbench.per_second(&options, script, connections, self.plan.time, turn).await),
            None => None,
        }
    }

    async fn webhooks(&self, database: &str, connections: usize, turn: usize) -> Answered {
        let engine = self.server.engine(database, None).await;
        let door = serve(&engine).await;
        let requests = clients::webhooks(self.enough() * 2, turn);
        let answered = clients::send(door, connections, requests, "200", self.plan.time).await;
        engine.pool.close().await;
        answered
    }

    async fn replay(&self, database: &str, connections: usize, turn: usize) -> Option<f64> {
        self.fill(database, turn).await;
        self.baseline(database, &self.inbox, connections, turn).await
    }

    async fn fill(&self, database: &str, turn: usize) {
        let engine = self.server.engine(database, 1).await;
        self.original.fill_inbox(&engine.pool, self.enough(), turn).await;
        engine.pool.close().await;
    }

    fn enough(&self) -> usize {
        MOST_PER_SECOND * usize::try_from(self.plan.time.as_secs()).unwrap()
    }

    /// Events a second, taken up to their commission by that many workers with a connection each.
    async fn process(&self, database: &str, connections: usize, turn: usize) -> f64 {
        self.fill(database, 1_000_000 + turn).await;
        let engine = self.server.engine(database, u32::try_from(connections).unwrap()).await;
        let lines = "select count(*) from commissions_ledger";
        let before: i64 = sqlx::query_scalar(lines).fetch_one(&engine.pool).await.unwrap();
        let (now, began) = (engine.clock.now().await, Instant::now());
        let until = began + self.plan.time;
        let workers = (0..connections).map(|_| {
            let engine = engine.clone();
            tokio::spawn(async move {
                while Instant::now() < until {
                    assert!(pipeline::inbox::process_next(&engine, now).await.unwrap(), "the inbox ran empty");
                }
            })
        });
        futures::future::join_all(workers).await.into_iter().for_each(Result::unwrap);
        let within = began.elapsed();
        let after: i64 = sqlx::query_scalar(lines).fetch_one(&engine.pool).await.unwrap();
        engine.pool.close().await;
        (after - before) as f64 / within.as_secs_f64()
    }

    async fn visits(&self, name: &str) -> Answered {
        let database = self.fresh(name).await;
        let engine = self.server.engine(&database, None).await;
        let door = serve(&engine).await;
        let answered = clients::send(door, 8, clients::visits(self.enough()), "302", self.plan.time).await;
        engine.pool.close().await;
        answered
    }
}

/// The doors as `purser serve` has them, on a free port.
async fn serve(engine: &Engine) -> SocketAddr {
    let router = http::webhooks::router(engine.clone())
        .merge(http::referral::router(engine.clone()))
        .layer(CompressionLayer::new())
        .layer(middleware::from_fn(http::observe));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

pub async fn verify(engine: &Engine) -> Duration {
    let began = Instant::now();
    let report = pipeline::verify::verify(&engine.pool).await.unwrap();
    assert!(report.holds(), "the books don't hold: {:?}", report.first);
    began.elapsed()
}
