//! Limits of refunds: above them everything that the affiliate has unpaid stops until somebody decides, and what was weighed then
//! doesn't count again.

use purser::desk::hold_file::{self, Evidence, HoldQuery};
use purser::desk::{PageRequest, holds, sales};
use purser::domain::ids::{HoldId, LineId, SaleId};
use serde_json::json;

use super::{Shop, line};
use crate::harness::ADMIN;

impl Shop {
    async fn limited(setting: &str) -> Shop {
        let shop = Shop::new().await;
        shop.payer.company.run(format!("update programs set {setting}")).await;
        shop
    }

    async fn holds(&self) -> i64 {
        self.payer.company.count("holds").await
    }

    async fn open_hold(&self) -> HoldId {
        HoldId(
            self.payer.company.text("select id::text from holds where status = 'open'").await.unwrap().parse().unwrap(),
        )
    }

    async fn approve(&self) {
        let (hold, now) = (self.open_hold().await, self.payer.now().await);
        holds::approve(&ADMIN, self.payer.engine(), now, hold, "A faulty batch, all made good").await.unwrap();
    }

    async fn on_hold(&self) -> i64 {
        self.payer.company.count("commissions_ledger where status = 'on_hold'").await
    }
}

#[tokio::test]
async fn above_the_rate_all_that_is_unpaid_stops_and_what_was_weighed_does_not_count_again() {
    let shop = Shop::limited("refund_rate_threshold = 10").await;
    let large = shop.buy(90_000, json!({})).await;
    let small = shop.buy(10_000, json!({ "email": "lee@example.com" })).await;
    shop.refund(&small, None, "succeeded").await;
    assert_eq!(shop.holds().await, 0, "exactly at the limit");
    shop.refund(&large, Some(100), "succeeded").await;
    assert_eq!((shop.holds().await, shop.on_hold().await), (1, 2), "the commission and its correction");
    let reason = shop.payer.company.text("select reason from holds").await.unwrap();
    assert_eq!(reason, "10.1 % of 30 days' sales was refunded (101.00 EUR of 1,000.00 EUR); the limit is 10 %");

    shop.buy(20_000, json!({ "email": "mo@example.com" })).await;
    shop.refund(&large, Some(100), "succeeded").await;
    assert_eq!((shop.holds().await, shop.on_hold().await), (1, 4), "what comes meanwhile joins it");
    shop.approve().await;
    assert_eq!(shop.on_hold().await, 0);

    shop.refund(&large, Some(10_000), "succeeded").await;
    assert_eq!(shop.holds().await, 1, "only what was refunded since counts: 100.00 of 1,200.00");
    shop.refund(&large, Some(2_100), "succeeded").await;
    assert_eq!(shop.holds().await, 2, "121.00 of 1,200.00");
    shop.approve().await;
    assert_eq!((shop.on_hold().await, shop.balance("held").await), (0, 0));
}

#[tokio::test]
async fn above_the_amount_of_thirty_days_it_stops_and_a_failed_refund_does_not_release_it() {
    let shop = Shop::limited("refund_amount_threshold_minor = 5000").await;
    let sale = shop.buy(90_000, json!({})).await;
    shop.refund(&sale, Some(4_000), "succeeded").await;
    shop.payer.advance_hours(24 * 31).await;
    shop.refund(&sale, Some(5_000), "succeeded").await;
    assert_eq!(shop.holds().await, 0, "the first is older than 30 days, and exactly the limit isn't above it");
    shop.payer.advance_hours(24 * 29).await;
    let last = shop.refund(&sale, Some(1), "pending").await;
    assert_eq!(shop.holds().await, 1);
    shop.end_refund(&last, "failed").await;
    assert!(shop.on_hold().await > 0, "somebody decides");

    let (engine, now) = (shop.payer.engine(), shop.payer.now().await);
    let found = hold_file::list(engine, &ADMIN, &HoldQuery::default(), &PageRequest::default()).await.unwrap();
    let evidence = hold_file::evidence(engine, &ADMIN, now, &found.data[0]).await.unwrap();
    let Evidence::Refunds(case) = evidence else { panic!("{evidence:?}") };
    assert_eq!((case.now.map(|figures| figures.refunded_minor), case.exceeds), (Some(5_000), false));
    let told = "notifications where kind = 'commission_held'";
    assert_eq!(shop.payer.company.count(told).await, 1, "one hold, one message");
}

