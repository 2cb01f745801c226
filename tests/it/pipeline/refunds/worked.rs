//! The worked examples, to the cent: refunds before and after the affiliate is paid.

use purser::domain::batch::BatchStatus;
use purser::pipeline::mature;
use serde_json::json;

use super::{Shop, line};

#[tokio::test]
async fn a_full_refund_while_pending_cancels_the_line_and_leaves_nothing() {
    let shop = Shop::new().await;
    let sale = shop.buy(20_000, json!({})).await;
    assert_eq!(shop.lines().await, [line("commission", "pending", 4_000)]);
    shop.refund(&sale, None, "succeeded").await;
    assert_eq!(shop.lines().await, [line("commission", "cancelled", 4_000)]);
    let why = "select why from commission_line_history order by n desc limit 1";
    assert_eq!(shop.payer.company.text(why).await.as_deref(), Some("Payment refunded"));
    for account in ["pending", "held", "payable", "paid"] {
        assert_eq!(shop.balance(account).await, 0, "{account}");
    }
}

#[tokio::test]
async fn a_partial_refund_while_pending_is_a_correction_beside_the_line() {
    let shop = Shop::new().await;
    let sale = shop.buy(20_000, json!({})).await;
    let refund = shop.refund(&sale, Some(10_000), "succeeded").await;
    assert_eq!(shop.lines().await, [line("commission", "pending", 4_000), line("correction", "pending", -2_000)]);
    assert_eq!(shop.reasons(&refund).await, [format!("Payment refunded ({refund})")]);
    assert_eq!(
        shop.told_last().await,
        "The customer was refunded 100.00 of 200.00 EUR, so half of your 40.00 EUR commission was taken back."
    );
    shop.pay().await;
    assert_eq!((shop.balance("paid").await, shop.balance("payable").await), (2_000, 0));
}

#[tokio::test]
async fn a_partial_refund_after_the_payout_is_a_clawback() {
    let shop = Shop::new().await;
    let sale = shop.buy(20_000, json!({})).await;
    shop.pay().await;
    let refund = shop.refund(&sale, Some(10_000), "succeeded").await;
    assert_eq!(shop.lines().await, [line("commission", "paid", 4_000), line("clawback", "approved", -2_000)]);
    assert_eq!(shop.reasons(&refund).await, [format!("Payment refunded ({refund})")]);
    assert_eq!((shop.balance("paid").await, shop.balance("payable").await), (4_000, -2_000));
    // The next payout is less by what was taken back.
    shop.buy(20_000, json!({ "email": "lou@example.com" })).await;
    shop.pay().await;
    assert_eq!((shop.balance("paid").await, shop.balance("payable").await), (6_000, 0));
}

#[tokio::test]
async fn refunds_in_three_parts_end_on_nothing_to_the_cent() {
    let shop = Shop::new().await;
    let sale = shop.buy(10_000, json!({})).await;
    shop.pay().await;
    for amount in [Some(3_333), Some(3_333), None] {
        shop.refund(&sale, amount, "succeeded").await;
    }
    let came = [
        line("commission", "paid", 2_000),
        line("clawback", "approved", -667),
        line("clawback", "approved", -666),
        line("clawback", "approved", -667),
    ];
    assert_eq!(shop.lines().await, came);
    assert_eq!(
        shop.told_last().await,
        "The customer was refunded another 33.34 EUR, 100.00 of 100.00 EUR in all, so all of the 6.67 EUR that was left \
         of your commission was taken back."
    );
    assert_eq!(shop.balance("payable").await, -2_000);
}

#[tokio::test]
async fn a_refund_that_fails_is_credited_back_once() {
    let shop = Shop::new().await;
    let sale = shop.buy(20_000, json!({})).await;
    let pending = shop.refund(&sale, Some(5_000), "pending").await;
    assert_eq!(shop.balance("pending").await, 3_000, "it counts from the beginning");
    shop.end_refund(&pending, "failed").await;
    let came = [
        line("commission", "pending", 4_000),
        line("correction", "pending", -1_000),
        line("recredit", "pending", 1_000),
    ];
    assert_eq!(shop.lines().await, came);
    assert_eq!(shop.reasons(&pending).await[1], format!("Refund {pending} failed"));

    shop.pay().await;
    let refund = shop.refund(&sale, None, "pending").await;
    assert_eq!(shop.balance("payable").await, -4_000);
    shop.end_refund(&refund, "canceled").await;
    assert_eq!(shop.lines().await[3..], [line("clawback", "approved", -4_000), line("recredit", "approved", 4_000)]);
    assert_eq!(shop.reasons(&refund).await[3], format!("Refund {refund} was canceled"));
    assert_eq!((shop.balance("payable").await, shop.refunded().await), (0, 0));
}

