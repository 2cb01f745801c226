//! What of every program's commissions waits: for somebody to approve it, for the end of its hold window, for a decision. Reads
//! only.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::domain::currency::Currency;
use crate::domain::ids::ProgramId;

/// A program's waiting lines in one currency; amounts in minor units.
#[derive(Debug, Clone)]
pub struct WaitingRow {
    pub program_id: ProgramId,
    pub currency: Currency,
    /// Pending lines whose hold window is over.
    pub due_lines: i64,
    pub due_affiliates: i64,
    pub due_minor: i64,
    /// Pending lines whose hold window isn't over, and when the first and the last of them are.
    pub pending_lines: i64,
    pub pending_minor: i64,
    pub next_matures_at: Option<DateTime<Utc>>,
    pub last_matures_at: Option<DateTime<Utc>>,
    /// Lines that a hold stops.
    pub held_lines: i64,
    pub held_minor: i64,
}

/// What waits at `now`, of one program or of all, by the programs' names.
pub async fn waiting(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    program_id: Option<ProgramId>,
) -> sqlx::Result<Vec<WaitingRow>> {
    sqlx::query_as!(
        WaitingRow,
        r#"select p.id as "program_id: ProgramId", l.currency as "currency: Currency",
            count(*) filter (where l.is_due) as "due_lines!",
            count(distinct l.enrollment_id) filter (where l.is_due) as "due_affiliates!",
            coalesce(sum(l.amount_minor) filter (where l.is_due), 0)::bigint as "due_minor!",
            count(*) filter (where l.is_waiting) as "pending_lines!",
            coalesce(sum(l.amount_minor) filter (where l.is_waiting), 0)::bigint as "pending_minor!",
            min(l.matures_at) filter (where l.is_waiting) as next_matures_at,
            max(l.matures_at) filter (where l.is_waiting) as last_matures_at,
            count(*) filter (where l.status = 'on_hold') as "held_lines!",
            coalesce(sum(l.amount_minor) filter (where l.status = 'on_hold'), 0)::bigint as "held_minor!"
        from (
            select program_id, enrollment_id, currency, amount_minor, status, matures_at,
                status = 'pending' and matures_at <= $1 as is_due, status = 'pending' and matures_at > $1 as is_waiting
            from commissions_ledger
            where status in ('pending', 'on_hold') and ($2::uuid is null or program_id = $2)
        ) l join programs p on p.id = l.program_id
        group by p.id, l.currency order by p.name, p.id, l.currency"#,
        now,
        program_id.map(|id| id.0),
    )
    .fetch_all(conn)
    .await
}
