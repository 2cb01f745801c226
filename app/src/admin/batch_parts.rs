//! Parts of a batch's page: what may be done now with the consequence on the button, the figures before and after, the progress,
//! and who is left out.

use leptos::prelude::*;
use purser::domain::batch::BatchStatus;
use purser::domain::money::Money;
use purser::store::payout_views::{BatchView, SkippedView, Summary, Tally};

use super::words::capitalized;
use crate::components::{Banner, Column, Section, Table, Tone, amount, amounts, badge, plain_amounts};

const SKIPPED: &[Column] = &[Column::text("Affiliate"), Column::wrap("Why"), Column::amount("Amount")];

pub fn is_moving(status: BatchStatus) -> bool {
    status == BatchStatus::Executing
}

/// The primary action, with exactly what it does.
pub fn actions(batch: &BatchView) -> Option<AnyView> {
    let id = batch.id.to_string();
    let form = |action: &'static str, class: &'static str, text: String| {
        view! {
            <form method="post" action=action>
                <input type="hidden" name="id" value=id.clone() />
                <button class=class>{text}</button>
            </form>
        }
        .into_any()
    };
    let cancel = || form("/admin/do/cancel-payout", "danger", "Cancel this batch".to_owned());
    match batch.status {
        BatchStatus::Draft | BatchStatus::Approved => {
            let somebody = batch.summary.pending.count > 0;
            let pay = somebody.then(|| form("/admin/do/confirm-payout", "primary", consequence(batch)));
            Some(view! { {pay}{cancel()} }.into_any())
        }
        BatchStatus::Executing => {
            Some(form("/admin/do/stop-payout", "", "Stop after the transfers under way".to_owned()))
        }
        BatchStatus::Paused => {
            let left = left_to_pay(&batch.summary);
            Some(form(
                "/admin/do/resume-payout",
                "primary",
                format!("Go on: pay {} more, {}", people(left.count), plain_amounts(&left.amounts)),
            ))
        }
        _ => None,
    }
}

/// `Pay 8 affiliates 1,302.50 USD`.
fn consequence(batch: &BatchView) -> String {
    format!("Pay {} {}", people(batch.summary.pending.count), plain_amounts(&batch.totals))
}

fn people(count: i64) -> String {
    if count == 1 { "1 affiliate".to_owned() } else { format!("{count} affiliates") }
}

fn left_to_pay(summary: &Summary) -> Tally {
    let count = summary.pending.count + summary.processing.count + summary.unresolved.count;
    let parts = [&summary.pending, &summary.processing, &summary.unresolved];
    Tally { count, amounts: crate::components::sums(parts.iter().flat_map(|tally| tally.amounts.iter().copied())) }
}

/// The figures that matter in the batch's state.
pub fn state(batch: &BatchView, may_pay: bool) -> AnyView {
    match batch.status {
        BatchStatus::Draft | BatchStatus::Approved => review(batch),
        BatchStatus::Cancelled => ().into_any(),
        _ => view! { {paused(batch)}{progress(batch)}{outcome(&batch.summary)}{after(batch, may_pay)} }.into_any(),
    }
}

/// What will happen: need beside what Stripe has.
fn review(batch: &BatchView) -> AnyView {
    let figures: Vec<AnyView> =
        batch.totals.iter().map(|total| need(*total, batch.available_at_draft.as_deref())).collect();
    let short = batch.totals.iter().any(|total| is_short(*total, batch.available_at_draft.as_deref()));
    let warning = short.then(|| {
        view! { <Banner tone=Tone::Warn title="Stripe has less than this batch needs. Add funds first, or it pays what it can and pauses." /> }
    });
    view! {
        {warning}
        <dl class="figures">
            <div class="lead">
                <dt>"Will be paid"</dt>
                <dd>{amounts(&batch.totals, "Nothing")}<small>{format!("To {}", people(batch.summary.pending.count))}</small></dd>
            </div>
            {figures}
            <div>
                <dt>"Left out"</dt>
                <dd>{batch.summary.skipped.count}<small>"Listed below with the reason"</small></dd>
            </div>
        </dl>
    }
    .into_any()
}

fn available_in(total: Money, available: Option<&[Money]>) -> Option<Money> {
    let found = available?.iter().find(|money| money.currency == total.currency).copied();
    Some(found.unwrap_or(Money::new(0, total.currency)))
}

fn is_short(total: Money, available: Option<&[Money]>) -> bool {
    available_in(total, available).is_some_and(|has| has.amount_minor < total.amount_minor)
}

fn need(total: Money, available: Option<&[Money]>) -> AnyView {
    let (shown, note) = match available_in(total, available) {
        Some(has) if has.amount_minor < total.amount_minor => {
            let missing = Money::new(total.amount_minor.saturating_sub(has.amount_minor), total.currency);
            (amount(has), format!("{missing} too little"))
        }
        Some(has) => {
            let after = Money::new(has.amount_minor.saturating_sub(total.amount_minor), total.currency);
            (amount(has), format!("{after} left afterwards"))
        }
        None => ("Not known".into_any(), "Stripe didn't answer when this was drafted".to_owned()),
    };
    view! {
        <div>
            <dt>{format!("Stripe balance, {}", total.currency.code())}</dt>
            <dd>{shown}<small>{note}</small></dd>
        </div>
    }
    .into_any()
}

