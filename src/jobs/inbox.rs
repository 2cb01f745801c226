//! Keeps the inbox empty: several workers in this process, woken by the webhook door through the database and looking by
//! themselves when the knock gets lost.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use sqlx::postgres::PgListener;
use tokio::sync::{Notify, watch};

use crate::Engine;
use crate::pipeline::{inbox, sale_lines};

/// How many events one process takes up at the same time.
const WORKERS: usize = 4;

/// How often an idle worker looks by itself.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// How long the listener waits before it asks the database for another connection.
const LISTEN_AGAIN: Duration = Duration::from_secs(5);

/// Takes events up until `stop` becomes true; what has begun is finished.
pub async fn run(engine: Engine, stop: watch::Receiver<bool>) {
    let knock = Arc::new(Notify::new());
    let workers = join_all((0..WORKERS).map(|_| work(engine.clone(), knock.clone(), stop.clone())));
    tokio::select! {
        _ = workers => {}
        () = listen(&engine, &knock) => {}
    }
}

async fn work(engine: Engine, knock: Arc<Notify>, mut stop: watch::Receiver<bool>) {
    while !*stop.borrow() {
        let now = engine.clock.now().await;
        // Stripe is asked what was bought when nothing else waits: the events themselves come first.
        let done = match inbox::process_next(&engine, now).await {
            Ok(false) => sale_lines::ask_next(&engine, now).await,
            done => done,
        };
        match done {
            Ok(true) => continue,
            Ok(false) => {}
            Err(error) => tracing::warn!(%error, "the inbox can't be read; trying again"),
        }
        tokio::select! {
            () = knock.notified() => {}
            () = tokio::time::sleep(LOOK_EVERY) => {}
            _ = stop.wait_for(|asked| *asked) => {}
        }
    }
}

/// Hears the webhook door of any process. Never ends: without a listener, workers look by themselves.
async fn listen(engine: &Engine, knock: &Notify) {
    loop {
        if let Err(error) = hear(engine, knock).await {
            tracing::debug!(%error, "the inbox's listener lost its connection");
        }
        tokio::time::sleep(LISTEN_AGAIN).await;
    }
}

async fn hear(engine: &Engine, knock: &Notify) -> Result<(), sqlx::Error> {
    let mut listener = PgListener::connect_with(&engine.pool).await?;
    listener.listen("purser_inbox").await?;
    loop {
        listener.recv().await?;
        // One knock may stand for several events.
        for _ in 0..WORKERS {
            knock.notify_one();
        }
    }
}
