//! How requests are read: whatever can't be read is refused with the name of the field.

use purser::domain::actor::Scope;
use reqwest::Method;
use serde_json::{Value, json};

use super::answer;
use crate::harness::Company;

fn program(field: &str, value: Value) -> Value {
    let mut body = json!({ "name": "Winter", "currency": "usd", "site_url": "https://shop.example.com" });
    body[field] = value;
    body
}

#[tokio::test]
async fn a_wrong_field_of_a_program_is_named() {
    let company = Company::new().await;
    let key = company.api(Scope::Write).await;
    for (field, value) in [
        ("name", json!(" ")),
        ("name", json!(null)),
        ("slug", json!("Not A Slug")),
        ("currency", json!("dollars")),
        ("currency", json!(5)),
        ("site_url", json!("javascript:alert(1)")),
        ("hold_days", json!(-1)),
        ("hold_days", json!("30")),
        ("auto_credit", json!("yes")),
        ("min_payout", json!(-1)),
        ("min_payout", json!(10.5)),
        ("cadence", json!("yearly")),
        ("payout_weekday", json!(8)),
        ("payout_day", json!(0)),
        ("commission_period", json!("quarter")),
        ("refund_rate_threshold", json!("101")),
        ("refund_amount_threshold", json!(-5)),
        ("four_eyes_above", json!("much")),
        ("cookie_days", json!(100_000)),
        ("attribution_order", json!(["click"])),
        ("attribution_order", json!(["click", "click", "code", "lead_customer", "lead_email"])),
        ("attribution_order[1]", json!(["click", "horoscope", "code", "lead_customer", "lead_email"])),
        ("click_rule", json!("middle")),
        ("count_out_of_band", json!("perhaps")),
        ("self_referral", json!("ban")),
        ("velocity_sign", json!(true)),
        ("velocity_per_hour", json!(0)),
        ("shared_buyer_sign", json!("")),
        ("colour", json!("green")),
    ] {
        let field_name = field.split('[').next().unwrap();
        let refused = key.post("/programs", program(field_name, value.clone())).await;
        refused.refused(422, "invalid_param", Some(field));
        let refused = key.patch("/programs/partners", json!({ (field_name): value.clone() })).await;
        if !(field == "name" && value.is_null()) {
            refused.refused(422, "invalid_param", Some(field));
        }
    }
    key.post("/programs", json!({ "currency": "usd" })).await.refused(422, "invalid_param", Some("name"));
}

#[tokio::test]
async fn a_wrong_field_of_an_affiliate_is_named_by_its_path() {
    let company = Company::new().await;
    company.partner("ada").await;
    let key = company.api(Scope::Write).await;
    let new = |enrollments: Value| json!({ "email": "bo@example.com", "name": "Bo", "enrollments": enrollments });
    for (body, param) in [
        (json!({ "email": "not an address", "name": "Bo" }), "email"),
        (json!({ "email": "bo@example.com", "name": "" }), "name"),
        (json!({ "email": "bo@example.com", "name": "Bo", "status": "happy" }), "status"),
        (new(json!([{ "program": "none-such" }])), "enrollments[0].program"),
        (new(json!([{ "program": "partners" }, { "program": "partners" }])), "enrollments[1].program"),
        (new(json!([{ "program": "partners", "code": "a b" }])), "enrollments[0].code"),
        (new(json!([{ "program": "partners", "coupons": ["A B"] }])), "enrollments[0].coupons"),
        (new(json!([{ "code": "bo" }])), "enrollments[0].program"),
        (new(json!([{ "program": "partners", "rate": 3 }])), "enrollments[0].rate"),
    ] {
        key.post("/affiliates", body).await.refused(422, "invalid_param", Some(param));
    }
    let taken = key.post("/affiliates", new(json!([{ "program": "partners", "code": "ADA" }]))).await;
    taken.refused(409, "code_taken", None);
    let taken = key.post("/affiliates", new(json!([{ "program": "partners", "coupons": ["Ada20"] }]))).await;
    taken.refused(409, "coupon_taken", None);
    let taken = key.post("/affiliates", json!({ "email": "ADA@partners.example.org", "name": "Ada" })).await;
    taken.refused(409, "email_taken", None);
    assert_eq!(company.count("affiliates").await, 1, "a refused affiliate leaves nothing behind");
}

#[tokio::test]
async fn a_wrong_field_of_a_rule_is_named() {
    let company = Company::new().await;
    let key = company.api(Scope::Write).await;
    for (rule, param) in [
        (json!({ "type": "percent", "rate": "0" }), "rule.rate"),
        (json!({ "type": "flat", "amount": 5 }), "rule.currency"),
        (json!({ "type": "percent", "rate": "20", "cap": { "amount": -1, "per": "sale" } }), "rule.cap.amount"),
        (json!("20 %"), "rule"),
    ] {
        let body = json!({ "program": "partners", "name": "Autumn", "rule": rule });
        key.post("/campaigns", body).await.refused(422, "invalid_param", Some(param));
    }
    let body = json!({ "program": "partners", "name": "Autumn", "rule": { "type": "percent", "rate": "20" },
        "starts_at": "2026-02-01T00:00:00Z", "ends_at": "2026-01-01T00:00:00Z" });
    key.post("/campaigns", body).await.refused(422, "invalid_param", Some("ends_at"));
}

#[tokio::test]
async fn a_body_that_is_no_json_object_is_a_bad_request() {
    let company = Company::new().await;
    let key = company.api(Scope::Write).await;
    for body in ["{", "[1]", "\"text\"", "name=Winter"] {
        let refused = answer(key.request(Method::POST, "/programs").body(body)).await;
        refused.refused(400, "invalid_json", None);
    }
    let large = answer(key.request(Method::POST, "/programs").body(vec![b' '; (1 << 20) + 1])).await;
    assert_eq!(large.status, 413, "{large:?}");
}

#[tokio::test]
async fn a_wrong_filter_is_named_and_an_empty_one_is_left_out() {
    let company = Company::new().await;
    let key = company.api(Scope::Read).await;
    for (path, param) in [
        ("/programs?limit=0", "limit"),
        ("/programs?limit=101", "limit"),
        ("/programs?limit=many", "limit"),
        ("/programs?cursor=elsewhere", "cursor"),
        ("/programs?colour=green", "colour"),
        ("/commissions?status=happy", "status"),
        ("/commissions?period=november", "period"),
        ("/commissions?program=none-such", "program"),
        ("/sales?attributed=perhaps", "attributed"),
        ("/payouts?affiliate=someone", "affiliate"),
        ("/webhook-events?status=lost", "status"),
    ] {
        key.get(path).await.refused(422, "invalid_param", Some(param));
    }
    for path in ["/payouts?status=&affiliate=", "/commissions?status=&program=", "/programs?limit=&cursor="] {
        key.get(path).await.ok();
    }
}
