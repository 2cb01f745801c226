//! Maturity: pending lines whose hold window is over become payable, some hundred enrollments at a time. It decides nothing
//! beyond the time; holds and cancellations have taken their lines out of `pending` before.

use chrono::{DateTime, Utc};
use sqlx::PgPool;

use super::Error;
use super::retry::retrying;
use crate::domain::actor::Actor;
use crate::domain::ids::{EnrollmentId, ProgramId};
use crate::domain::money::Money;
use crate::domain::payout;
use crate::store::{self, ledger};

/// Enrollments whose lines are approved in one transaction.
const AT_ONCE: usize = 500;

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
    let mut conn = pool.acquire().await?;
    let due = ledger::due_enrollments(&mut conn, now, program, only_auto).await?;
    drop(conn);
    let mut all = Matured::default();
    let mut failed = None;
    for enrollments in due.chunks(AT_ONCE) {
        match mature(pool, now, actor, enrollments).await {
            Ok(matured) => all.add(&matured)?,
            Err(Error::Store(error)) if store::is_unreachable(&error) => return Err(error.into()),
            Err(_) => {
                for enrollment in enrollments {
                    match mature(pool, now, actor, &[*enrollment]).await {
                        Ok(matured) => all.add(&matured)?,
                        Err(Error::Store(error)) if store::is_unreachable(&error) => return Err(error.into()),
                        Err(error) => {
                            tracing::error!(%enrollment, %error, "matured lines can't be approved; the others' are");
                            failed.get_or_insert(error);
                        }
                    }
                }
            }
        }
    }
    failed.map_or(Ok(all), Err)
}

/// All of these enrollments, or none of them.
async fn mature(
    pool: &PgPool,
    now: DateTime<Utc>,
    actor: &Actor,
    enrollments: &[EnrollmentId],
) -> Result<Matured, Error> {
    retrying(|| async {
        let mut tx = pool.begin().await?;
        let mut locks = ledger::lock_enrollments(&mut tx, enrollments).await?;
        let lines = ledger::mature_due_lines(&mut tx, &mut locks, now, actor).await?;
        tx.commit().await?;
        let mut matured = Matured::default();
        for (lines, amount) in lines {
            matured.approved += usize::try_from(lines).unwrap_or_default();
            payout::gather(&mut matured.amounts, amount)?;
        }
        Ok(matured)
    })
    .await
}

impl Matured {
    fn add(&mut self, other: &Matured) -> Result<(), Error> {
        self.approved += other.approved;
        for amount in &other.amounts {
            payout::gather(&mut self.amounts, *amount)?;
        }
        Ok(())
    }
}
