//! The list of holds: what is stopped, why, since when, and how much waits for a decision.

use leptos::prelude::*;
use purser::desk::hold_file::{self, HeldCase};
use purser::domain::program::HoldStatus;

use crate::components::time::age_text;
use crate::components::{
    Column, Empty, PageHead, Pager, Select, Table, amounts, filters, hold_badge, hold_reason_word, moment,
};
use crate::visit::{Visit, page};

const COLUMNS: &[Column] = &[
    Column::text("Affiliate"),
    Column::wrap("Why"),
    Column::text("Since"),
    Column::text("Status"),
    Column::amount("At stake"),
];

pub fn show() -> AnyView {
    page(|visit: Visit| async move {
        let asked = visit.query("status").unwrap_or_else(|| HoldStatus::Open.as_str().to_owned());
        let status = asked.parse::<HoldStatus>().ok();
        let found = hold_file::list(&visit.engine, visit.actor()?, status, &visit.page_request()?).await?;
        let now = visit.engine.clock.now().await;
        let list = if found.data.is_empty() {
            nothing(status)
        } else {
            let rows = found.data.iter().map(|case| row(case, age_text(case.hold.placed_at, now))).collect();
            view! { <Table caption="Holds" columns=COLUMNS rows=rows /> }.into_any()
        };
        let here = visit.address_with(&["status"]);
        Ok(view! {
            <PageHead title="Holds" context="Commissions that are stopped until somebody decides. A stopped line is never paid." />
            {narrowing(&asked, visit.query("status").is_some())}
            {list}
            <Pager here=here next_cursor=found.next_cursor started=visit.query("cursor").is_some() />
        }
        .into_any())
    })
}

fn narrowing(asked: &str, narrowed: bool) -> AnyView {
    let choice = |value: &str, text: &str| (value.to_owned(), text.to_owned());
    let options = vec![
        choice("open", "Open"),
        choice("approved", "Released"),
        choice("rejected", "Rejected"),
        choice("all", "Every status"),
    ];
    let field = view! { <Select label="Status" name="status" options=options value=asked.to_owned() /> };
    filters("/admin/holds", narrowed, field.into_any())
}

fn nothing(status: Option<HoldStatus>) -> AnyView {
    if status == Some(HoldStatus::Open) {
        let teaches =
            "Nothing waits for a decision. You stop an affiliate's unpaid commissions on their page, under Holds.";
        return view! { <Empty title="No open holds" teaches=teaches /> }.into_any();
    }
    let teaches = "Holds that were placed and decided stand here, with who decided and why.";
    view! { <Empty title="No such holds" teaches=teaches /> }.into_any()
}

fn row(case: &HeldCase, age: String) -> Vec<AnyView> {
    let hold = &case.hold;
    vec![
        view! { <a href=format!("/admin/holds/{}", hold.id)>{hold.affiliate_name.clone()}</a> }.into_any(),
        view! { <div>{hold.reason.clone()} <span class="sub">{hold_reason_word(hold.reason_kind)}</span></div> }
            .into_any(),
        view! { <div>{moment(hold.placed_at)} <span class="sub">{age}</span></div> }.into_any(),
        hold_badge(hold.status),
        amounts(&case.amounts, "nothing"),
    ]
}
