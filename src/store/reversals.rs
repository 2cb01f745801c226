//! Transfers that an admin takes back. A row is written before the call, with its key; the pauses between calls use the
//! database's clock, and moving the next call on is what keeps two workers from making it at once.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgConnection;

use crate::domain::ids::{EnrollmentId, PayoutItemId, ReversalId};
use crate::domain::money::Money;
use crate::domain::reversal::ReversalStatus;
use crate::store::payout_items::ItemRow;

/// What is asked of Stripe.
#[derive(Debug, Clone)]
pub struct NewReversal<'a> {
    pub id: ReversalId,
    pub amount: Money,
    pub reason: &'a str,
    pub requested_by: &'a str,
}

/// The key that every call of this reversal carries.
pub fn idempotency_key(id: ReversalId) -> String {
    format!("reversal:{id}")
}

/// Writes the request for a part of the locked item's transfer, due at once.
pub async fn insert(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    item: &ItemRow,
    new: &NewReversal<'_>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into transfer_reversals
            (enrollment_id, id, item_id, amount_minor, reason, idempotency_key, requested_by, requested_at, status, next_attempt_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8, 'unresolved', clock_timestamp())",
        item.enrollment_id.0,
        new.id.0,
        item.id.0,
        new.amount.amount_minor,
        new.reason,
        idempotency_key(new.id),
        new.requested_by,
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// A reversal with what its call needs.
#[derive(Debug, Clone)]
pub struct ReversalRow {
    pub id: ReversalId,
    pub enrollment_id: EnrollmentId,
    pub item_id: PayoutItemId,
    pub amount_minor: i64,
    pub reason: String,
    pub idempotency_key: String,
    pub requested_by: String,
    pub requested_at: DateTime<Utc>,
    pub status: ReversalStatus,
    pub attempts: i32,
    pub transfer_id: Option<String>,
    pub reversal_id: Option<String>,
    pub error_code: Option<String>,
    pub error_message: Option<String>,
}

pub async fn find(conn: &mut PgConnection, id: ReversalId) -> sqlx::Result<Option<ReversalRow>> {
    sqlx::query_as!(
        ReversalRow,
        r#"select r.id as "id: _", r.enrollment_id as "enrollment_id: _", r.item_id as "item_id: _", r.amount_minor, r.reason,
            r.idempotency_key, r.requested_by, r.requested_at, r.status as "status: _", r.attempts, i.transfer_id,
            r.reversal_id, r.error_code, r.error_message
        from transfer_reversals r join payout_items i on i.enrollment_id = r.enrollment_id and i.id = r.item_id
        where r.id = $1"#,
        id.0,
    )
    .fetch_optional(conn)
    .await
}

/// The item's reversals, oldest first.
pub async fn of_item(conn: &mut PgConnection, item_id: PayoutItemId) -> sqlx::Result<Vec<ReversalRow>> {
    sqlx::query_as!(
        ReversalRow,
        r#"select r.id as "id: _", r.enrollment_id as "enrollment_id: _", r.item_id as "item_id: _", r.amount_minor, r.reason,
            r.idempotency_key, r.requested_by, r.requested_at, r.status as "status: _", r.attempts, i.transfer_id,
            r.reversal_id, r.error_code, r.error_message
        from payout_items i join transfer_reversals r on r.enrollment_id = i.enrollment_id and r.item_id = i.id
        where i.id = $1 order by r.id"#,
        item_id.0,
    )
    .fetch_all(conn)
    .await
}

/// Reversals whose next call is due.
pub async fn due(conn: &mut PgConnection, at_most: i64) -> sqlx::Result<Vec<ReversalId>> {
    sqlx::query_scalar!(
        r#"select id as "id: ReversalId" from transfer_reversals
        where status = 'unresolved' and next_attempt_at <= clock_timestamp() order by next_attempt_at limit $1"#,
        at_most,
    )
    .fetch_all(conn)
    .await
}

/// Writes that a call begins; nobody else makes it before `lease` is over. `false`: it is not due, or it has ended.
pub async fn begin(conn: &mut PgConnection, id: ReversalId, lease: Duration) -> sqlx::Result<bool> {
    let begun = sqlx::query!(
        "update transfer_reversals
        set attempts = attempts + 1, next_attempt_at = clock_timestamp() + make_interval(secs => $2)
        where id = $1 and status = 'unresolved' and next_attempt_at <= clock_timestamp()",
        id.0,
        lease.as_secs_f64(),
    )
    .execute(conn)
    .await?;
    Ok(begun.rows_affected() > 0)
}

/// Nobody knows yet; the next call is due after `pause`.
pub async fn put_back(
    conn: &mut PgConnection,
    id: ReversalId,
    pause: TimeDelta,
    code: &str,
    message: &str,
) -> sqlx::Result<()> {
    sqlx::query!(
        "update transfer_reversals
        set next_attempt_at = clock_timestamp() + make_interval(secs => $2), error_code = $3, error_message = $4
        where id = $1 and status = 'unresolved'",
        id.0,
        pause.to_std().unwrap_or_default().as_secs_f64(),
        code,
        message,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Stripe has made the reversal.
pub async fn mark_done(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    id: ReversalId,
    reversal_id: &str,
) -> sqlx::Result<()> {
    sqlx::query!(
        "update transfer_reversals
        set status = 'done', reversal_id = $2, ended_at = $3, error_code = null, error_message = null
        where id = $1 and status = 'unresolved'",
        id.0,
        reversal_id,
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Stripe said no, or showed that it made none.
pub async fn mark_failed(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    id: ReversalId,
    code: &str,
    message: &str,
) -> sqlx::Result<()> {
    sqlx::query!(
        "update transfer_reversals set status = 'failed', error_code = $2, error_message = $3, ended_at = $4
        where id = $1 and status = 'unresolved'",
        id.0,
        code,
        message,
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}
