//! Taking a transfer back because an admin says so, with the care of a transfer: the request and its key are committed before
//! the call, an answer that nobody can read leaves it unresolved, and the same call is repeated with the same key, or Stripe is
//! asked when the key is too old. What came back is booked by the transfer's running total, as its event is: never twice.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::json;
use sqlx::PgPool;

use super::approve::Refusal;
use super::retry::retrying;
use super::{Error, outcome};
use crate::Engine;
use crate::domain::actor::Actor;
use crate::domain::batch::ItemStatus;
use crate::domain::ids::{PayoutItemId, ReversalId};
use crate::domain::money::{self, Money};
use crate::domain::payout::{KEY_LIFE, pause_after};
use crate::domain::reversal::ReversalStatus;
use crate::store::reversals::{self, NewReversal, ReversalRow};
use crate::store::{audit, ledger, payout_items};
use crate::stripe::Client;
use crate::stripe::client::{CallError, Reversal};

/// Longer than the calls of a step may take.
const LEASE: Duration = Duration::from_secs(60);
const AT_ONCE: i64 = 50;

/// What an admin asks to take back. `id` is chosen by who asks: the same request twice is one.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    pub id: ReversalId,
    pub item_id: PayoutItemId,
    /// Minor units; all that is left when none.
    pub amount_minor: Option<i64>,
    pub reason: &'a str,
}

/// Writes the request. Nothing is sent yet.
///
/// # Errors
/// [`Refusal::Conflict`] with `not_posted`, `more_than_left` or `reversal_under_way`.
pub async fn request(pool: &PgPool, now: DateTime<Utc>, actor: &Actor, wanted: Wanted<'_>) -> Result<(), Refusal> {
    retrying(|| async {
        let mut tx = pool.begin().await?;
        let found = payout_items::find(&mut tx, wanted.item_id).await?.ok_or(Refusal::NotFound("payout item"))?;
        ledger::lock_enrollment(&mut tx, found.enrollment_id).await?;
        let item = payout_items::lock(&mut tx, found.enrollment_id, wanted.item_id).await?;
        let known = reversals::of_item(&mut tx, wanted.item_id).await?;
        if known.iter().any(|row| row.id == wanted.id) {
            return Ok(());
        }
        if known.iter().any(|row| row.status == ReversalStatus::Unresolved) {
            let message = "Another part of this transfer is being taken back. Wait until its outcome is known.";
            return Err(Refusal::conflict("reversal_under_way", message));
        }
        if item.status != ItemStatus::Posted {
            let message = format!("The payout is {}; only a posted one can be taken back.", item.status);
            return Err(Refusal::conflict("not_posted", message));
        }
        let left = Money::new(money::sub(item.amount_minor, item.reversed_minor)?, item.currency);
        let amount = Money::new(wanted.amount_minor.unwrap_or(left.amount_minor), item.currency);
        if amount.amount_minor < 1 || amount.amount_minor > left.amount_minor {
            let message = format!("{left} of this transfer are left: give an amount of at most that.");
            return Err(Refusal::conflict("more_than_left", message));
        }
        let by = actor.audit_name();
        let new = NewReversal { id: wanted.id, amount, reason: wanted.reason, requested_by: &by };
        reversals::insert(&mut tx, now, &item, &new).await?;
        let details = json!({ "reversal": wanted.id, "amount": amount, "reason": wanted.reason });
        let object = ("payout_item", item.id.to_string());
        audit::record(&mut tx, now, actor, "payout_item.reversal_requested", object, details).await?;
        tx.commit().await?;
        Ok(())
    })
    .await
}

/// Takes every reversal that is due a step further.
///
/// # Errors
/// From the database.
pub async fn settle_due(engine: &Engine, now: DateTime<Utc>) -> Result<(), Error> {
    let mut conn = engine.pool.acquire().await?;
    let due = reversals::due(&mut conn, AT_ONCE).await?;
    drop(conn);
    for id in due {
        advance(engine, now, id).await?;
    }
    Ok(())
}

