//! Whether the company's own site and Stripe are joined to Purser: what was last heard from each, and what that says.

use chrono::{DateTime, NaiveTime, TimeDelta, Utc};
use serde::Serialize;

use super::Result;
use crate::Engine;
use crate::domain::actor::{Actor, Permission};
use crate::store::integration_view;

/// Stripe tells of something almost daily, once a company sells.
const QUIET_WEBHOOKS: TimeDelta = TimeDelta::days(1);
const QUIET_CLICKS: TimeDelta = TimeDelta::days(7);

/// How one part of the integration stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    Good,
    NeverSeen,
    /// It was there, and has been silent for suspiciously long.
    Silent,
}

/// The live check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Integration {
    pub last_webhook_at: Option<DateTime<Utc>>,
    pub last_click_at: Option<DateTime<Utc>>,
    /// Paid sales first heard of since midnight, UTC.
    pub sales_today: i64,
    /// Those of them that carried nothing that names an affiliate.
    pub without_code_today: i64,
}

impl Integration {
    pub fn webhooks(&self, now: DateTime<Utc>) -> Standing {
        standing(self.last_webhook_at, now, QUIET_WEBHOOKS)
    }

    pub fn clicks(&self, now: DateTime<Utc>) -> Standing {
        standing(self.last_click_at, now, QUIET_CLICKS)
    }

    /// None on a day without sales. Customers who come by themselves are no fault, but when there is nobody else, the code is
    /// probably lost on the way.
    pub fn codes(&self) -> Option<Standing> {
        match (self.sales_today, self.without_code_today) {
            (0, _) => None,
            (sales, without) if without == sales => Some(Standing::Silent),
            _ => Some(Standing::Good),
        }
    }
}

/// # Errors
/// [`Error::Forbidden`](super::Error::Forbidden).
pub async fn check(engine: &Engine, actor: &Actor, now: DateTime<Utc>) -> Result<Integration> {
    actor.require(Permission::Read)?;
    let mut conn = engine.pool.acquire().await?;
    let midnight = now.date_naive().and_time(NaiveTime::MIN).and_utc();
    let sales = integration_view::sales_since(&mut conn, midnight).await?;
    Ok(Integration {
        last_webhook_at: integration_view::last_webhook(&mut conn).await?,
        last_click_at: integration_view::last_click(&mut conn).await?,
        sales_today: sales.sales,
        without_code_today: sales.without_code,
    })
}

fn standing(last: Option<DateTime<Utc>>, now: DateTime<Utc>, quiet: TimeDelta) -> Standing {
    match last {
        None => Standing::NeverSeen,
        Some(at) if now - at > quiet => Standing::Silent,
        Some(_) => Standing::Good,
    }
}
