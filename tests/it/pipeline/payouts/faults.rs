//! Each way in which Stripe's answer can go wrong, and the state in which the item must end: paid once, or not at all and
//! known to be so.

use purser::desk::payouts;
use purser::domain::batch::{BatchStatus, ItemStatus};
use purser::domain::ids::BatchId;
use serde_json::json;

use crate::harness::{ADMIN, Payer};

/// A batch of one item, executed under the fault.
async fn pay_under(payer: &Payer, fault: &str, times: u32) -> BatchId {
    let ada = payer.ready_partner("ada").await;
    payer.earn(ada, 5_000, "usd").await;
    payer.fault(fault, times).await;
    payer.process_now().await
}

async fn ends_posted(fault: &str, times: u32) {
    let payer = Payer::deaf().await;
    let batch = pay_under(&payer, fault, times).await;
    let view = payer.work_until(batch, BatchStatus::Completed).await;
    assert_eq!(view.summary.posted.count, 1, "{fault}: {:?}", payer.items(batch).await);
    assert_eq!(payer.count_transfers_at_most_one_each().await, 1, "{fault}");
    payer.company.prove_books().await;
}

#[tokio::test]
async fn a_call_that_never_arrived_is_made_again_under_its_key() {
    ends_posted("timeout_before", 2).await;
}

#[tokio::test]
async fn an_executed_transfer_whose_answer_is_lost_is_unresolved_and_then_posted_by_the_same_key() {
    let payer = Payer::deaf().await;
    let batch = pay_under(&payer, "timeout_after", 1).await;
    payer.work().await;
    assert_eq!(payer.items(batch).await[0].status, ItemStatus::Unresolved);
    assert_eq!(payer.count_transfers_at_most_one_each().await, 1);
    payer.work_until(batch, BatchStatus::Completed).await;
    let item = payer.items(batch).await.remove(0);
    assert_eq!((item.status, item.attempts), (ItemStatus::Posted, 2));
    assert_eq!(payer.count_transfers_at_most_one_each().await, 1);
    let log: serde_json::Value = payer
        .company
        .http
        .get(format!("{}/sandbox/log", payer.sandbox.url()))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let calls: Vec<_> = log["data"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|call| call["method"] == "POST" && call["path"] == "/v1/transfers")
        .map(|call| (call["idempotency_key"].clone(), call["params"].clone()))
        .collect();
    assert_eq!(calls.len(), 2);
    assert_eq!(calls[0], calls[1], "the same call under the same key");
    payer.company.prove_books().await;
}

#[tokio::test]
async fn a_broken_connection_after_execution_pays_once() {
    ends_posted("reset_after", 2).await;
}

#[tokio::test]
async fn a_proxy_s_error_page_pays_once() {
    ends_posted("html_502", 2).await;
}

#[tokio::test]
async fn half_of_an_answer_pays_once() {
    ends_posted("garbled_200", 2).await;
}

#[tokio::test]
async fn too_many_calls_slow_the_batch_and_pay_once() {
    ends_posted("429", 2).await;
}

#[tokio::test]
async fn a_key_in_use_is_waited_for() {
    ends_posted("409", 2).await;
}

#[tokio::test]
async fn a_server_error_after_execution_is_found_by_asking() {
    let payer = Payer::deaf().await;
    let batch = pay_under(&payer, "500_after", 1).await;
    payer.work_until(batch, BatchStatus::Completed).await;
    let item = payer.items(batch).await.remove(0);
    assert_eq!((item.status, item.attempts), (ItemStatus::Posted, 2), "the second call got the first one's 500 again");
    assert_eq!(payer.count_transfers_at_most_one_each().await, 1);
    payer.company.prove_books().await;
}

#[tokio::test]
async fn a_server_error_without_execution_fails_once_absence_is_proven_and_can_be_retried() {
    let payer = Payer::deaf().await;
    let batch = pay_under(&payer, "500", 1).await;
    payer.work_until(batch, BatchStatus::Completed).await;
    let item = payer.items(batch).await.remove(0);
    assert_eq!((item.status, item.error_code.as_deref()), (ItemStatus::Failed, Some("no_transfer")));
    assert_eq!(payer.count_transfers_at_most_one_each().await, 0);
    let now = payer.now().await;
    let new = payouts::retry(&ADMIN, payer.engine(), now, item.id).await.unwrap();
    payer.work_until(new.batch_id, BatchStatus::Completed).await;
    assert_eq!(payer.count_transfers_at_most_one_each().await, 1);
    payer.company.prove_books().await;
}

