//! What runs when: shells around stages of the pipeline. They read the clock and wait; what is done is the stages' business. A
//! process that works runs all of it; any number of processes may.

pub mod inbox;
mod leap;
pub mod payouts;
mod post;
mod schedule;
mod tasks;

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
        let mut running = JoinSet::new();
        running.spawn(inbox::run(engine.clone(), stopping.clone()));
        running.spawn(payouts::run(engine.clone(), stopping.clone()));
        running.spawn(post::run(engine.clone(), mailer, stopping.clone()));
        if engine.clock.is_sandbox() {
            running.spawn(leap::watch(engine.clone(), schedule.create_utils(), stopping.clone()));
        }
        running.spawn(schedule::run(engine.clone(), schedule, stopping));
        Ok(Self { stop, running })
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
