//! What people decide about a batch: approve it, let it be executed, stop it, cancel it. Every decision is
//! one transaction under the batch's row lock; none of them moves money, they only allow it.

use chrono::{DateTime, Utc};
use serde_json::json;
use sqlx::{PgConnection, PgPool};

use super::Error;
use super::four_eyes;
use super::outcome::SHORT;
use super::retry::{LostRace, retrying};
use super::stops;
use crate::domain::actor::Actor;
use crate::domain::batch::BatchStatus;
use crate::domain::ids::{BatchId, EnrollmentId};
use crate::domain::money::MoneyError;
use crate::store::ledger::{self, LedgerError};
use crate::store::payout_batches::{self, LockedBatch};
use crate::store::payout_items;
use crate::store::{audit, batch_items, manifest};

/// Items whose money is given back at once.
const AT_ONCE: usize = 2_000;

/// Why a decision was refused.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// Things stand differently; `code` is for programs, `message` is a sentence for people.
    #[error("{message}")]
    Conflict { code: &'static str, message: String },
    #[error(transparent)]
    Stage(#[from] Error),
}

impl Refusal {
    pub(super) fn conflict(code: &'static str, message: impl Into<String>) -> Self {
        Refusal::Conflict { code, message: message.into() }
    }
}

impl From<sqlx::Error> for Refusal {
    fn from(error: sqlx::Error) -> Self {
        Refusal::Stage(error.into())
    }
}

impl From<LedgerError> for Refusal {
    fn from(error: LedgerError) -> Self {
        Refusal::Stage(error.into())
    }
}

impl From<MoneyError> for Refusal {
    fn from(error: MoneyError) -> Self {
        Refusal::Stage(error.into())
    }
}

impl LostRace for Refusal {
    fn lost_race(&self) -> bool {
        matches!(self, Refusal::Stage(error) if error.lost_race())
    }
}

pub(super) async fn lock(conn: &mut PgConnection, id: BatchId) -> Result<LockedBatch, Refusal> {
    payout_batches::lock(conn, id).await?.ok_or(Refusal::NotFound("payout batch"))
}

fn must_become(batch: &LockedBatch, to: BatchStatus) -> Result<(), Refusal> {
    if batch.status.may_become(to) {
        return Ok(());
    }
    let message =
        format!("The batch is {}; it can't become {to} from there. {}", batch.status, batch.status.instead(to));
    Err(Refusal::conflict("illegal_transition", message))
}

async fn note(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    actor: &Actor,
    action: &str,
    batch: &LockedBatch,
) -> Result<(), Refusal> {
    Ok(audit::record(conn, now, actor, action, ("payout_batch", batch.id.to_string()), json!({})).await?)
}

/// The items that were drafted must be the items of the manifest.
pub(super) async fn check_manifest(conn: &mut PgConnection, batch: &LockedBatch) -> Result<(), Refusal> {
    if manifest::stored(conn, batch.id).await?[..] == batch.manifest_hash[..] {
        Ok(())
    } else {
        Err(Refusal::conflict(
            "manifest_changed",
            "The batch's items are not the ones that were drafted. Don't pay it.",
        ))
    }
}

/// Approves a draft. Approving an approved batch changes nothing. Above the program's amount for four eyes, who drafted
/// the batch can't approve it ([`four_eyes`]).
///
/// # Errors
/// [`Refusal::Conflict`] with `illegal_transition`, `four_eyes`, `nothing_to_pay` or `manifest_changed`.
pub async fn approve(pool: &PgPool, now: DateTime<Utc>, actor: &Actor, id: BatchId) -> Result<(), Refusal> {
    let mut tx = pool.begin().await?;
    approve_in(&mut tx, now, actor, id).await?;
    tx.commit().await?;
    Ok(())
}

/// As [`approve`], within the caller's transaction; a refusal has written nothing.
pub(super) async fn approve_in(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    actor: &Actor,
    id: BatchId,
) -> Result<(), Refusal> {
    let batch = lock(conn, id).await?;
    if batch.status == BatchStatus::Approved {
        return Ok(());
    }
    must_become(&batch, BatchStatus::Approved)?;
    if batch_items::totals(conn, id).await?.is_empty() {
        return Err(Refusal::conflict("nothing_to_pay", "Everybody was left out of this batch. Cancel it."));
    }
    check_manifest(conn, &batch).await?;
    four_eyes::check(conn, &batch, &actor.audit_name()).await?;
    payout_batches::mark_approved(conn, &batch, now, &actor.audit_name()).await?;
    note(conn, now, actor, "payout_batch.approved", &batch).await
}

/// Lets the executor start on an approved batch, or go on with a paused one. An executing batch stays as it is.
///
/// # Errors
/// [`Refusal::Conflict`] with `illegal_transition` or `manifest_changed`.
pub async fn start(pool: &PgPool, now: DateTime<Utc>, actor: &Actor, id: BatchId) -> Result<(), Refusal> {
    let mut tx = pool.begin().await?;
    start_in(&mut tx, now, actor, id).await?;
    tx.commit().await?;
    Ok(())
}

/// Lets a batch go on that stands still for want of balance. `false`: it doesn't, or not any more. Unlike a person who starts it
/// again, this leaves waiting what was refused a short time ago.
///
/// # Errors
/// [`Refusal::Conflict`] with `manifest_changed`.
pub(super) async fn go_on(pool: &PgPool, now: DateTime<Utc>, actor: &Actor, id: BatchId) -> Result<bool, Refusal> {
    let mut tx = pool.begin().await?;
    let batch = lock(&mut tx, id).await?;
    if batch.paused_code.as_deref() != Some(SHORT) {
        return Ok(false);
    }
    check_manifest(&mut tx, &batch).await?;
    payout_batches::mark_executing(&mut tx, &batch, now).await?;
    note(&mut tx, now, actor, "payout_batch.executed", &batch).await?;
    tx.commit().await?;
    Ok(true)
}

/// As [`start`], within the caller's transaction.
pub(super) async fn start_in(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    actor: &Actor,
    id: BatchId,
) -> Result<(), Refusal> {
    let batch = lock(conn, id).await?;
    if batch.status == BatchStatus::Executing {
        return Ok(());
    }
    must_become(&batch, BatchStatus::Executing)?;
    check_manifest(conn, &batch).await?;
    payout_batches::mark_executing(conn, &batch, now).await?;
    payout_items::make_due(conn, id).await?;
    note(conn, now, actor, "payout_batch.executed", &batch).await
}

/// Stops an executing batch: no further call is made until somebody starts it again. Calls under way still end, and items
/// whose outcome isn't known are still asked about.
///
/// # Errors
/// [`Refusal::Conflict`] with `illegal_transition`.
pub async fn stop(pool: &PgPool, now: DateTime<Utc>, actor: &Actor, id: BatchId) -> Result<(), Refusal> {
    let mut tx = pool.begin().await?;
    let batch = lock(&mut tx, id).await?;
    if batch.paused_code.as_deref() == Some("stopped") {
        return Ok(());
    }
    // A batch that waits for the balance would go on by itself.
    if batch.status != BatchStatus::Paused {
        must_become(&batch, BatchStatus::Paused)?;
    }
    payout_batches::mark_stopped(&mut tx, &batch, "An admin stopped the batch. It goes on when somebody says so.")
        .await?;
    note(&mut tx, now, actor, "payout_batch.stopped", &batch).await?;
    tx.commit().await?;
    Ok(())
}

/// Cancels a draft or an approved batch: its lines' money is payable again and enters the next draft.
///
/// # Errors
/// [`Refusal::Conflict`] with `illegal_transition` once execution began.
pub async fn cancel(pool: &PgPool, now: DateTime<Utc>, actor: &Actor, id: BatchId) -> Result<(), Refusal> {
    retrying(|| async {
        let mut tx = pool.begin().await?;
        let batch = lock(&mut tx, id).await?;
        if batch.status == BatchStatus::Cancelled {
            return Ok(());
        }
        must_become(&batch, BatchStatus::Cancelled)?;
        let why = format!("Payout batch {id} was cancelled");
        for items in batch_items::standing(&mut tx, id).await?.chunks(AT_ONCE) {
            let enrollments: Vec<EnrollmentId> = items.iter().map(|(enrollment, _)| *enrollment).collect();
            let mut locks = ledger::lock_enrollments(&mut tx, &enrollments).await?;
            ledger::give_back_all(&mut tx, &mut locks, now, actor, items, &why).await?;
        }
        stops::batch_back(&mut tx, now, id).await?;
        payout_batches::mark_cancelled(&mut tx, &batch, now, &actor.audit_name()).await?;
        note(&mut tx, now, actor, "payout_batch.cancelled", &batch).await?;
        tx.commit().await?;
        Ok(())
    })
    .await
}

/// Completes the batch when all its items are final. `true`: it is completed now.
///
/// # Errors
/// See [`Error`].
pub async fn complete(pool: &PgPool, now: DateTime<Utc>, id: BatchId) -> Result<bool, Error> {
    let mut tx = pool.begin().await?;
    let Some(batch) = payout_batches::lock(&mut tx, id).await? else { return Ok(false) };
    let completed = payout_batches::complete_if_final(&mut tx, &batch, now).await?;
    tx.commit().await?;
    Ok(completed)
}
