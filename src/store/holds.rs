//! Holds: a stop put on commission lines until somebody decides. The lines themselves move through the ledger.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::domain::currency::Currency;
use crate::domain::ids::{EnrollmentId, HoldId, LineId, SaleId};
use crate::domain::program::{HoldReason, HoldStatus};

/// A hold to be placed.
#[derive(Debug, Clone)]
pub struct NewHold<'a> {
    pub id: HoldId,
    pub enrollment_id: EnrollmentId,
    pub reason_kind: HoldReason,
    /// In words.
    pub reason: &'a str,
    /// What the reason stands on, for programs.
    pub evidence: Value,
    pub placed_by: &'a str,
}

/// A hold and its lines' place.
#[derive(Debug, Clone)]
pub struct HoldRow {
    pub id: HoldId,
    pub enrollment_id: EnrollmentId,
    pub affiliate_id: crate::domain::ids::AffiliateId,
    pub affiliate_name: String,
    pub program_id: crate::domain::ids::ProgramId,
    pub reason_kind: HoldReason,
    pub reason: String,
    pub evidence: Value,
    pub status: HoldStatus,
    pub placed_at: DateTime<Utc>,
    pub placed_by: String,
    pub decided_at: Option<DateTime<Utc>>,
    pub decided_by: Option<String>,
    pub decision_reason: Option<String>,
    pub lines: i64,
}

pub async fn insert(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    hold: &NewHold<'_>,
    lines: &[LineId],
) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into holds (enrollment_id, id, reason_kind, reason, status, placed_at, placed_by, evidence)
        values ($1, $2, $3, $4, 'open', $5, $6, $7)",
        hold.enrollment_id.0,
        hold.id.0,
        hold.reason_kind.as_str(),
        hold.reason,
        now,
        hold.placed_by,
        hold.evidence,
    )
    .execute(&mut *conn)
    .await?;
    add_lines(conn, hold.enrollment_id, hold.id, lines).await
}

/// Stops the lines by the hold too.
pub async fn add_lines(
    conn: &mut PgConnection,
    enrollment_id: EnrollmentId,
    hold: HoldId,
    lines: &[LineId],
) -> sqlx::Result<()> {
    let lines: Vec<Uuid> = lines.iter().map(|line| line.0).collect();
    sqlx::query!(
        "insert into hold_lines (enrollment_id, hold_id, line_id) select $1, $2, line from unnest($3::uuid[]) as t (line)
        on conflict do nothing",
        enrollment_id.0,
        hold.0,
        &lines,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Stops a line by every open hold that stops the line it stands beside.
pub async fn join(
    conn: &mut PgConnection,
    enrollment_id: EnrollmentId,
    line: LineId,
    beside: LineId,
) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into hold_lines (enrollment_id, hold_id, line_id)
        select l.enrollment_id, l.hold_id, $2
        from hold_lines l join holds h on h.enrollment_id = l.enrollment_id and h.id = l.hold_id
        where l.enrollment_id = $1 and l.line_id = $3 and h.status = 'open' on conflict do nothing",
        enrollment_id.0,
        line.0,
        beside.0,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Holds in a status, newest first.
pub async fn list(
    conn: &mut PgConnection,
    status: Option<HoldStatus>,
    before: Option<Uuid>,
    limit: i64,
) -> sqlx::Result<Vec<HoldRow>> {
    sqlx::query_as!(
        HoldRow,
        r#"select h.id as "id: _", h.enrollment_id as "enrollment_id: _", e.affiliate_id as "affiliate_id: _",
            a.name as affiliate_name, e.program_id as "program_id: _", h.reason_kind as "reason_kind: _", h.reason, h.evidence,
            h.status as "status: _", h.placed_at, h.placed_by, h.decided_at, h.decided_by, h.decision_reason,
            (select count(*) from hold_lines l where l.enrollment_id = h.enrollment_id and l.hold_id = h.id) as "lines!"
        from holds h join enrollments e on e.id = h.enrollment_id join affiliates a on a.id = e.affiliate_id
        where ($1::text is null or h.status = $1) and ($2::uuid is null or h.id < $2)
        order by h.id desc limit $3"#,
        status.map(HoldStatus::as_str),
        before,
        limit,
    )
    .fetch_all(conn)
    .await
}

pub async fn find(conn: &mut PgConnection, id: HoldId) -> sqlx::Result<Option<HoldRow>> {
    sqlx::query_as!(
        HoldRow,
        r#"select h.id as "id: _", h.enrollment_id as "enrollment_id: _", e.affiliate_id as "affiliate_id: _",
            a.name as affiliate_name, e.program_id as "program_id: _", h.reason_kind as "reason_kind: _", h.reason, h.evidence,
            h.status as "status: _", h.placed_at, h.placed_by, h.decided_at, h.decided_by, h.decision_reason,
            (select count(*) from hold_lines l where l.enrollment_id = h.enrollment_id and l.hold_id = h.id) as "lines!"
        from holds h join enrollments e on e.id = h.enrollment_id join affiliates a on a.id = e.affiliate_id
        where h.id = $1"#,
        id.0,
    )
    .fetch_optional(conn)
    .await
}

/// The hold's lines that its decision moves: to be released, only those that no other open hold stops too.
pub async fn lines_to_decide(
    conn: &mut PgConnection,
    hold: &HoldRow,
    decision: HoldStatus,
) -> sqlx::Result<Vec<LineId>> {
    sqlx::query_scalar!(
        r#"select l.line_id as "id: LineId" from hold_lines l
        where l.enrollment_id = $1 and l.hold_id = $2 and ($3 or not exists (
            select 1 from hold_lines o join holds h on h.enrollment_id = o.enrollment_id and h.id = o.hold_id
            where o.enrollment_id = $1 and o.line_id = l.line_id and o.hold_id <> $2 and h.status = 'open'))
        order by l.line_id"#,
        hold.enrollment_id.0,
        hold.id.0,
        decision == HoldStatus::Rejected,
    )
    .fetch_all(conn)
    .await
}

/// What of the sale's commission somebody took away for good by rejecting a hold; minor units of `currency`.
pub async fn rejected_of_sale(
    conn: &mut PgConnection,
    enrollment_id: EnrollmentId,
    sale_id: SaleId,
    currency: Currency,
) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"select coalesce(sum(c.amount_minor), 0)::bigint as "rejected!" from commissions_ledger c
        where c.enrollment_id = $1 and c.sale_id = $2 and c.currency = $3 and c.status = 'cancelled' and exists (
            select 1 from hold_lines l join holds h on h.enrollment_id = l.enrollment_id and h.id = l.hold_id
            where l.enrollment_id = c.enrollment_id and l.line_id = c.id and h.status = 'rejected')"#,
        enrollment_id.0,
        sale_id.0,
        currency.as_str(),
    )
    .fetch_one(conn)
    .await
}

/// Decides an open hold. `false`: it was decided before.
pub async fn decide(
    conn: &mut PgConnection,
    hold: &HoldRow,
    status: HoldStatus,
    now: DateTime<Utc>,
    by: &str,
    reason: &str,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "update holds set status = $3, decided_at = $4, decided_by = $5, decision_reason = $6
        where enrollment_id = $1 and id = $2 and status = 'open'",
        hold.enrollment_id.0,
        hold.id.0,
        status.as_str(),
        now,
        by,
        reason,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}
