//! Every way to pay that the sandbox plays, over the wire: one sale each, with what was really paid for it.

use serde_json::{Value, json};

use crate::harness::{Line, Wire};

fn order(more: Value) -> Value {
    let mut order = json!({
        "email": "kim@example.com", "amount": 10_000, "tax": 2_000, "currency": "usd", "mode": "payment", "referral": "ada"
    });
    order.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    order
}

fn pending(amount_minor: i64) -> Line {
    Line { kind: "commission".into(), status: "pending".into(), amount_minor }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delayed_payment_earns_when_it_succeeds_and_not_when_it_fails() {
    let wire = Wire::new().await;
    let ada = wire.company.partner("ada").await;
    for (end, earned) in [("failed", vec![]), ("succeeded", vec![pending(2_000)])] {
        let bought = wire.call("/sandbox/purchases", &order(json!({ "delayed": true }))).await;
        wire.settle().await;
        assert_eq!(wire.company.lines(ada).await, [], "not paid yet");
        let session = bought["checkout_session"].as_str().unwrap();
        wire.call("/sandbox/advance", &json!({ "days": 3 })).await;
        wire.call(&format!("/sandbox/checkouts/{session}"), &json!({ "payment": end })).await;
        wire.settle().await;
        assert_eq!(wire.company.lines(ada).await, earned, "{end}");
    }
    assert_eq!(wire.company.count("inbox_events where status = 'failed'").await, 0);
    wire.company.prove_books().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invoice_in_parts_by_hand_or_paid_too_much_is_one_sale_over_what_it_asked_for() {
    let wire = Wire::new().await;
    let ada = wire.company.partner("ada").await;
    let ways = [json!({ "payments": [7_000, 5_000] }), json!({ "out_of_band": true }), json!({ "overpaid": 1_000 })];
    let mut bought = 0;
    for shape in ["old", "new"] {
        for way in &ways {
            bought += 1;
            let mut more = json!({ "invoice": true, "api_shape": shape, "email": format!("kim{bought}@example.com") });
            more.as_object_mut().unwrap().extend(way.as_object().unwrap().clone());
            wire.call("/sandbox/purchases", &order(more)).await;
        }
    }
    wire.settle().await;
    assert_eq!(wire.company.count("inbox_events where status = 'failed'").await, 0);
    assert_eq!(wire.company.count("sales where status <> 'merged'").await, bought);
    assert_eq!(
        wire.company.count("sales where status = 'paid' and paid_minor = 12000 and tax_minor = 2000").await,
        bought
    );
    assert_eq!(wire.company.count("sales where out_of_band").await, 2);
    let open: Vec<Line> = wire.company.lines(ada).await.into_iter().filter(|line| line.status != "cancelled").collect();
    assert_eq!(open, vec![pending(2_000); usize::try_from(bought).unwrap()]);
    wire.company.prove_books().await;
}
