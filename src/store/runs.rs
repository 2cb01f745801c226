//! The record of every run: what the schedule did at each slot of a program, what somebody started, and what failed. A slot
//! has one row, so that it runs once whatever number of processes sees it.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::programs::schedule;
use crate::domain::ids::{BatchId, ProgramId, RunId};
use crate::domain::program::Cadence;
use crate::domain::schedule::{RunOutcome, RunTask, Schedule};

/// A program that the schedule pays, and how far its slots are recorded.
#[derive(Debug, Clone)]
pub struct ScheduledProgram {
    pub id: ProgramId,
    pub schedule: Schedule,
    pub auto_execute: bool,
    /// Slots up to here are recorded, or never counted.
    pub recorded_until: DateTime<Utc>,
    /// The last slot when its run failed and is due again.
    pub failed_slot: Option<DateTime<Utc>>,
}

/// Every program that isn't paid by hand, in id order.
pub async fn scheduled_programs(conn: &mut PgConnection, now: DateTime<Utc>) -> sqlx::Result<Vec<ScheduledProgram>> {
    let rows = sqlx::query!(
        r#"select p.id as "id: ProgramId", p.cadence as "cadence: Cadence", p.payout_weekday, p.payout_day, p.auto_execute,
            greatest(p.schedule_from, last.slot_at) as "recorded_until!",
            case when last.outcome = 'failed' and last.retry_at <= $1 and last.slot_at > p.schedule_from
                then last.slot_at end as failed_slot
        from programs p left join lateral (
            select slot_at, outcome, retry_at from runs
            where program_id = p.id and task = 'payouts' and slot_at is not null
            order by slot_at desc limit 1
        ) last on true
        where p.cadence <> 'manual' order by p.id"#,
        now,
    )
    .fetch_all(conn)
    .await?;
    let read = rows.into_iter().map(|row| ScheduledProgram {
        id: row.id,
        schedule: schedule(row.cadence, row.payout_weekday, row.payout_day),
        auto_execute: row.auto_execute,
        recorded_until: row.recorded_until,
        failed_slot: row.failed_slot,
    });
    Ok(read.collect())
}

/// Takes the program's slot for this transaction. `None`: it ran, or another process is at it. A slot whose run failed is
/// taken again when its pause is over at `now`.
pub async fn take_slot(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    program_id: ProgramId,
    slot_at: DateTime<Utc>,
    by: &str,
) -> sqlx::Result<Option<RunId>> {
    sqlx::query_scalar!(
        r#"insert into runs as r (id, task, program_id, slot_at, started_at, started_by, outcome, note)
        values ($1, 'payouts', $2, $3, $4, $5, 'nothing_due', '')
        on conflict (program_id, task, slot_at) do update
            set started_at = $4, attempts = r.attempts + 1, retry_at = null
            where r.outcome = 'failed' and r.retry_at <= $4
        returning id as "id: RunId""#,
        RunId::new(now).0,
        program_id.0,
        slot_at,
        now,
        by,
    )
    .fetch_optional(conn)
    .await
}

