//! A balance that is too low for a batch: what it covers is paid, in any currency, whatever else waits; what it doesn't cover waits
//! until it does, is paid once then, and can be left out.

use std::time::{Duration, Instant};

use purser::desk::payout_review;
use purser::domain::batch::{BatchStatus, ItemStatus};
use purser::domain::ids::BatchId;
use purser::pipeline::funds;
use purser::{Engine, jobs};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::harness::{ADMIN, Payer, eventually};

async fn balance(payer: &Payer, currency: &str, available: i64) {
    payer.control("balance", json!({ "currency": currency, "available": available })).await;
}

/// Calls that ask for a transfer, as the sandbox has them in its log.
async fn transfer_calls(payer: &Payer) -> usize {
    let url = format!("{}/sandbox/log", payer.sandbox.url());
    let log: Value = payer.company.http.get(url).send().await.unwrap().json().await.unwrap();
    let calls = log["data"].as_array().unwrap().iter();
    calls.filter(|call| call["method"] == "POST" && call["path"] == "/v1/transfers").count()
}

async fn earn_each(payer: &Payer, amounts: &[(i64, &str)]) {
    for (n, (amount, currency)) in amounts.iter().enumerate() {
        let partner = payer.ready_partner(&format!("partner{n}")).await;
        payer.earn(partner, *amount, currency).await;
    }
}

async fn paid_minor(payer: &Payer, currency: &str) -> i64 {
    let paid = payer.transfers().await.into_iter().filter(|transfer| transfer["currency"] == currency);
    paid.map(|transfer| transfer["amount"].as_i64().unwrap()).sum()
}

