//! The money of disputes: lost ones take like refunds, won ones give back, and nothing takes more than was collected.

use serde_json::json;

use super::{Shop, line};

#[tokio::test]
async fn a_dispute_that_is_lost_after_the_payout_is_a_clawback() {
    let shop = Shop::new().await;
    let sale = shop.buy(20_000, json!({})).await;
    shop.pay().await;
    let dispute = shop.dispute(&sale, None, "created").await;
    assert_eq!(shop.lines().await, [line("commission", "paid", 4_000)], "nobody knows yet who has the money");
    shop.dispute(&sale, None, "lost").await;
    assert_eq!(shop.lines().await[1..], [line("clawback", "approved", -4_000)]);
    assert_eq!(shop.reasons(&dispute).await, [format!("Dispute lost ({dispute})")]);
    assert_eq!(shop.balance("payable").await, -4_000);
}

#[tokio::test]
async fn a_dispute_that_is_won_takes_nothing() {
    let shop = Shop::new().await;
    let sale = shop.buy(20_000, json!({})).await;
    shop.pay().await;
    shop.dispute(&sale, None, "created").await;
    shop.dispute(&sale, None, "won").await;
    assert_eq!(shop.lines().await, [line("commission", "paid", 4_000)]);
    assert_eq!(shop.refunded().await, 0);
}

#[tokio::test]
async fn an_inquiry_never_moves_money() {
    let shop = Shop::new().await;
    let sale = shop.buy(20_000, json!({})).await;
    shop.dispute(&sale, None, "warning").await;
    shop.dispute(&sale, None, "warning_closed").await;
    assert_eq!(shop.lines().await, [line("commission", "pending", 4_000)]);
}

#[tokio::test]
async fn a_refund_and_a_dispute_of_one_charge_take_no_more_than_it_collected() {
    let shop = Shop::new().await;
    let sale = shop.buy(20_000, json!({})).await;
    shop.pay().await;
    shop.refund(&sale, Some(15_000), "succeeded").await;
    shop.dispute(&sale, Some(20_000), "created").await;
    shop.dispute(&sale, None, "lost").await;
    assert_eq!(shop.lines().await[1..], [line("clawback", "approved", -3_000), line("clawback", "approved", -1_000)]);
    assert_eq!((shop.refunded().await, shop.balance("payable").await), (20_000, -4_000));
}

#[tokio::test]
async fn an_open_dispute_stops_an_unpaid_line_whichever_of_them_is_told_first() {
    for (told_first, status, came) in [
        ("sale", "won", vec![line("commission", "pending", 4_000)]),
        ("dispute", "won", vec![line("commission", "pending", 4_000)]),
        ("sale", "lost", vec![line("commission", "pending", 4_000), line("correction", "pending", -2_000)]),
        ("dispute", "lost", vec![line("commission", "pending", 4_000), line("correction", "pending", -2_000)]),
    ] {
        let shop = Shop::new().await;
        let sale = shop.buy_unheard(20_000, json!({})).await;
        if told_first == "sale" {
            shop.hear().await;
        }
        let of = json!({ "charge": sale["charge"], "amount": 10_000, "status": "created" });
        shop.payer.control("disputes", of).await;
        assert!(shop.payer.sandbox.sandbox.settle(std::time::Duration::from_secs(10)).await);
        let first = "update inbox_events set next_attempt_at = next_attempt_at - interval '1 hour'
            where type like '%dispute%' and status = 'received'";
        shop.payer.company.run(first.to_owned()).await;
        shop.hear().await;
        assert_eq!(shop.lines().await, [line("commission", "on_hold", 4_000)], "{told_first} first");
        shop.dispute(&sale, None, status).await;
        assert_eq!(shop.lines().await, came, "{told_first} first, {status}");
        assert_eq!((shop.balance("held").await, shop.events("parked").await), (0, 0));
    }
}
