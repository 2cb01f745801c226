//! Refunds and disputes that were told before their sale: what waits, for what, since when. They are applied by themselves in the
//! transaction that makes the sale; one that waits for long belongs to a payment that Purser was never told of.

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Page, PageRequest, Result};
use crate::Engine;
use crate::domain::actor::{Actor, Permission};
use crate::domain::money::Money;
use crate::store::parked::{self, ParkedRow};

/// After so long it is unlikely that the sale still comes by itself.
pub const LONG: TimeDelta = TimeDelta::days(1);

/// An event about money that went back, of a sale that isn't known yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Parked {
    /// Stripe's id, `evt_…`.
    pub event: String,
    #[serde(rename = "type")]
    pub event_type: String,
    /// The refund, dispute or charge.
    pub object_id: Option<String>,
    /// Of the refund or dispute, where it is one.
    pub amount: Option<Money>,
    /// Stripe's names of the payment whose sale it waits for.
    pub waits_for: Vec<String>,
    pub received_at: DateTime<Utc>,
}

/// What waits, the longest waiting first.
///
/// # Errors
/// [`Error::Forbidden`](super::Error::Forbidden).
pub async fn list(engine: &Engine, actor: &Actor, page: &PageRequest) -> Result<Page<Parked>> {
    actor.require(Permission::Read)?;
    let mut conn = engine.pool.acquire().await?;
    let rows = parked::list(&mut conn, page.before_text(), page.fetch()).await?;
    Ok(page.page(rows.into_iter().map(Parked::from).collect(), |parked| parked.event.clone()))
}

impl From<ParkedRow> for Parked {
    fn from(row: ParkedRow) -> Self {
        Parked {
            event: row.event_id,
            event_type: row.event_type,
            object_id: row.object_id,
            amount: row.amount_minor.zip(row.currency).map(|(minor, currency)| Money::new(minor, currency)),
            waits_for: row.names,
            received_at: row.received_at,
        }
    }
}
