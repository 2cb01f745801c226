//! What the customer of a sale got back: refunds and disputes with their pages at Stripe, and what each did to the commission.

use leptos::prelude::*;
use purser::desk::sale_refunds::SaleRefund;
use purser::domain::money::Money;

use super::words::capitalized;
use crate::components::{Column, Section, Table, Tone, amount, badge, day, external_id, plain_amounts};

const COLUMNS: &[Column] = &[
    Column::text("When"),
    Column::text("What"),
    Column::text("Status"),
    Column::text("At Stripe"),
    Column::wrap("The commission"),
    Column::amount("Amount"),
];

/// The section; nothing when all of the money stayed and nobody asked for it.
pub fn refunds_section(found: &[SaleRefund]) -> Option<AnyView> {
    if found.is_empty() {
        return None;
    }
    let rows = found.iter().map(row).collect();
    Some(
        view! {
            <Section title="Refunds and disputes" context="What the customer got back, or asks back through their bank.">
                <Table caption="Refunds and disputes, oldest first" columns=COLUMNS rows=rows />
            </Section>
        }
        .into_any(),
    )
}

fn row(one: &SaleRefund) -> Vec<AnyView> {
    let what = if one.is_dispute { "Dispute" } else { "Refund" };
    let reason = one.reason.clone().map(|reason| view! { <span class="sub">{capitalized(&reason)}</span> });
    let tone = match (one.counts, one.is_open) {
        (_, true) => Tone::Warn,
        (true, false) => Tone::Info,
        (false, false) => Tone::Quiet,
    };
    let failure = one.failure_reason.clone().map(|why| view! { <span class="sub">{capitalized(&why)}</span> });
    vec![
        day(one.at),
        view! { <span>{what}{reason}</span> }.into_any(),
        view! { <span>{badge(tone, capitalized(&one.status))}{failure}</span> }.into_any(),
        external_id(one.id.clone(), one.dashboard_url.clone()),
        effect(one),
        amount(Money::new(one.amount_minor, one.currency)),
    ]
}

fn effect(one: &SaleRefund) -> AnyView {
    if let Some(last) = one.lines.last() {
        let changed = format!("Changed by {}", plain_amounts(&one.effect));
        return view! { <a href=format!("/admin/commissions/{last}")>{changed}</a> }.into_any();
    }
    let told = match (one.is_dispute, one.is_open, one.counts) {
        (true, true, _) => "Waits until the dispute is settled.",
        (_, _, true) => "Cancelled, or nothing was left to take back.",
        _ => "Not touched.",
    };
    told.into_any()
}
