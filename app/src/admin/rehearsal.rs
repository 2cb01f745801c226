//! One rehearsal: how its payouts ended, the proof that none was paid twice, and each payout by itself.

use leptos::prelude::*;
use purser::desk::rehearsals::{self, Ending, Rehearsal};
use purser::domain::batch::ItemStatus;
use purser::domain::currency::Currency;
use purser::domain::money::Money;
use purser::rehearsal::{Ended, Outcome, Report, Statement};

use super::rail_words::error_words;
use super::rehearsals::standing;
use crate::components::{Banner, Column, Crumb, PageHead, Section, Table, Tone, amount, badge, id_chip, item_badge};
use crate::islands::Live;
use crate::visit::{Visit, page};

/// Rows of single payouts on the page; `purser rehearse --each` lists all.
const SHOWN: usize = 250;

const ENDINGS: &[Column] = &[
    Column::text("Ended"),
    Column::wrap("Why"),
    Column::number("Payouts"),
    Column::number("Calls"),
    Column::amount("Amount"),
];
const EACH: &[Column] = &[
    Column::text("Affiliate"),
    Column::text("Ended"),
    Column::text("Transfer"),
    Column::number("Calls"),
    Column::wrap("What happened"),
    Column::amount("Amount"),
];

pub fn show() -> AnyView {
    page(|visit: Visit| async move {
        let rehearsal = rehearsals::get(&visit.engine, visit.actor()?, visit.id().parse()?).await?;
        let under_way = matches!(rehearsal.ending, Ending::UnderWay);
        let refresh = under_way.then(|| view! { <noscript><meta http-equiv="refresh" content="3" /></noscript> });
        let live = under_way.then(|| {
            let version_from = format!("/admin/live/rehearsals/{}", rehearsal.id);
            view! { <Live part="rehearsal".to_owned() version_from=version_from every_ms=1500 /> }
        });
        Ok(view! {
            {refresh}
            <div id="rehearsal">
                <div class="stack" data-done=(!under_way).then_some("")>{body(&rehearsal)}</div>
            </div>
            {live}
        }
        .into_any())
    })
}

fn body(rehearsal: &Rehearsal) -> AnyView {
    let title = format!("Rehearsal of {} payouts", rehearsal.items);
    let context = format!("{} to kill on the way. Seed {}.", workers(rehearsal.kills), rehearsal.seed);
    let told = match &rehearsal.ending {
        Ending::UnderWay => {
            let title = "It is being played: 200 payouts take about a minute. You may leave this page.";
            view! { <Banner tone=Tone::Info title=title /> }.into_any()
        }
        Ending::Failed(why) => {
            view! { <Banner tone=Tone::Warn title=format!("It did not come to its end: {why}.") /> }.into_any()
        }
        Ending::Played { report: Some(report), .. } => report_view(report),
        Ending::Played { report: None, .. } => {
            view! { <Banner tone=Tone::Warn title="Its report was kept by another version and can't be read." /> }
                .into_any()
        }
    };
    view! {
        <PageHead title=title context=context crumbs=vec![Crumb::new("/admin/rehearsals", "Rehearsals")] badge=standing(&rehearsal.ending) />
        {told}
    }
    .into_any()
}

fn workers(count: i32) -> String {
    if count == 1 { "1 worker".to_owned() } else { format!("{count} workers") }
}

fn report_view(report: &Report) -> AnyView {
    let struck: Vec<String> = report.faults_struck.iter().map(|(fault, times)| format!("{fault} {times} ×")).collect();
    let struck = if struck.is_empty() { "none".to_owned() } else { struck.join(", ") };
    let killed = if report.kills == 1 { "1 worker was".to_owned() } else { format!("{} workers were", report.kills) };
    let context = format!("Played in {} s; {killed} killed. Faults: {struck}.", report.seconds);
    let endings = report.by_ending().iter().map(ending_row).collect();
    let proof: Vec<AnyView> = report.proof.statements.iter().map(statement).collect();
    let transfers = format!("The sandbox has {} transfers in its books.", report.proof.transfers);
    // What went wrong on the way is what a reader looks for.
    let mut outcomes: Vec<&Outcome> = report.proof.outcomes.iter().collect();
    outcomes.sort_by_key(|outcome| (outcome.status == ItemStatus::Posted, std::cmp::Reverse(outcome.attempts)));
    let more = outcomes.len().saturating_sub(SHOWN);
    let more = (more > 0)
        .then(|| view! { <p class="hint">{format!("and {more} more, all posted or shown in the sums above")}</p> });
    let rows = outcomes.into_iter().take(SHOWN).map(outcome_row).collect();
    view! {
        <Section title="How the payouts ended" context=context>
            <Table caption="Payouts by the way they ended" columns=ENDINGS rows=endings />
        </Section>
        <Section title="The proof" context=transfers>
            <ul class="steps">{proof}</ul>
        </Section>
        <Section title="Each payout" context="Those that needed the most calls first.">
            <Table caption="Every payout and how it ended" columns=EACH rows=rows />
            {more}
        </Section>
    }
    .into_any()
}

fn ending_row(ended: &Ended) -> Vec<AnyView> {
    let why = ended.error_code.as_deref().map(reason).unwrap_or_else(|| "Paid".into_any());
    vec![
        item_badge(ended.status),
        why,
        ended.count.into_any(),
        ended.attempts.into_any(),
        amount(Money::new(ended.amount_minor, Currency::USD)),
    ]
}

fn reason(code: &str) -> AnyView {
    let (why, _) = error_words(Some(code), None);
    view! { <span>{why}" "<code>{code.to_owned()}</code></span> }.into_any()
}

fn statement(statement: &Statement) -> AnyView {
    let standing = if statement.holds { badge(Tone::Good, "Holds") } else { badge(Tone::Bad, "Broken") };
    let mut sentence = statement.sentence.clone();
    if let Some(first) = sentence.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    view! {
        <li>
            <div>
                <strong>{sentence}</strong>
                {statement.against.clone().map(|against| view! { <p>{against}</p> })}
            </div>
            {standing}
        </li>
    }
    .into_any()
}

fn outcome_row(outcome: &Outcome) -> Vec<AnyView> {
    let transfer = match outcome.transfer_id.clone() {
        Some(id) => id_chip(id),
        None => view! { <span class="hint">"None"</span> }.into_any(),
    };
    let happened = match (outcome.error_code.as_deref(), &outcome.retried_by) {
        (Some(code), None) if outcome.status != ItemStatus::Posted => reason(code),
        (Some(code), Some(_)) => {
            view! { {reason(code)} <span class="sub">"Another payout took its place"</span> }.into_any()
        }
        _ if outcome.attempts > 1 => "The same call was repeated with the same key; paid once".into_any(),
        _ => "Paid at the first call".into_any(),
    };
    vec![
        outcome.affiliate.clone().into_any(),
        item_badge(outcome.status),
        transfer,
        outcome.attempts.into_any(),
        happened,
        amount(outcome.amount),
    ]
}
