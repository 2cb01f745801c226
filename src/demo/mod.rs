//! Named scenarios: an invented company with its programs, affiliates and months of history, played through the doors that
//! the product really has: referral links, the sandbox's shop and its signed webhooks, the desk's commands, the payout
//! executor. It writes no row of its own, needs the sandbox and its clock, and recognises a database it has played in.

mod chance;
mod company;
mod doors;
mod play;
mod story;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

use crate::Engine;

pub use story::SCENARIOS;

/// The seed that the demo's sandbox starts with, so that the same scenario tells the same story.
pub const SEED: u64 = 2_741;

/// A scenario that can be asked for by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scenario {
    pub name: &'static str,
    /// One line for `--help` and for the choice after a wrong name.
    pub summary: &'static str,
    /// How long before the present the story begins.
    pub history_days: i64,
}

impl Scenario {
    /// What the sandbox's clock must show at its first start; the story ends at `now`.
    pub fn starts_at(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        now - TimeDelta::days(self.history_days)
    }
}

/// Every scenario; the first one is played when none is named.
pub fn scenarios() -> &'static [Scenario] {
    SCENARIOS
}

/// The scenario of this name, or the first one without a name. None when there is no such scenario.
pub fn scenario(name: Option<&str>) -> Option<&'static Scenario> {
    match name {
        None => SCENARIOS.first(),
        Some(name) => SCENARIOS.iter().find(|scenario| scenario.name == name),
    }
}

/// Somebody who can sign in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Login {
    /// Who it is and in what condition, in a few words.
    pub who: String,
    pub email: String,
    pub password: String,
    /// The page to sign in at.
    pub url: String,
}

/// An address worth printing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Address {
    pub what: String,
    pub url: String,
}

/// What to tell whoever started the demo.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DemoSummary {
    pub scenario: &'static str,
    pub company: &'static str,
    /// The admin first.
    pub logins: Vec<Login>,
    pub addresses: Vec<Address>,
    /// The database already held the scenario, so nothing was played.
    pub already_played: bool,
}

/// Why a scenario could not be played.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the demo needs the Stripe sandbox: set STRIPE_API_BASE to its address and PURSER_CLOCK to sandbox")]
    NoSandbox,
    #[error(
        "the database holds something other than this demo, or a demo that was interrupted: {0}; start again with an empty data directory"
    )]
    NotEmpty(String),
    #[error("{door} answered {status}: {body}")]
    Refused { door: String, status: u16, body: String },
    #[error("{door} could not be reached: {source}")]
    Unreachable {
        door: String,
        #[source]
        source: reqwest::Error,
    },
    #[error("the story could not go on: {0}")]
    Stuck(String),
    #[error(transparent)]
    Store(#[from] sqlx::Error),
}

/// Plays `scenario` in the engine's database, or recognises that it was played before. `app_url` is where this process
/// (or another one on the same database) serves the webhook door and the referral links; the sandbox is the one that the
/// engine is configured with, started at [`Scenario::starts_at`] and sending its webhooks to `{app_url}/webhooks/stripe`.
///
/// # Errors
/// [`Error::NotEmpty`] when the database holds anything else; the rest as the doors answer.
pub async fn play(engine: &Engine, app_url: &str, scenario: &'static Scenario) -> Result<DemoSummary, Error> {
    play::play(engine, app_url, scenario).await
}
