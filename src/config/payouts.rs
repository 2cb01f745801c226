//! How payouts are executed: for how long a worker holds what it has claimed, and, in builds for tests, where the process dies.

use std::time::Duration;

use super::{ConfigError, StripeConfig, StripeMode, wrong};
use crate::failpoint::Failpoint;

/// Longer than a call may take, so that a working worker seldom loses a lease; losing one is harmless, because the next worker
/// makes the same call with the same key.
const LEASE: Duration = Duration::from_secs(30);

#[derive(Debug, Clone)]
pub struct PayoutConfig {
    /// After this time others take over what a killed worker had claimed.
    pub lease: Duration,
    /// Never set where money is real.
    pub failpoint: Failpoint,
}

impl PayoutConfig {
    pub(super) fn read(get: impl Fn(&str) -> Option<String>, stripe: &StripeConfig) -> Result<Self, ConfigError> {
        Ok(Self {
            lease: parse_lease(get("PURSER_PAYOUT_LEASE_SECONDS"))?,
            failpoint: parse_failpoint(get("PURSER_FAILPOINT"), stripe)?,
        })
    }
}

fn parse_lease(value: Option<String>) -> Result<Duration, ConfigError> {
    let Some(text) = value else { return Ok(LEASE) };
    text.parse().ok().filter(|seconds| (1..=50).contains(seconds)).map(Duration::from_secs).ok_or_else(|| {
        wrong("PURSER_PAYOUT_LEASE_SECONDS", format!("is `{text}`"), "it takes a number of seconds, from 1 to 50")
    })
}

fn parse_failpoint(value: Option<String>, stripe: &StripeConfig) -> Result<Failpoint, ConfigError> {
    const NAME: &str = "PURSER_FAILPOINT";
    const TAKES: &str = "it takes nothing: leave it unset, it is for tests with the Stripe sandbox";
    let Some(text) = value else { return Ok(Failpoint::default()) };
    if stripe.mode() == Some(StripeMode::Live) {
        return Err(wrong(NAME, "is set although STRIPE_SECRET_KEY is a live key", TAKES));
    }
    Failpoint::parse(&text).ok_or_else(|| wrong(NAME, format!("is `{text}`, which this build doesn't know"), TAKES))
}
