//! The scheduled tasks, each a few lines around a stage. All of them may run at any time, any number of times, in any number of
//! processes: what is not due is left alone.

use graphile_worker::{IntoTaskHandlerResult, TaskHandler, WorkerContext};
use serde::{Deserialize, Serialize};

use crate::Engine;
use crate::pipeline::{backfill, mature, sale};
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
        mature::sweep(&engine.pool, now).await.map(drop).map_err(|error| error.to_string())
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
        match backfill::catch_up(&engine, now).await {
            Ok(_) | Err(backfill::Error::NotConnected) => Ok(()),
            Err(error) => Err(error.to_string()),
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
        assert!(serde_json::from_value::<FindMissedEvents>(Value::Null).is_ok());
        assert!(serde_json::from_value::<CleanUp>(Value::Null).is_ok());
    }
}
