//! Refunds that come before their sale, twice, or told in several ways.

use serde_json::{Value, json};

use super::{Shop, line};
use crate::harness::events::{Purchase, Shape};
use crate::harness::{Company, Partner};

fn refund_event(kind: &str, amount: i64, status: &str, at: i64) -> Value {
    json!({
        "id": format!("evt_{kind}_{status}_{at}"), "object": "event", "type": kind, "created": at, "livemode": false,
        "data": { "object": {
            "id": "re_1", "object": "refund", "amount": amount, "currency": "usd", "charge": "ch_1",
            "payment_intent": "pi_1", "status": status, "created": 1_800_000_100, "reason": "requested_by_customer"
        } }
    })
}

fn charge_refunded(sum: i64, at: i64, more: Value) -> Value {
    let mut event = Purchase::new(1).charge();
    event["id"] = json!(format!("evt_charge.refunded_{sum}_{at}"));
    event["type"] = json!("charge.refunded");
    event["created"] = json!(at);
    event["data"]["object"]["amount_refunded"] = json!(sum);
    event["data"]["object"].as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    event
}

async fn company() -> (Company, Partner) {
    let company = Company::new().await;
    let ada = company.partner("ada").await;
    (company, ada)
}

async fn earned(company: &Company) -> i64 {
    company.prove_books().await;
    let sum = "select coalesce(sum(amount_minor), 0)::text from commissions_ledger where status <> 'cancelled'";
    company.text(sum).await.unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_refund_before_its_sale_is_parked_and_applied_once() {
    let (company, ada) = company().await;
    let early = refund_event("refund.created", 6_000, "succeeded", 1_800_000_100);
    company.take_in(&[early.clone(), early, charge_refunded(6_000, 1_800_000_100, json!({}))]).await;
    let waiting = "select string_agg(error, '; ' order by id) from inbox_events where status = 'parked'";
    assert_eq!(
        company.text(waiting).await.as_deref(),
        Some("what was refunded waits for the sale of ch_1; refund re_1 waits for the sale of ch_1")
    );
    assert_eq!(company.count("sales").await, 0);
    let purchase = Purchase::new(1).referred("ada");
    company.take_in(&purchase.one_time()).await;
    assert_eq!(company.count("inbox_events where status <> 'processed'").await, 0);
    assert_eq!(company.count("parked_events").await, 0);
    let came = [line("commission", "pending", 2_000), line("correction", "pending", -1_000)];
    assert_eq!(company.lines(ada).await, came);
    company.take_in(&[refund_event("refund.updated", 6_000, "succeeded", 1_800_000_200)]).await;
    assert_eq!(company.lines(ada).await, came);
    company.prove_books().await;
}

#[tokio::test]
async fn a_refund_waits_for_the_event_that_links_its_payment_to_an_invoice() {
    for shape in [Shape::Old, Shape::New] {
        let (company, ada) = company().await;
        let purchase = Purchase::new(1).shape(shape).referred("ada");
        let whole = refund_event("refund.created", 12_000, "pending", 1_800_000_100);
        company.take_in(&[whole]).await;
        company.take_in(&purchase.subscription()).await;
        assert_eq!(company.lines(ada).await, [line("commission", "cancelled", 2_000)], "{shape:?}");
        assert_eq!(company.count("inbox_events where status = 'parked'").await, 0);
        company.prove_books().await;
    }
}

#[tokio::test]
async fn an_account_that_tells_only_what_was_refunded_in_all_is_believed() {
    let (company, ada) = company().await;
    company.take_in(&Purchase::new(1).referred("ada").one_time()).await;
    company.take_in(&[charge_refunded(3_000, 1_800_000_100, json!({}))]).await;
    assert_eq!(company.lines(ada).await[1..], [line("correction", "pending", -500)]);
    company.take_in(&[charge_refunded(6_000, 1_800_000_300, json!({}))]).await;
    company.take_in(&[charge_refunded(3_000, 1_800_000_200, json!({}))]).await;
    assert_eq!(earned(&company).await, 1_000);
}

#[tokio::test]
async fn an_old_charge_brings_its_refunds_along() {
    let (company, ada) = company().await;
    company.take_in(&Purchase::new(1).shape(Shape::Old).referred("ada").one_time()).await;
    let refund = json!({
        "id": "re_1", "object": "refund", "amount": 6_000, "charge": "ch_1", "created": 1_800_000_100, "currency": "usd",
        "status": "succeeded"
    });
    let refunds = json!({ "refunds": { "object": "list", "data": [refund] } });
    company.take_in(&[charge_refunded(6_000, 1_800_000_100, refunds)]).await;
    company.take_in(&[refund_event("charge.refund.updated", 6_000, "failed", 1_800_000_900)]).await;
    let came = [
        line("commission", "pending", 2_000),
        line("correction", "pending", -1_000),
        line("recredit", "pending", 1_000),
    ];
    assert_eq!(company.lines(ada).await, came);
    let reasons = "select string_agg(reason, '; ' order by id) from commissions_ledger where kind <> 'commission'";
    assert_eq!(company.text(reasons).await.as_deref(), Some("Payment refunded (re_1); Refund re_1 failed"));
    company.prove_books().await;
}

#[tokio::test]
async fn every_order_of_a_refund_s_events_and_its_sale_s_comes_to_the_same() {
    let told = [
        refund_event("refund.created", 6_000, "pending", 1_800_000_100),
        charge_refunded(6_000, 1_800_000_100, json!({})),
        refund_event("refund.failed", 6_000, "failed", 1_800_000_400),
    ];
    let sale = Purchase::new(1).referred("ada").one_time();
    let all: Vec<&Value> = told.iter().chain([&sale[0]]).collect();
    let mut orders = vec![vec![]];
    for n in 0..all.len() {
        orders = orders
            .into_iter()
            .flat_map(|order: Vec<usize>| {
                (0..=order.len()).map(move |at| [&order[..at], &[n], &order[at..]].concat()).collect::<Vec<_>>()
            })
            .collect();
    }
    assert_eq!(orders.len(), 24);
    // Each in a purchase of its own, with its own ids.
    let (company, _) = company().await;
    for (n, order) in orders.iter().enumerate() {
        for &event in order {
            let event =
                all[event].to_string().replace("_1\"", &format!("_{n}x1\"")).replace("evt_", &format!("evt_{n}_"));
            assert_eq!(company.send(&serde_json::from_str(&event).unwrap()).await.status(), 200);
            company.drain().await;
        }
        assert_eq!(earned(&company).await, 2_000 * (i64::try_from(n).unwrap() + 1), "{order:?}");
    }
    assert_eq!(company.count("inbox_events where status <> 'processed'").await, 0);
}

#[tokio::test]
async fn a_refund_over_the_wire_before_its_sale_is_taken_in_is_applied_once() {
    let shop = Shop::new().await;
    shop.payer.control("faults", json!([{ "match": {}, "times": 40, "fault": "duplicate" }])).await;
    let sale = shop.buy_unheard(20_000, json!({})).await;
    let of = json!({ "charge": sale["charge"], "amount": 10_000 });
    shop.payer.control("refunds", of).await;
    assert!(shop.payer.sandbox.sandbox.settle(std::time::Duration::from_secs(10)).await);
    // The refund's events are taken up first.
    let first = "update inbox_events set next_attempt_at = next_attempt_at - interval '1 hour'
        where type like '%refund%' and status = 'received'";
    shop.payer.company.run(first.to_owned()).await;
    shop.hear().await;
    let came = [line("commission", "pending", 4_000), line("correction", "pending", -2_000)];
    assert_eq!(shop.lines().await, came);
    assert_eq!((shop.events("parked").await, shop.events("failed").await), (0, 0));
    shop.payer.company.prove_books().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_and_its_sale_taken_up_at_the_same_moment_do_not_miss_each_other() {
    let (company, _) = company().await;
    for n in 0..12 {
        let session = &Purchase::new(1).referred("ada").one_time()[0];
        let refund = refund_event("refund.created", 6_000, "succeeded", 1_800_000_100);
        for event in [session, &refund] {
            let event = event.to_string().replace("_1\"", &format!("_{n}x1\"")).replace("evt_", &format!("evt_{n}_"));
            assert_eq!(company.send(&serde_json::from_str(&event).unwrap()).await.status(), 200);
        }
        let now = company.engine.clock.now().await;
        let worker = || purser::pipeline::inbox::process_next(&company.engine, now);
        let (first, second) = tokio::join!(worker(), worker());
        assert!(first.unwrap() && second.unwrap(), "{n}");
        assert_eq!(earned(&company).await, 1_000 * (n + 1));
    }
    assert_eq!(company.count("inbox_events where status <> 'processed'").await, 0);
}
