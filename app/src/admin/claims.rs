//! The list of claims: which affiliate misses which purchase, and since when it waits for an answer.

use leptos::prelude::*;
use purser::desk::claims::{self, Claim};
use purser::domain::claim::ClaimStatus;

use crate::components::time::age_text;
use crate::components::{Column, Empty, PageHead, Pager, Select, Table, claim_badge, date, filters, moment};
use crate::visit::{Visit, page};

const COLUMNS: &[Column] = &[
    Column::text("Affiliate"),
    Column::wrap("Purchase"),
    Column::text("Bought on"),
    Column::text("Made"),
    Column::text("Status"),
];

pub fn show() -> AnyView {
    page(|visit: Visit| async move {
        let asked = visit.query("status").unwrap_or_else(|| ClaimStatus::Open.as_str().to_owned());
        let status = asked.parse::<ClaimStatus>().ok();
        let list = claims::list(&visit.engine, visit.actor()?, status, None, &visit.page_request()?).await?;
        let now = visit.engine.clock.now().await;
        let shown = if list.data.is_empty() {
            nothing(status)
        } else {
            let rows = list.data.iter().map(|claim| row(claim, age_text(claim.created_at, now))).collect();
            view! { <Table caption="Claims, newest first" columns=COLUMNS rows=rows /> }.into_any()
        };
        let here = visit.address_with(&["status"]);
        Ok(view! {
            <PageHead title="Claims" context="Purchases that affiliates say are theirs. Each page shows the sales that may be meant." />
            {narrowing(&asked, visit.query("status").is_some())}
            {shown}
            <Pager here=here next_cursor=list.next_cursor started=visit.query("cursor").is_some() />
        }
        .into_any())
    })
}

fn narrowing(asked: &str, narrowed: bool) -> AnyView {
    let choice = |value: &str, text: &str| (value.to_owned(), text.to_owned());
    let options = vec![
        choice("open", "Open"),
        choice("accepted", "Accepted"),
        choice("declined", "Declined"),
        choice("all", "Every status"),
    ];
    let field = view! { <Select label="Status" name="status" options=options value=asked.to_owned() /> };
    filters("/admin/claims", narrowed, field.into_any())
}

fn nothing(status: Option<ClaimStatus>) -> AnyView {
    if status == Some(ClaimStatus::Open) {
        let teaches =
            "Affiliates claim a purchase in their portal, under Claims. What they claim waits here for an answer.";
        return view! { <Empty title="No open claims" teaches=teaches /> }.into_any();
    }
    let teaches = "Claims that were answered stand here, with who decided and why.";
    view! { <Empty title="No such claims" teaches=teaches /> }.into_any()
}

fn row(claim: &Claim, age: String) -> Vec<AnyView> {
    let named = claim.reference.clone().or(claim.email.clone()).unwrap_or_default();
    let also = claim.reference.is_some().then(|| claim.email.clone()).flatten();
    vec![
        view! { <a href=format!("/admin/claims/{}", claim.id)>{claim.affiliate_name.clone()}</a> }.into_any(),
        view! { <span>{named}{also.map(|email| view! { <span class="sub">{email}</span> })}</span> }.into_any(),
        date(claim.bought_on),
        view! { <div>{moment(claim.created_at)} <span class="sub">{age}</span></div> }.into_any(),
        claim_badge(claim.status),
    ]
}
