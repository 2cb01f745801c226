//! A draft rule replayed on past sales: the same figures as the pipeline would post, tiers and caps included, and nothing changed.

use purser::domain::actor::Scope;
use serde_json::{Value, json};

use super::Caller;
use crate::harness::Company;
use crate::harness::events::Purchase;

const FROM: &str = "2027-01-01T00:00:00Z";
const TO: &str = "2027-02-01T00:00:00Z";

/// Sales of 100.00 without tax in January 2027: three of Ada's, each by another customer, and one of Bo's.
async fn sold(rule: Value) -> Company {
    let company = Company::with(rule, &[]).await;
    for name in ["ada", "bo"] {
        company.partner(name).await;
    }
    for (n, code) in [(1, "ada"), (2, "ada"), (3, "ada"), (4, "bo")] {
        let purchase = Purchase { at: 1_800_000_000 + i64::from(n) * 60, ..Purchase::new(n).referred(code) };
        company.take_in(&purchase.one_time()).await;
    }
    company
}

async fn path(key: &Caller<'_>) -> String {
    let campaigns = key.get("/campaigns").await.ok();
    format!("/campaigns/{}", campaigns["data"][0]["id"].as_str().unwrap())
}

/// Name, sales, now, then and difference of each affiliate.
fn rows(replayed: &Value) -> Vec<(&str, i64, i64, i64, i64)> {
    let number = |row: &Value, name: &str| row[name].as_i64().unwrap();
    let list = replayed["data"].as_array().unwrap().iter();
    list.map(|row| {
        let name = row["affiliate_name"].as_str().unwrap();
        (name, number(row, "sales"), number(row, "now"), number(row, "then"), number(row, "difference"))
    })
    .collect()
}

fn plain() -> Value {
    json!({ "type": "percent", "rate": "20", "recurring": "forever" })
}

/// A better rate from the second sale of a month on, and no more than 70.00 a month.
fn draft() -> Value {
    json!({ "type": "percent", "rate": "20", "recurring": "forever", "cap": { "amount": 7_000, "per": "month" },
        "tiers": [{ "metric": "conversions", "window": "month", "at_least": 2, "rate": "30" }] })
}

#[tokio::test]
async fn a_draft_is_priced_on_past_sales_with_its_tiers_and_caps() {
    let company = sold(plain()).await;
    let key = company.api(Scope::Read).await;
    let path = path(&key).await;
    let asked = json!({ "rule": draft(), "from": FROM, "to": TO });
    let replayed = key.post(&format!("{path}/replay"), asked).await.ok();
    // 20.00, then 30.00, then what the cap leaves of 30.00.
    assert_eq!(rows(&replayed), [("ada", 3, 6_000, 7_000, 1_000), ("bo", 1, 2_000, 2_000, 0)]);
    let totals = json!([{ "currency": "usd", "sales": 4, "now": 8_000, "then": 9_000, "difference": 1_000 }]);
    assert_eq!(replayed["totals"], totals);
}

#[tokio::test]
async fn sales_before_the_period_count_for_tiers_and_caps_and_are_in_no_figure() {
    let company = sold(plain()).await;
    let key = company.api(Scope::Read).await;
    let path = path(&key).await;
    // From the third of Ada's sales on.
    let asked = json!({ "rule": draft(), "from": "2027-01-15T08:02:30Z", "to": TO });
    let replayed = key.post(&format!("{path}/replay"), asked).await.ok();
    assert_eq!(rows(&replayed), [("ada", 1, 2_000, 2_000, 0), ("bo", 1, 2_000, 2_000, 0)]);
    let nobody = json!({ "rule": draft(), "from": "2026-01-01T00:00:00Z", "to": FROM });
    assert_eq!(rows(&key.post(&format!("{path}/replay"), nobody).await.ok()), []);
}

#[tokio::test]
async fn a_rule_replayed_on_what_it_priced_makes_no_difference() {
    let company = sold(draft()).await;
    let key = company.api(Scope::Read).await;
    let path = path(&key).await;
    let asked = json!({ "rule": draft(), "from": FROM, "to": TO });
    let replayed = key.post(&format!("{path}/replay"), asked).await.ok();
    assert_eq!(rows(&replayed), [("ada", 3, 7_000, 7_000, 0), ("bo", 1, 2_000, 2_000, 0)]);
}

#[tokio::test]
async fn a_replay_changes_no_row() {
    let company = sold(plain()).await;
    let key = company.api(Scope::Read).await;
    let path = path(&key).await;
    // Every table's content, but for what a request itself leaves behind.
    let content = "select md5(string_agg(query_to_xml(format('select * from %I order by 1', table_name), false, false, '')::text, ''
            order by table_name)) from information_schema.tables
        where table_schema = 'public' and table_type = 'BASE TABLE' and table_name not like 'api_%'";
    let before = company.text(content).await;
    assert!(before.is_some());
    key.post(&format!("{path}/replay"), json!({ "rule": draft(), "from": FROM, "to": TO })).await.ok();
    assert_eq!(company.text(content).await, before);
}

