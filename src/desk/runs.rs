//! What ran: every slot of the schedule and everything that somebody started, with its outcome. Who may see the company's
//! payouts sees it.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::{Page, PageRequest, Result};
use crate::Engine;
use crate::domain::actor::{Actor, Permission};
use crate::domain::ids::{ProgramId, RunId};
use crate::domain::schedule::{RunOutcome, RunTask};
use crate::pipeline::mature::Matured;
use crate::store::runs::{self, Finish, RunView};

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
) -> Result<Page<RunView>> {
    actor.require(Permission::Read)?;
    let mut conn = engine.pool.acquire().await?;
    let rows = runs::list(&mut conn, program_id, outcome, page.before::<RunId>()?, page.fetch()).await?;
    Ok(page.page(rows, |run| run.id))
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
            (RunOutcome::Done, format!("{lines} {noun} credited: {}.", sums.join(", ")))
        }
    };
    let finish = Finish { outcome, note: &note, batches: &[] };
    runs::record(conn, now, RunTask::Maturity, program_id, &actor.audit_name(), &finish).await
}
