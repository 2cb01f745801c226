//! Parts of a batch's page: what may be done now with the consequence on the button, the figures before and after, the progress,
//! and who is left out.

use leptos::prelude::*;
use purser::desk::audit::{AuditEntry, Names};
use purser::desk::payout_review::Act;
use purser::domain::batch::BatchStatus;
use purser::domain::money::Money;
use purser::store::batch_views::{BatchView, SkippedView, Summary, Tally};
use purser::store::payout_calls::Trouble;

use super::batch_history;
use super::rail_words::{tries, wait_words};
use super::words::{capitalized, named_words};
use crate::components::{
    Banner, Column, Section, Table, Tone, amount, amounts, badge, counted, moment, people, plain_amounts,
};

/// Paused until Stripe's balance suffices.
const SHORT: &str = "balance_insufficient";

const SKIPPED: &[Column] = &[Column::text("Affiliate"), Column::wrap("Why"), Column::amount("Amount")];

/// Whether it changes by itself: a paused batch may go on when Stripe's balance is topped up.
pub fn is_moving(status: BatchStatus) -> bool {
    matches!(status, BatchStatus::Executing | BatchStatus::Paused)
}

/// The primary action, with exactly what it does.
/// `payees`: how many affiliates the batch still pays.
pub fn actions(batch: &BatchView, payees: i64) -> Option<AnyView> {
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
            let pay = somebody.then(|| form("/admin/do/confirm-payout", "primary", consequence(batch, payees)));
            let later = somebody && batch.status == BatchStatus::Draft;
            let approve = later.then(|| form("/admin/do/approve-payout", "", "Approve without paying yet".to_owned()));
            Some(view! { {pay}{approve}{cancel()} }.into_any())
        }
        BatchStatus::Executing => {
            Some(form("/admin/do/stop-payout", "", "Stop after the transfers under way".to_owned()))
        }
        BatchStatus::Paused => {
            let left = left_to_pay(&batch.summary);
            Some(form(
                "/admin/do/resume-payout",
                "primary",
                format!("Go on: pay {}, {}", counted(payees, "more affiliate"), plain_amounts(&left.amounts)),
            ))
        }
        _ => None,
    }
}

/// `Pay 8 affiliates 1,302.50 USD`.
fn consequence(batch: &BatchView, payees: i64) -> String {
    format!("Pay {} {}", people(payees), plain_amounts(&batch.totals))
}

fn left_to_pay(summary: &Summary) -> Tally {
    let count = summary.pending.count + summary.processing.count + summary.unresolved.count;
    let parts = [&summary.pending, &summary.processing, &summary.unresolved];
    Tally { count, amounts: crate::components::sums(parts.iter().flat_map(|tally| tally.amounts.iter().copied())) }
}

/// The figures that matter in the batch's state. `payees`: how many affiliates it still pays; `waiting`: what of it stands aside
/// for want of balance.
pub fn state(batch: &BatchView, balance: &Balance, (payees, waiting): (i64, &[Money]), may_pay: bool) -> AnyView {
    match batch.status {
        BatchStatus::Draft | BatchStatus::Approved => review(batch, balance, payees),
        BatchStatus::Cancelled => cancelled(batch, payees),
        _ => {
            let short = short(batch, balance, waiting);
            view! { {paused(batch, balance, payees)}{short}{progress(batch)}{outcome(&batch.summary)}{after(batch, may_pay)} }
                .into_any()
        }
    }
}

/// What Stripe has available beside what a batch needs.
pub struct Balance {
    available: Option<Vec<Money>>,
    /// As it was when the batch was drafted: Stripe doesn't answer now.
    is_old: bool,
}

impl Balance {
    /// What Stripe says now; what it said at the draft, when it says nothing.
    pub fn of(batch: &BatchView, now: Option<Vec<Money>>) -> Self {
        match now {
            Some(available) => Self { available: Some(available), is_old: false },
            None => Self { available: batch.available_at_draft.clone(), is_old: true },
        }
    }

    fn in_currency_of(&self, total: Money) -> Option<Money> {
        let found = self.available.as_ref()?.iter().find(|money| money.currency == total.currency).copied();
        Some(found.unwrap_or(Money::new(0, total.currency)))
    }

    fn is_short(&self, total: Money) -> bool {
        self.in_currency_of(total).is_some_and(|has| has.amount_minor < total.amount_minor)
    }
}

/// What would have been paid.
fn cancelled(batch: &BatchView, payees: i64) -> AnyView {
    view! {
        <dl class="figures">
            <div class="lead">
                <dt>"Not paid"</dt>
                <dd>{amounts(&batch.totals, "Nothing")}<small>{format!("To {}; it is due again", people(payees))}</small></dd>
            </div>
        </dl>
    }
    .into_any()
}

