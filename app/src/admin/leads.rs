//! The leads: people known to be an affiliate's before they buy, with a search, and the ways to enter more.

use leptos::prelude::*;
use purser::desk::leads::{self, Lead, LeadQuery};
use purser::domain::actor::Permission;

use crate::components::{Column, Empty, Field, PageHead, Pager, Table, day, filters, id_chip};
use crate::visit::{Visit, page};

const COLUMNS: &[Column] = &[
    Column::text("Lead"),
    Column::text("Customer at Stripe"),
    Column::text("Affiliate"),
    Column::text("Known from"),
    Column::text("Since"),
];

pub fn show() -> AnyView {
    page(|visit: Visit| async move {
        let query = LeadQuery { search: visit.query("search"), ..LeadQuery::default() };
        let list = leads::list(&visit.engine, visit.actor()?, &query, &visit.page_request()?).await?;
        let searched = query.search.is_some();
        let ways = visit.may(Permission::Write).then(|| {
            view! {
                <a class="button" href="/admin/leads/import">"Upload a file"</a>
                <a class="button primary" href="/admin/leads/new">"Add a lead"</a>
            }
        });
        let empty = list.data.is_empty();
        let rows = list.data.into_iter().map(row).collect();
        let shown = if empty {
            nothing(searched)
        } else {
            view! { <Table caption="Leads, newest first" columns=COLUMNS rows=rows /> }.into_any()
        };
        let field = view! { <Field label="E-mail, customer id or affiliate" name="search" kind="search" value=query.search.unwrap_or_default() optional=true /> };
        let narrowing = filters("/admin/leads", searched, field.into_any());
        let context = "People who are known to be an affiliate's: what they buy is credited without a code.";
        Ok(view! {
            <PageHead title="Leads" context=context>{ways}</PageHead>
            {narrowing}
            {shown}
            <Pager here=visit.address_with(&["search"]) next_cursor=list.next_cursor started=visit.query("cursor").is_some() />
        }
        .into_any())
    })
}

fn row(lead: Lead) -> Vec<AnyView> {
    let name = lead.email.clone().or(lead.stripe_customer_id.clone()).unwrap_or_default();
    vec![
        view! { <a href=format!("/admin/leads/{}", lead.id)>{name}</a> }.into_any(),
        lead.stripe_customer_id.map(id_chip).into_any(),
        view! { <a href=format!("/admin/affiliates/{}", lead.affiliate)>{lead.affiliate_name}</a> }.into_any(),
        source_word(&lead.source).into_any(),
        day(lead.created_at),
    ]
}

/// Where a lead comes from, in words.
pub fn source_word(source: &str) -> &'static str {
    match source {
        "sale" => "A sale",
        "api" => "The API",
        _ => "The console",
    }
}

fn nothing(searched: bool) -> AnyView {
    if searched {
        return view! { <Empty title="Nobody matches" teaches="No lead fits the search."><a class="button" href="/admin/leads">"Show all"</a></Empty> }.into_any();
    }
    let teaches = "A lead ties a person to an affiliate before they buy, for instance after a demo call. Sales make leads too: who \
        bought once through an affiliate stays theirs.";
    view! { <Empty title="No leads yet" teaches=teaches><a class="button" href="/admin/leads/new">"Add a lead"</a></Empty> }
        .into_any()
}
