//! Refunds and disputes that wait for their sale, with their age, what they wait for, and taking one up again.

use chrono::{DateTime, Utc};
use leptos::prelude::*;
use purser::desk::parked::{self, LONG, Parked};
use purser::domain::actor::Permission;

use crate::components::time::age_text;
use crate::components::{Column, Crumb, Empty, PageHead, Pager, Table, Tone, amount, badge, id_chip, moment};
use crate::visit::{Visit, page};

const COLUMNS: &[Column] = &[
    Column::text("Waits since"),
    Column::text("What"),
    Column::wrap("For the sale of"),
    Column::text("Again"),
    Column::amount("Amount"),
];

pub fn show() -> AnyView {
    page(|visit: Visit| async move {
        let list = parked::list(&visit.engine, visit.actor()?, &visit.page_request()?).await?;
        let (now, may_replay) = (visit.engine.clock.now().await, visit.may(Permission::Write));
        let started = visit.query("cursor").is_some();
        let shown = if list.data.is_empty() {
            view! { <Empty title="Nothing waits" teaches="When Stripe tells of a refund or a dispute before its sale, it waits here and is applied with the sale, once." /> }.into_any()
        } else {
            let rows = list.data.into_iter().map(|one| row(one, now, may_replay)).collect();
            view! { <Table caption="Refunds and disputes that wait, the longest waiting first" columns=COLUMNS rows=rows /> }.into_any()
        };
        Ok(view! {
            <PageHead
                title="Refunds that wait for their sale"
                context="Each is applied by itself, once, when Stripe tells of its sale. One that waits for days is of a payment that never arrived: compare with Stripe, or leave it."
                crumbs=vec![Crumb::new("/admin/webhook-events", "Webhook events")]
            />
            {shown}
            <Pager here="/admin/parked-refunds" next_cursor=list.next_cursor started=started />
        }
        .into_any())
    })
}

fn row(one: Parked, now: DateTime<Utc>, may_replay: bool) -> Vec<AnyView> {
    let is_old = now - one.received_at > LONG;
    let old = is_old.then(|| badge(Tone::Warn, "Long"));
    let names: Vec<AnyView> = one.waits_for.into_iter().map(|name| view! { {id_chip(name)} " " }.into_any()).collect();
    let replay = may_replay.then(|| {
        view! {
            <form method="post" action="/admin/do/replay-event">
                <input type="hidden" name="id" value=one.event.clone() />
                <button>"Replay"<span class="visually-hidden">{format!(" {}", one.event)}</span></button>
            </form>
        }
    });
    vec![
        view! { <span>{moment(one.received_at)}<span class="sub">{age_text(one.received_at, now)} " " {old}</span></span> }
            .into_any(),
        view! {
            <span>
                <a href=format!("/admin/webhook-events/{}", one.event)>{one.event_type}</a>
                <span class="sub">{one.object_id.map(id_chip)}</span>
            </span>
        }
        .into_any(),
        names.into_any(),
        replay.into_any(),
        one.amount.map_or_else(|| view! { <span class="hint">"Not told"</span> }.into_any(), amount),
    ]
}
