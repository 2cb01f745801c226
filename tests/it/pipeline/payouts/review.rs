//! The review of a draft: what the manifest warns of, leaving somebody out, and whose eyes count.

use purser::desk::{Error, PageRequest, api_keys, holds, payout_review, payouts};
use purser::domain::actor::{Actor, Scope};
use purser::domain::batch::{BatchStatus, ItemStatus, SkipReason};
use purser::domain::ids::BatchId;
use purser::domain::manifest::Warning;
use serde_json::json;

use crate::harness::{ADMIN, OTHER_ADMIN, Payer};

#[track_caller]
fn code<T: std::fmt::Debug>(result: Result<T, Error>) -> &'static str {
    match result {
        Err(Error::Conflict { code, .. }) => code,
        other => panic!("a conflict was expected: {other:?}"),
    }
}

#[tokio::test]
async fn who_is_left_out_keeps_their_money_and_the_batch_pays_the_others() {
    let payer = Payer::deaf().await;
    let (ada, ben) = (payer.ready_partner("ada").await, payer.ready_partner("ben").await);
    payer.earn(ada, 5_000, "usd").await;
    payer.earn(ben, 6_000, "usd").await;
    let (engine, now, program) = (payer.engine(), payer.now().await, payer.company.program);
    let batch = payouts::draft(&ADMIN, engine, now, program, None).await.unwrap().batch_id.unwrap();
    let before = payer.batch(batch).await.manifest_hash;
    let item = payer.items(batch).await.into_iter().find(|item| item.affiliate_name == "ada").unwrap();
    let unsaid = payout_review::leave_out(&ADMIN, engine, now, item.id, "  ").await;
    assert!(matches!(unsaid, Err(Error::Invalid { ref param, .. }) if param == "reason"), "{unsaid:?}");
    for _ in 0..2 {
        let left = payout_review::leave_out(&ADMIN, engine, now, item.id, "The invoice is missing").await.unwrap();
        assert_eq!(left.status, ItemStatus::LeftOut);
    }
    payer.company.prove_books().await;
    let view = payer.batch(batch).await;
    assert_eq!((view.totals[0].amount_minor, view.summary.pending.count, view.summary.skipped.count), (6_000, 1, 1));
    assert_ne!(view.manifest_hash, before);
    let skipped = payouts::skipped(&ADMIN, engine, batch, &PageRequest::default()).await.unwrap().data.remove(0);
    assert_eq!((skipped.reason, skipped.note.as_deref()), (SkipReason::LeftOut, Some("The invoice is missing")));
    payouts::approve(&ADMIN, engine, now, batch).await.unwrap();
    let late = payer.items(batch).await.into_iter().find(|item| item.affiliate_name == "ben").unwrap();
    assert_eq!(code(payout_review::leave_out(&ADMIN, engine, now, late.id, "Too late").await), "illegal_transition");
    payouts::execute(&ADMIN, engine, now, batch).await.unwrap();
    let done = payer.work_until(batch, BatchStatus::Completed).await;
    assert_eq!((done.summary.posted.count, payer.count_transfers_at_most_one_each().await), (1, 1));
    let next = payer.process_now().await;
    let later = payer.items(next).await.remove(0);
    assert_eq!(later.amount_minor, 5_000);
    let left = payouts::item(&ADMIN, engine, item.id).await.unwrap().0;
    assert_eq!((left.paid_by, left.paid_by_at), (Some(later.id), None), "the later payout has its money");
    payer.work_until(next, BatchStatus::Completed).await;
    assert!(payouts::item(&ADMIN, engine, item.id).await.unwrap().0.paid_by_at.is_some());
    let acts = payout_review::history(&ADMIN, engine, batch).await.unwrap();
    let told = acts.iter().find(|act| act.entry.action == "payout_item.left_out").unwrap();
    let who = told.item.as_ref().map(|item| item.affiliate_name.as_str());
    assert_eq!((who, &told.entry.details["reason"]), (Some("ada"), &json!("The invoice is missing")));
    payer.company.prove_books().await;
}

