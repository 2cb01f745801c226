//! A campaign's rule over time: each version prices the sales paid while it is in force, whenever their events arrive, and one
//! that is still to come can be taken back.

use purser::domain::actor::Scope;
use serde_json::{Value, json};

use super::Caller;
use crate::harness::Company;
use crate::harness::events::Purchase;

/// When the harness's purchases are paid, and an hour before it and after.
const PAID_AT: i64 = 1_800_000_000;
const BEFORE: &str = "2027-01-15T07:00:00Z";
const AFTER: &str = "2027-01-15T09:00:00Z";

async fn campaign(key: &Caller<'_>) -> String {
    let campaigns = key.get("/campaigns").await.ok();
    format!("/campaigns/{}", campaigns["data"][0]["id"].as_str().unwrap())
}

fn percent(rate: &str) -> Value {
    json!({ "type": "percent", "rate": rate, "recurring": "forever" })
}

/// Number, state and rate of each version, newest first.
fn versions(answer: &Value) -> Vec<(i64, &str, &str)> {
    let list = answer["versions"].as_array().or_else(|| answer["data"].as_array()).unwrap();
    let told = |version: &Value| version["created_by"].is_string() && version["summary"].is_string();
    assert!(list.iter().all(told), "{list:?}");
    list.iter()
        .map(|version| {
            (
                version["version"].as_i64().unwrap(),
                version["state"].as_str().unwrap(),
                version["rule"]["rate"].as_str().unwrap(),
            )
        })
        .collect()
}

#[tokio::test]
async fn a_sale_is_priced_by_the_version_in_force_when_it_was_paid_whenever_its_event_arrives() {
    let company = Company::new().await;
    let ada = company.partner("ada").await;
    let key = company.api(Scope::Write).await;
    let path = campaign(&key).await;
    let changed = key.patch(&path, json!({ "rule": percent("30"), "effective_from": AFTER })).await.ok();
    assert_eq!(
        (&changed["rule"]["rate"], &changed["rule_version"]),
        (&json!("20"), &json!(1)),
        "it is not in force yet"
    );
    assert_eq!(versions(&changed), [(2, "scheduled", "30"), (1, "in_force", "20")]);
    assert_eq!(changed["versions"][0]["differences"], json!(["Rate: 20 % → 30 %"]));

    let late = Purchase { at: PAID_AT, ..Purchase::new(1).referred("ada") };
    let later = Purchase { at: PAID_AT + 7_200, ..Purchase::new(2).referred("ada") };
    company.take_in(&[later.session(), late.session()]).await;
    let amounts: Vec<i64> = company.lines(ada).await.iter().map(|line| line.amount_minor).collect();
    assert_eq!(amounts, [3_000, 2_000], "10,000 at 30 % after the change, at 20 % before it");
    let priced = "select string_agg(r.version::text, ',' order by s.paid_at) from conversions c
        join sales s on s.id = c.sale_id join rule_versions r on r.id = c.rule_version_id";
    assert_eq!(company.text(priced).await.as_deref(), Some("1,2"));
}

#[tokio::test]
async fn a_scheduled_version_is_withdrawn_before_it_counts_and_the_others_stand() {
    let company = Company::new().await;
    let ada = company.partner("ada").await;
    let key = company.api(Scope::Write).await;
    let path = campaign(&key).await;
    key.patch(&path, json!({ "rule": percent("30"), "effective_from": BEFORE })).await.ok();
    key.patch(&path, json!({ "rule": percent("40"), "effective_from": AFTER })).await.ok();
    let left = key.post(&format!("{path}/rule-versions/2/withdraw"), json!({})).await.ok();
    assert_eq!(versions(&left), [(3, "scheduled", "40"), (2, "withdrawn", "30"), (1, "in_force", "20")]);
    assert_eq!(left["data"][0]["differences"], json!(["Rate: 20 % → 40 %"]), "version 3 now follows version 1");
    let again = key.post(&format!("{path}/rule-versions/2/withdraw"), json!({})).await.ok();
    assert_eq!(again, left, "twice is once");

    company.take_in(&[Purchase::new(1).referred("ada").session()]).await;
    assert_eq!(company.lines(ada).await[0].amount_minor, 2_000);
    let acts = "audit_log where action = 'campaign.rule_withdrawn'";
    assert_eq!(company.count(acts).await, 1);
    let refused = key.post(&format!("{path}/rule-versions/1/withdraw"), json!({})).await;
    refused.refused(409, "already_in_force", None);
    key.post(&format!("{path}/rule-versions/9/withdraw"), json!({})).await.refused(404, "not_found", None);
}

#[tokio::test]
async fn a_rule_from_the_past_is_refused_and_nothing_is_written() {
    let company = Company::new().await;
    let key = company.api(Scope::Write).await;
    let path = campaign(&key).await;
    let past = json!({ "name": "Other", "rule": percent("30"), "effective_from": "2026-01-01T00:00:00Z" });
    key.patch(&path, past).await.refused(422, "invalid_param", Some("effective_from"));
    let alone = key.patch(&path, json!({ "name": "Other", "effective_from": AFTER })).await;
    alone.refused(422, "invalid_param", Some("effective_from"));
    let kept = key.get(&path).await.ok();
    assert_eq!((kept["name"].as_str(), versions(&kept)), (Some("Spring"), vec![(1, "in_force", "20")]));
    let reader = company.api(Scope::Read).await;
    reader.post(&format!("{path}/rule-versions/1/withdraw"), json!({})).await.refused(403, "forbidden", None);
}

#[tokio::test]
async fn a_rule_that_will_be_in_force_anyway_is_no_new_version() {
    let company = Company::new().await;
    let key = company.api(Scope::Write).await;
    let path = campaign(&key).await;
    key.patch(&path, json!({ "rule": percent("30"), "effective_from": BEFORE })).await.ok();
    key.patch(&path, json!({ "rule": percent("30.0"), "effective_from": AFTER })).await.ok();
    let back = key.patch(&path, json!({ "rule": percent("20"), "effective_from": AFTER })).await.ok();
    assert_eq!(versions(&back), [(3, "scheduled", "20"), (2, "scheduled", "30"), (1, "in_force", "20")]);
}

#[tokio::test]
async fn coupons_of_the_programs_affiliates_belong_to_one_campaign() {
    let company = Company::new().await;
    company.partner("ada").await;
    let key = company.api(Scope::Write).await;
    let body =
        |coupons: Value| json!({ "program": "partners", "name": "Fair", "rule": percent("50"), "coupons": coupons });
    key.post("/campaigns", body(json!(["nobody20"]))).await.refused(422, "invalid_param", Some("coupons"));
    let made = key.post("/campaigns", body(json!([" ADA20 "]))).await.ok();
    assert_eq!(made["coupons"], json!(["ada20"]));
    key.post("/campaigns", body(json!(["ada20"]))).await.refused(422, "invalid_param", Some("coupons"));
    assert_eq!(company.count("campaigns").await, 2, "what was refused is not there");
    let path = format!("/campaigns/{}", made["id"].as_str().unwrap());
    assert_eq!(key.patch(&path, json!({ "name": "Book fair" })).await.ok()["coupons"], json!(["ada20"]));
    assert_eq!(key.patch(&path, json!({ "coupons": [] })).await.ok()["coupons"], json!([]));
    assert_eq!(company.count("coupons where campaign_id is not null").await, 0);
}
