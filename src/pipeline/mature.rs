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
    /// The same by program and currency.
    pub shares: Vec<Share>,
}

/// What was approved of a program's lines in one currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Share {
    pub program_id: ProgramId,
    pub lines: i64,
    /// Enrollments whose lines they are.
    pub affiliates: i64,
    pub amount: Money,
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
    for of_program in due.chunk_by(|a, b| a.0 == b.0) {
        let enrollments: Vec<EnrollmentId> = of_program.iter().map(|(_, enrollment)| *enrollment).collect();
        let Some((program, _)) = of_program.first() else { continue };
        for enrollments in enrollments.chunks(AT_ONCE) {
            match mature(pool, now, actor, enrollments).await {
                Ok(matured) => all.add(*program, &matured)?,
                Err(Error::Store(error)) if store::is_unreachable(&error) => return Err(error.into()),
                Err(_) => one_by_one(pool, now, actor, (*program, enrollments), (&mut all, &mut failed)).await?,
            }
        }
    }
    failed.map_or(Ok(all), Err)
}

/// Where some of them fail, the others are approved all the same.
async fn one_by_one(
    pool: &PgPool,
    now: DateTime<Utc>,
    actor: &Actor,
    (program, enrollments): (ProgramId, &[EnrollmentId]),
    (all, failed): (&mut Matured, &mut Option<Error>),
) -> Result<(), Error> {
    for enrollment in enrollments {
        match mature(pool, now, actor, &[*enrollment]).await {
            Ok(matured) => all.add(program, &matured)?,
            Err(Error::Store(error)) if store::is_unreachable(&error) => return Err(error.into()),
            Err(error) => {
                tracing::error!(%enrollment, %error, "matured lines can't be approved; the others' are");
                failed.get_or_insert(error);
            }
        }
    }
    Ok(())
}

/// All of these enrollments, or none of them. How many lines of each were approved and what they sum to, by currency.
async fn mature(
    pool: &PgPool,
    now: DateTime<Utc>,
    actor: &Actor,
    enrollments: &[EnrollmentId],
) -> Result<Vec<(i64, Money)>, Error> {
    retrying(|| async {
        let mut tx = pool.begin().await?;
        let mut locks = ledger::lock_enrollments(&mut tx, enrollments).await?;
        let lines = ledger::mature_due_lines(&mut tx, &mut locks, now, actor).await?;
        tx.commit().await?;
        Ok(lines)
    })
    .await
}

impl Matured {
    /// Adds what was approved of enrollments of the program.
    fn add(&mut self, program_id: ProgramId, of_enrollments: &[(i64, Money)]) -> Result<(), Error> {
        for &(lines, amount) in of_enrollments {
            self.approved += usize::try_from(lines).unwrap_or_default();
            payout::gather(&mut self.amounts, amount)?;
            let is_same =
                |share: &&mut Share| (share.program_id, share.amount.currency) == (program_id, amount.currency);
            match self.shares.iter_mut().find(is_same) {
                Some(share) => {
                    share.lines += lines;
                    share.affiliates += 1;
                    share.amount = share.amount.checked_add(amount)?;
                }
                None => self.shares.push(Share { program_id, lines, affiliates: 1, amount }),
            }
        }
        Ok(())
    }
}
