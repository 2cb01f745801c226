//! What holds stop, to read: the lines of each and how much they are worth.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::domain::currency::Currency;
use crate::domain::ids::{AffiliateId, EnrollmentId, HoldId, LineId};
use crate::domain::line::LineStatus;

/// How much a hold stops in a currency, minor units; lines that are no longer on hold don't count.
#[derive(Debug, Clone)]
pub struct StakeRow {
    pub hold_id: HoldId,
    pub currency: Currency,
    pub amount_minor: i64,
    /// What of it is final: it can't be cancelled any more, only taken back.
    pub final_minor: i64,
}

/// A line of a hold.
#[derive(Debug, Clone)]
pub struct HeldLineRow {
    pub id: LineId,
    pub reason: String,
    pub amount_minor: i64,
    pub currency: Currency,
    pub status: LineStatus,
    /// Its amount is locked by a payout that was not made.
    pub is_final: bool,
    pub created_at: DateTime<Utc>,
}

/// Unpaid lines of an enrollment that are in no payout and on no hold, without what is owed: what a hold would stop.
#[derive(Debug, Clone)]
pub struct StoppableRow {
    pub enrollment_id: EnrollmentId,
    pub currency: Currency,
    pub lines: i64,
    pub amount_minor: i64,
}

pub async fn stakes(conn: &mut PgConnection, holds: &[Uuid]) -> sqlx::Result<Vec<StakeRow>> {
    sqlx::query_as!(
        StakeRow,
        r#"select h.hold_id as "hold_id: HoldId", l.currency as "currency: Currency", sum(l.amount_minor)::bigint as "amount_minor!",
            coalesce(sum(l.amount_minor) filter (where l.stopped), 0)::bigint as "final_minor!"
        from hold_lines h join commissions_ledger l on l.enrollment_id = h.enrollment_id and l.id = h.line_id
        where h.hold_id = any($1) and (l.status = 'on_hold' or l.stopped)
        group by h.hold_id, l.currency order by h.hold_id, l.currency"#,
        holds,
    )
    .fetch_all(conn)
    .await
}

/// The hold's lines, newest first.
pub async fn lines(
    conn: &mut PgConnection,
    enrollment: EnrollmentId,
    hold: HoldId,
    limit: i64,
) -> sqlx::Result<Vec<HeldLineRow>> {
    sqlx::query_as!(
        HeldLineRow,
        r#"select l.id as "id: LineId", l.reason, l.amount_minor, l.currency as "currency: Currency",
            case when l.stopped then 'on_hold' else l.status end as "status!: LineStatus", l.stopped as is_final, l.created_at
        from hold_lines h join commissions_ledger l on l.enrollment_id = h.enrollment_id and l.id = h.line_id
        where h.enrollment_id = $1 and h.hold_id = $2 order by l.id desc limit $3"#,
        enrollment.0,
        hold.0,
        limit,
    )
    .fetch_all(conn)
    .await
}

pub async fn stoppable(conn: &mut PgConnection, affiliate: AffiliateId) -> sqlx::Result<Vec<StoppableRow>> {
    sqlx::query_as!(
        StoppableRow,
        r#"select enrollment_id as "enrollment_id: EnrollmentId", currency as "currency: Currency", count(*) as "lines!",
            sum(amount_minor)::bigint as "amount_minor!"
        from commissions_ledger where affiliate_id = $1 and (amount_minor >= 0 or kind = 'correction') and (status in ('pending', 'approved')
            or (status = 'finalized' and payout_item_id is null and not stopped))
        group by enrollment_id, currency order by enrollment_id, currency"#,
        affiliate.0,
    )
    .fetch_all(conn)
    .await
}

pub async fn open_count(conn: &mut PgConnection) -> sqlx::Result<i64> {
    sqlx::query_scalar!(r#"select count(*) as "open!" from holds where status = 'open'"#).fetch_one(conn).await
}
