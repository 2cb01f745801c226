//! Holds that the pipeline places and ends, and the one way in which every hold stops its lines and lets them go. It decides
//! under the enrollment's lock, in the transaction of the fact behind it, so that a stopped line is in no payout.
//!
//! What was taken back after payment (a clawback, a negative adjustment) is never stopped: it is a debt, and a rejected hold
//! would forgive it.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde_json::json;
use sqlx::PgConnection;

use super::attribute::Intake;
use super::{Error, refund_limits, tell};
use crate::domain::actor::Actor;
use crate::domain::ids::{EnrollmentId, HoldId, LineId, SaleId};
use crate::domain::line::{LineKind, LineStatus};
use crate::domain::money::Money;
use crate::domain::program::{HoldReason, HoldStatus};
use crate::store::conversions;
use crate::store::holds::{self, HoldRow, NewHold, Reach};
use crate::store::ledger::{self, EnrollmentLock, LineRow};

const ACTOR: Actor = Actor::System("holds");

/// A dispute of a payment of the sale is open: the lines that the sale has unpaid stop until it is closed, and those that it
/// gets meanwhile join them. `dispute_id` is Stripe's (`dp_…`), `amount` what the customer disputes.
///
/// One dispute stops an affiliate's lines once: told again it changes nothing, and neither when somebody has decided about its
/// hold meanwhile. When all is paid or in a payout there is nothing to stop. The caller has the sale's row.
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
    lines.retain(is_stoppable);
    let known = holds::of_dispute(conn, dispute_id).await?;
    let id = match known.into_iter().find(|hold| hold.enrollment_id == enrollment_id) {
        Some(hold) if hold.status != HoldStatus::Open => return Ok(()),
        Some(hold) => {
            holds::set_sale(conn, &hold, sale_id).await?;
            hold.id
        }
        None if lines.is_empty() => return Ok(()),
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
    let reaching = holds::stopping(conn, lock.enrollment_id(), line_id).await?;
    if reaching.is_empty() {
        return Ok(());
    }
    let line = ledger::line(conn, lock.enrollment_id(), line_id).await?;
    for hold in reaching.iter().filter(|_| is_stoppable(&line)) {
        let why = if hold.reason_kind == HoldReason::Manual { &hold.reason } else { hold.reason_kind.told() };
        stop(conn, lock, now, &ACTOR, (hold.id, why), std::slice::from_ref(&line)).await?;
    }
    Ok(())
}

/// Whether a hold can stop the line: it is in no payout, and nothing that the affiliate owes.
pub(crate) fn is_stoppable(line: &LineRow) -> bool {
    let owed = line.amount.amount_minor < 0 && line.kind != LineKind::Correction;
    !line.status.is_locked() && !owed
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
    let ids: Vec<LineId> = lines.iter().map(|line| line.id).collect();
    holds::add_lines(conn, lock.enrollment_id(), hold, &ids).await?;
    for line in ids {
        let key = format!("hold:{hold}:{line}");
        ledger::move_line(conn, lock, now, actor, line, LineStatus::OnHold, why, &key).await?;
    }
    Ok(())
}

/// Ends an open hold: rejected, it cancels its lines; otherwise they go back to where they were, but those that another open
/// hold stops. `why` is told to the affiliate. `false`: it had ended before, and nothing was written.
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
    for line_id in holds::lines_to_decide(conn, hold, end).await? {
        let line = ledger::line(conn, hold.enrollment_id, line_id).await?;
        // A refund or another hold may have cancelled the line meanwhile.
        let Some(was) = line.held_from else { continue };
        let to = if end == HoldStatus::Rejected { LineStatus::Cancelled } else { was };
        let key = format!("decide:{}:{line_id}", hold.id);
        ledger::move_line(conn, lock, now, actor, line_id, to, why, &key).await?;
    }
    if end == HoldStatus::Rejected {
        tell::hold_rejected(conn, now, mark, why).await?;
    } else {
        tell::released(conn, now, mark, why).await?;
    }
    Ok(true)
}
