//! Counts for `/metrics`: how much waits, and where. Each is answered by an index over what waits, never by a whole table.

use sqlx::PgExecutor;

/// What waits, by name, and how many of it.
///
/// # Errors
/// When the database doesn't answer.
pub async fn waiting(db: impl PgExecutor<'_>) -> sqlx::Result<Vec<(String, i64)>> {
    let rows = sqlx::query!(
        r#"select 'inbox_' || status as "what!", count(*) as "number!" from inbox_events
            where status = 'received' group by status
        union all
        select 'inbox_' || status, count(*) from inbox_events where status in ('parked', 'failed') group by status
        union all
        select 'payout_items_' || status, count(*) from payout_items
            where status in ('pending', 'sending', 'processing', 'unresolved') group by status
        union all
        select 'mail_queued', count(*) from outgoing_mail where status = 'queued'"#
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| (row.what, row.number)).collect())
}
