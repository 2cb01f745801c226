//! Who is in a batch, who is left out, and what may be decided about it.

use chrono::TimeDelta;
use purser::desk::{Error, PageRequest, held, holds, payouts};
use purser::domain::batch::{BatchStatus, ItemStatus, SkipReason};
use purser::domain::ids::BatchId;
use purser::pipeline::mature;

use crate::harness::{ADMIN, OTHER_ADMIN, Payer, actor_of};

#[track_caller]
fn code<T: std::fmt::Debug>(result: Result<T, Error>) -> &'static str {
    match result {
        Err(Error::Conflict { code, .. }) => code,
        other => panic!("a conflict was expected: {other:?}"),
    }
}

async fn draft(payer: &Payer) -> BatchId {
    let now = payer.now().await;
    let drafted = payouts::draft(&ADMIN, payer.engine(), now, payer.company.program, None).await.unwrap();
    drafted.batch_id.unwrap()
}

#[tokio::test]
async fn everyone_who_is_left_out_is_recorded_with_the_reason() {
    let payer = Payer::deaf().await;
    let ready = payer.ready_partner("ada").await;
    payer.earn(ready, 5_000, "usd").await;
    let little = payer.ready_partner("ben").await;
    payer.earn(little, 999, "usd").await;
    let unconnected = payer.company.partner("cleo").await;
    payer.earn(unconnected, 5_000, "usd").await;
    let unfinished = payer.company.partner("dora").await;
    payer.connect(unfinished).await;
    payer.earn(unfinished, 5_000, "usd").await;
    let owing = payer.ready_partner("eli").await;
    payer.earn(owing, -700, "usd").await;
    let held = payer.ready_partner("finn").await;
    payer.earn(held, 6_000, "usd").await;
    let now = payer.now().await;
    holds::place(&ADMIN, payer.engine(), now, held.enrollment, "Looks odd").await.unwrap();
    let suspended = payer.ready_partner("gus").await;
    payer.earn(suspended, 5_000, "usd").await;
    payer
        .company
        .run(format!("update affiliates set status = 'suspended' where id = '{}'", suspended.affiliate.0))
        .await;

    let preview = payouts::preview(&ADMIN, payer.engine(), now, &[payer.company.program]).await.unwrap().remove(0);
    assert_eq!(payer.company.count("payout_batches").await, 0);
    let batch = draft(&payer).await;
    let skipped = payouts::skipped(&ADMIN, payer.engine(), batch, &PageRequest::default()).await.unwrap().data;
    let reasons: Vec<_> =
        skipped.iter().map(|row| (row.affiliate_name.as_str(), row.reason, row.amount_minor)).collect();
    assert_eq!(
        reasons,
        [
            ("ben", SkipReason::BelowMinimum, 999),
            ("cleo", SkipReason::NoPaymentMethod, 5_000),
            ("dora", SkipReason::OnboardingIncomplete, 5_000),
            ("eli", SkipReason::NegativeBalance, -700),
            ("finn", SkipReason::OnHold, 6_000),
            ("gus", SkipReason::AffiliateInactive, 5_000),
        ]
    );
    let items = payer.items(batch).await;
    assert_eq!((items.len(), items[0].affiliate_name.as_str()), (1, "ada"));
    let view = payer.batch(batch).await;
    assert_eq!((view.summary.pending.count, view.summary.skipped.count), (1, 6));
    assert_eq!(view.summary.skipped.amounts[0].amount_minor, 21_999, "what waits");
    assert_eq!(
        (view.summary.debts.count, view.summary.debts.amounts[0].amount_minor),
        (1, -700),
        "beside it what is owed"
    );
    assert!(view.available_at_draft.unwrap().iter().any(|money| money.currency.as_str() == "usd"));
    assert_eq!((preview.plan.due.len(), preview.plan.left_out.len()), (1, 6));
    assert_eq!(preview.totals[0].amount_minor, 5_000);
    payer.company.prove_books().await;
}

#[tokio::test]
async fn nobody_due_makes_no_batch() {
    let payer = Payer::deaf().await;
    let ada = payer.ready_partner("ada").await;
    payer.earn(ada, 10, "usd").await;
    let now = payer.now().await;
    let batches = payouts::process_now(&ADMIN, payer.engine(), now, None).await.unwrap().done;
    assert!(batches.is_empty());
    assert_eq!(payer.company.count("payout_batches").await, 0);
}

