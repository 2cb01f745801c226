//! Bare payments: payment intents and charges. They tell that money came, not what for; a checkout or an invoice that
//! describes them may come before or after.

use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;
use serde_json::Value;

use super::parts::{self, Metadata, Reference, id_of, or_default};
use super::{Description, Unreadable};
use crate::domain::given_back;
use crate::domain::sale::{Payment, SaleEvidence, SaleKind, SaleState, SaleStatus};

/// How long a bare payment waits for a description.
const WAIT: TimeDelta = TimeDelta::seconds(30);

#[derive(Debug, Deserialize)]
struct Intent {
    id: String,
    amount: i64,
    #[serde(default)]
    amount_received: Option<i64>,
    #[serde(default)]
    currency: Option<String>,
    #[serde(default)]
    customer: Option<Reference>,
    #[serde(default)]
    receipt_email: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    metadata: Metadata,
    #[serde(default)]
    latest_charge: Option<Reference>,
    // Until 2025-03-31:
    #[serde(default)]
    invoice: Option<Reference>,
}

#[derive(Debug, Deserialize)]
struct Charge {
    id: String,
    amount: i64,
    #[serde(default)]
    amount_captured: Option<i64>,
    #[serde(default)]
    amount_refunded: Option<i64>,
    #[serde(default)]
    captured: Option<bool>,
    #[serde(default)]
    currency: Option<String>,
    #[serde(default)]
    customer: Option<Reference>,
    #[serde(default)]
    receipt_email: Option<String>,
    #[serde(default)]
    billing_details: Option<BillingDetails>,
    #[serde(default, deserialize_with = "or_default")]
    metadata: Metadata,
    #[serde(default)]
    payment_intent: Option<Reference>,
    #[serde(default)]
    payment_method_details: Option<PaymentMethodDetails>,
    #[serde(default)]
    created: Option<i64>,
    // Until 2025-03-31:
    #[serde(default)]
    invoice: Option<Reference>,
}

#[derive(Debug, Deserialize)]
struct BillingDetails {
    #[serde(default)]
    email: Option<String>,
}

/// Of how a charge was paid, only what tells one card from another.
#[derive(Debug, Deserialize)]
struct PaymentMethodDetails {
    #[serde(default)]
    card: Option<Card>,
}

#[derive(Debug, Deserialize)]
struct Card {
    #[serde(default)]
    fingerprint: Option<String>,
}

/// Reads a payment intent that succeeded.
pub(super) fn read_intent(
    object: Value,
    at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<Option<Description>, Unreadable> {
    let intent: Intent = serde_json::from_value(object)?;
    let mut aliases = vec![intent.id.clone()];
    aliases.extend(id_of(&intent.latest_charge));
    let paid = Payment {
        currency: parts::currency(intent.currency.as_deref())?,
        paid_minor: intent.amount_received.unwrap_or(intent.amount).max(0),
        tax_minor: 0,
        shipping_minor: 0,
        discount_minor: 0,
        paid_at: at,
        out_of_band: false,
    };
    let mut state = bare(&mut aliases, &intent.invoice, Some(paid), now);
    state.customer = id_of(&intent.customer);
    state.email = parts::email([&intent.receipt_email, &None]);
    state.evidence = evidence(&intent.metadata, &intent.customer);
    Ok(Some(Description { aliases, state, card: None, charge: None }))
}

/// Reads a charge that succeeded. One that is only authorized is told of, and no payment.
pub(super) fn read_charge(
    object: Value,
    at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<Option<Description>, Unreadable> {
    let told = charge_told(&object, at)?;
    let charge: Charge = serde_json::from_value(object)?;
    let mut aliases = vec![charge.id.clone()];
    aliases.extend(id_of(&charge.payment_intent));
    let card = charge.payment_method_details.and_then(|details| details.card).and_then(|card| card.fingerprint);
    let captured = charge.captured.unwrap_or(true);
    let paid_at = charge.created.and_then(|seconds| DateTime::from_timestamp(seconds, 0)).unwrap_or(at);
    let paid = Payment {
        currency: parts::currency(charge.currency.as_deref())?,
        paid_minor: charge.amount_captured.unwrap_or(charge.amount).max(0),
        tax_minor: 0,
        shipping_minor: 0,
        discount_minor: 0,
        paid_at,
        out_of_band: false,
    };
    let mut state = bare(&mut aliases, &charge.invoice, captured.then_some(paid), now);
    state.customer = id_of(&charge.customer);
    let billed = charge.billing_details.as_ref().and_then(|details| details.email.clone());
    state.email = parts::email([&billed, &charge.receipt_email]);
    state.evidence = evidence(&charge.metadata, &charge.customer);
    Ok(Some(Description { aliases, state, card, charge: Some(told) }))
}

/// Reads what a charge collected, and what of it was refunded by then, if anything was.
pub(super) fn charge_told(object: &Value, at: DateTime<Utc>) -> Result<given_back::Charge, Unreadable> {
    let charge = Charge::deserialize(object)?;
    let captured_minor =
        if charge.captured.unwrap_or(true) { charge.amount_captured.unwrap_or(charge.amount) } else { 0 };
    let refunded_minor = parts::amount(charge.amount_refunded.unwrap_or(0), "amount_refunded")?;
    Ok(given_back::Charge {
        payment_intent: id_of(&charge.payment_intent),
        currency: parts::currency(charge.currency.as_deref())?,
        amount_minor: charge.amount.max(0),
        captured_minor: captured_minor.max(0),
        refunded: (refunded_minor > 0).then_some((refunded_minor, at)),
        id: charge.id,
    })
}

/// A payment of an invoice is a link to it and no more; any other waits for a description.
fn bare(
    aliases: &mut Vec<String>,
    invoice: &Option<Reference>,
    paid: Option<Payment>,
    now: DateTime<Utc>,
) -> SaleState {
    if let Some(invoice) = id_of(invoice) {
        aliases.push(invoice);
        return SaleState::told_of(SaleKind::Invoice, SaleStatus::Waiting);
    }
    let Some(paid) = paid else { return SaleState::told_of(SaleKind::Payment, SaleStatus::Waiting) };
    let mut state = SaleState::told_of(SaleKind::Payment, SaleStatus::Provisional);
    state.payment = Some(paid);
    state.settles_at = Some(now + WAIT);
    state
}

fn evidence(metadata: &Metadata, customer: &Option<Reference>) -> SaleEvidence {
    let mut evidence = SaleEvidence::default();
    parts::add_metadata(&mut evidence, metadata);
    if let Some(metadata) = customer.as_ref().and_then(Reference::metadata) {
        parts::add_metadata(&mut evidence, metadata);
    }
    evidence
}
