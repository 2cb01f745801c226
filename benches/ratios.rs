//! `make bench`: how fast Purser is, told as ratios to the same PostgreSQL's own speed in the same run, so that the table
//! means the same on any machine. Makes a database of its own on the server that PURSER_TEST_DATABASE_URL names, and drops it.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a measurement that can't be made should stop here")]

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use chrono::Utc;
use purser::config::Config;
use purser::desk::{affiliates, campaigns, programs};
use purser::domain::actor::Actor;
use purser::{Engine, http, pipeline, sandbox, store};
use serde_json::json;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgPool};

const SECRET: &str = "whsec_bench";
const CLIENTS: usize = 8;
const WORKERS: usize = 4;
const STORYTELLER: Actor = Actor::System("bench");

fn main() {
    let runtime = tokio::runtime::Runtime::new().expect("no threads to run on");
    runtime.block_on(measure());
}

async fn measure() {
    let events: usize = std::env::var("BENCH_EVENTS").ok().and_then(|n| n.parse().ok()).unwrap_or(3_000);
    let server: PgConnectOptions = std::env::var("PURSER_TEST_DATABASE_URL")
        .expect("PURSER_TEST_DATABASE_URL takes postgres://user@host:port/postgres; `make bench` sets it")
        .parse()
        .expect("PURSER_TEST_DATABASE_URL is not a PostgreSQL address");
    let name = format!("bench_{}", uuid::Uuid::now_v7().simple());
    on_server(&server, format!(r#"create database "{name}""#)).await;
    let pool = PgPoolOptions::new().max_connections(16).connect_with(server.clone().database(&name)).await.unwrap();
    store::migrate(&pool).await.unwrap();

    let engine = Engine::new(configuration(), pool.clone());
    let address = serve(&engine).await;
    found(&engine).await;
    let bodies: Arc<Vec<String>> = Arc::new((0..events).map(event).collect());

    let inserts = one_row_inserts(&pool, &bodies).await;
    let accepted = webhooks(&address, &bodies).await;
    let processed = inbox(&engine, events).await;
    let (median, p99) = referral_links(&address, events).await;
    let (lines, verified) = verify(&engine).await;

    println!("| what | figure | to one-row inserts |");
    println!("|---|---:|---:|");
    println!("| one-row inserts, {CLIENTS} connections | {inserts:.0} /s | 1.00 |");
    println!("| webhooks accepted over HTTP, {CLIENTS} connections | {accepted:.0} /s | {:.2} |", accepted / inserts);
    println!(
        "| events processed to a commission, {WORKERS} workers | {processed:.0} /s | {:.2} |",
        processed / inserts
    );
    println!("| referral link, median | {:.2} ms | |", median.as_secs_f64() * 1e3);
    println!("| referral link, 99th percentile | {:.2} ms | |", p99.as_secs_f64() * 1e3);
    println!(
        "| verify, {lines} lines | {:.2} s | {:.2} |",
        verified.as_secs_f64(),
        lines as f64 / verified.as_secs_f64() / inserts
    );

    pool.close().await;
    on_server(&server, format!(r#"drop database "{name}" with (force)"#)).await;
}

async fn on_server(server: &PgConnectOptions, statement: String) {
    let mut connection = server.connect().await.expect("PURSER_TEST_DATABASE_URL names no running server");
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

fn configuration() -> Config {
    let value = |name: &str| match name {
        "STRIPE_WEBHOOK_SECRETS" => Some(SECRET.to_owned()),
        "PURSER_SECRET_KEY" => Some("YmVuY2gtYmVuY2gtYmVuY2gtYmVuY2gtYmVuY2gtYmU=".to_owned()),
        _ => None,
    };
    Config::read(&value).unwrap()
}

async fn serve(engine: &Engine) -> String {
    let router =
        axum::Router::new().merge(http::webhooks::router(engine.clone())).merge(http::referral::router(engine.clone()));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

/// One program in which every sale earns.
async fn found(engine: &Engine) {
    let now = engine.clock.now().await;
    let program = json!({ "name": "Bench", "slug": "bench", "currency": "usd", "site_url": "https://shop.example/" });
    programs::create(engine, &STORYTELLER, now, serde_json::from_value(program).unwrap()).await.unwrap();
    let campaign = json!({ "program": "bench", "name": "Bench", "rule": { "type": "percent", "rate": "20" } });
    campaigns::create(engine, &STORYTELLER, now, serde_json::from_value(campaign).unwrap()).await.unwrap();
    for n in 0..20 {
        let affiliate = json!({
            "email": format!("partner{n}@example.com"),
            "name": format!("Partner {n}"),
            "enrollments": [{ "program": "bench", "code": format!("partner{n}") }],
            "send_invitation": false,
        });
        affiliates::create(engine, &STORYTELLER, now, serde_json::from_value(affiliate).unwrap()).await.unwrap();
    }
}

fn event(n: usize) -> String {
    let session = json!({
        "id": format!("cs_bench_{n}"), "object": "checkout.session", "mode": "payment", "status": "complete",
        "payment_status": "paid", "amount_total": 4900, "currency": "usd", "client_reference_id": format!("partner{}", n % 20),
        "customer": format!("cus_bench_{n}"), "customer_details": { "email": format!("customer{n}@example.org") },
        "payment_intent": format!("pi_bench_{n}"), "total_details": { "amount_tax": 0, "amount_shipping": 0, "amount_discount": 0 },
        "livemode": false, "metadata": {}, "created": Utc::now().timestamp(),
    });
    json!({
        "id": format!("evt_bench_{n}"), "object": "event", "type": "checkout.session.completed", "created": Utc::now().timestamp(),
        "livemode": false, "api_version": "2025-09-30.clover", "data": { "object": session },
    })
    .to_string()
}

/// Does `work(0)` to `work(count - 1)`, `CLIENTS` at a time; returns how long each took.
async fn all<F, Fut>(count: usize, work: F) -> (Duration, Vec<Duration>)
where
    F: Fn(usize) -> Fut + Clone + Send + 'static,
    Fut: Future<Output = ()> + Send,
{
    let (next, began) = (Arc::new(AtomicUsize::new(0)), Instant::now());
    let clients = (0..CLIENTS).map(|_| {
        let (next, work) = (next.clone(), work.clone());
        tokio::spawn(async move {
            let mut took = Vec::new();
            loop {
                let n = next.fetch_add(1, Ordering::Relaxed);
                if n >= count {
                    return took;
                }
                let began = Instant::now();
                work(n).await;
                took.push(began.elapsed());
            }
        })
    });
    let took = futures::future::join_all(clients).await;
    (began.elapsed(), took.into_iter().flat_map(Result::unwrap).collect())
}

fn per_second(count: usize, within: Duration) -> f64 {
    count as f64 / within.as_secs_f64()
}

/// What the database does at best: the same bytes, one row a transaction.
async fn one_row_inserts(pool: &PgPool, bodies: &Arc<Vec<String>>) -> f64 {
    sqlx::raw_sql("create table bench_rows (id bigint primary key, body text not null)").execute(pool).await.unwrap();
    let (pool, bodies, count) = (pool.clone(), bodies.clone(), bodies.len());
    let (within, _) = all(count, move |n| {
        let (pool, bodies) = (pool.clone(), bodies.clone());
        async move {
            let insert = sqlx::query("insert into bench_rows (id, body) values ($1, $2)");
            insert.bind(i64::try_from(n).unwrap()).bind(&bodies[n]).execute(&pool).await.unwrap();
        }
    })
    .await;
    per_second(count, within)
}

async fn webhooks(address: &str, bodies: &Arc<Vec<String>>) -> f64 {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let (door, bodies, count) = (format!("{address}/webhooks/stripe"), bodies.clone(), bodies.len());
    let (within, _) = all(count, move |n| {
        let (client, door, bodies) = (client.clone(), door.clone(), bodies.clone());
        async move {
            let signature = sandbox::signature(SECRET, Utc::now().timestamp(), bodies[n].as_bytes());
            let request = client.post(&door).header("stripe-signature", signature).body(bodies[n].clone());
            assert_eq!(request.send().await.unwrap().status().as_u16(), 200);
        }
    })
    .await;
    per_second(count, within)
}

async fn inbox(engine: &Engine, count: usize) -> f64 {
    let (now, began) = (engine.clock.now().await, Instant::now());
    let workers = (0..WORKERS).map(|_| {
        let engine = engine.clone();
        tokio::spawn(async move { while pipeline::inbox::process_next(&engine, now).await.unwrap() {} })
    });
    futures::future::join_all(workers).await.into_iter().for_each(Result::unwrap);
    per_second(count, began.elapsed())
}

async fn referral_links(address: &str, count: usize) -> (Duration, Duration) {
    let client = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let link = format!("{address}/r/partner3");
    let (_, mut took) = all(count, move |_| {
        let (client, link) = (client.clone(), link.clone());
        async move {
            assert_eq!(client.get(&link).send().await.unwrap().status().as_u16(), 302);
        }
    })
    .await;
    took.sort();
    (took[took.len() / 2], took[took.len() * 99 / 100])
}

async fn verify(engine: &Engine) -> (i64, Duration) {
    let lines = sqlx::query_scalar("select count(*) from commissions_ledger").fetch_one(&engine.pool).await.unwrap();
    let began = Instant::now();
    let report = pipeline::verify::verify(&engine.pool).await.unwrap();
    assert!(report.holds(), "the books don't hold: {:?}", report.first);
    (lines, began.elapsed())
}
