//! Affiliates' claims: what they and the company see of them, and what a decision does.

use chrono::Utc;
use purser::domain::actor::Scope;
use serde_json::{Value, json};

use super::Caller;
use crate::harness::Company;
use crate::harness::events::Purchase;

/// A purchase of today that names nobody, unless it is changed.
fn purchase(n: u32) -> Purchase {
    Purchase { at: Utc::now().timestamp() - 60, ..Purchase::new(n) }
}

fn today() -> String {
    Utc::now().date_naive().to_string()
}

fn of_customer(n: u32) -> Value {
    json!({ "email": format!(" KIM{n}@buyers.example.com "), "bought_on": today() })
}

async fn open_claims(company: &Company) -> Vec<Value> {
    let list = company.api(Scope::Read).await.get("/claims?status=open").await.ok();
    list["data"].as_array().unwrap().clone()
}

async fn decide(key: &Caller<'_>, claim: &Value, what: &str, body: Value) -> super::Answer {
    key.post(&format!("/claims/{}/{what}", claim["id"].as_str().unwrap()), body).await
}

#[tokio::test]
async fn an_accepted_claim_credits_the_sale_and_the_affiliate_sees_what_it_earned() {
    let company = Company::new().await;
    let (ada, _ben) = (company.partner("ada").await, company.partner("ben").await);
    company.take_in(&purchase(1).one_time()).await;
    let (mine, key) = (company.as_affiliate(ada.affiliate).await, company.api(Scope::Write).await);
    let made = mine.post("/me/claims", of_customer(1)).await.ok();
    assert_eq!((&made["status"], &made["email"]), (&json!("open"), &json!("kim1@buyers.example.com")));

    let claim = open_claims(&company).await.remove(0);
    let detail = key.get(&format!("/claims/{}", claim["id"].as_str().unwrap())).await.ok();
    let found = &detail["matches"][0];
    assert_eq!((&found["affiliate"], &found["reason"]), (&Value::Null, &json!("no_code")));
    assert!(found["why"].as_str().unwrap().contains("e-mail"), "{found}");
    let accepted = decide(&key, &claim, "accept", json!({ "sale": found["id"] })).await.ok();
    assert_eq!((&accepted["status"], &accepted["sale"]), (&json!("accepted"), &found["id"]));

    let lines = mine.get("/me/earnings").await.ok();
    let seen = mine.get("/me/claims").await.ok();
    assert_eq!(seen["data"][0]["commission"], lines["data"][0]["id"]);
    assert_eq!((&lines["data"][0]["amount"], lines["data"].as_array().unwrap().len()), (&json!(2_000), 1));
    assert_eq!(company.count("notifications where kind = 'claim_accepted'").await, 1);
    assert_eq!(company.count("outgoing_mail where subject = 'Your claim was accepted'").await, 1);
    assert_eq!(company.count("audit_log where action in ('claim.made', 'claim.accepted', 'sale.attributed')").await, 3);
    decide(&key, &claim, "accept", json!({ "sale": found["id"] })).await.refused(409, "already_decided", None);
    decide(&key, &claim, "decline", json!({ "reason": "Too late" })).await.refused(409, "already_decided", None);
    company.prove_books().await;
}

#[tokio::test]
async fn a_claim_finds_the_sale_by_the_number_of_its_invoice() {
    let company = Company::new().await;
    let ada = company.partner("ada").await;
    let mut invoice = purchase(1).invoice("subscription_create");
    invoice["data"]["object"]["number"] = json!("A1B2C3D4-0007");
    company.take_in(&[invoice, purchase(2).session()]).await;
    let mine = company.as_affiliate(ada.affiliate).await;
    let long_ago = json!({ "reference": " a1b2c3d4-0007", "bought_on": "2020-01-31" });
    mine.post("/me/claims", long_ago).await.ok();
    let key = company.api(Scope::Write).await;
    let claim = open_claims(&company).await.remove(0);
    let detail = key.get(&format!("/claims/{}", claim["id"].as_str().unwrap())).await.ok();
    let matches = detail["matches"].as_array().unwrap();
    assert_eq!((matches.len(), &matches[0]["invoice_numbers"]), (1, &json!(["A1B2C3D4-0007"])));
    assert_eq!(matches[0]["reason"], json!("no_code"), "a number names nobody");
}

