//! Bare payments: payment intents and charges that no checkout and no invoice describes.

use serde_json::{Value, json};

use super::{Sequence, all_end_as_the_table_says, row};
use crate::harness::story::{Story, but, later};

fn marked(s: &Story, event: Value) -> Value {
    but(event, json!({ "metadata": { "purser_code": s.tag } }))
}

/// A charge of 120.00 that is only authorized.
fn authorized(s: &Story) -> Value {
    but(s.charge(1, 12_000), json!({ "captured": false, "amount_captured": 0 }))
}

/// Of which 80.00 are taken a day later.
fn captured(s: &Story) -> Value {
    let mut event = but(s.charge(1, 12_000), json!({ "amount_captured": 8_000 }));
    event["type"] = json!("charge.captured");
    event
}

pub fn table() -> Vec<Sequence> {
    vec![
        row(
            "a payment intent names the affiliate",
            |s| vec![marked(s, s.intent(1, 12_000)), s.charge(1, 12_000)],
            &["payment usd 12000: #1 earns 2400"],
        ),
        row(
            "a charge without an intent names the affiliate",
            |s| vec![marked(s, but(s.charge(1, 12_000), json!({ "payment_intent": null })))],
            &["payment usd 12000: #1 earns 2400"],
        ),
        row(
            "a payment that nothing describes and that names nobody",
            |s| s.payment(1, 12_000),
            &["payment usd 12000: no_code"],
        ),
        row(
            "an authorization of which a part is captured",
            |s| vec![authorized(s), captured(s), marked(s, later(1, s.intent(1, 8_000)))],
            &["payment usd 8000: #1 earns 1600"],
        ),
        row(
            "a captured charge without an intent's event",
            |s| vec![authorized(s), marked(s, captured(s))],
            &["payment usd 8000: #1 earns 1600"],
        ),
        row("an authorization that is never captured", |s| vec![authorized(s)], &["payment not paid"]),
        row(
            "a payment by a customer who is known from a checkout",
            |s| {
                let second: Vec<_> = s.payment(2, 6_000).into_iter().map(|event| later(40, event)).collect();
                [vec![s.session(1)], s.payment(1, 12_000), second].concat()
            },
            &["checkout usd 12000 tax 2000: #1 earns 2000", "payment usd 6000: #2 earns 1200"],
        ),
        row("a payment over nothing", |s| vec![marked(s, s.intent(1, 0))], &["payment usd 0: nothing_collected"]),
    ]
}

#[tokio::test]
async fn bare_payments_end_as_the_table_says_in_any_order() {
    all_end_as_the_table_says(table()).await;
}
