//! Taking a posted payout back, on its page: the form, and what was asked before with its outcome.

use leptos::prelude::*;
use purser::desk::audit::Names;
use purser::domain::batch::ItemStatus;
use purser::domain::ids::ReversalId;
use purser::domain::money::Money;
use purser::domain::reversal::ReversalStatus;
use purser::store::item_views::ItemView;
use purser::store::reversals::ReversalRow;

use super::words::named_words;
use crate::components::{Column, Field, Section, Table, Tone, amount, badge, moment};
use crate::typed_amount::amount_text;
use crate::visit::Visit;

const COLUMNS: &[Column] = &[
    Column::text("Asked"),
    Column::wrap("Reason"),
    Column::text("Status"),
    Column::wrap("Answer"),
    Column::amount("Amount"),
];

/// Nothing when the payout was never posted.
pub fn section(
    visit: &Visit,
    names: &Names,
    item: &ItemView,
    (asked, form): (Vec<ReversalRow>, Option<ReversalId>),
) -> Option<AnyView> {
    let left = Money::new(item.amount_minor.saturating_sub(item.reversed_minor), item.currency);
    let under_way = asked.iter().any(|row| row.status == ReversalStatus::Unresolved);
    let request = form.filter(|_| item.status == ItemStatus::Posted && !under_way);
    if request.is_none() && asked.is_empty() {
        return None;
    }
    let list = (!asked.is_empty()).then(|| {
        let rows = asked.into_iter().map(|row| row_of(names, item, row)).collect();
        view! { <Table caption="What was taken back" columns=COLUMNS rows=rows /> }
    });
    let form = request.map(|request| form_of(visit, item, request, left));
    let context =
        format!("{left} of this transfer are with the affiliate. What is taken back is due again, in the next draft.");
    Some(view! { <Section title="Take back" context=context>{list}{form}</Section> }.into_any())
}

fn form_of(visit: &Visit, item: &ItemView, request: ReversalId, left: Money) -> AnyView {
    let typed = visit.typed("amount", amount_text(left.amount_minor, left.currency));
    let (amount_error, reason, reason_error) =
        (visit.error_of("amount"), visit.typed("reason", ""), visit.error_of("reason"));
    let label = format!("Amount, {}", left.currency.code());
    let (id, request) = (item.id.to_string(), request.to_string());
    view! {
        <form class="form card" method="post" action="/admin/do/reverse-item">
            <input type="hidden" name="id" value=id />
            <input type="hidden" name="request" value=request />
            <div class="pair">
                <Field label=label name="amount" inputmode="decimal" value=typed error=amount_error hint=format!("At most {left}.") />
                <Field label="Reason" name="reason" value=reason error=reason_error hint="It stays on record. The affiliate is told the amount." />
            </div>
            <div class="actions">
                <button class="danger">"Take it back from Stripe"</button>
            </div>
        </form>
    }
    .into_any()
}

fn row_of(names: &Names, item: &ItemView, row: ReversalRow) -> Vec<AnyView> {
    let (status, answer) = match row.status {
        ReversalStatus::Done => (badge(Tone::Good, "Taken back"), row.reversal_id.unwrap_or_default()),
        ReversalStatus::Failed => (badge(Tone::Bad, "Failed"), row.error_message.unwrap_or_default()),
        ReversalStatus::Unresolved => (
            badge(Tone::Warn, "Needs a look"),
            "Stripe's answer isn't known yet. The same call is repeated with the same key.".to_owned(),
        ),
    };
    vec![
        view! { <span>{moment(row.requested_at)}<span class="sub">{named_words(names, &row.requested_by)}</span></span> }
            .into_any(),
        row.reason.into_any(),
        status,
        answer.into_any(),
        amount(Money::new(row.amount_minor, item.currency)),
    ]
}
