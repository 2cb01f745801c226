//! The minimum payout of each currency: what is below it waits, the reason names it, and what a retry pays is held to it too.

use purser::desk::{PageRequest, payouts, programs};
use purser::domain::batch::{BatchStatus, SkipReason};
use serde_json::{Value, json};

use crate::harness::{ADMIN, OTHER_ADMIN, Payer};

/// Changes the program's settings, given as the API takes them.
async fn change(payer: &Payer, patch: Value) {
    let (now, patch) = (payer.now().await, serde_json::from_value(patch).unwrap());
    programs::update(payer.engine(), &OTHER_ADMIN, now, "partners", patch).await.unwrap();
}

#[tokio::test]
async fn a_minimum_counts_in_its_currency_and_the_programs_figure_in_every_other() {
    let payer = Payer::deaf().await;
    change(&payer, json!({ "min_payout": 2_000, "min_payouts": { "jpy": 1_500 } })).await;
    let (ada, ben) = (payer.ready_partner("ada").await, payer.ready_partner("ben").await);
    for (currency, enough) in [("usd", 2_000), ("eur", 2_000), ("jpy", 1_500), ("kwd", 20_000)] {
        payer.earn(ada, enough, currency).await;
        payer.earn(ben, enough - 1, currency).await;
    }
    let (engine, now) = (payer.engine(), payer.now().await);
    let preview = payouts::preview(&ADMIN, engine, now, &[payer.company.program]).await.unwrap().remove(0);
    let drafted = payouts::draft(&ADMIN, engine, now, payer.company.program, None).await.unwrap();
    let items = payer.items(drafted.batch_id.unwrap()).await;
    let paid: Vec<_> = items.iter().map(|item| (item.affiliate_name.as_str(), item.amount())).collect();
    let planned: Vec<_> = preview.plan.due.iter().map(|due| (due.affiliate_name.as_str(), due.amount)).collect();
    assert_eq!(planned, paid, "a dry run says the same");
    assert_eq!(paid.len(), 4);
    assert!(paid.iter().all(|(name, _)| *name == "ada"), "{paid:?}");
    let sentences: Vec<_> = preview.plan.left_out.iter().map(|left| left.sentence()).collect();
    assert_eq!(sentences, drafted.left_out.iter().map(|left| left.sentence()).collect::<Vec<_>>());
    let skipped =
        payouts::skipped(&ADMIN, engine, drafted.batch_id.unwrap(), &PageRequest::default()).await.unwrap().data;
    assert!(skipped.iter().all(|left| left.affiliate_name == "ben" && left.reason == SkipReason::BelowMinimum));
    let sentences: Vec<String> = skipped.iter().map(|left| left.sentence()).collect();
    assert_eq!(
        sentences,
        [
            "Below the minimum payout of 20.00 EUR.",
            "Below the minimum payout of 1,500 JPY.",
            "Below the minimum payout of 20.000 KWD.",
            "Below the minimum payout of 20.00 USD.",
        ]
    );
    change(&payer, json!({ "min_payout": 1, "min_payouts": { "jpy": null } })).await;
    let after =
        payouts::skipped(&ADMIN, engine, drafted.batch_id.unwrap(), &PageRequest::default()).await.unwrap().data;
    assert_eq!(after[0].sentence(), sentences[0], "the record keeps what counted then");
    payer.company.prove_books().await;
}

#[tokio::test]
async fn a_failed_payout_below_a_minimum_that_was_raised_since_is_not_tried_again() {
    let payer = Payer::deaf().await;
    let ada = payer.ready_partner("ada").await;
    payer.earn(ada, 5_000, "eur").await;
    payer.fault("account_disabled", 1).await;
    let batch = payer.process_now().await;
    payer.work_until(batch, BatchStatus::Completed).await;
    let failed = payer.items(batch).await.remove(0);
    change(&payer, json!({ "min_payouts": { "eur": 5_001 } })).await;
    let (engine, now) = (payer.engine(), payer.now().await);
    let refused = payouts::retry(&ADMIN, engine, now, failed.id).await.unwrap_err().to_string();
    assert!(refused.contains("50.01 EUR"), "{refused}");
    payer.earn(ada, 1, "eur").await;
    payouts::retry(&ADMIN, engine, now, failed.id).await.unwrap();
    payer.company.prove_books().await;
}
