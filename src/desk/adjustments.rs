//! Bonuses and adjustments: an amount that an admin adds to what an affiliate is due, or takes off it, with a reason that
//! the affiliate reads. It is a line like every other one: it is paid or netted with the next payout, and never changes.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::json;
use sqlx::PgConnection;
use utoipa::ToSchema;

use super::commissions::Commission;
use super::enrollments::in_program;
use super::{Error, Result};
use crate::Engine;
use crate::domain::actor::{Actor, Permission};
use crate::domain::currency::Currency;
use crate::domain::ids::{AffiliateId, LineId, ProgramId};
use crate::domain::line::{LineKind, LineStatus};
use crate::domain::money::Money;
use crate::domain::posting::{Account, Posting};
use crate::pipeline::{stops, tell};
use crate::store::enrollments::EnrollmentRow;
use crate::store::ledger::{self, NewLine};
use crate::store::{audit, enrollments, lines_view};

/// Larger amounts are slips of the finger.
const MOST_MINOR: i64 = 100_000_000_000;
const LONGEST_REASON: usize = 500;

/// A line to be added by hand.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewAdjustment {
    pub affiliate: AffiliateId,
    /// A program's id or slug; the affiliate must be in it.
    pub program: String,
    /// `bonus` or `adjustment`.
    pub kind: LineKind,
    /// Minor units. A bonus is above zero, an adjustment may be below.
    #[serde(rename = "amount")]
    pub amount_minor: i64,
    pub currency: Currency,
    /// The affiliate reads it.
    pub reason: String,
}

/// What is due to an affiliate in a program and currency, before and after a line would be added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effect {
    pub program_name: String,
    pub amount: Money,
    pub before: Money,
    pub after: Money,
}

/// A balance that a line may be added to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adjustable {
    pub program: ProgramId,
    pub program_name: String,
    pub available: Money,
}

/// Adds the amount to what is due at once, and tells the affiliate. The same `key` adds one line in an enrollment, and
/// answers with it again.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::Invalid`] naming the field; [`Error::Conflict`] with `idempotency_key_reused` when the
/// key stands for another line.
pub async fn add(
    actor: &Actor,
    engine: &Engine,
    now: DateTime<Utc>,
    new: &NewAdjustment,
    key: &str,
) -> Result<Commission> {
    actor.require(Permission::Payouts)?;
    let reason = checked(new)?;
    let mut tx = engine.pool.begin().await?;
    let enrolled = in_program(&mut tx, new.affiliate, &new.program).await?;
    let line = line(actor, now, new, &enrolled, reason, key);
    let mut lock = ledger::lock_enrollment(&mut tx, enrolled.id).await?;
    let added = ledger::add_line(&mut tx, &mut lock, now, actor, &line).await?;
    if let Some(id) = added {
        stops::line_added(&mut tx, &mut lock, now, id).await?;
        let told = (id, new.kind, line.amount);
        tell::line_added_by_hand(&mut tx, now, new.affiliate, told, reason).await?;
        let details =
            json!({ "kind": new.kind, "amount": new.amount_minor, "currency": new.currency, "reason": reason });
        audit::record(&mut tx, now, actor, "commission.adjusted", ("commission", id.to_string()), details).await?;
    }
    let id = match added {
        Some(id) => id,
        None => added_before(&mut tx, &enrolled, &line).await?,
    };
    let added = lines_view::find(&mut tx, id, None).await?.ok_or(Error::NotFound("commission"))?;
    tx.commit().await?;
    Ok(added.into())
}

/// What [`add`] would do to the balance. Writes nothing.
///
/// # Errors
/// As [`add`].
pub async fn preview(actor: &Actor, engine: &Engine, new: &NewAdjustment) -> Result<Effect> {
    actor.require(Permission::Payouts)?;
    checked(new)?;
    let mut conn = engine.pool.acquire().await?;
    let enrolled = in_program(&mut conn, new.affiliate, &new.program).await?;
    let balances = ledger::balances(&mut conn, enrolled.id).await?;
    let available = balances.iter().find(|(currency, _)| *currency == new.currency);
    let before = Money::new(available.map_or(0, |(_, balances)| balances.payable_minor), new.currency);
    let amount = Money::new(new.amount_minor, new.currency);
    Ok(Effect { program_name: enrolled.program_name, amount, before, after: before.checked_add(amount)? })
}

