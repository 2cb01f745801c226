//! Commission lines against what else is told of them: their histories, and the records of finalized periods.

use sqlx::PgConnection;

use super::Found;
use crate::domain::ids::{LineId, ProgramId};

pub(super) async fn line_against_history(conn: &mut PgConnection) -> Found {
    let row = sqlx::query!(
        r#"select l.id, l.status, l.stopped, h.to_status as "told?" from commissions_ledger l
        left join lateral (
            select to_status from commission_line_history
            where enrollment_id = l.enrollment_id and line_id = l.id order by n desc limit 1
        ) h on true
        where h.to_status is distinct from case when l.stopped then 'on_hold' else l.status end
        order by l.enrollment_id, l.id limit 1"#,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| {
        let told = row.told.unwrap_or_else(|| "nothing".to_owned());
        let stands = if row.stopped { "finalized and stopped" } else { &row.status };
        (LineId(row.id).to_string(), format!("it is {stands} and its history ends with {told}"))
    }))
}

/// What was locked with a period is locked for good, so its sum never changes. What the record says was left out can't be told
/// any more, because it went on.
pub(super) async fn period_against_lines(conn: &mut PgConnection) -> Found {
    let row = sqlx::query!(
        r#"with locked as (
            select program_id, finalized_with as name, currency, count(*) as lines, sum(amount_minor) as amount_minor
            from commissions_ledger where finalized_with is not null group by program_id, finalized_with, currency
        ), kept as (
            select program_id, name, currency, lines, amount_minor
            from commission_periods join commission_period_totals using (program_id, name) where status = 'finalized'
        )
        select program_id as "program_id!", name as "name!", currency as "currency!",
            coalesce(k.lines, 0) as "kept_lines!", coalesce(k.amount_minor, 0) as "kept!",
            coalesce(l.lines, 0) as "locked_lines!", coalesce(l.amount_minor, 0)::text as "locked!"
        from kept k full join locked l using (program_id, name, currency)
        where (k.lines, k.amount_minor) is distinct from (l.lines, l.amount_minor)
        order by 1, 2, 3 limit 1"#,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| {
        let id = format!("{} {}", ProgramId(row.program_id), row.name);
        let found = format!(
            "its record has {} finalized lines of {} {currency}, and {} of {} {currency} were locked with it",
            row.kept_lines,
            row.kept,
            row.locked_lines,
            row.locked,
            currency = row.currency,
        );
        (id, found)
    }))
}
