//! One webhook event: its state, its error in words, its payload as it came, and taking it up again.

use leptos::prelude::*;
use purser::desk::webhook_events::{self, WebhookEvent};
use purser::domain::actor::Permission;
use purser::domain::program::InboxStatus;

use crate::components::{Banner, Crumb, PageHead, Section, Tone, event_badge, id_chip, moment};
use crate::visit::{Visit, page};

pub fn show() -> AnyView {
    page(|visit: Visit| async move {
        let (event, payload) = webhook_events::get(&visit.engine, visit.actor()?, &visit.id()).await?;
        Ok(body(event, payload, visit.may(Permission::Write)))
    })
}

fn body(event: WebhookEvent, payload: String, may_replay: bool) -> AnyView {
    let replayable = matches!(event.status, InboxStatus::Failed | InboxStatus::Parked | InboxStatus::Ignored);
    let replay = (replayable && may_replay).then(|| {
        view! {
            <form method="post" action="/admin/do/replay-event">
                <input type="hidden" name="id" value=event.id.clone() />
                <button class="primary">"Replay this event"</button>
            </form>
        }
    });
    let error = event.error.clone().map(|error| view! { <Banner tone=Tone::Bad title=error /> });
    let facts = facts(&event);
    view! {
        <PageHead title=event.event_type.clone() context=context(event.status) crumbs=vec![Crumb::new("/admin/webhook-events", "Webhook events")] badge=event_badge(event.status)>
            {replay}
        </PageHead>
        {error}
        <Section title="Facts"><div class="card">{facts}</div></Section>
        <Section title="Payload as received"><pre tabindex="0" role="region" aria-label="Payload">{indented(&payload)}</pre></Section>
    }
    .into_any()
}

fn context(status: InboxStatus) -> &'static str {
    match status {
        InboxStatus::Received => "A worker takes it up in a moment.",
        InboxStatus::Processed => "Taken in. Doing it again would change nothing.",
        InboxStatus::Parked => {
            "It refers to something that Stripe hasn't told of yet, and is taken up when that arrives."
        }
        InboxStatus::Failed => "Taking it in failed. Nothing of it was written; replay it once the cause is gone.",
        InboxStatus::Ignored => "Purser has no use for events of this type.",
    }
}

fn facts(event: &WebhookEvent) -> AnyView {
    view! {
        <dl class="facts">
            <dt>"Event"</dt>
            <dd>{id_chip(event.id.clone())}</dd>
            {event.object_id.clone().map(|id| view! { <dt>"About"</dt><dd>{id_chip(id)}</dd> })}
            {event.account.clone().map(|id| view! { <dt>"Connected account"</dt><dd>{id_chip(id)}</dd> })}
            {event.created_at.map(|at| view! { <dt>"Happened"</dt><dd>{moment(at)}</dd> })}
            <dt>"Received"</dt>
            <dd>{moment(event.received_at)}</dd>
            {event.processed_at.map(|at| view! { <dt>"Taken in"</dt><dd>{moment(at)}</dd> })}
            <dt>"Tries"</dt>
            <dd>{event.attempts}</dd>
            <dt>"Mode"</dt>
            <dd>{if event.livemode { "Live" } else { "Test" }}</dd>
        </dl>
    }
    .into_any()
}

/// The payload with line breaks, or as it came when it isn't JSON.
fn indented(payload: &str) -> String {
    serde_json::from_str::<serde_json::Value>(payload)
        .and_then(|value| serde_json::to_string_pretty(&value))
        .unwrap_or_else(|_| payload.to_owned())
}
