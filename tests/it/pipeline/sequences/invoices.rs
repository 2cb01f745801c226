//! Invoices beside subscriptions: by every other reason, paid in parts, by hand, with credit, too much.

use serde_json::{Value, json};

use super::{Sequence, all_end_as_the_table_says, row};
use crate::harness::story::{Story, but};

const PAID: &[&str] = &["invoice usd 12000 tax 2000: #1 earns 2000"];

/// Metadata of the invoice name the affiliate.
fn marked(s: &Story, event: Value) -> Value {
    but(event, json!({ "metadata": { "purser_code": s.tag } }))
}

fn billed(s: &Story, reason: &str) -> Vec<Value> {
    [vec![marked(s, s.invoice(1, reason))], s.paying(1, 1, 12_000)].concat()
}

fn told_in_time(mut sequence: Sequence) -> Sequence {
    sequence.settles_early = false;
    sequence
}

fn uncounted(mut sequence: Sequence) -> Sequence {
    sequence.count_out_of_band = false;
    sequence
}

pub fn table() -> Vec<Sequence> {
    vec![
        row("an invoice by hand", |s| billed(s, "manual"), PAID),
        row("an invoice of an accepted quote", |s| billed(s, "quote_accept"), PAID),
        row("an invoice of pending items", |s| billed(s, "automatic_pending_invoice_item_invoice"), PAID),
        row("an invoice at a threshold of use", |s| billed(s, "subscription_threshold"), PAID),
        row(
            "an invoice that names its payment, as older versions do",
            |s| {
                let named = json!({ "payment_intent": s.id("pi", 1), "charge": s.id("ch", 1) });
                [vec![but(marked(s, s.invoice(1, "manual")), named)], s.payment(1, 12_000)].concat()
            },
            PAID,
        ),
        row(
            "an invoice that lists its payments",
            |s| {
                let payment = json!({ "payment": { "type": "payment_intent", "payment_intent": s.id("pi", 1) } });
                let listed = but(marked(s, s.invoice(1, "manual")), json!({ "payments": { "data": [payment] } }));
                [vec![listed], s.payment(1, 12_000)].concat()
            },
            PAID,
        ),
        row(
            "an invoice and a payment that only their likeness links",
            |s| [vec![marked(s, s.invoice(1, "manual"))], s.payment(1, 12_000)].concat(),
            PAID,
        ),
        row(
            "two payments for one invoice",
            |s| {
                let paid = vec![marked(s, s.invoice(1, "manual"))];
                [paid, s.paying(1, 1, 7_000), s.paying(1, 2, 5_000)].concat()
            },
            PAID,
        ),
        told_in_time(row("a part of an invoice is paid so far", |s| s.paying(1, 1, 7_000), &["invoice not paid"])),
        row(
            "an invoice that is settled though only a part was paid",
            |s| {
                let part = json!({ "amount_paid": 7_000, "amount_due": 7_000 });
                [vec![but(marked(s, s.invoice(1, "manual")), part)], s.paying(1, 1, 7_000)].concat()
            },
            &["invoice usd 7000: #1 earns 1400"],
        ),
        row(
            "an invoice that is paid from credit",
            |s| {
                let credit = json!({ "amount_paid": 0, "amount_due": 0, "starting_balance": -12_000 });
                vec![but(marked(s, s.invoice(1, "manual")), credit)]
            },
            &["invoice usd 0: nothing_collected"],
        ),
        row(
            "an invoice that is paid too much",
            |s| {
                let more = json!({ "amount_paid": 13_000, "amount_overpaid": 1_000 });
                [vec![but(marked(s, s.invoice(1, "manual")), more)], s.paying(1, 1, 13_000)].concat()
            },
            PAID,
        ),
        row(
            "an invoice that is paid too much, with its tax counted",
            |s| {
                let more = json!({ "amount_paid": 13_000, "amount_overpaid": 1_000 });
                vec![but(marked(s, s.invoice(1, "manual")), more)]
            },
            &["invoice usd 12000 tax 2000: #1 earns 2400"],
        )
        .rule(json!({ "exclude_tax": false })),
        row("an invoice that is paid outside Stripe", |s| vec![marked(s, s.by_hand(1))], PAID),
        row(
            "an invoice that is paid outside Stripe and shows no amount",
            |s| vec![but(marked(s, s.by_hand(1)), json!({ "amount_paid": 0, "payments": null }))],
            PAID,
        ),
        uncounted(row(
            "an invoice that is paid outside Stripe, which the program doesn't count",
            |s| vec![marked(s, s.by_hand(1))],
            &["invoice usd 12000 tax 2000: paid_out_of_band"],
        )),
        uncounted(row("what Stripe collects counts all the same", |s| billed(s, "manual"), PAID)),
        row(
            "an invoice over nothing",
            |s| vec![marked(s, s.free_invoice(1, "manual"))],
            &["invoice usd 0: nothing_collected"],
        ),
        row(
            "two invoices of one customer at once stay two",
            |s| {
                let second = but(
                    marked(s, s.invoice(2, "manual")),
                    json!({ "status_transitions": { "paid_at": 1_800_000_060 } }),
                );
                [billed(s, "manual"), vec![second], s.paying(2, 2, 12_000)].concat()
            },
            &["invoice usd 12000 tax 2000: #1 earns 2000", "invoice usd 12000 tax 2000: #2 earns 2000"],
        ),
    ]
}

#[tokio::test]
async fn invoices_end_as_the_table_says_in_any_order() {
    all_end_as_the_table_says(table()).await;
}
