//! Adjustments: an amount that an admin adds to what an affiliate is due, or takes off it, with a reason that the affiliate
//! reads. It is a line like every other one: it is paid or netted with the next payout, and never changes afterwards.

use chrono::{DateTime, Utc};
use serde_json::json;

use super::{Error, Result};
use crate::Engine;
use crate::domain::actor::{Actor, Permission};
use crate::domain::ids::{AffiliateId, EnrollmentId, LineId};
use crate::domain::line::{LineKind, LineStatus};
use crate::domain::money::Money;
use crate::domain::posting::{Account, Posting};
use crate::store::ledger::{self, NewLine};
use crate::store::{audit, enrollments};

/// Adds `amount`, which may be negative, to what the enrollment is due at once. The same `key` adjusts once.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::NotFound`] when the affiliate has no such enrollment; [`Error::Invalid`] for an amount of
/// zero or without a reason.
pub async fn add(
    actor: &Actor,
    engine: &Engine,
    now: DateTime<Utc>,
    (affiliate_id, enrollment_id): (AffiliateId, EnrollmentId),
    amount: Money,
    reason: &str,
    key: &str,
) -> Result<Option<LineId>> {
    actor.require(Permission::Payouts)?;
    let reason = reason.trim();
    if amount.amount_minor == 0 {
        return Err(Error::invalid("amount", "An adjustment needs an amount above or below zero."));
    }
    if reason.is_empty() {
        return Err(Error::invalid("reason", "Say why: the affiliate reads it."));
    }
    let mut tx = engine.pool.begin().await?;
    let enrolled = enrollments::of_affiliates(&mut tx, &[affiliate_id.0]).await?;
    let enrolled = enrolled.iter().find(|row| row.id == enrollment_id).ok_or(Error::NotFound("enrollment"))?;
    let line = NewLine {
        program_id: enrolled.program_id,
        affiliate_id,
        campaign_id: None,
        rule_version_id: None,
        conversion_id: None,
        sale_id: None,
        kind: LineKind::Adjustment,
        amount,
        reason: reason.to_owned(),
        corrects: None,
        reversed_item_id: None,
        explanation: json!({}),
        cause: actor.audit_name(),
        idempotency_key: format!("adjust:{key}"),
        matures_at: now,
        status: LineStatus::Approved,
        held_from: None,
        posting: Posting::accrue_into(Account::Payable, amount.amount_minor),
    };
    let mut lock = ledger::lock_enrollment(&mut tx, enrollment_id).await?;
    let added = ledger::add_line(&mut tx, &mut lock, now, actor, &line).await?;
    if let Some(id) = added {
        let details = json!({ "amount": amount.amount_minor, "currency": amount.currency, "reason": reason });
        audit::record(&mut tx, now, actor, "commission.adjusted", ("commission", id.to_string()), details).await?;
    }
    tx.commit().await?;
    Ok(added)
}
