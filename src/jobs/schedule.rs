//! The schedule: which task runs when. A process that dies leaves its task to another.

use std::future::Future;
use std::time::Duration;

use graphile_worker::{Worker, WorkerOptions, WorkerRecoveryConfig};
use tokio::sync::watch;

use super::tasks::{CleanUp, FindMissedEvents, MatureLines, RunPayouts, SettleProvisionalSales, SettleReversals};
use super::{Error, asked};
use crate::Engine;

/// Minute, hour, day, month, weekday (UTC), the task, and how far back a missed run is caught up.
const TABLE: &str = "\
* * * * * settle_provisional_sales
* * * * * mature_lines
* * * * * run_payouts
* * * * * settle_reversals
40 3 * * * find_missed_events ?fill=1d
17 * * * * clean_up ?fill=1h
";

const AT_ONCE: usize = 4;
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long a process may be silent before its task is taken for orphaned.
const DEAD_AFTER: Duration = Duration::from_secs(60);
/// How long a schedule that lost its database waits before it begins again.
const BEGIN_AGAIN: Duration = Duration::from_secs(2);

/// Brings the job tables to this version and prepares the schedule; `stop` ends it.
pub(super) async fn set_up(engine: &Engine, stop: impl Future<Output = ()> + Send + 'static) -> Result<Worker, Error> {
    let recovery = WorkerRecoveryConfig {
        enabled: true,
        heartbeat_interval: DEAD_AFTER / 6,
        sweep_interval: DEAD_AFTER / 2,
        sweep_threshold: DEAD_AFTER,
        recovery_delay: Duration::from_secs(1),
        ..WorkerRecoveryConfig::default()
    };
    let worker = WorkerOptions::default()
        .pg_pool(engine.pool.clone())
        .concurrency(AT_ONCE)
        .poll_interval(LOOK_EVERY)
        .listen_os_shutdown_signals(false)
        .shutdown_signal(stop)
        .worker_recovery(recovery)
        .add_extension(engine.clone())
        .define_job::<SettleProvisionalSales>()
        .define_job::<MatureLines>()
        .define_job::<RunPayouts>()
        .define_job::<SettleReversals>()
        .define_job::<FindMissedEvents>()
        .define_job::<CleanUp>()
        .with_cron(TABLE)
        .map_err(|error| Error::Table(error.to_string()))?
        .init()
        .await?;
    Ok(worker)
}

/// Runs the schedule until `stop` becomes true, beginning with the one that is set up already, if there is one. A schedule ends at the first query that the database doesn't answer, so
/// another one takes its place as soon as the database is back.
pub(super) async fn run(engine: Engine, first: Option<Worker>, stop: watch::Receiver<bool>) {
    let mut schedule = match first {
        Some(schedule) => Ok(schedule),
        None => set_up(&engine, asked(stop.clone())).await.map_err(|error| error.to_string()),
    };
    loop {
        let ended = match schedule {
            Ok(schedule) => schedule.run().await.map_err(|error| error.to_string()),
            Err(error) => Err(error),
        };
        if *stop.borrow() {
            return;
        }
        if let Err(error) = ended {
            tracing::warn!(%error, "the schedule stopped; it begins again");
        }
        tokio::select! {
            () = tokio::time::sleep(BEGIN_AGAIN) => {}
            () = asked(stop.clone()) => return,
        }
        schedule = set_up(&engine, asked(stop.clone())).await.map_err(|error| error.to_string());
    }
}
