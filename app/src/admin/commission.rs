//! One commission line: its figures, its reason, who moved it and when.

use leptos::prelude::*;
use purser::desk::audit::{self, Names};
use purser::desk::commissions::{self, Commission};
use purser::desk::line_story::{self, LineStory};
use purser::domain::explanation::Reader;
use purser::domain::money::Money;

use super::commission_hold;
use super::sign_rows::signs_section;
use super::words::named_words;
use crate::components::{Crumb, PageHead, Section, amount, calculation, day, id_chip, line_badge, timeline};
use crate::portal::earning::{final_since, sale_lines};
use crate::portal::earnings::{kind_label, when};
use crate::visit::{Visit, page};

const HERE: &str = "/admin/commissions";

pub fn show() -> AnyView {
    page(|visit: Visit| async move {
        let (engine, actor, id) = (&visit.engine, visit.actor()?, visit.id().parse()?);
        let (line, _) = commissions::get(engine, actor, id).await?;
        let story = line_story::of_line(engine, actor, id).await?;
        let holds = commission_hold::section(&visit, &line).await?;
        let names = audit::names(engine, actor).await?;
        Ok(body(&names, &line, &story, holds))
    })
}

fn body(names: &Names, line: &Commission, story: &LineStory, holds: Option<AnyView>) -> AnyView {
    let money = Money::new(line.amount_minor, line.currency);
    let sentences: Vec<AnyView> =
        line.explanation.sentences.iter().map(|text| view! { <li>{text.clone()}</li> }.into_any()).collect();
    let facts = facts(line, money);
    let calculated = line.explanation.figures.as_ref().map(calculation);
    let lines = sale_lines(story, HERE, Some(line));
    let happened = timeline(story, Reader::Company, |by| named_words(names, by));
    let signs = signs_section(&line.signs);
    view! {
        <PageHead
            title=format!("{} of {money}", kind_label(line.kind))
            context=line.reason.clone()
            crumbs=vec![Crumb::new("/admin/commissions", "Commissions"), Crumb::new(format!("/admin/affiliates/{}", line.affiliate), line.affiliate_name.clone())]
            badge=line_badge(line.status)
        />
        <div class="columns">
            <Section title="How it came about">
                <div class="card prose"><ul>{sentences}</ul></div>
                {calculated}
            </Section>
            <Section title="Facts">
                <div class="card">{facts}</div>
            </Section>
        </div>
        {signs}
        {holds}
        {lines}
        <Section title="What happened">
            <div class="card">{happened}</div>
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
            {final_since(line)}
            {line.sale.map(|id| view! { <dt>"Sale"</dt><dd><a href=format!("/admin/sales/{id}")>"What the customer bought"</a></dd> })}
            {line.transfer_id.clone().map(|id| view! { <dt>"Transfer"</dt><dd>{id_chip(id)}</dd> })}
            {line.corrects.map(|id| view! { <dt>"Corrects"</dt><dd><a href=format!("/admin/commissions/{id}")>"The line before"</a></dd> })}
            <dt>"Line"</dt>
            <dd>{id_chip(line.id.to_string())}</dd>
        </dl>
    }
    .into_any()
}
