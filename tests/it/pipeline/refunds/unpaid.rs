//! Disputes of a sale whose payout was not made: its commission is final, and yet it waits for the bank's decision.

use purser::desk::{Error, holds, payouts};
use purser::domain::batch::BatchStatus;
use purser::domain::ids::{HoldId, PayoutItemId};
use purser::pipeline::mature;
use serde_json::{Value, json};

use super::{Shop, line};
use crate::harness::ADMIN;

/// Why the commission is final and unpaid.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Because {
    ItFailed,
    ItWasCancelled,
}

impl Shop {
    /// A sale whose commission a payout had that was not made; answers with its item.
    async fn sold_and_not_paid(&self, because: Because) -> (Value, PayoutItemId) {
        let sale = self.buy(20_000, json!({})).await;
        self.payer.advance_hours(24 * 11).await;
        let (engine, now) = (self.payer.engine(), self.payer.now().await);
        mature::sweep(&engine.pool, now).await.unwrap();
        if because == Because::ItFailed {
            self.payer.fault("account_disabled", 1).await;
        }
        let drafted = payouts::draft(&ADMIN, engine, now, self.payer.company.program, None).await.unwrap();
        let batch = drafted.batch_id.unwrap();
        if because == Because::ItFailed {
            payouts::approve(&ADMIN, engine, now, batch).await.unwrap();
            payouts::execute(&ADMIN, engine, now, batch).await.unwrap();
            self.payer.work_until(batch, BatchStatus::Completed).await;
        } else {
            payouts::cancel(&ADMIN, engine, now, batch).await.unwrap();
        }
        (sale, self.payer.items(batch).await[0].id)
    }

    /// Nobody is due.
    async fn pays_nobody(&self) {
        let (engine, now) = (self.payer.engine(), self.payer.now().await);
        assert!(payouts::process_now(&ADMIN, engine, now, None).await.unwrap().done.is_empty());
    }
}

#[tokio::test]
async fn a_dispute_stops_what_a_payout_that_was_not_made_left_until_it_is_won_and_then_it_is_paid_once() {
    for because in [Because::ItFailed, Because::ItWasCancelled] {
        let shop = Shop::new().await;
        let (sale, item) = shop.sold_and_not_paid(because).await;
        shop.dispute(&sale, None, "created").await;
        assert_eq!((shop.balance("held").await, shop.balance("payable").await), (4_000, 0), "{because:?}");
        shop.pays_nobody().await;
        let (engine, now) = (shop.payer.engine(), shop.payer.now().await);
        if because == Because::ItFailed {
            let retried = payouts::retry(&ADMIN, engine, now, item).await;
            assert!(matches!(retried, Err(Error::Conflict { code: "on_hold", .. })), "{retried:?}");
        }
        shop.dispute(&sale, None, "won").await;
        assert_eq!((shop.balance("held").await, shop.balance("payable").await), (0, 4_000));
        let batch = match because {
            Because::ItFailed => payouts::retry(&ADMIN, engine, now, item).await.unwrap().batch_id,
            Because::ItWasCancelled => shop.payer.process_now().await,
        };
        shop.payer.work_until(batch, BatchStatus::Completed).await;
        shop.hear().await;
        assert_eq!(shop.lines().await, [line("commission", "paid", 4_000)]);
        assert_eq!(shop.payer.count_transfers_at_most_one_each().await, 1);
    }
}

#[tokio::test]
async fn a_dispute_that_is_lost_takes_its_part_of_what_was_not_paid_and_nothing_stays_held() {
    let shop = Shop::new().await;
    let (sale, _) = shop.sold_and_not_paid(Because::ItFailed).await;
    shop.dispute(&sale, Some(5_000), "created").await;
    shop.dispute(&sale, None, "lost").await;
    let taken = [line("commission", "finalized", 4_000), line("clawback", "approved", -1_000)];
    assert_eq!(shop.lines().await, taken);
    assert_eq!((shop.balance("held").await, shop.balance("payable").await), (0, 3_000));
}

#[tokio::test]
async fn a_dispute_that_comes_while_the_money_is_in_a_payout_stops_it_when_that_fails() {
    let shop = Shop::new().await;
    let sale = shop.buy(20_000, json!({})).await;
    shop.payer.advance_hours(24 * 11).await;
    mature::sweep(&shop.payer.engine().pool, shop.payer.now().await).await.unwrap();
    let batch = shop.payer.process_now().await;
    shop.dispute(&sale, None, "created").await;
    shop.payer.fault("account_disabled", 1).await;
    shop.payer.work_until(batch, BatchStatus::Completed).await;
    assert_eq!((shop.balance("held").await, shop.balance("payable").await), (4_000, 0));
    shop.pays_nobody().await;
    shop.dispute(&sale, None, "won").await;
    assert_eq!((shop.balance("held").await, shop.balance("payable").await), (0, 4_000));
}

#[tokio::test]
async fn what_a_rejected_hold_took_back_is_neither_taken_again_by_a_refund_nor_earned_again_when_that_fails() {
    let shop = Shop::new().await;
    let (sale, _) = shop.sold_and_not_paid(Because::ItFailed).await;
    shop.refund(&sale, Some(5_000), "succeeded").await;
    shop.dispute(&sale, Some(2_000), "created").await;
    let id = shop.payer.company.text("select id::text from holds where status = 'open'").await.unwrap();
    let (engine, now) = (shop.payer.engine(), shop.payer.now().await);
    holds::reject(&ADMIN, engine, now, HoldId(id.parse().unwrap()), "Own purchases").await.unwrap();
    let came = [
        line("commission", "finalized", 4_000),
        line("clawback", "approved", -1_000),
        line("clawback", "approved", -3_000),
    ];
    assert_eq!(shop.lines().await, came);
    assert_eq!((shop.balance("held").await, shop.balance("payable").await), (0, 0));
    let rest = shop.refund(&sale, Some(3_000), "succeeded").await;
    assert_eq!(shop.lines().await, came);
    shop.end_refund(&rest, "failed").await;
    assert_eq!(shop.lines().await, came);
    shop.pays_nobody().await;
}
