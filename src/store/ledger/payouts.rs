//! The ledger's side of a payout: lines are locked into an item, the money is reserved, and then settled or given back.
//! The item's own row and its state belong to `store::payout_items`; callers change both in one transaction.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::lines::add_history;
use super::{Cause, EnrollmentLock, LedgerError, Posted, post};
use crate::domain::actor::Actor;
use crate::domain::batch::Rail;
use crate::domain::currency::Currency;
use crate::domain::ids::PayoutItemId;
use crate::domain::line::LineStatus;
use crate::domain::money::{self, Money};
use crate::domain::payout::Cutoff;
use crate::domain::posting::Posting;

/// An item as the ledger knows it: what it is called and what it pays.
#[derive(Debug, Clone, Copy)]
pub struct ItemRef {
    pub id: PayoutItemId,
    pub amount: Money,
}

/// The sum and number of the lines that the next item of this enrollment and currency would pay: approved ones, and
/// finalized ones whose item failed or was cancelled.
///
/// # Errors
/// From the database.
pub async fn payable_lines_total(
    conn: &mut PgConnection,
    lock: &EnrollmentLock,
    currency: Currency,
    cutoff: Cutoff,
) -> Result<(i64, i64), LedgerError> {
    let row = sqlx::query!(
        r#"select coalesce(sum(amount_minor), 0)::bigint as "total!", count(*) as "lines!" from payable_lines
        where enrollment_id = $1 and currency = $2
            and (amount_minor < 0 or (matures_at <= coalesce($3, matures_at) and ($4::timestamptz is null or created_at < $4)))"#,
        lock.enrollment_id().0,
        currency.as_str(),
        cutoff.matured_by,
        cutoff.earned_before,
    )
    .fetch_one(conn)
    .await?;
    Ok((row.total, row.lines))
}

/// Finalizes the payable lines of the item's currency into the item, whose row exists already: those that
/// [`payable_lines_total`] counted with the same `cutoff`. They must sum to the item's amount. Returns how many there are.
///
/// # Errors
/// [`LedgerError::Unreadable`] when the sum differs: the transaction must then be rolled back.
pub async fn finalize_into_item(
    conn: &mut PgConnection,
    lock: &EnrollmentLock,
    now: DateTime<Utc>,
    actor: &Actor,
    item: ItemRef,
    cutoff: Cutoff,
) -> Result<usize, LedgerError> {
    let rows = sqlx::query!(
        r#"with due as (
            select id, status from payable_lines
            where enrollment_id = $1 and currency = $2
                and (amount_minor < 0 or (matures_at <= coalesce($5, matures_at) and ($6::timestamptz is null or created_at < $6)))
        ), taken as (
            update commissions_ledger l
            set status = 'finalized', finalized_at = coalesce(finalized_at, $4), payout_item_id = $3
            from due where l.enrollment_id = $1 and l.id = due.id
            returning l.id, l.amount_minor, due.status as was
        ), listed as (
            insert into payout_item_lines (enrollment_id, item_id, line_id, amount_minor)
            select $1, $3, id, amount_minor from taken
        )
        select id, amount_minor, was as "was!" from taken"#,
        lock.enrollment_id().0,
        item.amount.currency.as_str(),
        item.id.0,
        now,
        cutoff.matured_by,
        cutoff.earned_before,
    )
    .fetch_all(&mut *conn)
    .await?;
    if money::sum(rows.iter().map(|row| row.amount_minor))? != item.amount.amount_minor {
        return Err(LedgerError::Unreadable("an item and its lines differ".into()));
    }
    for was in [LineStatus::Approved, LineStatus::Finalized] {
        let lines: Vec<Uuid> = rows.iter().filter(|row| row.was == was.as_str()).map(|row| row.id).collect();
        if !lines.is_empty() {
            let why = format!("In payout {}", item.id);
            add_history(conn, lock.enrollment_id(), &lines, Some(was), LineStatus::Finalized, now, actor, &why).await?;
        }
    }
    Ok(rows.len())
}

