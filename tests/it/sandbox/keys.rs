//! Idempotency keys and strictness: what Stripe refuses, the sandbox refuses.

use reqwest::StatusCode;
use serde_json::json;

use super::support::{Stand, read};

#[tokio::test]
async fn the_first_answer_is_given_again_and_nothing_happens_twice() {
    let stand = Stand::new().await;
    let form = format!("amount=100&currency=usd&destination={}", stand.active_account().await);
    let first = stand.post_with_key("/v1/transfers", "k", &form).await;
    let second = stand.post_with_key("/v1/transfers", "k", &form).await;
    assert_eq!((first.replayed, second.replayed), (false, true));
    assert_eq!(first.body, second.body);
    assert_eq!(stand.summary().await[0]["transfers"], 1);
}

#[tokio::test]
async fn other_parameters_under_the_same_key_are_an_error() {
    let stand = Stand::new().await;
    let account = stand.active_account().await;
    stand.post_with_key("/v1/transfers", "k", &format!("amount=100&currency=usd&destination={account}")).await.id();
    let other =
        stand.post_with_key("/v1/transfers", "k", &format!("amount=101&currency=usd&destination={account}")).await;
    assert_eq!((other.status, &other.body["error"]["type"]), (StatusCode::BAD_REQUEST, &json!("idempotency_error")));
    assert!(other.body["error"]["code"].is_null());
}

#[tokio::test]
async fn a_refusal_found_while_executing_is_kept_and_one_found_before_is_not() {
    let stand = Stand::new().await;
    let account = stand.active_account().await;
    stand.control("/sandbox/balance", json!({ "currency": "usd", "available": 0 })).await;
    let form = format!("amount=100&currency=usd&destination={account}");
    assert_eq!(stand.post_with_key("/v1/transfers", "short", &form).await.code(), "balance_insufficient");
    assert_eq!(stand.post_with_key("/v1/transfers", "wrong", "amount=x").await.status, StatusCode::BAD_REQUEST);

    stand.control("/sandbox/balance", json!({ "currency": "usd", "available": 1000 })).await;
    let kept = stand.post_with_key("/v1/transfers", "short", &form).await;
    assert_eq!((kept.code(), kept.replayed), ("balance_insufficient", true));
    stand.post_with_key("/v1/transfers", "wrong", &form).await.id();
}

#[tokio::test]
async fn a_second_call_while_the_first_is_under_way_is_a_conflict() {
    let stand = Stand::new().await;
    let form = format!("amount=100&currency=usd&destination={}", stand.active_account().await);
    stand.fault(json!({ "match": { "path": "/v1/transfers" }, "fault": "slow", "delay_ms": 400 })).await;
    let first = tokio::spawn(stand.posting("/v1/transfers", Some("k"), &form).send());
    let conflict = loop {
        let waiting = stand.get("/sandbox/faults").await.body;
        if waiting["data"].as_array().unwrap().is_empty() {
            break stand.post_with_key("/v1/transfers", "k", &form).await;
        }
    };
    assert_eq!((conflict.status, conflict.code()), (StatusCode::CONFLICT, "idempotency_key_in_use"));
    let first = read(first.await.unwrap().unwrap()).await.id();
    assert_eq!(stand.post_with_key("/v1/transfers", "k", &form).await.id(), first);
}

#[tokio::test]
async fn a_key_is_forgotten_after_a_day_of_the_sandbox() {
    let stand = Stand::new().await;
    let form = format!("amount=100&currency=usd&destination={}", stand.active_account().await);
    let first = stand.post_with_key("/v1/transfers", "k", &form).await.id();
    stand.control("/sandbox/advance", json!({ "hours": 23 })).await;
    assert_eq!(stand.post_with_key("/v1/transfers", "k", &form).await.id(), first);
    stand.control("/sandbox/advance", json!({ "hours": 2 })).await;
    assert_ne!(stand.post_with_key("/v1/transfers", "k", &form).await.id(), first);
}

#[tokio::test]
async fn a_missing_or_wrong_secret_key_is_refused() {
    let stand = Stand::new().await;
    let url = format!("{}/v1/balance", stand.running.url());
    for request in [stand.client.get(&url), stand.client.get(&url).bearer_auth("sk_test_other")] {
        let answer = read(request.send().await.unwrap()).await;
        assert_eq!(
            (answer.status, &answer.body["error"]["type"]),
            (StatusCode::UNAUTHORIZED, &json!("invalid_request_error"))
        );
    }
    let basic = stand.client.get(&url).basic_auth(purser::sandbox::SECRET_KEY, None::<&str>);
    assert_eq!(basic.send().await.unwrap().status(), StatusCode::OK);
}

#[tokio::test]
async fn what_stripe_does_not_know_is_refused_by_name() {
    let stand = Stand::new().await;
    let account = stand.active_account().await;
    for (form, code, param) in [
        (format!("amount=5&currency=usd&destination={account}&memo=x"), "parameter_unknown", "memo"),
        (format!("amount=5&destination={account}"), "parameter_missing", "currency"),
        (format!("amount=5.5&currency=usd&destination={account}"), "parameter_invalid_integer", "amount"),
        (format!("amount=0&currency=usd&destination={account}"), "parameter_invalid_integer", "amount"),
        (format!("amount=5&currency=zzz&destination={account}"), "", "currency"),
    ] {
        let answer = stand.post("/v1/transfers", &form).await;
        assert_eq!((answer.status, answer.code()), (StatusCode::BAD_REQUEST, code), "{form}");
        assert_eq!(answer.body["error"]["param"], param, "{form}");
    }
    assert_eq!(stand.get("/v1/transfers/tr_none").await.status, StatusCode::NOT_FOUND);
    assert_eq!(stand.get("/v1/nonsense").await.status, StatusCode::NOT_FOUND);
    assert_eq!(stand.get("/v1/transfers?limit=1000").await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn the_log_tells_each_call_and_what_was_done() {
    let stand = Stand::new().await;
    let form = format!("amount=100&currency=usd&destination={}", stand.active_account().await);
    for _ in 0..2 {
        stand.post_with_key("/v1/transfers", "k", &form).await.id();
    }
    let log = stand.get("/sandbox/log").await.body["data"].clone();
    let calls: Vec<_> = log.as_array().unwrap().iter().filter(|call| call["path"] == "/v1/transfers").collect();
    let done: Vec<&str> = calls.iter().map(|call| call["done"].as_str().unwrap()).collect();
    assert_eq!(done, ["executed", "replayed"]);
    assert_eq!((&calls[0]["idempotency_key"], &calls[0]["params"]["amount"]), (&json!("k"), &json!("100")));
}
