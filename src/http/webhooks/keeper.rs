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

enum Place {
    First(First, Box<Arrived>),
    Waits(oneshot::Receiver<Kept>),
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

    /// Returns when the event is committed. When the caller no longer waits, it may or may not be.
    pub(super) async fn keep(&self, event: Arrived) -> Kept {
        let told = match self.take_place(event) {
            // Written here and now: another task would have to be woken, and to wake this one.
            Place::First(_writer, event) => {
                return self.insert(&[event.new_event()]).await.map_err(Arc::new);
            }
            Place::Waits(told) => told,
        };
        told.await.unwrap_or_else(|_| Err(Arc::new(sqlx::Error::WorkerCrashed)))
    }

    fn take_place(&self, event: Arrived) -> Place {
        let mut line = self.line();
        if line.writers < WRITERS {
            return Place::First(First(Some(Writer::begin(self.clone(), &mut line))), Box::new(event));
        }
        let (answer, told) = oneshot::channel();
        line.waiting.push_back(Waiting { event, answer });
        Place::Waits(told)
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

/// One of those who write. Counted in the line from `begin` until it is dropped, however it ends.
struct Writer {
    keeper: Keeper,
}

impl Writer {
    fn begin(keeper: Keeper, line: &mut Line) -> Self {
        line.writers += 1;
        Self { keeper }
    }

    /// Writes until nobody waits.
    async fn work(self) {
        while let Some(together) = self.take() {
            self.keeper.write(together).await;
        }
    }

    /// The next to be written together.
    fn take(&self) -> Option<Vec<Waiting>> {
        let mut line = self.keeper.line();
        let (mut together, mut bytes) = (Vec::new(), 0usize);
        while let Some(next) = line.waiting.front() {
            bytes += next.event.payload.len();
            if together.len() == TOGETHER || (!together.is_empty() && bytes > TOGETHER_BYTES) {
                break;
            }
            together.extend(line.waiting.pop_front());
        }
        (!together.is_empty()).then_some(together)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.keeper.line().writers -= 1;
    }
}

/// A writer with an event of its own, whose place in the line goes to those who came meanwhile, even when its sender hung up.
struct First(Option<Writer>);

impl Drop for First {
    fn drop(&mut self) {
        let Some(writer) = self.0.take().filter(|writer| !writer.keeper.line().waiting.is_empty()) else { return };
        // Without a runtime the process is ending, and who waits is told so.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(writer.work());
        }
    }
}
