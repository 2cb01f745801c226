//! Reads Stripe's events: only the fields that Purser needs, in the shapes of old and new API versions alike. It decides
//! nothing and keeps nothing; `pipeline` does. A type that nobody needs is no error, a shape that can't be read is.

mod checkout;
mod dispute;
mod invoice;
pub mod lines;
mod parts;
mod payment;
mod refund;
#[cfg(test)]
mod tests;

use chrono::{DateTime, Datelike, Utc};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::domain::given_back::{Charge, Dispute, Refund};
use crate::domain::reversal::BankPayoutStatus;
use crate::domain::sale::SaleState;

pub use refund::ChargeRefunded;

/// An event could not be read; says where and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unreadable(pub String);

impl From<serde_json::Error> for Unreadable {
    fn from(error: serde_json::Error) -> Self {
        Unreadable(error.to_string())
    }
}

/// What surrounds the object that an event is about.
#[derive(Debug, Clone, Deserialize)]
pub struct Envelope<O = Value> {
    pub id: String,
    #[serde(rename = "type")]
    pub event_type: String,
    /// Unix seconds.
    #[serde(default)]
    pub created: Option<i64>,
    /// The connected account that the event happened on; none for the company's own.
    #[serde(default)]
    pub account: Option<String>,
    #[serde(default)]
    pub api_version: Option<String>,
    #[serde(default)]
    pub livemode: bool,
    pub data: Data<O>,
}

/// The object as it was after the event.
#[derive(Debug, Clone, Deserialize)]
pub struct Data<O = Value> {
    pub object: O,
}

/// An event whose object nobody has looked into: all that it takes to keep one.
pub type Sealed = Envelope<Box<RawValue>>;

/// The body of an event as PostgreSQL can keep it: text there has no NUL, neither as a byte nor, where JSON is looked into,
/// as an escape. Nothing that Purser reads depends on one.
pub fn storable(body: &str) -> String {
    body.replace('\0', "\u{fffd}").replace("\\u0000", "\\ufffd")
}

impl<O: DeserializeOwned> Envelope<O> {
    /// Reads the body of a webhook.
    ///
    /// # Errors
    /// [`Unreadable`] when it isn't JSON or lacks what every event has.
    pub fn read(body: &str) -> Result<Self, Unreadable> {
        let envelope: Self = serde_json::from_str(body)?;
        if envelope.id.is_empty() || envelope.id.len() > 255 || envelope.event_type.is_empty() {
            return Err(Unreadable("the event's `id` or `type` is empty or too long".to_owned()));
        }
        Ok(envelope)
    }

    /// When Stripe made the event.
    pub fn created_at(&self) -> Option<DateTime<Utc>> {
        let at = self.created.and_then(|seconds| DateTime::from_timestamp(seconds, 0));
        // A time that no event can have would be none that PostgreSQL can keep.
        at.filter(|at| (1970..10_000).contains(&at.year()))
    }
}

impl Sealed {
    /// The id of the object that the event is about.
    pub fn object_id(&self) -> Option<String> {
        #[derive(Deserialize)]
        struct Named {
            id: String,
        }
        serde_json::from_str(self.data.object.get()).ok().map(|Named { id }| id)
    }
}

/// What an event says of a sale, with the ids under which the sale is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// `cs_…`, `in_…`, `pi_…`, `ch_…`, and `sub_…` for the first invoice of a subscription.
    pub aliases: Vec<String>,
    pub state: SaleState,
    /// Stripe's fingerprint of the card that paid, which only a charge tells.
    pub card: Option<String>,
    /// What the charge collected, when the event is about one.
    pub charge: Option<Charge>,
}

/// What an event is to Purser.
#[derive(Debug, Clone, PartialEq)]
pub enum Fact {
    Sale(Box<Description>),
    Refund(Box<Refund>),
    ChargeRefunded(Box<ChargeRefunded>),
    Dispute(Box<Dispute>),
    AccountUpdated(Value),
    /// Of the connected account: what it pays to its bank.
    BankPayout {
        account: String,
        status: BankPayoutStatus,
        payout: Value,
    },
    TransferCreated(Value),
    TransferReversed(Value),
    /// Of no use.
    Other,
}

