//! Payments and invoices that don't name each other: which are taken to be one, and what becomes of a payment that was taken for
//! a wrong invoice's when more is told. Each story is also taken in in every order there is.

use serde_json::{Value, json};

use super::{Sequence, all_end_as_the_table_says, named, outcome, prepare, row};
use crate::harness::Company;
use crate::harness::events::Shape;
use crate::harness::story::{Story, after, but};

/// Metadata names the affiliate.
fn marked(s: &Story, event: Value) -> Value {
    but(event, json!({ "metadata": { "purser_code": s.tag } }))
}

/// An invoice of the affiliate's customer, some seconds after the story began.
fn invoice(s: &Story, n: u32, seconds: i64) -> Value {
    after(seconds, marked(s, s.invoice(n, "manual")))
}

fn intent(s: &Story, n: u32, seconds: i64) -> Value {
    after(seconds, s.intent(n, 12_000))
}

fn charge(s: &Story, n: u32, seconds: i64) -> Value {
    after(seconds, s.charge(n, 12_000))
}

fn refund(s: &Story, n: u32, amount: i64) -> Value {
    let object = json!({
        "id": s.id("re", n), "object": "refund", "amount": amount, "currency": "usd", "status": "succeeded",
        "payment_intent": s.id("pi", n), "charge": null, "created": 1_800_000_400
    });
    after(400, s.event("refund.created", object))
}

/// The invoice told again, with the list of its payments.
fn listing(s: &Story, event: Value, n: u32) -> Value {
    let payment = json!({ "payment": { "type": "payment_intent", "payment_intent": s.id("pi", n) } });
    but(event, json!({ "payments": { "data": [payment] } }))
}

pub fn table() -> Vec<Sequence> {
    vec![
        row(
            "a payment was taken for an invoice whose own payment is linked later",
            |s| vec![invoice(s, 1, 0), intent(s, 2, 60), intent(s, 1, 5), s.link(1, 1)],
            &["invoice usd 12000 tax 2000: #1 earns 2000", "payment usd 12000: #2 earns 2400"],
        ),
        row(
            "the link names a payment of which nothing else is told",
            |s| vec![invoice(s, 1, 0), intent(s, 2, 60), charge(s, 2, 61), s.link(1, 1)],
            &["invoice usd 12000 tax 2000: #1 earns 2000", "payment usd 12000: #2 earns 2400"],
        ),
        row(
            "the invoice lists another payment when it is told again",
            |s| vec![invoice(s, 1, 0), intent(s, 2, 60), listing(s, invoice(s, 1, 0), 1)],
            &["invoice usd 12000 tax 2000: #1 earns 2000", "payment usd 12000: #2 earns 2400"],
        ),
        row(
            "the link names the payment that was taken for the invoice's",
            |s| vec![invoice(s, 1, 0), intent(s, 2, 60), charge(s, 2, 61), s.link(1, 2)],
            &["invoice usd 12000 tax 2000: #1 earns 2000"],
        ),
        row(
            "the payment named the affiliate, and the invoice it was taken for names nobody",
            |s| vec![s.invoice(1, "manual"), marked(s, intent(s, 2, 60)), s.link(1, 1)],
            &["invoice usd 12000 tax 2000: no_code", "payment usd 12000: #1 earns 2400"],
        ),
        row(
            "the payment named the affiliate and stays taken for the invoice",
            |s| vec![s.invoice(1, "manual"), marked(s, intent(s, 2, 60)), charge(s, 2, 61)],
            &["invoice usd 12000 tax 2000: #1 earns 2000"],
        ),
        row(
            "a refund of a payment that is taken for an invoice's",
            |s| vec![invoice(s, 1, 0), intent(s, 2, 60), refund(s, 2, 6_000)],
            &["invoice usd 12000 tax 2000: #1 earns 1000"],
        ),
        row(
            "a refund follows its payment when that is told apart from the invoice",
            |s| vec![invoice(s, 1, 0), intent(s, 2, 60), refund(s, 2, 6_000), s.link(1, 1)],
            &["invoice usd 12000 tax 2000: #1 earns 2000", "payment usd 12000: #2 earns 1200"],
        ),
        row(
            "a checkout describes the payment that was taken for an invoice's",
            |s| vec![invoice(s, 1, 0), intent(s, 2, 60), after(90, s.session(2)), charge(s, 2, 61)],
            &["invoice usd 12000 tax 2000: #1 earns 2000", "checkout usd 12000 tax 2000: #2 earns 2000"],
        ),
        row(
            "another invoice's link describes the payment that was taken for the first's",
            |s| vec![invoice(s, 1, 0), intent(s, 2, 60), invoice(s, 2, 300), s.link(2, 2)],
            &["invoice usd 12000 tax 2000: #1 earns 2000", "invoice usd 12000 tax 2000: #2 earns 2000"],
        ),
        row(
            "two payments and an invoice that nothing links",
            |s| vec![invoice(s, 1, 0), intent(s, 2, 200), intent(s, 3, 100), charge(s, 3, 101)],
            &["invoice usd 12000 tax 2000: #1 earns 2000", "payment usd 12000: #2 earns 2400"],
        ),
        row(
            "two payments equally near to an invoice, of which the farther id is linked",
            |s| vec![invoice(s, 1, 0), intent(s, 2, 100), intent(s, 3, 100), s.link(1, 3)],
            &["invoice usd 12000 tax 2000: #1 earns 2000", "payment usd 12000: #2 earns 2400"],
        ),
        row(
            "two invoices and a payment that nothing links",
            |s| vec![invoice(s, 1, 0), invoice(s, 2, 200), intent(s, 3, 150), charge(s, 3, 151)],
            &["invoice usd 12000 tax 2000: #1 earns 2000", "invoice usd 12000 tax 2000: #2 earns 2000"],
        ),
        row(
            "two invoices and two payments that nothing links",
            |s| vec![invoice(s, 1, 0), invoice(s, 2, 310), intent(s, 3, 300), intent(s, 4, 10)],
            &["invoice usd 12000 tax 2000: #1 earns 2000", "invoice usd 12000 tax 2000: #2 earns 2000"],
        ),
        row(
            "of two invoices and two payments one pair is linked crosswise",
            |s| vec![invoice(s, 1, 0), invoice(s, 2, 310), intent(s, 3, 300), intent(s, 4, 10), s.link(1, 3)],
            &["invoice usd 12000 tax 2000: #1 earns 2000", "invoice usd 12000 tax 2000: #2 earns 2000"],
        ),
        row(
            "a chain in which each payment is near to two invoices, until the first is linked",
            |s| vec![invoice(s, 1, 0), intent(s, 2, 550), invoice(s, 3, 1_000), intent(s, 4, 1_500), s.link(1, 1)],
            &[
                "invoice usd 12000 tax 2000: #1 earns 2000",
                "invoice usd 12000 tax 2000: #2 earns 2000",
                "payment usd 12000: #3 earns 2400",
            ],
        ),
        row(
            "two subscriptions' first payments at one moment, linked in the end",
            |s| {
                let (first, second) = (invoice(s, 1, 0), invoice(s, 2, 30));
                vec![first, second, charge(s, 1, 40), s.link(1, 1), s.link(2, 2)]
            },
            &["invoice usd 12000 tax 2000: #1 earns 2000", "invoice usd 12000 tax 2000: #2 earns 2000"],
        ),
    ]
}