#[tokio::test]
async fn a_refused_account_fails_at_once_and_the_affiliate_is_told_what_to_do() {
    let payer = Payer::deaf().await;
    let batch = pay_under(&payer, "account_disabled", 1).await;
    payer.work_until(batch, BatchStatus::Completed).await;
    let item = payer.items(batch).await.remove(0);
    assert_eq!((item.status, item.error_code.as_deref()), (ItemStatus::Failed, Some("transfers_not_allowed")));
    assert_eq!(payer.count_transfers_at_most_one_each().await, 0);
    let told = payer.company.text("select body from notifications where kind = 'payout_failed'").await.unwrap();
    assert!(told.contains("finish what Stripe asks for"), "{told}");
    payer.company.prove_books().await;
}

#[tokio::test]
async fn an_account_that_is_refused_after_a_lost_answer_was_paid_all_the_same() {
    let payer = Payer::deaf().await;
    let batch = pay_under(&payer, "timeout_after", 1).await;
    payer.work().await;
    let account = payer.items(batch).await[0].destination.clone();
    payer.set_account(&account, json!({ "state": "disabled" })).await;
    payer.work_until(batch, BatchStatus::Completed).await;
    assert_eq!(payer.items(batch).await[0].status, ItemStatus::Posted);
    assert_eq!(payer.count_transfers_at_most_one_each().await, 1);
}

#[tokio::test]
async fn a_key_older_than_a_day_is_never_used_again_and_the_transfer_is_found() {
    let payer = Payer::deaf().await;
    let batch = pay_under(&payer, "timeout_after", 1).await;
    payer.work().await;
    payer.advance_hours(25).await;
    payer.work_until(batch, BatchStatus::Completed).await;
    let item = payer.items(batch).await.remove(0);
    assert_eq!((item.status, item.attempts), (ItemStatus::Posted, 1), "no second call");
    assert_eq!(payer.count_transfers_at_most_one_each().await, 1);
    payer.company.prove_books().await;
}

#[tokio::test]
async fn a_key_older_than_a_day_without_a_transfer_fails_definitely() {
    let payer = Payer::deaf().await;
    let batch = pay_under(&payer, "timeout_before", 1).await;
    payer.work().await;
    payer.advance_hours(25).await;
    payer.work_until(batch, BatchStatus::Completed).await;
    let item = payer.items(batch).await.remove(0);
    assert_eq!((item.status, item.error_code.as_deref()), (ItemStatus::Failed, Some("no_transfer")));
    assert_eq!(payer.count_transfers_at_most_one_each().await, 0);
    payer.company.prove_books().await;
}

#[tokio::test]
async fn a_short_balance_pauses_the_batch_until_there_is_money() {
    let payer = Payer::deaf().await;
    for name in ["ada", "ben", "cleo"] {
        let partner = payer.ready_partner(name).await;
        payer.earn(partner, 5_000, "usd").await;
    }
    payer.control("balance", json!({ "currency": "usd", "available": 5_500 })).await;
    let batch = payer.process_now().await;
    let view = payer.work_until(batch, BatchStatus::Paused).await;
    assert_eq!(view.paused_code.as_deref(), Some("balance_insufficient"));
    assert_eq!((view.summary.posted.count, view.summary.pending.count), (1, 2));
    let now = payer.now().await;
    purser::pipeline::funds::look(payer.engine(), now).await.unwrap();
    assert_eq!(payer.batch(batch).await.status, BatchStatus::Paused, "there is still no money");
    payer.control("balance", json!({ "currency": "usd", "available": 50_000 })).await;
    purser::pipeline::funds::look(payer.engine(), now).await.unwrap();
    let view = payer.work_until(batch, BatchStatus::Completed).await;
    assert_eq!((view.summary.posted.count, view.summary.failed.count), (3, 0), "{:?}", payer.items(batch).await);
    assert_eq!(payer.count_transfers_at_most_one_each().await, 3);
    payer.company.prove_books().await;
}

#[tokio::test]
async fn a_short_balance_after_a_lost_answer_is_paid_once_there_is_money() {
    let payer = Payer::deaf().await;
    let ada = payer.ready_partner("ada").await;
    payer.earn(ada, 5_000, "usd").await;
    payer.control("balance", json!({ "currency": "usd", "available": 100 })).await;
    payer.fault("timeout_before", 1).await;
    let batch = payer.process_now().await;
    payer.work_until(batch, BatchStatus::Paused).await;
    payer.control("balance", json!({ "currency": "usd", "available": 50_000 })).await;
    payer.advance_hours(1).await;
    let now = payer.now().await;
    purser::pipeline::funds::look(payer.engine(), now).await.unwrap();
    let view = payer.work_until(batch, BatchStatus::Completed).await;
    assert_eq!(view.summary.posted.count, 1, "{:?}", payer.items(batch).await);
    assert_eq!(payer.count_transfers_at_most_one_each().await, 1);
    payer.company.prove_books().await;
}

