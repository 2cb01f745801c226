//! Finalization of a commission period, once it is over: what was earned in it, or is left of periods before it, and is
//! payable is locked, so that later refunds become lines of their own. What is still pending or on hold stays out, is named
//! in the record, and goes with a later period. One transaction under the enrollments' locks, taken in id order as drafts
//! take them; payouts are drafted from what it locked, and may be long after.

use chrono::{DateTime, Utc};
use serde_json::json;
use sqlx::{PgConnection, PgPool};

use super::Error;
use super::approve::Refusal;
use super::retry::retrying;
use crate::domain::actor::Actor;
use crate::domain::ids::ProgramId;
use crate::domain::line::LineStatus;
use crate::domain::money::{self, Money, MoneyError};
use crate::domain::payout::Cutoff;
use crate::domain::period::Period;
use crate::domain::schedule::{RunOutcome, RunTask};
use crate::store::periods::{self, Finalized, StatusTotal};
use crate::store::runs::{self, Finish};
use crate::store::{audit, ledger};

/// Enrollments whose lines are locked by one statement.
const PAGE: usize = 500;

/// Finalizes a period of the program. When that was done before, or a later period was finalized, that record is the answer
/// and nothing changes.
///
/// # Errors
/// [`Refusal::Conflict`] with `period_not_over`; [`Refusal::Stage`], and the failure is on record then.
pub async fn finalize(
    pool: &PgPool,
    now: DateTime<Utc>,
    actor: &Actor,
    program_id: ProgramId,
    period: Period,
) -> Result<Finalized, Refusal> {
    if !period.has_ended(now) {
        let until = period.ends_at().format("%-d %B %Y");
        let message = format!("{} is not over: it can be finalized from {until} on, UTC.", period.label());
        return Err(Refusal::conflict("period_not_over", message));
    }
    let done = retrying(|| async {
        let mut tx = pool.begin().await?;
        let finalized = finalize_in(&mut tx, now, actor, program_id, (period, None)).await?;
        tx.commit().await?;
        Ok::<_, Error>(finalized)
    })
    .await;
    if let Err(error) = &done {
        let mut conn = pool.acquire().await?;
        let (task, by, why) = (RunTask::Finalization, actor.audit_name(), error.to_string());
        runs::record_failure(&mut conn, now, task, Some(program_id), &by, &why).await?;
    }
    Ok(done?)
}

/// Finalizes the last period that was over at a slot of the program's schedule, of what had matured by the slot. Returns
/// the period; one that ended before there was the program has nothing to finalize.
pub(super) async fn finalize_at_slot(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    actor: &Actor,
    program_id: ProgramId,
    slot: DateTime<Utc>,
) -> Result<Period, Error> {
    let terms = periods::terms(conn, program_id).await?;
    let terms = terms.ok_or_else(|| Error::Unreadable("there is no such program".to_owned()))?;
    let period = Period::last_ended(terms.kind, slot);
    if terms.since < period.ends_at() {
        finalize_in(conn, now, actor, program_id, (period, Some(slot))).await?;
    }
    Ok(period)
}

/// As [`finalize`], within the caller's transaction, of a period that is over. `matured_by`: only of lines whose hold window
/// was over by then.
pub(super) async fn finalize_in(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    actor: &Actor,
    program_id: ProgramId,
    (period, matured_by): (Period, Option<DateTime<Utc>>),
) -> Result<Finalized, Error> {
    periods::lock_program(conn, program_id).await?;
    if let Some(known) = periods::covering(conn, program_id, period.ends_at()).await? {
        return Ok(known);
    }
    let cutoff = Cutoff { matured_by, earned_before: Some(period.ends_at()), ..Cutoff::default() };
    let mut totals = lock_lines(conn, (now, actor), program_id, period, cutoff).await?;
    totals.extend(periods::open_totals(conn, program_id, period.ends_at()).await?);
    let by = actor.audit_name();
    let finalized = Finalized { period, finalized_at: now, finalized_by: by.clone(), totals };
    periods::insert(conn, program_id, &finalized).await?;
    let (locked, note) = (finalized.lines(LineStatus::Finalized), finalized.note());
    let details = json!({ "period": period, "lines": locked, "amounts": finalized.amounts(LineStatus::Finalized) });
    let object = ("program", program_id.to_string());
    audit::record(conn, now, actor, "commission_period.finalized", object, details).await?;
    let outcome = if locked == 0 { RunOutcome::NothingDue } else { RunOutcome::Done };
    let finish = Finish { outcome, note: &note, batches: &[] };
    runs::record(conn, now, RunTask::Finalization, Some(program_id), &by, &finish).await?;
    Ok(finalized)
}

/// Locks the lines, page by page; what matured is approved first where the program credits by itself.
async fn lock_lines(
    conn: &mut PgConnection,
    (now, actor): (DateTime<Utc>, &Actor),
    program_id: ProgramId,
    period: Period,
    cutoff: Cutoff,
) -> Result<Vec<StatusTotal>, Error> {
    let terms = periods::terms(conn, program_id).await?;
    let credits = terms.is_some_and(|terms| terms.auto_credit);
    let mut totals: Vec<StatusTotal> = Vec::new();
    let candidates = periods::candidates(conn, program_id, now).await?;
    for page in candidates.chunks(PAGE) {
        let mut locks = ledger::lock_enrollments(conn, page).await?;
        if credits {
            ledger::mature_due_lines(conn, &mut locks, now, actor).await?;
        }
        let locked = ledger::finalize_with_period(conn, &locks, (now, actor), program_id, period, cutoff).await?;
        for (lines, amount) in locked {
            add(&mut totals, lines, amount)?;
        }
    }
    Ok(totals)
}

fn add(totals: &mut Vec<StatusTotal>, lines: i64, amount: Money) -> Result<(), MoneyError> {
    let Money { currency, amount_minor } = amount;
    match totals.iter_mut().find(|total| total.currency == currency) {
        Some(total) => {
            total.lines = total.lines.checked_add(lines).ok_or(MoneyError::Overflow)?;
            total.amount_minor = money::add(total.amount_minor, amount_minor)?;
        }
        None => totals.push(StatusTotal { status: LineStatus::Finalized, currency, lines, amount_minor }),
    }
    Ok(())
}
