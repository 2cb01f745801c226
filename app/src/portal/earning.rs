//! One line of the affiliate's: the amount, the reason in sentences, and each step on its way.

use leptos::prelude::*;
use purser::desk::commissions::{Commission, HistoryStep};
use purser::desk::me;
use purser::domain::money::Money;

use super::earnings::{kind_label, when};
use crate::components::{
    Column, Crumb, PageHead, Section, Table, Tone, amount, badge, calculation, day, id_chip, line_badge, moment,
};
use crate::visit::{Visit, page};

const STEPS: &[Column] = &[Column::text("When"), Column::text("Became"), Column::wrap("Why"), Column::text("By")];

pub fn show() -> AnyView {
    page(|visit: Visit| async move {
        let (line, steps) = me::earning(&visit.engine, visit.actor()?, visit.id().parse()?).await?;
        Ok(body(&line, steps))
    })
}

fn body(line: &Commission, steps: Vec<HistoryStep>) -> AnyView {
    let money = Money::new(line.amount_minor, line.currency);
    let title = format!("{} of {money}", kind_label(line.kind));
    let sentences: Vec<AnyView> =
        line.explanation.sentences.iter().map(|text| view! { <li>{text.clone()}</li> }.into_any()).collect();
    let facts = facts(line, money);
    let calculated = line.explanation.figures.as_ref().map(calculation);
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
        <Section title="Its way so far">
            <Table caption="Steps of this line" columns=STEPS rows=steps.into_iter().map(step).collect() />
        </Section>
    }
    .into_any()
}

fn facts(line: &Commission, money: Money) -> AnyView {
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
            <dd>{when(line)}</dd>
            {line.transfer_id.clone().map(|id| view! { <dt>"Transfer"</dt><dd>{id_chip(id)}</dd> })}
            {line.corrects.map(|id| view! { <dt>"Corrects"</dt><dd><a href=format!("/earnings/{id}")>"The line before"</a></dd> })}
            <dt>"Line"</dt>
            <dd>{id_chip(line.id.to_string())}</dd>
        </dl>
    }
    .into_any()
}

fn step(step: HistoryStep) -> Vec<AnyView> {
    vec![
        moment(step.at),
        step.from.map_or_else(|| badge(Tone::Quiet, step.to.label()), |_| line_badge(step.to)),
        step.why.into_any(),
        step.by.into_any(),
    ]
}
