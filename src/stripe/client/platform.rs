//! What Purser asks about the company's own account: its available balance, its past events, its promotion codes.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::{CallError, Client, Nothing, path_id};
use crate::domain::money::Money;

pub(super) const PAGE: u32 = 100;

#[derive(miniserde::Deserialize)]
struct Balance {
    available: Vec<BalancePart>,
}

#[derive(miniserde::Deserialize)]
struct BalancePart {
    amount: i64,
    currency: String,
}

/// A promotion code and the coupon behind it, as far as they name an affiliate's code.
#[derive(Debug, Clone, PartialEq, Eq, miniserde::Deserialize)]
pub struct PromotionCode {
    pub id: String,
    /// What the customer types.
    pub code: String,
}

/// Past events, newest first, each as Stripe would have delivered it.
#[derive(Debug, Clone, PartialEq)]
pub struct EventPage {
    pub data: Vec<serde_json::Value>,
    /// Ask again with the last event's id when true.
    pub has_more: bool,
}

#[derive(Serialize)]
struct EventQuery<'a> {
    created: Since,
    limit: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    starting_after: Option<&'a str>,
}

#[derive(Serialize)]
struct Since {
    gte: i64,
}

#[derive(miniserde::Deserialize)]
pub(super) struct RawList {
    data: Vec<miniserde::json::Value>,
    pub has_more: bool,
}

impl RawList {
    /// The objects as they came.
    pub fn values(&self) -> Result<Vec<serde_json::Value>, CallError> {
        let unreadable =
            |_| CallError::Unknown { http_status: Some(200), message: "Stripe's answer could not be read.".to_owned() };
        let data = self.data.iter().map(|object| serde_json::from_str(&miniserde::json::to_string(object)));
        data.collect::<Result<_, _>>().map_err(unreadable)
    }
}

impl Client {
    /// The platform's available balance, by currency. Currencies that Purser doesn't know are left out.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn available_balance(&self) -> Result<Vec<Money>, CallError> {
        let balance: Balance = self.get("/balance", &Nothing {}).await?;
        let known =
            balance.available.into_iter().filter_map(|part| Some(Money::new(part.amount, part.currency.parse().ok()?)));
        Ok(known.collect())
    }

    /// A page of the events since `since`, after the event `starting_after`. Stripe keeps 30 days of them.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn events_since(
        &self,
        since: DateTime<Utc>,
        starting_after: Option<&str>,
    ) -> Result<EventPage, CallError> {
        let query = EventQuery { created: Since { gte: since.timestamp() }, limit: PAGE, starting_after };
        let list: RawList = self.get("/events", &query).await?;
        Ok(EventPage { data: list.values()?, has_more: list.has_more })
    }

    /// # Errors
    /// See [`CallError`].
    pub async fn promotion_code(&self, id: &str) -> Result<PromotionCode, CallError> {
        self.get(&format!("/promotion_codes/{}", path_id(id)?), &Nothing {}).await
    }
}
