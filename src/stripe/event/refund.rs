//! Refunds, told by events of their own or by the charge that they are of. Old API versions send the charge's refunds with
//! it, new ones only the running sum.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::Value;

use super::Unreadable;
use super::parts::{self, Reference, id_of, time};
use super::payment;
use crate::domain::given_back::{Charge, PaymentRef, Refund, RefundStatus};

/// A charge as it was after something of it was refunded, with the refunds that came with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChargeRefunded {
    pub charge: Charge,
    pub refunds: Vec<Refund>,
}

#[derive(Debug, Deserialize)]
struct RawRefund {
    id: String,
    amount: i64,
    #[serde(default)]
    currency: Option<String>,
    #[serde(default)]
    charge: Option<Reference>,
    #[serde(default)]
    payment_intent: Option<Reference>,
    // Missing in the oldest versions, where every refund had succeeded.
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    reason: Option<String>,
    #[serde(default)]
    failure_reason: Option<String>,
    #[serde(default)]
    created: Option<i64>,
}

#[derive(Debug, Deserialize)]
struct RefundsOfCharge {
    // Until 2022-11-15.
    #[serde(default)]
    refunds: Option<List>,
}

#[derive(Debug, Deserialize)]
struct List {
    #[serde(default)]
    data: Vec<Value>,
}

/// Reads a refund; none when it is of no payment, such as of a customer's balance.
pub(super) fn read(object: Value, at: DateTime<Utc>) -> Result<Option<Refund>, Unreadable> {
    let raw: RawRefund = serde_json::from_value(object)?;
    let payment = PaymentRef { charge: id_of(&raw.charge), payment_intent: id_of(&raw.payment_intent) };
    if payment == PaymentRef::default() {
        return Ok(None);
    }
    let status = match raw.status.as_deref() {
        Some(status) => status.parse().map_err(|unknown| Unreadable(format!("`status`: {unknown}")))?,
        None => RefundStatus::Succeeded,
    };
    Ok(Some(Refund {
        id: raw.id,
        payment,
        currency: parts::currency(raw.currency.as_deref())?,
        amount_minor: parts::amount(raw.amount, "amount")?,
        status,
        reason: raw.reason,
        failure_reason: raw.failure_reason,
        made_at: time(raw.created).unwrap_or(at),
        failed_at: (!status.counts()).then_some(at),
        told_at: at,
    }))
}

/// Reads a charge of which something was refunded.
pub(super) fn read_charge(object: Value, at: DateTime<Utc>) -> Result<ChargeRefunded, Unreadable> {
    let charge = payment::charge_told(&object, at)?;
    let named: RefundsOfCharge = serde_json::from_value(object)?;
    let mut refunds = Vec::new();
    for mut refund in named.refunds.map(|list| list.data).unwrap_or_default() {
        if refund.get("charge").is_none_or(Value::is_null) {
            refund["charge"] = Value::String(charge.id.clone());
        }
        if refund.get("currency").is_none_or(Value::is_null) {
            refund["currency"] = Value::String(charge.currency.to_string());
        }
        refunds.extend(read(refund, at)?.map(|refund| with_intent(refund, &charge)));
    }
    let sum_minor = charge.refunded.map_or(0, |(sum_minor, _)| sum_minor);
    Ok(ChargeRefunded { charge: Charge { refunded: Some((sum_minor, at)), ..charge }, refunds })
}

fn with_intent(mut refund: Refund, charge: &Charge) -> Refund {
    refund.payment.payment_intent = refund.payment.payment_intent.or_else(|| charge.payment_intent.clone());
    refund
}
