//! `/runs`.

use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::super::Answer;
use super::super::caller::Reader;
use super::super::input::{Query, from_text};
use super::payout_batches::BatchSummary;
use crate::Engine;
use crate::desk::{Page, PageRequest, programs, runs};
use crate::domain::batch::BatchStatus;
use crate::domain::ids::{BatchId, ProgramId, RunId};
use crate::domain::schedule::{RunOutcome, RunTask};
use crate::store::batch_views::BatchView;

/// What narrows the list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct RunsQuery {
    /// A program's id or slug.
    program: Option<String>,
    outcome: Option<RunOutcome>,
    /// Rows of the page, 1 to 100; 25 when it is left out.
    #[serde(default, deserialize_with = "from_text")]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Something that the schedule or somebody ran.
#[derive(Debug, Serialize, ToSchema)]
pub struct Run {
    id: RunId,
    task: RunTask,
    /// Null: a run for every program.
    program: Option<ProgramId>,
    /// The slot of the program's schedule; null for what somebody started.
    slot_at: Option<DateTime<Utc>>,
    started_at: DateTime<Utc>,
    finished_at: Option<DateTime<Utc>>,
    started_by: String,
    outcome: RunOutcome,
    /// The outcome in words.
    note: String,
    /// How often it was begun.
    attempts: i32,
    /// When a failed run of a slot is begun again.
    retry_at: Option<DateTime<Utc>>,
    batches: Vec<BatchId>,
    /// The batches as they stand now.
    batches_now: Vec<RunBatch>,
}

/// What became of a run's batch.
#[derive(Debug, Serialize, ToSchema)]
pub struct RunBatch {
    id: BatchId,
    status: BatchStatus,
    summary: BatchSummary,
}

/// Lists runs of payouts, of crediting and of the search for missed events, newest first.
#[utoipa::path(get, path = "/runs", tag = "Payouts", params(RunsQuery), security(("key" = ["read"])),
    responses((status = 200, body = Page<Run>)))]
pub async fn list(State(engine): State<Engine>, by: Reader, Query(query): Query<RunsQuery>) -> Answer<Page<Run>> {
    let page = PageRequest::new(query.limit, query.cursor)?;
    let program_id = programs::id_param(&engine, &by.actor, query.program.as_deref()).await?;
    Ok(Json(runs::list(&by.actor, &engine, program_id, query.outcome, &page).await?.map(Run::from)))
}

impl From<runs::Run> for Run {
    fn from(runs::Run { ran: row, batches }: runs::Run) -> Self {
        let now = |batch: BatchView| RunBatch { id: batch.id, status: batch.status, summary: batch.summary.into() };
        Run {
            id: row.id,
            task: row.task,
            program: row.program_id,
            slot_at: row.slot_at,
            started_at: row.started_at,
            finished_at: row.finished_at,
            started_by: row.started_by,
            outcome: row.outcome,
            note: row.note,
            attempts: row.attempts,
            retry_at: row.retry_at,
            batches: row.batches,
            batches_now: batches.into_iter().map(now).collect(),
        }
    }
}
