//! The company's first page: what needs a look, what is owed and paid, and what the last weeks earned.

use chrono::Days;
use leptos::prelude::*;
use purser::config::StripeMode;
use purser::desk::home::{self, Attention, Day, Home, Totals};
use purser::desk::runs;
use purser::domain::currency::Currency;
use purser::domain::money::Money;

use super::runs::failure;
use crate::components::chart::{Bar, Bars};
use crate::components::{Empty, PageHead, Section, Tone, amount, badge, people};
use crate::visit::{Visit, page};

const CHART_DAYS: u64 = 30;

/// How many failed runs are told one by one.
const FAILURES: usize = 3;

/// Where all of them are.
const FAILED_RUNS: &str = "/admin/runs?outcome=failed";

pub fn show() -> AnyView {
    page(|visit: Visit| async move {
        let now = visit.engine.clock.now().await;
        let overview = home::overview(&visit.engine, visit.actor()?, now).await?;
        let failures = runs::standing_failures(visit.actor()?, &visit.engine, FAILURES).await?;
        let failures = failures.into_iter().map(failure).collect();
        let stripe = stripe_state(visit.engine.config.stripe.mode());
        Ok(body(overview, failures, now.date_naive(), stripe))
    })
}

fn body(home: Home, failures: Vec<AnyView>, today: chrono::NaiveDate, stripe: AnyView) -> AnyView {
    let attention = attention(&home.attention, failures);
    let totals: Vec<AnyView> = home.totals.iter().map(figures).collect();
    let charts: Vec<AnyView> = home.totals.iter().map(|totals| chart(totals.currency, &home.days, today)).collect();
    let owed = if totals.is_empty() {
        view! { <Empty title="Nothing earned yet" teaches="When Stripe tells of the first sale through an affiliate's link, what is owed appears here." /> }.into_any()
    } else {
        totals.into_any()
    };
    view! {
        <PageHead title="Home" context="What needs a look, what is owed, and what comes in.">
            <a class="button primary" href="/admin/payouts">"Go to payouts"</a>
        </PageHead>
        <Section title="Needs a look">{attention}</Section>
        <Section title="Owed to affiliates" context=format!("{} in all.", people(home.affiliates))>{owed}</Section>
        {(!charts.is_empty()).then(|| view! { <Section title="Commissions, last 30 days"><div class="columns">{charts}</div></Section> })}
        <Section title="Stripe">{stripe}</Section>
    }
    .into_any()
}