/// What of the batch still waits, in the currency.
async fn waiting(payer: &Payer, batch: BatchId, currency: &str) -> Vec<i64> {
    let items = payer.items(batch).await.into_iter();
    let items = items.filter(|item| item.currency.as_str() == currency && item.status == ItemStatus::Pending);
    items.map(|item| item.amount_minor).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_payout_above_the_balance_stops_no_other() {
    let payer = Payer::deaf().await;
    let mut amounts = vec![(2_000, "usd"); 12];
    amounts.insert(2, (1_000_000, "usd"));
    amounts.push((1_900, "eur"));
    earn_each(&payer, &amounts).await;
    balance(&payer, "usd", 500_000).await;
    balance(&payer, "eur", 0).await;
    let batch = payer.process_now().await;
    let view = payer.work_until(batch, BatchStatus::Paused).await;
    assert_eq!((view.summary.posted.count, view.summary.pending.count, view.summary.failed.count), (12, 2, 0));
    assert_eq!(
        view.paused_reason.unwrap(),
        "Stripe has 0.00 EUR available; the payout that waits needs 19.00 EUR: add 19.00 EUR. Stripe has 4,760.00 USD \
         available; the payout that waits needs 10,000.00 USD: add 5,240.00 USD. The batch goes on by itself."
    );
    balance(&payer, "eur", 1_900).await;
    payer.work().await;
    assert_eq!((paid_minor(&payer, "eur").await, paid_minor(&payer, "usd").await), (1_900, 24_000));
    let view = payer.work_until(batch, BatchStatus::Paused).await;
    assert!(!view.paused_reason.unwrap().contains("EUR"), "what was paid waits no more");
    payer.company.prove_books().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_the_balance_and_the_top_ups_what_is_covered_is_paid_once_and_in_few_calls() {
    let seed: u64 = rand::rng().random();
    println!("seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let payer = Payer::deaf().await;
    let amounts: Vec<(i64, &str)> = (0..24)
        .map(|_| (random.random_range(1_000..60_000), if random.random_bool(0.6) { "usd" } else { "eur" }))
        .collect();
    earn_each(&payer, &amounts).await;
    let mut given = [("usd", 0), ("eur", 0)];
    for (currency, given) in &mut given {
        *given = random.random_range(0..40_000);
        balance(&payer, currency, *given).await;
    }
    let batch = payer.process_now().await;
    for round in 0..100 {
        payer.work().await;
        for (currency, given) in given {
            let left = given - paid_minor(&payer, currency).await;
            assert!(left >= 0, "seed {seed}, round {round}");
            let waiting = waiting(&payer, batch, currency).await;
            assert!(
                waiting.iter().all(|amount| *amount > left),
                "seed {seed}, round {round}: {left} left of {waiting:?}"
            );
        }
        if payer.batch(batch).await.status == BatchStatus::Completed {
            break;
        }
        let (currency, given) = &mut given[random.random_range(0..2)];
        *given += random.random_range(0..30_000);
        let left = *given - paid_minor(&payer, currency).await;
        balance(&payer, currency, left).await;
    }
    let view = payer.batch(batch).await;
    assert_eq!((view.status, view.summary.posted.count), (BatchStatus::Completed, 24), "seed {seed}: {view:?}");
    assert_eq!(payer.count_transfers_at_most_one_each().await, 24, "seed {seed}");
    let calls = transfer_calls(&payer).await;
    assert!(calls <= 2 * 24, "seed {seed}: {calls} calls for 24 payouts");
    payer.company.prove_books().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_that_the_balance_does_not_explain_is_not_repeated_at_once() {
    let payer = Payer::deaf().await;
    earn_each(&payer, &[(5_000, "usd")]).await;
    payer.fault("balance_insufficient", 50).await;
    let batch = payer.process_now().await;
    for _ in 0..5 {
        payer.work().await;
    }
    assert_eq!(transfer_calls(&payer).await, 2, "the call, and one of the item that took its place");
    assert_eq!(payer.batch(batch).await.status, BatchStatus::Executing, "the balance covers it");
    let later = "update payout_items set funds_at = funds_at - interval '31 seconds'";
    payer.company.run(later.to_owned()).await;
    payer.work().await;
    assert_eq!(transfer_calls(&payer).await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_can_be_left_out_of_the_paused_batch_so_that_it_comes_to_its_end() {
    let payer = Payer::deaf().await;
    earn_each(&payer, &[(2_000, "usd"), (9_000, "usd")]).await;
    balance(&payer, "usd", 2_500).await;
    let batch = payer.process_now().await;
    payer.work_until(batch, BatchStatus::Paused).await;
    let (engine, now) = (payer.engine(), payer.now().await);
    let item = payer.items(batch).await.into_iter().find(|item| item.status == ItemStatus::Pending).unwrap();
    let posted = payer.items(batch).await.into_iter().find(|item| item.status == ItemStatus::Posted).unwrap();
    let refused = payout_review::leave_out(&ADMIN, engine, now, posted.id, "No money").await;
    assert!(refused.is_err(), "{refused:?}");
    let left = payout_review::leave_out(&ADMIN, engine, now, item.id, "No money").await.unwrap();
    assert_eq!(left.status, ItemStatus::LeftOut);
    let view = payer.work_until(batch, BatchStatus::Completed).await;
    assert_eq!((view.summary.posted.count, view.summary.skipped.count, view.summary.pending.count), (1, 1, 0));
    balance(&payer, "usd", 50_000).await;
    let next = payer.process_now().await;
    let view = payer.work_until(next, BatchStatus::Completed).await;
    assert_eq!(view.summary.posted.amounts[0].amount_minor, 9_000);
    payer.company.prove_books().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_item_that_took_the_place_of_a_refused_one_can_be_left_out_too() {
    let payer = Payer::deaf().await;
    earn_each(&payer, &[(9_000, "usd")]).await;
    payer.fault("balance_insufficient", 2).await;
    let batch = payer.process_now().await;
    payer.work().await;
    balance(&payer, "usd", 10).await;
    payer.work_until(batch, BatchStatus::Paused).await;
    let item = payer.items(batch).await.pop().unwrap();
    assert_eq!((item.status, item.retry_of.is_some()), (ItemStatus::Pending, true));
    payout_review::leave_out(&ADMIN, payer.engine(), payer.now().await, item.id, "No money").await.unwrap();
    let view = payer.work_until(batch, BatchStatus::Completed).await;
    assert_eq!((view.summary.posted.count, view.summary.skipped.count), (0, 1));
    payer.company.prove_books().await;
}

/// Makes the next reads of the balance hang.
async fn balance_hangs(payer: &Payer, times: u32) {
    let reads = json!({ "method": "GET", "path": "/v1/balance" });
    payer.control("faults", json!([{ "match": reads, "times": times, "fault": "timeout_before" }])).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_balance_that_is_long_in_coming_holds_up_neither_payouts_nor_the_end_of_a_worker() {
    let payer = Payer::deaf().await;
    earn_each(&payer, &[(9_000, "usd")]).await;
    balance(&payer, "usd", 10).await;
    let short = payer.process_now().await;
    payer.work_until(short, BatchStatus::Paused).await;
    let mut config = (*payer.engine().config).clone();
    config.stripe.timeout = Duration::from_secs(15);
    let engine = Engine::new(config, payer.engine().pool.clone());
    for n in 0..5 {
        let partner = payer.ready_partner(&format!("yen{n}")).await;
        payer.earn(partner, 2_000, "jpy").await;
    }
    let other = payer.process_now().await;
    balance_hangs(&payer, 100).await;
    let (stop, stopping) = watch::channel(false);
    let began = Instant::now();
    let working = tokio::spawn(jobs::payouts::run(engine, stopping));
    eventually("the other batch is paid", async || {
        (payer.batch(other).await.status == BatchStatus::Completed).then_some(())
    })
    .await;
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    let asked = Instant::now();
    stop.send_replace(true);
    working.await.unwrap();
    assert!(asked.elapsed() < Duration::from_secs(1), "{:?}", asked.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_worker_pays_what_a_top_up_covers_by_itself() {
    let payer = Payer::deaf().await;
    earn_each(&payer, &[(2_000, "usd"), (9_000, "usd")]).await;
    balance(&payer, "usd", 10).await;
    let batch = payer.process_now().await;
    let (stop, stopping) = watch::channel(false);
    let working = tokio::spawn(jobs::payouts::run(payer.engine().clone(), stopping));
    eventually("the batch is paused", async || (payer.batch(batch).await.status == BatchStatus::Paused).then_some(()))
        .await;
    balance(&payer, "usd", 2_000).await;
    eventually("what is covered is paid", async || (payer.batch(batch).await.summary.posted.count == 1).then_some(()))
        .await;
    balance(&payer, "usd", 9_000).await;
    eventually("the batch is completed", async || {
        (payer.batch(batch).await.status == BatchStatus::Completed).then_some(())
    })
    .await;
    stop.send_replace(true);
    working.await.unwrap();
    assert_eq!(payer.count_transfers_at_most_one_each().await, 2);
    assert_eq!(funds::look(payer.engine(), payer.now().await).await.unwrap(), 0);
    payer.company.prove_books().await;
}
