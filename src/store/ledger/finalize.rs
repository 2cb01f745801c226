//! The ledger's side of finalizing a commission period: approved lines of many enrollments are locked at once. No money
//! moves, because what is finalized stays payable; the lines belong to no payout item yet.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{EnrollmentLock, LedgerError, read_currency};
use crate::domain::actor::Actor;
use crate::domain::ids::ProgramId;
use crate::domain::money::Money;
use crate::domain::payout::Cutoff;
use crate::domain::period::Period;

/// Finalizes the approved lines of the program in these enrollments that a payout with the same `cutoff` would take, each
/// with a step of its history. Returns how many there are and what they sum to, by currency.
///
/// # Errors
/// From the database.
pub async fn finalize_with_period(
    conn: &mut PgConnection,
    locks: &[EnrollmentLock],
    (now, actor): (DateTime<Utc>, &Actor),
    program_id: ProgramId,
    period: Period,
    cutoff: Cutoff,
) -> Result<Vec<(i64, Money)>, LedgerError> {
    let enrollments: Vec<Uuid> = locks.iter().map(|lock| lock.enrollment_id.0).collect();
    let rows = sqlx::query!(
        r#"with taken as (
            update commissions_ledger l set status = 'finalized', finalized_at = $3, finalized_with = $4
            from payable_lines due
            where due.program_id = $1 and due.enrollment_id = any($2) and due.status = 'approved'
                and within_cutoff(due.kind, due.amount_minor, due.status, due.matures_at, due.earned_at, $7, $8, false)
                and l.enrollment_id = due.enrollment_id and l.id = due.id
            returning l.enrollment_id, l.id, l.currency, l.amount_minor
        ), steps as (
            insert into commission_line_history (enrollment_id, line_id, n, from_status, to_status, at, actor, why)
            select t.enrollment_id, t.id, 1 + (
                select coalesce(max(n), 0) from commission_line_history h
                where h.enrollment_id = t.enrollment_id and h.line_id = t.id
            ), 'approved', 'finalized', $3, $5, $6
            from taken t
        )
        select currency, count(*) as "lines!", sum(amount_minor)::bigint as "total!" from taken group by currency"#,
        program_id.0,
        &enrollments,
        now,
        period.to_string(),
        actor.audit_name(),
        format!("Finalized with {}", period.label()),
        cutoff.matured_by,
        cutoff.earned_before,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(|row| Ok((row.lines, Money::new(row.total, read_currency(&row.currency)?)))).collect()
}
