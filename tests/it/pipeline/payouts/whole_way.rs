//! From a payable line to a paid affiliate, and back when Stripe reverses the transfer.

use purser::desk::{PageRequest, payouts};
use purser::domain::batch::{BatchStatus, ItemStatus};
use purser::store::{ledger, notifications, outgoing_mail};
use serde_json::json;

use crate::harness::{ADMIN, Partner, Payer};

async fn titles(payer: &Payer, partner: Partner) -> Vec<String> {
    let mut conn = payer.engine().pool.acquire().await.unwrap();
    let told = notifications::list(&mut conn, partner.affiliate, None, 10).await.unwrap();
    told.into_iter().map(|note| note.title).collect()
}

async fn paid_minor(payer: &Payer, partner: Partner) -> i64 {
    let mut conn = payer.engine().pool.acquire().await.unwrap();
    ledger::balances(&mut conn, partner.enrollment).await.unwrap()[0].1.paid_minor
}

#[tokio::test]
async fn an_affiliate_who_connected_and_earned_is_paid_once_and_told() {
    let payer = Payer::new().await;
    let ada = payer.ready_partner("ada").await;
    payer.earn(ada, 3_000, "usd").await;
    payer.earn(ada, 1_000, "usd").await;
    let batch = payer.process_now().await;
    let view = payer.work_until(batch, BatchStatus::Completed).await;
    assert_eq!((view.summary.posted.count, view.summary.posted.amounts[0].amount_minor), (1, 4_000));
    let items = payer.items(batch).await;
    let transfer_id = items[0].transfer_id.clone().unwrap();
    let url = payouts::dashboard_url(payer.engine(), &items[0]).unwrap();
    assert_eq!(url, format!("https://dashboard.stripe.com/test/connect/transfers/{transfer_id}"));
    payer.take_events().await;
    let transfers = payer.transfers().await;
    assert_eq!(transfers.len(), 1);
    assert_eq!((&transfers[0]["amount"], &transfers[0]["transfers"]), (&json!(4_000), &json!(1)));
    assert_eq!(paid_minor(&payer, ada).await, 4_000);
    let lines = payer.company.lines(ada).await;
    assert!(lines.iter().all(|line| line.status == "paid"), "{lines:?}");
    assert!(titles(&payer, ada).await.contains(&"You were paid 40.00 USD".to_owned()));
    let mails = outgoing_mail::list(&mut payer.engine().pool.acquire().await.unwrap(), None, 10).await.unwrap();
    assert!(mails.iter().any(|mail| mail.to_email == "ada@partners.example.org" && mail.subject.contains("40.00 USD")));
    payer.company.prove_books().await;
}

#[tokio::test]
async fn the_event_of_a_transfer_posts_an_item_whose_answer_was_lost() {
    let payer = Payer::new().await;
    let ada = payer.ready_partner("ada").await;
    payer.earn(ada, 4_000, "usd").await;
    payer.fault("timeout_after", 1).await;
    let batch = payer.process_now().await;
    payer.work().await;
    assert_eq!(payer.items(batch).await[0].status, ItemStatus::Unresolved);
    payer.take_events().await;
    assert_eq!(payer.items(batch).await[0].status, ItemStatus::Posted);
    payer.work_until(batch, BatchStatus::Completed).await;
    assert_eq!(payer.count_transfers_at_most_one_each().await, 1);
    payer.company.prove_books().await;
}

#[tokio::test]
async fn what_a_reversal_takes_back_is_payable_again_to_the_cent() {
    let payer = Payer::new().await;
    let ada = payer.ready_partner("ada").await;
    payer.earn(ada, 4_000, "usd").await;
    let batch = payer.process_now().await;
    payer.work_until(batch, BatchStatus::Completed).await;
    let transfer = payer.items(batch).await[0].transfer_id.clone().unwrap();
    for (amount, status, reversed, paid) in
        [(1_500, ItemStatus::Posted, 1_500, 2_500), (2_500, ItemStatus::Reversed, 4_000, 0)]
    {
        payer.call_stripe(&format!("transfers/{transfer}/reversals"), format!("amount={amount}")).await;
        payer.take_events().await;
        let item = payer.items(batch).await.remove(0);
        assert_eq!((item.status, item.reversed_minor), (status, reversed));
        assert_eq!(paid_minor(&payer, ada).await, paid);
        payer.company.prove_books().await;
    }
    let next = payer.process_now().await;
    let view = payer.work_until(next, BatchStatus::Completed).await;
    assert_eq!(view.summary.posted.amounts[0].amount_minor, 4_000);
    assert_eq!(payouts::skipped(&ADMIN, payer.engine(), next, &PageRequest::default()).await.unwrap().data.len(), 0);
    payer.company.prove_books().await;
}

#[tokio::test]
async fn what_a_reversal_took_back_may_be_held_and_refused() {
    let payer = Payer::new().await;
    let ada = payer.ready_partner("ada").await;
    payer.earn(ada, 4_000, "usd").await;
    let batch = payer.process_now().await;
    payer.work_until(batch, BatchStatus::Completed).await;
    let transfer = payer.items(batch).await[0].transfer_id.clone().unwrap();
    let url = format!("{}/v1/transfers/{transfer}/reversals", payer.sandbox.url());
    let request = payer.company.http.post(url).bearer_auth(purser::sandbox::SECRET_KEY);
    let request = request.header("content-type", "application/x-www-form-urlencoded").body("amount=4000");
    assert_eq!(request.send().await.unwrap().status(), 200);
    payer.take_events().await;
    let now = payer.now().await;
    let hold = purser::desk::holds::place(&ADMIN, payer.engine(), now, ada.enrollment, "Was it theirs?").await.unwrap();
    payer.company.prove_books().await;
    purser::desk::holds::reject(&ADMIN, payer.engine(), now, hold.id, "It was not").await.unwrap();
    payer.company.prove_books().await;
}