#[tokio::test]
async fn an_admin_s_decision_about_a_disputed_line_stands_whatever_the_bank_decides() {
    for (rejects, end, came) in [
        (false, "won", vec![line("commission", "pending", 4_000)]),
        (false, "lost", vec![line("commission", "pending", 4_000), line("correction", "pending", -2_000)]),
        (true, "won", vec![line("commission", "cancelled", 4_000)]),
        (true, "lost", vec![line("commission", "cancelled", 4_000)]),
    ] {
        let shop = Shop::new().await;
        let sale = shop.buy(20_000, json!({})).await;
        shop.dispute(&sale, Some(10_000), "created").await;
        let (hold, now) = (shop.open_hold().await, shop.payer.now().await);
        let decide = if rejects { "reject" } else { "approve" };
        match rejects {
            true => holds::reject(&ADMIN, shop.payer.engine(), now, hold, "Known").await.unwrap(),
            false => holds::approve(&ADMIN, shop.payer.engine(), now, hold, "Known").await.unwrap(),
        };
        let again = "update inbox_events set status = 'received' where type like 'charge.dispute%'";
        shop.payer.company.run(again.to_owned()).await;
        shop.hear().await;
        assert_eq!((shop.holds().await, shop.on_hold().await), (1, 0), "{decide}: not raised again");
        shop.dispute(&sale, None, end).await;
        assert_eq!(shop.lines().await, came, "{decide}, then {end}");
        assert_eq!((shop.holds().await, shop.balance("held").await), (1, 0));
    }
}

#[tokio::test]
async fn a_sale_that_is_credited_after_it_was_disputed_and_refunded_is_stopped_all_the_same() {
    let shop = Shop::limited("refund_amount_threshold_minor = 1000").await;
    let order = json!({ "email": "kim@example.com", "amount": 20_000, "currency": "eur", "mode": "payment" });
    let sale = shop.payer.control("purchases", order).await;
    shop.hear().await;
    shop.dispute(&sale, Some(10_000), "created").await;
    shop.refund(&sale, Some(5_000), "succeeded").await;
    assert_eq!((shop.lines().await.len(), shop.holds().await), (0, 0));
    let id = shop.payer.company.text("select id::text from sales where status = 'paid'").await.unwrap();
    let now = shop.payer.now().await;
    sales::attribute(shop.payer.engine(), &ADMIN, now, SaleId(id.parse().unwrap()), shop.ada.affiliate).await.unwrap();
    assert_eq!((shop.holds().await, shop.balance("held").await), (2, 3_000), "the dispute's hold, and the limit's");
    assert_eq!(shop.balance("pending").await, 0);
}

#[tokio::test]
async fn a_hold_on_one_line_stops_all_that_its_sale_earns_and_what_comes_back_to_it() {
    let shop = Shop::new().await;
    let sale = shop.buy(20_000, json!({})).await;
    shop.refund(&sale, Some(5_000), "succeeded").await;
    let commission = "select id::text from commissions_ledger where kind = 'commission'";
    let commission = LineId(shop.payer.company.text(commission).await.unwrap().parse().unwrap());
    let now = shop.payer.now().await;
    let held = holds::place_on_lines(&ADMIN, shop.payer.engine(), now, &[commission], "Looks odd").await.unwrap();
    assert_eq!((shop.on_hold().await, shop.balance("held").await), (2, 3_000), "the correction too");
    let rest = shop.refund(&sale, None, "pending").await;
    assert_eq!(shop.balance("held").await, 0);
    shop.end_refund(&rest, "failed").await;
    assert_eq!((shop.balance("held").await, shop.balance("pending").await), (3_000, 0), "credited again, and held");
    let now = shop.payer.now().await;
    holds::reject(&ADMIN, shop.payer.engine(), now, held.id, "It was").await.unwrap();
    assert_eq!((shop.on_hold().await, shop.balance("held").await, shop.balance("pending").await), (0, 0, 0));
}

#[tokio::test]
async fn a_refund_that_was_weighed_as_a_running_sum_does_not_count_again_by_its_own_name() {
    let shop = Shop::limited("refund_amount_threshold_minor = 5000").await;
    let sale = shop.buy(20_000, json!({})).await;
    let of = json!({ "charge": sale["charge"], "amount": 6_000, "status": "succeeded" });
    shop.payer.control("refunds", of).await;
    assert!(shop.payer.sandbox.sandbox.settle(std::time::Duration::from_secs(10)).await);
    let later =
        "update inbox_events set next_attempt_at = next_attempt_at + interval '1 day' where type like 'refund.%'";
    shop.payer.company.run(later.to_owned()).await;
    shop.hear().await;
    assert_eq!(shop.holds().await, 1, "by the charge's sum alone");
    shop.approve().await;
    shop.payer.advance_hours(25).await;
    shop.hear().await;
    assert_eq!((shop.events("received").await, shop.holds().await), (0, 1));
    shop.refund(&sale, Some(5_001), "succeeded").await;
    assert_eq!(shop.holds().await, 2, "a new one counts");
}
