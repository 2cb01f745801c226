//! Brings clicks into the database beside the redirect: what waits is written together in one statement, by a few tasks of
//! the process at most, so that a crowd takes no connections from the webhooks. Whoever records a click learns whether it is
//! there, so that no id leaves the house whose click could get lost; nobody waits longer for that than `PATIENCE`.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sqlx::PgPool;
use tokio::sync::{Notify, oneshot};
use tokio::time::{sleep, timeout};

use crate::store::clicks::{self, NewClick};
use crate::store::is_refused;

/// The longest that a visitor is kept from the page for our books' sake.
const PATIENCE: Duration = Duration::from_secs(1);
/// More than this are not taken: the database has been away for long, and memory is finite.
const MOST_WAITING: usize = 10_000;
const MOST_AT_ONCE: usize = 500;
/// Several, so that a click needn't wait for the one before it; few, because connections are.
const MOST_WRITERS: usize = 4;
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// How long the end of the process waits for clicks.
const FLUSH_WITHIN: Duration = Duration::from_secs(5);

/// Cheap to clone; clones share what waits.
#[derive(Debug, Clone)]
pub struct Recorder {
    desk: Arc<Desk>,
}

#[derive(Debug)]
struct Desk {
    pool: PgPool,
    state: Mutex<State>,
    idle: Notify,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Waiting>,
    /// Tasks that write.
    writers: usize,
    /// Whether somebody waited in vain since the last click was written: then nobody waits.
    late: bool,
}

#[derive(Debug)]
struct Waiting {
    click: NewClick,
    kept: oneshot::Sender<()>,
}

impl Recorder {
    pub fn over(pool: PgPool) -> Self {
        Self { desk: Arc::new(Desk { pool, state: Mutex::default(), idle: Notify::new() }) }
    }

    /// Whether the click is in the database now. If not, it still waits for the database and is likely to get there, but
    /// nothing may refer to it.
    pub async fn record(&self, click: NewClick) -> bool {
        let Some(kept) = self.hand_in(click) else { return false };
        let Ok(word) = timeout(PATIENCE, kept).await else {
            self.desk.lock().late = true;
            return false;
        };
        word.is_ok()
    }

    /// Returns when nothing waits any more, or after five seconds.
    pub async fn flush(&self) {
        let idle = async {
            loop {
                let idle = self.desk.idle.notified();
                if self.desk.lock().writers == 0 {
                    return;
                }
                idle.await;
            }
        };
        if timeout(FLUSH_WITHIN, idle).await.is_err() {
            tracing::warn!(clicks = self.desk.lock().waiting.len(), "the database took too long, so clicks are lost");
        }
    }

    /// The word that comes when the click is kept; none when nobody should wait for it.
    fn hand_in(&self, click: NewClick) -> Option<oneshot::Receiver<()>> {
        let (kept, word) = oneshot::channel();
        let mut state = self.desk.lock();
        if state.waiting.len() >= MOST_WAITING {
            metrics::counter!("purser_clicks_dropped_total").increment(1);
            return None;
        }
        state.waiting.push_back(Waiting { click, kept });
        if state.writers < MOST_WRITERS {
            state.writers += 1;
            tokio::spawn(write_all(self.desk.clone()));
        }
        (!state.late).then_some(word)
    }
}

impl Desk {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a writer writes next; none ends it.
    fn next(&self) -> Option<Vec<Waiting>> {
        let mut state = self.lock();
        let count = state.waiting.len().min(MOST_AT_ONCE);
        if count == 0 {
            state.writers -= 1;
            if state.writers == 0 {
                self.idle.notify_waiters();
            }
            return None;
        }
        Some(state.waiting.drain(..count).collect())
    }
}

async fn write_all(desk: Arc<Desk>) {
    while let Some(batch) = desk.next() {
        keep(&desk, batch).await;
    }
}

async fn keep(desk: &Desk, batch: Vec<Waiting>) {
    let (clicks, words): (Vec<_>, Vec<_>) = batch.into_iter().map(|one| (one.click, one.kept)).unzip();
    match write(&desk.pool, &clicks).await {
        Ok(()) => {
            desk.lock().late = false;
            // Who stopped waiting doesn't hear it.
            words.into_iter().for_each(|word| word.send(()).unwrap_or_default());
        }
        // One that the database refuses must not take the others with it.
        Err(error) if clicks.len() > 1 && is_refused(&error) => {
            for (click, kept) in clicks.into_iter().zip(words) {
                Box::pin(keep(desk, vec![Waiting { click, kept }])).await;
            }
        }
        Err(error) => {
            metrics::counter!("purser_clicks_dropped_total").increment(clicks.len() as u64);
            tracing::error!(%error, clicks = clicks.len(), "clicks could not be kept");
        }
    }
}

/// Writes the clicks together, again and again until the database takes or refuses them, or the process ends.
async fn write(pool: &PgPool, clicks: &[NewClick]) -> Result<(), sqlx::Error> {
    let mut pause = FIRST_PAUSE;
    loop {
        match clicks::insert(pool, clicks).await {
            Err(error) if !is_refused(&error) && !pool.is_closed() => {
                tracing::warn!(%error, clicks = clicks.len(), "clicks wait for the database");
                sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
            done => return done,
        }
    }
}
