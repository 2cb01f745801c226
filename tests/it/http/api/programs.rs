//! Programs and campaigns: what is written is read back, changes are audited, and a changed rule is a new version.

use purser::domain::actor::Scope;
use serde_json::{Value, json};

use crate::harness::Company;

#[tokio::test]
async fn a_program_reads_back_as_it_was_written() {
    let company = Company::new().await;
    let key = company.api(Scope::Write).await;
    let body = json!({ "name": "Winter Sale", "currency": "eur", "site_url": "https://shop.example.com", "hold_days": 14,
        "auto_credit": false, "min_payout": 2500, "min_payouts": { "jpy": 1500, "kwd": 0 }, "cadence": "weekly", "payout_weekday": 5,
        "payout_day": 31, "auto_execute": true, "commission_period": "week", "refund_rate_threshold": "12.5",
        "refund_amount_threshold": 10_000, "four_eyes_above": 500_000, "cookie_days": 30,
        "attribution_order": ["click", "promotion_code", "lead_email", "lead_customer", "code"], "click_rule": "first",
        "count_out_of_band": false, "self_referral": "flag", "velocity_sign": "hold", "velocity_per_hour": 3,
        "shared_buyer_sign": "off" });
    let made = key.post("/programs", body.clone()).await.ok();
    assert_eq!(made["slug"], "winter-sale");
    for (field, value) in body.as_object().unwrap() {
        assert_eq!(&made[field], value, "{field}");
    }
    assert!(made["id"].as_str().unwrap().starts_with("prg_") && made["created_at"].as_str().unwrap().ends_with('Z'));
    let by_id = key.get(&format!("/programs/{}", made["id"].as_str().unwrap())).await.ok();
    assert_eq!((&by_id, &key.get("/programs/winter-sale").await.ok()), (&made, &made));
    let again = key.post("/programs", body).await;
    again.refused(409, "slug_taken", None);
    key.get("/programs/none-such").await.refused(404, "not_found", None);
}

#[tokio::test]
async fn a_program_says_how_it_attributes_and_what_signs_of_fraud_do_unless_told_otherwise() {
    let company = Company::new().await;
    let key = company.api(Scope::Write).await;
    let made = key
        .post("/programs", json!({ "name": "Plain", "currency": "usd", "site_url": "https://shop.example.com" }))
        .await
        .ok();
    let order = json!(["promotion_code", "click", "code", "lead_customer", "lead_email"]);
    assert_eq!((&made["attribution_order"], &made["click_rule"]), (&order, &json!("last")));
    assert_eq!((&made["cookie_days"], &made["count_out_of_band"]), (&json!(60), &json!(true)));
    let signs =
        ["self_referral", "velocity_sign", "velocity_per_hour", "shared_buyer_sign"].map(|sign| made[sign].clone());
    assert_eq!(signs, [json!("hold"), json!("flag"), json!(20), json!("flag")]);
    let reversed = json!(["lead_email", "lead_customer", "code", "click", "promotion_code"]);
    let changed =
        key.patch("/programs/plain", json!({ "attribution_order": reversed, "click_rule": "first" })).await.ok();
    assert_eq!((&changed["attribution_order"], &changed["click_rule"]), (&reversed, &json!("first")));
    assert_eq!(changed["velocity_per_hour"], 20, "what is left out stays");
}

#[tokio::test]
async fn a_change_keeps_what_is_left_out_and_takes_limits_away_by_null() {
    let company = Company::new().await;
    let key = company.api(Scope::Write).await;
    key.patch("/programs/partners", json!({ "four_eyes_above": 100, "hold_days": 7 })).await.ok();
    let changed = key.patch("/programs/partners", json!({ "four_eyes_above": null })).await.ok();
    assert_eq!((&changed["four_eyes_above"], &changed["hold_days"]), (&Value::Null, &json!(7)));
    let refused = key.patch("/programs/partners", json!({ "currency": "eur" })).await;
    refused.refused(422, "invalid_param", Some("currency"));
    let details = "select details::text from audit_log where action = 'program.updated' order by id limit 1";
    let details: Value = serde_json::from_str(&company.text(details).await.unwrap()).unwrap();
    assert_eq!(details["hold_days"], json!({ "from": 30, "to": 7 }));
    assert!(details.get("name").is_none(), "the log tells only what changed: {details}");
}

#[tokio::test]
async fn minimums_of_other_currencies_are_named_changed_and_taken_away_one_by_one() {
    let company = Company::new().await;
    let key = company.api(Scope::Write).await;
    let path = "/programs/partners";
    assert_eq!(key.get(path).await.ok()["min_payouts"], json!({}));
    key.patch(path, json!({ "min_payouts": { "jpy": 1500, "EUR": 900 } })).await.ok();
    let changed = key.patch(path, json!({ "min_payouts": { "jpy": null, "kwd": 12_000 } })).await.ok();
    assert_eq!(changed["min_payouts"], json!({ "eur": 900, "kwd": 12_000 }), "what isn't named stays");
    assert_eq!(key.get(path).await.ok(), changed);
    for (wrong, param) in [
        (json!({ "usd": 100 }), "min_payouts.usd"),
        (json!({ "eur": -1 }), "min_payouts.eur"),
        (json!({ "zzz": 1 }), "min_payouts.zzz"),
    ] {
        key.patch(path, json!({ "min_payouts": wrong })).await.refused(422, "invalid_param", Some(param));
    }
    assert_eq!(key.get(path).await.ok(), changed, "a refused change changes nothing");
    let yen = json!({ "name": "Yen", "currency": "jpy", "site_url": "https://shop.example.com" });
    assert_eq!(key.post("/programs", yen).await.ok()["min_payout"], 10, "10 in whole units, in every currency");
}

#[tokio::test]
async fn a_changed_rule_is_a_new_version_and_the_same_rule_is_none() {
    let company = Company::new().await;
    let key = company.api(Scope::Write).await;
    let body = json!({ "program": "partners", "name": "Autumn", "rule": { "type": "percent", "rate": "20" } });
    let made = key.post("/campaigns", body).await.ok();
    assert_eq!((&made["rule_version"], &made["rule"]["rate"]), (&json!(1), &json!("20")));
    let path = format!("/campaigns/{}", made["id"].as_str().unwrap());
    let renamed =
        key.patch(&path, json!({ "name": "Late autumn", "rule": { "type": "percent", "rate": "20.0" } })).await;
    assert_eq!(renamed.ok()["rule_version"], 1);
    let changed =
        key.patch(&path, json!({ "rule": { "type": "percent", "rate": "25", "recurring": "forever" } })).await;
    let changed = changed.ok();
    assert_eq!((&changed["rule_version"], &changed["rule"]["rate"]), (&json!(2), &json!("25")));
    assert_eq!(changed["rule_summary"], "25 % of each payment");
    let versions = key.get(&format!("{path}/rule-versions")).await.ok();
    let rates: Vec<&str> =
        versions["data"].as_array().unwrap().iter().map(|version| version["rule"]["rate"].as_str().unwrap()).collect();
    assert_eq!(rates, ["25", "20"], "the first version is still there");
}
