//! What ran: every slot of the schedule and everything that somebody started, with its outcome. Who may see the company's
//! payouts sees it.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Page, PageRequest, Result};
use crate::Engine;
use crate::domain::actor::{Actor, Permission};
use crate::domain::ids::{BatchId, ProgramId, RunId};
use crate::domain::schedule::{RunOutcome, RunTask};
use crate::pipeline::{self, mature::Matured};
use crate::store::batch_views::{self, BatchView};
use crate::store::runs::{self, Finish, RunFilter, RunView};

/// A run, and its batches as they stand now.
#[derive(Debug, Clone)]
pub struct Run {
    pub ran: RunView,
    pub batches: Vec<BatchView>,
}

/// Runs, newest first; of one program or with one outcome when they are given.
///
/// # Errors
/// [`Error::Forbidden`](super::Error::Forbidden), [`Error::Invalid`](super::Error::Invalid) for a cursor that is none.
pub async fn list(
    actor: &Actor,
    engine: &Engine,
    program_id: Option<ProgramId>,
    outcome: Option<RunOutcome>,
    page: &PageRequest,
) -> Result<Page<Run>> {
    actor.require(Permission::Read)?;
    let mut conn = engine.pool.acquire().await?;
    let filter = RunFilter { program_id, outcome, ids: None };
    let found = with_batches(&mut conn, &filter, page.before::<RunId>()?, page.fetch()).await?;
    Ok(page.page(found, |run| run.ran.id))
}

/// The newest failed runs that no later run of the same kind made good, at most `limit`.
///
/// # Errors
/// [`Error::Forbidden`](super::Error::Forbidden).
pub async fn standing_failures(actor: &Actor, engine: &Engine, limit: usize) -> Result<Vec<Run>> {
    actor.require(Permission::Read)?;
    let mut conn = engine.pool.acquire().await?;
    let mut ids = runs::standing_failures(&mut conn).await?;
    ids.truncate(limit);
    let (filter, all) =
        (RunFilter { ids: Some(ids), ..RunFilter::default() }, i64::try_from(limit).unwrap_or(i64::MAX));
    with_batches(&mut conn, &filter, None, all).await
}

async fn with_batches(
    conn: &mut PgConnection,
    filter: &RunFilter,
    before: Option<Uuid>,
    limit: i64,
) -> Result<Vec<Run>> {
    let rows = runs::list(conn, filter, before, limit).await?;
    let ids: Vec<BatchId> = rows.iter().flat_map(|run| run.batches.iter().copied()).collect();
    let batches = batch_views::batches_of(conn, &ids).await?;
    let with_batches = |ran: RunView| {
        let own = batches.iter().filter(|batch| ran.batches.contains(&batch.id)).cloned().collect();
        Run { ran, batches: own }
    };
    Ok(rows.into_iter().map(with_batches).collect())
}

/// Records that something that somebody started failed. `program_id`: none for all.
pub(crate) async fn record_failure(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    (task, program_id): (RunTask, Option<ProgramId>),
    actor: &Actor,
    error: &pipeline::Error,
) -> sqlx::Result<()> {
    runs::record_failure(conn, now, task, program_id, &actor.audit_name(), &error.to_string()).await
}

/// Records a run that credited matured lines. `program_id`: none for all.
pub(crate) async fn record_matured(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    program_id: Option<ProgramId>,
    actor: &Actor,
    matured: &Matured,
) -> sqlx::Result<()> {
    let (outcome, note) = match matured.approved {
        0 => (RunOutcome::NothingDue, "No pending commission had passed its hold window.".to_owned()),
        lines => {
            let sums: Vec<String> = matured.amounts.iter().map(ToString::to_string).collect();
            let noun = if lines == 1 { "commission was" } else { "commissions were" };
            (RunOutcome::Done, format!("{lines} {noun} approved: {}.", sums.join(", ")))
        }
    };
    let finish = Finish { outcome, note: &note, batches: &[] };
    runs::record(conn, now, RunTask::Maturity, program_id, &actor.audit_name(), &finish).await
}
