//! The ledger's side of a payout: lines are locked into an item, the money is reserved, and then settled or given back.
//! The item's own row and its state belong to `store::payout_items`; callers change both in one transaction.

use std::collections::HashMap;
use std::slice::from_mut;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::lines::add_history;
use super::many::{NewPosting, post_many};
use super::{Cause, EnrollmentLock, LedgerError, Posted, post};
use crate::domain::actor::Actor;
use crate::domain::batch::Rail;
use crate::domain::currency::Currency;
use crate::domain::ids::{EnrollmentId, PayoutItemId, ProgramId};
use crate::domain::line::LineStatus;
use crate::domain::money::Money;
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
            and within_cutoff(kind, amount_minor, status, matures_at, earned_at, $3, $4, $5)"#,
        lock.enrollment_id().0,
        currency.as_str(),
        cutoff.matured_by,
        cutoff.earned_before,
        cutoff.only_finalized,
    )
    .fetch_one(conn)
    .await?;
    Ok((row.total, row.lines))
}

/// What an enrollment has in one currency, as a payout sees it. Minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PayableBalance {
    pub enrollment_id: EnrollmentId,
    pub currency: Currency,
    /// The sum of the lines that the next item would pay.
    pub payable_minor: i64,
    pub held_minor: i64,
}

/// The balances of the program's enrollments, by enrollment and currency, with the sum of the lines that an item with this
/// `cutoff` would pay. With `matured_by`, pending lines whose hold window is over by then count too, as if they were approved.
///
/// # Errors
/// From the database.
pub async fn payable_balances(
    conn: &mut PgConnection,
    program_id: ProgramId,
    enrollments: &[EnrollmentId],
    cutoff: Cutoff,
    matured_by: Option<DateTime<Utc>>,
) -> Result<Vec<PayableBalance>, LedgerError> {
    let balances = sqlx::query_as!(
        PayableBalance,
        r#"select b.enrollment_id as "enrollment_id: _", b.currency as "currency: _", b.held_minor,
            coalesce(payable.total, 0) as "payable_minor!"
        from balances b left join (
            select line.enrollment_id, line.currency, sum(line.amount_minor)::bigint as total
            from (
                select enrollment_id, currency, kind, amount_minor, status, matures_at, earned_at from payable_lines
                where program_id = $1 and enrollment_id = any($2)
                union all
                select enrollment_id, currency, kind, amount_minor, status, matures_at, coalesce(earned_at, created_at)
                from commissions_ledger
                where program_id = $1 and enrollment_id = any($2) and status = 'pending' and matures_at <= $3
            ) line
            where within_cutoff(line.kind, line.amount_minor, line.status, line.matures_at, line.earned_at, $4, $5, $6)
            group by line.enrollment_id, line.currency
        ) payable on payable.enrollment_id = b.enrollment_id and payable.currency = b.currency
        where b.enrollment_id = any($2)
        order by b.enrollment_id, b.currency"#,
        program_id.0,
        enrollments as &[EnrollmentId],
        matured_by,
        cutoff.matured_by,
        cutoff.earned_before,
        cutoff.only_finalized,
    )
    .fetch_all(conn)
    .await?;
    Ok(balances)
}

/// Finalizes what [`payable_balances`] counted with the same `cutoff` into the items, whose rows exist already: of each
/// enrollment and currency the payable lines, which must sum to the item's amount.
///
/// # Errors
/// [`LedgerError::Unreadable`] when a sum differs: the transaction must then be rolled back.
pub async fn finalize_into_items(
    conn: &mut PgConnection,
    locks: &[EnrollmentLock],
    now: DateTime<Utc>,
    actor: &Actor,
    (program_id, cutoff): (ProgramId, Cutoff),
    items: &[(EnrollmentId, ItemRef)],
) -> Result<(), LedgerError> {
    if items
        .iter()
        .any(|(enrollment, _)| locks.binary_search_by_key(enrollment, EnrollmentLock::enrollment_id).is_err())
    {
        return Err(LedgerError::Unreadable("an item without its enrollment's lock".into()));
    }
    let enrollments: Vec<Uuid> = items.iter().map(|(enrollment, _)| enrollment.0).collect();
    let ids: Vec<Uuid> = items.iter().map(|(_, item)| item.id.0).collect();
    let currencies: Vec<String> = items.iter().map(|(_, item)| item.amount.currency.as_str().to_owned()).collect();
    let reasons: Vec<String> = items.iter().map(|(_, item)| format!("In payout {}", item.id)).collect();
    let sums = sqlx::query!(
        r#"with item as (
            select * from unnest($2::uuid[], $3::text[], $4::uuid[], $5::text[]) as i (enrollment_id, currency, id, why)
        ), due as (
            select l.enrollment_id, l.id, l.status, item.id as item_id, item.why
            from item join payable_lines l
                on l.program_id = $1 and l.enrollment_id = item.enrollment_id and l.currency = item.currency
            where within_cutoff(l.kind, l.amount_minor, l.status, l.matures_at, l.earned_at, $6, $7, $10)
        ), taken as (
            update commissions_ledger l
            set status = 'finalized', finalized_at = coalesce(finalized_at, $8), payout_item_id = due.item_id
            from due where l.enrollment_id = due.enrollment_id and l.id = due.id
            returning l.enrollment_id, l.id, l.amount_minor, due.item_id, due.status as was, due.why
        ), listed as (
            insert into payout_item_lines (enrollment_id, item_id, line_id, amount_minor)
            select enrollment_id, item_id, id, amount_minor from taken
        ), noted as (
            insert into commission_line_history (enrollment_id, line_id, n, from_status, to_status, at, actor, why)
            select enrollment_id, id, 1 + (
                select coalesce(max(n), 0) from commission_line_history h
                where h.enrollment_id = taken.enrollment_id and h.line_id = taken.id
            ), was, 'finalized', $8, $9, why
            from taken
        )
        select item_id as "item_id!: PayoutItemId", sum(amount_minor)::bigint as "amount_minor!" from taken group by item_id"#,
        program_id.0,
        &enrollments,
        &currencies,
        &ids,
        &reasons,
        cutoff.matured_by,
        cutoff.earned_before,
        now,
        actor.audit_name(),
        cutoff.only_finalized,
    )
    .fetch_all(conn)
    .await?;
    let sums: HashMap<PayoutItemId, i64> = sums.into_iter().map(|row| (row.item_id, row.amount_minor)).collect();
    if items.iter().any(|(_, item)| sums.get(&item.id) != Some(&item.amount.amount_minor)) {
        return Err(LedgerError::Unreadable("an item and its lines differ".into()));
    }
    Ok(())
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
) -> Result<(), LedgerError> {
    let items = [(lock.enrollment_id(), item)];
    reserve_all(conn, from_mut(lock), now, &items).await
}

