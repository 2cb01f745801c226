//! Deliveries of events: signed, retried, routed, and made difficult on request.

use std::time::Duration;

use purser::sandbox::{Endpoint, Options, signature};
use serde_json::json;

use super::receiver::Receiver;
use super::support::Stand;

const SETTLED: Duration = Duration::from_secs(20);

fn endpoint(receiver: &Receiver, path: &str, secret: &str) -> Endpoint {
    Endpoint { url: format!("{}/{path}", receiver.url), secret: secret.to_owned() }
}

async fn stand_for(receiver: &Receiver) -> Stand {
    Stand::sending_to(&format!("{}/account", receiver.url)).await
}

async fn buy(stand: &Stand) {
    let order = json!({ "email": "kim@example.com", "amount": 100, "currency": "usd", "mode": "payment" });
    stand.control("/sandbox/purchases", order).await;
}

#[tokio::test]
async fn every_event_arrives_signed_with_the_endpoints_secret() {
    let receiver = Receiver::new().await;
    let stand = stand_for(&receiver).await;
    buy(&stand).await;
    assert!(stand.running.sandbox.settle(SETTLED).await);
    let mut kinds = receiver.kinds();
    kinds.sort();
    let expected = [
        "charge.succeeded",
        "checkout.session.completed",
        "customer.created",
        "payment_intent.created",
        "payment_intent.succeeded",
    ];
    assert_eq!(kinds, expected);
    for received in receiver.all() {
        let at = received.signature.split(',').next().unwrap().strip_prefix("t=").unwrap().parse().unwrap();
        assert_eq!(received.signature, signature("whsec_account", at, &received.body));
        assert!((stand.running.sandbox.now().timestamp() - at).abs() < 60);
    }
}

#[test]
fn the_signature_is_the_hmac_of_time_and_body() {
    let expected = "t=1700000000,v1=35495024f4ef3f94e5a93e22221544c4b75e9a42300cd965ab81cb85cd994e91";
    assert_eq!(signature("whsec_test", 1_700_000_000, b"{}"), expected);
}

#[tokio::test]
async fn what_is_refused_is_sent_again_until_it_is_taken() {
    let receiver = Receiver::new().await;
    let stand = stand_for(&receiver).await;
    receiver.refuse(2);
    stand.post("/v1/customers", "email=kim@example.com").await.id();
    assert!(stand.running.sandbox.settle(SETTLED).await);
    assert_eq!(receiver.kinds(), ["customer.created"; 3]);
}

#[tokio::test]
async fn events_of_connected_accounts_go_to_the_connect_endpoint_with_their_account() {
    let receiver = Receiver::new().await;
    let stand = Stand::with(Options {
        webhooks: vec![endpoint(&receiver, "account", "whsec_a")],
        connect_webhooks: vec![endpoint(&receiver, "connect", "whsec_c")],
        ..Options::default()
    })
    .await;
    let account = stand.active_account().await;
    stand.post("/v1/transfers", &format!("amount=1&currency=usd&destination={account}")).await.id();
    assert!(stand.running.sandbox.settle(SETTLED).await);
    for received in receiver.all() {
        let event = received.event();
        if event["type"] == "account.updated" {
            assert_eq!((received.path.as_str(), &event["account"]), ("/connect", &json!(account)));
        } else {
            assert_eq!((received.path.as_str(), &event["type"]), ("/account", &json!("transfer.created")));
        }
    }
    assert_eq!(receiver.all().len(), 2);
}

#[tokio::test]
async fn a_registered_endpoint_gets_the_types_it_asked_for() {
    let receiver = Receiver::new().await;
    let stand = Stand::new().await;
    let form = format!("url={}/account&enabled_events[]=customer.created", receiver.url);
    let made = stand.post("/v1/webhook_endpoints", &form).await;
    buy(&stand).await;
    assert!(stand.running.sandbox.settle(SETTLED).await);
    assert_eq!(receiver.kinds(), ["customer.created"]);
    let secret = made.body["secret"].as_str().unwrap();
    let received = receiver.all().remove(0);
    let at = received.signature.split(',').next().unwrap().strip_prefix("t=").unwrap().parse().unwrap();
    assert_eq!(received.signature, signature(secret, at, &received.body));
    let shown = stand.get(&format!("/v1/webhook_endpoints/{}", made.id())).await.body;
    assert!(shown["secret"].is_null());
}

#[tokio::test]
async fn deliveries_are_doubled_dropped_and_put_out_of_order() {
    let receiver = Receiver::new().await;
    let stand = stand_for(&receiver).await;
    for (kind, fault) in
        [("customer.created", "duplicate"), ("charge.succeeded", "drop"), ("payment_intent.created", "reorder")]
    {
        stand.fault(json!({ "match": { "type": kind }, "fault": fault })).await;
    }
    buy(&stand).await;
    assert!(stand.running.sandbox.settle(SETTLED).await);
    let kinds = receiver.kinds();
    let count = |kind: &str| kinds.iter().filter(|other| *other == kind).count();
    assert_eq!((count("customer.created"), count("charge.succeeded"), count("payment_intent.created")), (2, 0, 1));
    assert_ne!(kinds[0], "payment_intent.created");
    let listed = stand.get("/v1/events?type=charge.succeeded").await.body;
    assert_eq!(listed["data"].as_array().unwrap().len(), 1, "what was dropped can still be asked for");
}

#[tokio::test]
async fn a_delayed_event_comes_late() {
    let receiver = Receiver::new().await;
    let stand = stand_for(&receiver).await;
    stand.fault(json!({ "match": { "type": "customer.*" }, "fault": "delay", "delay_ms": 300 })).await;
    buy(&stand).await;
    assert!(stand.running.sandbox.settle(SETTLED).await);
    assert_eq!(receiver.kinds().last().unwrap(), "customer.created");
}

#[tokio::test]
async fn renewals_are_told_at_their_own_time() {
    let receiver = Receiver::new().await;
    let stand = stand_for(&receiver).await;
    let order = json!({ "email": "lee@example.com", "amount": 1000, "currency": "usd", "mode": "subscription", "interval": "week" });
    stand.control("/sandbox/purchases", order).await;
    let start = stand.running.sandbox.now().timestamp();
    stand.control("/sandbox/advance", json!({ "days": 70 })).await;
    assert!(stand.running.sandbox.settle(SETTLED).await, "also those older than what is listed");
    let mut times: Vec<i64> = receiver
        .events()
        .iter()
        .filter(|event| event["type"] == "invoice.paid")
        .map(|event| (event["created"].as_i64().unwrap() - start + 60) / (7 * 86_400))
        .collect();
    times.sort();
    assert_eq!(times, (0..=10).collect::<Vec<_>>());
}
