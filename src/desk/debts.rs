//! Balances below zero, as their affiliate reads them: how much, what it came from, and what will be netted against it.

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use super::Result;
use crate::Engine;
use crate::domain::actor::Actor;
use crate::domain::currency::Currency;
use crate::domain::ids::{LineId, ProgramId};
use crate::domain::line::LineKind;
use crate::domain::money;
use crate::store::{enrollments, me_view};

const MOST_LINES: usize = 5;

/// What an affiliate was paid more than they have earned, in one program and currency; minor units.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Debt {
    pub program: ProgramId,
    pub program_name: String,
    pub currency: Currency,
    /// Positive: by how much the available balance is below zero.
    #[serde(rename = "owed")]
    pub owed_minor: i64,
    /// What is pending or held, and is counted against it when it becomes available.
    #[serde(rename = "coming")]
    pub coming_minor: i64,
    /// The newest lines that it came from.
    pub lines: Vec<DebtLine>,
    /// How many more there are.
    pub more: usize,
}

/// Something that was taken back and is in no payout yet; negative.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct DebtLine {
    pub id: LineId,
    pub kind: LineKind,
    #[serde(rename = "amount")]
    pub amount_minor: i64,
    pub reason: String,
    pub created_at: DateTime<Utc>,
}

/// The affiliate's balances that are below zero.
///
/// # Errors
/// [`Error::Forbidden`](super::Error::Forbidden) for everyone who is no affiliate.
pub async fn mine(engine: &Engine, actor: &Actor) -> Result<Vec<Debt>> {
    let affiliate = actor.own_affiliate()?;
    let mut conn = engine.pool.acquire().await?;
    let balances = enrollments::balances_of_affiliates(&mut conn, &[affiliate.0]).await?;
    if balances.iter().all(|balance| balance.payable_minor >= 0) {
        return Ok(Vec::new());
    }
    let enrolled = enrollments::of_affiliates(&mut conn, &[affiliate.0]).await?;
    let owed = me_view::owed_lines(&mut conn, affiliate).await?;
    let mut debts = Vec::new();
    for balance in balances.iter().filter(|balance| balance.payable_minor < 0) {
        let Some(enrollment) = enrolled.iter().find(|row| row.id == balance.enrollment_id) else { continue };
        let of_it = |row: &&me_view::OwedRow| row.enrollment_id == enrollment.id && row.currency == balance.currency;
        let rows: Vec<_> = owed.iter().filter(of_it).collect();
        let line = |row: &&me_view::OwedRow| DebtLine {
            id: row.id,
            kind: row.kind,
            amount_minor: row.amount_minor,
            reason: row.reason.clone(),
            created_at: row.created_at,
        };
        debts.push(Debt {
            program: enrollment.program_id,
            program_name: enrollment.program_name.clone(),
            currency: balance.currency,
            owed_minor: money::sub(0, balance.payable_minor)?,
            coming_minor: money::add(balance.pending_minor, balance.held_minor)?,
            lines: rows.iter().take(MOST_LINES).map(line).collect(),
            more: rows.len().saturating_sub(MOST_LINES),
        });
    }
    Ok(debts)
}