fn paused(batch: &BatchView) -> Option<AnyView> {
    let reason = batch.paused_reason.clone().filter(|_| batch.status == BatchStatus::Paused)?;
    Some(view! { <Banner tone=Tone::Warn title=reason /> }.into_any())
}

/// A bar of what has ended, in parts of a thousand; the words beside it say the same.
fn progress(batch: &BatchView) -> AnyView {
    let summary = &batch.summary;
    let all = [
        &summary.posted,
        &summary.failed,
        &summary.pending,
        &summary.processing,
        &summary.unresolved,
        &summary.reversed,
    ]
    .iter()
    .map(|tally| tally.count)
    .sum::<i64>()
    .max(1);
    let (good, bad, warn) = (
        1000 * (summary.posted.count + summary.reversed.count) / all,
        1000 * summary.failed.count / all,
        1000 * summary.unresolved.count / all,
    );
    let ended = summary.posted.count + summary.failed.count + summary.reversed.count;
    let words = format!("{ended} of {all} payouts have their outcome");
    view! {
        <div class="progress" role="status">
            <svg viewBox="0 0 1000 10" preserveAspectRatio="none" role="img" aria-label=words.clone()>
                <rect class="fill-good" x="0" width=good height="10"></rect>
                <rect class="fill-bad" x=good width=bad height="10"></rect>
                <rect class="fill-warn" x=good + bad width=warn height="10"></rect>
            </svg>
            <p class="hint">{words}</p>
        </div>
    }
    .into_any()
}

/// The receipt: each outcome with its number and amounts.
fn outcome(summary: &Summary) -> AnyView {
    let parts = [
        ("Posted", &summary.posted, "On the affiliates' Stripe balances", true),
        ("Failed", &summary.failed, "Stripe said no; see why below", false),
        ("Processing", &summary.processing, "Stripe has it", false),
        ("Needs a look", &summary.unresolved, "Nobody knows yet; Purser keeps asking", false),
        ("Pending", &summary.pending, "Not sent yet", false),
        ("Reversed", &summary.reversed, "Came back after payment", false),
        ("Skipped", &summary.skipped, "Left out, with the reason", false),
    ];
    let shown: Vec<AnyView> = parts
        .into_iter()
        .filter(|(_, tally, _, always)| *always || tally.count > 0)
        .map(|(name, tally, note, lead)| {
            let class = if lead { "lead" } else { "" };
            view! {
                <div class=class>
                    <dt>{name}": "{tally.count}</dt>
                    <dd>{amounts(&tally.amounts, "0.00")}<small>{note}</small></dd>
                </div>
            }
            .into_any()
        })
        .collect();
    view! { <dl class="figures" aria-label="Outcome">{shown}</dl> }.into_any()
}

/// What the person may still want to do after the batch has ended.
fn after(batch: &BatchView, may_pay: bool) -> Option<AnyView> {
    let failed = batch.summary.failed.count;
    if batch.status != BatchStatus::Completed || failed == 0 {
        return None;
    }
    let title = format!(
        "{} could not be paid. Their money is due again: retry below, or leave it for the next batch.",
        people(failed)
    );
    let retry = (may_pay && failed > 1).then(|| {
        view! {
            <form method="post" action="/admin/do/retry-failed">
                <input type="hidden" name="id" value=batch.id.to_string() />
                <button>{format!("Retry all {failed}, {}", plain_amounts(&batch.summary.failed.amounts))}</button>
            </form>
        }
    });
    Some(view! { <Banner tone=Tone::Bad title=title>{retry}</Banner> }.into_any())
}

/// The manifest as a file.
pub fn manifest_link(batch: &BatchView) -> AnyView {
    view! { <p><a class="button" download="" href=format!("/admin/payouts/{}/manifest.csv", batch.id)>"Download the manifest (CSV)"</a></p> }
        .into_any()
}

pub fn left_out(skipped: Vec<SkippedView>) -> Option<AnyView> {
    if skipped.is_empty() {
        return None;
    }
    let rows = skipped.into_iter().map(skipped_row).collect();
    Some(
        view! {
            <Section title="Who is left out" context="Nothing is lost: what is due stays due.">
                <Table caption="Left out of this batch" columns=SKIPPED rows=rows />
            </Section>
        }
        .into_any(),
    )
}

fn skipped_row(skipped: SkippedView) -> Vec<AnyView> {
    let sentence = skipped.sentence();
    vec![
        view! {
            <span>
                <a href=format!("/admin/affiliates/{}", skipped.affiliate_id)>{skipped.affiliate_name}</a>
                <span class="sub">{skipped.affiliate_email}</span>
            </span>
        }
        .into_any(),
        view! { <span>{badge(Tone::Quiet, capitalized(skipped.reason.as_str()))}</span><span class="sub">{sentence}</span> }.into_any(),
        amount(Money::new(skipped.amount_minor, skipped.currency)),
    ]
}
