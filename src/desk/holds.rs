//! Holds: stopping an affiliate's unpaid commissions, and deciding about them. A stopped line is never paid; the decision
//! puts it back to where it was, or cancels it; one that is final is taken back instead.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde_json::json;
use sqlx::PgConnection;

use super::enrollments::in_program;
use super::{Error, Result};
use crate::Engine;
use crate::domain::actor::{Actor, Permission};
use crate::domain::attribution::UnattributedReason;
use crate::domain::fraud::SignKind;
use crate::domain::hold::Decision;
use crate::domain::ids::{AffiliateId, EnrollmentId, HoldId, LineId};
use crate::domain::program::{HoldReason, HoldStatus};
use crate::pipeline::retry::retrying;
use crate::pipeline::{stops, tell};
use crate::store::holds::{self, HoldRow, NewHold, Reach};
use crate::store::ledger::{self, EnrollmentLock, LineRow};
use crate::store::{audit, conversions, lines_view, sales};

/// Most holds that are decided at once.
pub const MOST_AT_ONCE: usize = 100;

/// In characters.
const LONGEST_REASON: usize = 2_000;

/// Stops every unpaid line of the enrollment that is in no payout, and until somebody decides what it earns and what comes back
/// from a payout that isn't made.
///
/// # Errors
/// [`Error::Invalid`] without a reason; [`Error::Conflict`] with `nothing_to_hold`.
pub async fn place(
    actor: &Actor,
    engine: &Engine,
    now: DateTime<Utc>,
    enrollment_id: EnrollmentId,
    reason: &str,
) -> Result<HoldRow> {
    actor.require(Permission::Payouts)?;
    let reason = worded(reason)?;
    let mut tx = engine.pool.begin().await?;
    let mut lock = ledger::lock_enrollment(&mut tx, enrollment_id).await?;
    let mut lines = ledger::unpaid_lines(&mut tx, enrollment_id).await?;
    if lines.iter().all(stops::is_owed) {
        return Err(Error::conflict("nothing_to_hold", "There is no unpaid commission to stop."));
    }
    lines.retain(stops::is_stoppable);
    let row = put(&mut tx, &mut lock, now, actor, (Reach::Enrollment, reason), &lines).await?;
    tx.commit().await?;
    Ok(row)
}

/// As [`place`], of an affiliate in a program, which is given as its id or slug.
///
/// # Errors
/// As [`place`]; [`Error::Invalid`] naming `affiliate` or `program`.
pub async fn place_on_affiliate(
    actor: &Actor,
    engine: &Engine,
    now: DateTime<Utc>,
    (affiliate, program): (AffiliateId, &str),
    reason: &str,
) -> Result<HoldRow> {
    actor.require(Permission::Payouts)?;
    let mut conn = engine.pool.acquire().await?;
    let enrolled = in_program(&mut conn, affiliate, program).await?;
    drop(conn);
    place(actor, engine, now, enrolled.id, reason).await
}

/// Stops these lines, which are one affiliate's in one program, with all that their sales have unpaid; all of them or none.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Invalid`] naming `lines` or `reason`; [`Error::Conflict`] with `nothing_to_hold` when one of
/// them is in a payout, cancelled, or owed.
pub async fn place_on_lines(
    actor: &Actor,
    engine: &Engine,
    now: DateTime<Utc>,
    lines: &[LineId],
    reason: &str,
) -> Result<HoldRow> {
    actor.require(Permission::Payouts)?;
    let reason = worded(reason)?;
    let mut tx = engine.pool.begin().await?;
    let (mut enrollments, mut sales) = (BTreeSet::new(), BTreeSet::new());
    for line in lines {
        let found = lines_view::find(&mut tx, *line, None).await?.ok_or(Error::NotFound("commission"))?;
        enrollments.insert(found.enrollment_id);
        sales.extend(found.sale_id);
    }
    let one = enrollments.pop_first().filter(|_| enrollments.is_empty() && lines.len() <= MOST_AT_ONCE);
    let enrollment_id = one.ok_or_else(|| {
        let message = format!("Give 1 to {MOST_AT_ONCE} lines of one affiliate in one program.");
        Error::invalid("lines", message)
    })?;
    let mut lock = ledger::lock_enrollment(&mut tx, enrollment_id).await?;
    let mut rows = Vec::with_capacity(lines.len());
    for line in lines.iter().copied().collect::<BTreeSet<LineId>>() {
        let row = ledger::line(&mut tx, enrollment_id, line).await?;
        if !stops::is_stoppable(&row) {
            let message = format!("{line} can't be stopped: it is paid or in a payout, cancelled, or owed.");
            return Err(Error::conflict("nothing_to_hold", message));
        }
        rows.push(row);
    }
    // What a sale earns is one amount, whatever number of lines makes it.
    for sale in sales {
        let beside = ledger::lines_of_sale(&mut tx, enrollment_id, sale).await?;
        rows.extend(beside.into_iter().filter(stops::is_stoppable));
    }
    rows.sort_by_key(|row| row.id);
    rows.dedup_by_key(|row| row.id);
    let row = put(&mut tx, &mut lock, now, actor, (Reach::Lines, reason), &rows).await?;
    tx.commit().await?;
    Ok(row)
}

