//! The executor's loop: claims due items of executing batches, a bounded number at a time, and takes each a step further.
//! Any number of processes may run it against one database; it keeps nothing between rounds, and an item of a killed one is
//! taken over when its lease runs out.

use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;
use uuid::Uuid;

use crate::Engine;
use crate::pipeline::execute;

/// Calls under way in one process.
const IN_FLIGHT: usize = 8;
const IDLE: Duration = Duration::from_millis(200);
/// How often batches are looked for that events, or a killed worker, left with nothing to do.
const COMPLETE_EVERY: Duration = Duration::from_secs(1);
/// How often the balance is read for batches that wait for it.
const RESUME_EVERY: Duration = Duration::from_secs(15);

/// Runs until `stop` becomes true, then ends the calls that are under way.
pub async fn run(engine: Engine, mut stop: watch::Receiver<bool>) {
    let mut calls = JoinSet::new();
    let (mut completed, mut resumed) = (Instant::now(), Instant::now());
    while !*stop.borrow() {
        if completed.elapsed() >= COMPLETE_EVERY {
            completed = Instant::now();
            complete_finished(&engine).await;
        }
        if resumed.elapsed() >= RESUME_EVERY {
            resumed = Instant::now();
            resume_short(&engine).await;
        }
        start_due(&engine, &mut calls).await;
        tokio::select! {
            _ = stop.wait_for(|asked| *asked) => break,
            Some(_) = calls.join_next(), if !calls.is_empty() => {}
            () = tokio::time::sleep(IDLE) => {}
        }
    }
    while calls.join_next().await.is_some() {}
}

/// Works until no item is due any more, for commands and tests.
pub async fn run_until_idle(engine: &Engine) {
    let mut calls = JoinSet::new();
    loop {
        let started = start_due(engine, &mut calls).await;
        if started == 0 && calls.join_next().await.is_none() {
            return complete_finished(engine).await;
        }
    }
}

async fn start_due(engine: &Engine, calls: &mut JoinSet<()>) -> usize {
    let free = IN_FLIGHT.saturating_sub(calls.len());
    if free == 0 {
        return 0;
    }
    // Each round claims under a name of its own: a step that outlived its lease must not act on the next claim's lease.
    let owner = Uuid::now_v7();
    let claimed = match execute::claim_due(engine, owner, i64::try_from(free).unwrap_or(1)).await {
        Ok(claimed) => claimed,
        Err(error) => {
            tracing::warn!(%error, "due payouts can't be claimed");
            return 0;
        }
    };
    let started = claimed.len();
    for item in claimed {
        let engine = engine.clone();
        calls.spawn(async move {
            let now = engine.clock.now().await;
            if let Err(error) = execute::advance(&engine, now, owner, &item).await {
                tracing::warn!(item = %item.id, %error, "a payout's step was not recorded; it is taken up again");
            }
        });
    }
    started
}

async fn resume_short(engine: &Engine) {
    let now = engine.clock.now().await;
    if let Err(error) = execute::resume_short(engine, now).await {
        tracing::warn!(%error, "paused payout batches can't be looked at");
    }
}

async fn complete_finished(engine: &Engine) {
    let now = engine.clock.now().await;
    if let Err(error) = execute::complete_finished(engine, now).await {
        tracing::warn!(%error, "finished payout batches can't be completed");
    }
}
