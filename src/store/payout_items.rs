//! Payout items and their transfer attempts: a queue of its own, claimed under leases, so that no library re-runs a
//! transfer behind the ledger. Leases and pauses between tries use the database's clock; everything about the business
//! (when a key was first sent, when an item was posted) is written with the caller's time.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::domain::batch::{BatchStatus, ItemStatus, Rail};
use crate::domain::currency::Currency;
use crate::domain::ids::{AffiliateId, BatchId, EnrollmentId, PaymentMethodId, PayoutItemId, ProgramId};
use crate::domain::money::Money;
use crate::domain::payout::CallHistory;
use crate::store::ledger::ItemRef;

/// What an item pays and to whom: all of it fixed when the item is made.
#[derive(Debug, Clone)]
pub struct NewItem {
    pub id: PayoutItemId,
    pub enrollment_id: EnrollmentId,
    pub batch_id: BatchId,
    pub program_id: ProgramId,
    pub affiliate_id: AffiliateId,
    pub amount: Money,
    pub payment_method_id: PaymentMethodId,
    pub rail: Rail,
    /// The rail's name for where the money goes: a connected account.
    pub destination: String,
    pub retry_of: Option<PayoutItemId>,
}

impl NewItem {
    /// The key that every transfer call of this item carries.
    pub fn idempotency_key(&self) -> String {
        format!("transfer:{}", self.id)
    }
}

/// Writes a pending item, due at once when its batch executes.
pub async fn insert(conn: &mut PgConnection, now: DateTime<Utc>, item: &NewItem) -> sqlx::Result<()> {
    insert_all(conn, now, std::slice::from_ref(item)).await
}