/// What [`read`] has a use for: the events that an endpoint of the company's own account must send.
pub const ACCOUNT_TYPES: [&str; 20] = [
    "checkout.session.completed",
    "checkout.session.async_payment_succeeded",
    "checkout.session.async_payment_failed",
    "invoice.paid",
    "invoice_payment.paid",
    "payment_intent.succeeded",
    "charge.succeeded",
    "charge.captured",
    "charge.refunded",
    "refund.created",
    "refund.updated",
    "refund.failed",
    "charge.refund.updated",
    "charge.dispute.created",
    "charge.dispute.updated",
    "charge.dispute.closed",
    "charge.dispute.funds_withdrawn",
    "charge.dispute.funds_reinstated",
    "transfer.created",
    "transfer.reversed",
];

/// And those that an endpoint for connected accounts must send.
pub const CONNECT_TYPES: [&str; 3] = ["account.updated", "payout.paid", "payout.failed"];

/// The company's own bank payouts are none of ours.
fn bank_payout(account: Option<String>, status: BankPayoutStatus, payout: Value) -> Fact {
    account.map_or(Fact::Other, |account| Fact::BankPayout { account, status, payout })
}

/// Reads what the event says. `now` dates what the event itself leaves undated, and starts the time that a bare payment
/// waits for a description.
///
/// # Errors
/// [`Unreadable`] when the event is of a known type and its object can't be read.
pub fn read(envelope: Envelope, now: DateTime<Utc>) -> Result<Fact, Unreadable> {
    let at = envelope.created_at().unwrap_or(now);
    let livemode = envelope.livemode;
    let of_connected_account = envelope.account.is_some();
    let object = envelope.data.object;
    let description = match envelope.event_type.as_str() {
        "account.updated" => return Ok(Fact::AccountUpdated(object)),
        "payout.paid" => return Ok(bank_payout(envelope.account, BankPayoutStatus::Paid, object)),
        "payout.failed" => return Ok(bank_payout(envelope.account, BankPayoutStatus::Failed, object)),
        // What is sold on a connected account is the affiliate's own business.
        _ if of_connected_account => return Ok(Fact::Other),
        "transfer.created" => return Ok(Fact::TransferCreated(object)),
        "transfer.reversed" => return Ok(Fact::TransferReversed(object)),
        "refund.created" | "refund.updated" | "refund.failed" | "charge.refund.updated" => {
            let refund = refund::read(object, at)?;
            return Ok(refund.map_or(Fact::Other, |refund| Fact::Refund(Box::new(refund))));
        }
        "charge.refunded" => return Ok(Fact::ChargeRefunded(Box::new(refund::read_charge(object, at)?))),
        kind @ ("charge.dispute.created"
        | "charge.dispute.updated"
        | "charge.dispute.closed"
        | "charge.dispute.funds_withdrawn"
        | "charge.dispute.funds_reinstated") => {
            let dispute = dispute::read(object, at, kind)?;
            return Ok(dispute.map_or(Fact::Other, |dispute| Fact::Dispute(Box::new(dispute))));
        }
        // A delayed payment that failed says no more of the sale than that it is still not paid.
        "checkout.session.completed"
        | "checkout.session.async_payment_succeeded"
        | "checkout.session.async_payment_failed" => checkout::read(object, at)?,
        "invoice.paid" => invoice::read(object, at)?,
        "invoice_payment.paid" => invoice::read_link(object)?,
        "payment_intent.succeeded" => payment::read_intent(object, at, now)?,
        "charge.succeeded" | "charge.captured" => payment::read_charge(object, at, now)?,
        _ => None,
    };
    Ok(description.map_or(Fact::Other, |mut description| {
        description.state.livemode = livemode;
        description.state = description.state.settled();
        Fact::Sale(Box::new(description))
    }))
}