#[tokio::test]
async fn a_preview_counts_what_matures_but_matures_nothing() {
    let payer = Payer::deaf().await;
    let ada = payer.ready_partner("ada").await;
    let now = payer.now().await;
    payer.earn_until(ada, 4_000, now - TimeDelta::hours(1)).await;
    payer.earn_until(ada, 9_000, now + TimeDelta::hours(1)).await;
    let preview = payouts::preview(&ADMIN, payer.engine(), now, &[payer.company.program]).await.unwrap().remove(0);
    assert_eq!(preview.totals[0].amount_minor, 4_000);
    assert_eq!(payer.company.count("commissions_ledger where status = 'pending'").await, 2);
    let batch = payer.process_now().await;
    assert_eq!(payer.batch(batch).await.totals[0].amount_minor, 4_000);
    payer.company.prove_books().await;
}

#[tokio::test]
async fn lines_of_a_program_that_waits_for_a_word_mature_only_by_that_word() {
    let payer = Payer::deaf().await;
    let ada = payer.company.partner("ada").await;
    payer.company.run("update programs set auto_credit = false".to_owned()).await;
    let now = payer.now().await;
    payer.earn_until(ada, 4_000, now).await;
    assert_eq!(mature::sweep(&payer.engine().pool, now).await.unwrap().approved, 0);
    let matured = held::process(&ADMIN, payer.engine(), now, None).await.unwrap();
    assert_eq!((matured.approved, matured.amounts[0].amount_minor), (1, 4_000));
    assert_eq!(held::process(&ADMIN, payer.engine(), now, None).await.unwrap().approved, 0);
    payer.company.prove_books().await;
}

#[tokio::test]
async fn an_enrollment_whose_lines_can_not_mature_does_not_keep_the_others_waiting() {
    let payer = Payer::deaf().await;
    let now = payer.now().await;
    let mut partners = Vec::new();
    for name in ["ada", "ben", "cleo"] {
        partners.push(payer.company.partner(name).await);
    }
    for partner in &partners {
        payer.earn_until(*partner, 4_000, now).await;
    }
    let stuck = partners.iter().map(|partner| partner.enrollment.0).min().unwrap();
    payer
        .company
        .run(format!(
            "create function stuck() returns trigger language plpgsql as 'begin raise exception ''stuck''; end';
            create trigger stuck before update on commissions_ledger for each row
            when (old.enrollment_id = '{stuck}') execute function stuck()"
        ))
        .await;
    let error = mature::sweep(&payer.engine().pool, now).await.unwrap_err();
    assert!(error.to_string().contains("stuck"), "{error}");
    assert_eq!(payer.company.count("commissions_ledger where status = 'approved'").await, 2);
    payer.company.run("drop trigger stuck on commissions_ledger".to_owned()).await;
    assert_eq!(mature::sweep(&payer.engine().pool, now).await.unwrap().approved, 1);
    payer.company.prove_books().await;
}

#[tokio::test]
async fn two_admins_who_draft_at_once_never_take_the_same_line() {
    let payer = Payer::deaf().await;
    for name in ["ada", "ben", "cleo", "dora"] {
        let partner = payer.ready_partner(name).await;
        payer.earn(partner, 5_000, "usd").await;
        payer.earn(partner, 7_000, "eur").await;
    }
    let now = payer.now().await;
    let drafts = (0..6).map(|n| {
        let (engine, program) = (payer.engine().clone(), payer.company.program);
        let actor = if n % 2 == 0 { ADMIN } else { OTHER_ADMIN };
        tokio::spawn(async move { payouts::draft(&actor, &engine, now, program, None).await.unwrap().batch_id })
    });
    let made: Vec<_> = futures::future::join_all(drafts).await.into_iter().filter_map(Result::unwrap).collect();
    assert_eq!(made.len(), 1, "one draft took everything");
    assert_eq!(payer.company.count("payout_items").await, 8);
    payer.company.prove_books().await;
}

