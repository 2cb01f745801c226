//! Sales, commissions, webhook events and the books as the API shows them.

use purser::domain::actor::Scope;
use serde_json::{Value, json};

use crate::harness::Company;
use crate::harness::events::Purchase;

fn ids(list: &Value) -> Vec<&str> {
    list["data"].as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_commission_says_what_it_is_worth_and_why() {
    let company = Company::new().await;
    let ada = company.partner("ada").await;
    company.take_in(&Purchase::new(1).referred("ada").one_time()).await;
    let key = company.api(Scope::Read).await;
    let list = key.get("/commissions").await.ok();
    let line = &list["data"][0];
    assert_eq!(line["affiliate"], json!(ada.affiliate));
    assert_eq!(
        (&line["status"], &line["kind"], &line["currency"]),
        (&json!("pending"), &json!("commission"), &json!("usd"))
    );
    for absent in ["corrects", "finalized_at", "paid_at", "payout_item"] {
        assert_eq!(line.get(absent), Some(&Value::Null), "{absent} is there, and null");
    }
    assert!(line["matures_at"].as_str() > line["created_at"].as_str());
    let sale = key.get(&format!("/sales/{}", line["sale"].as_str().unwrap())).await.ok();
    assert_eq!((&sale["attributed"], &sale["affiliate"]), (&json!(true), &json!(ada.affiliate)));

    let month = line["created_at"].as_str().unwrap().get(..7).unwrap().to_owned();
    let (affiliate, sale) = (ada.affiliate.to_string(), line["sale"].as_str().unwrap());
    for filter in [
        "status=pending".to_owned(),
        "kind=commission".to_owned(),
        "program=partners".to_owned(),
        format!("affiliate={affiliate}"),
        format!("sale={sale}"),
        format!("period={month}"),
        "search=AD".to_owned(),
        "search=ada%40partners".to_owned(),
    ] {
        assert_eq!(ids(&key.get(&format!("/commissions?{filter}")).await.ok()).len(), 1, "{filter}");
    }
    for filter in ["status=paid", "kind=bonus", "period=2001-01", "search=bo"] {
        assert_eq!(ids(&key.get(&format!("/commissions?{filter}")).await.ok()).len(), 0, "{filter}");
    }
}

#[tokio::test]
async fn a_sale_of_nobody_gives_its_reason_and_can_be_credited_by_hand() {
    let company = Company::new().await;
    let ada = company.partner("ada").await;
    let bo = company.partner("bo").await;
    company.take_in(&Purchase::new(1).one_time()).await;
    let key = company.api(Scope::Write).await;
    let list = key.get("/sales?attributed=false").await.ok();
    let sale = &list["data"][0];
    assert_eq!((&sale["reason"], &sale["affiliate"]), (&json!("no_code"), &Value::Null));
    assert!(sale["reason_message"].as_str().unwrap().len() > 10);
    let path = format!("/sales/{}/attribute", sale["id"].as_str().unwrap());
    key.post(&path, json!({ "affiliate": "aff_nobody" })).await.refused(422, "invalid_param", Some("affiliate"));
    let credited = key.post(&path, json!({ "affiliate": ada.affiliate })).await.ok();
    assert_eq!((&credited["affiliate"], &credited["reason"]), (&json!(ada.affiliate), &Value::Null));
    assert_eq!(company.lines(ada).await.len(), 1);
    key.post(&path, json!({ "affiliate": ada.affiliate })).await.ok();
    assert_eq!(company.lines(ada).await.len(), 1, "again changes nothing");
    key.post(&path, json!({ "affiliate": bo.affiliate })).await.refused(409, "already_attributed", None);
    assert_eq!(ids(&key.get("/sales?attributed=false").await.ok()).len(), 0);
    company.prove_books().await;
}

#[tokio::test]
async fn events_are_listed_and_only_those_that_need_it_are_taken_up_again() {
    let company = Company::new().await;
    company
        .take_in(&[
            Purchase::new(1).session(),
            json!({ "id": "evt_odd", "type": "plan.created",
        "created": 1_760_000_000, "data": { "object": { "id": "plan_1", "object": "plan" } } }),
        ])
        .await;
    let key = company.api(Scope::Write).await;
    let ignored = key.get("/webhook-events?status=ignored").await.ok();
    assert_eq!(ids(&ignored), ["evt_odd"]);
    let processed = key.get("/webhook-events?type=checkout.session.completed").await.ok();
    let event = &processed["data"][0];
    assert_eq!(event["status"], "processed");
    let path = format!("/webhook-events/{}", event["id"].as_str().unwrap());
    assert!(key.get(&path).await.ok()["payload"].as_str().unwrap().contains("checkout.session"));
    key.post(&format!("{path}/replay"), json!({})).await.refused(409, "not_replayable", None);
    let replayed = key.post("/webhook-events/evt_odd/replay", json!({})).await.ok();
    assert_eq!(replayed["status"], "received");
    key.post("/webhook-events/evt_none/replay", json!({})).await.refused(404, "not_found", None);
}

#[tokio::test]
async fn the_books_are_shown_and_proven() {
    let company = Company::new().await;
    let ada = company.partner("ada").await;
    company.take_in(&Purchase::new(1).referred("ada").one_time()).await;
    let key = company.api(Scope::Read).await;
    let amount = company.lines(ada).await[0].amount_minor;
    let trial = key.get("/ledger/trial-balance").await.ok();
    assert_eq!(trial["totals"], json!([{ "currency": "usd", "amount": 0 }]));
    assert_eq!(trial["data"][1], json!({ "account": "pending", "currency": "usd", "amount": amount, "entries": 1 }));
    let transactions = key.get(&format!("/ledger/transactions?affiliate={}", ada.affiliate)).await.ok();
    let entries = &transactions["data"][0]["entries"];
    assert_eq!(entries[0]["amount"].as_i64().unwrap() + entries[1]["amount"].as_i64().unwrap(), 0);
    assert_eq!(key.get("/ledger/verify").await.ok()["ok"], true);
    company.run("update balances set pending_minor = pending_minor + 1".to_owned()).await;
    let broken = key.get("/ledger/verify").await.ok();
    assert_eq!((&broken["ok"], &broken["discrepancy"]["id"]), (&json!(false), &json!(ada.enrollment)));
}

#[tokio::test]
async fn a_lead_belongs_to_an_affiliate_and_a_customer_to_one_lead() {
    let company = Company::new().await;
    let ada = company.partner("ada").await;
    let key = company.api(Scope::Write).await;
    let body = json!({ "email": "Buyer@Example.com", "stripe_customer_id": "cus_1", "affiliate": ada.affiliate });
    let lead = key.post("/leads", body.clone()).await.ok();
    assert_eq!((&lead["email"], &lead["source"]), (&json!("buyer@example.com"), &json!("api")));
    key.post("/leads", body).await.refused(409, "customer_taken", None);
    key.post("/leads", json!({ "affiliate": ada.affiliate })).await.refused(422, "invalid_param", Some("email"));
    let path = format!("/leads/{}", lead["id"].as_str().unwrap());
    let wrong = key.patch(&path, json!({ "stripe_customer_id": "someone" })).await;
    wrong.refused(422, "invalid_param", Some("stripe_customer_id"));
    let changed = key.patch(&path, json!({ "stripe_customer_id": "cus_2" })).await.ok();
    assert_eq!((&changed["stripe_customer_id"], &changed["email"]), (&json!("cus_2"), &lead["email"]));
}
