//! One line of the affiliate's: the amount, the reason in sentences, what its sale came to with all its lines, and what
//! happened to them.

use leptos::prelude::*;
use purser::desk::commissions::Commission;
use purser::desk::line_story::{self, LineStory};
use purser::desk::{me, payout_waits};
use purser::domain::explanation::Reader;
use purser::domain::line::LineStatus;
use purser::domain::money::Money;

use super::earnings::kind_label;
use super::waits::next_of;
use crate::components::{
    Column, Crumb, PageHead, Section, Table, amount, amounts, calculation, day, id_chip, line_badge, timeline,
};
use crate::visit::{Visit, page};

const LINES: &[Column] = &[
    Column::text("Date"),
    Column::text("What"),
    Column::text("Status"),
    Column::wrap("Why"),
    Column::amount("Amount"),
];

pub fn show() -> AnyView {
    page(|visit: Visit| async move {
        let (engine, actor, id) = (&visit.engine, visit.actor()?, visit.id().parse()?);
        let (line, _) = me::earning(engine, actor, id).await?;
        let story = line_story::mine(engine, actor, id).await?;
        let next = next_of(&line, &payout_waits::mine(engine, actor).await?);
        Ok(body(&line, &story, next))
    })
}

fn body(line: &Commission, story: &LineStory, next: AnyView) -> AnyView {
    let money = Money::new(line.amount_minor, line.currency);
    let title = format!("{} of {money}", kind_label(line.kind));
    let sentences: Vec<AnyView> =
        line.explanation.sentences.iter().map(|text| view! { <li>{text.clone()}</li> }.into_any()).collect();
    let facts = facts(line, money, next);
    let calculated = line.explanation.figures.as_ref().map(calculation);
    let lines = sale_lines(story, "/earnings", Some(line));
    let happened = timeline(story, Reader::Affiliate, str::to_owned);
    view! {
        <PageHead title=title context=line.reason.clone() crumbs=vec![Crumb::new("/earnings", "Earnings")] badge=line_badge(line.status) />
        <div class="columns">
            <Section title="How it came about">
                <div class="card prose"><ul>{sentences}</ul></div>
                {calculated}
            </Section>
            <Section title="Facts">
                <div class="card">{facts}</div>
            </Section>
        </div>
        {lines}
        <Section title="What happened">
            <div class="card">{happened}</div>
        </Section>
    }
    .into_any()
}

/// All lines of the sale and what they come to; nothing when there is only one. `here` is where lines have their pages.
pub fn sale_lines(story: &LineStory, here: &'static str, this: Option<&Commission>) -> Option<AnyView> {
    if story.lines.len() < 2 {
        return None;
    }
    let rows = story.lines.iter().map(|line| sale_line(line, here, this)).collect();
    let cancelled = story.lines.iter().any(|line| line.status == LineStatus::Cancelled);
    let context = if cancelled { "Cancelled lines don't count." } else { "" };
    let totals = vec!["Net".into_any(), ().into_any(), ().into_any(), ().into_any(), amounts(&story.net, "0.00")];
    Some(
        view! {
            <Section title="What the sale earns" context=context>
                <Table caption="Lines of the sale" columns=LINES rows=rows totals=totals />
            </Section>
        }
        .into_any(),
    )
}

fn sale_line(line: &Commission, here: &'static str, this: Option<&Commission>) -> Vec<AnyView> {
    let kind = kind_label(line.kind);
    let what = if this.is_some_and(|this| this.id == line.id) {
        view! { <strong>{kind}", this line"</strong> }.into_any()
    } else {
        view! { <a href=format!("{here}/{}", line.id)>{kind}</a> }.into_any()
    };
    vec![
        day(line.created_at),
        what,
        line_badge(line.status),
        line.reason.clone().into_any(),
        amount(Money::new(line.amount_minor, line.currency)),
    ]
}

/// Since when the line's amount can't change, and with which period it became so.
pub fn final_since(line: &Commission) -> Option<AnyView> {
    let at = line.finalized_at?;
    let with =
        line.finalized_with.map(|period| view! { <span class="sub">{format!("with {}", period.label())}</span> });
    Some(view! { <dt>"Final since"</dt><dd>{day(at)}{with}</dd> }.into_any())
}

fn facts(line: &Commission, money: Money, next: AnyView) -> AnyView {
    view! {
        <dl class="facts">
            <dt>"Amount"</dt>
            <dd>{amount(money)}</dd>
            <dt>"Program"</dt>
            <dd>{line.program_name.clone()}</dd>
            {line.sale_paid_at.map(|at| view! { <dt>"Customer paid on"</dt><dd>{day(at)}</dd> })}
            <dt>"Credited on"</dt>
            <dd>{day(line.created_at)}</dd>
            <dt>"Next"</dt>
            <dd>{next}</dd>
            {final_since(line)}
            {line.transfer_id.clone().map(|id| view! { <dt>"Transfer"</dt><dd>{id_chip(id)}</dd> })}
            {line.corrects.map(|id| view! { <dt>"Corrects"</dt><dd><a href=format!("/earnings/{id}")>"The line before"</a></dd> })}
            <dt>"Line"</dt>
            <dd>{id_chip(line.id.to_string())}</dd>
        </dl>
    }
    .into_any()
}
