//! One payout: its state, its transfer, and every call that was made for it.

use leptos::prelude::*;
use purser::desk::audit::{self, Names};
use purser::desk::{Error, MAX_LIMIT, PageRequest, payout_reversals, payouts};
use purser::domain::actor::Permission;
use purser::domain::batch::{BatchStatus, ItemStatus};
use purser::domain::ids::ReversalId;
use purser::store::item_views::ItemView;
use purser::store::payout_calls::AttemptView;

use super::batch_history;
use super::item_rows::{lines_address, state_badge, what_happened};
use super::rail_words::method_words;
use super::reversals;
use super::words::{capitalized, named_words};
use crate::components::time::instant;
use crate::components::{
    Column, Crumb, Empty, Field, PageHead, Section, Table, Tone, amount, badge, external_id, id_chip, moment,
};
use crate::islands::Live;
use crate::visit::{Visit, page};

const ATTEMPTS: &[Column] = &[
    Column::text("Call"),
    Column::text("Started"),
    Column::text("Ended"),
    Column::text("Outcome"),
    Column::wrap("Answer"),
];

pub fn show() -> AnyView {
    page(|visit: Visit| async move {
        let (item, attempts) = payouts::item(visit.actor()?, &visit.engine, visit.id().parse()?).await?;
        let dashboard = payouts::dashboard_url(&visit.engine, &item);
        let names = audit::names(&visit.engine, visit.actor()?).await?;
        let left_out = left_out_facts(&visit, &names, &item).await?;
        let asked = payout_reversals::of_item(visit.actor()?, &visit.engine, item.id).await?;
        let form = visit.may(Permission::Payouts).then_some(ReversalId::new(visit.engine.clock.now().await));
        let back = reversals::section(&visit, &names, &item, (asked, form));
        let moving = is_moving(&item);
        let refresh = moving.then(|| view! { <noscript><meta http-equiv="refresh" content="3" /></noscript> });
        let live = moving.then(|| {
            let version_from = format!("/admin/live/payout-items/{}", item.id);
            view! { <Live part="payout".to_owned() version_from=version_from every_ms=1000 /> }
        });
        Ok(view! {
            {refresh}
            <div id="payout">
                <div class="stack" data-done=(!moving).then_some("")>{body(&visit, &item, attempts, (facts(&item, dashboard, left_out), back))}</div>
            </div>
            {live}
        }
        .into_any())
    })
}

/// Whether it changes by itself: the page follows it then.
fn is_moving(item: &ItemView) -> bool {
    let waits = item.status == ItemStatus::Pending && item.batch_status != BatchStatus::Executing;
    item.status.is_live() && !waits
}

fn body(
    visit: &Visit,
    item: &ItemView,
    attempts: Vec<AttemptView>,
    (facts, back): (AnyView, Option<AnyView>),
) -> AnyView {
    let may_act = visit.may(Permission::Payouts);
    let leave = (may_act
        && matches!(item.batch_status, BatchStatus::Draft | BatchStatus::Paused)
        && item.status == ItemStatus::Pending)
        .then(|| leave_out(visit, item));
    let happened = what_happened(item, may_act);
    let calls = if attempts.is_empty() {
        view! { <Empty title="No call yet" teaches="Each try at Stripe is written down before it is made and after it ended." /> }.into_any()
    } else {
        let rows = attempts.into_iter().map(attempt).collect();
        view! { <Table caption="Calls for this payout" columns=ATTEMPTS rows=rows /> }.into_any()
    };
    let crumbs = vec![
        Crumb::new("/admin/payouts", "Payouts"),
        Crumb::new(format!("/admin/payouts/{}", item.batch_id), format!("Batch of {}", item.program_name)),
    ];
    view! {
        <PageHead title=format!("{} to {}", item.amount(), item.affiliate_name) context="One payout has one key for life, so it is one transfer at most." crumbs=crumbs badge=state_badge(item) />
        <div class="columns">
            <Section title="What happened"><div class="card">{happened}</div></Section>
            <Section title="Facts"><div class="card">{facts}</div></Section>
        </div>
        {leave}
        {back}
        <Section title="Calls">{calls}</Section>
    }
    .into_any()
}

