//! Payouts that wait for the rail's balance: pending items of batches under way that stand aside until the balance covers
//! them. They are not due meanwhile, so that nobody claims them; whether the balance suffices is `pipeline::funds`' business.

use chrono::TimeDelta;
use sqlx::PgConnection;

use super::payout_items::ItemRow;
use crate::domain::currency::Currency;
use crate::domain::ids::{BatchId, EnrollmentId, PayoutItemId};
use crate::domain::money::Money;

/// Whether a batch under way has anything that waits for the balance: asked again and again, so it takes no lock.
pub async fn anything_waits(conn: &mut PgConnection) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"select exists (
            select 1 from payout_items i join payout_batches b on b.id = i.batch_id
            where i.status = 'pending' and i.funds_at is not null and b.status = 'executing'
        ) or exists (
            select 1 from payout_batches where status = 'paused' and paused_code = 'balance_insufficient'
        ) as "waits!""#,
    )
    .fetch_one(conn)
    .await
}

/// How often the money of the item was refused before although the balance seemed to suffice, under the keys of the items whose
/// place it took. Those whose place was taken because their outcome was unclear don't count: the balance was not looked at.
pub async fn refusals_before(conn: &mut PgConnection, item: &ItemRow) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"with recursive before as (
            select i.retry_of, 0::bigint as n from payout_items i where i.enrollment_id = $1 and i.id = $2
            union all
            select i.retry_of, b.n + 1 from before b join payout_items i on i.enrollment_id = $1 and i.id = b.retry_of
            where i.error_code = 'balance_insufficient' and not exists (
                select 1 from transfer_attempts a
                where a.enrollment_id = i.enrollment_id and a.item_id = i.id and (a.outcome = 'unknown' or a.finished_at is null))
        )
        select max(n) as "n!" from before"#,
        item.enrollment_id.0,
        item.id.0,
    )
    .fetch_one(conn)
    .await
}