#[tokio::test]
async fn a_cancelled_draft_gives_its_lines_to_the_next_one() {
    let payer = Payer::deaf().await;
    let ada = payer.ready_partner("ada").await;
    payer.earn(ada, 5_000, "usd").await;
    let now = payer.now().await;
    let first = draft(&payer).await;
    payouts::approve(&ADMIN, payer.engine(), now, first).await.unwrap();
    payouts::cancel(&ADMIN, payer.engine(), now, first).await.unwrap();
    payer.company.prove_books().await;
    payer.earn(ada, 1_000, "usd").await;
    let second = payer.process_now().await;
    let view = payer.work_until(second, BatchStatus::Completed).await;
    assert_eq!(view.summary.posted.amounts[0].amount_minor, 6_000);
    let (engine, now) = (payer.engine(), payer.now().await);
    assert_eq!(code(payouts::cancel(&ADMIN, engine, now, second).await), "illegal_transition");
    assert_eq!(code(payouts::execute(&ADMIN, engine, now, first).await), "illegal_transition");
    assert_eq!(payer.items(first).await[0].status, ItemStatus::Pending, "its item was never sent");
    assert_eq!(payer.count_transfers_at_most_one_each().await, 1);
    payer.company.prove_books().await;
}

#[tokio::test]
async fn a_large_batch_needs_another_pair_of_eyes() {
    let payer = Payer::deaf().await;
    payer.company.run("update programs set four_eyes_above_minor = 5000".to_owned()).await;
    let ada = payer.ready_partner("ada").await;
    payer.earn(ada, 5_001, "usd").await;
    let batch = payer.process_now().await;
    assert_eq!(payer.batch(batch).await.status, BatchStatus::Draft);
    let now = payer.now().await;
    assert_eq!(code(payouts::approve(&ADMIN, payer.engine(), now, batch).await), "four_eyes");
    // Who drafted gains nothing by raising the program's amount first.
    for setting in ["null", "1000000"] {
        payer.company.run(format!("update programs set four_eyes_above_minor = {setting}")).await;
        assert_eq!(code(payouts::approve(&ADMIN, payer.engine(), now, batch).await), "four_eyes");
    }
    let approved = payouts::approve(&OTHER_ADMIN, payer.engine(), now, batch).await.unwrap();
    assert_eq!(approved.status, BatchStatus::Approved);
}

#[tokio::test]
async fn an_amount_in_another_currency_needs_another_pair_of_eyes_too() {
    let payer = Payer::deaf().await;
    payer.company.run("update programs set four_eyes_above_minor = 5000".to_owned()).await;
    let ada = payer.ready_partner("ada").await;
    payer.earn(ada, 4_000, "usd").await;
    payer.earn(ada, 900_000, "eur").await;
    let batch = payer.process_now().await;
    assert_eq!(payer.batch(batch).await.status, BatchStatus::Draft);
}

#[tokio::test]
async fn a_failed_payout_is_not_tried_again_when_its_money_was_taken_back_or_must_wait() {
    let payer = Payer::deaf().await;
    let ada = payer.ready_partner("ada").await;
    payer.earn(ada, 5_000, "usd").await;
    payer.fault("account_disabled", 1).await;
    let batch = payer.process_now().await;
    payer.work_until(batch, BatchStatus::Completed).await;
    let failed = payer.items(batch).await.remove(0);
    let (engine, now) = (payer.engine(), payer.now().await);
    payer.company.run("update affiliates set status = 'suspended'".to_owned()).await;
    assert_eq!(code(payouts::retry(&ADMIN, engine, now, failed.id).await), "affiliate_inactive");
    payer.company.run("update affiliates set status = 'active'".to_owned()).await;
    payer.earn(ada, -2_000, "usd").await;
    assert_eq!(code(payouts::retry(&ADMIN, engine, now, failed.id).await), "balance_changed");
    payer.company.prove_books().await;
    let next = payer.process_now().await;
    assert_eq!(payer.items(next).await[0].amount_minor, 3_000);
}