/// Asks for the reason first: it stays on record.
fn leave_out(visit: &Visit, item: &ItemView) -> AnyView {
    let reason = visit.typed("reason", "");
    let error = visit.error_of("reason");
    let (id, batch) = (item.id.to_string(), item.batch_id.to_string());
    let button = format!("Leave {} out", item.affiliate_name);
    view! {
        <div id="leave-out">
            <Section title="Leave out" context="The batch is paid without this payout. Its money is due again and goes into the next draft.">
                <form class="form card" method="post" action="/admin/do/leave-out-item">
                    <input type="hidden" name="id" value=id />
                    <input type="hidden" name="batch" value=batch />
                    <Field label="Reason" name="reason" value=reason error=error hint="It stays on record, with your name." />
                    <div class="actions">
                        <button class="danger">{button}</button>
                    </div>
                </form>
            </Section>
        </div>
    }
    .into_any()
}

/// Who left it out of its batch, when, and why.
async fn left_out_facts(visit: &Visit, names: &Names, item: &ItemView) -> Result<Option<AnyView>, Error> {
    if item.status != ItemStatus::LeftOut {
        return Ok(None);
    }
    let all = PageRequest::new(Some(MAX_LIMIT), None)?;
    let log = audit::list(&visit.engine, visit.actor()?, Some(&item.id.to_string()), &all).await?.data;
    let found = log.into_iter().find(|entry| entry.action == batch_history::LEFT_OUT);
    Ok(found.map(|entry| {
        view! {
            <dt>"Left out"</dt>
            <dd>{moment(entry.at)}<span class="sub">"By "{named_words(names, &entry.actor)}</span></dd>
            <dt>"Reason"</dt>
            <dd>{batch_history::reason(&entry)}</dd>
        }
        .into_any()
    }))
}

fn facts(item: &ItemView, dashboard: Option<String>, left_out: Option<AnyView>) -> AnyView {
    let transfer = item.transfer_id.clone().map(|id| match dashboard {
        Some(address) => external_id(id, address),
        None => id_chip(id),
    });
    let link = |id: purser::domain::ids::PayoutItemId, text: &'static str| view! { <a href=format!("/admin/payout-items/{id}")>{text}</a> };
    view! {
        <dl class="facts">
            <dt>"Amount"</dt>
            <dd>{amount(item.amount())}<span class="sub"><a href=lines_address(item)>"The commissions it is made of"</a></span></dd>
            <dt>"Affiliate"</dt>
            <dd><a href=format!("/admin/affiliates/{}", item.affiliate_id)>{item.affiliate_name.clone()}</a></dd>
            <dt>"To"</dt>
            <dd>{method_words(item.rail)}" "{id_chip(item.destination.clone())}</dd>
            {transfer.map(|transfer| view! { <dt>"Transfer"</dt><dd>{transfer}</dd> })}
            {item.posted_at.map(|at| view! { <dt>"Posted"</dt><dd>{moment(at)}</dd> })}
            {item.failed_at.map(|at| view! { <dt>"Failed"</dt><dd>{moment(at)}</dd> })}
            {left_out}
            {item.retry_of.map(|id| view! { <dt>"Retries"</dt><dd>{link(id, "The failed payout")}</dd> })}
            {item.retried_by.map(|id| view! { <dt>"Tried again as"</dt><dd>{link(id, "Another payout")}</dd> })}
            <dt>"Payout"</dt>
            <dd>{id_chip(item.id.to_string())}</dd>
        </dl>
    }
    .into_any()
}

fn attempt(attempt: AttemptView) -> Vec<AnyView> {
    let outcome = match attempt.outcome.as_deref() {
        Some("posted") => badge(Tone::Good, "Posted"),
        Some("failed") => badge(Tone::Bad, "Refused"),
        Some("processing") => badge(Tone::Info, "Processing"),
        Some(other) => badge(Tone::Warn, capitalized(other)),
        None => badge(Tone::Warn, "Nobody saw it end"),
    };
    let status = attempt.http_status.map(|status| format!("HTTP {status} "));
    vec![
        attempt.n.into_any(),
        instant(attempt.started_at),
        attempt.finished_at.map(instant).into_any(),
        outcome,
        view! { <span>{status}{attempt.error_code.map(|code| view! { <code>{code}</code> })}</span><span class="sub">{attempt.error_message}</span> }.into_any(),
    ]
}
