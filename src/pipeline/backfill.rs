//! Finds the gaps that webhooks left: asks Stripe for its events since a time and keeps those that never arrived, for the inbox's
//! workers to take up like any other. Asks first and writes after, one page at a time; events that are known stay as they are.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use crate::Engine;
use crate::domain::program::InboxStatus;
use crate::store::backfills;
use crate::store::inbox::{self, NewEvent};
use crate::stripe::client::CallError;
use crate::stripe::event::{Sealed, storable};

/// How many events Stripe told of, and how many of them were new.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Backfilled {
    pub seen: usize,
    pub new: usize,
}

/// Why not all of them could be taken in; what was taken in before stays.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("Stripe isn't connected: set STRIPE_SECRET_KEY")]
    NotConnected,
    #[error("Stripe didn't tell its events: {0}")]
    Call(#[from] CallError),
    #[error("the database refused: {0}")]
    Store(#[from] sqlx::Error),
}

/// How far back a regular comparison goes at least: as long as Stripe tries to deliver an event.
const LOOK_BACK: TimeDelta = TimeDelta::days(3);

/// How far back Stripe's list goes.
const KEPT: TimeDelta = TimeDelta::days(30);

/// What was told at the end of the last comparison may have been listed a little later.
const OVERLAP: TimeDelta = TimeDelta::hours(1);

/// Compares with Stripe since the last comparison that came to its end, and at least over the last days; so after an outage of
/// a week, over that week.
///
/// # Errors
/// See [`Error`].
pub async fn catch_up(engine: &Engine, now: DateTime<Utc>) -> Result<Backfilled, Error> {
    let complete = backfills::complete_until(&mut *engine.pool.acquire().await?).await?;
    let since = complete.map_or(now - LOOK_BACK, |complete| (complete - OVERLAP).min(now - LOOK_BACK));
    backfill(engine, now, since.max(now - KEPT)).await
}

/// Takes in what never arrived since `since`. Stripe keeps its events for 30 days.
///
/// # Errors
/// See [`Error`].
pub async fn backfill(engine: &Engine, now: DateTime<Utc>, since: DateTime<Utc>) -> Result<Backfilled, Error> {
    let stripe = engine.stripe.as_ref().ok_or(Error::NotConnected)?;
    let mut all = Backfilled::default();
    let mut after: Option<String> = None;
    loop {
        let page = stripe.events_since(since, after.as_deref()).await?;
        let mut conn = engine.pool.acquire().await?;
        for event in &page.data {
            all.seen += 1;
            all.new += usize::from(keep(&mut conn, now, event).await?);
        }
        inbox::notify(&mut conn).await?;
        after = page.data.last().and_then(|event| event["id"].as_str()).map(str::to_owned);
        if !page.has_more || after.is_none() {
            backfills::write_down(&mut conn, now, since, (all.seen, all.new)).await?;
            return Ok(all);
        }
    }
}

/// Keeps one event unless it is known. What is no event is left to the webhook door, which keeps it as unreadable.
async fn keep(conn: &mut sqlx::PgConnection, now: DateTime<Utc>, event: &Value) -> Result<bool, sqlx::Error> {
    let payload = storable(&event.to_string());
    let Ok(envelope) = Sealed::read(&payload) else {
        tracing::warn!("Stripe listed an event that can't be read");
        return Ok(false);
    };
    let object_id = envelope.object_id();
    let new = NewEvent {
        id: &envelope.id,
        event_type: &envelope.event_type,
        object_id: object_id.as_deref(),
        account: envelope.account.as_deref(),
        api_version: envelope.api_version.as_deref(),
        livemode: envelope.livemode,
        stripe_created_at: envelope.created_at(),
        payload: &payload,
        received_at: now,
        status: InboxStatus::Received,
        error: None,
    };
    inbox::insert(conn, &new).await
}