#[tokio::test]
async fn payments_and_invoices_that_are_alike_end_as_the_table_says_in_any_order() {
    all_end_as_the_table_says(table()).await;
}

/// All orders of `n` things.
fn orders(n: usize) -> Vec<Vec<usize>> {
    let Some(last) = n.checked_sub(1) else { return vec![Vec::new()] };
    let insert = |order: Vec<usize>| (0..n).map(move |at| [&order[..at], &[last], &order[at..]].concat());
    orders(last).into_iter().flat_map(insert).collect()
}

/// The part of the table's stories whose place leaves `part` when divided by four, in every order, with what waits settled
/// after every event and at the end only.
async fn every_order(part: usize) {
    let company = Company::new().await;
    for (n, row) in table().iter().enumerate().filter(|(n, _)| n % 4 == part) {
        let length = (row.events)(&Story { tag: "any".into(), shape: Shape::New }).len();
        for (o, order) in orders(length).into_iter().enumerate() {
            for settles in [true, false] {
                // The longer stories are settled one way in each order.
                if length > 3 && settles == (o % 2 == 0) {
                    continue;
                }
                let tag = format!("t{n}o{o}{}", if settles { "s" } else { "e" });
                prepare(&company, &tag, row).await;
                let events = named(&tag, (row.events)(&Story { tag: tag.clone(), shape: Shape::New }), "");
                let deliveries: Vec<Value> = order.iter().map(|at| events[*at].clone()).collect();
                let came = outcome(&company, &tag, &deliveries, || settles).await;
                assert_eq!(came, row.sales, "{}, {order:?}, settled in between: {settles}", row.name);
            }
        }
    }
    company.prove_books().await;
}

#[tokio::test]
async fn every_order_of_the_first_stories_ends_the_same() {
    every_order(0).await;
}

#[tokio::test]
async fn every_order_of_the_second_stories_ends_the_same() {
    every_order(1).await;
}

#[tokio::test]
async fn every_order_of_the_third_stories_ends_the_same() {
    every_order(2).await;
}

#[tokio::test]
async fn every_order_of_the_fourth_stories_ends_the_same() {
    every_order(3).await;
}
