//! The sales that are credited and earn nothing, each with the reason: beside the commission lines.

use leptos::prelude::*;
use purser::desk::zero_earnings::{self, ZeroEarning, ZeroEarningQuery};
use purser::domain::money::Money;

use crate::components::{Column, Crumb, Empty, PageHead, Pager, Table, amount, day};
use crate::visit::{Visit, page};

const COLUMNS: &[Column] = &[
    Column::text("Paid"),
    Column::text("Affiliate"),
    Column::text("Sale"),
    Column::wrap("Why it earns nothing"),
    Column::amount("Collected"),
];

pub fn show() -> AnyView {
    page(|visit: Visit| async move {
        let affiliate = visit.query("affiliate").map(|id| id.parse()).transpose()?;
        let query = ZeroEarningQuery { affiliate, program: visit.query("program") };
        let list = zero_earnings::list(&visit.engine, visit.actor()?, &query, &visit.page_request()?).await?;
        let shown = if list.data.is_empty() {
            let teaches = "Every credited sale earns something here. One that its rule makes nothing of, because its cap is used up \
                or the customer's first payment was before it, is listed with the reason.";
            view! { <Empty title="No such sales" teaches=teaches /> }.into_any()
        } else {
            let rows = list.data.into_iter().map(row).collect();
            view! { <Table caption="Sales that earn nothing, newest first" columns=COLUMNS rows=rows /> }.into_any()
        };
        let context = "Credited sales that a rule makes nothing of, each with the reason that its affiliate reads too.";
        Ok(view! {
            <PageHead title="Sales that earn nothing" context=context crumbs=vec![Crumb::new("/admin/commissions", "Commissions")] />
            {shown}
            <Pager here=visit.address_with(&["affiliate", "program"]) next_cursor=list.next_cursor started=visit.query("cursor").is_some() />
        }
        .into_any())
    })
}

fn row(one: ZeroEarning) -> Vec<AnyView> {
    let collected = one.explanation.figures.as_ref().map_or(0, |figures| figures.collected_minor);
    let sentences: Vec<AnyView> =
        one.explanation.sentences.iter().map(|text| view! { <li>{text.clone()}</li> }.into_any()).collect();
    vec![
        day(one.sale_paid_at.unwrap_or(one.created_at)),
        view! { <a href=format!("/admin/affiliates/{}", one.affiliate)>{one.affiliate_name}</a> }.into_any(),
        view! {
            <span>
                <a href=format!("/admin/sales/{}", one.sale)>"The sale"</a>
                <span class="sub">{one.program_name}</span>
            </span>
        }
        .into_any(),
        view! {
            <span>{one.reason}</span>
            <details class="why">
                <summary>"How it came about"</summary>
                <ul>{sentences}</ul>
            </details>
        }
        .into_any(),
        amount(Money::new(collected, one.currency)),
    ]
}