#[tokio::test]
async fn a_claim_tells_its_affiliate_nothing_of_other_people_s_sales() {
    let company = Company::new().await;
    let (ada, ben) = (company.partner("ada").await, company.partner("ben").await);
    company.take_in(&purchase(1).referred("ben").one_time()).await;
    let (mine, theirs) = (company.as_affiliate(ada.affiliate).await, company.as_affiliate(ben.affiliate).await);
    let body = |reference: &str| json!({ "reference": reference, "bought_on": today() });
    let (there, nowhere) =
        (mine.post("/me/claims", body("cs_1")).await.ok(), mine.post("/me/claims", body("cs_404")).await.ok());
    let without = |mut claim: Value| {
        for own in ["id", "reference", "created_at"] {
            claim[own] = Value::Null;
        }
        claim
    };
    assert_eq!(without(there.clone()), without(nowhere), "a sale that is there and one that isn't are answered alike");
    assert_eq!(without(there.clone())["commission"], Value::Null);
    assert_eq!(mine.get("/me/claims").await.ok()["data"].as_array().unwrap().len(), 2);
    assert_eq!(theirs.get("/me/claims").await.ok()["data"], json!([]), "nobody sees another's claims");

    let key = company.api(Scope::Write).await;
    let sale = key.get("/sales").await.ok()["data"][0]["id"].clone();
    let refused = decide(&key, &there, "accept", json!({ "sale": sale })).await;
    refused.refused(409, "already_attributed", None);
    assert_eq!(open_claims(&company).await.len(), 2, "the refused claim is still open");
    assert_eq!((company.lines(ada).await.len(), company.lines(ben).await.len()), (0, 1));
    assert_eq!(company.count("notifications where kind like 'claim%'").await, 0);
}

#[tokio::test]
async fn a_declined_claim_says_why_and_may_be_made_again() {
    let company = Company::new().await;
    let ada = company.partner("ada").await;
    let (mine, key) = (company.as_affiliate(ada.affiliate).await, company.api(Scope::Write).await);
    mine.post("/me/claims", of_customer(1)).await.ok();
    mine.post("/me/claims", of_customer(1)).await.refused(409, "already_claimed", None);
    let claim = open_claims(&company).await.remove(0);
    decide(&key, &claim, "decline", json!({ "reason": "  " })).await.refused(422, "invalid_param", Some("reason"));
    decide(&key, &claim, "decline", json!({ "reason": "We know of no such order" })).await.ok();
    let seen = mine.get("/me/claims").await.ok();
    assert_eq!(
        (&seen["data"][0]["status"], &seen["data"][0]["reason"]),
        (&json!("declined"), &json!("We know of no such order"))
    );
    let told = company.text("select body from notifications where kind = 'claim_declined'").await.unwrap();
    assert!(told.contains("kim1@buyers.example.com") && told.ends_with("We know of no such order."), "{told}");
    mine.post("/me/claims", of_customer(1)).await.ok();
    assert_eq!(open_claims(&company).await.len(), 1);
}

#[tokio::test]
async fn claims_that_say_too_little_or_come_too_often_are_refused() {
    let company = Company::new().await;
    let ada = company.partner("ada").await;
    let mine = company.as_affiliate(ada.affiliate).await;
    for (body, param) in [
        (json!({ "bought_on": today() }), "email"),
        (json!({ "email": "not an address", "bought_on": today() }), "email"),
        (json!({ "email": "kim@example.com", "bought_on": "yesterday" }), "bought_on"),
        (json!({ "email": "kim@example.com", "bought_on": "2999-01-01" }), "bought_on"),
        (json!({ "reference": "a\nb", "bought_on": today() }), "reference"),
        (json!({ "reference": "in_1", "bought_on": today(), "note": "n".repeat(1_001) }), "note"),
    ] {
        mine.post("/me/claims", body).await.refused(422, "invalid_param", Some(param));
    }
    for n in 0..20 {
        mine.post("/me/claims", json!({ "reference": format!("in_{n}"), "bought_on": today() })).await.ok();
    }
    let late = mine.post("/me/claims", json!({ "reference": "in_20", "bought_on": today() })).await;
    late.refused(429, "too_many_tries", None);
    assert_eq!(open_claims(&company).await.len(), 20);
}

#[tokio::test]
async fn the_sales_that_may_be_meant_stand_in_the_order_of_what_speaks_for_them() {
    let company = Company::new().await;
    let ada = company.partner("ada").await;
    let long_ago = Utc::now().timestamp() - 86_400 * 30;
    let (by_day, by_reference) = (purchase(1), Purchase { at: long_ago, ..Purchase::new(2) });
    let (by_email, other) =
        (Purchase { at: long_ago, ..Purchase::new(3) }, Purchase { at: long_ago, ..Purchase::new(4) });
    let free = Purchase { paid: 0, tax: 0, ..purchase(5) };
    for purchase in [&by_day, &by_reference, &by_email, &other] {
        company.take_in(&purchase.one_time()).await;
    }
    company.take_in(&[free.session()]).await;
    let mine = company.as_affiliate(ada.affiliate).await;
    let body = json!({ "reference": "pi_2", "email": "kim3@buyers.example.com", "bought_on": today() });
    let claim = mine.post("/me/claims", body).await.ok();
    let key = company.api(Scope::Read).await;
    let detail = key.get(&format!("/claims/{}", claim["id"].as_str().unwrap())).await.ok();
    let found: Vec<_> =
        detail["matches"].as_array().unwrap().iter().map(|sale| sale["email"].as_str().unwrap()).collect();
    assert_eq!(found, ["kim2@buyers.example.com", "kim3@buyers.example.com", "kim1@buyers.example.com"]);
    let why: Vec<_> = detail["matches"].as_array().unwrap().iter().map(|sale| sale["why"].as_str().unwrap()).collect();
    assert!(why[0].contains("reference") && why[1].contains("30 days") && why[2].contains("nobody"), "{why:?}");
}