/// Puts the locked, claimed item aside: nothing moved, and it is not looked at again before `pause` is over.
pub async fn set_aside(conn: &mut PgConnection, item: &ItemRow, pause: TimeDelta, message: &str) -> sqlx::Result<()> {
    sqlx::query!(
        "update payout_items
        set status = 'pending', next_attempt_at = 'infinity', funds_at = clock_timestamp() + make_interval(secs => $3),
            error_code = 'balance_insufficient', error_message = $4, lease_owner = null, lease_until = null
        where enrollment_id = $1 and id = $2",
        item.enrollment_id.0,
        item.id.0,
        pause.to_std().unwrap_or_default().as_secs_f64(),
        message,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Puts aside what executing batches were yet to try and what is more than is available, so that no call is made in
/// vain. Returns how many items that were.
pub async fn set_aside_above(conn: &mut PgConnection, available: Money, message: &str) -> sqlx::Result<u64> {
    let done = sqlx::query!(
        "update payout_items i
        set next_attempt_at = 'infinity', funds_at = clock_timestamp(), error_code = 'balance_insufficient', error_message = $3
        from payout_batches b
        where b.id = i.batch_id and b.status = 'executing' and i.status = 'pending' and i.funds_at is null
            and i.currency = $1 and i.amount_minor > $2",
        available.currency.as_str(),
        available.amount_minor,
        message,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}

/// What of a batch under way is live in one currency. Minor units.
#[derive(Debug, Clone)]
pub struct Live {
    pub batch_id: BatchId,
    /// For want of balance.
    pub paused: bool,
    pub currency: Currency,
    /// Items that wait for the balance, their sum, the least of them, and the least of those that may be tried by now.
    pub waiting: i64,
    pub waiting_minor: i64,
    pub least_minor: Option<i64>,
    pub least_ready_minor: Option<i64>,
    /// Items that are yet to be tried and don't wait.
    pub untried: i64,
    /// Items whose call is on the way, or whose outcome isn't known.
    pub under_way: i64,
    /// What of both is about to leave.
    pub leaving_minor: i64,
}

/// What of executing batches, and of those that stand still for want of balance, is live, by batch and currency.
pub async fn live(conn: &mut PgConnection) -> sqlx::Result<Vec<Live>> {
    sqlx::query_as!(
        Live,
        r#"with live as (
            select b.id as batch_id, b.status = 'paused' as paused, i.currency, i.amount_minor, i.status, i.funds_at,
                i.status = 'pending' and i.funds_at is not null as waits
            from payout_batches b join payout_items i on i.batch_id = b.id
            where (b.status = 'executing' or (b.status = 'paused' and b.paused_code = 'balance_insufficient'))
                and i.status in ('pending', 'sending', 'processing', 'unresolved')
        )
        select batch_id as "batch_id!: _", paused as "paused!", currency as "currency!: _",
            count(*) filter (where waits) as "waiting!",
            coalesce(sum(amount_minor) filter (where waits), 0)::bigint as "waiting_minor!",
            min(amount_minor) filter (where waits) as least_minor,
            min(amount_minor) filter (where waits and funds_at <= clock_timestamp()) as least_ready_minor,
            count(*) filter (where status = 'pending' and not waits) as "untried!",
            count(*) filter (where status <> 'pending') as "under_way!",
            coalesce(sum(amount_minor) filter (where not waits and not paused and status in ('pending', 'sending')), 0)::bigint
                as "leaving_minor!"
        from live group by batch_id, paused, currency order by batch_id, currency"#,
    )
    .fetch_all(conn)
    .await
}

/// An item that waits.
#[derive(Debug, Clone, Copy)]
pub struct WaitingItem {
    pub id: PayoutItemId,
    pub enrollment_id: EnrollmentId,
    pub batch_id: BatchId,
    pub amount_minor: i64,
    /// The rail refused it under its key, and keeps that answer.
    pub was_refused: bool,
}

/// Items of executing batches that may be tried again and are no more than `most`, oldest first, after the item `after`.
pub async fn ready(
    conn: &mut PgConnection,
    most: Money,
    after: Option<PayoutItemId>,
    limit: i64,
) -> sqlx::Result<Vec<WaitingItem>> {
    sqlx::query_as!(
        WaitingItem,
        r#"select i.id as "id: _", i.enrollment_id as "enrollment_id: _", i.batch_id as "batch_id: _", i.amount_minor,
            exists (select 1 from transfer_attempts a where a.enrollment_id = i.enrollment_id and a.item_id = i.id
                and a.outcome = 'balance_insufficient') as "was_refused!"
        from payout_items i join payout_batches b on b.id = i.batch_id
        where i.status = 'pending' and i.funds_at <= clock_timestamp() and b.status = 'executing'
            and i.currency = $1 and i.amount_minor <= $2 and ($3::uuid is null or i.id > $3)
        order by i.id limit $4"#,
        most.currency.as_str(),
        most.amount_minor,
        after.map(|id| id.0),
        limit,
    )
    .fetch_all(conn)
    .await
}

/// Whether the item, locked by this, still waits.
pub async fn lock_waiting(conn: &mut PgConnection, item: &WaitingItem) -> sqlx::Result<bool> {
    let found = sqlx::query_scalar!(
        r#"select 1 as "one!" from payout_items
        where enrollment_id = $1 and id = $2 and status = 'pending' and funds_at is not null for update"#,
        item.enrollment_id.0,
        item.id.0,
    )
    .fetch_optional(conn)
    .await?;
    Ok(found.is_some())
}

/// Makes a waiting item due that was never refused. `false`: it waits no more.
pub async fn make_due(conn: &mut PgConnection, item: &WaitingItem) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "update payout_items
        set next_attempt_at = clock_timestamp(), funds_at = null, error_code = null, error_message = null
        where enrollment_id = $1 and id = $2 and status = 'pending' and funds_at is not null",
        item.enrollment_id.0,
        item.id.0,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Takes the locked item, which waits, in hand, so that it can come to its end.
pub async fn take_up(conn: &mut PgConnection, item: &WaitingItem) -> sqlx::Result<()> {
    sqlx::query!(
        "update payout_items set status = 'sending', funds_at = null where enrollment_id = $1 and id = $2",
        item.enrollment_id.0,
        item.id.0,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Pauses an executing batch of which everything that is live waits for the balance. `false`: it is not so any more.
pub async fn pause(conn: &mut PgConnection, batch_id: BatchId, reason: &str) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "update payout_batches b set status = 'paused', paused_code = 'balance_insufficient', paused_reason = $2
        where b.id = $1 and b.status = 'executing' and not exists (
            select 1 from payout_items i
            where i.batch_id = b.id and (i.status in ('sending', 'processing', 'unresolved')
                or (i.status = 'pending' and i.funds_at is null)))",
        batch_id.0,
        reason,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Says anew why a batch stands still for want of balance.
pub async fn say_why(conn: &mut PgConnection, batch_id: BatchId, reason: &str) -> sqlx::Result<()> {
    sqlx::query!(
        "update payout_batches set paused_reason = $2
        where id = $1 and status = 'paused' and paused_code = 'balance_insufficient' and paused_reason is distinct from $2",
        batch_id.0,
        reason,
    )
    .execute(conn)
    .await?;
    Ok(())
}
