//! Refunds and disputes of every kind of sale, in every order with it.

use serde_json::{Value, json};

use super::{Sequence, all_end_as_the_table_says, row};
use crate::harness::story::{Story, but, later, listing};

/// A checkout of 120.00 with 20.00 tax, which earns 20.00.
fn bought(s: &Story, more: Vec<Value>) -> Vec<Value> {
    [vec![s.session(1)], s.payment(1, 12_000), more].concat()
}

fn billed(s: &Story, more: Vec<Value>) -> Vec<Value> {
    let invoice = but(s.invoice(1, "manual"), json!({ "metadata": { "purser_code": s.tag } }));
    [vec![invoice], s.paying(1, 1, 12_000), more].concat()
}

const WHOLE: &[&str] = &["checkout usd 12000 tax 2000: #1 earns 2000"];
const HALF: &[&str] = &["checkout usd 12000 tax 2000: #1 earns 1000"];
const NOTHING: &[&str] = &["checkout usd 12000 tax 2000: #1 earns 0"];

fn refunds() -> Vec<Sequence> {
    vec![
        row("a part is refunded", |s| bought(s, vec![s.refund(1, 1, 6_000, "succeeded"), s.sum(1, 6_000, 1)]), HALF),
        row(
            "everything is refunded",
            |s| bought(s, vec![s.refund(1, 1, 12_000, "succeeded"), s.sum(1, 12_000, 1)]),
            NOTHING,
        ),
        row(
            "a refund is pending and then succeeds",
            |s| bought(s, vec![s.refund(1, 1, 6_000, "pending"), later(3, s.refund(1, 1, 6_000, "succeeded"))]),
            HALF,
        ),
        row(
            "a refund fails days later",
            |s| {
                bought(
                    s,
                    vec![s.refund(1, 1, 12_000, "pending"), s.sum(1, 12_000, 1), s.ended(1, 1, 12_000, "failed", 3)],
                )
            },
            WHOLE,
        ),
        row(
            "a refund fails in the second in which it was made",
            |s| {
                bought(s, vec![s.refund(1, 1, 6_000, "pending"), s.sum(1, 6_000, 1), s.ended(1, 1, 6_000, "failed", 1)])
            },
            WHOLE,
        ),
        row(
            "a refund that needs something of the customer is canceled, and made again",
            |s| {
                let first = vec![s.refund(1, 1, 6_000, "requires_action"), s.ended(1, 1, 6_000, "canceled", 2)];
                let again = later(4, but(s.refund(1, 2, 6_000, "succeeded"), json!({ "created": 1_800_345_600 })));
                bought(s, [first, vec![again, s.sum(1, 6_000, 4)]].concat())
            },
            HALF,
        ),
        row("only the running sum is told", |s| bought(s, vec![s.sum(1, 3_000, 1), s.sum(1, 6_000, 2)]), HALF),
        row(
            "the running sum knows of one refund more",
            |s| bought(s, vec![s.refund(1, 1, 2_000, "succeeded"), s.sum(1, 6_000, 2)]),
            HALF,
        ),
        row(
            "three refunds",
            |s| {
                let three =
                    (1..=3).flat_map(|n| [s.refund(1, n, 2_000, "succeeded"), s.sum(1, 2_000 * i64::from(n), 1)]);
                bought(s, three.collect())
            },
            HALF,
        ),
        row(
            "a refund that names its charge alone",
            |s| bought(s, vec![but(s.refund(1, 1, 6_000, "succeeded"), json!({ "payment_intent": null }))]),
            HALF,
        ),
        row(
            "a refund that names its payment intent alone",
            |s| bought(s, vec![but(s.refund(1, 1, 6_000, "succeeded"), json!({ "charge": null }))]),
            HALF,
        ),
        row(
            "a refund that has its charge and intent written out",
            |s| {
                let written = json!({
                    "charge": { "id": s.id("ch", 1), "object": "charge" },
                    "payment_intent": { "id": s.id("pi", 1), "object": "payment_intent" }
                });
                let mut bare = s.refund(1, 1, 6_000, "succeeded");
                bare["data"]["object"]["charge"] = json!({});
                bare["data"]["object"]["payment_intent"] = json!({});
                bought(s, vec![but(bare, written)])
            },
            HALF,
        ),
        row(
            "a part of an authorization is captured, and the rest released",
            |s| {
                let authorized = but(s.charge(1, 12_000), json!({ "captured": false, "amount_captured": 0 }));
                let mut captured =
                    but(s.charge(1, 12_000), json!({ "amount_captured": 8_000, "amount_refunded": 4_000 }));
                captured["type"] = json!("charge.captured");
                let marked = but(s.intent(1, 8_000), json!({ "metadata": { "purser_code": s.tag } }));
                let released = but(s.sum(1, 4_000, 1), json!({ "amount_captured": 8_000 }));
                vec![authorized, captured, marked, released]
            },
            &["payment usd 8000: #1 earns 1600"],
        ),
    ]
}

