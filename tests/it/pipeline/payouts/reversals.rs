//! Taking a transfer back by hand, with the care of a transfer; and what Stripe says of the affiliates' banks.

use purser::desk::{Error, home, payout_reversals, payouts};
use purser::domain::batch::{BatchStatus, ItemStatus};
use purser::domain::ids::{PayoutItemId, ReversalId};
use purser::domain::reversal::ReversalStatus;
use purser::pipeline::reversal;
use purser::store::notifications;
use serde_json::json;

use crate::harness::{ADMIN, Partner, Payer};

/// A posted payout of 40.00 USD.
async fn posted(payer: &Payer) -> (Partner, PayoutItemId) {
    let ada = payer.ready_partner("ada").await;
    payer.earn(ada, 4_000, "usd").await;
    let batch = payer.process_now().await;
    payer.work_until(batch, BatchStatus::Completed).await;
    (ada, payer.items(batch).await[0].id)
}

async fn reverse(
    payer: &Payer,
    item: PayoutItemId,
    id: ReversalId,
    amount: Option<i64>,
) -> Result<ReversalStatus, Error> {
    let now = payer.now().await;
    let wanted = (id, amount, "Paid by mistake");
    let (_, asked) = payout_reversals::reverse(&ADMIN, payer.engine(), now, item, wanted).await?;
    Ok(asked.iter().find(|row| row.id == id).unwrap().status)
}

async fn fault(payer: &Payer, fault: &str) {
    let order = json!([{ "match": { "method": "POST", "path": "/v1/transfers/*" }, "times": 1, "fault": fault }]);
    payer.control("faults", order).await;
}

async fn reversed_at_stripe(payer: &Payer) -> i64 {
    payer.transfers().await[0]["reversed"].as_i64().unwrap()
}

#[tokio::test]
async fn a_part_and_then_the_rest_are_taken_back_once_each_and_are_due_again() {
    let payer = Payer::new().await;
    let (_, item) = posted(&payer).await;
    let part = ReversalId::new(payer.now().await);
    for _ in 0..2 {
        assert_eq!(reverse(&payer, item, part, Some(1_500)).await.unwrap(), ReversalStatus::Done);
    }
    assert_eq!(reversed_at_stripe(&payer).await, 1_500);
    payer.take_events().await;
    payer.company.prove_books().await;
    let rest = ReversalId::new(payer.now().await);
    let too_much = reverse(&payer, item, rest, Some(2_501)).await;
    assert!(matches!(too_much, Err(Error::Conflict { code: "more_than_left", .. })), "{too_much:?}");
    assert_eq!(reverse(&payer, item, rest, None).await.unwrap(), ReversalStatus::Done);
    payer.take_events().await;
    assert_eq!(reversed_at_stripe(&payer).await, 4_000);
    let again = reverse(&payer, item, ReversalId::new(payer.now().await), None).await;
    assert!(matches!(again, Err(Error::Conflict { code: "not_posted", .. })), "{again:?}");
    payer.company.prove_books().await;
    let next = payer.process_now().await;
    assert_eq!(payer.batch(next).await.totals[0].amount_minor, 4_000);
}

#[tokio::test]
async fn an_answer_that_was_lost_is_looked_for_with_the_same_key_and_nothing_comes_back_twice() {
    for lost in ["timeout_after", "reset_after", "500_after", "garbled_200", "timeout_before", "429", "409"] {
        let payer = Payer::deaf().await;
        let (_, item) = posted(&payer).await;
        fault(&payer, lost).await;
        let id = ReversalId::new(payer.now().await);
        assert_eq!(reverse(&payer, item, id, Some(1_500)).await.unwrap(), ReversalStatus::Unresolved, "{lost}");
        let other = reverse(&payer, item, ReversalId::new(payer.now().await), Some(1)).await;
        assert!(matches!(other, Err(Error::Conflict { code: "reversal_under_way", .. })), "{lost}: {other:?}");
        for _ in 0..3 {
            payer
                .company
                .run("update transfer_reversals set next_attempt_at = now() - interval '1 second'".to_owned())
                .await;
            reversal::settle_due(payer.engine(), payer.now().await).await.unwrap();
        }
        assert_eq!(reverse(&payer, item, id, Some(1_500)).await.unwrap(), ReversalStatus::Done, "{lost}");
        assert_eq!(reversed_at_stripe(&payer).await, 1_500, "{lost}");
        payer.company.prove_books().await;
    }
}