/// Records slots at whose time nobody was there; a later one runs instead.
pub async fn record_missed(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    program_id: ProgramId,
    slots: &[DateTime<Utc>],
    by: &str,
) -> sqlx::Result<()> {
    let ids: Vec<Uuid> = slots.iter().map(|_| RunId::new(now).0).collect();
    sqlx::query!(
        "insert into runs (id, task, program_id, slot_at, started_at, finished_at, started_by, outcome, note)
        select id, 'payouts', $3, slot_at, $4, $4, $5, 'missed',
            'Purser was not running at this time; the next run took in what was due.'
        from unnest($1::uuid[], $2::timestamptz[]) as missed (id, slot_at)
        on conflict (program_id, task, slot_at) do nothing",
        &ids,
        slots,
        program_id.0,
        now,
        by,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// What a run came to.
#[derive(Debug, Clone)]
pub struct Finish<'a> {
    pub outcome: RunOutcome,
    /// A sentence for people.
    pub note: &'a str,
    pub batches: &'a [BatchId],
}

/// Ends a run whose slot was taken.
pub async fn finish(conn: &mut PgConnection, now: DateTime<Utc>, id: RunId, finish: &Finish<'_>) -> sqlx::Result<()> {
    sqlx::query!(
        "update runs set finished_at = $2, outcome = $3, note = $4 where id = $1",
        id.0,
        now,
        finish.outcome.as_str(),
        finish.note,
    )
    .execute(&mut *conn)
    .await?;
    add_batches(conn, id, finish.batches).await
}

/// Records a run that has no slot: somebody started it, or its task has none.
pub async fn record(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    task: RunTask,
    program_id: Option<ProgramId>,
    by: &str,
    finish: &Finish<'_>,
) -> sqlx::Result<()> {
    let id = RunId::new(now);
    sqlx::query!(
        "insert into runs (id, task, program_id, started_at, finished_at, started_by, outcome, note)
        values ($1, $2, $3, $4, $4, $5, $6, $7)",
        id.0,
        task.as_str(),
        program_id.map(|id| id.0),
        now,
        by,
        finish.outcome.as_str(),
        finish.note,
    )
    .execute(&mut *conn)
    .await?;
    add_batches(conn, id, finish.batches).await
}

async fn add_batches(conn: &mut PgConnection, id: RunId, batches: &[BatchId]) -> sqlx::Result<()> {
    let batches: Vec<Uuid> = batches.iter().map(|batch| batch.0).collect();
    sqlx::query!(
        "insert into run_batches (run_id, batch_id) select $1, batch_id from unnest($2::uuid[]) as batch_id
        on conflict do nothing",
        id.0,
        &batches,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Records that a slot's run failed; it is begun again after `retry_at`. A slot that ran meanwhile stays as it is.
pub async fn record_failed_slot(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    program_id: ProgramId,
    slot_at: DateTime<Utc>,
    by: &str,
    (why, retry_at): (&str, DateTime<Utc>),
) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into runs as r (id, task, program_id, slot_at, started_at, finished_at, started_by, outcome, note, retry_at)
        values ($1, 'payouts', $2, $3, $4, $4, $5, 'failed', $6, $7)
        on conflict (program_id, task, slot_at) do update
            set finished_at = $4, note = $6, retry_at = $7, attempts = r.attempts + 1
            where r.outcome = 'failed'",
        RunId::new(now).0,
        program_id.0,
        slot_at,
        now,
        by,
        why,
        retry_at,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Records that a run without a slot failed. Failures in a row of one task and program are one record with their number, but for
/// those that name a batch.
pub async fn record_failure(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    task: RunTask,
    program_id: Option<ProgramId>,
    by: &str,
    why: &str,
) -> sqlx::Result<()> {
    let again = sqlx::query!(
        "update runs set finished_at = $4, note = $5, attempts = attempts + 1
        where id = (
            select id from runs
            where task = $1 and program_id is not distinct from $2 and started_by = $3
            order by id desc limit 1
        ) and outcome = 'failed' and slot_at is null
            and not exists (select 1 from run_batches b where b.run_id = runs.id)",
        task.as_str(),
        program_id.map(|id| id.0),
        by,
        now,
        why,
    )
    .execute(&mut *conn)
    .await?;
    if again.rows_affected() == 0 {
        let failed = Finish { outcome: RunOutcome::Failed, note: why, batches: &[] };
        record(conn, now, task, program_id, by, &failed).await?;
    }
    Ok(())
}

/// A run as people read it.
#[derive(Debug, Clone)]
pub struct RunView {
    pub id: RunId,
    pub task: RunTask,
    pub program_id: Option<ProgramId>,
    pub program_name: Option<String>,
    pub slot_at: Option<DateTime<Utc>>,
    pub started_at: DateTime<Utc>,
    pub finished_at: Option<DateTime<Utc>>,
    pub started_by: String,
    pub outcome: RunOutcome,
    pub note: String,
    pub attempts: i32,
    pub retry_at: Option<DateTime<Utc>>,
    pub batches: Vec<BatchId>,
}

/// Failed runs that no later run of the same kind made good, newest first.
pub async fn standing_failures(conn: &mut PgConnection) -> sqlx::Result<Vec<RunId>> {
    sqlx::query_scalar!(
        r#"select r.id as "id: RunId" from runs r
        where r.outcome = 'failed' and not exists (
            select 1 from runs later
            where later.task = r.task and later.program_id is not distinct from r.program_id and later.id > r.id
                and later.outcome not in ('failed', 'missed'))
        order by r.id desc"#,
    )
    .fetch_all(conn)
    .await
}

/// What narrows a list of runs.
#[derive(Debug, Clone, Default)]
pub struct RunFilter {
    pub program_id: Option<ProgramId>,
    pub outcome: Option<RunOutcome>,
    /// Only these.
    pub ids: Option<Vec<RunId>>,
}

/// Runs, newest first.
pub async fn list(
    conn: &mut PgConnection,
    filter: &RunFilter,
    before: Option<Uuid>,
    limit: i64,
) -> sqlx::Result<Vec<RunView>> {
    sqlx::query_as!(
        RunView,
        r#"select r.id as "id: _", r.task as "task: _", r.program_id as "program_id: _", p.name as "program_name?", r.slot_at,
            r.started_at, r.finished_at, r.started_by, r.outcome as "outcome: _", r.note, r.attempts, r.retry_at,
            array(select batch_id from run_batches b where b.run_id = r.id order by batch_id) as "batches!: Vec<BatchId>"
        from runs r left join programs p on p.id = r.program_id
        where ($1::uuid is null or r.program_id = $1) and ($2::text is null or r.outcome = $2)
            and ($3::uuid is null or r.id < $3) and ($4::uuid[] is null or r.id = any($4))
        order by r.id desc limit $5"#,
        filter.program_id.map(|id| id.0),
        filter.outcome.map(RunOutcome::as_str),
        before,
        filter.ids.as_deref() as Option<&[RunId]>,
        limit,
    )
    .fetch_all(conn)
    .await
}
