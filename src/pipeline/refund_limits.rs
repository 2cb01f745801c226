//! Stops an affiliate's unpaid commissions when more of their sales was refunded than the program allows, in the transaction
//! that takes the refund in. Somebody then decides; a refund that was known at a decision is weighed with it and doesn't count
//! again, so that only refunds that come afterwards can raise another hold. A refund that fails doesn't release by itself.

use chrono::{DateTime, Utc};
use serde_json::json;
use sqlx::PgConnection;

use super::attribute::Intake;
use super::{Error, stops, tell};
use crate::domain::actor::Actor;
use crate::domain::ids::{EnrollmentId, HoldId, SaleId};
use crate::domain::program::HoldReason;
use crate::domain::refund_limits::{Exceeded, Figures, Refund, WINDOW};
use crate::store::holds::{self, HoldRow, NewHold, Reach};
use crate::store::ledger::{self, EnrollmentLock};
use crate::store::{conversions, refund_limits};

const ACTOR: Actor = Actor::System("refund_limits");

/// Measures the affiliate whose sale it is, after a refund of it was taken in. The caller has the sale's row, and its lines are
/// at their target.
///
/// # Errors
/// See [`Error`].
pub(super) async fn check(conn: &mut PgConnection, intake: &Intake<'_>, sale_id: SaleId) -> Result<(), Error> {
    let Some(conversion) = conversions::of_sale(conn, sale_id).await? else { return Ok(()) };
    let enrollment_id = EnrollmentId(conversion.enrollment_id);
    let limits = refund_limits::limits(conn, enrollment_id).await?;
    if limits.rate.is_none() && limits.amount.is_none() {
        return Ok(());
    }
    // Two refunds that are taken in at once are measured one after the other.
    let mut lock = ledger::lock_enrollment(conn, enrollment_id).await?;
    if refund_limits::open_hold(conn, enrollment_id).await?.is_some() {
        return Ok(());
    }
    let (refunds, figures) = now(conn, enrollment_id, intake.now).await?;
    for figures in figures {
        if let Some(exceeded) = figures.exceeds(&limits)? {
            return place(conn, &mut lock, intake.now, (&figures, exceeded), &refunds).await;
        }
    }
    Ok(())
}

/// The refunds of the last 30 days that nobody has weighed yet, and their figures.
///
/// # Errors
/// See [`Error`].
pub(crate) async fn now(
    conn: &mut PgConnection,
    enrollment_id: EnrollmentId,
    now: DateTime<Utc>,
) -> Result<(Vec<Refund>, Vec<Figures>), Error> {
    let after = now.checked_sub_signed(WINDOW).ok_or_else(|| Error::Unreadable("a time before all".to_owned()))?;
    let refunds = refund_limits::refunds(conn, enrollment_id, after).await?;
    let paid = refund_limits::paid(conn, enrollment_id, after).await?;
    let figures = Figures::of(&refunds, &paid)?;
    Ok((refunds, figures))
}

async fn place(
    conn: &mut PgConnection,
    lock: &mut EnrollmentLock,
    now: DateTime<Utc>,
    (figures, exceeded): (&Figures, Exceeded),
    refunds: &[Refund],
) -> Result<(), Error> {
    let enrollment_id = lock.enrollment_id();
    let mut lines = ledger::unpaid_lines(conn, enrollment_id).await?;
    lines.retain(stops::is_stoppable);
    let (id, mark) = (HoldId::new(now), lock.mark());
    let limit = match exceeded {
        Exceeded::Rate(rate) => json!({ "rate": rate.normalize().to_string() }),
        Exceeded::Amount(amount) => json!({ "amount": amount }),
    };
    let (reason, placed_by) = (figures.reason(exceeded), ACTOR.audit_name());
    let hold = NewHold {
        id,
        enrollment_id,
        reason_kind: HoldReason::RefundThreshold,
        reason: &reason,
        evidence: json!({ "figures": figures, "limit": limit, "days": WINDOW.num_days() }),
        placed_by: &placed_by,
        reach: Reach::Enrollment,
    };
    holds::insert(conn, now, &hold).await?;
    refund_limits::weigh(conn, enrollment_id, id, refunds).await?;
    let why = HoldReason::RefundThreshold.told();
    stops::stop(conn, lock, now, &ACTOR, (id, why), &lines).await?;
    tell::held(conn, now, mark, why).await
}

/// Keeps what whoever ends the hold has seen: all refunds that are known by now.
///
/// # Errors
/// See [`Error`].
pub(super) async fn weigh(conn: &mut PgConnection, hold: &HoldRow, at: DateTime<Utc>) -> Result<(), Error> {
    let (refunds, _) = now(conn, hold.enrollment_id, at).await?;
    Ok(refund_limits::weigh(conn, hold.enrollment_id, hold.id, &refunds).await?)
}
