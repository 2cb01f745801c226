//! All commission lines, with filters.

use leptos::prelude::*;
use purser::desk::commissions::{self, CommissionQuery};
use purser::domain::line::LineStatus;

use super::commission_rows::lines_table;
use crate::components::{Empty, Field, PageHead, Pager, Select, sign_choices};
use crate::visit::{Visit, page};

pub fn show() -> AnyView {
    page(|visit: Visit| async move {
        let query = CommissionQuery {
            affiliate: visit.query("affiliate").map(|id| id.parse()).transpose()?,
            program: visit.query("program"),
            status: visit.query("status").and_then(|text| text.parse().ok()),
            kind: None,
            sale: visit.query("sale").map(|id| id.parse()).transpose()?,
            flagged: visit.query("flagged").and_then(|text| text.parse().ok()),
            period: visit.query("period"),
        };
        let list = commissions::list(&visit.engine, visit.actor()?, &query, &visit.page_request()?).await?;
        let shown = if list.data.is_empty() {
            view! { <Empty title="No such lines" teaches="Every credited sale writes a line here; corrections and clawbacks are lines of their own." /> }.into_any()
        } else {
            lines_table(list.data)
        };
        let here = visit.address_with(&["affiliate", "program", "status", "sale", "flagged", "period"]);
        Ok(view! {
            <PageHead title="Commissions" context="Every line of the ledger: what was earned, corrected or taken back, and why.">
                <a class="button" href="/admin/commissions/nothing">"Sales that earn nothing"</a>
            </PageHead>
            {filter(&visit)}
            {shown}
            <Pager here=here next_cursor=list.next_cursor started=visit.query("cursor").is_some() />
        }
        .into_any())
    })
}

fn filter(visit: &Visit) -> AnyView {
    let mut options = vec![(String::new(), "All".to_owned())];
    options.extend(LineStatus::ALL.iter().map(|status| (status.as_str().to_owned(), status.label().to_owned())));
    let kept: Vec<AnyView> = ["affiliate", "sale"]
        .into_iter()
        .filter_map(|name| {
            visit.query(name).map(|value| view! { <input type="hidden" name=name value=value /> }.into_any())
        })
        .collect();
    view! {
        <form class="filters" method="get">
            {kept}
            <Select label="Status" name="status" options=options value=visit.query("status").unwrap_or_default() />
            <Select label="Signs of fraud" name="flagged" options=sign_choices() value=visit.query("flagged").unwrap_or_default() />
            <Field label="Month" name="period" kind="month" value=visit.query("period").unwrap_or_default() optional=true />
            <button>"Filter"</button>
        </form>
    }
    .into_any()
}
