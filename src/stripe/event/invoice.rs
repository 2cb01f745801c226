//! A paid invoice, and the link between an invoice and one of its payments.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::Value;

use super::lines::{self, Listed};
use super::parts::{self, Discount, Metadata, Reference, id_of, or_default};
use super::{Description, Unreadable};
use crate::domain::sale::{Payment, SaleEvidence, SaleKind, SaleState, SaleStatus};

#[derive(Debug, Deserialize)]
struct Invoice {
    id: String,
    #[serde(default)]
    number: Option<String>,
    amount_paid: i64,
    #[serde(default)]
    amount_due: Option<i64>,
    total: i64,
    #[serde(default)]
    total_excluding_tax: Option<i64>,
    #[serde(default, deserialize_with = "or_default")]
    total_taxes: Vec<Part>,
    #[serde(default, deserialize_with = "or_default")]
    total_tax_amounts: Vec<Part>,
    #[serde(default)]
    tax: Option<i64>,
    #[serde(default, deserialize_with = "or_default")]
    total_discount_amounts: Vec<Part>,
    #[serde(default)]
    shipping_cost: Option<Shipping>,
    #[serde(default)]
    currency: Option<String>,
    #[serde(default)]
    billing_reason: Option<String>,
    #[serde(default)]
    customer: Option<Reference>,
    #[serde(default)]
    customer_email: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    metadata: Metadata,
    #[serde(default)]
    status_transitions: Option<Transitions>,
    #[serde(default)]
    paid_out_of_band: Option<bool>,
    #[serde(default, deserialize_with = "or_default")]
    discounts: Vec<Discount>,
    #[serde(default, deserialize_with = "or_default")]
    lines: Listed,
    #[serde(default)]
    payments: Option<List<InvoicePayment>>,
    #[serde(default)]
    parent: Option<Parent>,
    // Until 2025-03-31:
    #[serde(default)]
    discount: Option<Discount>,
    #[serde(default)]
    charge: Option<Reference>,
    #[serde(default)]
    payment_intent: Option<Reference>,
    #[serde(default)]
    subscription: Option<Reference>,
    #[serde(default)]
    subscription_details: Option<SubscriptionDetails>,
}

#[derive(Debug, Deserialize)]
struct Part {
    amount: i64,
}

#[derive(Debug, Deserialize)]
struct Shipping {
    #[serde(default)]
    amount_subtotal: Option<i64>,
}

#[derive(Debug, Deserialize)]
struct Transitions {
    #[serde(default)]
    paid_at: Option<i64>,
}

#[derive(Debug, Deserialize)]
struct Parent {
    #[serde(default)]
    subscription_details: Option<SubscriptionDetails>,
}

#[derive(Debug, Deserialize)]
struct SubscriptionDetails {
    #[serde(default)]
    subscription: Option<Reference>,
    #[serde(default, deserialize_with = "or_default")]
    metadata: Metadata,
}

#[derive(Debug, Deserialize)]
struct List<T> {
    data: Vec<T>,
}

#[derive(Debug, Deserialize)]
struct InvoicePayment {
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    invoice: Option<Reference>,
    #[serde(default)]
    payment: Option<Paid>,
}

#[derive(Debug, Deserialize)]
struct Paid {
    #[serde(default, rename = "type")]
    kind: Option<String>,
    #[serde(default)]
    payment_intent: Option<Reference>,
    #[serde(default)]
    charge: Option<Reference>,
}

impl Paid {
    fn aliases(&self) -> impl Iterator<Item = String> {
        id_of(&self.payment_intent).into_iter().chain(id_of(&self.charge))
    }
}

