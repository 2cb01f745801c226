//! Trying failed payouts again, one or all of a batch: each by a new item, with a key of its own, that names the failed one and
//! pays the affiliate's current method. They join their batch while that is executing or paused. A completed batch never reopens
//! (design §5), so there they get one batch of their own, which is approved already: the amounts were, and the rail has shown
//! that they did not move. What would go to another account than the one that was approved needs the program's four eyes anew.

use chrono::{DateTime, Utc};
use serde_json::json;
use sqlx::{Acquire, PgConnection, PgPool};

use super::approve::{self, Refusal, lock};
use super::four_eyes::asks_for_four_eyes;
use super::retry::retrying;
use crate::domain::actor::Actor;
use crate::domain::batch::{BatchStatus, ItemStatus, SkipReason};
use crate::domain::ids::{BatchId, PayoutItemId};
use crate::domain::money;
use crate::domain::payout::{Cutoff, Eligibility};
use crate::store::ledger::{self, EnrollmentLock, ItemRef};
use crate::store::manifest::{self, ManifestHash};
use crate::store::payout_batches::{self, LockedBatch, NewBatch, NewSkipped};
use crate::store::payout_items::{self, ItemRow, NewItem};
use crate::store::{audit, batch_items, holds};

/// Tries a failed item again, in the same batch or in one of its own.
///
/// # Errors
/// [`Refusal::Conflict`] with `not_failed`, `already_retried`, `on_hold` (a hold stops its money), `lines_elsewhere` (a later
/// payout pays them), `balance_changed` (commission was taken back since), `below_minimum` (the program's minimum was raised
/// since), `account_changed` (and the batch under way needed four eyes), `affiliate_inactive` or `no_payment_method`.
pub async fn retry(
    pool: &PgPool,
    now: DateTime<Utc>,
    actor: &Actor,
    failed_id: PayoutItemId,
) -> Result<PayoutItemId, Refusal> {
    retrying(|| async {
        let mut tx = pool.begin().await?;
        let item = retry_within(&mut tx, now, actor, failed_id).await?;
        tx.commit().await?;
        Ok(item)
    })
    .await
}

/// As [`retry`], in a transaction that is rolled back when this is refused. It locks the batch before the enrollment.
pub(super) async fn retry_within(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    actor: &Actor,
    failed_id: PayoutItemId,
) -> Result<PayoutItemId, Refusal> {
    let found = payout_items::find(conn, failed_id).await?.ok_or(Refusal::NotFound("payout item"))?;
    let batch = lock(conn, found.batch_id).await?;
    let place = Place::for_items_of(conn, now, actor, &batch).await?;
    let again = retry_into(conn, now, actor, &found, &place).await?;
    place.release(conn, now, actor, again.moved).await?;
    Ok(again.item)
}

/// What became of a batch's failed items.
#[derive(Debug, Clone, Default)]
pub struct PaidAgain {
    /// The new ones.
    pub items: Vec<PayoutItemId>,
    pub refused: Vec<Refused>,
}

/// A failed item that can't be tried again: `code` and `message` as in [`Refusal::Conflict`].
#[derive(Debug, Clone)]
pub struct Refused {
    pub item: PayoutItemId,
    pub code: &'static str,
    pub message: String,
}

/// Tries all failed items of the batch again that can be, in one place: in the same batch, or in one of their own. Those that
/// can't be are listed there with the reason. Nothing is written when none can be.
///
/// # Errors
/// [`Refusal::NotFound`], [`Refusal::Stage`].
pub async fn retry_all(
    pool: &PgPool,
    now: DateTime<Utc>,
    actor: &Actor,
    batch_id: BatchId,
) -> Result<PaidAgain, Refusal> {
    retrying(|| async {
        let mut tx = pool.begin().await?;
        let again = retry_all_within(&mut tx, now, actor, batch_id).await?;
        if !again.items.is_empty() {
            tx.commit().await?;
        }
        Ok(again)
    })
    .await
}

async fn retry_all_within(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    actor: &Actor,
    batch_id: BatchId,
) -> Result<PaidAgain, Refusal> {
    let batch = lock(conn, batch_id).await?;
    let failed = batch_items::failed_of_batch(conn, batch_id).await?;
    let place = Place::for_items_of(conn, now, actor, &batch).await?;
    let (mut again, mut moved) = (PaidAgain::default(), false);
    for id in failed {
        let found = payout_items::find(conn, id).await?.ok_or(Refusal::NotFound("payout item"))?;
        let mut attempt = conn.begin().await?;
        match retry_into(&mut attempt, now, actor, &found, &place).await {
            Ok(new) => {
                attempt.commit().await?;
                again.items.push(new.item);
                moved |= new.moved;
            }
            Err(Refusal::Conflict { code, message }) => {
                attempt.rollback().await?;
                place.leave_out(conn, &found, (code, &message)).await?;
                again.refused.push(Refused { item: id, code, message });
            }
            Err(other) => return Err(other),
        }
    }
    place.release(conn, now, actor, moved).await?;
    let details = json!({ "batch": place.id, "items": again.items.len(), "refused": again.refused.len() });
    audit::record(conn, now, actor, "payout_batch.retried", ("payout_batch", batch_id.to_string()), details).await?;
    Ok(again)
}

