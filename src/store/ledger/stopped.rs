//! Finalized lines that are in no payout, on hold: they stay finalized, so that no amount changes any more, and their money
//! stands in `held` instead of `payable`. Callers keep which hold stops them.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::lines::add_history;
use super::{Cause, EnrollmentLock, LedgerError, LineRow, post};
use crate::domain::actor::Actor;
use crate::domain::ids::{LineId, PayoutItemId};
use crate::domain::line::LineStatus;
use crate::domain::posting::{Account, Posting};

/// Stops the finalized line: payable → held. Nothing happens to one that is stopped, or in a payout.
///
/// # Errors
/// See [`LedgerError`].
pub async fn stop_finalized(
    conn: &mut PgConnection,
    lock: &mut EnrollmentLock,
    now: DateTime<Utc>,
    actor: &Actor,
    line: &LineRow,
    why: &str,
) -> Result<(), LedgerError> {
    let (posting, steps) =
        (Posting::hold(Account::Payable, line.amount.amount_minor), (LineStatus::Finalized, LineStatus::OnHold));
    turn(conn, lock, now, actor, line, (true, posting, steps), why).await
}

/// Lets the stopped line go: held → payable. Nothing happens to one that isn't stopped.
///
/// # Errors
/// See [`LedgerError`].
pub async fn release_finalized(
    conn: &mut PgConnection,
    lock: &mut EnrollmentLock,
    now: DateTime<Utc>,
    actor: &Actor,
    line: &LineRow,
    why: &str,
) -> Result<(), LedgerError> {
    let (posting, steps) =
        (Posting::release(Account::Payable, line.amount.amount_minor), (LineStatus::OnHold, LineStatus::Finalized));
    turn(conn, lock, now, actor, line, (false, posting, steps), why).await
}

async fn turn(
    conn: &mut PgConnection,
    lock: &mut EnrollmentLock,
    now: DateTime<Utc>,
    actor: &Actor,
    line: &LineRow,
    (stopped, posting, (from, to)): (bool, Posting, (LineStatus, LineStatus)),
    why: &str,
) -> Result<(), LedgerError> {
    let turned = sqlx::query!(
        "update commissions_ledger set stopped = $3
        where enrollment_id = $1 and id = $2 and status = 'finalized' and payout_item_id is null and stopped <> $3",
        lock.enrollment_id().0,
        line.id.0,
        stopped,
    )
    .execute(&mut *conn)
    .await?;
    if turned.rows_affected() == 0 {
        return Ok(());
    }
    // The same line may be stopped again, after another payout of it failed: its place in the chain names the posting.
    let key = format!("{}:{}:{}", posting.movement, line.id, lock.seq);
    let cause = Cause { text: why, idempotency_key: &key, line_id: Some(line.id), item_id: None };
    post(conn, lock, now, posting, line.amount.currency, cause).await?;
    add_history(conn, lock.enrollment_id(), &[line.id.0], Some(from), to, now, actor, why).await
}

/// The lines that came back from an item that was not paid, in the order of their ids; those that are in another payout by
/// now are not among them.
///
/// # Errors
/// From the database.
pub async fn lines_back_from(
    conn: &mut PgConnection,
    lock: &EnrollmentLock,
    item: PayoutItemId,
) -> Result<Vec<LineId>, LedgerError> {
    let lines = sqlx::query_scalar!(
        r#"select l.id as "id: LineId" from payout_item_lines il
        join commissions_ledger l on l.enrollment_id = il.enrollment_id and l.id = il.line_id
        where il.enrollment_id = $1 and il.item_id = $2 and l.status = 'finalized' and l.payout_item_id is null
        order by l.id"#,
        lock.enrollment_id().0,
        item.0,
    )
    .fetch_all(conn)
    .await?;
    Ok(lines)
}