/// As [`reserve`], for many items.
///
/// # Errors
/// See [`LedgerError`].
pub async fn reserve_all(
    conn: &mut PgConnection,
    locks: &mut [EnrollmentLock],
    now: DateTime<Utc>,
    items: &[(EnrollmentId, ItemRef)],
) -> Result<(), LedgerError> {
    post_for_items(conn, locks, now, items, Posting::reserve, "In a payout batch").await?;
    Ok(())
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
    let key = item_key(posting, item.id);
    let cause = Cause { text: transfer_id, idempotency_key: &key, line_id: None, item_id: Some(item.id) };
    if post(conn, lock, now, posting, item.amount.currency, cause).await? == Posted::Already {
        return Ok(Posted::Already);
    }
    let lines = sqlx::query_scalar!(
        "update commissions_ledger l set status = 'paid', paid_at = $3
        from payout_item_lines il
        where il.enrollment_id = $1 and il.item_id = $2 and l.enrollment_id = $1 and l.id = il.line_id
            and l.payout_item_id = $2 and l.status = 'finalized'
        returning l.id",
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
) -> Result<(), LedgerError> {
    let items = [(lock.enrollment_id(), item)];
    give_back_all(conn, from_mut(lock), now, actor, &items, why).await
}

/// As [`give_back`], for many items.
///
/// # Errors
/// See [`LedgerError`].
pub async fn give_back_all(
    conn: &mut PgConnection,
    locks: &mut [EnrollmentLock],
    now: DateTime<Utc>,
    actor: &Actor,
    items: &[(EnrollmentId, ItemRef)],
    why: &str,
) -> Result<(), LedgerError> {
    let new = post_for_items(conn, locks, now, items, Posting::give_back, why).await?;
    let (enrollments, ids): (Vec<Uuid>, Vec<Uuid>) =
        items.iter().zip(new).filter(|(_, is_new)| *is_new).map(|((id, item), _)| (id.0, item.id.0)).unzip();
    sqlx::query!(
        "with freed as (
            update commissions_ledger l set payout_item_id = null
            from unnest($1::uuid[], $2::uuid[]) as item (enrollment_id, id)
            join payout_item_lines il on il.enrollment_id = item.enrollment_id and il.item_id = item.id
            where l.enrollment_id = il.enrollment_id and l.id = il.line_id
                and l.payout_item_id = il.item_id
                and l.status = 'finalized'
            returning l.enrollment_id, l.id
        )
        insert into commission_line_history (enrollment_id, line_id, n, from_status, to_status, at, actor, why)
        select enrollment_id, id, 1 + (
            select coalesce(max(n), 0) from commission_line_history h
            where h.enrollment_id = freed.enrollment_id and h.line_id = freed.id
        ), 'finalized', 'finalized', $3, $4, $5
        from freed",
        &enrollments,
        &ids,
        now,
        actor.audit_name(),
        why,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Posts the same movement for every item; says of each whether it was new.
async fn post_for_items(
    conn: &mut PgConnection,
    locks: &mut [EnrollmentLock],
    now: DateTime<Utc>,
    items: &[(EnrollmentId, ItemRef)],
    movement: fn(i64) -> Posting,
    text: &str,
) -> Result<Vec<bool>, LedgerError> {
    let postings: Vec<NewPosting> = items
        .iter()
        .map(|(enrollment_id, item)| {
            let posting = movement(item.amount.amount_minor);
            NewPosting {
                enrollment_id: *enrollment_id,
                posting,
                currency: item.amount.currency,
                cause: text.to_owned(),
                idempotency_key: item_key(posting, item.id),
                line_id: None,
                item_id: Some(item.id),
            }
        })
        .collect();
    post_many(conn, locks, now, &postings).await
}

/// A movement happens to an item once.
fn item_key(posting: Posting, item: PayoutItemId) -> String {
    format!("{}:{item}", posting.movement)
}
