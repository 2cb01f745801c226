//! Maturity: pending lines whose hold window is over become payable, one enrollment at a time. It decides nothing beyond
//! the time; holds and cancellations have taken their lines out of `pending` before.

use chrono::{DateTime, Utc};
use sqlx::PgPool;

use super::Error;
use super::retry::retrying;
use crate::domain::actor::Actor;
use crate::domain::ids::{EnrollmentId, ProgramId};
use crate::domain::money::Money;
use crate::domain::payout;
use crate::store::{self, ledger};

/// Enrollments that are read at once.
const PAGE: i64 = 500;

/// Who approves lines by the clock.
pub const ACTOR: Actor = Actor::System("maturity");

/// How many lines were approved and what they sum to, by currency.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Matured {
    pub approved: usize,
    pub amounts: Vec<Money>,
}

/// Approves the matured lines of every program that credits by itself: what the schedule does.
///
/// # Errors
/// See [`Error`]. One enrollment that fails doesn't keep the others waiting: the first error is returned after all of them.
pub async fn sweep(pool: &PgPool, now: DateTime<Utc>) -> Result<Matured, Error> {
    approve_matured(pool, now, &ACTOR, None, true).await
}

/// Approves every matured line, of one program or of all, also where the program waits for somebody to say so.
///
/// # Errors
/// As [`sweep`].
pub async fn process_held(
    pool: &PgPool,
    now: DateTime<Utc>,
    actor: &Actor,
    program: Option<ProgramId>,
) -> Result<Matured, Error> {
    approve_matured(pool, now, actor, program, false).await
}

async fn approve_matured(
    pool: &PgPool,
    now: DateTime<Utc>,
    actor: &Actor,
    program: Option<ProgramId>,
    only_auto: bool,
) -> Result<Matured, Error> {
    let mut all = Matured::default();
    let (mut after, mut failed) = (None, None);
    loop {
        let mut conn = pool.acquire().await?;
        let due = ledger::due_enrollments(&mut conn, now, program, only_auto, (after, PAGE)).await?;
        drop(conn);
        let Some(last) = due.last() else { return failed.map_or(Ok(all), Err) };
        after = Some(*last);
        for enrollment in due {
            match retrying(|| mature_one(pool, now, actor, enrollment)).await {
                Ok(matured) => {
                    for (lines, amount) in matured {
                        all.approved += lines;
                        payout::gather(&mut all.amounts, amount)?;
                    }
                }
                Err(Error::Store(error)) if store::is_unreachable(&error) => return Err(error.into()),
                Err(error) => {
                    tracing::error!(%enrollment, %error, "matured lines can't be approved; the others' are");
                    failed.get_or_insert(error);
                }
            }
        }
    }
}

async fn mature_one(
    pool: &PgPool,
    now: DateTime<Utc>,
    actor: &Actor,
    enrollment: EnrollmentId,
) -> Result<Vec<(usize, Money)>, Error> {
    let mut tx = pool.begin().await?;
    let mut lock = ledger::lock_enrollment(&mut tx, enrollment).await?;
    let matured = ledger::mature_due_lines(&mut tx, &mut lock, now, actor).await?;
    tx.commit().await?;
    Ok(matured)
}
