//! Holds and money whose payout was not made: it is final, and yet it waits for the decision, is taken back by a rejection, and is
//! paid once after a release.

use purser::desk::{Error, PageRequest, holds, payout_review, payouts};
use purser::domain::actor::Scope;
use purser::domain::batch::{BatchStatus, SkipReason};
use purser::domain::ids::BatchId;
use purser::domain::manifest::Warning;
use purser::domain::program::HoldStatus;
use serde_json::json;

use crate::harness::{ADMIN, Partner, Payer};

#[track_caller]
fn code<T: std::fmt::Debug>(result: Result<T, Error>) -> &'static str {
    match result {
        Err(Error::Conflict { code, .. }) => code,
        other => panic!("a conflict was expected: {other:?}"),
    }
}

/// What the partner's balances say, by account: pending, held, payable, in transit, paid.
async fn balance(payer: &Payer, partner: Partner) -> [i64; 5] {
    payer.company.prove_books().await;
    let mut conn = payer.engine().pool.acquire().await.unwrap();
    let (_, is) = purser::store::ledger::balances(&mut conn, partner.enrollment).await.unwrap().remove(0);
    [is.pending_minor, is.held_minor, is.payable_minor, is.in_transit_minor, is.paid_minor]
}

/// A batch in which the transfer of everybody was refused.
async fn refused(payer: &Payer) -> BatchId {
    payer.fault("account_disabled", 10).await;
    let batch = payer.process_now().await;
    payer.work_until(batch, BatchStatus::Completed).await;
    let faults = format!("{}/sandbox/faults", payer.sandbox.url());
    assert_eq!(payer.company.http.delete(faults).send().await.unwrap().status(), 200);
    batch
}

async fn draft(payer: &Payer) -> BatchId {
    let now = payer.now().await;
    payouts::draft(&ADMIN, payer.engine(), now, payer.company.program, None).await.unwrap().batch_id.unwrap()
}

#[tokio::test]
async fn a_hold_of_all_that_is_unpaid_stops_a_failed_payout_s_retry_and_the_next_draft_and_once_released_it_is_paid_once()
 {
    let payer = Payer::deaf().await;
    let (ada, ben) = (payer.ready_partner("ada").await, payer.ready_partner("ben").await);
    payer.earn(ada, 5_000, "usd").await;
    let failed = payer.items(refused(&payer).await).await.remove(0);
    let (engine, now) = (payer.engine(), payer.now().await);
    let hold = holds::place(&ADMIN, engine, now, ada.enrollment, "Looks odd").await.unwrap();
    assert_eq!(balance(&payer, ada).await, [0, 5_000, 0, 0, 0]);
    let line = payer.company.as_affiliate(ada.affiliate).await.get("/me/earnings?status=on_hold").await.ok();
    assert_eq!(line["data"][0]["status"], "on_hold", "{line}");

    let key = payer.company.api(Scope::Payouts).await;
    let retried = key.post(&format!("/payout-items/{}/retry", failed.id), json!({})).await;
    retried.refused(409, "on_hold", None);
    let told = retried.json["error"]["message"].as_str().unwrap().to_owned();
    assert!(told.contains(&hold.id.to_string()) && told.contains("Looks odd"), "{told}");
    payer.earn(ben, 4_000, "usd").await;
    let next = draft(&payer).await;
    let skipped = payouts::skipped(&ADMIN, engine, next, &PageRequest::default()).await.unwrap().data.remove(0);
    assert_eq!(
        (skipped.affiliate_name.as_str(), skipped.reason, skipped.amount_minor),
        ("ada", SkipReason::OnHold, 5_000)
    );
    assert_eq!(payer.items(next).await.len(), 1);

    holds::approve(&ADMIN, engine, now, hold.id, "It is fine").await.unwrap();
    assert_eq!(balance(&payer, ada).await, [0, 0, 5_000, 0, 0]);
    let again = payouts::retry(&ADMIN, engine, now, failed.id).await.unwrap();
    payer.work_until(again.batch_id, BatchStatus::Completed).await;
    assert_eq!(balance(&payer, ada).await, [0, 0, 0, 0, 5_000]);
    assert_eq!(payer.count_transfers_at_most_one_each().await, 1);
}

