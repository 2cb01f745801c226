//! Parts of a batch's page: what may be done now with the consequence on the button, the figures before and after, the progress,
//! and who is left out.

use leptos::prelude::*;
use purser::domain::batch::BatchStatus;
use purser::domain::money::Money;
use purser::store::batch_views::{BatchView, SkippedView, Summary, Tally};
use purser::store::payout_calls::Trouble;

use super::rail_words::{tries, wait_words};
use super::words::capitalized;
use crate::components::{Banner, Column, Section, Table, Tone, amount, amounts, badge, plain_amounts};

/// Paused until Stripe's balance suffices.
const SHORT: &str = "balance_insufficient";

const SKIPPED: &[Column] = &[Column::text("Affiliate"), Column::wrap("Why"), Column::amount("Amount")];

/// Whether it changes by itself: a paused batch may go on when Stripe's balance is topped up.
pub fn is_moving(status: BatchStatus) -> bool {
    matches!(status, BatchStatus::Executing | BatchStatus::Paused)
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
                format!("Go on: pay {}, {}", people_more(left.count), plain_amounts(&left.amounts)),
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

fn people_more(count: i64) -> String {
    if count == 1 { "1 more affiliate".to_owned() } else { format!("{count} more affiliates") }
}

fn left_to_pay(summary: &Summary) -> Tally {
    let count = summary.pending.count + summary.processing.count + summary.unresolved.count;
    let parts = [&summary.pending, &summary.processing, &summary.unresolved];
    Tally { count, amounts: crate::components::sums(parts.iter().flat_map(|tally| tally.amounts.iter().copied())) }
}

/// The figures that matter in the batch's state.
pub fn state(batch: &BatchView, balance: &Balance, may_pay: bool) -> AnyView {
    match batch.status {
        BatchStatus::Draft | BatchStatus::Approved => review(batch, balance),
        BatchStatus::Cancelled => cancelled(batch),
        _ => view! { {paused(batch, balance)}{progress(batch)}{outcome(&batch.summary)}{after(batch, may_pay)} }
            .into_any(),
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
fn cancelled(batch: &BatchView) -> AnyView {
    view! {
        <dl class="figures">
            <div class="lead">
                <dt>"Not paid"</dt>
                <dd>{amounts(&batch.totals, "Nothing")}<small>{format!("To {}; it is due again", people(batch.summary.pending.count))}</small></dd>
            </div>
        </dl>
    }
    .into_any()
}

/// What will happen: need beside what Stripe has.
fn review(batch: &BatchView, balance: &Balance) -> AnyView {
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
fn paused(batch: &BatchView, balance: &Balance) -> Option<AnyView> {
    let reason = batch.paused_reason.clone().filter(|_| batch.status == BatchStatus::Paused)?;
    let left = left_to_pay(&batch.summary);
    let figures = (batch.paused_code.as_deref() == Some(SHORT)).then(|| {
        view! {
            <dl class="figures" aria-label="What is still needed">
                <div class="lead">
                    <dt>"Still to pay"</dt>
                    <dd>{amounts(&left.amounts, "Nothing")}<small>{format!("To {}", people(left.count))}</small></dd>
                </div>
                {needs(&left.amounts, balance)}
            </dl>
        }
    });
    Some(view! { <Banner tone=Tone::Warn title=reason />{figures} }.into_any())
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
        ("Left out", &summary.skipped, "Listed below with the reason", false),
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
    let failed = batch.summary.retryable.count;
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

/// Who is left out: `skipped` are the first of them.
pub fn left_out(batch: &BatchView, skipped: Vec<SkippedView>) -> Option<AnyView> {
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
    let rows = skipped.into_iter().map(skipped_row).collect();
    Some(
        view! {
            <Section title="Who is left out" context=context>
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
