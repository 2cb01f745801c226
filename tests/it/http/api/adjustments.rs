//! Bonuses and adjustments over the API: due at once, once per key, explained to the affiliate.

use purser::domain::actor::Scope;
use reqwest::Method;
use serde_json::{Value, json};

use super::{Answer, Caller, answer};
use crate::harness::{Company, Partner};

fn order(partner: Partner, kind: &str, amount: i64) -> Value {
    json!({
        "affiliate": partner.affiliate, "program": "partners", "kind": kind, "amount": amount, "currency": "usd",
        "reason": "Best post of the month",
    })
}

async fn with_key(caller: &Caller<'_>, key: &str, body: &Value) -> Answer {
    let request = caller.request(Method::POST, "/commissions").header("Idempotency-Key", key);
    answer(request.body(body.to_string())).await
}

async fn available(company: &Company, partner: Partner) -> Value {
    let me = company.as_affiliate(partner.affiliate).await.get("/me").await.ok();
    me["programs"][0]["stats"]["available_for_payout"].clone()
}

#[tokio::test]
async fn a_bonus_and_an_adjustment_are_due_at_once_explained_and_told() {
    let company = Company::new().await;
    let ada = company.partner("ada").await;
    let key = company.api(Scope::Payouts).await;
    let bonus = key.post("/commissions", order(ada, "bonus", 2_500)).await.ok();
    assert_eq!(
        (&bonus["kind"], &bonus["status"], &bonus["amount"]),
        (&json!("bonus"), &json!("approved"), &json!(2_500))
    );
    key.post("/commissions", order(ada, "adjustment", -3_000)).await.ok();
    assert_eq!(available(&company, ada).await, json!(-500));

    let mine = company.as_affiliate(ada.affiliate).await;
    let lines = mine.get("/me/earnings").await.ok();
    let sentences = |n: usize| lines["data"][n]["explanation"]["sentences"].clone();
    assert_eq!(sentences(1), json!(["The company gave you a bonus of 25.00 USD.", "Best post of the month."]));
    assert_eq!(sentences(0), json!(["The company took 30.00 USD off your balance.", "Best post of the month."]));
    let titles = company.text("select string_agg(title, '; ' order by title) from notifications").await.unwrap();
    assert_eq!(titles, "30.00 USD was taken off your balance; You got a bonus of 25.00 USD");
    assert_eq!(company.count("outgoing_mail").await, 2);
    assert_eq!(company.count("audit_log where action = 'commission.adjusted'").await, 2);
    company.prove_books().await;
}

#[tokio::test]
async fn one_key_adds_one_line_however_long_ago_it_was_used() {
    let company = Company::new().await;
    let ada = company.partner("ada").await;
    let (key, other) = (company.api(Scope::Payouts).await, company.api(Scope::Payouts).await);
    let body = order(ada, "bonus", 2_500);
    let first = with_key(&key, "may", &body).await.ok();
    assert_eq!(with_key(&key, "may", &body).await.ok(), first);
    company.run("delete from api_idempotency".to_owned()).await;
    assert_eq!(with_key(&key, "may", &body).await.ok()["id"], first["id"], "after the kept answer is gone");
    company.run("delete from api_idempotency".to_owned()).await;
    with_key(&key, "may", &order(ada, "bonus", 9_900)).await.refused(409, "idempotency_key_reused", None);
    assert_eq!(available(&company, ada).await, json!(2_500));
    with_key(&other, "may", &body).await.ok();
    key.post("/commissions", body).await.ok();
    assert_eq!(company.lines(ada).await.len(), 3, "another caller's key and no key are other lines");
    assert_eq!(company.count("notifications").await, 3);
    company.prove_books().await;
}

#[tokio::test]
async fn what_cannot_be_added_is_refused_by_its_field_and_adds_nothing() {
    let company = Company::new().await;
    let ada = company.partner("ada").await;
    let key = company.api(Scope::Payouts).await;
    for (field, value, param) in [
        ("kind", json!("commission"), "kind"),
        ("kind", json!("gift"), "kind"),
        ("amount", json!(0), "amount"),
        ("amount", json!(-1), "amount"),
        ("amount", json!(i64::MAX), "amount"),
        ("currency", json!("gold"), "currency"),
        ("reason", json!("  "), "reason"),
        ("program", json!("nowhere"), "program"),
        ("affiliate", json!("aff_00000000000000000000000000"), "affiliate"),
    ] {
        let mut body = order(ada, "bonus", 2_500);
        body[field] = value;
        key.post("/commissions", body).await.refused(422, "invalid_param", Some(param));
    }
    let writer = company.api(Scope::Write).await;
    writer.post("/commissions", order(ada, "bonus", 2_500)).await.refused(403, "forbidden", None);
    assert_eq!(company.lines(ada).await, []);
}
