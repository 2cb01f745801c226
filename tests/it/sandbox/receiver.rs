//! A webhook endpoint that keeps what it was sent and can be told to refuse.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use serde_json::Value;

#[derive(Clone)]
pub struct Received {
    pub path: String,
    pub signature: String,
    pub body: Bytes,
}

impl Received {
    pub fn event(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

#[derive(Clone, Default)]
struct Shared {
    received: Arc<Mutex<Vec<Received>>>,
    refusals: Arc<Mutex<usize>>,
}

pub struct Receiver {
    pub url: String,
    shared: Shared,
}

async fn take(State(shared): State<Shared>, path: axum::http::Uri, headers: HeaderMap, body: Bytes) -> StatusCode {
    let signature = headers["stripe-signature"].to_str().unwrap().to_owned();
    shared.received.lock().unwrap().push(Received { path: path.path().to_owned(), signature, body });
    let mut refusals = shared.refusals.lock().unwrap();
    if *refusals > 0 {
        *refusals -= 1;
        return StatusCode::SERVICE_UNAVAILABLE;
    }
    StatusCode::OK
}

impl Receiver {
    pub async fn new() -> Self {
        let shared = Shared::default();
        let router =
            Router::new().route("/account", post(take)).route("/connect", post(take)).with_state(shared.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, shared }
    }

    /// Answers 503 to this many deliveries.
    pub fn refuse(&self, times: usize) {
        *self.shared.refusals.lock().unwrap() = times;
    }

    pub fn all(&self) -> Vec<Received> {
        self.shared.received.lock().unwrap().clone()
    }

    pub fn events(&self) -> Vec<Value> {
        self.all().iter().map(Received::event).collect()
    }

    pub fn kinds(&self) -> Vec<String> {
        self.events().iter().map(|event| event["type"].as_str().unwrap().to_owned()).collect()
    }
}