#[tokio::test]
async fn a_replay_that_cant_be_is_refused_with_its_field() {
    let company = Company::new().await;
    let key = company.api(Scope::Read).await;
    let path = format!("{}/replay", path(&key).await);
    let wrong = json!({ "rule": { "type": "percent", "rate": "200" } });
    key.post(&path, wrong).await.refused(422, "invalid_param", Some("rule.rate"));
    let backwards = json!({ "rule": plain(), "from": TO, "to": FROM });
    key.post(&path, backwards).await.refused(422, "invalid_param", Some("to"));
    let ada = company.partner("ada").await;
    let affiliate = company.as_affiliate(ada.affiliate).await;
    affiliate.post(&path, json!({ "rule": plain() })).await.refused(403, "forbidden", None);
}

/// A campaign of the program, made now.
async fn made(key: &Caller<'_>, more: Value) -> String {
    let mut body = json!({ "program": "partners", "name": "Autumn", "rule": plain(), "active": false });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    key.post("/campaigns", body).await.ok()["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_campaign_that_priced_nothing_is_replayed_on_what_it_would_have_priced() {
    let company = sold(plain()).await;
    let key = company.api(Scope::Write).await;
    // The fifth sale is Ada's, by a coupon.
    let codes = json!([{ "promotion_code": { "id": "promo_1", "code": "ada20" } }]);
    let at = 1_800_000_000 + 600;
    company.take_in(&[Purchase { at, discounts: codes, ..Purchase::new(5) }.session()]).await;
    let all = async |id: &str| {
        let asked = json!({ "rule": draft(), "from": FROM, "to": TO });
        key.post(&format!("/campaigns/{id}/replay"), asked).await.ok()
    };
    let undated = all(&made(&key, json!({})).await).await;
    assert_eq!(undated["whole_program"], true);
    assert_eq!(rows(&undated), [("ada", 4, 8_000, 7_000, -1_000), ("bo", 1, 2_000, 2_000, 0)]);
    // It would have begun before the third sale, and ended before Bo's.
    let dated = json!({ "starts_at": "2027-01-15T08:02:30Z", "ends_at": "2027-01-15T08:03:30Z" });
    let dated = all(&made(&key, dated).await).await;
    assert_eq!(rows(&dated), [("ada", 1, 2_000, 2_000, 0)]);

    // Another campaign that started later comes first, and one to which the coupon belongs keeps its sales.
    made(&key, json!({ "active": true, "starts_at": "2027-01-15T08:01:30Z", "ends_at": "2027-01-15T08:02:30Z" })).await;
    made(&key, json!({ "active": true, "ends_at": "2020-01-01T00:00:00Z", "coupons": ["ada20"] })).await;
    let beside = all(&made(&key, json!({})).await).await;
    assert_eq!(rows(&beside), [("ada", 2, 4_000, 5_000, 1_000), ("bo", 1, 2_000, 2_000, 0)]);
    let own = key.post(&format!("/campaigns/{}/replay", company.campaign), json!({ "rule": draft() })).await.ok();
    assert_eq!(own["whole_program"], false);
    company.prove_books().await;
}

#[tokio::test]
async fn whom_a_draft_would_have_won_stays_its_own_and_is_numbered_in_it() {
    let company = Company::with(plain(), &[]).await;
    company.partner("ada").await;
    let key = company.api(Scope::Write).await;
    let first = Purchase { at: 1_800_000_000, ..Purchase::new(1) }.referred("ada");
    let again = |n: u32, days: i64| Purchase {
        at: first.at + days * 86_400,
        customer: first.customer.clone(),
        email: first.email.clone(),
        ..Purchase::new(n)
    };
    company.take_in(&[first.session(), again(2, 1).session(), again(3, 2).session()]).await;
    let twice = json!({ "type": "percent", "rate": "50", "recurring": { "payments": 2 } });
    let replay = async |more: Value| {
        let id = made(&key, more).await;
        let asked = json!({ "rule": twice, "from": FROM, "to": TO });
        key.post(&format!("/campaigns/{id}/replay"), asked).await.ok()
    };
    // It ended after the first sale, and the two that follow are its own as well.
    let won = replay(json!({ "ends_at": "2027-01-15T08:00:01Z" })).await;
    assert_eq!(rows(&won), [("ada", 3, 6_000, 10_000, 4_000)]);
    // It began after the first sale, which keeps the rest for its own campaign.
    assert_eq!(rows(&replay(json!({ "starts_at": "2027-01-15T08:00:01Z" })).await), []);
}
