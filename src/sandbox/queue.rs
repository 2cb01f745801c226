//! When each webhook delivery is due, in real time. The deliveries themselves are rows of the state; this is only the
//! timetable, rebuilt from them at start.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Pauses after the first, second, … failed try; the last one repeats.
const PAUSES_MS: [u64; 10] = [200, 500, 1_000, 2_000, 5_000, 10_000, 30_000, 60_000, 120_000, 300_000];

#[derive(Default)]
pub(super) struct Queue {
    due: BTreeMap<(Instant, u64), String>,
    added: u64,
    in_flight: usize,
}

impl Queue {
    pub fn add(&mut self, delivery: &str, after: Duration) {
        self.added += 1;
        self.due.insert((Instant::now() + after, self.added), delivery.to_owned());
    }

    /// The pause before try number `failed + 1`.
    pub fn pause_after(failed: i64) -> Duration {
        let at = usize::try_from(failed.saturating_sub(1)).unwrap_or(0).min(PAUSES_MS.len() - 1);
        Duration::from_millis(PAUSES_MS[at])
    }

    /// Takes the next delivery that is due, unless `most` are under way.
    pub fn take(&mut self, most: usize) -> Option<String> {
        let first = self.due.first_entry()?;
        if self.in_flight >= most || first.key().0 > Instant::now() {
            return None;
        }
        self.in_flight += 1;
        Some(first.remove())
    }

    pub fn finished(&mut self) {
        self.in_flight = self.in_flight.saturating_sub(1);
    }

    /// Makes a waiting delivery due at once.
    pub fn hurry(&mut self, delivery: &str) {
        let found = self.due.iter().find(|(_, id)| id.as_str() == delivery).map(|(key, _)| *key);
        if let Some(id) = found.and_then(|key| self.due.remove(&key)) {
            self.add(&id, Duration::ZERO);
        }
    }

    pub fn next_due(&self) -> Option<Instant> {
        self.due.first_key_value().map(|((at, _), _)| *at)
    }

    pub fn is_idle(&self) -> bool {
        self.due.is_empty() && self.in_flight == 0
    }
}
