//! The list of holds: what is stopped, why, since when, and how much waits for a decision; several can be chosen to be decided
//! alike.

use leptos::prelude::*;
use purser::desk::hold_file::{self, HeldCase, HoldQuery};
use purser::domain::actor::Permission;
use purser::domain::program::{HoldReason, HoldStatus};

use crate::components::time::age_text;
use crate::components::{
    Column, Empty, PageHead, Pager, Select, Table, amounts, choices, filters, hold_badge, hold_reason_word, moment,
    tabs,
};
use crate::visit::{Visit, page};

const HERE: &str = "/admin/holds";

const OPEN: &[Column] = &[
    Column::text("Choose"),
    Column::text("Affiliate"),
    Column::wrap("Why"),
    Column::text("Since"),
    Column::amount("At stake"),
];

const ENDED: &[Column] = &[
    Column::text("Affiliate"),
    Column::wrap("Why"),
    Column::text("Placed"),
    Column::text("Outcome"),
    Column::wrap("Decided because"),
];

pub fn show() -> AnyView {
    page(|visit: Visit| async move {
        // An address with a status is one of before there were tabs, or an API reader's.
        let status = visit.query("status").and_then(|text| text.parse::<HoldStatus>().ok());
        let ended = visit.query("tab").as_deref() == Some("decided") || status.is_some_and(|it| it != HoldStatus::Open);
        let reason_kind = visit.query("kind").and_then(|text| text.parse::<HoldReason>().ok());
        let query = HoldQuery { status, ended: Some(ended), reason_kind, ..HoldQuery::default() };
        let (engine, actor) = (&visit.engine, visit.actor()?);
        let found = hold_file::list(engine, actor, &query, &visit.page_request()?).await?;
        let open = hold_file::open_count(engine, actor).await?;
        let now = visit.engine.clock.now().await;
        let list = match (found.data.is_empty(), ended) {
            (true, _) => nothing(ended),
            (false, true) => {
                let rows = found.data.iter().map(ended_row).collect();
                view! { <Table caption="Decided holds, newest first" columns=ENDED rows=rows /> }.into_any()
            }
            (false, false) => choosing(&visit, &found.data, now),
        };
        let here = visit.address_with(&["tab", "status", "kind"]);
        let all = [(HERE.to_owned(), format!("Open ({open})")), (format!("{HERE}?tab=decided"), "Decided".to_owned())];
        Ok(view! {
            <PageHead title="Holds" context="Commissions that are stopped until somebody decides. A stopped line is never paid." />
            {tabs("Holds", &all, usize::from(ended))}
            {narrowing(ended, reason_kind)}
            {list}
            <Pager here=here next_cursor=found.next_cursor started=visit.query("cursor").is_some() />
        }
        .into_any())
    })
}

fn narrowing(ended: bool, reason_kind: Option<HoldReason>) -> AnyView {
    let kinds = HoldReason::ALL.iter().map(|kind| (kind.as_str().to_owned(), hold_reason_word(*kind).to_owned()));
    let chosen = reason_kind.map(|kind| kind.as_str().to_owned()).unwrap_or_default();
    let tab = ended.then(|| view! { <input type="hidden" name="tab" value="decided" /> });
    let fields = view! {
        {tab}
        <Select label="Why" name="kind" options=choices("All", kinds) value=chosen />
    };
    filters(HERE, reason_kind.is_some(), fields.into_any())
}

fn nothing(ended: bool) -> AnyView {
    if ended {
        let teaches = "Holds that were placed and decided stand here, with who decided and why.";
        return view! { <Empty title="No such holds" teaches=teaches /> }.into_any();
    }
    let teaches = "Nothing waits for a decision. Disputes, too many refunds and signs of fraud stop commissions by themselves; \
        you stop an affiliate's unpaid commissions on their page, or one on its own page.";
    view! { <Empty title="No open holds" teaches=teaches /> }.into_any()
}

/// The open ones, to choose from. What a decision does is said on the next page, before it is taken.
fn choosing(visit: &Visit, cases: &[HeldCase], now: chrono::DateTime<chrono::Utc>) -> AnyView {
    let rows = cases.iter().map(|case| open_row(case, age_text(case.hold.placed_at, now))).collect();
    let table = view! { <Table caption="Open holds, newest first" columns=OPEN rows=rows /> };
    if !visit.may(Permission::Payouts) {
        return table.into_any();
    }
    view! {
        <form class="choosing" method="get" action="/admin/holds/decide">
            {table}
            <div class="actions">
                <button>"Decide the chosen…"</button>
                <span class="hint">"You see what it does to how much money before anything happens."</span>
            </div>
        </form>
    }
    .into_any()
}

fn open_row(case: &HeldCase, age: String) -> Vec<AnyView> {
    let hold = &case.hold;
    let choose = format!("Choose the hold on {}: {}", hold.affiliate_name, hold.reason);
    vec![
        view! {
            <label class="choice">
                <input type="checkbox" name="hold" value=hold.id.to_string() aria-label=choose />
            </label>
        }
        .into_any(),
        named(case),
        why(case),
        view! { <div>{moment(hold.placed_at)} <span class="sub">{age}</span></div> }.into_any(),
        amounts(&case.amounts, "nothing"),
    ]
}

fn ended_row(case: &HeldCase) -> Vec<AnyView> {
    let hold = &case.hold;
    vec![
        named(case),
        why(case),
        moment(hold.placed_at),
        hold_badge(hold.status),
        hold.decision_reason.clone().unwrap_or_default().into_any(),
    ]
}

fn named(case: &HeldCase) -> AnyView {
    let hold = &case.hold;
    view! {
        <div>
            <a href=format!("{HERE}/{}", hold.id)>{hold.affiliate_name.clone()}</a>
            <span class="sub">{hold.program_name.clone()}</span>
        </div>
    }
    .into_any()
}

fn why(case: &HeldCase) -> AnyView {
    let hold = &case.hold;
    view! { <div>{hold.reason.clone()} <span class="sub">{hold_reason_word(hold.reason_kind)}</span></div> }.into_any()
}
