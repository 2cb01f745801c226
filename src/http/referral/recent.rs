//! Answers of the database that are good for a few seconds, by key, so that a link that many follow asks once. A change is seen
//! when the time is over; while the database doesn't answer, what it last said still holds.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use tokio::time::timeout;

const GOOD_FOR: Duration = Duration::from_secs(5);
/// How long the database may take when there is an older answer.
const PATIENCE: Duration = Duration::from_secs(1);
const MOST_KEPT: usize = 10_000;

/// Clones share what is kept.
#[derive(Clone)]
pub struct Recent<T> {
    kept: Arc<Mutex<HashMap<String, Kept<T>>>>,
}

#[derive(Clone)]
struct Kept<T> {
    answer: T,
    at: Instant,
    /// The business time of the question: a clock that leaps makes an answer old.
    now: DateTime<Utc>,
}

impl<T> Default for Recent<T> {
    fn default() -> Self {
        Self { kept: Arc::default() }
    }
}

impl<T: Clone> Recent<T> {
    /// The answer for the key, from `ask` unless there is a recent one. That there is none isn't kept.
    ///
    /// # Errors
    /// From `ask`, when there is no older answer either.
    pub async fn find<F>(&self, key: &str, now: DateTime<Utc>, ask: F) -> Result<Option<T>, sqlx::Error>
    where
        F: Future<Output = Result<Option<T>, sqlx::Error>>,
    {
        // No code and no slug has a NUL, and PostgreSQL takes none.
        if key.contains('\0') {
            return Ok(None);
        }
        let Some(known) = self.lock().get(key).cloned() else { return self.keep(key, now, ask.await?) };
        if known.is_good(now) {
            return Ok(Some(known.answer));
        }
        match timeout(PATIENCE, ask).await {
            Ok(Ok(answer)) => self.keep(key, now, answer),
            Ok(Err(error)) => {
                tracing::warn!(%error, "an older answer is used while the database refuses");
                Ok(Some(known.answer))
            }
            Err(_) => {
                tracing::warn!("an older answer is used while the database doesn't answer");
                Ok(Some(known.answer))
            }
        }
    }

    fn keep(&self, key: &str, now: DateTime<Utc>, answer: Option<T>) -> Result<Option<T>, sqlx::Error> {
        let mut kept = self.lock();
        match &answer {
            None => drop(kept.remove(key)),
            Some(answer) => {
                if kept.len() >= MOST_KEPT {
                    kept.clear();
                }
                kept.insert(key.to_owned(), Kept { answer: answer.clone(), at: Instant::now(), now });
            }
        }
        Ok(answer)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Kept<T>>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Kept<T> {
    fn is_good(&self, now: DateTime<Utc>) -> bool {
        let leapt = (now - self.now).abs().to_std().is_ok_and(|by| by > GOOD_FOR);
        self.at.elapsed() < GOOD_FOR && !leapt
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeDelta;

    async fn ask(recent: &Recent<i32>, now: DateTime<Utc>, answer: Result<Option<i32>, sqlx::Error>) -> Option<i32> {
        recent.find("ada", now, async { answer }).await.unwrap()
    }

    #[tokio::test]
    async fn an_answer_holds_for_a_few_seconds_and_longer_while_the_database_is_away() {
        let (recent, now) = (Recent::default(), DateTime::UNIX_EPOCH);
        assert_eq!(ask(&recent, now, Ok(None)).await, None);
        assert_eq!(ask(&recent, now, Ok(Some(1))).await, Some(1), "that there is none is asked again");
        assert_eq!(ask(&recent, now, Ok(Some(2))).await, Some(1));
        let later = now + TimeDelta::seconds(6);
        assert_eq!(ask(&recent, later, Err(sqlx::Error::PoolTimedOut)).await, Some(1));
        assert_eq!(ask(&recent, later, Ok(Some(2))).await, Some(2));
        assert_eq!(ask(&recent, later + TimeDelta::days(1), Ok(None)).await, None);
        assert!(recent.find("ada", later, async { Err(sqlx::Error::PoolTimedOut) }).await.is_err());
    }
}