/// The batch that takes the new items.
struct Place {
    id: BatchId,
    /// As [`LockedBatch::four_eyes_above_minor`] of the batch that the failed items are in.
    four_eyes_above_minor: Option<i64>,
    /// It was made for them.
    is_new: bool,
}

/// An item that takes a failed one's place. `moved`: it pays another account.
struct Again {
    item: PayoutItemId,
    moved: bool,
}

impl Place {
    async fn for_items_of(
        conn: &mut PgConnection,
        now: DateTime<Utc>,
        actor: &Actor,
        batch: &LockedBatch,
    ) -> Result<Place, Refusal> {
        let four_eyes_above_minor = batch.four_eyes_above_minor;
        if matches!(batch.status, BatchStatus::Executing | BatchStatus::Paused) {
            return Ok(Place { id: batch.id, four_eyes_above_minor, is_new: false });
        }
        let (id, program_id, drafted_by) = (BatchId::new(now), batch.program_id, actor.audit_name());
        let manifest_hash = ManifestHash::default().finish();
        let (period, available, drafted_by) = (None, None, drafted_by.as_str());
        let new = NewBatch { id, program_id, period, drafted_by, available, manifest_hash };
        payout_batches::insert(conn, now, &new).await?;
        Ok(Place { id, four_eyes_above_minor, is_new: true })
    }

    /// Lets the executor start on the items. A batch of its own with an item that `moved` stays a draft when its amount asks for
    /// four eyes.
    async fn release(
        &self,
        conn: &mut PgConnection,
        now: DateTime<Utc>,
        actor: &Actor,
        moved: bool,
    ) -> Result<(), Refusal> {
        if !self.is_new {
            return Ok(());
        }
        let hash = manifest::stored(conn, self.id).await?;
        payout_batches::set_manifest(conn, self.id, hash).await?;
        if moved {
            return match approve::approve_in(conn, now, actor, self.id).await {
                Ok(()) => approve::start_in(conn, now, actor, self.id).await,
                Err(Refusal::Conflict { code: "four_eyes", .. }) => Ok(()),
                Err(refusal) => Err(refusal),
            };
        }
        let batch = lock(conn, self.id).await?;
        payout_batches::mark_approved(conn, &batch, now, &actor.audit_name()).await?;
        payout_batches::mark_executing(conn, &batch, now).await?;
        Ok(())
    }

    /// A batch under way was approved as it was: it takes no item that goes elsewhere and asks for four eyes.
    async fn check_account(&self, conn: &mut PgConnection, item: &NewItem) -> Result<(), Refusal> {
        let Some(above_minor) = self.four_eyes_above_minor.filter(|_| !self.is_new) else { return Ok(()) };
        let terms = payout_batches::program_terms(conn, item.program_id).await?.ok_or(Refusal::NotFound("program"))?;
        if !asks_for_four_eyes(&[item.amount], above_minor, terms.currency) {
            return Ok(());
        }
        let message = "The affiliate's account was changed since somebody approved this payout. Try again when the batch is \
            completed: the new payout then waits for another approval.";
        Err(Refusal::conflict("account_changed", message))
    }

