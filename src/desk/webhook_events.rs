//! Webhook events: what Stripe sent, what became of it, and taking it up once more.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::{Error, Page, PageRequest, Result};
use crate::Engine;
use crate::domain::actor::{Actor, Permission};
use crate::domain::program::InboxStatus;
use crate::pipeline::inbox;
use crate::store::audit;
use crate::store::backfills::{self, Comparison};
use crate::store::inbox_view::{self, EventView};

/// An event that Stripe sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct WebhookEvent {
    /// Stripe's id, `evt_…`.
    pub id: String,
    #[serde(rename = "type")]
    pub event_type: String,
    /// The object it is about.
    pub object_id: Option<String>,
    /// The connected account it came from; null for the company's own.
    pub account: Option<String>,
    pub livemode: bool,
    pub status: InboxStatus,
    pub attempts: i32,
    /// Why it failed or waits.
    pub error: Option<String>,
    /// When Stripe says that it happened.
    pub created_at: Option<DateTime<Utc>>,
    pub received_at: DateTime<Utc>,
    pub processed_at: Option<DateTime<Utc>>,
}

/// The last comparison with Stripe's own list of events; none before the first night.
///
/// # Errors
/// [`Error::Forbidden`].
pub async fn last_comparison(engine: &Engine, actor: &Actor) -> Result<Option<Comparison>> {
    actor.require(Permission::Read)?;
    Ok(backfills::last(&mut *engine.pool.acquire().await?).await?)
}

/// Events, last received first.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::Invalid`] for the cursor.
pub async fn list(
    engine: &Engine,
    actor: &Actor,
    status: Option<InboxStatus>,
    event_type: Option<&str>,
    page: &PageRequest,
) -> Result<Page<WebhookEvent>> {
    actor.require(Permission::Read)?;
    let mut conn = engine.pool.acquire().await?;
    let rows = inbox_view::list(&mut conn, status, event_type, page.before_text(), page.fetch()).await?;
    Ok(page.page(rows.into_iter().map(WebhookEvent::from).collect(), |event| event.id.clone()))
}

/// The event and its payload as received.
///
/// # Errors
/// [`Error::Forbidden`], [`Error::NotFound`].
pub async fn get(engine: &Engine, actor: &Actor, id: &str) -> Result<(WebhookEvent, String)> {
    actor.require(Permission::Read)?;
    let mut conn = engine.pool.acquire().await?;
    let (event, payload) = inbox_view::find(&mut conn, id).await?.ok_or(Error::NotFound("webhook event"))?;
    Ok((event.into(), payload))
}

/// Lets a worker take the event up once more; its effects are written once however often it runs.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::NotFound`]; [`Error::Conflict`] when it was processed or waits for a worker.
pub async fn replay(engine: &Engine, actor: &Actor, now: DateTime<Utc>, id: &str) -> Result<WebhookEvent> {
    actor.require(Permission::Write)?;
    let mut tx = engine.pool.begin().await?;
    let (event, _) = inbox_view::find(&mut tx, id).await?.ok_or(Error::NotFound("webhook event"))?;
    if !inbox::replay(&mut tx, now, id).await? {
        let message =
            format!("The event is {}: only one that failed, waits or was ignored can be taken up again.", event.status);
        return Err(Error::conflict("not_replayable", message));
    }
    audit::record(&mut tx, now, actor, "webhook_event.replayed", ("webhook_event", id.to_owned()), json!({})).await?;
    let (event, _) = inbox_view::find(&mut tx, id).await?.ok_or(Error::NotFound("webhook event"))?;
    tx.commit().await?;
    Ok(event.into())
}

impl From<EventView> for WebhookEvent {
    fn from(row: EventView) -> Self {
        WebhookEvent {
            id: row.id,
            event_type: row.event_type,
            object_id: row.object_id,
            account: row.account,
            livemode: row.livemode,
            status: row.status,
            attempts: row.attempts,
            error: row.error,
            created_at: row.stripe_created_at,
            received_at: row.received_at,
            processed_at: row.processed_at,
        }
    }
}
