//! Disputes of payments: opened, decided, and their money taken and given back.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::Value;

use super::Unreadable;
use super::parts::{self, Reference, id_of, time};
use crate::domain::given_back::{Dispute, DisputeStatus, PaymentRef};

#[derive(Debug, Deserialize)]
struct RawDispute {
    id: String,
    amount: i64,
    #[serde(default)]
    currency: Option<String>,
    #[serde(default)]
    charge: Option<Reference>,
    #[serde(default)]
    payment_intent: Option<Reference>,
    status: String,
    #[serde(default)]
    reason: Option<String>,
    #[serde(default)]
    created: Option<i64>,
}

/// Reads a dispute; `kind` is the event's type, which alone tells when money moved.
pub(super) fn read(object: Value, at: DateTime<Utc>, kind: &str) -> Result<Option<Dispute>, Unreadable> {
    let raw: RawDispute = serde_json::from_value(object)?;
    let payment = PaymentRef { charge: id_of(&raw.charge), payment_intent: id_of(&raw.payment_intent) };
    if payment == PaymentRef::default() {
        return Ok(None);
    }
    let status: DisputeStatus = raw.status.parse().map_err(|unknown| Unreadable(format!("`status`: {unknown}")))?;
    Ok(Some(Dispute {
        id: raw.id,
        payment,
        currency: parts::currency(raw.currency.as_deref())?,
        amount_minor: parts::amount(raw.amount, "amount")?,
        status,
        reason: raw.reason,
        opened_at: time(raw.created).unwrap_or(at),
        closed_at: status.is_over().then_some(at),
        funds_withdrawn_at: (kind == "charge.dispute.funds_withdrawn").then_some(at),
        funds_reinstated_at: (kind == "charge.dispute.funds_reinstated").then_some(at),
        told_at: at,
    }))
}
