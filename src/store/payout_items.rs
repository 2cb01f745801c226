//! Payout items as they are written: made with all that is fixed for life, locked, and brought to their outcome. Pauses between
//! tries use the database's clock; everything about the business is written with the caller's time.

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::domain::batch::{BatchStatus, ItemStatus, Rail};
use crate::domain::currency::Currency;
use crate::domain::ids::{AffiliateId, BatchId, EnrollmentId, PaymentMethodId, PayoutItemId, ProgramId};
use crate::domain::money::Money;
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

/// The key that every transfer call of this item carries.
pub fn idempotency_key(id: PayoutItemId) -> String {
    format!("transfer:{id}")
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
        &texts(|item| idempotency_key(item.id)),
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

/// The items with their batches that `$which` chooses.
macro_rules! item_rows {
    ($which:literal, $($arg:expr),+ $(,)?) => {
        sqlx::query_as!(
            ItemRow,
            r#"select i.id as "id: _", i.enrollment_id as "enrollment_id: _", i.batch_id as "batch_id: _",
            i.program_id as "program_id: _", i.affiliate_id as "affiliate_id: _", i.currency as "currency: _", i.amount_minor,
            i.rail as "rail: _", i.destination, i.idempotency_key, i.retry_of as "retry_of: _", i.status as "status: _",
            i.lease_owner, coalesce(i.lease_until > clock_timestamp(), false) as "is_leased!", i.transfer_id, i.reversed_minor, b.status as "batch_status: _"
        from payout_items i join payout_batches b on b.id = i.batch_id "# + $which,
            $($arg),+
        )
    };
}

pub async fn find(conn: &mut PgConnection, id: PayoutItemId) -> sqlx::Result<Option<ItemRow>> {
    item_rows!("where i.id = $1", id.0).fetch_optional(conn).await
}

/// The item, locked. Callers hold its enrollment's lock already.
pub async fn lock(conn: &mut PgConnection, enrollment_id: EnrollmentId, id: PayoutItemId) -> sqlx::Result<ItemRow> {
    item_rows!("where i.enrollment_id = $1 and i.id = $2 for update of i", enrollment_id.0, id.0).fetch_one(conn).await
}

/// The item that a transfer belongs to.
pub async fn find_by_transfer(conn: &mut PgConnection, transfer_id: &str) -> sqlx::Result<Option<ItemRow>> {
    item_rows!("where i.transfer_id = $1", transfer_id).fetch_optional(conn).await
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
