//! What the affiliate and the company read when money goes back: one message for one refund or dispute, the sale's story, a
//! balance below zero, and what waits for its sale.

use purser::desk::{PageRequest, debts, line_story, parked, sale_refunds};
use purser::domain::explanation::Reader;
use purser::domain::ids::SaleId;
use serde_json::{Value, json};

use super::Shop;
use crate::harness::{ADMIN, actor_of};

impl Shop {
    /// Title and body of what Ada was told of a kind, oldest first.
    async fn was_told(&self, kinds: &str) -> Vec<String> {
        let query = format!(
            "select string_agg(title || ': ' || body, E'\n' order by id) from notifications where kind ~ '^({kinds})'"
        );
        let told = self.payer.company.text(&query).await.unwrap_or_default();
        told.lines().map(str::to_owned).collect()
    }

    async fn only_sale(&self) -> SaleId {
        let id = self.payer.company.text("select id::text from sales where status <> 'merged'").await.unwrap();
        SaleId(id.parse().unwrap())
    }
}

const CHANGED: &str = "commission|hold";

#[tokio::test]
async fn a_full_refund_before_payment_is_told_once_however_many_events_tell_of_it() {
    let shop = Shop::new().await;
    let sale = shop.buy(20_000, json!({})).await;
    shop.refund(&sale, None, "succeeded").await;
    assert_eq!(
        shop.was_told(CHANGED).await,
        [
            "40.00 EUR of your commission was cancelled: The customer was refunded 200.00 of 200.00 EUR, so all of your 40.00 EUR \
          commission was taken back. 40.00 EUR that was not paid yet is cancelled."
        ]
    );
    assert_eq!(shop.payer.company.count("outgoing_mail where subject like '40.00 EUR of your%'").await, 1);
}

#[tokio::test]
async fn a_refund_after_payment_is_explained_in_the_message_the_story_the_balance_and_the_sale() {
    let shop = Shop::new().await;
    let sale = shop.buy(20_000, json!({})).await;
    shop.pay().await;
    let refund = shop.refund(&sale, Some(10_000), "succeeded").await;
    let why = "The customer was refunded 100.00 of 200.00 EUR, so half of your 40.00 EUR commission was taken back.";
    let next = "The commission is in a payout already, so 20.00 EUR is netted off your next payout; nothing is taken from your \
                bank account.";
    assert_eq!(shop.was_told(CHANGED).await, [format!("20.00 EUR of paid commission was taken back: {why} {next}")]);

    let (engine, ada) = (shop.payer.engine(), actor_of(shop.ada));
    let debt = debts::mine(engine, &ada).await.unwrap().remove(0);
    assert_eq!((debt.owed_minor, debt.coming_minor, debt.more, debt.lines.len()), (2_000, 0, 0, 1));
    assert_eq!(debt.lines[0].amount_minor, -2_000);

    let story = line_story::mine(engine, &ada, debt.lines[0].id).await.unwrap();
    assert_eq!(story.net.iter().map(ToString::to_string).collect::<Vec<_>>(), ["20.00 EUR"]);
    let last = story.events.iter().find(|event| event.what == "Taken back").unwrap();
    assert_eq!(last.change.unwrap().to_string(), "−20.00 EUR");
    let wrote = story.lines.iter().find(|line| Some(line.id) == last.wrote).unwrap();
    let figures = wrote.explanation.figures.as_ref().unwrap();
    assert_eq!(figures.change_in_words(Reader::Affiliate).as_deref(), Some(why));

    let id = shop.only_sale().await;
    let story = line_story::of_sale(engine, &ADMIN, id).await.unwrap();
    let found = sale_refunds::of_sale(engine, &ADMIN, id, &story).await.unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].id.as_str(), found[0].counts, found[0].amount_minor), (refund.as_str(), true, 10_000));
    assert_eq!(found[0].effect.iter().map(ToString::to_string).collect::<Vec<_>>(), ["−20.00 EUR"]);
    let page = format!("https://dashboard.stripe.com/test/payments/{}", sale["payment_intent"].as_str().unwrap());
    assert_eq!(found[0].dashboard_url, page);

    shop.end_refund(&refund, "failed").await;
    let told = shop.was_told("commission_credited_back").await;
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].starts_with("20.00 EUR was credited to you again: A refund of 100.00 EUR failed"), "{told:?}");
    assert!(debts::mine(engine, &ada).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_canceled_refund_is_told_as_canceled_to_the_affiliate_and_on_the_sale() {
    let shop = Shop::new().await;
    let sale = shop.buy(20_000, json!({})).await;
    let refund = shop.refund(&sale, Some(10_000), "pending").await;
    shop.end_refund(&refund, "canceled").await;
    let told = shop.was_told("commission_credited_back").await;
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        told[0].starts_with("20.00 EUR was credited to you again: A refund of 100.00 EUR was canceled"),
        "{told:?}"
    );

    let story = line_story::of_sale(shop.payer.engine(), &ADMIN, shop.only_sale().await).await.unwrap();
    let last = story.events.last().unwrap();
    assert_eq!((last.what.as_str(), last.why.clone()), ("Credited again", format!("Refund {refund} was canceled")));
}

#[tokio::test]
async fn a_lost_dispute_is_told_when_the_line_stops_and_when_it_is_gone() {
    let shop = Shop::new().await;
    let sale = shop.buy(20_000, json!({})).await;
    shop.dispute(&sale, None, "created").await;
    let held = shop.was_told(CHANGED).await;
    assert_eq!(held.len(), 1, "{held:?}");
    assert!(
        held[0].starts_with("40.00 EUR is on hold: The customer disputes this payment with their bank."),
        "{held:?}"
    );
    shop.dispute(&sale, None, "lost").await;
    let all = shop.was_told(CHANGED).await;
    assert_eq!(all.len(), 2, "{all:?}");
    assert!(all[1].starts_with("40.00 EUR of your commission was cancelled:"), "{all:?}");
}

#[tokio::test]
async fn a_refund_that_comes_first_waits_on_a_page_with_what_it_waits_for() {
    let shop = Shop::new().await;
    let engine = shop.payer.engine();
    let event = json!({
        "id": "evt_early", "object": "event", "type": "refund.created", "created": 1_800_000_000, "livemode": false,
        "api_version": "2025-10-29.clover",
        "data": { "object": { "id": "re_early", "object": "refund", "amount": 5_000, "currency": "eur", "status": "succeeded",
            "charge": "ch_nobody", "payment_intent": "pi_nobody", "created": 1_800_000_000, "reason": null } }
    });
    shop.payer.company.take_in(&[event]).await;
    let waiting = parked::list(engine, &ADMIN, &PageRequest::default()).await.unwrap();
    assert_eq!((waiting.data.len(), &waiting.next_cursor), (1, &None));
    let one = &waiting.data[0];
    assert_eq!((one.event.as_str(), one.amount.unwrap().to_string()), ("evt_early", "50.00 EUR".to_owned()));
    assert_eq!(one.waits_for, ["ch_nobody", "pi_nobody"]);
    assert!(parked::list(engine, &actor_of(shop.ada), &PageRequest::default()).await.is_err());
    let _: Value = shop.buy(20_000, json!({})).await;
    assert_eq!(parked::list(engine, &ADMIN, &PageRequest::default()).await.unwrap().data.len(), 1, "another sale's");
}