#[tokio::test]
async fn a_cancelled_line_whose_refund_fails_is_earned_again() {
    let shop = Shop::new().await;
    let sale = shop.buy(20_000, json!({})).await;
    let refund = shop.refund(&sale, None, "pending").await;
    shop.end_refund(&refund, "failed").await;
    let came = [line("commission", "cancelled", 4_000), line("recredit", "pending", 4_000)];
    assert_eq!(shop.lines().await, came);
    assert_eq!(shop.reasons(&refund).await, [format!("Refund {refund} failed")]);
    shop.pay().await;
    assert_eq!(shop.balance("paid").await, 4_000);
}

#[tokio::test]
async fn a_refund_of_one_renewal_touches_its_line_alone() {
    let shop = Shop::new().await;
    shop.buy(5_000, json!({ "mode": "subscription" })).await;
    shop.payer.advance_hours(24 * 31).await;
    shop.hear().await;
    assert_eq!(shop.lines().await, vec![line("commission", "pending", 1_000); 2]);
    let renewal = "select a.alias from sales s join sale_aliases a on a.sale_id = s.id and a.alias like 'ch%'
        where s.billing_reason = 'subscription_cycle'";
    let charge = shop.payer.company.text(renewal).await.unwrap();
    shop.refund(&json!({ "charge": charge }), None, "succeeded").await;
    assert_eq!(shop.lines().await, [line("commission", "pending", 1_000), line("commission", "cancelled", 1_000)]);
}

#[tokio::test]
async fn a_refund_in_the_middle_of_a_batch_is_taken_from_the_next_payout() {
    let shop = Shop::new().await;
    let sale = shop.buy(20_000, json!({})).await;
    shop.payer.advance_hours(24 * 11).await;
    mature::sweep(&shop.payer.engine().pool, shop.payer.now().await).await.unwrap();
    let batch = shop.payer.process_now().await;
    let refund = shop.refund(&sale, Some(10_000), "succeeded").await;
    assert_eq!(shop.lines().await, [line("commission", "finalized", 4_000), line("clawback", "approved", -2_000)]);
    assert_eq!(shop.reasons(&refund).await, [format!("Payment refunded ({refund})")]);
    shop.payer.work_until(batch, BatchStatus::Completed).await;
    assert_eq!((shop.balance("paid").await, shop.balance("payable").await), (4_000, -2_000));
    shop.buy(20_000, json!({ "email": "lou@example.com" })).await;
    shop.pay().await;
    let amounts: Vec<_> = shop.payer.transfers().await.iter().map(|transfer| transfer["amount"].clone()).collect();
    assert_eq!(amounts.iter().filter_map(serde_json::Value::as_i64).sum::<i64>(), 6_000, "{amounts:?}");
    assert_eq!((shop.balance("paid").await, shop.balance("payable").await), (6_000, 0));
}

#[tokio::test]
async fn a_refund_of_one_of_an_invoice_s_payments_takes_what_that_one_collected() {
    let shop = Shop::new().await;
    let sale = shop.buy(20_000, json!({ "invoice": true, "payments": [15_000, 5_000] })).await;
    assert_eq!(shop.lines().await, [line("commission", "pending", 4_000)]);
    let charges = "select string_agg(id || ' ' || captured_minor, ',' order by captured_minor) from charges";
    let charges = shop.payer.company.text(charges).await.unwrap();
    let small = charges.split(',').next().unwrap().strip_suffix(" 5000").unwrap().to_owned();
    shop.refund(&json!({ "charge": small }), None, "succeeded").await;
    assert_eq!(shop.lines().await[1..], [line("correction", "pending", -1_000)], "{sale}");
    shop.dispute(&json!({ "charge": small }), Some(5_000), "created").await;
    shop.dispute(&json!({ "charge": small }), None, "lost").await;
    assert_eq!((shop.refunded().await, shop.balance("pending").await), (5_000, 3_000));
}
