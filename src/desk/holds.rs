//! Holds: stopping an affiliate's unpaid commissions, and deciding about them. A stopped line is never paid; the decision
//! puts it back to where it was, or cancels it.

use chrono::{DateTime, Utc};
use serde_json::json;
use sqlx::PgConnection;

use super::{Error, Page, PageRequest, Result};
use crate::Engine;
use crate::domain::actor::{Actor, Permission};
use crate::domain::attribution::UnattributedReason;
use crate::domain::fraud::SignKind;
use crate::domain::ids::{EnrollmentId, HoldId};
use crate::domain::program::{HoldReason, HoldStatus};
use crate::pipeline::stops;
use crate::store::holds::{self, HoldRow, NewHold, Reach};
use crate::store::{audit, ledger, sales};

/// Holds, newest first.
///
/// # Errors
/// [`Error::Forbidden`], [`Error::Invalid`].
pub async fn list(
    actor: &Actor,
    engine: &Engine,
    status: Option<HoldStatus>,
    page: &PageRequest,
) -> Result<Page<HoldRow>> {
    actor.require(Permission::Read)?;
    let mut conn = engine.pool.acquire().await?;
    let rows = holds::list(&mut conn, status, page.before::<HoldId>()?, page.fetch()).await?;
    Ok(page.page(rows, |hold| hold.id))
}

/// Stops every unpaid line of the enrollment that is in no payout yet.
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
    let id = HoldId::new(now);
    let mut tx = engine.pool.begin().await?;
    let mut lock = ledger::lock_enrollment(&mut tx, enrollment_id).await?;
    let mut lines = ledger::unpaid_lines(&mut tx, enrollment_id).await?;
    lines.retain(stops::is_stoppable);
    if lines.is_empty() {
        return Err(Error::conflict("nothing_to_hold", "There is no unpaid commission to stop."));
    }
    let (placed_by, reason_kind, reach) = (actor.audit_name(), HoldReason::Manual, Reach::Enrollment);
    let hold = NewHold { id, enrollment_id, reason_kind, reason, evidence: json!({}), placed_by: &placed_by, reach };
    holds::insert(&mut tx, now, &hold).await?;
    stops::stop(&mut tx, &mut lock, now, actor, (id, reason), &lines).await?;
    let details = json!({ "reason": reason, "lines": lines.len() });
    audit::record(&mut tx, now, actor, "hold.placed", ("hold", id.to_string()), details).await?;
    let row = holds::find(&mut tx, id).await?.ok_or(Error::NotFound("hold"))?;
    tx.commit().await?;
    Ok(row)
}

/// Releases the hold: its lines go back to where they were.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Conflict`] with `already_decided`.
pub async fn approve(actor: &Actor, engine: &Engine, now: DateTime<Utc>, id: HoldId, reason: &str) -> Result<HoldRow> {
    decide(actor, engine, now, id, HoldStatus::Approved, reason).await
}

/// Upholds the hold: its lines are cancelled.
///
/// # Errors
/// As [`approve`].
pub async fn reject(actor: &Actor, engine: &Engine, now: DateTime<Utc>, id: HoldId, reason: &str) -> Result<HoldRow> {
    decide(actor, engine, now, id, HoldStatus::Rejected, reason).await
}

async fn decide(
    actor: &Actor,
    engine: &Engine,
    now: DateTime<Utc>,
    id: HoldId,
    decision: HoldStatus,
    reason: &str,
) -> Result<HoldRow> {
    actor.require(Permission::Payouts)?;
    let reason = worded(reason)?;
    let mut tx = engine.pool.begin().await?;
    let hold = holds::find(&mut tx, id).await?.ok_or(Error::NotFound("hold"))?;
    if decision == HoldStatus::Rejected {
        leave_own_purchase(&mut tx, &hold).await?;
    }
    let mut lock = ledger::lock_enrollment(&mut tx, hold.enrollment_id).await?;
    if !stops::close(&mut tx, &mut lock, now, actor, &hold, decision, reason).await? {
        return Err(Error::conflict("already_decided", "This hold was decided before."));
    }
    let action = if decision == HoldStatus::Approved { "hold.approved" } else { "hold.rejected" };
    audit::record(&mut tx, now, actor, action, ("hold", id.to_string()), json!({ "reason": reason })).await?;
    let row = holds::find(&mut tx, id).await?.ok_or(Error::NotFound("hold"))?;
    tx.commit().await?;
    Ok(row)
}

/// A purchase that is upheld as the affiliate's own is nobody's: it waits among the unattributed sales for whoever brought
/// the buyer, if somebody did. The sale's row comes before the enrollment's, as in the pipeline.
async fn leave_own_purchase(conn: &mut PgConnection, hold: &HoldRow) -> Result<()> {
    let own = serde_json::to_value(SignKind::SelfReferral).ok();
    let sale = hold.evidence.get("sale").and_then(|sale| sale.as_str()).and_then(|sale| sale.parse().ok());
    if hold.reason_kind == HoldReason::FraudSign
        && hold.evidence.get("sign") == own.as_ref()
        && let Some(sale) = sale
    {
        sales::set_unattributed(conn, sale, Some(UnattributedReason::SelfReferral)).await?;
    }
    Ok(())
}

fn worded(reason: &str) -> Result<&str> {
    let reason = reason.trim();
    if reason.is_empty() {
        return Err(Error::invalid("reason", "Say why: the affiliate's history keeps it."));
    }
    Ok(reason)
}
