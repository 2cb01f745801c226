//! When the sandbox's clock is moved, what a schedule would have done on the way is asked for at once, so that a demo or a test sees
//! hold windows pass within a second. Runs only while the business clock follows the sandbox's.

use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use graphile_worker::{JobSpec, WorkerUtils};
use tokio::sync::watch;

use super::asked;
use super::tasks::{FindMissedEvents, MatureLines, RunPayouts, SettleProvisionalSales};
use crate::Engine;

const LOOK_EVERY: Duration = Duration::from_millis(500);

/// A clock that moved this much more than real time has been moved by somebody.
const LEAP: TimeDelta = TimeDelta::seconds(30);

/// Runs until `stop` becomes true.
pub(super) async fn watch(engine: Engine, jobs: WorkerUtils, stop: watch::Receiver<bool>) {
    let mut seen = (engine.clock.now().await, Instant::now());
    while !*stop.borrow() {
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            () = asked(stop.clone()) => break,
        }
        let looked = (engine.clock.now().await, Instant::now());
        if leapt(seen, looked)
            && let Err(error) = catch_up(&jobs, looked.0 - seen.0).await
        {
            tracing::warn!(%error, "the clock leapt, and the schedule could not be told");
        }
        seen = looked;
    }
}

fn leapt(seen: (DateTime<Utc>, Instant), looked: (DateTime<Utc>, Instant)) -> bool {
    let real = TimeDelta::from_std(looked.1 - seen.1).unwrap_or(TimeDelta::zero());
    looked.0 - seen.0 > real + LEAP
}

async fn catch_up(jobs: &WorkerUtils, by: TimeDelta) -> Result<(), graphile_worker::errors::GraphileWorkerError> {
    let once = |key: &str| JobSpec { job_key: Some(key.to_owned()), ..JobSpec::default() };
    jobs.add_job(SettleProvisionalSales, once("leap:settle")).await?;
    jobs.add_job(MatureLines, once("leap:mature")).await?;
    jobs.add_job(RunPayouts, once("leap:payouts")).await?;
    if by >= TimeDelta::days(1) {
        jobs.add_job(FindMissedEvents, once("leap:missed")).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_runs_is_no_leap_and_one_that_was_moved_is() {
        let (now, began) = (Utc::now(), Instant::now());
        let later = began + Duration::from_secs(60);
        assert!(!leapt((now, began), (now + TimeDelta::seconds(61), later)));
        assert!(leapt((now, began), (now + TimeDelta::days(30), later)));
    }
}
