//! Subscriptions: the first invoice, renewals, trials, free months, upgrades.

use serde_json::{Value, json};

use super::{Sequence, all_end_as_the_table_says, row};
use crate::harness::story::{Story, but, later, listing};

/// The checkout, the first invoice and its payment.
fn begun(s: &Story) -> Vec<Value> {
    [vec![s.subscribing(1), s.invoice(1, "subscription_create")], s.paying(1, 1, 12_000)].concat()
}

/// A paid invoice `days` later with its payment, both numbered `n`.
fn billed(s: &Story, days: i64, n: u32, reason: &str) -> Vec<Value> {
    let events = [vec![s.invoice(n, reason)], s.paying(n, n, 12_000)].concat();
    events.into_iter().map(|event| later(days, event)).collect()
}

/// A renewal of 100.00 with 20.00 of upgrade lines on it, taxes left out.
fn renewed_with_prorations(s: &Story) -> Vec<Value> {
    let lines = vec![
        s.line("pro", 10_000, (0, 0), false),
        s.line("basic", -1_000, (0, 0), true),
        s.line("pro", 3_000, (0, 0), true),
    ];
    let invoice =
        but(s.invoice(2, "subscription_cycle"), json!({ "total_excluding_tax": 12_000, "tax": 0, "total_taxes": [] }));
    [begun(s), vec![later(30, listing(invoice, lines))]].concat()
}

const FIRST: &str = "invoice usd 12000 tax 2000: #1 earns 2000";

pub fn table() -> Vec<Sequence> {
    vec![
        row("a subscription begins", begun, &[FIRST]),
        row(
            "a subscription begins by a session that doesn't name the invoice",
            |s| {
                let session = but(s.subscribing(1), json!({ "invoice": null }));
                [vec![session, s.invoice(1, "subscription_create")], s.paying(1, 1, 12_000)].concat()
            },
            &[FIRST],
        ),
        row(
            "a subscription without a checkout carries the code in its metadata",
            |s| {
                let details = json!({ "metadata": { "purser_code": s.tag } });
                let invoice = but(
                    s.invoice(1, "subscription_create"),
                    json!({ "subscription_details": details, "parent": { "subscription_details": details } }),
                );
                [vec![invoice], s.paying(1, 1, 12_000)].concat()
            },
            &[FIRST],
        ),
        row(
            "a subscription is renewed twice",
            |s| {
                let again = |n: u32| billed(s, 30 * i64::from(n), n, "subscription_cycle");
                [begun(s), again(2), again(3)].concat()
            },
            &[FIRST, "invoice usd 12000 tax 2000: #2 earns 2000", "invoice usd 12000 tax 2000: #3 earns 2000"],
        ),
        row(
            "a trial: the first paid invoice is the acquisition",
            |s| {
                let trial = vec![
                    but(s.subscribing(1), json!({ "payment_status": "no_payment_required", "amount_total": 0 })),
                    s.free_invoice(1, "subscription_create"),
                ];
                [trial, billed(s, 14, 2, "subscription_cycle")].concat()
            },
            &["invoice usd 0: nothing_collected", FIRST],
        )
        .rule(json!({ "recurring": null })),
        row(
            "a first month for nothing by a coupon",
            |s| {
                let free = but(
                    s.free_invoice(1, "subscription_create"),
                    json!({ "total_discount_amounts": [{ "amount": 12_000, "discount": "di_1" }] }),
                );
                [vec![s.subscribing(1), free], billed(s, 30, 2, "subscription_cycle")].concat()
            },
            &["invoice usd 0: nothing_collected", FIRST],
        ),
        row(
            "a rule for two payments",
            |s| {
                let again = |n: u32| billed(s, 30 * i64::from(n), n, "subscription_cycle");
                [begun(s), again(2), again(3)].concat()
            },
            &[FIRST, "invoice usd 12000 tax 2000: #2 earns 2000", "invoice usd 12000 tax 2000: #3 earns 0"],
        )
        .rule(json!({ "recurring": { "payments": 2 } })),
        row(
            "an upgrade is no second acquisition",
            |s| [begun(s), billed(s, 10, 2, "subscription_update")].concat(),
            &[FIRST, "invoice usd 12000 tax 2000: #1 upgrade earns 0"],
        )
        .rule(json!({ "recurring": null })),
        row(
            "an upgrade earns as a payment does",
            |s| [begun(s), billed(s, 10, 2, "subscription_update")].concat(),
            &[FIRST, "invoice usd 12000 tax 2000: #1 upgrade earns 2000"],
        )
        .rule(json!({ "expansion": "recurring" })),
        row(
            "an upgrade earns once under a rule for first sales",
            |s| [begun(s), billed(s, 10, 2, "subscription_update"), billed(s, 30, 3, "subscription_cycle")].concat(),
            &[FIRST, "invoice usd 12000 tax 2000: #1 upgrade earns 2000", "invoice usd 12000 tax 2000: #2 earns 0"],
        )
        .rule(json!({ "recurring": null, "expansion": "one_time" })),
        row(
            "upgrade lines on a renewal are left out",
            renewed_with_prorations,
            &[FIRST, "invoice usd 12000: #2 earns 2000"],
        ),
        row(
            "upgrade lines on a renewal earn with it",
            renewed_with_prorations,
            &[FIRST, "invoice usd 12000: #2 earns 2400"],
        )
        .rule(json!({ "expansion": "recurring" })),
        row(
            "upgrade lines on a renewal earn without it",
            renewed_with_prorations,
            &[FIRST, "invoice usd 12000: #2 earns 400"],
        )
        .rule(json!({ "recurring": null, "expansion": "one_time" })),
    ]
}

#[tokio::test]
async fn subscriptions_end_as_the_table_says_in_any_order() {
    all_end_as_the_table_says(table()).await;
}
