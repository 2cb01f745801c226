//! Payout items as rows: before the payout what each is made of, after it the outcome, the transfer, and what to do next.

use leptos::prelude::*;
use purser::desk::payouts;
use purser::domain::actor::Permission;
use purser::domain::batch::{BatchStatus, ItemStatus};
use purser::domain::manifest::Warning;
use purser::domain::money::Money;
use purser::store::item_views::{ItemView, MakeUp};

use super::rail_words::{error_words, method_words, tries, wait_words};
use crate::components::{Column, Empty, Table, Tone, amount, badge, day, external_id, id_chip, item_badge};
use crate::visit::Visit;

const AFFILIATE: Column = Column::text("Affiliate");
const MADE_OF: Column = Column::text("Made of");
const TO: Column = Column::text("To");
const LOOK_AT: Column = Column::wrap("Look at");
const AMOUNT: Column = Column::amount("Amount");

const REVIEW: &[Column] = &[AFFILIATE, MADE_OF, TO, LOOK_AT, AMOUNT];
const REVIEW_OF_DRAFT: &[Column] = &[AFFILIATE, MADE_OF, TO, LOOK_AT, AMOUNT, Column::text("Leave out")];

const OUTCOME: &[Column] =
    &[AFFILIATE, Column::text("Status"), Column::text("Transfer"), Column::wrap("What happened"), AMOUNT];

pub fn table(visit: &Visit, items: Vec<ItemView>, make_up: &[MakeUp], under_review: bool) -> AnyView {
    if items.is_empty() {
        return view! { <Empty title="No payouts here" teaches="Payouts appear when a batch is drafted." /> }
            .into_any();
    }
    if under_review {
        let is_draft = items.iter().any(|item| item.batch_status == BatchStatus::Draft);
        let may_leave = is_draft && visit.may(Permission::Payouts);
        let standing = items.iter().filter(|item| item.status != ItemStatus::LeftOut);
        let rows = standing.map(|item| review_row(item, make_up, may_leave)).collect();
        let columns = if may_leave { REVIEW_OF_DRAFT } else { REVIEW };
        return view! { <Table caption="Who is paid how much" columns=columns rows=rows /> }.into_any();
    }
    let rows = items.iter().map(|item| outcome_row(visit, item)).collect();
    view! { <Table caption="Payouts and their outcomes" columns=OUTCOME rows=rows /> }.into_any()
}

fn payee(item: &ItemView) -> AnyView {
    view! {
        <span>
            <a href=format!("/admin/affiliates/{}", item.affiliate_id)>{item.affiliate_name.clone()}</a>
            <span class="sub">{item.affiliate_email.clone()}</span>
        </span>
    }
    .into_any()
}

fn review_row(item: &ItemView, make_up: &[MakeUp], may_leave: bool) -> Vec<AnyView> {
    let made_of = make_up.iter().find(|made_of| made_of.item_id == item.id);
    let lines = made_of.map_or(0, |made_of| made_of.lines);
    let deducted = made_of.filter(|made_of| made_of.deductions > 0).map(|made_of| {
        let deducted = Money::new(made_of.deducted_minor, item.currency);
        let noun = if made_of.deductions == 1 { "correction" } else { "corrections" };
        view! { <span class="sub">{format!("{} {noun}, {deducted}", made_of.deductions)}</span> }
    });
    let warnings = made_of.map(|made_of| made_of.warnings(item.amount_minor)).unwrap_or_default();
    let warnings: Vec<AnyView> = warnings.into_iter().map(warning).collect();
    let mut row = vec![
        payee(item),
        view! { <span><a href=lines_address(item)>{if lines == 1 { "1 line".to_owned() } else { format!("{lines} lines") }}</a>{deducted}</span> }
            .into_any(),
        view! { <span>{method_words(item.rail)}<span class="sub">{id_chip(item.destination.clone())}</span></span> }
            .into_any(),
        (!warnings.is_empty()).then(|| view! { <span class="signs">{warnings}</span> }).into_any(),
        amount(item.amount()),
    ];
    row.extend(may_leave.then(|| leave_out(item)));
    row
}

/// The commission lines that the payout is made of.
pub fn lines_address(item: &ItemView) -> String {
    format!("/admin/commissions?payout_item={}&affiliate={}", item.id, item.affiliate_id)
}

fn warning(warning: Warning) -> AnyView {
    let tone = match warning {
        Warning::FirstPayout => Tone::Info,
        _ => Tone::Warn,
    };
    badge(tone, warning.words())
}

fn outcome_row(visit: &Visit, item: &ItemView) -> Vec<AnyView> {
    let may_act = visit.may(Permission::Payouts);
    let transfer = match (item.transfer_id.clone(), payouts::dashboard_url(&visit.engine, item)) {
        (Some(id), Some(address)) => external_id(id, address),
        (Some(id), None) => id_chip(id),
        _ => view! { <span class="hint">"None yet"</span> }.into_any(),
    };
    vec![
        payee(item),
        view! { <a href=format!("/admin/payout-items/{}", item.id)>{state_badge(item)}</a> }.into_any(),
        transfer,
        what_happened(item, may_act),
        amount(item.amount()),
    ]
}