/// The balances that can be adjusted: each program's own currency, and every other one that something was earned in.
///
/// # Errors
/// [`Error::Forbidden`].
pub async fn balances(actor: &Actor, engine: &Engine, affiliate: AffiliateId) -> Result<Vec<Adjustable>> {
    actor.require(Permission::Payouts)?;
    let mut conn = engine.pool.acquire().await?;
    let held = enrollments::balances_of_affiliates(&mut conn, &[affiliate.0]).await?;
    let mut all = Vec::new();
    for enrolled in enrollments::of_affiliates(&mut conn, &[affiliate.0]).await? {
        let own = held.iter().filter(|balance| balance.enrollment_id == enrolled.id);
        let mut available: Vec<Money> = own.map(|b| Money::new(b.payable_minor, b.currency)).collect();
        if available.iter().all(|money| money.currency != enrolled.program_currency) {
            available.push(Money::new(0, enrolled.program_currency));
        }
        available.sort_by_key(|money| (money.currency != enrolled.program_currency, money.currency));
        all.extend(available.into_iter().map(|available| Adjustable {
            program: enrolled.program_id,
            program_name: enrolled.program_name.clone(),
            available,
        }));
    }
    Ok(all)
}

/// The reason, trimmed, when all fields are right.
fn checked(new: &NewAdjustment) -> Result<&str> {
    let amount = new.amount_minor;
    match new.kind {
        LineKind::Bonus if amount <= 0 => {
            return Err(Error::invalid("amount", "A bonus is above zero. To take something off, make an adjustment."));
        }
        LineKind::Adjustment if amount == 0 => {
            return Err(Error::invalid("amount", "An adjustment needs an amount above or below zero."));
        }
        LineKind::Bonus | LineKind::Adjustment => {}
        _ => return Err(Error::invalid("kind", "`kind` must be `bonus` or `adjustment`: all others come from sales.")),
    }
    if amount.unsigned_abs() > MOST_MINOR.unsigned_abs() {
        let most = Money::new(MOST_MINOR, new.currency);
        return Err(Error::invalid("amount", format!("At most {most} can be added or taken off at once.")));
    }
    let reason = new.reason.trim();
    if reason.is_empty() || reason.chars().count() > LONGEST_REASON {
        let message = format!("Say why in at most {LONGEST_REASON} characters: the affiliate reads it.");
        return Err(Error::invalid("reason", message));
    }
    Ok(reason)
}

fn line(
    actor: &Actor,
    now: DateTime<Utc>,
    new: &NewAdjustment,
    enrolled: &EnrollmentRow,
    reason: &str,
    key: &str,
) -> NewLine {
    NewLine {
        program_id: enrolled.program_id,
        affiliate_id: new.affiliate,
        campaign_id: None,
        rule_version_id: None,
        conversion_id: None,
        sale_id: None,
        kind: new.kind,
        amount: Money::new(new.amount_minor, new.currency),
        reason: reason.to_owned(),
        corrects: None,
        reversed_item_id: None,
        explanation: json!({}),
        cause: actor.audit_name(),
        idempotency_key: format!("adjust:{key}"),
        matures_at: now,
        earned_at: None,
        status: LineStatus::Approved,
        held_from: None,
        posting: Posting::accrue_into(Account::Payable, new.amount_minor),
    }
}

/// The line that the key added before, if it is the one that is asked for again.
async fn added_before(conn: &mut PgConnection, enrolled: &EnrollmentRow, line: &NewLine) -> Result<LineId> {
    let id =
        ledger::line_of_key(conn, enrolled.id, &line.idempotency_key).await?.ok_or(Error::NotFound("commission"))?;
    let before = lines_view::find(conn, id, None).await?.ok_or(Error::NotFound("commission"))?;
    let same = (before.kind, before.amount_minor, before.currency, before.reason.as_str())
        == (line.kind, line.amount.amount_minor, line.amount.currency, line.reason.as_str());
    if same {
        return Ok(id);
    }
    let message = "This key has added another line. Take a new one.";
    Err(Error::conflict("idempotency_key_reused", message))
}
