//! The executor's loop: claims due items of executing batches, a bounded number at a time, and takes each a step further.
//! Any number of processes may run it against one database; it keeps nothing between rounds, and an item of a killed one is
//! taken over when its lease runs out.

use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;
use uuid::Uuid;

use crate::Engine;
use crate::pipeline::execute::{self, Claim};

const IDLE: Duration = Duration::from_millis(200);
/// Claims are made for a few items at a time rather than one by one.
const GATHER: Duration = Duration::from_millis(20);
/// How often batches are looked for that have nothing left to do.
const COMPLETE_EVERY: Duration = Duration::from_secs(1);
/// How often the balance is read for batches that wait for it.
const RESUME_EVERY: Duration = Duration::from_secs(5);

/// Runs until `stop` becomes true, then ends the calls that are under way.
pub async fn run(engine: Engine, mut stop: watch::Receiver<bool>) {
    let mut calls = JoinSet::new();
    // At once at first: processes that end again and again must not keep a batch waiting.
    let (mut complete_at, mut resume_at) = (Instant::now(), Instant::now());
    while !*stop.borrow() {
        if Instant::now() >= complete_at {
            complete_at = Instant::now() + COMPLETE_EVERY;
            complete_finished(&engine).await;
        }
        if Instant::now() >= resume_at {
            resume_at = Instant::now() + RESUME_EVERY;
            resume_short(&engine).await;
        }
        let next = start_due(&engine, &mut calls).await;
        tokio::select! {
            _ = stop.wait_for(|asked| *asked) => break,
            () = tokio::time::sleep(next.wait()) => {}
        }
        while calls.try_join_next().is_some() {}
    }
    while calls.join_next().await.is_some() {}
}

/// Works until no item is due any more, for commands and tests.
pub async fn run_until_idle(engine: &Engine) {
    let mut calls = JoinSet::new();
    loop {
        match start_due(engine, &mut calls).await {
            Next::Started => {}
            Next::NotYet(wait) => tokio::time::sleep(wait).await,
            Next::Nothing | Next::Full => {
                if calls.join_next().await.is_none() {
                    return complete_finished(engine).await;
                }
            }
        }
    }
}

/// What a round found.
enum Next {
    Started,
    Nothing,
    /// As many calls are under way as may be.
    Full,
    /// The rail's rate allows the next call after this time.
    NotYet(Duration),
}

impl Next {
    fn wait(&self) -> Duration {
        match self {
            Next::Started | Next::Full => GATHER,
            Next::NotYet(wait) => (*wait).clamp(GATHER, IDLE),
            Next::Nothing => IDLE,
        }
    }
}

async fn start_due(engine: &Engine, calls: &mut JoinSet<()>) -> Next {
    let free = execute::most_in_flight(engine).saturating_sub(calls.len());
    if free == 0 {
        return Next::Full;
    }
    // Each round claims under a name of its own: a step that outlived its lease must not act on the next claim's lease.
    let owner = Uuid::now_v7();
    let claimed = match execute::claim_due(engine, owner, free).await {
        Ok(Claim::Items(claimed)) => claimed,
        Ok(Claim::NothingDue) => return Next::Nothing,
        Ok(Claim::NotYet(wait)) => return Next::NotYet(wait),
        Err(error) => {
            tracing::warn!(%error, "due payouts can't be claimed");
            return Next::Nothing;
        }
    };
    for item in claimed {
        let engine = engine.clone();
        calls.spawn(async move {
            let now = engine.clock.now().await;
            if let Err(error) = execute::advance(&engine, now, owner, &item).await {
                tracing::warn!(item = %item.id, %error, "a payout's step was not recorded; it is taken up again");
            }
        });
    }
    Next::Started
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
