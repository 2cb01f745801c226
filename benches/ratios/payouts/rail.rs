//! Who stands in for Stripe where only its latency matters: makes a transfer for each key, once, after the time that it is told
//! to take, and keeps when each was asked for. It runs on a thread of its own, so that the bench's other work doesn't slow it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use axum::{Form, Json, Router};
use serde_json::{Value, json};

/// More than all payees together are paid.
const FUNDS_MINOR: i64 = 1_000_000_000_000;

/// Every transfer that was asked for.
#[derive(Debug, Clone, Default)]
pub struct Log {
    /// When each was asked for first.
    pub asked_at: Vec<Instant>,
    /// Calls that came with a key that was known.
    pub repeated: usize,
}

impl Log {
    /// Transfers a second, from the first to the last.
    pub fn per_second(&self) -> f64 {
        let within = self.within().as_secs_f64();
        if within > 0.0 { (self.asked_at.len() - 1) as f64 / within } else { 0.0 }
    }

    pub fn within(&self) -> Duration {
        let ends = self.asked_at.first().zip(self.asked_at.last());
        ends.map_or(Duration::ZERO, |(first, last)| last.duration_since(*first))
    }
}

#[derive(Debug, Default)]
struct Kept {
    log: Log,
    /// The transfers' ids by the keys of their calls.
    ids: HashMap<String, String>,
}

#[derive(Debug, Clone)]
struct Shared {
    latency: Duration,
    kept: Arc<Mutex<Kept>>,
}

pub struct StandIn {
    pub url: String,
    shared: Shared,
}

impl StandIn {
    /// Answers every call for a transfer after `latency`.
    pub fn start(latency: Duration) -> Self {
        let shared = Shared { latency, kept: Arc::default() };
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new()
            .route("/v1/transfers", post(make_transfer))
            .route("/v1/balance", get(balance))
            .with_state(shared.clone());
        // It ends with the bench.
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                axum::serve(listener, router).await.unwrap();
            });
        });
        Self { url, shared }
    }

    pub fn log(&self) -> Log {
        self.shared.kept.lock().unwrap().log.clone()
    }

    pub fn transfers(&self) -> usize {
        self.shared.kept.lock().unwrap().log.asked_at.len()
    }
}

async fn make_transfer(
    State(shared): State<Shared>,
    headers: HeaderMap,
    Form(form): Form<HashMap<String, String>>,
) -> (StatusCode, Json<Value>) {
    let Some(key) = headers.get("idempotency-key").and_then(|key| key.to_str().ok()) else {
        return (StatusCode::BAD_REQUEST, Json(json!({ "error": { "type": "invalid_request_error" } })));
    };
    let id = shared.kept.lock().unwrap().transfer(key);
    tokio::time::sleep(shared.latency).await;
    let text = |name: &str| form.get(name).cloned();
    let amount: Option<i64> = text("amount").and_then(|amount| amount.parse().ok());
    let transfer = json!({
        "id": id, "object": "transfer", "amount": amount, "amount_reversed": 0, "reversed": false,
        "currency": text("currency"), "destination": text("destination"), "transfer_group": text("transfer_group"),
        "metadata": { "payout_item_id": text("metadata[payout_item_id]") }, "livemode": false,
    });
    (StatusCode::OK, Json(transfer))
}

impl Kept {
    fn transfer(&mut self, key: &str) -> String {
        if let Some(id) = self.ids.get(key) {
            self.log.repeated += 1;
            return id.clone();
        }
        self.log.asked_at.push(Instant::now());
        let id = format!("tr_bench{:012}", self.ids.len());
        self.ids.insert(key.to_owned(), id.clone());
        id
    }
}

async fn balance() -> Json<Value> {
    let part = json!({ "amount": FUNDS_MINOR, "currency": "usd" });
    Json(json!({ "object": "balance", "available": [part], "pending": [], "livemode": false }))
}
