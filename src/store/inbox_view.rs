//! Webhook events as the console and the API show them. Reading only.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::domain::program::InboxStatus;

/// An event that Stripe sent.
#[derive(Debug, Clone)]
pub struct EventView {
    pub id: String,
    pub event_type: String,
    pub object_id: Option<String>,
    pub account: Option<String>,
    pub livemode: bool,
    pub status: InboxStatus,
    pub attempts: i32,
    pub error: Option<String>,
    pub stripe_created_at: Option<DateTime<Utc>>,
    pub received_at: DateTime<Utc>,
    pub processed_at: Option<DateTime<Utc>>,
}

/// Last received first; `before` is the id of an event of the list.
pub async fn list(
    conn: &mut PgConnection,
    status: Option<InboxStatus>,
    event_type: Option<&str>,
    before: Option<&str>,
    limit: i64,
) -> sqlx::Result<Vec<EventView>> {
    sqlx::query_as!(
        EventView,
        r#"select id, type as event_type, object_id, account, livemode, status as "status: InboxStatus", attempts, error,
            stripe_created_at, received_at, processed_at
        from inbox_events
        where ($1::text is null or status = $1) and ($2::text is null or type = $2)
            and ($3::text is null or (received_at, id) < (select received_at, id from inbox_events where id = $3))
        order by received_at desc, id desc limit $4"#,
        status.map(InboxStatus::as_str),
        event_type,
        before,
        limit,
    )
    .fetch_all(conn)
    .await
}

/// The event with its payload as it was received.
pub async fn find(conn: &mut PgConnection, id: &str) -> sqlx::Result<Option<(EventView, String)>> {
    let row = sqlx::query!(
        r#"select id, type as event_type, object_id, account, livemode, status as "status: InboxStatus", attempts, error,
            stripe_created_at, received_at, processed_at, payload
        from inbox_events where id = $1"#,
        id,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| {
        let event = EventView {
            id: row.id,
            event_type: row.event_type,
            object_id: row.object_id,
            account: row.account,
            livemode: row.livemode,
            status: row.status,
            attempts: row.attempts,
            error: row.error,
            stripe_created_at: row.stripe_created_at,
            received_at: row.received_at,
            processed_at: row.processed_at,
        };
        (event, row.payload)
    }))
}