/// What will happen: need beside what Stripe has.
fn review(batch: &BatchView, balance: &Balance, payees: i64) -> AnyView {
    let figures = needs(&batch.totals, balance);
    let short = batch.totals.iter().any(|total| balance.is_short(*total));
    let warning = short.then(|| {
        view! { <Banner tone=Tone::Warn title="Stripe has less than this batch needs. Add funds first, or it pays what it can and pauses." /> }
    });
    view! {
        {warning}
        <dl class="figures">
            <div class="lead">
                <dt>"Will be paid"</dt>
                <dd>{amounts(&batch.totals, "Nothing")}<small>{format!("To {}", people(payees))}</small></dd>
            </div>
            {figures}
            <div>
                <dt>"Left out"</dt>
                <dd>{batch.summary.skipped.count}<small>{left_out_note(&batch.summary)}</small></dd>
            </div>
        </dl>
    }
    .into_any()
}

/// What waits for those who are left out, and beside it, never netted, what they owe.
fn left_out_note(summary: &Summary) -> String {
    let waits = match &summary.skipped.amounts[..] {
        [] => "Listed below with the reason".to_owned(),
        amounts => format!("{} waits; listed below with the reason", plain_amounts(amounts)),
    };
    match &summary.debts.amounts[..] {
        [] => waits,
        debts => format!("{waits}. Owed: {}", plain_amounts(debts)),
    }
}

fn needs(totals: &[Money], balance: &Balance) -> Vec<AnyView> {
    totals.iter().map(|total| need(*total, balance)).collect()
}

fn need(total: Money, balance: &Balance) -> AnyView {
    let (shown, note) = match balance.in_currency_of(total) {
        Some(has) if has.amount_minor < total.amount_minor => {
            let missing = Money::new(total.amount_minor.saturating_sub(has.amount_minor), total.currency);
            (amount(has), format!("{missing} too little"))
        }
        Some(has) => {
            let after = Money::new(has.amount_minor.saturating_sub(total.amount_minor), total.currency);
            (amount(has), format!("{after} left afterwards"))
        }
        None => ("Not known".into_any(), "Stripe didn't answer".to_owned()),
    };
    let as_of = if balance.is_old && balance.available.is_some() { ", when drafted" } else { "" };
    view! {
        <div>
            <dt>{format!("Available at Stripe, {}{as_of}", total.currency.code())}</dt>
            <dd>{shown}<small>{note}</small></dd>
        </div>
    }
    .into_any()
}

/// Why it stands still, and for want of balance what is still needed beside what is there.
fn paused(batch: &BatchView, balance: &Balance, payees: i64) -> Option<AnyView> {
    let reason = batch.paused_reason.clone().filter(|_| batch.status == BatchStatus::Paused)?;
    let left = left_to_pay(&batch.summary);
    let figures = (batch.paused_code.as_deref() == Some(SHORT)).then(|| {
        view! {
            <dl class="figures" aria-label="What is still needed">
                <div class="lead">
                    <dt>"Still to pay"</dt>
                    <dd>{amounts(&left.amounts, "Nothing")}<small>{format!("To {}", people(payees))}</small></dd>
                </div>
                {needs(&left.amounts, balance)}
            </dl>
        }
    });
    Some(view! { <Banner tone=Tone::Warn title=reason />{figures} }.into_any())
}

/// What of an executing batch waits for balance, beside what is there.
fn short(batch: &BatchView, balance: &Balance, waiting: &[Money]) -> Option<AnyView> {
    if batch.status != BatchStatus::Executing || waiting.is_empty() {
        return None;
    }
    let title = "Stripe's balance doesn't cover all of it. Add funds: what waits is paid by itself then.";
    Some(
        view! {
            <Banner tone=Tone::Warn title=title />
            <dl class="figures" aria-label="What waits for balance">
                <div class="lead">
                    <dt>"Waits for balance"</dt>
                    <dd>{amounts(waiting, "Nothing")}<small>"The other payouts go on"</small></dd>
                </div>
                {needs(waiting, balance)}
            </dl>
        }
        .into_any(),
    )
}

