//! Refunds and disputes over the API: those of a sale, and those that wait for one.

use purser::domain::actor::Scope;
use serde_json::json;

use crate::harness::Company;
use crate::harness::events::{Purchase, Shape};
use crate::harness::story::Story;

fn story() -> Story {
    // The ids of `Purchase`'s payment.
    Story { tag: "1".to_owned(), shape: Shape::New }
}

#[tokio::test]
async fn a_sale_tells_its_refunds_and_disputes() {
    let company = Company::new().await;
    company.partner("ada").await;
    company.take_in(&Purchase::new(1).referred("ada").one_time()).await;
    let s = story();
    let of = json!({ "charge": "ch_1", "payment_intent": "pi_1" });
    let mut refund = s.refund(1, 1, 6_000, "succeeded");
    let mut dispute = s.dispute(1, 1, 3_000, "needs_response", "created");
    for (event, id) in [(&mut refund, "evt_refund"), (&mut dispute, "evt_dispute")] {
        event["id"] = json!(id);
        event["data"]["object"].as_object_mut().unwrap().extend(of.as_object().unwrap().clone());
    }
    company.take_in(&[refund, dispute]).await;
    let reader = company.api(Scope::Read).await;
    let listed = reader.get("/sales").await.ok();
    assert_eq!(listed["data"][0]["amount_refunded"], 6_000);
    let shown = reader.get(&format!("/sales/{}", listed["data"][0]["id"].as_str().unwrap())).await.ok();
    let refund = &shown["refunds"][0];
    assert_eq!(
        (&refund["id"], &refund["amount"], &refund["currency"]),
        (&json!("re_1x1"), &json!(6_000), &json!("usd"))
    );
    assert_eq!((&refund["status"], &refund["counts"]), (&json!("succeeded"), &json!(true)));
    assert_eq!(refund["at"], "2027-01-16T08:00:00Z");
    let dispute = &shown["disputes"][0];
    assert_eq!((&dispute["id"], &dispute["amount"]), (&json!("dp_1x1"), &json!(3_000)));
    assert_eq!((&dispute["status"], &dispute["open"]), (&json!("needs_response"), &json!(true)));
}

#[tokio::test]
async fn what_waits_for_its_sale_says_so_and_still_waits_when_it_is_taken_up_too_early() {
    let company = Company::new().await;
    company.partner("ada").await;
    let s = story();
    let mut refund = s.refund(1, 1, 6_000, "pending");
    refund["id"] = json!("evt_refund");
    company.take_in(&[refund]).await;
    let writer = company.api(Scope::Write).await;
    let parked = writer.get("/webhook-events?status=parked").await.ok();
    assert_eq!(parked["data"][0]["id"], "evt_refund");
    assert_eq!(parked["data"][0]["error"], "refund re_1x1 waits for the sale of ch_1x1");
    writer.post("/webhook-events/evt_refund/replay", json!({})).await.ok();
    company.drain().await;
    let parked = writer.get("/webhook-events?status=parked").await.ok();
    assert_eq!(parked["data"].as_array().unwrap().len(), 1, "{parked}");
}