#[tokio::test]
async fn a_rejected_hold_takes_what_is_final_back_to_zero_once_and_what_is_in_a_payout_stays() {
    let payer = Payer::deaf().await;
    let ada = payer.ready_partner("ada").await;
    payer.earn(ada, 5_000, "usd").await;
    let failed = payer.items(refused(&payer).await).await.remove(0).id;
    let (engine, now) = (payer.engine(), payer.now().await);
    // Two holds on the same money: it is taken back once.
    let first = holds::place(&ADMIN, engine, now, ada.enrollment, "Looks odd").await.unwrap();
    let second = holds::place(&ADMIN, engine, now, ada.enrollment, "Looks odd too").await.unwrap();
    let key = payer.company.api(Scope::Payouts).await;
    let read = key.get(&format!("/holds/{}", first.id)).await.ok();
    assert_eq!((&read["final_amounts"][0]["amount"], &read["held"][0]["final"]), (&json!(5_000), &json!(true)));
    for hold in [first.id, second.id] {
        let rejected = holds::reject(&ADMIN, engine, now, hold, "Made up").await.unwrap();
        assert_eq!(rejected.status, HoldStatus::Rejected);
        assert_eq!(balance(&payer, ada).await, [0; 5]);
    }
    let lines: Vec<_> =
        payer.company.lines(ada).await.into_iter().map(|line| (line.kind, line.status, line.amount_minor)).collect();
    let line = |kind: &str, status: &str, amount| (kind.to_owned(), status.to_owned(), amount);
    assert_eq!(lines, [line("bonus", "finalized", 5_000), line("clawback", "approved", -5_000)]);
    assert_eq!(code(payouts::retry(&ADMIN, engine, now, failed).await), "balance_changed");
    assert_eq!(payer.company.count("notifications where kind = 'hold_rejected'").await, 1);

    payer.earn(ada, 6_000, "usd").await;
    let batch = payer.process_now().await;
    let held = holds::place(&ADMIN, engine, now, ada.enrollment, "Once more").await.unwrap();
    payer.work_until(batch, BatchStatus::Completed).await;
    holds::reject(&ADMIN, engine, now, held.id, "Too late").await.unwrap();
    assert_eq!(balance(&payer, ada).await, [0, 0, 0, 0, 6_000]);
    assert_eq!(payer.count_transfers_at_most_one_each().await, 1);
}

#[tokio::test]
async fn money_in_a_draft_is_warned_of_when_a_hold_comes_and_stops_when_it_is_left_out_or_the_draft_is_cancelled() {
    for cancelled in [false, true] {
        let payer = Payer::deaf().await;
        let ada = payer.ready_partner("ada").await;
        payer.earn(ada, 5_000, "usd").await;
        let batch = draft(&payer).await;
        let (engine, now) = (payer.engine(), payer.now().await);
        let hold = holds::place(&ADMIN, engine, now, ada.enrollment, "Looks odd").await.unwrap();
        assert_eq!(balance(&payer, ada).await, [0, 0, 0, 5_000, 0], "a payout under way goes on");
        let entry =
            payout_review::manifest(&ADMIN, engine, batch, &PageRequest::default()).await.unwrap().data.remove(0);
        assert!(entry.warnings.contains(&Warning::OnHold), "{:?}", entry.warnings);
        if cancelled {
            payouts::cancel(&ADMIN, engine, now, batch).await.unwrap();
        } else {
            payout_review::leave_out(&ADMIN, engine, now, entry.item.id, "It is on hold").await.unwrap();
        }
        assert_eq!(balance(&payer, ada).await, [0, 5_000, 0, 0, 0]);
        let drafted = payouts::draft(&ADMIN, engine, now, payer.company.program, None).await.unwrap();
        assert_eq!((drafted.batch_id, drafted.left_out[0].reason), (None, SkipReason::OnHold));
        holds::approve(&ADMIN, engine, now, hold.id, "It is fine").await.unwrap();
        let paid = payer.process_now().await;
        payer.work_until(paid, BatchStatus::Completed).await;
        assert_eq!(balance(&payer, ada).await, [0, 0, 0, 0, 5_000]);
    }
}

#[tokio::test]
async fn a_payout_that_fails_under_a_hold_is_stopped_at_once() {
    let payer = Payer::deaf().await;
    let ada = payer.ready_partner("ada").await;
    payer.earn(ada, 5_000, "usd").await;
    let batch = payer.process_now().await;
    let (engine, now) = (payer.engine(), payer.now().await);
    holds::place(&ADMIN, engine, now, ada.enrollment, "Looks odd").await.unwrap();
    payer.fault("account_disabled", 1).await;
    payer.work_until(batch, BatchStatus::Completed).await;
    assert_eq!(balance(&payer, ada).await, [0, 5_000, 0, 0, 0]);
    let failed = payer.items(batch).await[0].id;
    assert_eq!(code(payouts::retry(&ADMIN, engine, now, failed).await), "on_hold");
    assert_eq!(payer.company.count("notifications where kind = 'commission_held'").await, 1);
}
