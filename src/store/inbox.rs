//! Events as they arrived, and how far each is. A row is written before Stripe hears that the event was received.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::domain::program::InboxStatus;

/// An event to be kept.
#[derive(Debug, Clone)]
pub struct NewEvent<'a> {
    pub id: &'a str,
    pub event_type: &'a str,
    pub object_id: Option<&'a str>,
    pub account: Option<&'a str>,
    pub api_version: Option<&'a str>,
    pub livemode: bool,
    pub stripe_created_at: Option<DateTime<Utc>>,
    /// The body, as it came.
    pub payload: &'a str,
    pub received_at: DateTime<Utc>,
    pub status: InboxStatus,
    /// Why it failed at the door.
    pub error: Option<&'a str>,
}

/// An event that a worker has claimed.
#[derive(Debug, Clone)]
pub struct Claimed {
    pub id: String,
    pub payload: String,
    /// How often it was tried before and put off.
    pub attempts: i32,
}

/// Keeps the event unless its id is known. Returns whether it was new.
///
/// # Errors
/// From the database.
pub async fn insert(conn: &mut PgConnection, event: &NewEvent<'_>) -> Result<bool, sqlx::Error> {
    let inserted = sqlx::query!(
        "insert into inbox_events (id, type, object_id, account, api_version, livemode, stripe_created_at, payload,
            received_at, status, error, next_attempt_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $9) on conflict (id) do nothing",
        event.id,
        event.event_type,
        event.object_id,
        event.account,
        event.api_version,
        event.livemode,
        event.stripe_created_at,
        event.payload,
        event.received_at,
        event.status.as_str(),
        event.error,
    )
    .execute(conn)
    .await?;
    Ok(inserted.rows_affected() == 1)
}

/// Keeps each of the events unless its id is known, with one statement. Returns how many were new.
///
/// # Errors
/// From the database; none is kept then.
pub async fn insert_all(conn: &mut PgConnection, events: &[NewEvent<'_>]) -> Result<u64, sqlx::Error> {
    let ids: Vec<&str> = events.iter().map(|event| event.id).collect();
    let types: Vec<&str> = events.iter().map(|event| event.event_type).collect();
    let object_ids: Vec<Option<&str>> = events.iter().map(|event| event.object_id).collect();
    let accounts: Vec<Option<&str>> = events.iter().map(|event| event.account).collect();
    let api_versions: Vec<Option<&str>> = events.iter().map(|event| event.api_version).collect();
    let livemodes: Vec<bool> = events.iter().map(|event| event.livemode).collect();
    let created: Vec<Option<DateTime<Utc>>> = events.iter().map(|event| event.stripe_created_at).collect();
    let payloads: Vec<&str> = events.iter().map(|event| event.payload).collect();
    let received: Vec<DateTime<Utc>> = events.iter().map(|event| event.received_at).collect();
    let statuses: Vec<&str> = events.iter().map(|event| event.status.as_str()).collect();
    let errors: Vec<Option<&str>> = events.iter().map(|event| event.error).collect();
    // In the order of ids, so that two of these that share events wait for each other at most once.
    let inserted = sqlx::query!(
        "insert into inbox_events (id, type, object_id, account, api_version, livemode, stripe_created_at, payload,
            received_at, status, error, next_attempt_at)
        select id, type, object_id, account, api_version, livemode, stripe_created_at, payload, received_at, status,
            error, received_at
        from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::boolean[], $7::timestamptz[],
                $8::text[], $9::timestamptz[], $10::text[], $11::text[])
            as event (id, type, object_id, account, api_version, livemode, stripe_created_at, payload, received_at,
                status, error)
        order by id on conflict (id) do nothing",
        &ids as &[&str],
        &types as &[&str],
        &object_ids as &[Option<&str>],
        &accounts as &[Option<&str>],
        &api_versions as &[Option<&str>],
        &livemodes,
        &created as &[Option<DateTime<Utc>>],
        &payloads as &[&str],
        &received,
        &statuses as &[&str],
        &errors as &[Option<&str>],
    )
    .execute(conn)
    .await?;
    Ok(inserted.rows_affected())
}

/// Tells the workers of all processes that there is something to do. Only a hint: they look by themselves too.
///
/// # Errors
/// From the database.
pub async fn notify(conn: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::query!(r#"select pg_notify('purser_inbox', '')::text as "sent""#).fetch_one(conn).await.map(drop)
}

/// Takes the event that waits longest, for the rest of the transaction; others pass it by.
///
/// # Errors
/// From the database.
pub async fn claim_next(conn: &mut PgConnection, now: DateTime<Utc>) -> Result<Option<Claimed>, sqlx::Error> {
    sqlx::query_as!(
        Claimed,
        "select id, payload, attempts from inbox_events where status = 'received' and next_attempt_at <= $1
        order by next_attempt_at, id limit 1 for update skip locked",
        now,
    )
    .fetch_optional(conn)
    .await
}

/// Marks an event that is in hand: done, ignored, parked or failed, with the reason. Does nothing when somebody else
/// marked it meanwhile.
///
/// # Errors
/// From the database.
pub async fn mark(
    conn: &mut PgConnection,
    id: &str,
    status: InboxStatus,
    error: Option<&str>,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update inbox_events set status = $2, error = $3, attempts = attempts + 1, processed_at = $4
        where id = $1 and status = 'received'",
        id,
        status.as_str(),
        error,
        now,
    )
    .execute(conn)
    .await
    .map(drop)
}

/// Puts an event off until `next_attempt_at`, with the reason.
///
/// # Errors
/// From the database.
pub async fn put_off(
    conn: &mut PgConnection,
    id: &str,
    why: &str,
    next_attempt_at: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update inbox_events set error = $2, attempts = attempts + 1, next_attempt_at = $3
        where id = $1 and status = 'received'",
        id,
        why,
        next_attempt_at,
    )
    .execute(conn)
    .await
    .map(drop)
}

/// The status of an event, if it is kept.
///
/// # Errors
/// From the database.
pub async fn status(conn: &mut PgConnection, id: &str) -> Result<Option<String>, sqlx::Error> {
    sqlx::query_scalar!("select status from inbox_events where id = $1", id).fetch_optional(conn).await
}

/// Makes a failed, parked or ignored event wait for a worker again. Returns whether there was such an event.
///
/// # Errors
/// From the database.
pub async fn replay(conn: &mut PgConnection, id: &str, now: DateTime<Utc>) -> Result<bool, sqlx::Error> {
    let replayed = sqlx::query!(
        "update inbox_events set status = 'received', error = null, attempts = 0, processed_at = null, next_attempt_at = $2
        where id = $1 and status in ('failed', 'parked', 'ignored')",
        id,
        now,
    )
    .execute(conn)
    .await?;
    Ok(replayed.rows_affected() == 1)
}