    /// Lists who is not in a new batch, unless another payout has the money.
    async fn leave_out(
        &self,
        conn: &mut PgConnection,
        failed: &ItemRow,
        (code, message): (&'static str, &str),
    ) -> Result<(), Refusal> {
        let reason = match code {
            "on_hold" => SkipReason::OnHold,
            "no_payment_method" => SkipReason::NoPaymentMethod,
            "affiliate_inactive" => SkipReason::AffiliateInactive,
            "below_minimum" => SkipReason::BelowMinimum,
            "balance_changed" => SkipReason::LeftOut,
            _ => return Ok(()),
        };
        if self.is_new {
            let (enrollment_id, amount) = (failed.enrollment_id, failed.amount());
            let skipped = NewSkipped { enrollment_id, reason, amount, minimum_minor: None };
            payout_batches::insert_skipped(conn, self.id, &[skipped], Some(message)).await?;
        }
        Ok(())
    }
}

/// Makes the item in that place that tries the failed one again, with the failed one's lines and their money. Whoever calls
/// has the batch that the failed one is in.
async fn retry_into(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    actor: &Actor,
    found: &ItemRow,
    place: &Place,
) -> Result<Again, Refusal> {
    let mut enrollment = ledger::lock_enrollment(conn, found.enrollment_id).await?;
    let failed = payout_items::lock(conn, found.enrollment_id, found.id).await?;
    if failed.status != ItemStatus::Failed {
        let message = format!("The payout is {}; only a failed one is tried again.", failed.status);
        return Err(Refusal::conflict("not_failed", message));
    }
    let item = replacement(conn, now, &failed, place.id).await?;
    let moved = item.destination != failed.destination;
    if moved {
        place.check_account(conn, &item).await?;
    }
    match payout_items::insert(conn, now, &item).await {
        Err(error) if crate::store::violated_constraint(&error) == Some("payout_items_retry_of_key") => {
            return Err(Refusal::conflict("already_retried", "This payout was tried again before."));
        }
        inserted => inserted?,
    }
    take_lines(conn, now, actor, &mut enrollment, (&failed, &item)).await?;
    let details = json!({ "new_item": item.id, "batch": place.id, "account_changed": moved });
    audit::record(conn, now, actor, "payout_item.retried", ("payout_item", failed.id.to_string()), details).await?;
    Ok(Again { item: item.id, moved })
}

async fn take_lines(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    actor: &Actor,
    enrollment: &mut EnrollmentLock,
    (failed, item): (&ItemRow, &NewItem),
) -> Result<(), Refusal> {
    if let Some(hold) = holds::stopping_item(conn, failed.enrollment_id, failed.id).await? {
        let message = format!(
            "Hold {} is open on part of this money ({}). Release or reject the hold, then try again.",
            hold.id, hold.reason
        );
        return Err(Refusal::conflict("on_hold", message));
    }
    let reference = ItemRef { id: item.id, amount: item.amount };
    if !ledger::reattach_to_item(conn, enrollment, now, actor, failed.id, reference).await? {
        return Err(Refusal::conflict("lines_elsewhere", "Its commissions are in another payout by now."));
    }
    let (beside_minor, _) =
        ledger::payable_lines_total(conn, enrollment, item.amount.currency, Cutoff::default()).await?;
    check_still_due(conn, item, money::add(beside_minor, item.amount.amount_minor)?).await?;
    ledger::reserve(conn, enrollment, now, reference).await?;
    Ok(())
}

/// What was taken back since the item was drafted, and what stands against its payee since, counts as it does for a draft.
/// `payable_minor` is what the enrollment is due in all, with the item's own lines.
async fn check_still_due(conn: &mut PgConnection, item: &NewItem, payable_minor: i64) -> Result<(), Refusal> {
    let payee = payout_batches::payee(conn, item.enrollment_id).await?;
    let terms = payout_batches::program_terms(conn, item.program_id).await?;
    let minimum = terms.ok_or(Refusal::NotFound("program"))?.minimum(item.amount.currency);
    match payee.standing(payable_minor, 0, item.amount.amount_minor).eligibility() {
        Eligibility::Due if payable_minor < minimum.amount_minor => {
            let message =
                format!("Below the minimum payout of {minimum} by now; the money waits until that is reached.");
            Err(Refusal::conflict("below_minimum", message))
        }
        Eligibility::Due => Ok(()),
        Eligibility::Skipped(SkipReason::AffiliateInactive, _) => {
            let message = "The affiliate is not active; the money waits for the next draft.";
            Err(Refusal::conflict("affiliate_inactive", message))
        }
        Eligibility::Skipped(..) | Eligibility::Nothing => {
            let message = "Commission was taken back since; the next draft pays what is left.";
            Err(Refusal::conflict("balance_changed", message))
        }
    }
}

async fn replacement(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    failed: &ItemRow,
    into: BatchId,
) -> Result<NewItem, Refusal> {
    let payee = payout_batches::payee(conn, failed.enrollment_id).await?;
    let destination = payee.method.filter(|method| method.status.can_be_paid());
    let method = destination.and_then(|method| Some((method.id, method.stripe_account?)));
    let Some((payment_method_id, destination)) = method else {
        let message = "The affiliate has no verified payment method; ask them to finish their Stripe set-up first.";
        return Err(Refusal::conflict("no_payment_method", message));
    };
    Ok(NewItem {
        id: PayoutItemId::new(now),
        enrollment_id: failed.enrollment_id,
        batch_id: into,
        program_id: failed.program_id,
        affiliate_id: failed.affiliate_id,
        amount: failed.amount(),
        payment_method_id,
        rail: failed.rail,
        destination,
        retry_of: Some(failed.id),
    })
}