/// As [`insert`], for many items.
pub async fn insert_all(conn: &mut PgConnection, now: DateTime<Utc>, items: &[NewItem]) -> sqlx::Result<()> {
    let uuids = |of: fn(&NewItem) -> Uuid| items.iter().map(of).collect::<Vec<Uuid>>();
    let texts = |of: fn(&NewItem) -> String| items.iter().map(of).collect::<Vec<String>>();
    let amounts: Vec<i64> = items.iter().map(|item| item.amount.amount_minor).collect();
    let retried: Vec<Option<Uuid>> = items.iter().map(|item| item.retry_of.map(|id| id.0)).collect();
    sqlx::query!(
        "insert into payout_items
            (enrollment_id, id, batch_id, program_id, affiliate_id, currency, amount_minor, payment_method_id, rail,
             destination, idempotency_key, retry_of, created_at, status, next_attempt_at)
        select i.*, $13, 'pending', clock_timestamp()
        from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::uuid[], $6::text[], $7::bigint[], $8::uuid[],
            $9::text[], $10::text[], $11::text[], $12::uuid[]) as i",
        &uuids(|item| item.enrollment_id.0),
        &uuids(|item| item.id.0),
        &uuids(|item| item.batch_id.0),
        &uuids(|item| item.program_id.0),
        &uuids(|item| item.affiliate_id.0),
        &texts(|item| item.amount.currency.as_str().to_owned()),
        &amounts,
        &uuids(|item| item.payment_method_id.0),
        &texts(|item| item.rail.as_str().to_owned()),
        &texts(|item| item.destination.clone()),
        &texts(NewItem::idempotency_key),
        &retried as &[Option<Uuid>],
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// An item as it stands.
#[derive(Debug, Clone)]
pub struct ItemRow {
    pub id: PayoutItemId,
    pub enrollment_id: EnrollmentId,
    pub batch_id: BatchId,
    pub program_id: ProgramId,
    pub affiliate_id: AffiliateId,
    pub currency: Currency,
    pub amount_minor: i64,
    pub rail: Rail,
    pub destination: String,
    pub idempotency_key: String,
    pub retry_of: Option<PayoutItemId>,
    pub status: ItemStatus,
    pub lease_owner: Option<Uuid>,
    /// A worker holds the item now: its call may be on the way.
    pub is_leased: bool,
    pub transfer_id: Option<String>,
    pub reversed_minor: i64,
    pub batch_status: BatchStatus,
}

impl ItemRow {
    pub fn amount(&self) -> Money {
        Money::new(self.amount_minor, self.currency)
    }

    pub fn as_ref(&self) -> ItemRef {
        ItemRef { id: self.id, amount: self.amount() }
    }
}

pub async fn find(conn: &mut PgConnection, id: PayoutItemId) -> sqlx::Result<Option<ItemRow>> {
    sqlx::query_as!(
        ItemRow,
        r#"select i.id as "id: _", i.enrollment_id as "enrollment_id: _", i.batch_id as "batch_id: _",
            i.program_id as "program_id: _", i.affiliate_id as "affiliate_id: _", i.currency as "currency: _", i.amount_minor,
            i.rail as "rail: _", i.destination, i.idempotency_key, i.retry_of as "retry_of: _", i.status as "status: _",
            i.lease_owner, coalesce(i.lease_until > clock_timestamp(), false) as "is_leased!", i.transfer_id, i.reversed_minor, b.status as "batch_status: _"
        from payout_items i join payout_batches b on b.id = i.batch_id where i.id = $1"#,
        id.0,
    )
    .fetch_optional(conn)
    .await
}

/// The item, locked. Callers hold its enrollment's lock already.
pub async fn lock(conn: &mut PgConnection, enrollment_id: EnrollmentId, id: PayoutItemId) -> sqlx::Result<ItemRow> {
    sqlx::query_as!(
        ItemRow,
        r#"select i.id as "id: _", i.enrollment_id as "enrollment_id: _", i.batch_id as "batch_id: _",
            i.program_id as "program_id: _", i.affiliate_id as "affiliate_id: _", i.currency as "currency: _", i.amount_minor,
            i.rail as "rail: _", i.destination, i.idempotency_key, i.retry_of as "retry_of: _", i.status as "status: _",
            i.lease_owner, coalesce(i.lease_until > clock_timestamp(), false) as "is_leased!", i.transfer_id, i.reversed_minor, b.status as "batch_status: _"
        from payout_items i join payout_batches b on b.id = i.batch_id
        where i.enrollment_id = $1 and i.id = $2 for update of i"#,
        enrollment_id.0,
        id.0,
    )
    .fetch_one(conn)
    .await
}

/// The item that a transfer belongs to.
pub async fn find_by_transfer(conn: &mut PgConnection, transfer_id: &str) -> sqlx::Result<Option<ItemRow>> {
    sqlx::query_as!(
        ItemRow,
        r#"select i.id as "id: _", i.enrollment_id as "enrollment_id: _", i.batch_id as "batch_id: _",
            i.program_id as "program_id: _", i.affiliate_id as "affiliate_id: _", i.currency as "currency: _", i.amount_minor,
            i.rail as "rail: _", i.destination, i.idempotency_key, i.retry_of as "retry_of: _", i.status as "status: _",
            i.lease_owner, coalesce(i.lease_until > clock_timestamp(), false) as "is_leased!", i.transfer_id, i.reversed_minor, b.status as "batch_status: _"
        from payout_items i join payout_batches b on b.id = i.batch_id where i.transfer_id = $1"#,
        transfer_id,
    )
    .fetch_optional(conn)
    .await
}

/// An item that one worker holds under a lease, with what is known of its calls.
#[derive(Debug, Clone)]
pub struct ClaimedItem {
    pub id: PayoutItemId,
    pub enrollment_id: EnrollmentId,
    pub batch_id: BatchId,
    pub affiliate_id: AffiliateId,
    pub amount: Money,
    pub rail: Rail,
    pub destination: String,
    pub idempotency_key: String,
    pub attempts: i32,
    /// The batch must not start any movement of money.
    pub paused: bool,
    pub history: CallHistory,
}

/// Which items to claim: those that are due, or one by name whether it is due or not.
#[derive(Debug, Clone, Copy)]
pub enum Wanted {
    Due { at_most: i64 },
    One(PayoutItemId),
}

/// Whether any item is due: what is asked again and again while there is nothing to do, so it takes no lock.
pub async fn any_due(conn: &mut PgConnection) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"select exists (
            select 1 from payout_items i join payout_batches b on b.id = i.batch_id
            where i.status in ('pending', 'sending', 'processing', 'unresolved') and i.next_attempt_at <= clock_timestamp()
                and (i.lease_until is null or i.lease_until < clock_timestamp())
                and (b.status = 'executing' or (b.status = 'paused' and i.status <> 'pending'))
        ) as "due!""#,
    )
    .fetch_one(conn)
    .await
}

