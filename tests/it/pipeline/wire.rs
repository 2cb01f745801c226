//! The whole way in, over the wire: a purchase in the sandbox, its webhooks, the workers, the commission.

use std::time::Duration;

use serde_json::json;

use crate::harness::{Line, Wire};

fn pending(amount_minor: i64) -> Line {
    Line { kind: "commission".into(), status: "pending".into(), amount_minor }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purchase_through_the_link_is_a_commission_within_two_seconds() {
    let wire = Wire::new().await;
    let ada = wire.company.partner("ada").await;
    let link = wire.company.http.get(format!("{}/r/ada", wire.company.url)).send().await.unwrap();
    let location = link.headers()["location"].to_str().unwrap();
    let (_, click) = location.rsplit_once("purser_click=").unwrap();
    let order = json!({
        "email": "kim@example.com", "amount": 10_000, "tax": 1_900, "shipping": 500, "currency": "usd", "mode": "payment",
        "referral": click
    });
    wire.call("/sandbox/purchases", &order).await;
    let credited = async {
        while wire.company.lines(ada).await.is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(2), credited).await.expect("a commission within 2 s");
    wire.settle().await;
    assert_eq!(wire.company.lines(ada).await, [pending(2_000)]);
    assert_eq!(wire.company.text("select evidence_kind from conversions").await.as_deref(), Some("click"));
    wire.company.prove_books().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_way_to_buy_is_one_sale_though_webhooks_come_twice_and_in_disorder() {
    let wire = Wire::new().await;
    let ada = wire.company.partner("ada").await;
    wire.call(
        "/sandbox/faults",
        &json!([
            { "match": {}, "times": 15, "fault": "duplicate" },
            { "match": {}, "times": 15, "fault": "reorder" },
        ]),
    )
    .await;
    let mut bought = 0;
    for shape in ["old", "new"] {
        for mode in [
            json!({ "mode": "payment" }),
            json!({ "mode": "subscription" }),
            json!({ "mode": "payment", "invoice": true }),
        ] {
            bought += 1;
            let mut order = json!({
                "email": format!("kim{bought}@example.com"), "amount": 10_000, "tax": 1_900, "currency": "usd",
                "referral": "ada", "api_shape": shape
            });
            order.as_object_mut().unwrap().extend(mode.as_object().unwrap().clone());
            wire.call("/sandbox/purchases", &order).await;
        }
    }
    wire.settle().await;
    assert_eq!(wire.company.count("inbox_events where status = 'failed'").await, 0);
    assert_eq!(wire.company.count("sales where status <> 'merged'").await, bought);
    let open: Vec<Line> = wire.company.lines(ada).await.into_iter().filter(|line| line.status != "cancelled").collect();
    assert_eq!(open, vec![pending(2_000); usize::try_from(bought).unwrap()]);
    wire.company.prove_books().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn renewals_months_later_are_credited_by_customer() {
    let wire = Wire::new().await;
    let ada = wire.company.partner("ada").await;
    let order = json!({
        "email": "kim@example.com", "amount": 5_000, "currency": "usd", "mode": "subscription", "referral": "ada"
    });
    wire.call("/sandbox/purchases", &order).await;
    wire.settle().await;
    for _ in 0..2 {
        wire.call("/sandbox/advance", &json!({ "days": 31 })).await;
        wire.settle().await;
    }
    assert_eq!(wire.company.lines(ada).await, vec![pending(1_000); 3]);
    let numbers = "select string_agg(payment_number || ' ' || evidence_kind, ', ' order by s.paid_at)
        from conversions c join sales s on s.id = c.sale_id";
    assert_eq!(wire.company.text(numbers).await.as_deref(), Some("1 referral_code, 2 lead_customer, 3 lead_customer"));
    wire.company.prove_books().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stripe_is_asked_whose_an_unknown_promotion_code_is() {
    let wire = Wire::new().await;
    let ada = wire.company.partner("ada").await;
    let coupon = wire.form("/v1/coupons", "percent_off=50&duration=once").await["id"].as_str().unwrap().to_owned();
    let form = format!("promotion[type]=coupon&promotion[coupon]={coupon}&code=ADA20");
    let code = wire.form("/v1/promotion_codes", &form).await["id"].as_str().unwrap().to_owned();
    let order = json!({
        "email": "kim@example.com", "amount": 10_000, "currency": "usd", "mode": "payment", "promotion_code": "ADA20"
    });
    wire.call("/sandbox/purchases", &order).await;
    wire.settle().await;
    assert_eq!(wire.company.lines(ada).await, [pending(1_000)]);
    assert_eq!(wire.company.text("select evidence_kind from conversions").await.as_deref(), Some("promotion_code"));
    let learnt = wire.company.text("select stripe_promotion_code from coupons").await;
    assert_eq!(learnt, Some(code));
}
