//! What the pages and the API tell of payouts that are on their way, or went back: the reason that is known, what a later payout
//! paid, what came back, and nothing twice.

use purser::Engine;
use purser::desk::payouts;
use purser::domain::actor::Scope;
use purser::domain::batch::{BatchStatus, ItemStatus};
use serde_json::{Value, json};

use crate::harness::{ADMIN, Payer};

fn list(answer: &Value) -> &Vec<Value> {
    answer["data"].as_array().unwrap()
}

#[tokio::test]
async fn while_stripe_can_not_be_reached_each_payout_says_so_and_when_it_is_tried_again() {
    let payer = Payer::deaf().await;
    for name in ["ada", "ben"] {
        let partner = payer.ready_partner(name).await;
        payer.earn(partner, 5_000, "usd").await;
    }
    let batch = payer.process_now().await;
    let mut config = (*payer.engine().config).clone();
    // Nothing listens there.
    config.stripe.api_base = Some("http://127.0.0.1:9".to_owned());
    let cut_off = Engine::new(config, payer.engine().pool.clone());
    purser::jobs::payouts::run_until_idle(&cut_off).await;
    let key = payer.company.api(Scope::Payouts).await;
    for item in list(&key.get(&format!("/payout-batches/{batch}/items")).await.ok()) {
        assert_eq!((&item["status"], &item["error_code"]), (&json!("pending"), &json!("unreachable")));
        assert!(item["next_try_at"].is_string() && item["attempts"].as_i64() >= Some(1), "{item}");
    }
    let troubles = payouts::troubles(&ADMIN, payer.engine(), batch).await.unwrap();
    assert_eq!((troubles.len(), troubles[0].code.as_str(), troubles[0].items), (1, "unreachable", 2));
    payer.work_until(batch, BatchStatus::Completed).await;
    assert!(payouts::troubles(&ADMIN, payer.engine(), batch).await.unwrap().is_empty());
    assert_eq!(payer.count_transfers_at_most_one_each().await, 2);
}

#[tokio::test]
async fn a_failed_payout_whose_money_a_later_one_has_names_that_one_and_is_not_to_be_tried_again() {
    let payer = Payer::deaf().await;
    let ada = payer.ready_partner("ada").await;
    payer.earn(ada, 5_000, "usd").await;
    payer.fault("account_disabled", 1).await;
    let batch = payer.process_now().await;
    let view = payer.work_until(batch, BatchStatus::Completed).await;
    assert_eq!((view.summary.failed.count, view.summary.retryable.count), (1, 1));
    assert!(payer.items(batch).await[0].is_retryable());
    payer.earn(ada, 1_000, "usd").await;
    let next = payer.process_now().await;
    assert!(!payer.items(batch).await[0].is_retryable(), "its money is on its way");
    payer.work_until(next, BatchStatus::Completed).await;
    let key = payer.company.api(Scope::Payouts).await;
    let failed = key.get(&format!("/payout-batches/{batch}/items")).await.ok()["data"][0].clone();
    let paid_by = payer.items(next).await.remove(0).id;
    assert_eq!((&failed["status"], &failed["paid_by"]), (&json!("failed"), &json!(paid_by)));
    assert!(failed["paid_by_at"].is_string(), "{failed}");
    let summary = &key.get(&format!("/payout-batches/{batch}")).await.ok()["summary"];
    assert_eq!((&summary["failed"]["count"], &summary["retryable"]["count"]), (&json!(1), &json!(0)));
}

#[tokio::test]
async fn what_came_back_in_part_is_in_the_summary() {
    let payer = Payer::new().await;
    let ada = payer.ready_partner("ada").await;
    payer.earn(ada, 2_500, "usd").await;
    let batch = payer.process_now().await;
    payer.work_until(batch, BatchStatus::Completed).await;
    let key = payer.company.api(Scope::Payouts).await;
    let item = payer.items(batch).await.remove(0).id;
    key.post(&format!("/payout-items/{item}/reverse"), json!({ "amount": 2_400, "reason": "By mistake" })).await.ok();
    let summary = &key.get(&format!("/payout-batches/{batch}")).await.ok()["summary"];
    let one = |amount: i64| json!({ "count": 1, "amounts": [{ "amount": amount, "currency": "usd" }] });
    assert_eq!((&summary["posted"], &summary["returned"]), (&one(2_500), &one(2_400)));
}

#[tokio::test]
async fn an_affiliate_sees_no_failure_where_another_try_took_its_place() {
    let payer = Payer::deaf().await;
    let ada = payer.ready_partner("ada").await;
    payer.earn(ada, 5_000, "usd").await;
    payer.fault("balance_insufficient", 1).await;
    let batch = payer.process_now().await;
    payer.work_until(batch, BatchStatus::Completed).await;
    assert_eq!(payer.items(batch).await.len(), 2);
    let as_ada = payer.company.as_affiliate(ada.affiliate).await;
    let seen = as_ada.get("/me/payouts").await.ok();
    let seen: Vec<&Value> = list(&seen).iter().map(|payout| &payout["status"]).collect();
    assert_eq!(seen, [ItemStatus::Posted.as_str()]);
}
