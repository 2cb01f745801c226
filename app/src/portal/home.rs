//! The affiliate's first page: what is earned and where it is, the link to share, what to do next, and the newest lines.

use leptos::prelude::*;
use purser::desk::me::{self, Me, MyProgram, Stats};
use purser::desk::payout_waits::{self, PayoutWait, PayoutWaits};
use purser::desk::zero_earnings::{self, Earning};
use purser::desk::{PageRequest, debts};
use purser::domain::money::Money;

use super::debt;
use super::earnings::earnings_table;
use super::waits;
use crate::components::{Alarm, CopyField, Empty, PageHead, Section, amount_with_alarm};
use crate::islands::Live;
use crate::visit::{Visit, page};

const NEWEST: i64 = 8;

pub fn show() -> AnyView {
    page(|visit: Visit| async move {
        let actor = visit.actor()?;
        let me = me::overview(&visit.engine, actor).await?;
        let newest = PageRequest::new(Some(NEWEST), None)?;
        let lines = zero_earnings::among_lines(&visit.engine, actor, None, &newest).await?.data;
        let next = super::payment_method::next_step(&visit).await?;
        let owed = debt::debts(debts::mine(&visit.engine, actor).await?);
        let waits = payout_waits::mine(&visit.engine, actor).await?;
        Ok(body(me, lines, (next, owed), &waits))
    })
}

fn body(me: Me, lines: Vec<Earning>, (next, owed): (Option<AnyView>, AnyView), waits: &PayoutWaits) -> AnyView {
    let first_name = me.name.split(' ').next().unwrap_or_default().to_owned();
    let programs: Vec<AnyView> = me.programs.iter().map(|one| program(one, waits)).collect();
    let links: Vec<AnyView> = me.programs.iter().filter_map(link).collect();
    view! {
        <PageHead title=format!("Hello, {first_name}") context="What you earned, where it is, and what comes next." />
        {next}
        <div id="now" class="stack">
            {if programs.is_empty() { no_program() } else { programs.into_any() }}
            {owed}
            {(!links.is_empty()).then(|| view! {
                <Section title="Your links" context="Whoever buys after opening one is credited to you.">
                    <div class="card">{links}</div>
                </Section>
            })}
            {newest(lines, waits)}
        </div>
        <Live part="now".to_owned() version_from="/live/earnings".to_owned() every_ms=1000 />
    }
    .into_any()
}

fn program(program: &MyProgram, waits: &PayoutWaits) -> AnyView {
    let wait = |stats: &Stats| waits.of(program.program, stats.currency);
    let figures: Vec<AnyView> = program.stats.by_currency.iter().map(|stats| balances(stats, wait(stats))).collect();
    let reach = format!(
        "{} visits, {} sales credited so far.",
        program.stats.main.clicks,
        program.stats.by_currency.iter().map(|stats| stats.conversions).sum::<i64>()
    );
    view! { <Section title=program.program_name.clone() context=reach>{figures}</Section> }.into_any()
}

/// The way of the money, left to right: earned, waiting, available, on its way, paid.
fn balances(stats: &Stats, wait: Option<PayoutWait>) -> AnyView {
    let shown = |minor| amount_with_alarm(Money::new(minor, stats.currency), Alarm::WhenNegative);
    let available_note = available_words(stats, wait);
    view! {
        <dl class="figures">
            <div class="lead">
                <dt>"Available"</dt>
                <dd>{shown(stats.available_for_payout_minor)}<small>{available_note}</small></dd>
            </div>
            <div>
                <dt>"Pending"</dt>
                <dd>{shown(stats.pending_commission_minor)}<small>"In the refund window"</small></dd>
            </div>
            <div>
                <dt>"On hold"</dt>
                <dd>{shown(stats.held_commission_minor)}<small>"Being looked at"</small></dd>
            </div>
            <div>
                <dt>"In transit"</dt>
                <dd>{shown(stats.in_transit_minor)}<small>"In a payout now"</small></dd>
            </div>
            <div>
                <dt>"Paid"</dt>
                <dd>{shown(stats.paid_commission_minor)}<small>"Since you joined"</small></dd>
            </div>
        </dl>
    }
    .into_any()
}

/// What becomes of the available amount, and what is missing until it is paid.
fn available_words(stats: &Stats, wait: Option<PayoutWait>) -> AnyView {
    let minimum = Money::new(stats.min_payout_minor, stats.currency);
    match (stats.available_for_payout_minor, stats.missing()) {
        (..0, _) => "Netted off your next payout".into_any(),
        (0, _) if minimum.amount_minor > 1 => format!("Paid from {minimum} on").into_any(),
        (_, Some(missing)) => format!("{missing} more until it is paid, from {minimum} on").into_any(),
        (1.., _) => wait.map_or_else(|| "Goes into the next payout".into_any(), waits::words),
        _ => "Goes into the next payout".into_any(),
    }
}

fn link(program: &MyProgram) -> Option<AnyView> {
    let url = program.referral_url.clone()?;
    let name = format!("link-{}", program.program_slug);
    let coupons = (!program.coupons.is_empty()).then(|| {
        let codes = program.coupons.join(", ").to_uppercase();
        view! { <p class="hint">{format!("Coupons that are credited to you as well: {codes}")}</p> }
    });
    Some(
        view! {
            <div>
                <CopyField label=program.program_name.clone() name=name value=url />
                {coupons}
            </div>
        }
        .into_any(),
    )
}

fn newest(lines: Vec<Earning>, waits: &PayoutWaits) -> AnyView {
    if lines.is_empty() {
        return view! {
            <Empty
                title="No earnings yet"
                teaches="Share your link. When somebody buys after opening it, the commission appears here within seconds, with the reason for its amount."
            />
        }
        .into_any();
    }
    view! {
        <section class="section">
            <header>
                <h2>"Newest earnings"</h2>
                <a href="/earnings">"All earnings"</a>
            </header>
            {earnings_table(lines, waits)}
        </section>
    }
    .into_any()
}

fn no_program() -> AnyView {
    view! { <Empty title="You are in no program yet" teaches="The company adds you to a program; your link and your earnings then appear here." /> }
        .into_any()
}
