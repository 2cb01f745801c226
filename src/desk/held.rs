//! Process held commissions: what a person approves in programs that don't credit by themselves, shown before it is done and
//! told after it, by program and currency.

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Result, runs};
use crate::Engine;
use crate::domain::actor::{Actor, Permission};
use crate::domain::currency::Currency;
use crate::domain::ids::ProgramId;
use crate::domain::money::Money;
use crate::domain::payout;
use crate::domain::schedule::RunTask;
use crate::pipeline::mature::{self, Matured, Share};
use crate::store::held_view::{self, WaitingRow};

/// Commission lines and their sum, in minor units.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Counted {
    pub lines: i64,
    #[serde(rename = "amount")]
    pub amount_minor: i64,
}

/// A program's commissions in one currency; amounts in its minor units.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct HeldProgram {
    pub program: ProgramId,
    pub currency: Currency,
    /// What is approved, or would be: lines whose hold window is over.
    pub approved: Counted,
    /// Whose lines they are.
    pub affiliates: i64,
    /// What remains pending until its hold window is over.
    pub pending: Counted,
    /// When the first and the last of the pending lines' windows are over.
    pub next_matures_at: Option<DateTime<Utc>>,
    pub last_matures_at: Option<DateTime<Utc>>,
    /// What waits for somebody's decision on a hold.
    pub on_hold: Counted,
}

/// What is approved, or would be, and what remains.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Held {
    /// Nothing was changed.
    pub preview: bool,
    /// Lines.
    pub approved: usize,
    pub amounts: Vec<Money>,
    pub programs: Vec<HeldProgram>,
}

/// What [`process`] would do now, of one program or of all.
///
/// # Errors
/// [`Error::Forbidden`](super::Error::Forbidden).
pub async fn preview(
    actor: &Actor,
    engine: &Engine,
    now: DateTime<Utc>,
    program_id: Option<ProgramId>,
) -> Result<Held> {
    actor.require(Permission::Read)?;
    let mut conn = engine.pool.acquire().await?;
    let rows = held_view::waiting(&mut conn, now, program_id).await?;
    let mut would = Matured::default();
    for row in rows.iter().filter(|row| row.due_lines > 0) {
        let amount = Money::new(row.due_minor, row.currency);
        would.approved += usize::try_from(row.due_lines).unwrap_or(usize::MAX);
        payout::gather(&mut would.amounts, amount)?;
        would.shares.push(Share {
            program_id: row.program_id,
            lines: row.due_lines,
            affiliates: row.due_affiliates,
            amount,
        });
    }
    Ok(held(true, would, &rows))
}

/// Approves every matured pending line, of one program or of all, and leaves a record of the run.
///
/// # Errors
/// [`Error::Forbidden`](super::Error::Forbidden). What failed is on record too.
pub async fn process(
    actor: &Actor,
    engine: &Engine,
    now: DateTime<Utc>,
    program_id: Option<ProgramId>,
) -> Result<Held> {
    actor.require(Permission::Payouts)?;
    let matured = mature::process_held(&engine.pool, now, actor, program_id).await;
    let mut conn = engine.pool.acquire().await?;
    let matured = match matured {
        Ok(matured) => matured,
        Err(error) => {
            runs::record_failure(&mut conn, now, (RunTask::Maturity, program_id), actor, &error).await?;
            return Err(error.into());
        }
    };
    runs::record_matured(&mut conn, now, program_id, actor, &matured).await?;
    let rows = held_view::waiting(&mut conn, now, program_id).await?;
    Ok(held(false, matured, &rows))
}

/// What was approved beside what waits; a program is listed for either.
fn held(preview: bool, matured: Matured, rows: &[WaitingRow]) -> Held {
    let mut programs: Vec<HeldProgram> = rows.iter().map(HeldProgram::from).collect();
    for share in &matured.shares {
        let (program, currency) = (share.program_id, share.amount.currency);
        let found = programs.iter().position(|row| (row.program, row.currency) == (program, currency));
        let at = found.unwrap_or_else(|| {
            programs.push(HeldProgram::empty(program, currency));
            programs.len() - 1
        });
        if let Some(row) = programs.get_mut(at) {
            row.approved = Counted { lines: share.lines, amount_minor: share.amount.amount_minor };
            row.affiliates = share.affiliates;
        }
    }
    Held { preview, approved: matured.approved, amounts: matured.amounts, programs }
}

impl HeldProgram {
    fn empty(program: ProgramId, currency: Currency) -> Self {
        let none = Counted::default();
        Self {
            program,
            currency,
            approved: none,
            affiliates: 0,
            pending: none,
            next_matures_at: None,
            last_matures_at: None,
            on_hold: none,
        }
    }
}

impl From<&WaitingRow> for HeldProgram {
    fn from(row: &WaitingRow) -> Self {
        Self {
            pending: Counted { lines: row.pending_lines, amount_minor: row.pending_minor },
            next_matures_at: row.next_matures_at,
            last_matures_at: row.last_matures_at,
            on_hold: Counted { lines: row.held_lines, amount_minor: row.held_minor },
            ..Self::empty(row.program_id, row.currency)
        }
    }
}