#[tokio::test]
async fn a_batch_that_is_stopped_while_it_waits_for_the_balance_does_not_go_on_by_itself() {
    let payer = Payer::deaf().await;
    let ada = payer.ready_partner("ada").await;
    payer.earn(ada, 5_000, "usd").await;
    payer.control("balance", json!({ "currency": "usd", "available": 100 })).await;
    let batch = payer.process_now().await;
    payer.work_until(batch, BatchStatus::Paused).await;
    let now = payer.now().await;
    payouts::stop(&ADMIN, payer.engine(), now, batch).await.unwrap();
    payer.control("balance", json!({ "currency": "usd", "available": 50_000 })).await;
    purser::pipeline::funds::look(payer.engine(), now).await.unwrap();
    let view = payer.batch(batch).await;
    assert_eq!((view.status, view.paused_code.as_deref()), (BatchStatus::Paused, Some("stopped")));
    payouts::execute(&ADMIN, payer.engine(), now, batch).await.unwrap();
    payer.work_until(batch, BatchStatus::Completed).await;
}

#[tokio::test]
async fn a_refused_secret_key_pauses_the_batch_and_moves_nothing() {
    let payer = Payer::deaf().await;
    let ada = payer.ready_partner("ada").await;
    payer.earn(ada, 5_000, "usd").await;
    let batch = payer.process_now().await;
    let mut config = (*payer.engine().config).clone();
    config.stripe.secret_key = Some(purser::config::Secret::new("sk_test_wrong"));
    let wrong = purser::Engine::new(config, payer.engine().pool.clone());
    purser::jobs::payouts::run_until_idle(&wrong).await;
    let view = payer.batch(batch).await;
    assert_eq!((view.status, view.paused_code.as_deref()), (BatchStatus::Paused, Some("unauthorized")));
    assert!(!view.paused_reason.unwrap().contains("sk_test_wrong"));
    let now = payer.now().await;
    payouts::execute(&ADMIN, payer.engine(), now, batch).await.unwrap();
    payer.work_until(batch, BatchStatus::Completed).await;
    assert_eq!(payer.count_transfers_at_most_one_each().await, 1);
}

#[tokio::test]
async fn an_item_can_be_asked_about_by_hand() {
    let payer = Payer::deaf().await;
    let batch = pay_under(&payer, "timeout_after", 1).await;
    payer.work().await;
    let item = payer.items(batch).await.remove(0);
    assert_eq!(item.status, ItemStatus::Unresolved);
    let now = payer.now().await;
    let refreshed = payouts::refresh(&ADMIN, payer.engine(), now, item.id).await.unwrap();
    assert_eq!(refreshed.status, ItemStatus::Posted);
    assert_eq!(payer.batch(batch).await.status, BatchStatus::Completed);
}

#[tokio::test]
async fn a_stopped_batch_makes_no_call_until_it_is_started_again() {
    let payer = Payer::deaf().await;
    let ada = payer.ready_partner("ada").await;
    payer.earn(ada, 5_000, "usd").await;
    let (batch, now) = (payer.process_now().await, payer.now().await);
    payouts::stop(&ADMIN, payer.engine(), now, batch).await.unwrap();
    payer.work().await;
    assert_eq!(payer.items(batch).await[0].status, ItemStatus::Pending);
    assert!(payer.transfers().await.is_empty());
    payouts::execute(&ADMIN, payer.engine(), now, batch).await.unwrap();
    payer.work_until(batch, BatchStatus::Completed).await;
    assert_eq!(payer.count_transfers_at_most_one_each().await, 1);
    payer.company.prove_books().await;
}

#[tokio::test]
async fn a_lost_answer_of_a_stopped_batch_is_still_cleared_up() {
    let payer = Payer::deaf().await;
    let batch = pay_under(&payer, "timeout_after", 1).await;
    payer.work().await;
    let now = payer.now().await;
    payouts::stop(&ADMIN, payer.engine(), now, batch).await.unwrap();
    payer.work_until(batch, BatchStatus::Completed).await;
    let item = payer.items(batch).await.remove(0);
    assert_eq!((item.status, item.attempts), (ItemStatus::Posted, 1), "it was asked about, not called again");
    assert_eq!(payer.count_transfers_at_most_one_each().await, 1);
}