#[tokio::test]
async fn a_reversal_whose_key_is_too_old_is_looked_up_and_never_called_again() {
    for (lost, status, reversed) in
        [("timeout_after", ReversalStatus::Done, 1_500), ("timeout_before", ReversalStatus::Failed, 0)]
    {
        let payer = Payer::deaf().await;
        let (_, item) = posted(&payer).await;
        fault(&payer, lost).await;
        let id = ReversalId::new(payer.now().await);
        reverse(&payer, item, id, Some(1_500)).await.unwrap();
        payer.advance_hours(25).await;
        payer
            .company
            .run("update transfer_reversals set next_attempt_at = now() - interval '1 second'".to_owned())
            .await;
        reversal::settle_due(payer.engine(), payer.now().await).await.unwrap();
        assert_eq!(reverse(&payer, item, id, None).await.unwrap(), status, "{lost}");
        assert_eq!(reversed_at_stripe(&payer).await, reversed, "{lost}");
        payer.company.prove_books().await;
    }
}

#[tokio::test]
async fn a_foreign_transfer_that_names_a_payout_is_not_taken_for_it_when_it_is_reversed() {
    let payer = Payer::new().await;
    let ada = payer.ready_partner("ada").await;
    payer.earn(ada, 4_000, "usd").await;
    let now = payer.now().await;
    let draft = payouts::draft(&ADMIN, payer.engine(), now, payer.company.program, None).await.unwrap();
    let batch = draft.batch_id.unwrap();
    let item = payer.items(batch).await.remove(0);
    let account = payer.company.text("select stripe_account from payment_methods").await.unwrap();
    for (executing, amount) in [(false, 4_000), (false, 1), (true, 1)] {
        if executing {
            payer.company.run("update programs set four_eyes_above_minor = null".to_owned()).await;
            payouts::approve(&ADMIN, payer.engine(), now, batch).await.unwrap();
            payouts::execute(&ADMIN, payer.engine(), now, batch).await.unwrap();
        }
        let form = format!("amount={amount}&currency=usd&destination={account}&metadata[payout_item_id]={}", item.id);
        let foreign = payer.call_stripe("transfers", form).await;
        let id = foreign["id"].as_str().unwrap();
        payer.call_stripe(&format!("transfers/{id}/reversals"), String::new()).await;
        payer.take_events().await;
        let now = payer.items(batch).await.remove(0);
        assert_eq!((now.status, now.transfer_id), (ItemStatus::Pending, None), "{amount}");
        payer.company.prove_books().await;
    }
    payer.work_until(batch, BatchStatus::Completed).await;
    let paid = payer.items(batch).await.remove(0);
    assert_eq!((paid.status, paid.reversed_minor), (ItemStatus::Posted, 0));
    payer.company.prove_books().await;
}

#[tokio::test]
async fn a_bank_that_refuses_reopens_nothing_and_both_sides_are_told_in_any_order() {
    let payer = Payer::new().await;
    let (ada, item) = posted(&payer).await;
    payer.take_events().await;
    let account = payer.company.text("select stripe_account from payment_methods").await.unwrap();
    let failed =
        async || home::overview(payer.engine(), &ADMIN, payer.now().await).await.unwrap().attention.failed_bank_payouts;
    for (id, status) in [("po_1", "failed"), ("po_1", "paid"), ("po_1", "failed")] {
        let order = json!({ "id": id, "amount": 4_000, "currency": "usd", "status": status });
        payer.control(&format!("accounts/{account}/bank-payouts"), order).await;
        payer.take_events().await;
    }
    assert_eq!(failed().await, 1);
    let mut conn = payer.engine().pool.acquire().await.unwrap();
    let told = notifications::list(&mut conn, ada.affiliate, None, 10).await.unwrap();
    let titles: Vec<_> =
        told.iter().filter(|note| note.title.starts_with("Your bank")).map(|note| note.title.as_str()).collect();
    assert_eq!(titles, ["Your bank did not take 40.00 USD"]);
    let view = purser::desk::payouts::item(&ADMIN, payer.engine(), item).await.unwrap().0;
    assert_eq!((view.status, view.reversed_minor), (ItemStatus::Posted, 0));
    payer.company.prove_books().await;
    payer.advance_hours(1).await;
    let order = json!({ "id": "po_2", "amount": 4_000, "currency": "usd", "status": "paid" });
    payer.control(&format!("accounts/{account}/bank-payouts"), order).await;
    payer.take_events().await;
    assert_eq!(failed().await, 0);
}
