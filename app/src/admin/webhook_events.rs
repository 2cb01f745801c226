//! What Stripe sent, what became of it, and what waits for a person.

use chrono::{DateTime, Utc};
use leptos::prelude::*;
use purser::desk::webhook_events::{self, WebhookEvent};
use purser::domain::program::InboxStatus;

use super::words::capitalized;
use crate::components::time::age_text;
use crate::components::{
    Column, Empty, Field, PageHead, Pager, Select, Table, choices, event_badge, filters, id_chip, moment,
};
use crate::visit::{Visit, page};

const COLUMNS: &[Column] = &[
    Column::text("Received"),
    Column::text("Type"),
    Column::text("Status"),
    Column::text("About"),
    Column::wrap("Error"),
];

pub fn show() -> AnyView {
    page(|visit: Visit| async move {
        let status = visit.query("status").and_then(|text| text.parse::<InboxStatus>().ok());
        let event_type = visit.query("type");
        let request = visit.page_request()?;
        let list = webhook_events::list(&visit.engine, visit.actor()?, status, event_type.as_deref(), &request).await?;
        let compared = webhook_events::last_comparison(&visit.engine, visit.actor()?).await?.map(|last| {
            let found = match last.missing {
                0 => "none was missing".to_owned(),
                1 => "one had never arrived and was taken in".to_owned(),
                missing => format!("{missing} had never arrived and were taken in"),
            };
            view! { <p class="hint">"Compared with Stripe's own list " {moment(last.at)} ": of " {last.seen} " events, " {found} "."</p> }
        });
        let empty = list.data.is_empty();
        let now = visit.engine.clock.now().await;
        let rows = list.data.into_iter().map(|event| row(event, now)).collect();
        let shown = if empty {
            view! { <Empty title="No events here" teaches="In Stripe, point a webhook endpoint at /webhooks/stripe. Every event is kept here, with what became of it." /> }.into_any()
        } else {
            view! { <Table caption="Webhook events, last received first" columns=COLUMNS rows=rows /> }.into_any()
        };
        let here = visit.address_with(&["status", "type"]);
        Ok(view! {
            <PageHead title="Webhook events" context="What Stripe told us. Events may come twice or out of order; each one counts once.">
                <a class="button" href="/admin/parked-refunds">"Refunds that wait for their sale"</a>
            </PageHead>
            {compared}
            {narrowing(status, event_type)}
            {shown}
            <Pager here=here next_cursor=list.next_cursor started=visit.query("cursor").is_some() />
        }
        .into_any())
    })
}

fn narrowing(status: Option<InboxStatus>, event_type: Option<String>) -> AnyView {
    let statuses = InboxStatus::ALL.iter().map(|status| (status.as_str().to_owned(), capitalized(status.as_str())));
    let narrowed = status.is_some() || event_type.is_some();
    let chosen = status.map(|status| status.as_str().to_owned()).unwrap_or_default();
    let fields = view! {
        <Select label="Status" name="status" options=choices("All", statuses) value=chosen />
        <Field label="Type" name="type" value=event_type.unwrap_or_default() optional=true />
    };
    filters("/admin/webhook-events", narrowed, fields.into_any())
}

fn row(event: WebhookEvent, now: DateTime<Utc>) -> Vec<AnyView> {
    let account = event.account.map(|account| view! { <span class="sub">{id_chip(account)}</span> });
    vec![
        view! { <span>{moment(event.received_at)}<span class="sub">{age_text(event.received_at, now)}</span></span> }
            .into_any(),
        view! { <a href=format!("/admin/webhook-events/{}", event.id)>{event.event_type}</a> }.into_any(),
        event_badge(event.status),
        view! { <span>{event.object_id.map(id_chip)}{account}</span> }.into_any(),
        event.error.into_any(),
    ]
}
