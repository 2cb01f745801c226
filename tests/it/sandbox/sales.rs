//! Purchases, renewals, refunds and disputes, and the events that tell of them.

use reqwest::StatusCode;
use serde_json::{Value, json};

use super::support::Stand;

fn kinds(answer: &Value) -> Vec<&str> {
    answer["events"].as_array().unwrap().iter().map(|event| event["type"].as_str().unwrap()).collect()
}

/// The object of the newest event of this type.
async fn told(stand: &Stand, kind: &str) -> Value {
    let events = stand.get(&format!("/v1/events?type={kind}&limit=1")).await.body;
    events["data"][0]["data"]["object"].clone()
}

async fn promotion(stand: &Stand, code: &str, coupon: &str) {
    let coupon = stand.post("/v1/coupons", coupon).await.id();
    let form = format!("promotion[type]=coupon&promotion[coupon]={coupon}&code={code}");
    stand.post("/v1/promotion_codes", &form).await.id();
}

#[tokio::test]
async fn a_purchase_is_told_by_every_event_with_one_set_of_ids() {
    let stand = Stand::new().await;
    let sale = stand
        .control(
            "/sandbox/purchases",
            json!({
                "email": "kim@example.com", "amount": 4900, "currency": "usd", "mode": "payment", "referral": "clk_1",
                "tax": 490, "shipping": 500, "metadata": { "purser_code": "ADA" }
            }),
        )
        .await;
    assert_eq!(sale["amount_total"], 5890);
    let expected = [
        "customer.created",
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.succeeded",
        "checkout.session.completed",
    ];
    assert_eq!(kinds(&sale), expected);

    let session = told(&stand, "checkout.session.completed").await;
    assert_eq!(session["id"], sale["checkout_session"]);
    assert_eq!((&session["payment_intent"], &session["customer"]), (&sale["payment_intent"], &sale["customer"]));
    assert_eq!((&session["client_reference_id"], &session["payment_status"]), (&json!("clk_1"), &json!("paid")));
    assert_eq!(session["total_details"], json!({ "amount_discount": 0, "amount_shipping": 500, "amount_tax": 490 }));
    assert_eq!(session["metadata"]["purser_code"], "ADA");
    assert_eq!(told(&stand, "charge.succeeded").await["payment_intent"], sale["payment_intent"]);
}

#[tokio::test]
async fn the_same_customer_buys_twice() {
    let stand = Stand::new().await;
    let order = json!({ "email": "kim@example.com", "amount": 100, "currency": "usd", "mode": "payment" });
    let first = stand.control("/sandbox/purchases", order.clone()).await;
    let second = stand.control("/sandbox/purchases", order).await;
    assert_eq!(first["customer"], second["customer"]);
    assert_ne!(first["charge"], second["charge"]);
}

