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
use crate::pipeline::funds;

const IDLE: Duration = Duration::from_millis(200);
/// Claims are made for a few items at a time rather than one by one.
const GATHER: Duration = Duration::from_millis(20);
/// How often batches are looked for that have nothing left to do.
const COMPLETE_EVERY: Duration = Duration::from_secs(1);
/// How long to wait between two looks at the balance, when anything waits for it.
const FUNDS_EVERY: Duration = Duration::from_secs(3);

/// Runs until `stop` becomes true, then ends the calls that are under way.
pub async fn run(engine: Engine, stop: watch::Receiver<bool>) {
    // Beside each other: a balance that is long in coming must not keep payouts waiting.
    tokio::join!(pay(&engine, stop.clone()), watch_funds(&engine, stop));
}

async fn pay(engine: &Engine, mut stop: watch::Receiver<bool>) {
    let mut calls = JoinSet::new();
    // At once at first: processes that end again and again must not keep a batch waiting.
    let mut complete_at = Instant::now();
    while !*stop.borrow() {
        if Instant::now() >= complete_at {
            complete_at = Instant::now() + COMPLETE_EVERY;
            complete_finished(engine).await;
        }
        let next = start_due(engine, &mut calls).await;
        tokio::select! {
            _ = stop.wait_for(|asked| *asked) => break,
            () = tokio::time::sleep(next.wait()) => {}
        }
        while calls.try_join_next().is_some() {}
    }
    while calls.join_next().await.is_some() {}
}

/// Works until no item is due any more and the balance covers none that waits for it, for commands and tests.
pub async fn run_until_idle(engine: &Engine) {
    let mut calls = JoinSet::new();
    loop {
        match start_due(engine, &mut calls).await {
            Next::Started => {}
            Next::NotYet(wait) => tokio::time::sleep(wait).await,
            Next::Nothing | Next::Full => {
                if calls.join_next().await.is_none() && look_for_funds(engine).await == 0 {
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

/// Looks at the balance from time to time, until `stop` becomes true; a look that is under way then is given up.
async fn watch_funds(engine: &Engine, mut stop: watch::Receiver<bool>) {
    let looking = async {
        loop {
            look_for_funds(engine).await;
            tokio::time::sleep(FUNDS_EVERY).await;
        }
    };
    tokio::select! {
        _ = stop.wait_for(|asked| *asked) => {}
        () = looking => {}
    }
}

async fn look_for_funds(engine: &Engine) -> usize {
    let now = engine.clock.now().await;
    funds::look(engine, now).await.unwrap_or_else(|error| {
        tracing::warn!(%error, "payouts that wait for the balance can't be looked at");
        0
    })
}

async fn complete_finished(engine: &Engine) {
    let now = engine.clock.now().await;
    if let Err(error) = execute::complete_finished(engine, now).await {
        tracing::warn!(%error, "finished payout batches can't be completed");
    }
}