/// Puts the lines of a failed item into the item that retries it. `false`: some are in another payout by now, and
/// nothing may be written.
///
/// # Errors
/// From the database.
pub async fn reattach_to_item(
    conn: &mut PgConnection,
    lock: &EnrollmentLock,
    now: DateTime<Utc>,
    actor: &Actor,
    failed: PayoutItemId,
    item: ItemRef,
) -> Result<bool, LedgerError> {
    let lines = sqlx::query_scalar!(
        r#"with taken as (
            update commissions_ledger l set payout_item_id = $3
            from payout_item_lines il
            where il.enrollment_id = $1 and il.item_id = $2 and l.enrollment_id = $1 and l.id = il.line_id
                and l.status = 'finalized' and l.payout_item_id is null
            returning l.id, l.amount_minor
        ), listed as (
            insert into payout_item_lines (enrollment_id, item_id, line_id, amount_minor)
            select $1, $3, id, amount_minor from taken
        )
        select id from taken"#,
        lock.enrollment_id().0,
        failed.0,
        item.id.0,
    )
    .fetch_all(&mut *conn)
    .await?;
    let listed = sqlx::query_scalar!(
        r#"select count(*) as "lines!" from payout_item_lines where enrollment_id = $1 and item_id = $2"#,
        lock.enrollment_id().0,
        failed.0,
    )
    .fetch_one(&mut *conn)
    .await?;
    if usize::try_from(listed) != Ok(lines.len()) {
        return Ok(false);
    }
    let (status, why) = (LineStatus::Finalized, format!("Tried again as payout {}", item.id));
    add_history(conn, lock.enrollment_id(), &lines, Some(status), status, now, actor, &why).await?;
    Ok(true)
}

/// Reserves the item's money: payable → in transit.
///
/// # Errors
/// See [`LedgerError`].
pub async fn reserve(
    conn: &mut PgConnection,
    lock: &mut EnrollmentLock,
    now: DateTime<Utc>,
    item: ItemRef,
) -> Result<Posted, LedgerError> {
    post_for_item(conn, lock, now, item, Posting::reserve(item.amount.amount_minor), "In a payout batch").await
}

/// The transfer happened: in transit → cleared, and the item's lines are paid.
///
/// # Errors
/// See [`LedgerError`].
pub async fn settle(
    conn: &mut PgConnection,
    lock: &mut EnrollmentLock,
    now: DateTime<Utc>,
    actor: &Actor,
    item: ItemRef,
    rail: Rail,
    transfer_id: &str,
) -> Result<Posted, LedgerError> {
    let posting = Posting::settle(rail, item.amount.amount_minor);
    if post_for_item(conn, lock, now, item, posting, transfer_id).await? == Posted::Already {
        return Ok(Posted::Already);
    }
    let lines = sqlx::query_scalar!(
        "update commissions_ledger set status = 'paid', paid_at = $3
        where enrollment_id = $1 and payout_item_id = $2 and status = 'finalized' returning id",
        lock.enrollment_id().0,
        item.id.0,
        now,
    )
    .fetch_all(&mut *conn)
    .await?;
    let why = format!("Paid by transfer {transfer_id}");
    let (from, to) = (Some(LineStatus::Finalized), LineStatus::Paid);
    add_history(conn, lock.enrollment_id(), &lines, from, to, now, actor, &why).await?;
    Ok(Posted::New)
}

/// The item won't be paid (definite failure, cancelled draft): in transit → payable. Its lines stay locked, belong to
/// no item, and enter the next one.
///
/// # Errors
/// See [`LedgerError`].
pub async fn give_back(
    conn: &mut PgConnection,
    lock: &mut EnrollmentLock,
    now: DateTime<Utc>,
    actor: &Actor,
    item: ItemRef,
    why: &str,
) -> Result<Posted, LedgerError> {
    let posting = Posting::give_back(item.amount.amount_minor);
    if post_for_item(conn, lock, now, item, posting, why).await? == Posted::Already {
        return Ok(Posted::Already);
    }
    let lines = sqlx::query_scalar!(
        "update commissions_ledger set payout_item_id = null
        where enrollment_id = $1 and payout_item_id = $2 and status = 'finalized' returning id",
        lock.enrollment_id().0,
        item.id.0,
    )
    .fetch_all(&mut *conn)
    .await?;
    let status = LineStatus::Finalized;
    add_history(conn, lock.enrollment_id(), &lines, Some(status), status, now, actor, why).await?;
    Ok(Posted::New)
}

async fn post_for_item(
    conn: &mut PgConnection,
    lock: &mut EnrollmentLock,
    now: DateTime<Utc>,
    item: ItemRef,
    posting: Posting,
    text: &str,
) -> Result<Posted, LedgerError> {
    let key = format!("{}:{}", posting.movement, item.id);
    let cause = Cause { text, idempotency_key: &key, line_id: None, item_id: Some(item.id) };
    post(conn, lock, now, posting, item.amount.currency, cause).await
}
