//! How many requests a caller may make: a token bucket per key in this process, generous, so that a program that runs wild
//! doesn't take the server from everybody else.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// More keys than this and the full buckets are forgotten.
const MOST_KEYS: usize = 10_000;

/// The buckets; clones share them.
#[derive(Clone)]
pub struct Rates {
    per_second: f64,
    burst: f64,
    buckets: Arc<Mutex<HashMap<String, Bucket>>>,
}

struct Bucket {
    tokens: f64,
    filled_at: Instant,
}

impl Rates {
    /// Each key may make `per_second` requests, and `burst` at once after a pause.
    pub fn new(per_second: u32, burst: u32) -> Self {
        Self { per_second: per_second.into(), burst: burst.into(), buckets: Arc::default() }
    }

    /// Takes a token of the key; false when there is none.
    pub fn take(&self, key: &str) -> bool {
        self.take_at(key, Instant::now())
    }

    fn take_at(&self, key: &str, at: Instant) -> bool {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= MOST_KEYS {
            buckets.retain(|_, bucket| self.refill(bucket, at) < self.burst);
        }
        let bucket = buckets.entry(key.to_owned()).or_insert(Bucket { tokens: self.burst, filled_at: at });
        self.refill(bucket, at);
        let enough = bucket.tokens >= 1.0;
        if enough {
            bucket.tokens -= 1.0;
        }
        enough
    }

    fn refill(&self, bucket: &mut Bucket, at: Instant) -> f64 {
        let seconds = at.saturating_duration_since(bucket.filled_at).as_secs_f64();
        bucket.tokens = (bucket.tokens + seconds * self.per_second).min(self.burst);
        bucket.filled_at = at;
        bucket.tokens
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_key_that_runs_wild_waits_and_others_do_not() {
        let (rates, start) = (Rates::new(200, 600), Instant::now());
        let taken = (0..1000).filter(|_| rates.take_at("key_a", start)).count();
        assert_eq!(taken, 600);
        assert!(rates.take_at("key_b", start));
        let later = start + Duration::from_secs(1);
        let taken = (0..1000).filter(|_| rates.take_at("key_a", later)).count();
        assert_eq!(taken, 200);
    }
}