/// Takes a reversal a step further, if it is due: the call, or a question when the key is too old.
///
/// # Errors
/// From the database; the reversal is due again when its lease is over.
pub async fn advance(engine: &Engine, now: DateTime<Utc>, id: ReversalId) -> Result<(), Error> {
    let Some(stripe) = &engine.stripe else { return Ok(()) };
    let mut conn = engine.pool.acquire().await?;
    if !reversals::begin(&mut conn, id, LEASE).await? {
        return Ok(());
    }
    let row = reversals::find(&mut conn, id).await?;
    drop(conn);
    let Some(row) = row else { return Ok(()) };
    let Some(transfer_id) = row.transfer_id.clone() else { return Ok(()) };
    match outcome_of(stripe, now, &row, &transfer_id).await {
        Ok(reversal) => book(engine, stripe, now, &row, &transfer_id, &reversal).await,
        Err(error @ (CallError::Definite { .. } | CallError::BalanceInsufficient { .. })) => {
            let mut conn = engine.pool.acquire().await?;
            Ok(reversals::mark_failed(&mut conn, now, id, error.code(), &error.to_string()).await?)
        }
        Err(error) => put_back(engine, &row, &error).await,
    }
}

async fn put_back(engine: &Engine, row: &ReversalRow, error: &CallError) -> Result<(), Error> {
    let mut conn = engine.pool.acquire().await?;
    let (pause, message) = (pause_after(row.attempts), error.to_string());
    Ok(reversals::put_back(&mut conn, row.id, pause, error.code(), &message).await?)
}

/// The reversal as Stripe has it. A refusal is believed when no call before could have made it, or Stripe lists none.
async fn outcome_of(
    stripe: &Client,
    now: DateTime<Utc>,
    row: &ReversalRow,
    transfer_id: &str,
) -> Result<Reversal, CallError> {
    if now - row.requested_at < KEY_LIFE {
        let call = stripe.reverse_transfer(transfer_id, row.amount_minor, row.id, &row.idempotency_key).await;
        match call {
            Err(CallError::Definite { .. } | CallError::BalanceInsufficient { .. }) if row.attempts > 1 => {
                listed(stripe, row, transfer_id).await?.map_or(call, Ok)
            }
            // The same server error twice is the first one, replayed: only the list tells.
            Err(CallError::Unknown { http_status: Some(500..), .. }) if row.attempts > 1 => {
                listed(stripe, row, transfer_id).await?.map_or(call, Ok)
            }
            answer => answer,
        }
    } else {
        let none = || CallError::Definite {
            code: "no_reversal".to_owned(),
            message: "Stripe took nothing back for this request.".to_owned(),
        };
        listed(stripe, row, transfer_id).await?.ok_or_else(none)
    }
}

async fn listed(stripe: &Client, row: &ReversalRow, transfer_id: &str) -> Result<Option<Reversal>, CallError> {
    let all = stripe.reversals_of(transfer_id).await?;
    Ok(all.into_iter().find(|reversal| reversal.request() == Some(row.id)))
}

/// Reads the transfer's running total and books it, with the end of the request.
async fn book(
    engine: &Engine,
    stripe: &Client,
    now: DateTime<Utc>,
    row: &ReversalRow,
    transfer_id: &str,
    reversal: &Reversal,
) -> Result<(), Error> {
    let transfer = match stripe.transfer(transfer_id).await {
        Ok(transfer) => transfer,
        // The next step makes the same call, which answers with the same reversal.
        Err(error) => return put_back(engine, row, &error).await,
    };
    retrying(|| async {
        let mut tx = engine.pool.begin().await?;
        outcome::take_back(&mut tx, now, &transfer).await?;
        reversals::mark_done(&mut tx, now, row.id, &reversal.id).await?;
        tx.commit().await?;
        Ok(())
    })
    .await
}
