//! `/webhook-events`.

use axum::Json;
use axum::extract::{Path, State};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::super::Answer;
use super::super::caller::{Reader, Writer};
use super::super::input::{Query, from_text};
use crate::Engine;
use crate::desk::webhook_events::{self, WebhookEvent};
use crate::desk::{Page, PageRequest};
use crate::domain::program::InboxStatus;

/// What narrows the list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct EventsQuery {
    status: Option<InboxStatus>,
    /// Stripe's type, `invoice.paid`.
    #[serde(rename = "type")]
    event_type: Option<String>,
    /// Rows of the page, 1 to 100; 25 when it is left out.
    #[serde(default, deserialize_with = "from_text")]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// An event with its payload as it was received.
#[derive(Debug, Serialize, ToSchema)]
pub struct EventDetail {
    #[serde(flatten)]
    event: WebhookEvent,
    payload: String,
}

/// Lists webhook events, last received first.
#[utoipa::path(get, path = "/webhook-events", tag = "Webhook events", params(EventsQuery), security(("key" = ["read"])),
    responses((status = 200, body = Page<WebhookEvent>)))]
pub async fn list(
    State(engine): State<Engine>,
    by: Reader,
    Query(query): Query<EventsQuery>,
) -> Answer<Page<WebhookEvent>> {
    let page = PageRequest::new(query.limit, query.cursor)?;
    let event_type = query.event_type.as_deref();
    Ok(Json(webhook_events::list(&engine, &by.actor, query.status, event_type, &page).await?))
}

/// Reads an event with its payload.
#[utoipa::path(get, path = "/webhook-events/{id}", tag = "Webhook events", params(("id" = String, Path, description = "Stripe's id, `evt_…`.")),
    security(("key" = ["read"])), responses((status = 200, body = EventDetail)))]
pub async fn get(State(engine): State<Engine>, by: Reader, Path(id): Path<String>) -> Answer<EventDetail> {
    let (event, payload) = webhook_events::get(&engine, &by.actor, &id).await?;
    Ok(Json(EventDetail { event, payload }))
}

/// Lets a worker take the event up once more.
#[utoipa::path(post, path = "/webhook-events/{id}/replay", tag = "Webhook events", params(("id" = String, Path, description = "Stripe's id, `evt_…`.")),
    security(("key" = ["write"])), responses((status = 200, body = WebhookEvent)))]
pub async fn replay(State(engine): State<Engine>, by: Writer, Path(id): Path<String>) -> Answer<WebhookEvent> {
    Ok(Json(webhook_events::replay(&engine, &by.actor, by.now, &id).await?))
}
