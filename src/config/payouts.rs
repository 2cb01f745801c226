//! How payouts are executed: how long Stripe's answer is waited for, for how long a worker holds what it has claimed, which is always
//! longer, and, in builds for tests, where the process dies.

use std::time::Duration;

use super::{ConfigError, StripeConfig, StripeMode, wrong};
use crate::failpoint::Failpoint;

const STRIPE_ANSWERS_WITHIN: Duration = Duration::from_secs(15);

/// Longer than a call may take, so that a working worker seldom loses a lease. Losing one pays nothing twice, because the next
/// worker makes the same call with the same key; but where it happens to every slow call, workers do each other's work again
/// and again, and the slower they get the more of it.
const LEASE: Duration = Duration::from_secs(30);
/// What a lease has beyond the longest call, to record its outcome.
const TO_RECORD: Duration = Duration::from_secs(2);

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
            lease: parse_lease(get("PURSER_PAYOUT_LEASE_SECONDS"), stripe.timeout)?,
            failpoint: parse_failpoint(get("PURSER_FAILPOINT"), stripe)?,
        })
    }
}

/// How long an answer of Stripe's is waited for.
///
/// # Errors
/// When it is no number of seconds that a lease can outlast.
pub(super) fn parse_timeout(value: Option<String>) -> Result<Duration, ConfigError> {
    let Some(text) = value else { return Ok(STRIPE_ANSWERS_WITHIN) };
    text.parse().ok().filter(|seconds| (1..=40).contains(seconds)).map(Duration::from_secs).ok_or_else(|| {
        wrong("PURSER_STRIPE_TIMEOUT_SECONDS", format!("is `{text}`"), "it takes a number of seconds, from 1 to 40")
    })
}

fn parse_lease(value: Option<String>, timeout: Duration) -> Result<Duration, ConfigError> {
    const NAME: &str = "PURSER_PAYOUT_LEASE_SECONDS";
    let least = timeout + TO_RECORD;
    let Some(text) = value else { return Ok(LEASE.max(least)) };
    let seconds = text.parse().ok().filter(|seconds| (1..=50).contains(seconds)).map(Duration::from_secs);
    let lease =
        seconds.ok_or_else(|| wrong(NAME, format!("is `{text}`"), "it takes a number of seconds, from 1 to 50"))?;
    if lease < least {
        let problem = format!("is {text}, and a call to Stripe may take {} s", timeout.as_secs());
        let takes =
            "it takes at least 2 s more than PURSER_STRIPE_TIMEOUT_SECONDS (15), or calls under way are made again";
        return Err(wrong(NAME, problem, takes));
    }
    Ok(lease)
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