/// Claims items for `owner`: pending ones of executing batches start `sending`; items whose outcome nobody knows, and those
/// of a worker whose lease ran out, are claimed of paused batches too, to be asked about.
pub async fn claim(
    conn: &mut PgConnection,
    owner: Uuid,
    lease: Duration,
    wanted: Wanted,
) -> sqlx::Result<Vec<ClaimedItem>> {
    let (one, at_most) = match wanted {
        Wanted::Due { at_most } => (None, at_most),
        Wanted::One(id) => (Some(id.0), 1),
    };
    let rows = sqlx::query!(
        r#"with due as (
            select i.enrollment_id, i.id, b.status = 'paused' as paused
            from payout_items i join payout_batches b on b.id = i.batch_id
            where ($3::uuid is null or i.id = $3)
                and i.status in ('pending', 'sending', 'processing', 'unresolved')
                and ($3 is not null or i.next_attempt_at <= clock_timestamp())
                and (i.lease_until is null or i.lease_until < clock_timestamp())
                and (b.status = 'executing' or (b.status = 'paused' and i.status <> 'pending'))
            order by i.next_attempt_at limit $4
            for update of i skip locked
        ), taken as (
            update payout_items i
            set lease_owner = $1, lease_until = clock_timestamp() + make_interval(secs => $2),
                status = case when i.status = 'pending' then 'sending' else i.status end
            from due where i.enrollment_id = due.enrollment_id and i.id = due.id
            returning i.*, due.paused
        )
        select t.id as "id!: PayoutItemId", t.enrollment_id as "enrollment_id!: EnrollmentId", t.batch_id as "batch_id!: BatchId",
            t.affiliate_id as "affiliate_id!: AffiliateId", t.currency as "currency!: Currency", t.amount_minor as "amount_minor!",
            t.rail as "rail!: Rail", t.destination as "destination!", t.idempotency_key as "idempotency_key!",
            t.attempts as "attempts!", t.paused as "paused!", t.first_sent_at, h.last_unclear_at,
            coalesce(h.may_have_moved, false) as "may_have_moved!", coalesce(h.server_errors, 0) as "server_errors!",
            coalesce(h.was_short, false) as "was_short!"
        from taken t left join lateral (
            select max(coalesce(a.finished_at, a.started_at)) filter (where a.finished_at is null or a.outcome = 'unknown')
                    as last_unclear_at,
                bool_or(a.finished_at is null or a.outcome = 'unknown') as may_have_moved,
                count(*) filter (where a.outcome = 'unknown' and a.http_status >= 500) as server_errors,
                bool_or(a.outcome = 'balance_insufficient') as was_short
            from transfer_attempts a where a.enrollment_id = t.enrollment_id and a.item_id = t.id
        ) h on true
        order by t.id"#,
        owner,
        lease.as_secs_f64(),
        one,
        at_most,
    )
    .fetch_all(conn)
    .await?;
    let claimed = rows.into_iter().map(|row| ClaimedItem {
        id: row.id,
        enrollment_id: row.enrollment_id,
        batch_id: row.batch_id,
        affiliate_id: row.affiliate_id,
        amount: Money::new(row.amount_minor, row.currency),
        rail: row.rail,
        destination: row.destination,
        idempotency_key: row.idempotency_key,
        attempts: row.attempts,
        paused: row.paused,
        history: CallHistory {
            first_sent_at: row.first_sent_at,
            last_unclear_at: row.last_unclear_at,
            may_have_moved: row.may_have_moved,
            server_errors: row.server_errors,
            was_short: row.was_short,
        },
    });
    Ok(claimed.collect())
}

/// Writes that a call begins, and renews the lease. `None`: the lease is lost or the batch was paused, and the call must
/// not be made. Commit before the call.
pub async fn begin_attempt(
    conn: &mut PgConnection,
    item: &ClaimedItem,
    owner: Uuid,
    lease: Duration,
    now: DateTime<Utc>,
) -> sqlx::Result<Option<i32>> {
    sqlx::query_scalar!(
        r#"with held as (
            update payout_items i
            set attempts = i.attempts + 1, first_sent_at = coalesce(i.first_sent_at, $4),
                lease_until = clock_timestamp() + make_interval(secs => $5)
            from payout_batches b
            where i.enrollment_id = $1 and i.id = $2 and i.lease_owner = $3 and i.lease_until > clock_timestamp()
                and i.status in ('sending', 'processing', 'unresolved') and b.id = i.batch_id and b.status = 'executing'
            returning i.attempts
        )
        insert into transfer_attempts (enrollment_id, item_id, n, started_at)
        select $1, $2, attempts, $4 from held returning n"#,
        item.enrollment_id.0,
        item.id.0,
        owner,
        now,
        lease.as_secs_f64(),
    )
    .fetch_optional(conn)
    .await
}

