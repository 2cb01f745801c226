//! Each fault, as a client sees it, and what it did behind the client's back.

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::{Value, json};

use super::support::{Answer, Stand};

struct Call {
    stand: Stand,
    form: String,
}

impl Call {
    /// A transfer to come, with this fault waiting for it.
    async fn with(fault: Value) -> Self {
        let stand = Stand::new().await;
        let account = stand.active_account().await;
        let mut order = json!({ "match": { "method": "POST", "path": "/v1/transfers" }, "times": 1 });
        for (name, value) in fault.as_object().unwrap() {
            order[name] = value.clone();
        }
        stand.fault(order).await;
        Self { stand, form: format!("amount=100&currency=usd&destination={account}") }
    }

    async fn send(&self) -> Answer {
        self.stand.post_with_key("/v1/transfers", "k", &self.form).await
    }

    async fn send_into_the_void(&self, patience: Duration) -> reqwest::Error {
        let sent = self.stand.posting("/v1/transfers", Some("k"), &self.form).timeout(patience).send().await;
        sent.expect_err("no answer comes back")
    }

    async fn transfers(&self) -> usize {
        self.stand.get("/v1/transfers").await.body["data"].as_array().unwrap().len()
    }
}

const SHORT: Duration = Duration::from_millis(300);
const LONG: Duration = Duration::from_secs(20);

#[tokio::test]
async fn timeout_before_executes_nothing() {
    let call = Call::with(json!({ "fault": "timeout_before" })).await;
    assert!(call.send_into_the_void(SHORT).await.is_timeout());
    assert_eq!(call.transfers().await, 0);
    assert!(!call.send().await.replayed);
    assert_eq!(call.transfers().await, 1);
}

#[tokio::test]
async fn timeout_after_has_executed_and_the_key_finds_it() {
    let call = Call::with(json!({ "fault": "timeout_after" })).await;
    assert!(call.send_into_the_void(SHORT).await.is_timeout());
    assert_eq!(call.transfers().await, 1);
    assert!(call.send().await.replayed);
    assert_eq!(call.transfers().await, 1);
}

#[tokio::test]
async fn a_hanging_call_is_cut_when_its_time_is_over() {
    let call = Call::with(json!({ "fault": "timeout_before", "delay_ms": 50 })).await;
    let error = call.send_into_the_void(LONG).await;
    assert!(!error.is_timeout() && error.status().is_none(), "{error:?}");
}

#[tokio::test]
async fn reset_after_breaks_the_connection_of_an_executed_call() {
    let call = Call::with(json!({ "fault": "reset_after" })).await;
    let error = call.send_into_the_void(LONG).await;
    assert!(!error.is_timeout() && error.status().is_none(), "{error:?}");
    assert_eq!(call.transfers().await, 1);
    assert!(call.send().await.replayed);
}

#[tokio::test]
async fn refusals_for_now_execute_and_keep_nothing() {
    for (fault, status, code) in
        [("429", 429, "rate_limit"), ("409", 409, "idempotency_key_in_use"), ("html_502", 502, "")]
    {
        let call = Call::with(json!({ "fault": fault })).await;
        let answer = call.send().await;
        assert_eq!((answer.status.as_u16(), answer.code()), (status, code));
        assert_eq!(answer.body.is_string(), fault == "html_502", "a proxy answers in HTML");
        assert_eq!(call.transfers().await, 0, "{fault}");
        let again = call.send().await;
        assert_eq!((again.status, again.replayed), (StatusCode::OK, false), "{fault}");
    }
}

#[tokio::test]
async fn a_500_is_kept_under_the_key_whether_it_executed_or_not() {
    for (fault, transfers) in [("500", 0), ("500_after", 1)] {
        let call = Call::with(json!({ "fault": fault })).await;
        assert_eq!(call.send().await.status, StatusCode::INTERNAL_SERVER_ERROR);
        let again = call.send().await;
        assert_eq!((again.status, again.replayed), (StatusCode::INTERNAL_SERVER_ERROR, true), "{fault}");
        assert_eq!(call.transfers().await, transfers, "{fault}");
    }
}

#[tokio::test]
async fn a_garbled_200_has_executed_and_the_key_has_the_whole_answer() {
    let call = Call::with(json!({ "fault": "garbled_200" })).await;
    let garbled = call.send().await;
    assert_eq!(garbled.status, StatusCode::OK);
    assert!(garbled.body.is_string(), "half of the JSON cannot be read");
    let again = call.send().await;
    assert!(again.replayed && again.body["object"] == "transfer");
    assert_eq!(call.transfers().await, 1);
}

#[tokio::test]
async fn definite_refusals_are_given_on_request() {
    for (fault, code) in
        [("balance_insufficient", "balance_insufficient"), ("account_disabled", "transfers_not_allowed")]
    {
        let call = Call::with(json!({ "fault": fault })).await;
        let answer = call.send().await;
        assert_eq!((answer.status, answer.code()), (StatusCode::BAD_REQUEST, code));
        assert!(call.send().await.replayed);
        assert_eq!(call.transfers().await, 0);
    }
}

#[tokio::test]
async fn a_fault_strikes_as_often_as_asked_and_only_what_it_matches() {
    let stand = Stand::new().await;
    let (hit, spared) = (stand.active_account().await, stand.active_account().await);
    stand.fault(json!({ "match": { "path": "/v1/trans*", "account": hit }, "times": 2, "fault": "429" })).await;
    let pay = async |account: &str| {
        stand.post("/v1/transfers", &format!("amount=1&currency=usd&destination={account}")).await.status.as_u16()
    };
    let answers = [pay(&spared).await, pay(&hit).await, pay(&hit).await, pay(&hit).await];
    assert_eq!(answers, [200, 429, 429, 200]);
}

#[tokio::test]
async fn a_fault_that_nobody_knows_is_refused() {
    let stand = Stand::new().await;
    let answer = stand.try_control("/sandbox/faults", json!([{ "match": {}, "fault": "gremlin" }])).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn stopping_does_not_wait_for_hanging_calls() {
    let call = Call::with(json!({ "fault": "timeout_before" })).await;
    let hanging = tokio::spawn(call.stand.posting("/v1/transfers", Some("k"), &call.form).send());
    while !call.stand.get("/sandbox/faults").await.body["data"].as_array().unwrap().is_empty() {}
    tokio::time::timeout(Duration::from_secs(5), call.stand.running.stop()).await.unwrap().unwrap();
    let cut = hanging.await.unwrap();
    assert!(cut.is_err());
}
