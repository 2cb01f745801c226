//! What runs when: shells around stages of the pipeline. They read the clock and wait; what is done is the stages' business. A
//! process that works runs all of it; any number of processes may.

pub mod inbox;
mod keep_up;
mod leap;
pub mod payouts;
mod post;
mod schedule;
mod tasks;

use std::sync::Mutex;

use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::Engine;
use crate::mail::Mailer;

/// Why a worker can't start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the schedule can't be set up: {0}")]
    Schedule(#[from] graphile_worker::WorkerBuildError),
    #[error("the schedule can't be read: {0}")]
    Table(String),
    #[error(transparent)]
    Mail(#[from] crate::mail::Error),
}

/// Everything that works in the background of one process.
#[derive(Debug)]
pub struct Worker {
    stop: watch::Sender<bool>,
    running: JoinSet<()>,
}

impl Worker {
    /// Starts the intake, the payouts, the schedule and the mail.
    ///
    /// # Errors
    /// When the job tables can't be brought to this version, or the mail server's address can't be used.
    pub async fn start(engine: &Engine) -> Result<Self, Error> {
        let (stop, stopping) = watch::channel(false);
        let mailer = Mailer::new(&engine.config.mail)?;
        let schedule = schedule::set_up(engine, asked(stopping.clone())).await?;
        let mut worker = Self { stop, running: JoinSet::new() };
        worker.keep("inbox", engine, inbox::run);
        worker.keep("payouts", engine, payouts::run);
        worker.keep("post", engine, move |engine, stop| post::run(engine, mailer.clone(), stop));
        if engine.clock.is_sandbox() {
            let jobs = schedule.create_utils();
            worker.keep("clock", engine, move |engine, stop| leap::watch(engine, jobs.clone(), stop));
        }
        // Only the first run finds the schedule that is set up.
        let first = Mutex::new(Some(schedule));
        worker.keep("schedule", engine, move |engine, stop| {
            let schedule = first.lock().ok().and_then(|mut schedule| schedule.take());
            schedule::run(engine, schedule, stop)
        });
        Ok(worker)
    }

    /// Keeps a loop running until the worker stops.
    fn keep<Loop>(
        &mut self,
        task: &'static str,
        engine: &Engine,
        begin: impl Fn(Engine, watch::Receiver<bool>) -> Loop + Send + Sync + 'static,
    ) where
        Loop: Future<Output = ()> + Send + 'static,
    {
        let (engine, stop) = (engine.clone(), self.stop.subscribe());
        let stopping = stop.clone();
        self.running.spawn(keep_up::keep_up(task, move || begin(engine.clone(), stop.clone()), stopping));
    }

    /// Asks everything to stop and waits until what has begun is finished.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        self.running.join_all().await;
    }
}

/// Completes when the worker is asked to stop.
async fn asked(mut stop: watch::Receiver<bool>) {
    // An error means that nobody can ask any more, which is a reason to stop too.
    stop.wait_for(|asked| *asked).await.ok();
}
