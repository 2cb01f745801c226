//! The admin's home: what needs a look, what the company owes, and what the last weeks earned.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde::Serialize;

use super::{Result, parked};
use crate::Engine;
use crate::domain::actor::{Actor, Permission};
use crate::domain::currency::Currency;
use crate::store::{home_view, runs};

const CHART_DAYS: i64 = 30;

/// How many of each thing wait for a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Attention {
    pub failed_events: i64,
    pub parked_events: i64,
    /// Refunds and disputes that have waited for their sale for more than a day.
    pub waiting_refunds: i64,
    pub unresolved_items: i64,
    /// Failed payouts whose money waits for another try.
    pub failed_items: i64,
    pub paused_batches: i64,
    pub draft_batches: i64,
    /// Approved, and not paid yet.
    pub approved_batches: i64,
    pub open_holds: i64,
    pub open_claims: i64,
    pub unattributed_sales: i64,
    pub failed_mails: i64,
    /// Failed runs that no later run of the same kind made good.
    pub failed_runs: i64,
    /// Failed bank payouts of affiliates that no later one made good.
    pub failed_bank_payouts: i64,
}

/// What all affiliates have together in a currency, minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Totals {
    pub currency: Currency,
    pub pending_minor: i64,
    pub held_minor: i64,
    pub available_minor: i64,
    pub in_transit_minor: i64,
    pub paid_minor: i64,
}

/// What was earned on a day, in one currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Day {
    pub day: NaiveDate,
    pub currency: Currency,
    pub earned_minor: i64,
    pub sales: i64,
}

/// The home page's figures.
#[derive(Debug, Clone, Serialize)]
pub struct Home {
    pub attention: Attention,
    pub affiliates: i64,
    pub totals: Vec<Totals>,
    /// The last 30 days on which something was earned.
    pub days: Vec<Day>,
}

/// # Errors
/// [`Error::Forbidden`](super::Error::Forbidden).
pub async fn overview(engine: &Engine, actor: &Actor, now: DateTime<Utc>) -> Result<Home> {
    actor.require(Permission::Read)?;
    let mut conn = engine.pool.acquire().await?;
    let attention = home_view::attention(&mut conn, now - parked::LONG).await?;
    let failures = runs::standing_failures(&mut conn).await?;
    let totals = home_view::totals(&mut conn).await?;
    let days = home_view::earned_by_day(&mut conn, now - TimeDelta::days(CHART_DAYS)).await?;
    Ok(Home {
        affiliates: attention.affiliates,
        attention: Attention {
            failed_events: attention.failed_events,
            parked_events: attention.parked_events,
            waiting_refunds: attention.waiting_refunds,
            unresolved_items: attention.unresolved_items,
            failed_items: attention.failed_items,
            paused_batches: attention.paused_batches,
            draft_batches: attention.draft_batches,
            approved_batches: attention.approved_batches,
            open_holds: attention.open_holds,
            open_claims: attention.open_claims,
            unattributed_sales: attention.unattributed_sales,
            failed_mails: attention.failed_mails,
            failed_runs: i64::try_from(failures.len()).unwrap_or(i64::MAX),
            failed_bank_payouts: attention.failed_bank_payouts,
        },
        totals: totals
            .into_iter()
            .map(|row| Totals {
                currency: row.currency,
                pending_minor: row.pending,
                held_minor: row.held,
                available_minor: row.payable,
                in_transit_minor: row.in_transit,
                paid_minor: row.paid,
            })
            .collect(),
        days: days
            .into_iter()
            .map(|row| Day { day: row.day, currency: row.currency, earned_minor: row.earned, sales: row.sales })
            .collect(),
    })
}
