//! The webhook door: what it refuses, what it keeps, and that it answers only when the event is kept.

use axum::body::Body;
use axum::extract::Request;
use chrono::TimeDelta;
use purser::stripe::signature::sign;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::harness::events::Purchase;
use crate::harness::{Company, OLD_SECRET, SECRET};

async fn refused(response: reqwest::Response) -> (u16, String) {
    let status = response.status().as_u16();
    let body: Value = response.json().await.unwrap();
    (status, body["error"]["code"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn an_event_is_kept_before_the_answer_and_a_duplicate_changes_nothing() {
    let company = Company::new().await;
    let event = Purchase::new(1).session();
    for _ in 0..3 {
        let response = company.send(&event).await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.json::<Value>().await.unwrap(), json!({ "received": true }));
        assert_eq!(company.count("inbox_events where status = 'received'").await, 1);
    }
    assert_eq!(company.text("select object_id from inbox_events").await.unwrap(), "cs_1");
}

#[tokio::test]
async fn a_missing_bad_or_stale_signature_is_refused_and_nothing_is_kept() {
    let company = Company::new().await;
    let now = company.engine.clock.now().await;
    let body = Purchase::new(1).session().to_string();
    let bad_signature = (400, "bad_signature".to_owned());
    let (late, early) = (now - TimeDelta::seconds(310), now + TimeDelta::seconds(310));
    for header in [
        None,
        Some("nonsense".to_owned()),
        Some(sign("whsec_other", body.as_bytes(), now)),
        Some(sign(SECRET, b"another body", now)),
        Some(sign(SECRET, body.as_bytes(), late)),
        Some(sign(SECRET, body.as_bytes(), early)),
    ] {
        let response = company.post(body.clone(), header.as_deref()).await;
        assert_eq!(refused(response).await, bad_signature, "{header:?}");
    }
    assert_eq!(company.count("inbox_events").await, 0);
}

#[tokio::test]
async fn the_old_secret_is_accepted_while_it_is_rotated() {
    let company = Company::new().await;
    let body = Purchase::new(1).session().to_string();
    let header = sign(OLD_SECRET, body.as_bytes(), company.engine.clock.now().await);
    assert_eq!(company.post(body, Some(&header)).await.status(), 200);
}

#[tokio::test]
async fn without_a_secret_the_door_says_which_variable_to_set() {
    let unset = [("STRIPE_WEBHOOK_SECRETS", String::new())];
    let company = Company::with(json!({ "type": "percent", "rate": "20" }), &unset).await;
    let response = company.send(&Purchase::new(1).session()).await;
    assert_eq!(response.status(), 503);
    assert!(response.text().await.unwrap().contains("STRIPE_WEBHOOK_SECRETS"));
}

#[tokio::test]
async fn a_body_over_one_mebibyte_is_too_large_announced_or_not() {
    let company = Company::new().await;
    let now = company.engine.clock.now().await;
    let limit = 1024 * 1024;
    let large = vec![b' '; 3 * limit];
    let header = sign(SECRET, &large, now);
    assert_eq!(refused(company.post(large.clone(), Some(&header)).await).await, (413, "body_too_large".to_owned()));
    let pieces: Vec<Result<Vec<u8>, std::io::Error>> = large.chunks(100_000).map(|piece| Ok(piece.to_vec())).collect();
    let streamed = Request::post("/webhooks/stripe")
        .header("Stripe-Signature", header)
        .body(Body::from_stream(futures::stream::iter(pieces)))
        .unwrap();
    let answer = purser::http::webhooks::router(company.engine.clone()).oneshot(streamed).await.unwrap();
    assert_eq!(answer.status(), 413);

    let mut fits = Purchase::new(1).session().to_string().into_bytes();
    fits.resize(limit, b' ');
    let header = sign(SECRET, &fits, now);
    assert_eq!(company.post(fits, Some(&header)).await.status(), 200);
}

#[tokio::test]
async fn a_signed_body_that_is_no_event_is_kept_as_failed() {
    let company = Company::new().await;
    let now = company.engine.clock.now().await;
    for body in ["not json", "{\"object\": \"event\"}", "\u{0}"] {
        let header = sign(SECRET, body.as_bytes(), now);
        for _ in 0..2 {
            assert_eq!(company.post(body, Some(&header)).await.status(), 200);
        }
    }
    assert_eq!(company.count("inbox_events where status = 'failed' and id like 'raw\\_%' and error <> ''").await, 3);
}

#[tokio::test]
async fn a_purchase_with_a_nul_or_an_impossible_time_in_it_is_a_sale_all_the_same() {
    let company = Company::new().await;
    let ada = company.partner("ada").await;
    let mut event = Purchase::new(1).referred("ada").session();
    event["data"]["object"]["metadata"] = json!({ "note": "a\u{0}b" });
    event["data"]["object"]["customer_details"]["name"] = json!("\u{0}");
    event["created"] = json!(-8_334_601_228_800i64);
    company.take_in(&[event]).await;
    assert_eq!(
        (company.count("inbox_events where status = 'processed'").await, company.lines(ada).await.len()),
        (1, 1)
    );
}

#[tokio::test]
async fn events_that_arrive_together_are_each_kept_once() {
    let company = Company::new().await;
    let events: Vec<Value> = (0..300).map(|n| Purchase::new(n % 100).session()).collect();
    let answers = futures::future::join_all(events.iter().map(|event| company.send(event))).await;
    assert!(answers.iter().all(|answer| answer.status() == 200));
    assert_eq!(company.count("inbox_events where status = 'received' and object_id like 'cs\\_%'").await, 100);
    company.drain().await;
    assert_eq!(company.count("sales").await, 100);
}

#[tokio::test]
async fn an_event_that_can_t_be_kept_doesn_t_keep_those_beside_it_out() {
    let company = Company::new().await;
    company.run("alter table inbox_events add check (object_id <> 'cs_7')".to_owned()).await;
    let events: Vec<Value> = (0..100).map(|n| Purchase::new(n).session()).collect();
    let answers = futures::future::join_all(events.iter().map(|event| company.send(event))).await;
    for (n, answer) in answers.iter().enumerate() {
        assert_eq!(answer.status(), if n == 7 { 503 } else { 200 }, "{n}");
    }
    assert_eq!(company.count("inbox_events").await, 99);
}
