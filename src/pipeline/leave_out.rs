//! Leaving somebody out of a draft, or of a batch that stands still: the item is marked, its lines go back to what the next
//! draft takes, and the manifest is made anew, all in one transaction under the batch's row lock.

use chrono::{DateTime, Utc};
use serde_json::json;
use sqlx::PgPool;

use super::approve::{self, Refusal};
use super::retry::retrying;
use super::stops;
use crate::domain::actor::Actor;
use crate::domain::batch::{BatchStatus, ItemStatus, SkipReason};
use crate::domain::ids::PayoutItemId;
use crate::store::payout_batches::{self, LockedBatch, NewSkipped};
use crate::store::payout_items::{self, ItemRow};
use crate::store::{audit, ledger, manifest};

/// Leaves the item out of its batch for a reason: of a draft, or of a paused batch if nothing was sent. Leaving it out twice changes
/// nothing.
///
/// # Errors
/// [`Refusal::Conflict`] with `illegal_transition` when its batch is neither or the item is under way, `manifest_changed`.
pub async fn leave_out(
    pool: &PgPool,
    now: DateTime<Utc>,
    actor: &Actor,
    item_id: PayoutItemId,
    reason: &str,
) -> Result<(), Refusal> {
    retrying(|| async {
        let mut tx = pool.begin().await?;
        let found = payout_items::find(&mut tx, item_id).await?.ok_or(Refusal::NotFound("payout item"))?;
        let batch = approve::lock(&mut tx, found.batch_id).await?;
        let mut enrollment = ledger::lock_enrollment(&mut tx, found.enrollment_id).await?;
        let item = payout_items::lock(&mut tx, found.enrollment_id, item_id).await?;
        if item.status == ItemStatus::LeftOut {
            return Ok(());
        }
        must_be_possible(&batch, &item)?;
        // What was approved must be as it was before a part of it goes.
        approve::check_manifest(&mut tx, &batch).await?;
        payout_items::mark_left_out(&mut tx, &item).await?;
        let why = format!("Left out of payout batch {}: {reason}", batch.id);
        ledger::give_back(&mut tx, &mut enrollment, now, actor, item.as_ref(), &why).await?;
        stops::lines_back(&mut tx, &mut enrollment, now, item_id).await?;
        let amount = item.amount();
        let (enrollment_id, left_out) = (item.enrollment_id, SkipReason::LeftOut);
        let skipped = NewSkipped { enrollment_id, reason: left_out, amount, minimum_minor: None };
        payout_batches::insert_skipped(&mut tx, batch.id, &[skipped], Some(reason)).await?;
        let hash = manifest::stored(&mut tx, batch.id).await?;
        payout_batches::set_manifest(&mut tx, batch.id, hash).await?;
        let details = json!({ "batch": batch.id, "amount": amount, "reason": reason,
            "manifest_before": hex::encode(&batch.manifest_hash) });
        audit::record(&mut tx, now, actor, "payout_item.left_out", ("payout_item", item_id.to_string()), details)
            .await?;
        tx.commit().await?;
        Ok(())
    })
    .await
}

/// A pending item is in nobody's hand, and nothing moved under its key; in a paused batch nobody takes it up.
fn must_be_possible(batch: &LockedBatch, item: &ItemRow) -> Result<(), Refusal> {
    let message = match (batch.status, item.status) {
        (BatchStatus::Draft | BatchStatus::Paused, ItemStatus::Pending) => return Ok(()),
        (BatchStatus::Draft | BatchStatus::Paused, status) => {
            format!("The payout is {status}; only what was not sent can be left out.")
        }
        (BatchStatus::Executing, _) => "The batch is executing: stop it first, then leave somebody out.".to_owned(),
        (status, _) => format!("The batch is {status}; somebody can be left out of a draft or a paused batch only."),
    };
    Err(Refusal::conflict("illegal_transition", message))
}
