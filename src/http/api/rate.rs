//! How many requests a key may make: a token bucket per key in this process, generous, so that a program that runs wild
//! doesn't take the server from everybody else.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

const PER_SECOND: f64 = 200.0;
const BURST: f64 = 600.0;
/// More keys than this and the full buckets are forgotten.
const MOST_KEYS: usize = 10_000;

/// The buckets; clones share them.
#[derive(Clone, Default)]
pub struct Rates {
    buckets: Arc<Mutex<HashMap<String, Bucket>>>,
}

struct Bucket {
    tokens: f64,
    filled_at: Instant,
}

impl Rates {
    /// Takes a token of the key; false when there is none.
    pub fn take(&self, key: &str) -> bool {
        self.take_at(key, Instant::now())
    }

    fn take_at(&self, key: &str, at: Instant) -> bool {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= MOST_KEYS {
            buckets.retain(|_, bucket| bucket.refill(at) < BURST);
        }
        let bucket = buckets.entry(key.to_owned()).or_insert(Bucket { tokens: BURST, filled_at: at });
        bucket.refill(at);
        let enough = bucket.tokens >= 1.0;
        if enough {
            bucket.tokens -= 1.0;
        }
        enough
    }
}

impl Bucket {
    fn refill(&mut self, at: Instant) -> f64 {
        let seconds = at.saturating_duration_since(self.filled_at).as_secs_f64();
        self.tokens = (self.tokens + seconds * PER_SECOND).min(BURST);
        self.filled_at = at;
        self.tokens
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_key_that_runs_wild_waits_and_others_do_not() {
        let (rates, start) = (Rates::default(), Instant::now());
        let taken = (0..1000).filter(|_| rates.take_at("key_a", start)).count();
        assert_eq!(taken, BURST as usize);
        assert!(rates.take_at("key_b", start));
        let later = start + Duration::from_secs(1);
        let taken = (0..1000).filter(|_| rates.take_at("key_a", later)).count();
        assert_eq!(taken, PER_SECOND as usize);
    }
}
