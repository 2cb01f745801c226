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
use crate::domain::line::LineStatus;
use crate::domain::program::{HoldReason, HoldStatus};
use crate::store::holds::{self, HoldRow, NewHold};
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
    let lines = ledger::unpaid_lines(&mut tx, enrollment_id).await?;
    if lines.is_empty() {
        return Err(Error::conflict("nothing_to_hold", "There is no unpaid commission to stop."));
    }
    for line in &lines {
        let key = format!("hold:{id}:{}", line.id);
        ledger::move_line(&mut tx, &mut lock, now, actor, line.id, LineStatus::OnHold, reason, &key).await?;
    }
    let placed_by = actor.audit_name();
    let kind = HoldReason::Manual;
    let hold = NewHold { id, enrollment_id, reason_kind: kind, reason, evidence: json!({}), placed_by: &placed_by };
    let lines: Vec<_> = lines.iter().map(|line| line.id).collect();
    holds::insert(&mut tx, now, &hold, &lines).await?;
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
    if !holds::decide(&mut tx, &hold, decision, now, &actor.audit_name(), reason).await? {
        return Err(Error::conflict("already_decided", "This hold was decided before."));
    }
    for line_id in holds::lines_to_decide(&mut tx, &hold, decision).await? {
        let line = ledger::line(&mut tx, hold.enrollment_id, line_id).await?;
        // A refund or another hold may have cancelled the line meanwhile.
        let Some(was) = line.held_from else { continue };
        let to = if decision == HoldStatus::Approved { was } else { LineStatus::Cancelled };
        let key = format!("decide:{id}:{line_id}");
        ledger::move_line(&mut tx, &mut lock, now, actor, line_id, to, reason, &key).await?;
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