#[tokio::test]
async fn a_payout_of_a_cancelled_batch_names_the_later_one_that_has_its_money() {
    let payer = Payer::deaf().await;
    let ada = payer.ready_partner("ada").await;
    payer.earn(ada, 5_000, "usd").await;
    let (engine, now, program) = (payer.engine(), payer.now().await, payer.company.program);
    let batch = payouts::draft(&ADMIN, engine, now, program, None).await.unwrap().batch_id.unwrap();
    payouts::cancel(&ADMIN, engine, now, batch).await.unwrap();
    assert_eq!(payer.items(batch).await[0].paid_by, None);
    let next = payer.process_now().await;
    assert_eq!(payer.items(batch).await[0].paid_by, Some(payer.items(next).await[0].id));
}

#[tokio::test]
async fn one_affiliate_in_two_currencies_is_one_who_is_paid() {
    let payer = Payer::deaf().await;
    let ada = payer.ready_partner("ada").await;
    payer.earn(ada, 5_000, "usd").await;
    payer.earn(ada, 4_000, "eur").await;
    let (engine, now, program) = (payer.engine(), payer.now().await, payer.company.program);
    let batch = payouts::draft(&ADMIN, engine, now, program, None).await.unwrap().batch_id.unwrap();
    assert_eq!(payer.batch(batch).await.summary.pending.count, 2);
    assert_eq!(payouts::payees_left(&ADMIN, engine, batch).await.unwrap(), 1);
}

#[tokio::test]
async fn leaving_somebody_out_brings_no_batch_under_the_amount_for_four_eyes() {
    let payer = Payer::deaf().await;
    payer.company.run("update programs set four_eyes_above_minor = 5000".to_owned()).await;
    for name in ["ada", "ben"] {
        let partner = payer.ready_partner(name).await;
        payer.earn(partner, 4_100, "usd").await;
    }
    let (engine, now, program) = (payer.engine(), payer.now().await, payer.company.program);
    let batch = payouts::draft(&ADMIN, engine, now, program, None).await.unwrap().batch_id.unwrap();
    let item = payer.items(batch).await.remove(0).id;
    payout_review::leave_out(&ADMIN, engine, now, item, "Later").await.unwrap();
    let refused = payouts::approve(&ADMIN, engine, now, batch).await;
    let told = refused.as_ref().unwrap_err().to_string();
    assert!(told.contains("82.00 USD") && told.contains("left out"), "{told}");
    assert_eq!(code(refused), "four_eyes");
    let why = payouts::four_eyes(&ADMIN, engine, batch).await.unwrap().unwrap();
    assert_eq!((why.sentence(), why.drafted[0].amount_minor), (told, 8_200));
    payouts::approve(&OTHER_ADMIN, engine, now, batch).await.unwrap();
    // What was left out is a batch of its own below the amount.
    let rest = payouts::draft(&ADMIN, engine, now, program, None).await.unwrap().batch_id.unwrap();
    assert_eq!(payouts::four_eyes(&ADMIN, engine, rest).await.unwrap(), None);
    payouts::approve(&ADMIN, engine, now, rest).await.unwrap();
    payer.company.prove_books().await;
}

#[tokio::test]
async fn a_draft_that_everybody_was_left_out_of_is_cancelled_and_not_approved() {
    let payer = Payer::deaf().await;
    let ada = payer.ready_partner("ada").await;
    payer.earn(ada, 5_000, "usd").await;
    let (engine, now, program) = (payer.engine(), payer.now().await, payer.company.program);
    let batch = payouts::draft(&ADMIN, engine, now, program, None).await.unwrap().batch_id.unwrap();
    let item = payer.items(batch).await.remove(0).id;
    payout_review::leave_out(&ADMIN, engine, now, item, "Not yet").await.unwrap();
    assert_eq!(code(payouts::approve(&ADMIN, engine, now, batch).await), "nothing_to_pay");
    payouts::cancel(&ADMIN, engine, now, batch).await.unwrap();
    payer.company.prove_books().await;
}

