//! The business clock: the only place below which nobody reads the time. In a demo or a test it follows the Stripe sandbox's
//! clock, so that hold windows and schedules pass when the sandbox is advanced; it never does with a live key (see `config`).

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use chrono::{DateTime, DurationRound, TimeDelta, Utc};

use crate::config::{ClockMode, Config};
use crate::sandbox::Sandbox;

/// A sandbox that doesn't answer within this time is taken to run on at its last known offset.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// Tells the business time. Cheap to clone; clones share what they know of the sandbox.
#[derive(Debug, Clone)]
pub enum Clock {
    System,
    Sandbox(Arc<SandboxClock>),
    /// The sandbox that this process runs itself: told without a call.
    Own(Sandbox),
}

/// The clock of the Stripe sandbox at an address.
#[derive(Debug)]
pub struct SandboxClock {
    url: String,
    http: reqwest::Client,
    offset_seconds: AtomicI64,
}

#[derive(serde::Deserialize)]
struct Answer {
    now: i64,
}

impl Clock {
    /// The clock that the configuration chose.
    pub fn of(config: &Config) -> Self {
        match (config.clock, &config.stripe.api_base) {
            (ClockMode::Sandbox, Some(base)) => Self::sandbox(base),
            _ => Self::System,
        }
    }

    /// The clock of the sandbox at `base`, an address without a trailing slash.
    pub fn sandbox(base: &str) -> Self {
        Self::Sandbox(Arc::new(SandboxClock {
            url: format!("{base}/sandbox/clock"),
            http: reqwest::Client::new(),
            offset_seconds: AtomicI64::new(0),
        }))
    }

    /// The business time, to the microsecond (what PostgreSQL keeps). A sandbox is asked on every call; while it doesn't
    /// answer, its clock is taken to run on from what it last said.
    pub async fn now(&self) -> DateTime<Utc> {
        match self {
            Self::System => to_micros(Utc::now()),
            Self::Sandbox(sandbox) => sandbox.now().await,
            Self::Own(sandbox) => to_micros(sandbox.now()),
        }
    }

    /// Whether the clock can jump, so that schedules must look at it rather than wait.
    pub fn is_sandbox(&self) -> bool {
        matches!(self, Self::Sandbox(_) | Self::Own(_))
    }
}

impl SandboxClock {
    async fn now(&self) -> DateTime<Utc> {
        match self.ask().await {
            Ok(now) => {
                self.offset_seconds.store((now - Utc::now()).num_seconds(), Ordering::Relaxed);
                now
            }
            Err(error) => {
                tracing::debug!(%error, "the sandbox's clock doesn't answer");
                to_micros(Utc::now() + TimeDelta::seconds(self.offset_seconds.load(Ordering::Relaxed)))
            }
        }
    }

    async fn ask(&self) -> Result<DateTime<Utc>, reqwest::Error> {
        let answer: Answer =
            self.http.get(&self.url).timeout(ANSWER_WITHIN).send().await?.error_for_status()?.json().await?;
        Ok(DateTime::from_timestamp(answer.now, 0).unwrap_or_else(Utc::now))
    }
}

fn to_micros(time: DateTime<Utc>) -> DateTime<Utc> {
    time.duration_trunc(TimeDelta::microseconds(1)).unwrap_or(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn system_time_is_what_the_database_can_keep() {
        assert_eq!(Clock::System.now().await.timestamp_subsec_nanos() % 1_000, 0);
    }

    #[tokio::test]
    async fn a_sandbox_that_is_away_runs_on_from_what_it_last_said() {
        let clock = Clock::sandbox("http://127.0.0.1:9");
        let Clock::Sandbox(sandbox) = &clock else { panic!("a sandbox clock was made") };
        sandbox.offset_seconds.store(86_400, Ordering::Relaxed);
        let ahead = clock.now().await - Utc::now();
        assert!((86_390..86_410).contains(&ahead.num_seconds()), "{ahead}");
    }
}
