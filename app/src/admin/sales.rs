//! The sales that came in: what was paid, who is credited, and why nobody is.

use leptos::prelude::*;
use purser::desk::sales::{self, Sale, SaleQuery};
use purser::domain::money::Money;

use super::words::capitalized;
use crate::components::{
    Column, Empty, PageHead, Pager, Select, Table, Tone, amount, badge, choices, day, filters, id_chip, sign_badges,
    sign_choices,
};
use crate::visit::{Visit, page};

const COLUMNS: &[Column] = &[
    Column::text("When"),
    Column::text("Customer"),
    Column::text("Status"),
    Column::wrap("Credited to"),
    Column::text("Stripe"),
    Column::amount("Paid"),
];

pub fn show() -> AnyView {
    page(|visit: Visit| async move {
        let attributed = visit.query("attributed").and_then(|text| text.parse::<bool>().ok());
        let flagged = visit.query("flagged").and_then(|text| text.parse::<bool>().ok());
        let query = SaleQuery { attributed, flagged, ..SaleQuery::default() };
        let list = sales::list(&visit.engine, visit.actor()?, &query, &visit.page_request()?).await?;
        let empty = list.data.is_empty();
        let rows = list.data.into_iter().map(row).collect();
        let shown = if empty {
            view! { <Empty title="No sales here" teaches="Each purchase that Stripe tells of appears once, however many events describe it, with the affiliate it is credited to or the reason why it is credited to nobody." /> }.into_any()
        } else {
            view! { <Table caption="Sales, newest first" columns=COLUMNS rows=rows /> }.into_any()
        };
        let narrowing = narrowing(&visit);
        Ok(view! {
            <PageHead title="Sales" context="What customers paid, and who brought them." />
            {narrowing}
            {shown}
            <Pager here=visit.address_with(&["attributed", "flagged"]) next_cursor=list.next_cursor started=visit.query("cursor").is_some() />
        }
        .into_any())
    })
}

fn narrowing(visit: &Visit) -> AnyView {
    let asked = visit.query("attributed");
    let options = [("true", "Somebody"), ("false", "Nobody, with the reason")];
    let options = choices("All", options.map(|(value, text)| (value.to_owned(), text.to_owned())));
    let signs = visit.query("flagged");
    let narrowed = asked.is_some() || signs.is_some();
    let field = view! {
        <Select label="Credited to" name="attributed" options=options value=asked.unwrap_or_default() />
        <Select label="Signs of fraud" name="flagged" options=sign_choices() value=signs.unwrap_or_default() />
    };
    filters("/admin/sales", narrowed, field.into_any())
}

fn row(sale: Sale) -> Vec<AnyView> {
    let paid = sale.currency.map(|currency| amount(Money::new(sale.paid_minor, currency)));
    let refunded = sale.currency.filter(|_| sale.refunded_minor > 0).map(|currency| {
        view! { <span class="sub">{format!("{} refunded", Money::new(sale.refunded_minor, currency))}</span> }
    });
    let customer = sale.email.clone().or(sale.stripe_customer_id.clone()).unwrap_or_else(|| "Unknown".to_owned());
    let stripe_id = sale.stripe_ids.first().cloned();
    vec![
        day(sale.paid_at.unwrap_or(sale.created_at)),
        view! { <span><a href=format!("/admin/sales/{}", sale.id)>{customer}</a><span class="sub">{capitalized(&sale.kind)}</span></span> }.into_any(),
        sale_badge(&sale.status),
        credited(&sale),
        stripe_id.map(id_chip).into_any(),
        view! { <span>{paid}{refunded}</span> }.into_any(),
    ]
}

pub fn sale_badge(status: &str) -> AnyView {
    match status {
        "paid" => badge(Tone::Good, "Paid"),
        "waiting" => badge(Tone::Quiet, "Not paid yet"),
        "provisional" => badge(Tone::Info, "Just in"),
        other => badge(Tone::Quiet, capitalized(other)),
    }
}

fn credited(sale: &Sale) -> AnyView {
    match (sale.affiliate, sale.affiliate_name.clone()) {
        (Some(id), Some(name)) => {
            let evidence = sale.evidence.as_ref().map(|evidence| {
                let value = evidence.value.clone();
                let value = if value.contains('@') { value.into_any() } else { id_chip(value) };
                view! { <span class="sub">{capitalized(&evidence.kind)}" "{value}</span> }
            });
            view! { <span><a href=format!("/admin/affiliates/{id}")>{name}</a>{evidence}{sign_badges(&sale.signs)}</span> }.into_any()
        }
        _ => {
            view! { <span class="hint">{sale.reason_message.clone().unwrap_or_else(|| "Nobody yet".to_owned())}</span> }
                .into_any()
        }
    }
}