#[tokio::test]
async fn the_manifest_names_what_to_look_at() {
    let payer = Payer::deaf().await;
    let ada = payer.ready_partner("ada").await;
    payer.earn(ada, 1_000, "usd").await;
    let (engine, program) = (payer.engine(), payer.company.program);
    let warnings = async |batch| {
        payout_review::manifest(&ADMIN, engine, batch, &PageRequest::default()).await.unwrap().data.remove(0).warnings
    };
    let first = payer.process_now().await;
    assert_eq!(warnings(first).await, [Warning::FirstPayout]);
    payer.work_until(first, BatchStatus::Completed).await;
    payer.earn(ada, 3_001, "usd").await;
    payer.earn(ada, -500, "usd").await;
    payer.earn(ada, 500, "usd").await;
    payer.company.run("update payment_methods set stripe_account = 'acct_other'".to_owned()).await;
    let now = payer.now().await;
    let batch = payouts::draft(&ADMIN, engine, now, program, None).await.unwrap().batch_id.unwrap();
    payer.company.run("update payment_methods set status = 'restricted'".to_owned()).await;
    let expected = [Warning::AccountChanged, Warning::UnusuallyLarge, Warning::MethodNotReady];
    assert_eq!(warnings(batch).await, expected);
    let made =
        payout_review::manifest(&ADMIN, engine, batch, &PageRequest::default()).await.unwrap().data.remove(0).make_up;
    assert_eq!((made.lines, made.deductions, made.deducted_minor), (3, 1, -500));
}

#[tokio::test]
async fn what_was_decided_about_the_payee_since_the_draft_is_named() {
    let payer = Payer::deaf().await;
    let ada = payer.ready_partner("ada").await;
    payer.earn(ada, 5_000, "usd").await;
    let (engine, now, program) = (payer.engine(), payer.now().await, payer.company.program);
    let batch = payouts::draft(&ADMIN, engine, now, program, None).await.unwrap().batch_id.unwrap();
    payer.earn(ada, -2_000, "usd").await;
    payer.company.run("update affiliates set status = 'suspended'".to_owned()).await;
    let entry = payout_review::manifest(&ADMIN, engine, batch, &PageRequest::default()).await.unwrap().data.remove(0);
    assert_eq!(entry.warnings, [Warning::FirstPayout, Warning::PayeeInactive, Warning::TakenBack]);
}

#[tokio::test]
async fn a_retry_to_another_account_needs_another_pair_of_eyes() {
    let payer = Payer::deaf().await;
    payer.company.run("update programs set four_eyes_above_minor = 5000".to_owned()).await;
    let (engine, now, program) = (payer.engine(), payer.now().await, payer.company.program);
    let mut again = Vec::new();
    for (name, amount) in [("ada", 5_001), ("ben", 4_000)] {
        let partner = payer.ready_partner(name).await;
        payer.earn(partner, amount, "usd").await;
        let batch = payouts::draft(&ADMIN, engine, now, program, None).await.unwrap().batch_id.unwrap();
        payouts::approve(&OTHER_ADMIN, engine, now, batch).await.unwrap();
        payer.fault("account_disabled", 1).await;
        payouts::execute(&ADMIN, engine, now, batch).await.unwrap();
        payer.work_until(batch, BatchStatus::Completed).await;
        let failed = payer.items(batch).await.remove(0).id;
        let other = format!("acct_other_{name}");
        payer
            .company
            .run(format!(
                "update payment_methods set removed_at = created_at where affiliate_id = '{0}';
                insert into payment_methods (id, affiliate_id, type, status, stripe_account, account_key, created_at)
                select gen_random_uuid(), affiliate_id, type, status, '{other}', '{other}', created_at
                from payment_methods where affiliate_id = '{0}'",
                partner.affiliate.0
            ))
            .await;
        again.push(payouts::retry(&ADMIN, engine, now, failed).await.unwrap());
    }
    let statuses = [again[0].batch_status, again[1].batch_status];
    assert_eq!(statuses, [BatchStatus::Draft, BatchStatus::Executing], "only what is above the limit waits");
    assert_eq!(code(payouts::approve(&ADMIN, engine, now, again[0].batch_id).await), "four_eyes");
    payouts::approve(&OTHER_ADMIN, engine, now, again[0].batch_id).await.unwrap();
    payer.company.prove_books().await;
}

#[tokio::test]
async fn a_key_of_one_s_own_is_no_second_pair_of_eyes() {
    let payer = Payer::deaf().await;
    payer.company.run("update programs set four_eyes_above_minor = 100".to_owned()).await;
    let ada = payer.ready_partner("ada").await;
    payer.earn(ada, 5_000, "usd").await;
    let (engine, now, program) = (payer.engine(), payer.now().await, payer.company.program);
    let id = api_keys::create(engine, &OTHER_ADMIN, now, "Payday", Scope::Payouts).await.unwrap().id;
    let key = Actor::ApiKey { id, scope: Scope::Payouts };
    let batch = payouts::draft(&key, engine, now, program, None).await.unwrap().batch_id.unwrap();
    assert_eq!(code(payouts::approve(&key, engine, now, batch).await), "four_eyes");
    assert_eq!(code(payouts::approve(&OTHER_ADMIN, engine, now, batch).await), "four_eyes");
    payouts::approve(&ADMIN, engine, now, batch).await.unwrap();
}

