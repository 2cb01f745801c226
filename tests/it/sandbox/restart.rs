//! The state file: nothing that was answered is forgotten, however the process ends.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use purser::sandbox::{Endpoint, Options};
use serde_json::json;

use super::receiver::Receiver;
use super::support::Stand;

/// A file that is gone after the test.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("purser-sandbox-{name}-{}.journal", std::process::id()));
        let _ = std::fs::remove_file(&path);
        Self(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn kept_in(file: &Path) -> Options {
    Options { state_file: Some(file.to_owned()), seed: Some(7), ..Options::default() }
}

#[tokio::test]
async fn transfers_keys_faults_and_the_clock_survive() {
    let file = Scratch::new("survive");
    let stand = Stand::with(kept_in(&file.0)).await;
    let form = format!("amount=100&currency=usd&destination={}", stand.active_account().await);
    let transfer = stand.post_with_key("/v1/transfers", "k", &form).await.id();
    stand.control("/sandbox/advance", json!({ "hours": 5 })).await;
    stand.fault(json!({ "match": { "path": "/v1/customers" }, "fault": "429" })).await;
    // Not stopped: a second process that finds the file as a killed one leaves it.
    let again = Stand::with(kept_in(&file.0)).await;
    assert_eq!(again.post_with_key("/v1/transfers", "k", &form).await.id(), transfer);
    assert_eq!(again.summary().await[0]["transfers"], 1);
    let ahead = again.running.sandbox.now() - chrono::Utc::now();
    assert!((299..=301).contains(&ahead.num_minutes()));
    assert_eq!(again.post("/v1/customers", "").await.code(), "rate_limit");
    assert_ne!(again.post("/v1/transfers", &form).await.id(), transfer, "ids go on where they were");
}

#[tokio::test]
async fn half_a_line_at_the_end_is_dropped() {
    let file = Scratch::new("torn");
    let stand = Stand::with(kept_in(&file.0)).await;
    let customer = stand.post("/v1/customers", "email=kim@example.com").await.id();
    stand.running.stop().await.unwrap();
    std::fs::OpenOptions::new().append(true).open(&file.0).unwrap().write_all(b"[[\"customers\",\"cus_").unwrap();

    let again = Stand::with(kept_in(&file.0)).await;
    assert_eq!(again.get(&format!("/v1/customers/{customer}")).await.id(), customer);
    let second = again.post("/v1/customers", "").await.id();
    again.running.stop().await.unwrap();
    let third = Stand::with(kept_in(&file.0)).await;
    assert_eq!(third.get(&format!("/v1/customers/{second}")).await.id(), second);
}

#[tokio::test]
async fn what_was_not_delivered_is_delivered_by_the_next_process() {
    let (file, receiver) = (Scratch::new("undelivered"), Receiver::new().await);
    let nobody = Endpoint { url: "http://127.0.0.1:9/".to_owned(), secret: "whsec_x".to_owned() };
    let stand = Stand::with(Options { webhooks: vec![nobody], ..kept_in(&file.0) }).await;
    stand.post("/v1/customers", "email=kim@example.com").await.id();
    stand.running.stop().await.unwrap();

    let there = Endpoint { url: format!("{}/account", receiver.url), secret: "whsec_x".to_owned() };
    let again = Stand::with(Options { webhooks: vec![there], ..kept_in(&file.0) }).await;
    assert!(again.running.sandbox.settle(Duration::from_secs(20)).await);
    assert_eq!(receiver.kinds(), ["customer.created"]);
}

#[tokio::test]
async fn faults_from_a_file_wait_from_the_start() {
    let file = Scratch::new("faults");
    std::fs::write(&file.0, r#"[{ "match": { "path": "/v1/customers" }, "fault": "429" }]"#).unwrap();
    let stand = Stand::with(Options { faults_file: Some(file.0.clone()), ..Options::default() }).await;
    assert_eq!(stand.post("/v1/customers", "").await.code(), "rate_limit");
    std::fs::write(&file.0, "[{").unwrap();
    let options = Options { faults_file: Some(file.0.clone()), ..Options::default() };
    let refused = purser::sandbox::Sandbox::new(options).err().unwrap().to_string();
    assert!(refused.contains("faults file"), "{refused}");
}

#[tokio::test]
async fn the_clock_starts_where_it_is_told_to() {
    let start = "2026-01-15T08:00:00Z".parse().unwrap();
    let stand = Stand::with(Options { start_at: Some(start), ..Options::default() }).await;
    let now = stand.get("/sandbox/clock").await.body["now"].as_i64().unwrap();
    assert!((0..60).contains(&(now - start.timestamp())));
    let created = stand.post("/v1/customers", "").await.body["created"].as_i64().unwrap();
    assert!((0..60).contains(&(created - start.timestamp())));
}

#[tokio::test]
async fn the_same_seed_gives_the_same_ids_and_no_seed_gives_new_ones() {
    let seeded = || async {
        Stand::with(Options { seed: Some(3), ..Options::default() }).await.post("/v1/customers", "").await.id()
    };
    assert_eq!(seeded().await, seeded().await);
    let unseeded = || async { Stand::new().await.post("/v1/customers", "").await.id() };
    assert_ne!(unseeded().await, unseeded().await);
}
