//! Keeps events in the inbox. Those that arrive while others are being written wait for each other and share one statement
//! and one commit, so the busier the door, the less an event costs; one that comes alone is written at once. Nobody is told
//! that an event is kept before it is committed.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use sqlx::PgPool;
use tokio::sync::oneshot;

use crate::domain::program::InboxStatus;
use crate::store;
use crate::store::inbox::{self, NewEvent};

/// How many write at the same time: until then an event waits for nobody, and PostgreSQL flushes their commits together. Half
/// of the pool, so that a burst of events leaves connections to everybody else.
const WRITERS: usize = 8;

/// How many events, and of how many bytes, are written together; one larger than that is written alone.
const TOGETHER: usize = 64;
const TOGETHER_BYTES: usize = 4 * 1024 * 1024;

/// An event as it came in.
#[derive(Debug)]
pub(super) struct Arrived {
    pub id: String,
    pub event_type: String,
    pub object_id: Option<String>,
    pub account: Option<String>,
    pub api_version: Option<String>,
    pub livemode: bool,
    pub stripe_created_at: Option<DateTime<Utc>>,
    pub payload: String,
    pub received_at: DateTime<Utc>,
    pub status: InboxStatus,
    pub error: Option<String>,
}

impl Arrived {
    fn new_event(&self) -> NewEvent<'_> {
        NewEvent {
            id: &self.id,
            event_type: &self.event_type,
            object_id: self.object_id.as_deref(),
            account: self.account.as_deref(),
            api_version: self.api_version.as_deref(),
            livemode: self.livemode,
            stripe_created_at: self.stripe_created_at,
            payload: &self.payload,
            received_at: self.received_at,
            status: self.status,
            error: self.error.as_deref(),
        }
    }
}

/// Whether the event was new, or one of those written with it.
type Kept = Result<bool, Arc<sqlx::Error>>;

struct Waiting {
    event: Arrived,
    answer: oneshot::Sender<Kept>,
}

#[derive(Default)]
struct Line {
    waiting: VecDeque<Waiting>,
    writers: usize,
}

/// Cheap to clone; clones share the line.
#[derive(Clone)]
pub(super) struct Keeper {
    pool: PgPool,
    line: Arc<Mutex<Line>>,
}

impl Keeper {
    pub(super) fn new(pool: PgPool) -> Self {
        Self { pool, line: Arc::default() }
    }

    /// Returns when the event is committed. Goes on when the caller no longer waits.
    pub(super) async fn keep(&self, event: Arrived) -> Kept {
        let (answer, told) = oneshot::channel();
        let writer = {
            let mut line = self.line();
            line.waiting.push_back(Waiting { event, answer });
            (line.writers < WRITERS).then(|| Writer::begin(self.clone(), &mut line))
        };
        if let Some(writer) = writer {
            tokio::spawn(writer.work());
        }
        told.await.unwrap_or_else(|_| Err(Arc::new(sqlx::Error::WorkerCrashed)))
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn write(&self, together: Vec<Waiting>) {
        let written = {
            let events: Vec<NewEvent<'_>> = together.iter().map(|waiting| waiting.event.new_event()).collect();
            self.insert(&events).await
        };
        match written {
            // One that can't be kept doesn't keep the others out.
            Err(error) if together.len() > 1 && !store::is_unreachable(&error) => {
                for waiting in together {
                    let kept = self.insert(&[waiting.event.new_event()]).await;
                    tell(waiting, kept.map_err(Arc::new));
                }
            }
            written => {
                let kept = written.map_err(Arc::new);
                together.into_iter().for_each(|waiting| tell(waiting, kept.clone()));
            }
        }
    }

    async fn insert(&self, events: &[NewEvent<'_>]) -> Result<bool, sqlx::Error> {
        let mut conn = self.pool.acquire().await?;
        match events {
            [event] => inbox::insert(&mut conn, event).await,
            events => Ok(inbox::insert_all(&mut conn, events).await? > 0),
        }
    }
}

fn tell(waiting: Waiting, kept: Kept) {
    // Who hung up meanwhile is sent nothing; Stripe asks again.
    let _ = waiting.answer.send(kept);
}

/// Writes until nobody waits. Counted in the line from `begin` to the end, however it ends.
struct Writer {
    keeper: Keeper,
    is_counted: bool,
}

impl Writer {
    fn begin(keeper: Keeper, line: &mut Line) -> Self {
        line.writers += 1;
        Self { keeper, is_counted: true }
    }

    async fn work(mut self) {
        while let Some(together) = self.take() {
            self.keeper.write(together).await;
        }
    }

    /// The next to be written together. `None`: nobody waits, and this writer is no longer counted.
    fn take(&mut self) -> Option<Vec<Waiting>> {
        let mut line = self.keeper.line();
        let (mut together, mut bytes) = (Vec::new(), 0usize);
        while let Some(next) = line.waiting.front() {
            bytes += next.event.payload.len();
            if together.len() == TOGETHER || (!together.is_empty() && bytes > TOGETHER_BYTES) {
                break;
            }
            together.extend(line.waiting.pop_front());
        }
        if together.is_empty() {
            line.writers -= 1;
            self.is_counted = false;
            return None;
        }
        Some(together)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if self.is_counted {
            self.keeper.line().writers -= 1;
        }
    }
}
