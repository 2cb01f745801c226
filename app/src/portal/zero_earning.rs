//! One of the affiliate's sales that earns nothing: why, in sentences and as a calculation.

use leptos::prelude::*;
use purser::desk::zero_earnings::{self, ZeroEarning};
use purser::domain::money::Money;

use crate::components::{Crumb, PageHead, Section, Tone, amount, badge, calculation, day, id_chip};
use crate::visit::{Visit, page};

pub fn show() -> AnyView {
    page(|visit: Visit| async move {
        let one = zero_earnings::my_own(&visit.engine, visit.actor()?, visit.id().parse()?).await?;
        Ok(body(&one))
    })
}

fn body(one: &ZeroEarning) -> AnyView {
    let sentences: Vec<AnyView> =
        one.explanation.sentences.iter().map(|text| view! { <li>{text.clone()}</li> }.into_any()).collect();
    let facts = facts(one);
    let calculated = one.explanation.figures.as_ref().map(calculation);
    view! {
        <PageHead title="A sale that earns nothing" context=one.reason.clone() crumbs=vec![Crumb::new("/earnings", "Earnings")] badge=nothing_badge() />
        <div class="columns">
            <Section title="How it came about">
                <div class="card prose"><ul>{sentences}</ul></div>
                {calculated}
            </Section>
            <Section title="Facts">
                <div class="card">{facts}</div>
            </Section>
        </div>
        <p class="hint">"It is worked out again whenever something about the sale changes. If it earns something then, a commission takes its place under Earnings."</p>
    }
    .into_any()
}

fn facts(one: &ZeroEarning) -> AnyView {
    view! {
        <dl class="facts">
            <dt>"Amount"</dt>
            <dd>{amount(Money::new(one.amount_minor, one.currency))}</dd>
            <dt>"Program"</dt>
            <dd>{one.program_name.clone()}</dd>
            {one.sale_paid_at.map(|at| view! { <dt>"Customer paid on"</dt><dd>{day(at)}</dd> })}
            <dt>"Credited on"</dt>
            <dd>{day(one.created_at)}</dd>
            <dt>"Sale"</dt>
            <dd>{id_chip(one.sale.to_string())}</dd>
        </dl>
    }
    .into_any()
}

/// What stands where a line has its status.
pub fn nothing_badge() -> AnyView {
    badge(Tone::Quiet, "Earns nothing")
}