async fn put(
    conn: &mut PgConnection,
    lock: &mut EnrollmentLock,
    now: DateTime<Utc>,
    actor: &Actor,
    (reach, reason): (Reach<'_>, &str),
    lines: &[LineRow],
) -> Result<HoldRow> {
    let (id, enrollment_id) = (HoldId::new(now), lock.enrollment_id());
    let (placed_by, reason_kind) = (actor.audit_name(), HoldReason::Manual);
    let hold = NewHold { id, enrollment_id, reason_kind, reason, evidence: json!({}), placed_by: &placed_by, reach };
    holds::insert(conn, now, &hold).await?;
    let mark = lock.mark();
    stops::stop(conn, lock, now, actor, (id, reason), lines).await?;
    tell::held(conn, now, mark, reason).await?;
    let details = json!({ "reason": reason, "lines": lines.len() });
    audit::record(conn, now, actor, "hold.placed", ("hold", id.to_string()), details).await?;
    holds::find(conn, id).await?.ok_or(Error::NotFound("hold"))
}

/// Releases the hold: its lines go back to where they were.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Conflict`] with `already_decided`.
pub async fn approve(actor: &Actor, engine: &Engine, now: DateTime<Utc>, id: HoldId, reason: &str) -> Result<HoldRow> {
    decide(actor, engine, now, id, Decision::Approve, reason).await
}

/// Upholds the hold: its lines are cancelled, and what is final is taken back by lines of its own.
///
/// # Errors
/// As [`approve`].
pub async fn reject(actor: &Actor, engine: &Engine, now: DateTime<Utc>, id: HoldId, reason: &str) -> Result<HoldRow> {
    decide(actor, engine, now, id, Decision::Reject, reason).await
}

/// Decides several holds alike, each for itself: one that can't be decided leaves the others alone. Answers in their order,
/// each once.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::Invalid`] naming `holds` or `reason`. What is wrong with one hold is in its outcome.
pub async fn decide_all(
    actor: &Actor,
    engine: &Engine,
    now: DateTime<Utc>,
    ids: &[HoldId],
    decision: Decision,
    reason: &str,
) -> Result<Vec<(HoldId, Result<HoldRow>)>> {
    actor.require(Permission::Payouts)?;
    worded(reason)?;
    if ids.is_empty() || ids.len() > MOST_AT_ONCE {
        return Err(Error::invalid("holds", format!("Choose 1 to {MOST_AT_ONCE} holds.")));
    }
    let mut outcomes: Vec<(HoldId, Result<HoldRow>)> = Vec::with_capacity(ids.len());
    for &id in ids {
        if outcomes.iter().all(|(done, _)| *done != id) {
            outcomes.push((id, decide(actor, engine, now, id, decision, reason).await));
        }
    }
    Ok(outcomes)
}

async fn decide(
    actor: &Actor,
    engine: &Engine,
    now: DateTime<Utc>,
    id: HoldId,
    decision: Decision,
    reason: &str,
) -> Result<HoldRow> {
    actor.require(Permission::Payouts)?;
    let reason = worded(reason)?;
    retrying(|| decide_once(actor, engine, now, id, decision, reason)).await
}

async fn decide_once(
    actor: &Actor,
    engine: &Engine,
    now: DateTime<Utc>,
    id: HoldId,
    decision: Decision,
    reason: &str,
) -> Result<HoldRow> {
    let mut tx = engine.pool.begin().await?;
    let hold = holds::find(&mut tx, id).await?.ok_or(Error::NotFound("hold"))?;
    if decision == Decision::Reject {
        leave_own_purchase(&mut tx, &hold).await?;
    }
    let mut lock = ledger::lock_enrollment(&mut tx, hold.enrollment_id).await?;
    let (end, action) = match decision {
        Decision::Approve => (HoldStatus::Approved, "hold.approved"),
        Decision::Reject => (HoldStatus::Rejected, "hold.rejected"),
    };
    if !stops::close(&mut tx, &mut lock, now, actor, &hold, end, reason).await? {
        return Err(Error::conflict("already_decided", "This hold was decided before."));
    }
    audit::record(&mut tx, now, actor, action, ("hold", id.to_string()), json!({ "reason": reason })).await?;
    let row = holds::find(&mut tx, id).await?.ok_or(Error::NotFound("hold"))?;
    tx.commit().await?;
    Ok(row)
}

/// A purchase that is upheld as the affiliate's own is nobody's: it waits among the unattributed sales for whoever brought
/// the buyer, if somebody did; unless it is another's already. The sale's row comes before the enrollment's, as in the
/// pipeline.
async fn leave_own_purchase(conn: &mut PgConnection, hold: &HoldRow) -> Result<()> {
    let own = serde_json::to_value(SignKind::SelfReferral).ok();
    let sale = hold.evidence.get("sale").and_then(|sale| sale.as_str()).and_then(|sale| sale.parse().ok());
    if hold.reason_kind == HoldReason::FraudSign
        && hold.evidence.get("sign") == own.as_ref()
        && let Some(sale) = sale
    {
        sales::lock(conn, sale).await?;
        let credited = conversions::of_sale(conn, sale).await?;
        if credited.is_some_and(|conversion| EnrollmentId(conversion.enrollment_id) == hold.enrollment_id) {
            sales::set_unattributed(conn, sale, Some(UnattributedReason::SelfReferral)).await?;
        }
    }
    Ok(())
}

fn worded(reason: &str) -> Result<&str> {
    let reason = reason.trim();
    if reason.is_empty() {
        return Err(Error::invalid("reason", "Say why: the affiliate's history keeps it."));
    }
    if reason.chars().count() > LONGEST_REASON {
        return Err(Error::invalid("reason", format!("Say it in at most {LONGEST_REASON} characters.")));
    }
    Ok(reason)
}
