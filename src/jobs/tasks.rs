//! The scheduled tasks, each a few lines around a stage. All of them may run at any time, any number of times, in any number of
//! processes: what is not due is left alone.

use graphile_worker::{IntoTaskHandlerResult, TaskHandler, WorkerContext};
use serde::{Deserialize, Serialize};

use crate::Engine;
use crate::desk;
use crate::domain::actor::Actor;
use crate::domain::schedule::{RunOutcome, RunTask};
use crate::pipeline::{backfill, mature, payout_run, reversal, sale};
use crate::store::runs::{self, Finish};
use crate::store::upkeep;

/// The engine that the schedule was set up with.
fn engine(context: &WorkerContext) -> Result<Engine, String> {
    context.get_ext::<Engine>().cloned().ok_or_else(|| "the schedule was set up without an engine".to_owned())
}

/// Bare payments that no other event claimed in time become sales of their own.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct SettleProvisionalSales;

impl TaskHandler for SettleProvisionalSales {
    const IDENTIFIER: &'static str = "settle_provisional_sales";

    async fn run(self, context: WorkerContext) -> impl IntoTaskHandlerResult {
        let engine = engine(&context)?;
        let now = engine.clock.now().await;
        sale::settle_provisional(&engine, now).await.map(drop).map_err(|error| error.to_string())
    }
}

/// Lines whose hold window is over become payable.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct MatureLines;

impl TaskHandler for MatureLines {
    const IDENTIFIER: &'static str = "mature_lines";

    async fn run(self, context: WorkerContext) -> impl IntoTaskHandlerResult {
        let engine = engine(&context)?;
        let now = engine.clock.now().await;
        let matured = mature::sweep(&engine.pool, now).await;
        let mut conn = engine.pool.acquire().await.map_err(|error| error.to_string())?;
        let by = mature::ACTOR;
        match &matured {
            // A sweep a minute that finds nothing is no news.
            Ok(matured) if matured.approved == 0 => Ok(()),
            Ok(matured) => desk::runs::record_matured(&mut conn, now, None, &by, matured).await,
            Err(error) => {
                let why = error.to_string();
                runs::record_failure(&mut conn, now, RunTask::Maturity, None, &by.audit_name(), &why).await
            }
        }
        .map_err(|error| error.to_string())?;
        matured.map(drop).map_err(|error| error.to_string())
    }
}

/// Programs whose slot has come are paid, or drafted for review.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct RunPayouts;

impl TaskHandler for RunPayouts {
    const IDENTIFIER: &'static str = "run_payouts";

    async fn run(self, context: WorkerContext) -> impl IntoTaskHandlerResult {
        let engine = engine(&context)?;
        let now = engine.clock.now().await;
        payout_run::run_due(&engine, now).await.map(drop).map_err(|error| error.to_string())
    }
}

/// Transfers that somebody takes back get their outcome.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct SettleReversals;

impl TaskHandler for SettleReversals {
    const IDENTIFIER: &'static str = "settle_reversals";

    async fn run(self, context: WorkerContext) -> impl IntoTaskHandlerResult {
        let engine = engine(&context)?;
        let now = engine.clock.now().await;
        reversal::settle_due(&engine, now).await.map_err(|error| error.to_string())
    }
}

/// Events that never arrived are asked for; without a Stripe account there are none.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct FindMissedEvents;

impl TaskHandler for FindMissedEvents {
    const IDENTIFIER: &'static str = "find_missed_events";

    async fn run(self, context: WorkerContext) -> impl IntoTaskHandlerResult {
        let engine = engine(&context)?;
        let now = engine.clock.now().await;
        let found = backfill::catch_up(&engine, now).await;
        let mut conn = engine.pool.acquire().await.map_err(|error| error.to_string())?;
        let (task, by) = (RunTask::MissedEvents, Actor::System("backfill").audit_name());
        match found {
            Err(backfill::Error::NotConnected) => Ok(()),
            Ok(found) => {
                let note = format!("{} events at Stripe, {} of them had not arrived.", found.seen, found.new);
                let finish = Finish { outcome: RunOutcome::Done, note: &note, batches: &[] };
                runs::record(&mut conn, now, task, None, &by, &finish).await.map_err(|error| error.to_string())
            }
            Err(error) => {
                let why = error.to_string();
                runs::record_failure(&mut conn, now, task, None, &by, &why).await.map_err(|error| error.to_string())?;
                Err(why)
            }
        }
    }
}

/// What has served its time goes: sessions, links, counts of tries, remembered answers.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct CleanUp;

impl TaskHandler for CleanUp {
    const IDENTIFIER: &'static str = "clean_up";

    async fn run(self, context: WorkerContext) -> impl IntoTaskHandlerResult {
        let engine = engine(&context)?;
        let now = engine.clock.now().await;
        upkeep::forget_what_is_over(&engine.pool, now).await.map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn the_schedule_s_empty_payload_is_every_task() {
        assert!(serde_json::from_value::<SettleProvisionalSales>(Value::Null).is_ok());
        assert!(serde_json::from_value::<MatureLines>(Value::Null).is_ok());
        assert!(serde_json::from_value::<SettleReversals>(Value::Null).is_ok());
        assert!(serde_json::from_value::<RunPayouts>(Value::Null).is_ok());
        assert!(serde_json::from_value::<FindMissedEvents>(Value::Null).is_ok());
        assert!(serde_json::from_value::<CleanUp>(Value::Null).is_ok());
    }
}
