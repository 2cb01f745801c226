//! Doing a stage's transaction again when it lost a race for a lock.

use std::time::Duration;

use super::Error;

const TRIES: u32 = 6;
const FIRST_PAUSE: Duration = Duration::from_millis(10);

/// Runs `work`, which is one whole transaction, until it doesn't lose a race any more; at most six times.
///
/// # Errors
/// The last error of `work`.
pub(crate) async fn retrying<T, Work, Done, E>(work: Work) -> Result<T, E>
where
    Work: Fn() -> Done,
    Done: Future<Output = Result<T, E>>,
    E: LostRace,
{
    let mut pause = FIRST_PAUSE;
    for _ in 1..TRIES {
        match work().await {
            Err(error) if error.lost_race() => tokio::time::sleep(pause).await,
            done => return done,
        }
        pause *= 2;
    }
    work().await
}

/// Errors that tell whether the same transaction may simply be run again.
pub(crate) trait LostRace {
    fn lost_race(&self) -> bool;
}

impl LostRace for Error {
    fn lost_race(&self) -> bool {
        matches!(self, Error::Store(error) if crate::store::is_retryable(error))
    }
}
