//! Parked events about payments whose sale isn't known yet, under each of the payment's names. Who parks and who makes a
//! sale hold the names, so that none misses the other.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::domain::currency::Currency;

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

/// An event that waits for a sale, with what it tells of.
#[derive(Debug, Clone)]
pub struct ParkedRow {
    pub event_id: String,
    pub event_type: String,
    pub object_id: Option<String>,
    pub received_at: DateTime<Utc>,
    /// The names of the payment whose sale it waits for.
    pub names: Vec<String>,
    /// Of the refund or dispute, where it is one; minor units.
    pub amount_minor: Option<i64>,
    pub currency: Option<Currency>,
}

/// The longest waiting first; `after` is the id of an event of the list.
///
/// # Errors
/// From the database.
pub async fn list(conn: &mut PgConnection, after: Option<&str>, limit: i64) -> sqlx::Result<Vec<ParkedRow>> {
    sqlx::query_as!(
        ParkedRow,
        r#"select e.id as event_id, e.type as event_type, e.object_id, e.received_at,
            array_agg(distinct p.name order by p.name) as "names!",
            coalesce(max(r.amount_minor), max(d.amount_minor)) as amount_minor,
            coalesce(max(r.currency), max(d.currency)) as "currency: Currency"
        from parked_events p join inbox_events e on e.id = p.event_id
        left join refunds r on r.id = e.object_id left join disputes d on d.id = e.object_id
        where e.status = 'parked'
            and ($1::text is null or (e.received_at, e.id) > (select received_at, id from inbox_events where id = $1))
        group by e.id order by e.received_at, e.id limit $2"#,
        after,
        limit,
    )
    .fetch_all(conn)
    .await
}
