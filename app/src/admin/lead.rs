//! One lead: whose it is, and setting its customer id. Before past payments are credited, the page shows each of them with
//! what it would earn.

use leptos::prelude::*;
use purser::desk::Error;
use purser::desk::leads::{self, Lead, LeadPatch, PastPayment, PastPayments, Retroactive};
use purser::domain::actor::Permission;
use purser::domain::ids::LeadId;
use purser::domain::money::Money;

use super::leads::source_word;
use crate::components::{
    Column, Crumb, Empty, Field, PageHead, Section, Table, amount, amounts, barred, day, id_chip, moment, sums,
};
use crate::visit::{Shown, Visit, page};

const PAST: &[Column] = &[
    Column::text("When"),
    Column::text("Sale"),
    Column::wrap("What becomes of it"),
    Column::number("Paid"),
    Column::amount("Commission"),
];

pub fn show() -> AnyView {
    page(|visit: Visit| async move { body(&visit).await })
}

async fn body(visit: &Visit) -> Shown {
    let id: LeadId = visit.id().parse()?;
    let lead = leads::get(&visit.engine, visit.actor()?, id).await?;
    let title = lead.email.clone().or(lead.stripe_customer_id.clone()).unwrap_or_else(|| "Lead".to_owned());
    let context = format!("What this person buys is credited to {}.", lead.affiliate_name);
    let facts = facts(&lead);
    let customer = if visit.may(Permission::Write) { customer(visit, &lead).await? } else { barred("change leads") };
    Ok(view! {
        <PageHead title=title context=context crumbs=vec![Crumb::new("/admin/leads", "Leads")] />
        {facts}
        <Section title="Customer at Stripe" context="It ties payments to the affiliate even under another e-mail address.">{customer}</Section>
    }
    .into_any())
}

fn facts(lead: &Lead) -> AnyView {
    let since = lead.customer_id_set_at.map(|at| view! { <dt>"Customer id since"</dt><dd>{moment(at)}</dd> });
    view! {
        <div class="card">
            <dl class="facts">
                <dt>"Affiliate"</dt>
                <dd><a href=format!("/admin/affiliates/{}", lead.affiliate)>{lead.affiliate_name.clone()}</a></dd>
                {lead.email.clone().map(|email| view! { <dt>"E-mail"</dt><dd>{email}</dd> })}
                {lead.stripe_customer_id.clone().map(|id| view! { <dt>"Customer"</dt><dd>{id_chip(id)}</dd> })}
                {since}
                <dt>"Known from"</dt>
                <dd>{source_word(&lead.source)}</dd>
                <dt>"Entered"</dt>
                <dd>{day(lead.created_at)}</dd>
            </dl>
        </div>
    }
    .into_any()
}

/// The form that asks for a customer id, and under it what setting it would do.
async fn customer(visit: &Visit, lead: &Lead) -> Result<AnyView, Error> {
    let asked = visit.query("customer");
    let given = asked.clone().or_else(|| lead.stripe_customer_id.clone());
    let looked = match &asked {
        Some(customer) => Some(preview(visit, lead, customer).await),
        None => None,
    };
    let (shown, error) = match looked {
        Some(Ok(shown)) => (Some(shown), None),
        Some(Err(error)) if error.is_our_fault() => return Err(error),
        Some(Err(error)) => (None, Some(error.to_string())),
        None => (None, visit.error_of("stripe_customer_id")),
    };
    Ok(view! {
        <form class="form" method="get">
            <Field label="Customer id" name="customer" autocomplete="off" value=given.unwrap_or_default() error=error hint="Stripe's id of the customer, which starts with cus_. You see what it does before anything is changed." />
            <div class="actions"><button>"See what it does"</button></div>
        </form>
        {shown}
    }
    .into_any())
}

async fn preview(visit: &Visit, lead: &Lead, customer: &str) -> Result<AnyView, Error> {
    let patch = LeadPatch { stripe_customer_id: Some(Some(customer.to_owned())), ..LeadPatch::default() };
    let now = visit.engine.clock.now().await;
    let asked = Some(Retroactive::Preview);
    let changed = leads::update(&visit.engine, visit.actor()?, now, lead.id, patch, asked).await?;
    let Some(past) = changed.retroactive else { return Ok(().into_any()) };
    let is_new = lead.stripe_customer_id.as_deref() != Some(customer);
    Ok(outcome(lead, customer, is_new, past))
}

fn outcome(lead: &Lead, customer: &str, is_new: bool, past: PastPayments) -> AnyView {
    let earned = sums(past.commissions.iter().copied());
    let words: Vec<String> = past.commissions.iter().map(Money::to_string).collect();
    let credit = (past.credited > 0).then(|| {
        let payments =
            if past.credited == 1 { "1 past payment".to_owned() } else { format!("{} past payments", past.credited) };
        let text = format!("Credit {payments} too: {} to {}", words.join(" and "), lead.affiliate_name);
        button(lead.id, customer, "apply", text, true)
    });
    let future =
        is_new.then(|| button(lead.id, customer, "", "Set it for future payments only".to_owned(), past.credited == 0));
    let kept = (past.kept > 0).then(
        || view! { <p>{format!("{} of them are credited already, and stay with whom they are.", past.kept)}</p> },
    );
    let none = past.sales.is_empty();
    let rows: Vec<Vec<AnyView>> = past.sales.into_iter().map(row).collect();
    let totals = vec!["In all".into_any(), ().into_any(), ().into_any(), ().into_any(), amounts(&earned, "–")];
    let table = if none {
        view! { <Empty title="No past payments" teaches="Nothing that this customer paid has come in. The id counts for payments from now on." /> }.into_any()
    } else {
        view! { <Table caption="Past payments of the customer" columns=PAST rows=rows totals=totals /> }.into_any()
    };
    view! {
        {table}
        {kept}
        <div class="actions">{credit} {future}</div>
    }
    .into_any()
}

fn button(lead: LeadId, customer: &str, retroactive: &'static str, text: String, primary: bool) -> AnyView {
    let class = if primary { "primary" } else { "" };
    view! {
        <form method="post" action="/admin/do/set-lead-customer">
            <input type="hidden" name="lead" value=lead.to_string() />
            <input type="hidden" name="stripe_customer_id" value=customer.to_owned() />
            <input type="hidden" name="retroactive" value=retroactive />
            <button class=class>{text}</button>
        </form>
    }
    .into_any()
}

fn row(payment: PastPayment) -> Vec<AnyView> {
    let commission = payment.commission_minor.map(|minor| amount(Money::new(minor, payment.currency)));
    vec![
        day(payment.paid_at),
        view! { <a href=format!("/admin/sales/{}", payment.sale)>"See the sale"</a> }.into_any(),
        payment.message.into_any(),
        amount(Money::new(payment.paid_minor, payment.currency)),
        commission.into_any(),
    ]
}