/// One thing to look at: how many, what, where, what to do.
struct Matter {
    count: i64,
    /// For one, and for several.
    what: [&'static str; 2],
    todo: &'static str,
    href: &'static str,
    tone: Tone,
}

fn matter(count: i64, what: [&'static str; 2], todo: &'static str, href: &'static str, tone: Tone) -> Matter {
    Matter { count, what, todo, href, tone }
}

fn matters(of: &Attention) -> Vec<Matter> {
    let mut all = matters_of_payouts(of);
    all.extend(matters_of_sales(of));
    all
}

fn matters_of_payouts(of: &Attention) -> Vec<Matter> {
    vec![
        matter(
            of.unresolved_items,
            ["payout whose outcome nobody knows yet", "payouts whose outcome nobody knows yet"],
            "Purser keeps asking Stripe; nothing is paid twice. Look if one stays.",
            "/admin/payout-items?status=unresolved",
            Tone::Warn,
        ),
        matter(
            of.failed_items,
            ["failed payout", "failed payouts"],
            "Their money waits: see why, then retry or leave it for the next batch.",
            "/admin/payout-items?status=failed",
            Tone::Bad,
        ),
        matter(
            of.paused_batches,
            ["paused batch", "paused batches"],
            "When the Stripe balance was short, add funds, and it goes on by itself. One that an admin stopped waits for an admin.",
            "/admin/payouts?status=paused",
            Tone::Warn,
        ),
        matter(
            of.failed_runs,
            ["scheduled or started run that failed", "scheduled or started runs that failed"],
            "Read why. A slot of the schedule is begun again by itself.",
            FAILED_RUNS,
            Tone::Bad,
        ),
        matter(
            of.failed_bank_payouts,
            ["bank payout that failed at an affiliate's end", "bank payouts that failed at affiliates' ends"],
            "The money is on their Stripe balance. They were told; nothing is due again here.",
            "/admin/bank-payouts",
            Tone::Warn,
        ),
        matter(
            of.draft_batches,
            ["batch waiting for your review", "batches waiting for your review"],
            "Nothing moves until you confirm.",
            "/admin/payouts?status=draft",
            Tone::Info,
        ),
        matter(
            of.approved_batches,
            ["approved batch that isn't paid yet", "approved batches that aren't paid yet"],
            "Nothing moves until somebody pays it.",
            "/admin/payouts?status=approved",
            Tone::Info,
        ),
    ]
}

fn matters_of_sales(of: &Attention) -> Vec<Matter> {
    vec![
        matter(
            of.open_holds,
            ["hold to decide", "holds to decide"],
            "Held commissions are neither paid nor lost until somebody decides.",
            "/admin/holds",
            Tone::Warn,
        ),
        matter(
            of.open_claims,
            ["claim to answer", "claims to answer"],
            "An affiliate misses a purchase: credit it, or say why not.",
            "/admin/claims",
            Tone::Info,
        ),
        matter(
            of.failed_events,
            ["webhook event that failed", "webhook events that failed"],
            "Read the error, then replay them.",
            "/admin/webhook-events?status=failed",
            Tone::Bad,
        ),
        matter(
            of.parked_events,
            ["webhook event that waits for another", "webhook events that wait for another"],
            "They are taken up when what they refer to arrives.",
            "/admin/webhook-events?status=parked",
            Tone::Quiet,
        ),
        matter(
            of.waiting_refunds,
            ["refund whose sale never came", "refunds whose sale never came"],
            "They have waited for more than a day: see which payment they belong to.",
            "/admin/parked-refunds",
            Tone::Warn,
        ),
        matter(
            of.unattributed_sales,
            ["sale credited to nobody", "sales credited to nobody"],
            "Each says why.",
            "/admin/sales?attributed=false",
            Tone::Quiet,
        ),
        matter(
            of.failed_mails,
            ["mail that could not be sent", "mails that could not be sent"],
            "Check the mail server.",
            "/admin/mail",
            Tone::Bad,
        ),
    ]
}

fn attention(of: &Attention, mut failures: Vec<AnyView>) -> AnyView {
    let steps: Vec<AnyView> = matters(of)
        .into_iter()
        .filter(|matter| matter.count > 0)
        .map(|matter| {
            let each = if matter.href == FAILED_RUNS { std::mem::take(&mut failures) } else { Vec::new() };
            view! {
                <li>
                    <div>
                        <strong><a href=matter.href>{format!("{} {}", matter.count, matter.what[usize::from(matter.count != 1)])}</a></strong>
                        <p>{matter.todo}</p>
                        {each}
                    </div>
                    {badge(matter.tone, if matter.tone == Tone::Bad { "Act" } else { "Look" })}
                </li>
            }
            .into_any()
        })
        .collect();
    if steps.is_empty() {
        return view! { <p class="hint">"Nothing: every event was taken in and every payout went through."</p> }
            .into_any();
    }
    view! { <ul class="steps">{steps}</ul> }.into_any()
}

fn figures(totals: &Totals) -> AnyView {
    let shown = |minor| amount(Money::new(minor, totals.currency));
    view! {
        <dl class="figures">
            <div class="lead"><dt>"Available"</dt><dd>{shown(totals.available_minor)}<small>"Due in the next payouts"</small></dd></div>
            <div><dt>"Pending"</dt><dd>{shown(totals.pending_minor)}<small>"In the refund window"</small></dd></div>
            <div><dt>"On hold"</dt><dd>{shown(totals.held_minor)}<small>"Waits for a decision"</small></dd></div>
            <div><dt>"In transit"</dt><dd>{shown(totals.in_transit_minor)}<small>"In a batch now"</small></dd></div>
            <div><dt>"Paid"</dt><dd>{shown(totals.paid_minor)}<small>"In all"</small></dd></div>
        </dl>
    }
    .into_any()
}

/// Thirty days as six bars, so that each has room for its name on a phone.
fn chart(currency: Currency, days: &[Day], today: chrono::NaiveDate) -> AnyView {
    const DAYS_PER_BAR: u64 = 5;
    let bars = (0..CHART_DAYS / DAYS_PER_BAR)
        .rev()
        .filter_map(|index| {
            let until = today.checked_sub_days(Days::new(index * DAYS_PER_BAR))?;
            let from = until.checked_sub_days(Days::new(DAYS_PER_BAR - 1))?;
            let earned = days.iter().filter(|day| day.currency == currency && day.day >= from && day.day <= until);
            let amount_minor = earned.fold(0_i64, |sum, day| sum.saturating_add(day.earned_minor));
            Some(Bar { name: from.format("%-d %b").to_string(), amount_minor })
        })
        .collect();
    let title = format!("Commissions in {}, five days a bar", currency.code());
    view! { <div class="card"><Bars title=title currency=currency bars=bars /></div> }.into_any()
}

fn stripe_state(mode: Option<StripeMode>) -> AnyView {
    let (state, text) = match mode {
        Some(StripeMode::Live) => (badge(Tone::Good, "Connected"), "Sales and payouts use your live Stripe account."),
        Some(StripeMode::Test) => {
            (badge(Tone::Warn, "Test mode"), "The key is a test key: purchases and payouts move no real money.")
        }
        None => (
            badge(Tone::Bad, "Not connected"),
            "Set STRIPE_SECRET_KEY and STRIPE_WEBHOOK_SECRETS and restart. Until then no sale comes in and nothing can be paid.",
        ),
    };
    view! { <div class="card"><p>{state}" "{text}</p></div> }.into_any()
}