#[tokio::test]
async fn a_promotion_code_lowers_the_price_and_is_named_in_the_session() {
    let stand = Stand::new().await;
    promotion(&stand, "ADA20", "percent_off=20&duration=once").await;
    let order = json!({
        "email": "kim@example.com", "amount": 1000, "currency": "eur", "mode": "payment", "promotion_code": "ada20"
    });
    let sale = stand.control("/sandbox/purchases", order).await;
    assert_eq!(sale["amount_total"], 800);
    let session = told(&stand, "checkout.session.completed").await;
    let code = stand.get("/v1/promotion_codes?code=ADA20").await.body["data"][0].clone();
    assert_eq!(session["discounts"][0]["promotion_code"], code["id"]);
    assert_eq!(code["times_redeemed"], 1);

    let unknown = json!({
        "email": "kim@example.com", "amount": 1000, "currency": "eur", "mode": "payment", "promotion_code": "NOBODY"
    });
    assert_eq!(stand.try_control("/sandbox/purchases", unknown).await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn what_costs_nothing_needs_no_payment() {
    let stand = Stand::new().await;
    promotion(&stand, "FREE", "percent_off=100").await;
    let order = json!({
        "email": "kim@example.com", "amount": 1000, "currency": "usd", "mode": "payment", "promotion_code": "FREE"
    });
    let sale = stand.control("/sandbox/purchases", order).await;
    assert_eq!((&sale["charge"], &sale["amount_total"]), (&Value::Null, &json!(0)));
    assert_eq!(told(&stand, "checkout.session.completed").await["payment_status"], "no_payment_required");
}

#[tokio::test]
async fn a_subscription_is_billed_now_and_every_month() {
    let stand = Stand::new().await;
    let sale = stand
        .control(
            "/sandbox/purchases",
            json!({
                "email": "lee@example.com", "amount": 2900, "currency": "usd", "mode": "subscription", "tax": 290,
                "subscription_metadata": { "plan": "team" }
            }),
        )
        .await;
    let invoice = told(&stand, "invoice.paid").await;
    assert_eq!((&invoice["id"], &invoice["billing_reason"]), (&sale["invoice"], &json!("subscription_create")));
    assert_eq!((&invoice["amount_paid"], &invoice["total_excluding_tax"]), (&json!(3190), &json!(2900)));
    let parent = &invoice["parent"]["subscription_details"];
    assert_eq!((&parent["subscription"], &parent["metadata"]["plan"]), (&sale["subscription"], &json!("team")));
    assert_eq!(invoice["payments"]["data"][0]["payment"]["payment_intent"], sale["payment_intent"]);
    assert!(kinds(&sale).contains(&"invoice_payment.paid"));

    let moved = stand.control("/sandbox/advance", json!({ "days": 93 })).await;
    assert_eq!(moved["renewals"], 3);
    let paid = stand.get("/v1/invoices?status=paid").await.body;
    let reasons: Vec<&str> =
        paid["data"].as_array().unwrap().iter().map(|row| row["billing_reason"].as_str().unwrap()).collect();
    assert_eq!(reasons, ["subscription_cycle", "subscription_cycle", "subscription_cycle", "subscription_create"]);
    let recent = stand.get("/v1/events?type=invoice.paid").await.body;
    assert_eq!(recent["data"].as_array().unwrap().len(), 1, "older events are listed no more");
}

#[tokio::test]
async fn a_trial_is_billed_when_it_ends() {
    let stand = Stand::new().await;
    let sale = stand
        .control(
            "/sandbox/purchases",
            json!({
                "email": "lee@example.com", "amount": 2900, "currency": "usd", "mode": "subscription", "trial_days": 14
            }),
        )
        .await;
    assert_eq!((&sale["amount_total"], &sale["charge"]), (&json!(0), &Value::Null));
    assert_eq!(told(&stand, "invoice.paid").await["amount_paid"], 0);

    stand.control("/sandbox/advance", json!({ "days": 13 })).await;
    assert_eq!(told(&stand, "invoice.paid").await["amount_paid"], 0);
    stand.control("/sandbox/advance", json!({ "days": 1, "hours": 1 })).await;
    let invoice = told(&stand, "invoice.paid").await;
    assert_eq!((&invoice["amount_paid"], &invoice["billing_reason"]), (&json!(2900), &json!("subscription_cycle")));
}

#[tokio::test]
async fn an_upgrade_bills_the_difference_and_then_the_new_price() {
    let stand = Stand::new().await;
    let order = json!({
        "email": "lee@example.com", "amount": 1000, "currency": "usd", "mode": "subscription", "interval": "week",
        "changes": [{ "after_days": 3, "amount": 3000 }]
    });
    stand.control("/sandbox/purchases", order).await;
    stand.control("/sandbox/advance", json!({ "days": 4 })).await;
    let invoice = told(&stand, "invoice.paid").await;
    assert_eq!((&invoice["billing_reason"], &invoice["amount_paid"]), (&json!("subscription_update"), &json!(1143)));
    let lines = invoice["lines"]["data"].as_array().unwrap();
    assert!(lines.iter().all(|line| line["parent"]["subscription_item_details"]["proration"] == json!(true)));

    stand.control("/sandbox/advance", json!({ "days": 4 })).await;
    assert_eq!(told(&stand, "invoice.paid").await["amount_paid"], 3000);
}

#[tokio::test]
async fn a_failed_renewal_is_paid_later() {
    let stand = Stand::new().await;
    let order = json!({ "email": "lee@example.com", "amount": 1000, "currency": "usd", "mode": "subscription" });
    let subscription = stand.control("/sandbox/purchases", order).await["subscription"].as_str().unwrap().to_owned();
    stand.control(&format!("/sandbox/subscriptions/{subscription}"), json!({ "fail_next": true })).await;
    stand.control("/sandbox/advance", json!({ "days": 32 })).await;
    let failed = told(&stand, "invoice.payment_failed").await;
    assert_eq!((&failed["status"], &failed["amount_remaining"]), (&json!("open"), &json!(1000)));

    let paid = stand.post(&format!("/v1/invoices/{}/pay", failed["id"].as_str().unwrap()), "").await.body;
    assert_eq!((&paid["status"], &paid["amount_paid"]), (&json!("paid"), &json!(1000)));
    assert_eq!(stand.get(&format!("/v1/subscriptions/{subscription}")).await.body["status"], "active");
}

#[tokio::test]
async fn refunds_stop_at_the_charge_and_a_failed_one_gives_the_room_back() {
    let stand = Stand::new().await;
    let order = json!({ "email": "kim@example.com", "amount": 1000, "currency": "usd", "mode": "payment" });
    let sale = stand.control("/sandbox/purchases", order).await;
    let intent = &sale["payment_intent"];
    let part = stand.control("/sandbox/refunds", json!({ "payment_intent": intent, "amount": 400 })).await;
    assert_eq!(kinds(&part), ["refund.created", "charge.refunded"]);
    let failed = stand.control("/sandbox/refunds", json!({ "payment_intent": intent, "status": "failed" })).await;
    assert_eq!(kinds(&failed), ["refund.created", "charge.refunded", "refund.updated", "refund.failed"]);
    assert_eq!(failed["amount"], 600);
    let over = stand.try_control("/sandbox/refunds", json!({ "payment_intent": intent, "amount": 601 })).await;
    assert_eq!(over.status, StatusCode::BAD_REQUEST);
    stand.post("/v1/refunds", &format!("charge={}", sale["charge"].as_str().unwrap())).await.id();
    let charge = stand.get(&format!("/v1/charges/{}", sale["charge"].as_str().unwrap())).await.body;
    assert_eq!((&charge["amount_refunded"], &charge["refunded"]), (&json!(1000), &json!(true)));
}

#[tokio::test]
async fn a_dispute_is_opened_and_won() {
    let stand = Stand::new().await;
    let order = json!({ "email": "kim@example.com", "amount": 1000, "currency": "usd", "mode": "payment" });
    let sale = stand.control("/sandbox/purchases", order).await;
    let named = json!({ "charge": sale["charge"] });
    let opened = stand.control("/sandbox/disputes", named.clone()).await;
    assert_eq!(kinds(&opened), ["charge.dispute.created", "charge.dispute.funds_withdrawn"]);
    let won = stand.control("/sandbox/disputes", json!({ "charge": sale["charge"], "status": "won" })).await;
    assert_eq!(won["id"], opened["id"]);
    assert_eq!(kinds(&won), ["charge.dispute.closed", "charge.dispute.funds_reinstated"]);
    let warning = stand.control("/sandbox/disputes", json!({ "charge": sale["charge"], "status": "warning" })).await;
    assert_eq!(kinds(&warning), ["charge.dispute.created"]);
}

#[tokio::test]
async fn old_accounts_get_the_old_shapes() {
    let stand = Stand::new().await;
    let order = json!({
        "email": "lee@example.com", "amount": 1000, "currency": "usd", "mode": "subscription", "api_shape": "old"
    });
    let sale = stand.control("/sandbox/purchases", order).await;
    let invoice = told(&stand, "invoice.paid").await;
    for name in ["charge", "payment_intent", "subscription"] {
        assert_eq!(invoice[name], sale[name], "{name}");
    }
    assert_eq!((&invoice["paid"], &invoice["parent"]), (&json!(true), &Value::Null));
    assert_eq!(told(&stand, "charge.succeeded").await["invoice"], sale["invoice"]);
}

#[tokio::test]
async fn a_session_made_by_the_api_is_open_until_it_is_paid() {
    let stand = Stand::new().await;
    let form = "mode=payment&success_url=http://shop.test/ok&client_reference_id=ADA&customer_email=kim@example.com\
        &line_items[0][quantity]=2&line_items[0][price_data][currency]=usd&line_items[0][price_data][unit_amount]=500\
        &line_items[0][price_data][product_data][name]=Chart+pack";
    let session = stand.post("/v1/checkout/sessions", form).await;
    assert_eq!((&session.body["status"], &session.body["amount_total"]), (&json!("open"), &json!(1000)));
    assert!(session.body["url"].as_str().unwrap().starts_with(&stand.running.url()));
}