#[tokio::test]
async fn all_failed_payouts_of_a_completed_batch_are_tried_again_in_one_batch_that_lists_those_that_can_not_be() {
    let payer = Payer::deaf().await;
    let mut partners = Vec::new();
    for name in ["ada", "ben", "cleo", "dora"] {
        let partner = payer.ready_partner(name).await;
        payer.earn(partner, 5_000, "usd").await;
        partners.push(partner);
    }
    payer.fault("account_disabled", 4).await;
    let batch = payer.process_now().await;
    payer.work_until(batch, BatchStatus::Completed).await;
    payer.earn(partners[2], -4_000, "usd").await;
    let (engine, now) = (payer.engine(), payer.now().await);
    let hold = holds::place(&ADMIN, engine, now, partners[3].enrollment, "Looks odd").await.unwrap();
    let key = payer.company.api(Scope::Payouts).await;
    let retry_all = format!("/payout-batches/{batch}/retry-failed");
    let answer = key.post(&retry_all, json!({})).await.ok();
    let refused = answer["refused"].as_array().unwrap().iter();
    let mut refused: Vec<&str> = refused.map(|one| one["code"].as_str().unwrap()).collect();
    refused.sort_unstable();
    assert_eq!(refused, ["balance_changed", "on_hold"]);
    let new = answer["data"].as_array().unwrap();
    assert_eq!((new.len(), &new[0]["batch"]), (2, &new[1]["batch"]));
    let again: BatchId = new[0]["batch"].as_str().unwrap().parse().unwrap();
    assert_ne!(again, batch, "a completed batch stays completed");
    let skipped: Vec<_> = payouts::skipped(&ADMIN, engine, again, &PageRequest::default())
        .await
        .unwrap()
        .data
        .into_iter()
        .map(|row| (row.affiliate_name, row.reason))
        .collect();
    assert_eq!(skipped, [("cleo".to_owned(), SkipReason::LeftOut), ("dora".to_owned(), SkipReason::OnHold)]);
    let done = payer.work_until(again, BatchStatus::Completed).await;
    assert_eq!((done.summary.posted.count, payer.count_transfers_at_most_one_each().await), (2, 2));
    let before = payer.company.count("payout_batches").await;
    assert_eq!(key.post(&retry_all, json!({})).await.ok()["data"], json!([]));
    assert_eq!(payer.company.count("payout_batches").await, before, "nobody can be paid: nothing is written");
    payer.company.prove_books().await;

    holds::approve(&ADMIN, engine, now, hold.id, "It is fine").await.unwrap();
    let last = key.post(&retry_all, json!({})).await.ok();
    assert_eq!((last["data"].as_array().unwrap().len(), &last["data"][0]["affiliate_name"]), (1, &json!("dora")));
    payer.work().await;
    assert_eq!(payer.count_transfers_at_most_one_each().await, 3);
    payer.company.prove_books().await;
}

#[tokio::test]
async fn two_admins_who_retry_all_at_once_pay_everybody_once() {
    let payer = Payer::deaf().await;
    for name in ["ada", "ben", "cleo"] {
        let partner = payer.ready_partner(name).await;
        payer.earn(partner, 5_000, "usd").await;
    }
    payer.fault("account_disabled", 3).await;
    let batch = payer.process_now().await;
    payer.work_until(batch, BatchStatus::Completed).await;
    let (engine, now) = (payer.engine(), payer.now().await);
    let retries = [ADMIN, OTHER_ADMIN].map(|admin| {
        let engine = engine.clone();
        tokio::spawn(async move { payout_review::retry_failed(&admin, &engine, now, batch).await.unwrap().0.len() })
    });
    let made: usize = futures::future::join_all(retries).await.into_iter().map(Result::unwrap).sum();
    assert_eq!((made, payer.company.count("payout_batches").await), (3, 2));
    payer.work().await;
    assert_eq!(payer.count_transfers_at_most_one_each().await, 3);
    payer.company.prove_books().await;
}