/// The outcome in words with the next step beside it.
pub fn what_happened(item: &ItemView, may_act: bool) -> AnyView {
    let act = |what, text| may_act.then(|| act(item, what, text));
    let calls = if item.attempts == 1 { "1 call".to_owned() } else { format!("{} calls", item.attempts) };
    match item.status {
        ItemStatus::Pending => pending(item, may_act),
        ItemStatus::Sending => view! { <span class="hint">{sending(item)}</span> }.into_any(),
        ItemStatus::Posted if item.reversed_minor > 0 => {
            let back = Money::new(item.reversed_minor, item.currency);
            let left = Money::new(item.amount_minor.saturating_sub(item.reversed_minor), item.currency);
            view! { <span>{format!("{back} came back and is due again; {left} stays paid")}</span> }.into_any()
        }
        ItemStatus::Posted => {
            view! { <span class="hint">{format!("On the affiliate's Stripe balance, {calls}")}</span> }.into_any()
        }
        ItemStatus::Processing => {
            view! { <span class="hint">"Stripe has it and will say how it ends"</span>{act("refresh-item", "Ask now")} }
                .into_any()
        }
        ItemStatus::LeftOut => {
            let due = item.paid_by.is_none().then_some("; the money is due again");
            view! { <span class="hint">"Left out of its batch"{due}</span>{paid_by(item)} }.into_any()
        }
        ItemStatus::Reversed => {
            let back = Money::new(item.reversed_minor, item.currency);
            view! { <span>{format!("{back} came back and is due again")}</span> }.into_any()
        }
        ItemStatus::Unresolved => view! {
            <span>{format!("No answer came back after {calls}. {}", repeated(item.batch_status))}</span>
            {act("refresh-item", "Ask now")}
        }
        .into_any(),
        ItemStatus::Failed => failed(item, act("retry-item", "Retry")),
    }
}

fn repeated(batch: BatchStatus) -> &'static str {
    match batch {
        BatchStatus::Paused => {
            "While its batch is paused, Purser asks Stripe whether the transfer exists, and makes no call."
        }
        _ => "The same call is repeated with the same key, so it is paid once at most.",
    }
}

/// The state of the item; one that a cancelled batch never sent waits for nothing.
pub fn state_badge(item: &ItemView) -> AnyView {
    match (item.status, item.batch_status) {
        (ItemStatus::Pending, BatchStatus::Cancelled) => badge(Tone::Quiet, "Not sent"),
        (status, _) => item_badge(status),
    }
}

fn pending(item: &ItemView, may_act: bool) -> AnyView {
    let leave = (may_act && item.batch_status == BatchStatus::Paused).then(|| leave_out(item));
    view! { <span class="hint">{why_pending(item)}</span>{paid_by(item)}{leave} }.into_any()
}

fn why_pending(item: &ItemView) -> String {
    if item.waits_for_funds {
        return "Waits until Stripe's balance covers it".to_owned();
    }
    let last = item.error_code.as_deref().filter(|_| item.attempts > 0).and_then(wait_words);
    match (last, item.batch_status) {
        (Some(why), BatchStatus::Executing | BatchStatus::Paused) => {
            format!("{why}; {}", tries(item.attempts, item.next_try_at))
        }
        (_, BatchStatus::Cancelled) if item.paid_by.is_some() => "Its batch was cancelled".to_owned(),
        (_, batch) => waits(batch).to_owned(),
    }
}

/// A call that is long under way is told with its time, so that nobody takes it for an answer.
fn sending(item: &ItemView) -> String {
    match item.asked_at {
        Some(at) if item.attempts > 1 => {
            format!("Stripe was asked at {} in call {}; no answer yet", at.format("%H:%M:%S UTC"), item.attempts)
        }
        Some(at) => format!("Stripe was asked at {}; no answer yet", at.format("%H:%M:%S UTC")),
        None => "About to be sent".to_owned(),
    }
}

fn waits(batch: BatchStatus) -> &'static str {
    match batch {
        BatchStatus::Draft | BatchStatus::Approved => "Its batch waits for review; nothing has moved",
        BatchStatus::Cancelled => "Its batch was cancelled; the money is due again",
        BatchStatus::Paused => "Its batch is paused",
        BatchStatus::Executing | BatchStatus::Completed => "Waits for its turn",
    }
}

fn failed(item: &ItemView, retry: Option<AnyView>) -> AnyView {
    let (why, next) = error_words(item.error_code.as_deref(), item.error_message.as_deref());
    let code = item.error_code.clone().map(|code| view! { <code>{code}</code> });
    let step = match item.retried_by {
        None if item.paid_by.is_some() => paid_by(item).into_any(),
        Some(next) => view! { <span class="sub"><a href=format!("/admin/payout-items/{next}")>"Tried again as another payout"</a></span> }.into_any(),
        None => view! { <span class="sub">{next}</span>{retry} }.into_any(),
    };
    view! { <span>{why}" "{code}</span>{step} }.into_any()
}

/// Its commissions went into a later payout, so there is nothing to try again.
fn paid_by(item: &ItemView) -> Option<AnyView> {
    let later = item.paid_by?;
    let link = view! { <a href=format!("/admin/payout-items/{later}")>"another payout"</a> };
    Some(match item.paid_by_at {
        Some(at) => view! { <span class="sub">"Paid by "{link}" on "{day(at)}</span> }.into_any(),
        None => view! { <span class="sub">"Its money is in "{link}</span> }.into_any(),
    })
}

fn leave_out(item: &ItemView) -> AnyView {
    let href = format!("/admin/payout-items/{}#leave-out", item.id);
    let whom = format!(": {}", item.affiliate_name);
    view! { <a class="button" href=href>"Leave out…"<span class="visually-hidden">{whom}</span></a> }.into_any()
}

fn act(item: &ItemView, what: &'static str, text: &'static str) -> AnyView {
    view! {
        <form method="post" action=format!("/admin/do/{what}")>
            <input type="hidden" name="id" value=item.id.to_string() />
            <input type="hidden" name="batch" value=item.batch_id.to_string() />
            <button>{text}<span class="visually-hidden">{format!(": {}", item.affiliate_name)}</span></button>
        </form>
    }
    .into_any()
}