fn invoices() -> Vec<Sequence> {
    vec![
        row(
            "an invoice's payment is refunded",
            |s| billed(s, vec![s.refund(1, 1, 6_000, "succeeded")]),
            &["invoice usd 12000 tax 2000: #1 earns 1000"],
        ),
        row(
            "the payment of an invoice that only its likeness links is refunded",
            |s| {
                let invoice = but(s.invoice(1, "manual"), json!({ "metadata": { "purser_code": s.tag } }));
                [vec![invoice], s.payment(1, 12_000), vec![s.refund(1, 1, 6_000, "succeeded")]].concat()
            },
            &["invoice usd 12000 tax 2000: #1 earns 1000"],
        ),
        row(
            "one of an invoice's two payments gives back all that it collected, twice over",
            |s| {
                let invoice = but(s.invoice(1, "manual"), json!({ "metadata": { "purser_code": s.tag } }));
                let back = vec![s.refund(2, 1, 5_000, "succeeded"), s.dispute(2, 1, 5_000, "lost", "closed")];
                [vec![invoice], s.paying(1, 1, 7_000), s.paying(1, 2, 5_000), back].concat()
            },
            &["invoice usd 12000 tax 2000: #1 earns 1167"],
        ),
        row(
            "a renewal is refunded, and touches no other payment",
            |s| {
                let renewed = later(30, s.invoice(2, "subscription_cycle"));
                let second: Vec<Value> = s.paying(2, 2, 12_000).into_iter().map(|event| later(30, event)).collect();
                let first =
                    [vec![s.subscribing(1), s.invoice(1, "subscription_create")], s.paying(1, 1, 12_000)].concat();
                let back = vec![later(31, s.refund(2, 1, 12_000, "succeeded")), later(31, s.sum(2, 12_000, 31))];
                [first, vec![renewed], second, back].concat()
            },
            &["invoice usd 12000 tax 2000: #1 earns 2000", "invoice usd 12000 tax 2000: #2 earns 0"],
        ),
        row(
            "a refund is split over an invoice's lines as the sale was",
            |s| {
                let lines = vec![s.line("pro", 6_400, (0, 1_600), false), s.line("setup", 3_600, (0, 400), false)];
                let mut events = billed(s, vec![s.refund(1, 1, 6_000, "succeeded")]);
                events[0] = listing(events[0].clone(), lines);
                events
            },
            &["invoice usd 12000 tax 2000: #1 earns 640"],
        )
        .rule(json!({ "products": ["prod_pro"] })),
        row(
            "a refund doesn't lower the tier of later sales",
            |s| {
                let second: Vec<Value> = s.payment(2, 6_000).into_iter().map(|event| later(9, event)).collect();
                bought(s, [vec![s.refund(1, 1, 12_000, "succeeded")], second].concat())
            },
            &["checkout usd 12000 tax 2000: #1 earns 0", "payment usd 6000: #2 earns 1800"],
        )
        .rule(json!({ "tiers": [{ "metric": "conversions", "window": "all_time", "at_least": 2, "rate": "30" }] })),
        row(
            "a refund of a capped sale takes nothing until less than the cap is earned",
            |s| bought(s, vec![s.refund(1, 1, 3_000, "succeeded")]),
            &["checkout usd 12000 tax 2000: #1 earns 1200"],
        )
        .rule(json!({ "cap": { "amount": 1_200, "per": "sale" } })),
    ]
}

fn disputes() -> Vec<Sequence> {
    vec![
        row(
            "a dispute is lost",
            |s| {
                let told = [
                    s.dispute(1, 1, 6_000, "needs_response", "created"),
                    s.dispute(1, 1, 6_000, "needs_response", "funds_withdrawn"),
                ];
                bought(s, [told.to_vec(), vec![later(9, s.dispute(1, 1, 6_000, "lost", "closed"))]].concat())
            },
            HALF,
        ),
        row(
            "a dispute is won",
            |s| {
                let told = [
                    s.dispute(1, 1, 12_000, "needs_response", "created"),
                    s.dispute(1, 1, 12_000, "needs_response", "funds_withdrawn"),
                ];
                let ended = ["closed", "funds_reinstated"].map(|kind| later(9, s.dispute(1, 1, 12_000, "won", kind)));
                bought(s, [told, ended].concat())
            },
            WHOLE,
        ),
        row(
            "a lost dispute's money comes back after all",
            |s| {
                let told = vec![
                    s.dispute(1, 1, 12_000, "needs_response", "funds_withdrawn"),
                    later(9, s.dispute(1, 1, 12_000, "lost", "closed")),
                    later(12, s.dispute(1, 1, 12_000, "lost", "funds_reinstated")),
                ];
                bought(s, told)
            },
            WHOLE,
        ),
        row(
            "an inquiry is closed, and another dispute prevented",
            |s| {
                let told = vec![
                    s.dispute(1, 1, 12_000, "warning_needs_response", "created"),
                    later(2, s.dispute(1, 1, 12_000, "warning_closed", "closed")),
                    s.dispute(1, 2, 12_000, "prevented", "created"),
                ];
                bought(s, told)
            },
            WHOLE,
        ),
        row(
            "refunds and disputes of one payment take no more than it collected",
            |s| {
                let told = vec![
                    s.refund(1, 1, 6_000, "succeeded"),
                    later(2, s.dispute(1, 1, 9_000, "lost", "closed")),
                    later(3, s.dispute(1, 2, 9_000, "lost", "closed")),
                ];
                bought(s, told)
            },
            NOTHING,
        ),
    ]
}

pub fn table() -> Vec<Sequence> {
    [refunds(), invoices(), disputes()].into_iter().flatten().collect()
}

#[tokio::test]
async fn refunds_end_as_the_table_says_in_any_order() {
    all_end_as_the_table_says(refunds()).await;
}

#[tokio::test]
async fn refunds_of_invoices_end_as_the_table_says_in_any_order() {
    all_end_as_the_table_says(invoices()).await;
}

#[tokio::test]
async fn disputes_end_as_the_table_says_in_any_order() {
    all_end_as_the_table_says(disputes()).await;
}
