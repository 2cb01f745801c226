//! Parked events about payments whose sale isn't known yet, under each of the payment's names. Who parks and who makes a
//! sale hold the names, so that none misses the other.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

/// Lets the event wait for a sale of one of the names.
///
/// # Errors
/// From the database.
pub async fn wait(conn: &mut PgConnection, event_id: &str, names: &[String]) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into parked_events (name, event_id) select name, $2 from unnest($1::text[]) as name
        on conflict do nothing",
        names,
        event_id,
    )
    .execute(conn)
    .await
    .map(drop)
}

/// Ends the wait of every event that waits under one of the names: the sale is there, and what they told is applied.
///
/// # Errors
/// From the database.
pub async fn end(conn: &mut PgConnection, now: DateTime<Utc>, names: &[String]) -> sqlx::Result<()> {
    let ended = sqlx::query_scalar!(
        "delete from parked_events where event_id in (select event_id from parked_events where name = any($1))
        returning event_id",
        names,
    )
    .fetch_all(&mut *conn)
    .await?;
    sqlx::query!(
        "update inbox_events set status = 'processed', error = null, processed_at = $2
        where id = any($1) and status = 'parked'",
        &ended,
        now,
    )
    .execute(conn)
    .await
    .map(drop)
}
