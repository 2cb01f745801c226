//! Holds that the pipeline places and ends, and the one way in which every hold stops its lines and lets them go. It decides
//! under the enrollment's lock, in the transaction of the fact behind it, so that a stopped line is in no payout.
//!
//! What was taken back after payment (a clawback, a negative adjustment) is never stopped: it is a debt, and a rejected hold
//! would forgive it. What is in a payout isn't stopped either; when that payout is not made, its lines are stopped as they
//! come back. They stay final, so that a rejected hold takes them back by lines of their own.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde_json::json;
use sqlx::PgConnection;

use super::attribute::Intake;
use super::{Error, refund_limits, signs as fraud, tell};
use crate::domain::actor::Actor;
use crate::domain::ids::{BatchId, EnrollmentId, HoldId, LineId, PayoutItemId, SaleId};
use crate::domain::line::{LineKind, LineStatus};
use crate::domain::money::{self, Money};
use crate::domain::posting::Posting;
use crate::domain::program::{HoldReason, HoldStatus};
use crate::store::holds::{self, HoldRow, NewHold, Reach};
use crate::store::ledger::{self, EnrollmentLock, LineRow, NewLine};
use crate::store::{conversions, lines_view, signs};

const ACTOR: Actor = Actor::System("holds");

/// A dispute of a payment of the sale is open: the lines that the sale has unpaid stop until it is closed, and those that it
/// gets meanwhile join them. `dispute_id` is Stripe's (`dp_…`), `amount` what the customer disputes.
///
/// One dispute stops an affiliate's lines once: told again it changes nothing, and neither when somebody has decided about its
/// hold meanwhile. When all is paid there is nothing to stop; what is in a payout is stopped if it comes back. The caller has
/// the sale's row.
///
/// # Errors
/// See [`Error`].
pub(super) async fn dispute_opened(
    conn: &mut PgConnection,
    intake: &Intake<'_>,
    sale_id: SaleId,
    dispute_id: &str,
    amount: Money,
) -> Result<(), Error> {
    let Some(conversion) = conversions::of_sale(conn, sale_id).await? else { return Ok(()) };
    let mut lock = ledger::lock_enrollment(conn, EnrollmentId(conversion.enrollment_id)).await?;
    stop_disputed(conn, &mut lock, intake.now, sale_id, (dispute_id, amount)).await
}

/// The dispute was won, or its funds were reinstated: its lines go back to where they were, unless another open hold stops
/// them too. The caller has the sale's row.
///
/// # Errors
/// See [`Error`].
pub(super) async fn dispute_won(
    conn: &mut PgConnection,
    intake: &Intake<'_>,
    sale_id: SaleId,
    dispute_id: &str,
) -> Result<(), Error> {
    let (end, why) = (HoldStatus::Approved, "The dispute was decided for the company");
    dispute_closed(conn, intake, sale_id, dispute_id, (end, why)).await
}

/// The dispute was lost. Called after [`bring_to_target`](super::accrue::bring_to_target) has taken the lost part from the
/// sale's lines: what that left of them goes back to where it was. The caller has the sale's row.
///
/// # Errors
/// See [`Error`].
pub(super) async fn dispute_lost(
    conn: &mut PgConnection,
    intake: &Intake<'_>,
    sale_id: SaleId,
    dispute_id: &str,
) -> Result<(), Error> {
    let (end, why) = (HoldStatus::Ended, "The dispute was decided for the customer; this is what remains");
    dispute_closed(conn, intake, sale_id, dispute_id, (end, why)).await
}

async fn stop_disputed(
    conn: &mut PgConnection,
    lock: &mut EnrollmentLock,
    now: DateTime<Utc>,
    sale_id: SaleId,
    (dispute_id, amount): (&str, Money),
) -> Result<(), Error> {
    let enrollment_id = lock.enrollment_id();
    let mut lines = ledger::lines_of_sale(conn, enrollment_id, sale_id).await?;
    let none_unpaid = !lines.iter().any(is_unpaid);
    lines.retain(is_stoppable);
    let known = holds::of_dispute(conn, dispute_id).await?;
    let id = match known.into_iter().find(|hold| hold.enrollment_id == enrollment_id) {
        Some(hold) if hold.status != HoldStatus::Open => return Ok(()),
        Some(hold) => {
            holds::set_sale(conn, &hold, sale_id).await?;
            hold.id
        }
        None if none_unpaid => return Ok(()),
        None => {
            let id = HoldId::new(now);
            let reason = format!("Dispute {dispute_id} over {amount}");
            let evidence = json!({
                "dispute": dispute_id, "sale": sale_id, "amount": amount.amount_minor, "currency": amount.currency,
            });
            let (reason_kind, reach) = (HoldReason::Dispute, Reach::Disputed(sale_id, dispute_id));
            let placed_by = ACTOR.audit_name();
            let new =
                NewHold { id, enrollment_id, reason_kind, reason: &reason, evidence, placed_by: &placed_by, reach };
            holds::insert(conn, now, &new).await?;
            id
        }
    };
    let (why, mark) = (HoldReason::Dispute.told(), lock.mark());
    stop(conn, lock, now, &ACTOR, (id, why), &lines).await?;
    tell::held(conn, now, mark, why).await
}

