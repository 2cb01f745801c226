//! One sale and one commission, whatever number of events describe the purchase, in whatever order and how often they
//! come, and however many doors and workers take them in at once.

use std::sync::Arc;

use chrono::TimeDelta;
use purser::pipeline::{inbox, sale};
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};

use crate::harness::events::{Purchase, Shape};
use crate::harness::{Company, Line, Partner};

fn pending(amount_minor: i64) -> Line {
    Line { kind: "commission".into(), status: "pending".into(), amount_minor }
}

/// Each event three times, shuffled over eight connections, while four workers take them up.
async fn storm(company: Arc<Company>, events: Vec<Value>) {
    let seed = std::env::var("PURSER_TEST_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(rand::random);
    eprintln!("PURSER_TEST_SEED={seed}");
    let mut deliveries: Vec<Value> =
        events.iter().flat_map(|event| [event.clone(), event.clone(), event.clone()]).collect();
    deliveries.shuffle(&mut StdRng::seed_from_u64(seed));
    let now = company.engine.clock.now().await + TimeDelta::seconds(5);
    let (tell, stop) = tokio::sync::watch::channel(false);
    let workers: Vec<_> = (0..4)
        .map(|_| {
            let (engine, stop) = (company.engine.clone(), stop.clone());
            tokio::spawn(async move {
                while !*stop.borrow() {
                    inbox::process_next(&engine, now).await.unwrap();
                }
            })
        })
        .collect();
    let connections: Vec<_> = (0..8)
        .map(|n| {
            let company = company.clone();
            let mine: Vec<Value> = deliveries.iter().skip(n).step_by(8).cloned().collect();
            tokio::spawn(async move {
                for event in mine {
                    assert_eq!(company.send(&event).await.status(), 200);
                }
            })
        })
        .collect();
    for connection in connections {
        connection.await.unwrap();
    }
    while company.count("inbox_events where status = 'received'").await > 0 {
        tokio::task::yield_now().await;
    }
    tell.send_replace(true);
    for worker in workers {
        worker.await.unwrap();
    }
}

async fn one_sale(company: &Company, partner: Partner, kind: &str) {
    // Nothing that waits may become a sale of its own later.
    let later = company.engine.clock.now().await + TimeDelta::hours(1);
    sale::settle_provisional(&company.engine, later).await.unwrap();
    let failed = company.text("select string_agg(id || ': ' || error, ', ') from inbox_events where status = 'failed'");
    assert_eq!(failed.await, None);
    assert_eq!(company.count("sales where status <> 'merged'").await, 1);
    assert_eq!(
        company.count(&format!("sales where status = 'paid' and kind = '{kind}' and tax_minor = 2000")).await,
        1
    );
    let open: Vec<Line> = company.lines(partner).await.into_iter().filter(|line| line.status != "cancelled").collect();
    assert_eq!(open, [pending(2_000)]);
    company.prove_books().await;
}

async fn storm_of(purchase: Purchase, subscribes: bool, kind: &str) {
    let company = Arc::new(Company::new().await);
    let ada = company.partner("ada").await;
    let purchase = purchase.referred("ada");
    let mut events = if subscribes { purchase.subscription() } else { purchase.one_time() };
    if !subscribes {
        events.push(json!({ "id": "evt_x", "type": "charge.updated", "data": { "object": { "id": "ch_1" } } }));
    }
    storm(company.clone(), events).await;
    one_sale(&company, ada, kind).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_one_time_purchase_told_many_times_is_one_sale() {
    storm_of(Purchase::new(1), false, "checkout").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_told_many_times_in_the_new_shape_is_one_sale() {
    storm_of(Purchase::new(1), true, "invoice").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_told_many_times_in_the_old_shape_is_one_sale() {
    storm_of(Purchase::new(1).shape(Shape::Old), true, "invoice").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_buyer_s_many_purchases_at_once_stay_apart_and_are_numbered() {
    let company = Arc::new(Company::new().await);
    let ada = company.partner("ada").await;
    let purchases: Vec<Purchase> = (1..=6)
        .map(|n| {
            let mut purchase = Purchase::new(n).referred("ada");
            purchase.customer = Some("cus_same".into());
            purchase.at += i64::from(n) * 60;
            purchase
        })
        .collect();
    storm(company.clone(), purchases.iter().flat_map(Purchase::subscription).collect()).await;
    assert_eq!(company.count("sales where status = 'paid'").await, 6);
    assert_eq!(company.lines(ada).await, vec![pending(2_000); 6]);
    let numbers = "select string_agg(payment_number::text, ' ' order by s.paid_at)
        from conversions c join sales s on s.id = c.sale_id";
    assert_eq!(company.text(numbers).await.unwrap(), "1 2 3 4 5 6");
    company.prove_books().await;
}

#[tokio::test]
async fn every_order_of_a_subscription_s_events_ends_the_same() {
    let company = Company::new().await;
    let mut rng = StdRng::seed_from_u64(7);
    for n in 1..=30 {
        let shape = if rng.random() { Shape::New } else { Shape::Old };
        let name = format!("partner{n}");
        let partner = company.partner(&name).await;
        let mut events = Purchase::new(n).shape(shape).referred(&name).subscription();
        events.shuffle(&mut rng);
        let order: Vec<String> = events.iter().map(|event| event["type"].to_string()).collect();
        company.take_in(&events).await;
        let open: Vec<Line> =
            company.lines(partner).await.into_iter().filter(|line| line.status != "cancelled").collect();
        assert_eq!(open, [pending(2_000)], "{shape:?} {order:?}");
    }
    assert_eq!(company.count("sales where status <> 'merged'").await, 30);
    company.prove_books().await;
}

#[tokio::test]
async fn a_bare_payment_waits_half_a_minute_and_is_then_a_sale_of_its_own() {
    let company = Company::new().await;
    let ada = company.partner("ada").await;
    company
        .run(format!(
            "insert into leads (id, affiliate_id, email, source, created_at, updated_at)
            values (gen_random_uuid(), '{}', 'kim1@buyers.example.com', 'api', now(), now())",
            ada.affiliate.0
        ))
        .await;
    let purchase = Purchase::new(1);
    company.take_in(&[purchase.intent(), purchase.charge()]).await;
    assert_eq!(company.count("sales where status = 'provisional'").await, 1);
    let reason = "select unattributed_reason from sales";
    assert_eq!(company.text(reason).await.unwrap(), "awaiting_details");
    assert_eq!(company.lines(ada).await, []);

    let now = company.engine.clock.now().await;
    let settle =
        async |seconds| sale::settle_provisional(&company.engine, now + TimeDelta::seconds(seconds)).await.unwrap();
    assert_eq!(settle(20).await, 0);
    assert_eq!(settle(31).await, 1);
    assert_eq!(settle(32).await, 0);
    assert_eq!(company.lines(ada).await, [pending(2_400)]);
    assert_eq!(company.text(reason).await, None);

    company.take_in(&[purchase.session()]).await;
    assert_eq!(company.lines(ada).await.iter().map(|line| line.amount_minor).sum::<i64>(), 2_000);
    assert_eq!(company.count("sales").await, 1);
    company.prove_books().await;
}

#[tokio::test]
async fn two_sales_that_turn_out_to_be_one_keep_one_commission() {
    let company = Company::new().await;
    let ada = company.partner("ada").await;
    let purchase = Purchase::new(1).referred("ada");
    // The payment is settled on its own before anything links it to the invoice.
    let mut intent = purchase.intent();
    intent["data"]["object"]["metadata"] = json!({ "purser_code": "ada" });
    intent["created"] = json!(purchase.at - 1_200);
    company.take_in(&[purchase.invoice("subscription_create"), purchase.subscribing(), intent]).await;
    assert_eq!(company.count("sales where status = 'paid'").await, 2);
    company.take_in(&[purchase.link()]).await;
    assert_eq!(company.count("sales where status = 'merged'").await, 1);
    let lines = company.lines(ada).await;
    assert_eq!(lines.iter().filter(|line| line.status == "cancelled").count(), 1);
    assert_eq!(lines.iter().filter(|line| line.status == "pending").map(|line| line.amount_minor).sum::<i64>(), 2_000);
    company.prove_books().await;
}

#[tokio::test]
async fn an_invoice_and_a_payment_that_nothing_links_are_one_sale_in_either_order() {
    let company = Company::new().await;
    for n in 1..=4 {
        let name = format!("partner{n}");
        let partner = company.partner(&name).await;
        let purchase = Purchase::new(n).referred(&name);
        let mut events = purchase.subscription();
        events.retain(|event| event["type"] != "invoice_payment.paid");
        let (told, paid) = events.split_at(2);
        let (first, second) = if n % 2 == 0 { (told, paid) } else { (paid, told) };
        let later = company.engine.clock.now().await + TimeDelta::minutes(1);
        company.take_in(first).await;
        if n > 2 {
            sale::settle_provisional(&company.engine, later).await.unwrap();
        }
        company.take_in(second).await;
        sale::settle_provisional(&company.engine, later).await.unwrap();
        // Told again, and linked in the end.
        let mut again = purchase.charge();
        again["id"] = json!(format!("evt_again_{n}"));
        company.take_in(&[again, purchase.link()]).await;
        let open: Vec<Line> =
            company.lines(partner).await.into_iter().filter(|line| line.status != "cancelled").collect();
        assert_eq!(open, [pending(2_000)], "{n}");
        assert_eq!(company.count("sales where status = 'paid'").await, i64::from(n));
        assert_eq!(company.count("sales where status <> 'merged'").await, i64::from(n));
    }
    company.prove_books().await;
}

#[tokio::test]
async fn a_payment_beside_a_linked_invoice_is_a_sale_of_its_own() {
    let company = Company::new().await;
    let ada = company.partner("ada").await;
    let subscription = Purchase::new(1).referred("ada");
    let mut bare = Purchase { at: subscription.at + 60, ..Purchase::new(2) };
    bare.customer = subscription.customer.clone();
    company.take_in(&subscription.subscription()).await;
    company.take_in(&[bare.intent(), bare.charge()]).await;
    let later = company.engine.clock.now().await + TimeDelta::minutes(1);
    assert_eq!(sale::settle_provisional(&company.engine, later).await.unwrap(), 1);
    assert_eq!(company.lines(ada).await, [pending(2_000), pending(2_400)]);
    company.prove_books().await;
}

#[tokio::test]
async fn a_payment_that_can_not_be_settled_does_not_keep_others_waiting() {
    let company = Company::new().await;
    for n in [1, 2] {
        assert_eq!(company.send(&Purchase::new(n).intent()).await.status(), 200);
    }
    company.drain().await;
    company
        .run(
            "update sales set kind = 'payment', currency = 'xxx' where id = (select min(id::text)::uuid from sales)"
                .to_owned(),
        )
        .await;
    let later = company.engine.clock.now().await + chrono::TimeDelta::minutes(1);
    purser::pipeline::sale::settle_provisional(&company.engine, later).await.unwrap();
    assert_eq!(company.count("sales where status = 'paid'").await, 1);
    assert_eq!(company.count("sales where status = 'provisional'").await, 1);
}