/// How an attempt ended, as it is kept.
#[derive(Debug, Clone)]
pub struct AttemptEnd<'a> {
    /// `posted`, `failed`, `not_executed`, `unknown`, `balance_insufficient` or `processing`.
    pub outcome: &'a str,
    pub http_status: Option<u16>,
    pub error_code: Option<&'a str>,
    pub error_message: Option<&'a str>,
}

/// Ends the attempt, once.
pub async fn end_attempt(
    conn: &mut PgConnection,
    enrollment_id: EnrollmentId,
    item_id: PayoutItemId,
    n: i32,
    now: DateTime<Utc>,
    end: &AttemptEnd<'_>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "update transfer_attempts set finished_at = $4, outcome = $5, http_status = $6, error_code = $7, error_message = $8
        where enrollment_id = $1 and item_id = $2 and n = $3 and finished_at is null",
        enrollment_id.0,
        item_id.0,
        n,
        now,
        end.outcome,
        end.http_status.and_then(|status| i16::try_from(status).ok()),
        end.error_code,
        end.error_message,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The locked item's transfer exists. An item that was never claimed passes through `sending` on the way.
pub async fn mark_posted(
    conn: &mut PgConnection,
    item: &ItemRow,
    now: DateTime<Utc>,
    transfer_id: &str,
) -> sqlx::Result<()> {
    if item.status == ItemStatus::Pending {
        sqlx::query!(
            "update payout_items set status = 'sending', funds_at = null where enrollment_id = $1 and id = $2",
            item.enrollment_id.0,
            item.id.0,
        )
        .execute(&mut *conn)
        .await?;
    }
    sqlx::query!(
        "update payout_items set status = 'posted', transfer_id = $3, posted_at = $4, lease_owner = null,
            lease_until = null, error_code = null, error_message = null
        where enrollment_id = $1 and id = $2",
        item.enrollment_id.0,
        item.id.0,
        transfer_id,
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The locked item won't be paid: the rail said no, or showed that there is no transfer.
pub async fn mark_failed(
    conn: &mut PgConnection,
    item: &ItemRow,
    now: DateTime<Utc>,
    code: &str,
    message: &str,
) -> sqlx::Result<()> {
    sqlx::query!(
        "update payout_items set status = 'failed', failed_at = $3, error_code = $4, error_message = $5,
            lease_owner = null, lease_until = null
        where enrollment_id = $1 and id = $2",
        item.enrollment_id.0,
        item.id.0,
        now,
        code,
        message,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Gives the locked item back to the queue as `to` (pending, processing or unresolved), due again after `pause`.
pub async fn put_back(
    conn: &mut PgConnection,
    item: &ItemRow,
    to: ItemStatus,
    pause: TimeDelta,
    why: Option<(&str, &str)>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "update payout_items set status = $3, next_attempt_at = clock_timestamp() + make_interval(secs => $4),
            funds_at = null, error_code = $5, error_message = $6, lease_owner = null, lease_until = null
        where enrollment_id = $1 and id = $2",
        item.enrollment_id.0,
        item.id.0,
        to.as_str(),
        seconds(pause),
        why.map(|(code, _)| code),
        why.map(|(_, message)| message),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The locked item of a draft is not paid after all.
pub async fn mark_left_out(conn: &mut PgConnection, item: &ItemRow) -> sqlx::Result<()> {
    sqlx::query!(
        "update payout_items set status = 'left_out', funds_at = null where enrollment_id = $1 and id = $2",
        item.enrollment_id.0,
        item.id.0,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// How much of the locked, posted item's transfer was taken back in all; the whole of it makes the item reversed.
pub async fn mark_reversed(conn: &mut PgConnection, item: &ItemRow, reversed_minor: i64) -> sqlx::Result<()> {
    sqlx::query!(
        "update payout_items set reversed_minor = $3, status = case when $3 = amount_minor then 'reversed' else status end
        where enrollment_id = $1 and id = $2",
        item.enrollment_id.0,
        item.id.0,
        reversed_minor,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Makes the items of a batch due at once, for instance when it goes on after a pause; those that wait for the balance are looked
/// at again at once.
pub async fn make_due(conn: &mut PgConnection, batch_id: BatchId) -> sqlx::Result<()> {
    sqlx::query!(
        "update payout_items
        set next_attempt_at = case when funds_at is null then clock_timestamp() else next_attempt_at end,
            funds_at = case when funds_at is null then null else clock_timestamp() end
        where batch_id = $1 and status in ('pending', 'processing', 'unresolved')",
        batch_id.0,
    )
    .execute(conn)
    .await?;
    Ok(())
}

fn seconds(span: TimeDelta) -> f64 {
    span.to_std().unwrap_or_default().as_secs_f64()
}