/// A sale may have changed hands while it was disputed, so holds of several enrollments may wait.
async fn dispute_closed(
    conn: &mut PgConnection,
    intake: &Intake<'_>,
    sale_id: SaleId,
    dispute_id: &str,
    (end, why): (HoldStatus, &str),
) -> Result<(), Error> {
    let credited = conversions::of_sale(conn, sale_id).await?.map(|conversion| EnrollmentId(conversion.enrollment_id));
    let waiting = holds::of_dispute(conn, dispute_id).await?;
    let enrollments: BTreeSet<EnrollmentId> = waiting.iter().map(|hold| hold.enrollment_id).chain(credited).collect();
    for enrollment in enrollments {
        let mut lock = ledger::lock_enrollment(conn, enrollment).await?;
        // Read again: who waited for the lock may have placed it.
        let holds = holds::of_dispute(conn, dispute_id).await?;
        for hold in holds.iter().filter(|hold| hold.enrollment_id == enrollment) {
            close(conn, &mut lock, intake.now, &ACTOR, hold, end, why).await?;
        }
    }
    Ok(())
}

/// Stops a line that was just written, when an open hold reaches it: one of the whole enrollment, or of its sale. Every stage
/// that adds a line asks this in the same transaction.
///
/// # Errors
/// See [`Error`].
pub(crate) async fn line_added(
    conn: &mut PgConnection,
    lock: &mut EnrollmentLock,
    now: DateTime<Utc>,
    line_id: LineId,
) -> Result<(), Error> {
    let reaching = holds::reaching(conn, lock.enrollment_id(), &[line_id]).await?;
    if reaching.is_empty() {
        return Ok(());
    }
    let line = ledger::line(conn, lock.enrollment_id(), line_id).await?;
    for (hold, _) in reaching.iter().filter(|_| is_stoppable(&line)) {
        stop(conn, lock, now, &ACTOR, (hold.id, hold.told()), std::slice::from_ref(&line)).await?;
    }
    Ok(())
}

/// Stops what came back from an item that is not paid (it failed, was left out, or its batch was cancelled), as far as an open
/// hold is about it, or a sign wants it held that found all of it in a payout. Every stage that ends an item so asks this in
/// the same transaction, when the ledger has given its lines back.
///
/// # Errors
/// See [`Error`].
pub(super) async fn lines_back(
    conn: &mut PgConnection,
    lock: &mut EnrollmentLock,
    now: DateTime<Utc>,
    item: PayoutItemId,
) -> Result<(), Error> {
    let enrollment_id = lock.enrollment_id();
    let back = ledger::lines_back_from(conn, lock, item).await?;
    for sale in signs::unheld(conn, enrollment_id, &back).await? {
        fraud::stop_added(conn, lock, now, sale).await?;
    }
    for (hold, reached) in holds::reaching(conn, enrollment_id, &back).await? {
        let mut lines = Vec::with_capacity(reached.len());
        for line in reached {
            lines.push(ledger::line(conn, enrollment_id, line).await?);
        }
        lines.retain(is_stoppable);
        let mark = lock.mark();
        stop(conn, lock, now, &ACTOR, (hold.id, hold.told()), &lines).await?;
        tell::held(conn, now, mark, hold.told()).await?;
    }
    Ok(())
}

/// As [`lines_back`], of all items of a batch that was cancelled. Takes the locks of the enrollments that it stops anything of,
/// in id order.
///
/// # Errors
/// See [`Error`].
pub(super) async fn batch_back(conn: &mut PgConnection, now: DateTime<Utc>, batch: BatchId) -> Result<(), Error> {
    for (enrollment, item) in holds::items_to_stop(conn, batch).await? {
        let mut lock = ledger::lock_enrollment(conn, enrollment).await?;
        lines_back(conn, &mut lock, now, item).await?;
    }
    Ok(())
}

/// Whether a hold can stop the line: it is in no payout, and nothing that the affiliate owes.
pub(crate) fn is_stoppable(line: &LineRow) -> bool {
    is_unpaid(line) && line.payout_item_id.is_none()
}

fn is_unpaid(line: &LineRow) -> bool {
    !matches!(line.status, LineStatus::Paid | LineStatus::Cancelled) && !is_owed(line)
}

/// Whether the affiliate owes the line: it was taken back after payment, or by hand.
pub(crate) fn is_owed(line: &LineRow) -> bool {
    line.amount.amount_minor < 0 && line.kind != LineKind::Correction
}

