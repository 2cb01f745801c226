//! A checkout session: what was bought, by whom, and who sent them.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::Value;

use super::parts::{self, Discount, Metadata, Reference, id_of, or_default};
use super::{Description, Unreadable};
use crate::domain::sale::{Payment, SaleEvidence, SaleKind, SaleState, SaleStatus};

#[derive(Debug, Deserialize)]
struct Session {
    id: String,
    #[serde(default)]
    mode: Option<String>,
    #[serde(default)]
    payment_status: Option<String>,
    #[serde(default)]
    amount_total: Option<i64>,
    #[serde(default)]
    currency: Option<String>,
    #[serde(default)]
    customer: Option<Reference>,
    #[serde(default)]
    customer_email: Option<String>,
    #[serde(default)]
    customer_details: Option<CustomerDetails>,
    #[serde(default)]
    client_reference_id: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    metadata: Metadata,
    #[serde(default)]
    invoice: Option<Reference>,
    #[serde(default)]
    payment_intent: Option<Reference>,
    #[serde(default)]
    subscription: Option<Reference>,
    #[serde(default, deserialize_with = "or_default")]
    total_details: TotalDetails,
    #[serde(default, deserialize_with = "or_default")]
    discounts: Vec<Discount>,
}

#[derive(Debug, Deserialize)]
struct CustomerDetails {
    #[serde(default)]
    email: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
struct TotalDetails {
    #[serde(default)]
    amount_tax: Option<i64>,
    #[serde(default)]
    amount_shipping: Option<i64>,
    #[serde(default)]
    amount_discount: Option<i64>,
    #[serde(default, deserialize_with = "or_default")]
    breakdown: Breakdown,
}

#[derive(Debug, Default, Deserialize)]
struct Breakdown {
    #[serde(default, deserialize_with = "or_default")]
    discounts: Vec<BrokenDown>,
}

#[derive(Debug, Deserialize)]
struct BrokenDown {
    #[serde(default)]
    discount: Option<Discount>,
}

/// Reads a completed session. With an invoice, the invoice is the sale and the session only tells of it; a session that
/// sets up a payment method is none.
pub(super) fn read(object: Value, at: DateTime<Utc>) -> Result<Option<Description>, Unreadable> {
    let session: Session = serde_json::from_value(object)?;
    if session.mode.as_deref() == Some("setup") {
        return Ok(None);
    }
    let subscribes = session.mode.as_deref() == Some("subscription");
    let invoice = id_of(&session.invoice);
    let subscription = id_of(&session.subscription);
    let mut aliases = vec![session.id.clone()];
    aliases.extend(invoice.clone());
    aliases.extend(id_of(&session.payment_intent));
    // Older versions don't name the invoice; its subscription leads to it.
    aliases.extend(subscription.clone().filter(|_| subscribes));

    let mut state = if invoice.is_some() || subscribes {
        SaleState::told_of(SaleKind::Invoice, SaleStatus::Waiting)
    } else {
        one_time(&session, at)?
    };
    state.customer = id_of(&session.customer);
    let told = session.customer_details.as_ref().and_then(|details| details.email.clone());
    state.email = parts::email([&told, &session.customer_email]);
    state.subscription = subscription;
    state.evidence = evidence(&session);
    Ok(Some(Description { aliases, state, card: None, charge: None }))
}

/// A session that is itself the sale: paid, free, or waiting for its money.
fn one_time(session: &Session, at: DateTime<Utc>) -> Result<SaleState, Unreadable> {
    let paid_minor = match session.payment_status.as_deref() {
        Some("paid") => {
            session.amount_total.ok_or_else(|| Unreadable("`amount_total` of a paid session is missing".to_owned()))?
        }
        Some("no_payment_required") => 0,
        _ => return Ok(SaleState::told_of(SaleKind::Checkout, SaleStatus::Waiting)),
    };
    let paid_minor = paid_minor.max(0);
    let details = &session.total_details;
    let bounded = |amount: Option<i64>| amount.unwrap_or(0).clamp(0, paid_minor);
    let mut state = SaleState::told_of(SaleKind::Checkout, SaleStatus::Paid);
    state.payment = Some(Payment {
        currency: parts::currency(session.currency.as_deref())?,
        paid_minor,
        tax_minor: bounded(details.amount_tax),
        shipping_minor: bounded(details.amount_shipping),
        discount_minor: details.amount_discount.unwrap_or(0).max(0),
        paid_at: at,
        out_of_band: false,
    });
    Ok(state)
}

fn evidence(session: &Session) -> SaleEvidence {
    let mut evidence = SaleEvidence::default();
    if let Some(reference) = &session.client_reference_id {
        parts::add_text(&mut evidence.references, reference);
    }
    parts::add_metadata(&mut evidence, &session.metadata);
    let expanded = [&session.customer, &session.subscription, &session.payment_intent, &session.invoice];
    for metadata in expanded.into_iter().flatten().filter_map(Reference::metadata) {
        parts::add_metadata(&mut evidence, metadata);
    }
    let broken_down = session.total_details.breakdown.discounts.iter().filter_map(|part| part.discount.as_ref());
    for discount in session.discounts.iter().chain(broken_down) {
        parts::add_discount(&mut evidence, discount);
    }
    evidence
}
