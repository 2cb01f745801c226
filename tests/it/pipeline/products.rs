//! Rules that are limited to products: only what was paid for those counts, by the lines of the invoice or checkout, which
//! Stripe is asked for where no event tells them.

use purser::domain::explanation::Reader;
use serde_json::{Value, json};

use crate::harness::{Line, Wire, eventually};

fn rule() -> Value {
    json!({ "type": "percent", "rate": "10", "recurring": "forever", "products": ["prod_pro", "price_team"] })
}

fn pending(amount_minor: i64) -> Line {
    Line { kind: "commission".into(), status: "pending".into(), amount_minor }
}

/// A shop with the product that the campaign pays for and one that it doesn't.
async fn shop() -> Wire {
    let wire = Wire::with(rule()).await;
    for product in ["pro", "setup"] {
        wire.form("/v1/products", &format!("id=prod_{product}&name={product}")).await;
    }
    wire
}

fn basket(pro: i64, setup: i64) -> Value {
    json!([
        { "name": "Pro plan", "product": "prod_pro", "unit_amount": pro },
        { "name": "Setup", "product": "prod_setup", "unit_amount": setup },
    ])
}

fn order(more: Value) -> Value {
    let mut order = json!({ "email": "kim@example.com", "currency": "usd", "mode": "payment", "referral": "ada" });
    order.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    order
}

async fn sentences(wire: &Wire) -> String {
    let explanation = wire.company.text("select explanation::text from commissions_ledger").await.unwrap();
    let explanation: purser::domain::explanation::Explanation = serde_json::from_str(&explanation).unwrap();
    explanation.sentences(Reader::Affiliate).join(" ")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_checkout_without_an_invoice_is_asked_what_was_bought() {
    let wire = shop().await;
    let ada = wire.company.partner("ada").await;
    wire.call("/sandbox/purchases", &order(json!({ "items": basket(10_000, 5_000), "tax": 3_000 }))).await;
    wire.settle().await;
    let lines =
        eventually("a commission", async || Some(wire.company.lines(ada).await).filter(|l| !l.is_empty())).await;
    assert_eq!(lines, [pending(1_000)]);
    let told = sentences(&wire).await;
    assert!(told.contains("The campaign pays for “pro”, and not for “setup”."), "{told}");
    assert!(told.contains("60.00 USD of it was for products outside the campaign"), "{told}");
    assert!(told.contains("20.00 USD of it was tax"), "{told}");
    assert_eq!(wire.company.count("sales where lines_wanted_at is not null or lines_unknown").await, 0);
    wire.company.prove_books().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invoice_s_lines_say_what_counts_in_both_shapes() {
    let wire = shop().await;
    let ada = wire.company.partner("ada").await;
    for (n, shape) in ["old", "new"].into_iter().enumerate() {
        let more = json!({
            "email": format!("kim{n}@example.com"), "items": basket(10_000, 5_000), "tax": 3_000, "shipping": 700,
            "mode": "subscription", "api_shape": shape
        });
        wire.call("/sandbox/purchases", &order(more)).await;
    }
    wire.settle().await;
    assert_eq!(wire.company.lines(ada).await, [pending(1_000), pending(1_000)]);
    assert_eq!(wire.company.count("sales where lines->>'complete' = 'true' and lines_wanted_at is null").await, 2);
    wire.company.prove_books().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_beyond_the_tenth_are_asked_for() {
    let wire = shop().await;
    let ada = wire.company.partner("ada").await;
    let items: Vec<Value> = (0..120)
        .map(|n| {
            let product = if n % 2 == 0 { "prod_setup" } else { "prod_pro" };
            json!({ "name": format!("Item {n}"), "product": product, "unit_amount": 100 + n })
        })
        .collect();
    wire.call("/sandbox/purchases", &order(json!({ "items": items, "invoice": true }))).await;
    wire.settle().await;
    let lines =
        eventually("a commission", async || Some(wire.company.lines(ada).await).filter(|l| !l.is_empty())).await;
    // Items 1, 3, … 119 come to 60 × 100 + 60².
    assert_eq!(lines, [pending(960)]);
    let known = "select count(*)::text from sales, jsonb_object_keys(lines->'lines')";
    assert_eq!(wire.company.text(known).await.as_deref(), Some("120"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_discount_on_the_whole_and_a_price_by_its_id_count_line_by_line() {
    let wire = shop().await;
    let ada = wire.company.partner("ada").await;
    wire.company
        .add_rule(wire.company.campaign, 2, json!({ "type": "percent", "rate": "10", "products": ["price_nobody"] }))
        .await;
    let price = wire.form("/v1/prices", "currency=usd&unit_amount=2000&product=prod_setup").await;
    let price = price["id"].as_str().unwrap();
    wire.company
        .add_rule(wire.company.campaign, 3, json!({ "type": "percent", "rate": "10", "products": [price] }))
        .await;
    let coupon = wire.form("/v1/coupons", "percent_off=50&duration=once").await["id"].as_str().unwrap().to_owned();
    wire.form("/v1/promotion_codes", &format!("promotion[type]=coupon&promotion[coupon]={coupon}&code=HALF")).await;
    let items = json!([
        { "name": "Setup", "product": "prod_setup", "price": price, "unit_amount": 2_000 },
        { "name": "Pro plan", "product": "prod_pro", "unit_amount": 1_001 },
    ]);
    wire.call("/sandbox/purchases", &order(json!({ "items": items, "promotion_code": "HALF", "invoice": true }))).await;
    wire.settle().await;
    assert_eq!(wire.company.lines(ada).await, [pending(100)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_whose_products_nobody_knows_earns_nothing() {
    let wire = shop().await;
    let ada = wire.company.partner("ada").await;
    let bare = json!({
        "amount": 10_000, "checkout": false, "payment_intent_metadata": { "purser_code": "ada" }, "referral": null
    });
    wire.call("/sandbox/purchases", &order(bare)).await;
    wire.settle().await;
    assert_eq!(wire.company.count("conversions").await, 1);
    assert_eq!(wire.company.lines(ada).await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn stripe_is_asked_again_when_it_did_not_answer() {
    let wire = shop().await;
    let ada = wire.company.partner("ada").await;
    let fault = json!({ "match": { "path": "/v1/checkout/sessions/*" }, "times": 3, "fault": "html_502" });
    wire.call("/sandbox/faults", &json!([fault])).await;
    wire.call("/sandbox/purchases", &order(json!({ "items": basket(10_000, 5_000) }))).await;
    wire.settle().await;
    eventually("three refusals", async || {
        let left: Value =
            reqwest::get(format!("{}/sandbox/faults", wire.sandbox.url())).await.unwrap().json().await.unwrap();
        left["data"].as_array().unwrap().is_empty().then_some(())
    })
    .await;
    assert_eq!(wire.company.lines(ada).await, []);
    wire.call("/sandbox/advance", &json!({ "hours": 1 })).await;
    let lines =
        eventually("a commission", async || Some(wire.company.lines(ada).await).filter(|l| !l.is_empty())).await;
    assert_eq!(lines, [pending(1_000)]);
}
