//! All commission lines, with filters that live in the address.

use leptos::prelude::*;
use purser::desk::commissions::{self, CommissionQuery};
use purser::domain::line::{LineKind, LineStatus};
use purser::domain::period::{Period, PeriodKind};

use super::commission_rows::lines_table;
use crate::components::{Empty, Field, PageHead, Pager, Select, choices, filters, sign_choices};
use crate::portal::earnings::kind_label;
use crate::visit::{Visit, page};

const FILTERS: &[&str] =
    &["search", "status", "kind", "flagged", "period", "program", "affiliate", "sale", "payout_item"];

pub fn show() -> AnyView {
    page(|visit: Visit| async move {
        let query = CommissionQuery {
            affiliate: visit.query("affiliate").map(|id| id.parse()).transpose()?,
            program: visit.query("program"),
            status: visit.query("status").and_then(|text| text.parse().ok()),
            kind: visit.query("kind").and_then(|text| text.parse().ok()),
            sale: visit.query("sale").map(|id| id.parse()).transpose()?,
            payout_item: visit.query("payout_item").map(|id| id.parse()).transpose()?,
            flagged: visit.query("flagged").and_then(|text| text.parse().ok()),
            search: visit.query("search"),
            period: visit.query("period"),
        };
        let list = commissions::list(&visit.engine, visit.actor()?, &query, &visit.page_request()?).await?;
        let shown = if list.data.is_empty() {
            let teaches = "Every credited sale that earns something writes a line here; corrections and clawbacks are lines of their \
                own.";
            view! { <Empty title="No such lines" teaches=teaches /> }.into_any()
        } else {
            lines_table(list.data)
        };
        Ok(view! {
            <PageHead title="Commissions" context="Every line of the ledger: what was earned, corrected or taken back, and why.">
                <a class="button" href="/admin/commissions/nothing">"Sales that earn nothing"</a>
            </PageHead>
            {narrowing(&visit)}
            {shown}
            <Pager here=visit.address_with(FILTERS) next_cursor=list.next_cursor started=visit.query("cursor").is_some() />
        }
        .into_any())
    })
}

fn narrowing(visit: &Visit) -> AnyView {
    let chosen = |name: &str| visit.query(name).unwrap_or_default();
    let statuses = LineStatus::ALL.iter().map(|status| (status.as_str().to_owned(), status.label().to_owned()));
    let kinds = LineKind::ALL.iter().map(|kind| (kind.as_str().to_owned(), kind_label(*kind).to_owned()));
    // What a link asks for, such as one affiliate's lines, stays while the rest is narrowed.
    let kept: Vec<AnyView> = ["program", "affiliate", "sale", "payout_item"]
        .into_iter()
        .filter_map(|name| {
            visit.query(name).map(|value| view! { <input type="hidden" name=name value=value /> }.into_any())
        })
        .collect();
    // Browsers have a field for months; weeks and days come from a program's periods, by name.
    let period = chosen("period");
    let of_another_kind = period.parse::<Period>().is_ok_and(|period| period.kind() != PeriodKind::Month);
    let (label, kind) = if of_another_kind { ("Period", "text") } else { ("Month", "month") };
    let fields = view! {
        {kept}
        <Field label="Affiliate" name="search" kind="search" value=chosen("search") optional=true />
        <Select label="Status" name="status" options=choices("All", statuses) value=chosen("status") />
        <Select label="Kind" name="kind" options=choices("All", kinds) value=chosen("kind") />
        <Select label="Signs of fraud" name="flagged" options=sign_choices() value=chosen("flagged") />
        <Field label=label name="period" kind=kind value=period optional=true />
    };
    let narrowed = FILTERS.iter().any(|name| visit.query(name).is_some());
    filters("/admin/commissions", narrowed, fields.into_any())
}