/// What Stripe makes of the payouts that are not paid yet, when it concerns more than one, or all there are.
pub fn troubles(batch: &BatchView, troubles: &[Trouble]) -> Vec<AnyView> {
    if !is_moving(batch.status) {
        return Vec::new();
    }
    let live = left_to_pay(&batch.summary).count;
    let many = troubles.iter().filter(|trouble| trouble.items > 1 || trouble.items == live);
    let told = many.filter_map(|trouble| {
        let why = wait_words(&trouble.code)?;
        let payouts =
            if trouble.items == 1 { "1 payout waits".to_owned() } else { format!("{} payouts wait", trouble.items) };
        let title = format!("{why}: {payouts}, {}.", tries(trouble.tries, trouble.next_try_at));
        Some(view! { <Banner tone=Tone::Warn title=title /> }.into_any())
    });
    told.collect()
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
    let words = progress_words(ended, all);
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

fn progress_words(ended: i64, all: i64) -> String {
    match (ended == all, all) {
        (true, 1) => "The one payout has its outcome".to_owned(),
        (true, _) => format!("All {all} payouts have their outcome"),
        (false, 1) => "The one payout has no outcome yet".to_owned(),
        (false, _) => format!("{ended} of {all} payouts have their outcome"),
    }
}

/// The receipt: each outcome with its number and amounts.
fn outcome(summary: &Summary) -> AnyView {
    let parts = [
        ("Posted", &summary.posted, "On the affiliates' Stripe balances", true),
        ("Failed", &summary.failed, "Stripe said no; see why below", false),
        ("Processing", &summary.processing, "Being sent, or with Stripe", false),
        ("Needs a look", &summary.unresolved, "Nobody knows yet; Purser keeps asking", false),
        ("Pending", &summary.pending, "Not sent yet", false),
        ("Came back", &summary.returned, "Reversed after payment, in part or in whole", false),
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
    let left_out = (summary.skipped.count > 0).then(|| {
        view! { <div><dt>"Left out"</dt><dd>{summary.skipped.count}<small>{left_out_note(summary)}</small></dd></div> }
    });
    view! { <dl class="figures" aria-label="Outcome">{shown}{left_out}</dl> }.into_any()
}

/// What the person may still want to do about those who could not be paid, while others are paid and afterwards.
fn after(batch: &BatchView, may_pay: bool) -> Option<AnyView> {
    let failed = batch.summary.retryable.count;
    if failed == 0 {
        return None;
    }
    let whose = if failed == 1 { "Its" } else { "Their" };
    let then = match batch.status {
        BatchStatus::Paused => "a retry waits here until the batch goes on.",
        BatchStatus::Executing => "retry below, in this batch, or leave it for the next one.",
        _ => "retry below, or leave it for the next batch.",
    };
    let title = format!("{} could not be paid. {whose} money is due again: {then}", counted(failed, "payout"));
    let retry = (may_pay && failed > 1).then(|| {
        view! {
            <form method="post" action="/admin/do/retry-failed">
                <input type="hidden" name="id" value=batch.id.to_string() />
                <button>{format!("Retry all {failed}, {}", plain_amounts(&batch.summary.retryable.amounts))}</button>
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

/// Who is left out: `skipped` are the first of them. Who decided it is in the `history`.
pub fn left_out(batch: &BatchView, skipped: Vec<SkippedView>, names: &Names, history: &[Act]) -> Option<AnyView> {
    if skipped.is_empty() {
        return None;
    }
    let (shown, all) = (i64::try_from(skipped.len()).unwrap_or(i64::MAX), batch.summary.skipped.count);
    let context = match shown < all {
        true => format!(
            "Nothing is lost: what is due stays due. The first {shown} of {all} are shown; the manifest has all."
        ),
        false => "Nothing is lost: what is due stays due.".to_owned(),
    };
    let row = |skipped: SkippedView| {
        let by = batch_history::left_out_by(history, &skipped).map(|entry| by_whom(names, entry));
        skipped_row(skipped, by)
    };
    let rows = skipped.into_iter().map(row).collect();
    Some(
        view! {
            <Section title="Who is left out" context=context>
                <Table caption="Left out of this batch" columns=SKIPPED rows=rows />
            </Section>
        }
        .into_any(),
    )
}

/// `By owner@example.com, 1 November 2026 14:03 UTC`.
fn by_whom(names: &Names, entry: &AuditEntry) -> AnyView {
    view! { <span class="sub">"By "{named_words(names, &entry.actor)}", "{moment(entry.at)}</span> }.into_any()
}

fn skipped_row(skipped: SkippedView, by: Option<AnyView>) -> Vec<AnyView> {
    let sentence = skipped.sentence();
    vec![
        view! {
            <span>
                <a href=format!("/admin/affiliates/{}", skipped.affiliate_id)>{skipped.affiliate_name}</a>
                <span class="sub">{skipped.affiliate_email}</span>
            </span>
        }
        .into_any(),
        view! { <span>{badge(Tone::Quiet, capitalized(skipped.reason.as_str()))}</span><span class="sub">{sentence}</span>{by} }.into_any(),
        amount(Money::new(skipped.amount_minor, skipped.currency)),
    ]
}
