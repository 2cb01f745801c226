//! `Idempotency-Key`: one effect and one answer for a request that is sent again.

use purser::domain::actor::Scope;
use reqwest::Method;
use serde_json::{Value, json};

use super::{Answer, Caller, answer};
use crate::harness::Company;

fn program(slug: &str) -> Value {
    json!({ "name": "Winter", "slug": slug, "currency": "usd", "site_url": "https://shop.example.com" })
}

async fn post(caller: &Caller<'_>, key: &str, body: &Value) -> Answer {
    answer(caller.request(Method::POST, "/programs").header("Idempotency-Key", key).body(body.to_string())).await
}

#[tokio::test]
async fn the_same_request_again_is_answered_the_same_and_done_once() {
    let company = Company::new().await;
    let caller = company.api(Scope::Write).await;
    let first = post(&caller, "k1", &program("winter")).await.ok();
    let again = caller.request(Method::POST, "/programs").header("Idempotency-Key", "k1");
    let again = again.body(program("winter").to_string()).send().await.unwrap();
    assert_eq!(again.headers()["idempotent-replayed"], "true");
    assert_eq!(again.headers()["content-type"], "application/json");
    assert_eq!(again.json::<Value>().await.unwrap(), first);
    assert_eq!(company.count("programs where slug = 'winter'").await, 1);
}

#[tokio::test]
async fn another_request_with_the_key_is_refused() {
    let company = Company::new().await;
    let caller = company.api(Scope::Write).await;
    post(&caller, "k1", &program("winter")).await.ok();
    post(&caller, "k1", &program("summer")).await.refused(409, "idempotency_key_reused", None);
    assert_eq!(company.count("programs where slug = 'summer'").await, 0);
    let other_route = caller.request(Method::POST, "/leads").header("Idempotency-Key", "k1");
    answer(other_route.body(program("winter").to_string())).await.refused(409, "idempotency_key_reused", None);
}

#[tokio::test]
async fn a_refused_request_can_be_corrected_under_its_key() {
    let company = Company::new().await;
    let caller = company.api(Scope::Write).await;
    post(&caller, "k1", &program("Not A Slug")).await.refused(422, "invalid_param", Some("slug"));
    post(&caller, "k1", &program("winter")).await.ok();
}

#[tokio::test]
async fn keys_of_two_callers_are_two_keys() {
    let company = Company::new().await;
    let (one, other) = (company.api(Scope::Write).await, company.api(Scope::Write).await);
    post(&one, "k1", &program("winter")).await.ok();
    post(&other, "k1", &program("summer")).await.ok();
}

#[tokio::test]
async fn of_requests_at_the_same_moment_one_is_done() {
    let company = Company::new().await;
    let caller = company.api(Scope::Write).await;
    let body = program("winter");
    let answers = futures::future::join_all((0..8).map(|_| post(&caller, "k1", &body))).await;
    for answer in &answers {
        let in_use = answer.json["error"]["code"] == "idempotency_key_in_use" && answer.status == 409;
        assert!(answer.status == 200 || in_use, "{answer:?}");
    }
    assert!(answers.iter().any(|answer| answer.status == 200));
    assert_eq!(company.count("audit_log where action = 'program.created'").await, 1);
}