#[tokio::test]
async fn a_failed_item_is_tried_again_as_a_new_item_in_a_batch_that_is_legal() {
    let payer = Payer::deaf().await;
    let ada = payer.ready_partner("ada").await;
    payer.earn(ada, 5_000, "usd").await;
    payer.fault("account_disabled", 1).await;
    let batch = payer.process_now().await;
    let view = payer.work_until(batch, BatchStatus::Completed).await;
    assert_eq!(view.summary.failed.count, 1);
    let failed = payer.items(batch).await.remove(0);
    assert_eq!(failed.error_code.as_deref(), Some("transfers_not_allowed"));
    payer.company.prove_books().await;
    let (engine, now) = (payer.engine(), payer.now().await);
    let new = payouts::retry(&ADMIN, engine, now, failed.id).await.unwrap();
    assert_eq!((new.retry_of, new.amount_minor), (Some(failed.id), 5_000));
    assert_ne!(new.batch_id, batch, "a completed batch stays completed");
    payer.work_until(new.batch_id, BatchStatus::Completed).await;
    assert_eq!(payer.count_transfers_at_most_one_each().await, 1);
    assert_eq!(code(payouts::retry(&ADMIN, engine, now, failed.id).await), "already_retried");
    assert_eq!(code(payouts::retry(&ADMIN, engine, now, new.id).await), "not_failed");
    payer.company.prove_books().await;
}

#[tokio::test]
async fn lines_that_a_later_batch_pays_can_not_be_retried() {
    let payer = Payer::deaf().await;
    let ada = payer.ready_partner("ada").await;
    payer.earn(ada, 5_000, "usd").await;
    payer.fault("account_disabled", 1).await;
    let first = payer.process_now().await;
    payer.work_until(first, BatchStatus::Completed).await;
    let second = payer.process_now().await;
    let failed = payer.items(first).await[0].id;
    let (engine, now) = (payer.engine(), payer.now().await);
    assert_eq!(code(payouts::retry(&ADMIN, engine, now, failed).await), "lines_elsewhere");
    payer.work_until(second, BatchStatus::Completed).await;
    assert_eq!(payer.count_transfers_at_most_one_each().await, 1);
    payer.company.prove_books().await;
}

#[tokio::test]
async fn only_who_may_move_money_moves_it_and_an_affiliate_sees_only_their_own() {
    let payer = Payer::deaf().await;
    let (ada, ben) = (payer.ready_partner("ada").await, payer.ready_partner("ben").await);
    payer.earn(ada, 5_000, "usd").await;
    let (engine, now) = (payer.engine(), payer.now().await);
    let refused = payouts::process_now(&actor_of(ada), engine, now, None).await;
    assert!(matches!(refused, Err(Error::Forbidden)));
    let batch = payer.process_now().await;
    payer.work_until(batch, BatchStatus::Completed).await;
    let page = purser::desk::PageRequest::default();
    let own = payouts::own_items(&actor_of(ada), engine, None, &page).await.unwrap().data;
    assert_eq!(own.len(), 1);
    assert!(payouts::own_items(&actor_of(ben), engine, None, &page).await.unwrap().data.is_empty());
    assert!(matches!(payouts::own_items(&ADMIN, engine, None, &page).await, Err(Error::Forbidden)));
}

#[tokio::test]
async fn a_released_hold_is_paid_and_an_upheld_one_is_cancelled() {
    let payer = Payer::deaf().await;
    let (ada, ben) = (payer.ready_partner("ada").await, payer.ready_partner("ben").await);
    let now = payer.now().await;
    let mut placed = Vec::new();
    for partner in [ada, ben] {
        payer.earn(partner, 5_000, "usd").await;
        placed.push(holds::place(&ADMIN, payer.engine(), now, partner.enrollment, "Looks odd").await.unwrap());
    }
    holds::approve(&ADMIN, payer.engine(), now, placed[0].id, "It is fine").await.unwrap();
    holds::reject(&ADMIN, payer.engine(), now, placed[1].id, "Own purchases").await.unwrap();
    let again = holds::reject(&ADMIN, payer.engine(), now, placed[0].id, "No").await;
    assert_eq!(code(again), "already_decided");
    let batch = payer.process_now().await;
    let items = payer.items(batch).await;
    assert_eq!((items.len(), items[0].affiliate_id), (1, ada.affiliate));
    assert_eq!(payer.company.lines(ben).await[0].status, "cancelled");
    payer.company.prove_books().await;
}

#[tokio::test]
async fn a_shortened_manifest_is_not_paid() {
    let payer = Payer::deaf().await;
    let ada = payer.ready_partner("ada").await;
    payer.earn(ada, 5_000, "usd").await;
    let batch = draft(&payer).await;
    payer.company.run("update payout_batches set manifest_hash = decode(repeat('00', 32), 'hex')".to_owned()).await;
    let now = payer.now().await;
    assert_eq!(code(payouts::approve(&ADMIN, payer.engine(), now, batch).await), "manifest_changed");
}
