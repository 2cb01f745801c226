//! The batches, and the one button that starts a payout: it drafts, shows what will happen in figures, and moves nothing.

use leptos::prelude::*;
use purser::desk::audit::{self, Names};
use purser::desk::payouts;
use purser::desk::programs::{self, Program};
use purser::desk::{MAX_LIMIT, PageRequest};
use purser::domain::actor::Permission;
use purser::domain::batch::BatchStatus;
use purser::domain::period::label_of;
use purser::store::batch_views::{BatchFilter, BatchView};

use super::words::named_words;
use crate::components::{Column, Empty, PageHead, Pager, Select, Table, amounts, batch_badge, moment};
use crate::islands::Live;
use crate::visit::{Visit, page};

const COLUMNS: &[Column] = &[
    Column::text("Batch"),
    Column::text("Status"),
    Column::text("Outcome"),
    Column::text("Drafted"),
    Column::amount("Amount"),
];

pub fn show() -> AnyView {
    page(|visit: Visit| async move {
        let actor = visit.actor()?;
        let status = visit.query("status").and_then(|text| text.parse::<BatchStatus>().ok());
        let filter = BatchFilter { program_id: None, status };
        let list = payouts::list(actor, &visit.engine, &filter, &visit.page_request()?).await?;
        let all = PageRequest::new(Some(MAX_LIMIT), None)?;
        let programs = programs::list(&visit.engine, actor, &all).await?.data;
        let may_pay = visit.may(Permission::Payouts);
        let start = may_pay.then(|| start(&programs));
        // Where programs approve by themselves there is nothing to do by hand.
        let by_hand = programs.iter().any(|program| !program.auto_credit);
        let empty = list.data.is_empty();
        let names = audit::names(&visit.engine, actor).await?;
        let rows = list.data.into_iter().map(|batch| row(&names, batch)).collect();
        let shown = if empty {
            nothing(status)
        } else {
            view! { <Table caption="Payout batches, newest first" columns=COLUMNS rows=rows /> }.into_any()
        };
        Ok(view! {
            <PageHead title="Payouts" context="Each batch pays everybody of a program who is due. You see the figures before anything moves.">
                {start}
            </PageHead>
            {filters(status, by_hand)}
            {live_list(&visit, shown)}
            <Pager here=visit.address_with(&["status"]) next_cursor=list.next_cursor started=visit.query("cursor").is_some() />
        }
        .into_any())
    })
}

/// The list of batches or of runs, which follows by itself what is newest; older pages stay as they are.
pub fn live_list(visit: &Visit, list: AnyView) -> AnyView {
    let newest = visit.query("cursor").is_none();
    let live = newest.then(|| {
        view! { <Live part="list".to_owned() version_from="/admin/live/payouts".to_owned() every_ms=1500 /> }
    });
    view! { <div id="list">{list}</div>{live} }.into_any()
}

/// With several programs there is a choice; all of them is the default.
fn start(programs: &[Program]) -> AnyView {
    let choice = (programs.len() > 1).then(|| {
        let mut options = vec![(String::new(), "All programs".to_owned())];
        options.extend(programs.iter().map(|program| (program.id.to_string(), program.name.clone())));
        view! { <Select label="Program" name="program" options=options /> }
    });
    view! {
        <form class="filters" method="post" action="/admin/do/draft-payouts">
            {choice}
            <button class="primary">"Process Payouts Now"</button>
        </form>
    }
    .into_any()
}

fn filters(status: Option<BatchStatus>, by_hand: bool) -> AnyView {
    let held = by_hand
        .then(|| view! { <a class="button" href="/admin/commissions/process-held">"Process held commissions…"</a> });
    let mut options = vec![(String::new(), "All".to_owned())];
    options.extend(BatchStatus::ALL.iter().map(|status| (status.as_str().to_owned(), status.label().to_owned())));
    let chosen = status.map(|status| status.as_str().to_owned()).unwrap_or_default();
    view! {
        <form class="filters" method="get">
            <Select label="Status" name="status" options=options value=chosen />
            <button>"Filter"</button>
            <a class="button" href="/admin/payout-items">"Single payouts"</a>
            <a class="button" href="/admin/periods">"Commission periods"</a>
            <a class="button" href="/admin/runs">"Runs"</a>
            {held}
        </form>
    }
    .into_any()
}

fn row(names: &Names, batch: BatchView) -> Vec<AnyView> {
    vec![
        view! {
            <span>
                <a href=format!("/admin/payouts/{}", batch.id)>{batch.program_name.clone()}</a>
                <span class="sub">{batch.period.as_deref().map(label_of)}</span>
            </span>
        }
        .into_any(),
        batch_badge(batch.status),
        outcome(&batch).into_any(),
        view! { <span>{moment(batch.drafted_at)}<span class="sub">{named_words(names, &batch.drafted_by)}</span></span> }
            .into_any(),
        amounts(&batch.totals, "–"),
    ]
}

/// `8 posted, 1 failed`; what is zero is left out.
pub fn outcome(batch: &BatchView) -> String {
    let summary = &batch.summary;
    let counts = [
        (summary.posted.count, "posted"),
        (summary.failed.count, "failed"),
        (summary.unresolved.count, "need a look"),
        (summary.processing.count, "under way"),
        (summary.pending.count, if batch.status == BatchStatus::Cancelled { "not paid" } else { "to pay" }),
        (summary.reversed.count, "reversed"),
        (summary.skipped.count, "left out"),
    ];
    let told: Vec<String> =
        counts.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")).collect();
    told.join(", ")
}

fn nothing(status: Option<BatchStatus>) -> AnyView {
    if status.is_some() {
        return view! { <Empty title="No such batch" teaches="No batch has this status now."><a class="button" href="/admin/payouts">"Show all"</a></Empty> }.into_any();
    }
    view! {
        <Empty
            title="No payouts yet"
            teaches="When commissions have passed their hold window, Process Payouts Now drafts a batch: who is paid how much, and who is left out and why. Nothing moves until you confirm it."
        />
    }
    .into_any()
}
