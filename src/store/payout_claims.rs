//! Payout items as workers take them up: a queue of its own, claimed under leases, with each call written before and after it, so
//! that no library re-runs a transfer behind the ledger. Leases use the database's clock; when a key was first sent is the
//! caller's time.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::domain::batch::Rail;
use crate::domain::currency::Currency;
use crate::domain::ids::{AffiliateId, BatchId, EnrollmentId, PayoutItemId};
use crate::domain::money::Money;
use crate::domain::payout::CallHistory;

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
