//! Rehearsals: a batch of made-up affiliates is paid in a database of its own, through a Stripe sandbox and workers that are
//! processes of their own, while calls go wrong and workers are killed; in the end the sandbox's books are held against ours. It
//! never sees a real key: what it starts gets an environment that is all its own.

mod mishaps;
mod place;
mod proof;
mod stage;
mod troupe;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::Value;

pub use mishaps::read_faults;
pub use place::{Venue, may_rehearse};
pub use proof::{Ended, Outcome, Proof, Report, Statement};
pub use troupe::Program;

use stage::Stage;
use troupe::Troupe;

/// Whoever rehearses more than this wants a bench.
pub const MOST_ITEMS: usize = 100_000;
/// Workers that run at the same time.
pub const WORKERS: usize = 3;

/// A worker is killed at the latest after this time, whether or not anything was paid.
const KILL_WITHIN: Duration = Duration::from_secs(3);
const LOOK_EVERY: Duration = Duration::from_millis(60);
/// How often what is left is asked about, as an admin would who waits for the end.
const ASK_EVERY: Duration = Duration::from_secs(3);
/// A batch that stands still for so long never comes to its end.
/// The longest that an item rests by itself is until a transfer that Stripe doesn't show counts as never made.
const STUCK_AFTER: Duration = Duration::from_secs(90);

/// Why a rehearsal could not be brought to its end.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("no rehearsal here: {0}")]
    Refused(String),
    #[error("{} can't be used: {error}", .folder.display())]
    Folder { folder: PathBuf, error: std::io::Error },
    #[error(transparent)]
    Embedded(#[from] crate::embedded::EmbeddedError),
    #[error("{what} can't be started: {error}")]
    Process { what: &'static str, error: std::io::Error },
    #[error("the sandbox refused {path}: {said}")]
    Sandbox { path: String, said: String },
    #[error("the sandbox can't be reached: {0}")]
    Unreachable(#[from] reqwest::Error),
    #[error("the rehearsal's database refused: {0}")]
    Database(#[from] sqlx::Error),
    #[error("the rehearsal's database can't be brought to this version: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
    #[error(transparent)]
    Config(#[from] crate::config::ConfigError),
    #[error(transparent)]
    Stage(#[from] crate::pipeline::Error),
    #[error(transparent)]
    Desk(#[from] crate::desk::Error),
    #[error("the faults can't be read: {0}")]
    Faults(String),
    #[error("the batch stands still: {0}")]
    Stuck(String),
    #[error("the batch isn't done after {} s: {situation}", .within.as_secs())]
    TooLong { within: Duration, situation: String },
}

/// What to rehearse.
#[derive(Debug, Clone)]
pub struct Plan {
    pub items: usize,
    /// The same seed gives the same amounts, and the same faults and kills in the same order.
    pub seed: u64,
    /// How many workers are killed on the way.
    pub kills: usize,
    /// As for the sandbox's `--faults`; `None` for faults of every kind at random.
    pub faults: Option<Vec<Value>>,
    /// Transfers a second, at most.
    pub per_second: u32,
    /// A rehearsal that takes longer is given up, and tells what is left; `None` for however long it takes, as long as it goes on.
    pub within: Option<Duration>,
}

/// What the rehearsal is played with.
#[derive(Debug, Clone)]
pub struct Place {
    /// The `purser` program, which is sandbox and workers.
    pub program: Program,
    /// An empty database that nobody else uses.
    pub database_url: String,
    /// A folder for state and logs, which is there.
    pub folder: PathBuf,
}

/// Plays the whole of it. `after_kill` is called with the number of kills so far after each of them.
///
/// # Errors
/// See [`Error`]; a proof that doesn't hold is no error but in the report.
pub async fn rehearse(place: &Place, plan: &Plan, mut after_kill: impl AsyncFnMut(usize)) -> Result<Report, Error> {
    let began = Instant::now();
    let mut troupe = Troupe::start(place, plan).await?;
    let stage = Stage::set(place, plan, &troupe).await?;
    if let Some(faults) = &plan.faults {
        stage.sandbox.add_faults(faults).await?;
    }
    let kills = play(&stage, plan, began, &mut troupe, &mut after_kill).await?;
    troupe.dismiss_workers().await;
    let proof = proof::prove(&stage).await?;
    let struck = stage.sandbox.faults_struck().await?;
    stage.close().await;
    troupe.end().await;
    let seconds = began.elapsed().as_secs();
    Ok(Report { items: plan.items, seed: plan.seed, kills, faults_struck: struck, seconds, proof })
}

/// Lets the workers work until the batch is completed; gives the number of kills.
async fn play(
    stage: &Stage,
    plan: &Plan,
    began: Instant,
    troupe: &mut Troupe,
    after_kill: &mut impl AsyncFnMut(usize),
) -> Result<usize, Error> {
    let mut random = StdRng::seed_from_u64(plan.seed);
    // Spread over the whole batch, so that the last one comes before its end.
    let between = plan.items / (plan.kills + 1);
    let (mut kills, mut done_at_last) = (0, 0);
    let (mut last_kill, mut progress) = (Instant::now(), (0, Instant::now()));
    let mut next_after = random.random_range(0..=between.max(1));
    let (mut asked, mut faults_given) = (Instant::now(), 0);
    while let Some(done) = stage.progress().await {
        if done != progress.0 {
            progress = (done, Instant::now());
        }
        if progress.1.elapsed() > STUCK_AFTER {
            return Err(Error::Stuck(stage.situation().await));
        }
        if let Some(within) = plan.within.filter(|within| began.elapsed() > *within) {
            return Err(Error::TooLong { within, situation: stage.situation().await });
        }
        troupe.keep_workers().await?;
        let is_time = done >= done_at_last + next_after || last_kill.elapsed() > KILL_WITHIN;
        if kills < plan.kills && is_time {
            tokio::time::sleep(Duration::from_millis(random.random_range(0..40))).await;
            troupe.kill_worker(&mut random).await;
            kills += 1;
            (last_kill, done_at_last) = (Instant::now(), done);
            next_after = random.random_range(0..=between.max(1));
            after_kill(kills).await;
        }
        if !stage.is_nearly_done(done) {
            let is_due = faults_given < done / 3 + 2 * mishaps::AT_ONCE;
            if plan.faults.is_none() && is_due && stage.sandbox.faults_are_used_up().await? {
                faults_given += mishaps::AT_ONCE;
                stage.sandbox.add_faults(&mishaps::some(&mut random)).await?;
            }
        } else if kills == plan.kills && asked.elapsed() > ASK_EVERY {
            asked = Instant::now();
            if plan.faults.is_none() {
                stage.sandbox.clear_faults().await?;
            }
            stage.ask_about_unresolved().await;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    Ok(kills)
}