/// Reads a paid invoice: a sale.
pub(super) fn read(object: Value, at: DateTime<Utc>) -> Result<Option<Description>, Unreadable> {
    let invoice: Invoice = serde_json::from_value(object)?;
    let details = invoice
        .parent
        .as_ref()
        .and_then(|parent| parent.subscription_details.as_ref())
        .or(invoice.subscription_details.as_ref());
    let subscription =
        details.and_then(|details| id_of(&details.subscription)).or_else(|| id_of(&invoice.subscription));
    let went_through = |one: &&InvoicePayment| one.status.as_deref().is_none_or(|status| status == "paid");
    let listed = || invoice.payments.iter().flat_map(|list| &list.data).filter(went_through);
    let payments = || listed().filter_map(|one| one.payment.as_ref());

    let mut aliases = vec![invoice.id.clone()];
    aliases.extend(id_of(&invoice.payment_intent));
    aliases.extend(id_of(&invoice.charge));
    aliases.extend(payments().flat_map(Paid::aliases));
    let creates = invoice.billing_reason.as_deref() == Some("subscription_create");
    aliases.extend(subscription.clone().filter(|_| creates));

    let records = payments().filter(|paid| paid.kind.as_deref() == Some("payment_record")).count();
    // One that Stripe collected a part of is Stripe's; newer versions that list no payments show it by collecting nothing.
    let recorded = records > 0 && records == payments().count();
    let unexplained = invoice.paid_out_of_band.is_none() && invoice.amount_paid == 0 && invoice.amount_due > Some(0);
    let out_of_band = invoice.paid_out_of_band == Some(true) || recorded || unexplained;
    let mut state = SaleState::told_of(SaleKind::Invoice, SaleStatus::Paid);
    state.payment = Some(payment(&invoice, out_of_band, at)?);
    state.customer = id_of(&invoice.customer);
    state.email = parts::email([&invoice.customer_email, &None]);
    state.evidence = evidence(&invoice, details);
    let number = invoice.number.as_deref().map(str::trim).filter(|number| !number.is_empty());
    state.evidence.invoice_numbers.extend(number.map(str::to_uppercase));
    state.lines = lines::listed(&invoice.id, invoice.lines)?;
    state.subscription = subscription;
    state.billing_reason = invoice.billing_reason;
    Ok(Some(Description { aliases, state, card: None, charge: None }))
}

/// What counts is the total without tax, bounded by what was paid; so the rest of what was paid is tax. What was paid beyond
/// the total becomes the customer's credit, and pays a later invoice.
fn payment(invoice: &Invoice, out_of_band: bool, at: DateTime<Utc>) -> Result<Payment, Unreadable> {
    let overflow = || Unreadable("an amount of the invoice is too large".to_owned());
    let sum =
        |parts: &[Part]| parts.iter().try_fold(0i64, |sum, part| sum.checked_add(part.amount)).ok_or_else(overflow);
    let collected = match invoice.amount_paid {
        0 if out_of_band => invoice.amount_due.unwrap_or(invoice.total),
        amount_paid => amount_paid,
    };
    let paid_minor = collected.clamp(0, invoice.total.max(0));
    let excluding_tax = match invoice.total_excluding_tax {
        Some(amount) => amount,
        None => {
            let taxes = [sum(&invoice.total_taxes)?, sum(&invoice.total_tax_amounts)?, invoice.tax.unwrap_or(0)];
            let tax = taxes.into_iter().max().unwrap_or(0);
            invoice.total.checked_sub(tax).ok_or_else(overflow)?
        }
    };
    let counted = excluding_tax.clamp(0, paid_minor);
    let shipping = invoice.shipping_cost.as_ref().and_then(|cost| cost.amount_subtotal).unwrap_or(0);
    let paid_at = invoice.status_transitions.as_ref().and_then(|times| times.paid_at);
    Ok(Payment {
        currency: parts::currency(invoice.currency.as_deref())?,
        paid_minor,
        tax_minor: paid_minor.checked_sub(counted).ok_or_else(overflow)?,
        shipping_minor: shipping.clamp(0, counted),
        discount_minor: sum(&invoice.total_discount_amounts)?.max(0),
        paid_at: paid_at.and_then(|seconds| DateTime::from_timestamp(seconds, 0)).unwrap_or(at),
        out_of_band,
    })
}

fn evidence(invoice: &Invoice, details: Option<&SubscriptionDetails>) -> SaleEvidence {
    let mut evidence = SaleEvidence::default();
    parts::add_metadata(&mut evidence, &invoice.metadata);
    if let Some(details) = details {
        parts::add_metadata(&mut evidence, &details.metadata);
    }
    let expanded = [&invoice.customer, &invoice.subscription, &invoice.payment_intent];
    for metadata in expanded.into_iter().flatten().filter_map(Reference::metadata) {
        parts::add_metadata(&mut evidence, metadata);
    }
    for discount in invoice.discounts.iter().chain(&invoice.discount) {
        parts::add_discount(&mut evidence, discount);
    }
    evidence
}

/// Reads which payment belongs to which invoice, and nothing else.
pub(super) fn read_link(object: Value) -> Result<Option<Description>, Unreadable> {
    let link: InvoicePayment = serde_json::from_value(object)?;
    let Some(invoice) = id_of(&link.invoice) else {
        return Err(Unreadable("`invoice` of an invoice payment is missing".to_owned()));
    };
    let mut aliases = vec![invoice];
    aliases.extend(link.payment.iter().flat_map(Paid::aliases));
    Ok(Some(Description {
        aliases,
        state: SaleState::told_of(SaleKind::Invoice, SaleStatus::Waiting),
        card: None,
        charge: None,
    }))
}