/// Puts the lines under the hold; `why` is for the affiliate. Those that another hold stops already are stopped by both.
///
/// # Errors
/// See [`Error`].
pub(crate) async fn stop(
    conn: &mut PgConnection,
    lock: &mut EnrollmentLock,
    now: DateTime<Utc>,
    actor: &Actor,
    (hold, why): (HoldId, &str),
    lines: &[LineRow],
) -> Result<(), Error> {
    let mut stopped = Vec::with_capacity(lines.len());
    for line in lines {
        // What a rejected hold has taken back is settled.
        if !within_cutoff_back(conn, lock, line).await? {
            stopped.push(line);
        }
    }
    let ids: Vec<LineId> = stopped.iter().map(|line| line.id).collect();
    holds::add_lines(conn, lock.enrollment_id(), hold, &ids).await?;
    for line in stopped {
        if line.status == LineStatus::Finalized {
            ledger::stop_finalized(conn, lock, now, actor, line, why).await?;
        } else {
            let key = format!("hold:{hold}:{}", line.id);
            ledger::move_line(conn, lock, now, actor, line.id, LineStatus::OnHold, why, &key).await?;
        }
    }
    Ok(())
}

/// The posting of the line that takes back what is final of a rejected hold's line.
fn taken_back_key(line: LineId) -> String {
    format!("rejected:{line}")
}

async fn within_cutoff_back(conn: &mut PgConnection, lock: &EnrollmentLock, line: &LineRow) -> Result<bool, Error> {
    if line.status != LineStatus::Finalized {
        return Ok(false);
    }
    Ok(ledger::line_of_key(conn, lock.enrollment_id(), &taken_back_key(line.id)).await?.is_some())
}

/// Ends an open hold: rejected, it cancels its lines, and takes back those that are final; otherwise they go back to where they
/// were, but those that another open hold stops. `why` is told to the affiliate. `false`: it had ended before, and nothing was written.
///
/// # Errors
/// See [`Error`].
pub(crate) async fn close(
    conn: &mut PgConnection,
    lock: &mut EnrollmentLock,
    now: DateTime<Utc>,
    actor: &Actor,
    hold: &HoldRow,
    end: HoldStatus,
    why: &str,
) -> Result<bool, Error> {
    // Read again: who waited for the lock may have ended it.
    if holds::find(conn, hold.id).await?.is_none_or(|hold| hold.status != HoldStatus::Open) {
        return Ok(false);
    }
    if hold.reason_kind == HoldReason::RefundThreshold {
        refund_limits::weigh(conn, hold, now).await?;
    }
    let mark = lock.mark();
    holds::decide(conn, hold, end, now, &actor.audit_name(), why).await?;
    let mut lines = Vec::new();
    for line in holds::lines_to_decide(conn, hold, end).await? {
        lines.push(ledger::line(conn, hold.enrollment_id, line).await?);
    }
    // What is final is weighed against what is left of its sale.
    lines.sort_by_key(|line| line.stopped);
    for line in lines {
        if line.stopped {
            ledger::release_finalized(conn, lock, now, actor, &line, why).await?;
            if end == HoldStatus::Rejected {
                take_back(conn, lock, now, actor, hold, &line, why).await?;
            }
        // A refund or another hold may have cancelled the line meanwhile.
        } else if let Some(was) = line.held_from {
            let to = if end == HoldStatus::Rejected { LineStatus::Cancelled } else { was };
            let key = format!("decide:{}:{}", hold.id, line.id);
            ledger::move_line(conn, lock, now, actor, line.id, to, why, &key).await?;
        }
    }
    if end == HoldStatus::Rejected {
        tell::hold_rejected(conn, now, mark, why).await?;
    } else {
        tell::released(conn, now, mark, why).await?;
    }
    Ok(true)
}

/// Takes back a final line of a rejected hold by a line of its own: what of it is left when refunds have taken their part of the
/// sale. The hold lists the new line too.
async fn take_back(
    conn: &mut PgConnection,
    lock: &mut EnrollmentLock,
    now: DateTime<Utc>,
    actor: &Actor,
    hold: &HoldRow,
    line: &LineRow,
    why: &str,
) -> Result<(), Error> {
    let (enrollment_id, currency) = (hold.enrollment_id, line.amount.currency);
    let left_minor = match line.sale_id {
        Some(sale) => ledger::posted_for_sale(conn, enrollment_id, sale, currency).await?,
        None => line.amount.amount_minor,
    };
    let taken_minor = left_minor.min(line.amount.amount_minor);
    let Some(origin) = lines_view::find(conn, line.id, None).await?.filter(|_| taken_minor > 0) else { return Ok(()) };
    let new = NewLine {
        program_id: origin.program_id,
        affiliate_id: origin.affiliate_id,
        campaign_id: origin.campaign_id,
        rule_version_id: None,
        conversion_id: origin.conversion_id,
        sale_id: line.sale_id,
        kind: LineKind::Clawback,
        amount: Money::new(money::sub(0, taken_minor)?, currency),
        reason: format!("Rejected after a review: {why}"),
        corrects: Some(line.id),
        reversed_item_id: None,
        explanation: json!({ "because": why }),
        cause: hold.id.to_string(),
        idempotency_key: taken_back_key(line.id),
        matures_at: now,
        earned_at: None,
        status: LineStatus::Approved,
        held_from: None,
        posting: Posting::clawback(taken_minor),
    };
    if let Some(added) = ledger::add_line(conn, lock, now, actor, &new).await? {
        holds::add_lines(conn, enrollment_id, hold.id, &[added]).await?;
    }
    Ok(())
}
