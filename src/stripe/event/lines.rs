//! Lines of invoices and items of checkouts: what was bought, at which price, with which discount and tax. Read from events and
//! from what Stripe answers when it is asked for the rest of a list.

use serde::Deserialize;
use serde_json::Value;

use super::Unreadable;
use super::parts::{Reference, id_of, or_default};
use crate::domain::sale_line::{SaleLine, SaleLines};

/// A list within an object: its first ten at most.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Listed {
    #[serde(default)]
    data: Vec<Value>,
    #[serde(default)]
    has_more: bool,
}

#[derive(Debug, Deserialize)]
struct InvoiceLine {
    #[serde(default)]
    id: Option<String>,
    amount: i64,
    #[serde(default)]
    description: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    discount_amounts: Vec<Part>,
    #[serde(default, deserialize_with = "or_default")]
    taxes: Vec<Part>,
    #[serde(default)]
    pricing: Option<Pricing>,
    #[serde(default)]
    parent: Option<Parent>,
    // Until 2025-03-31:
    #[serde(default, deserialize_with = "or_default")]
    tax_amounts: Vec<Part>,
    #[serde(default)]
    price: Option<Price>,
    #[serde(default)]
    plan: Option<Price>,
    #[serde(default)]
    proration: Option<bool>,
}

/// A discount or a tax. A tax says in either of two ways whether it is a part of the amount.
#[derive(Debug, Deserialize)]
struct Part {
    amount: i64,
    #[serde(default)]
    inclusive: Option<bool>,
    #[serde(default)]
    tax_behavior: Option<String>,
}

impl Part {
    fn is_in_the_amount(&self) -> bool {
        self.inclusive == Some(true) || self.tax_behavior.as_deref() == Some("inclusive")
    }
}

#[derive(Debug, Deserialize)]
struct Pricing {
    #[serde(default)]
    price_details: Option<PriceDetails>,
}

#[derive(Debug, Deserialize)]
struct PriceDetails {
    #[serde(default)]
    price: Option<Reference>,
    #[serde(default)]
    product: Option<Reference>,
}

#[derive(Debug, Deserialize)]
struct Parent {
    #[serde(default)]
    subscription_item_details: Option<Item>,
    #[serde(default)]
    invoice_item_details: Option<Item>,
}

#[derive(Debug, Deserialize)]
struct Item {
    #[serde(default)]
    proration: Option<bool>,
}

/// A price or a plan, by id or written out with its product.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Price {
    Id(String),
    Object {
        id: String,
        #[serde(default)]
        product: Option<Reference>,
    },
}

impl Price {
    fn ids(self) -> (Option<String>, Option<String>) {
        match self {
            Price::Id(id) => (Some(id), None),
            Price::Object { id, product } => (Some(id), id_of(&product)),
        }
    }
}

#[derive(Debug, Deserialize)]
struct CheckoutItem {
    #[serde(default)]
    id: Option<String>,
    amount_total: i64,
    #[serde(default)]
    amount_subtotal: Option<i64>,
    #[serde(default)]
    amount_discount: Option<i64>,
    #[serde(default)]
    amount_tax: Option<i64>,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    price: Option<Price>,
}

fn sum<'a>(parts: impl Iterator<Item = &'a Part>) -> Result<i64, Unreadable> {
    parts.map(|part| part.amount).try_fold(0i64, i64::checked_add).ok_or_else(too_large)
}

fn too_large() -> Unreadable {
    Unreadable("an amount of a line is too large".to_owned())
}

fn invoice_line(line: InvoiceLine) -> Result<(Option<String>, SaleLine), Unreadable> {
    let taxes = || line.taxes.iter().chain(&line.tax_amounts);
    let discount_minor = sum(line.discount_amounts.iter())?;
    let on_top = sum(taxes().filter(|tax| !tax.is_in_the_amount()))?;
    let total = line.amount.checked_sub(discount_minor).and_then(|rest| rest.checked_add(on_top));
    let parent = line.parent.as_ref();
    let details = parent
        .and_then(|parent| parent.subscription_item_details.as_ref().or(parent.invoice_item_details.as_ref()))
        .and_then(|item| item.proration);
    let tax_minor = sum(taxes())?;
    let (price, product) = match (line.pricing.and_then(|pricing| pricing.price_details), line.price.or(line.plan)) {
        (Some(details), _) => (id_of(&details.price), id_of(&details.product)),
        (None, Some(price)) => price.ids(),
        (None, None) => (None, None),
    };
    let sold = SaleLine {
        product,
        price,
        description: line.description,
        amount_minor: line.amount,
        discount_minor,
        tax_minor,
        total_minor: total.ok_or_else(too_large)?,
        proration: details.or(line.proration).unwrap_or(false),
    };
    Ok((line.id, sold))
}

fn checkout_item(item: CheckoutItem) -> (Option<String>, SaleLine) {
    let (price, product) = item.price.map_or((None, None), Price::ids);
    let sold = SaleLine {
        product,
        price,
        description: item.description,
        amount_minor: item.amount_subtotal.unwrap_or(item.amount_total),
        discount_minor: item.amount_discount.unwrap_or(0),
        tax_minor: item.amount_tax.unwrap_or(0),
        total_minor: item.amount_total,
        proration: false,
    };
    (item.id, sold)
}

/// The lines of an object; none when nothing was listed, which says no more than that nobody told.
fn lines(
    of: &str,
    data: Vec<Value>,
    complete: bool,
    read: impl Fn(Value) -> Result<(Option<String>, SaleLine), Unreadable>,
) -> Result<Option<SaleLines>, Unreadable> {
    let mut all = SaleLines { of: of.to_owned(), complete, lines: Default::default() };
    for (place, value) in data.into_iter().enumerate() {
        let (id, line) = read(value)?;
        all.lines.insert(id.unwrap_or_else(|| format!("line_{place:04}")), line);
    }
    Ok((!all.lines.is_empty()).then_some(all))
}

/// The lines that an invoice itself lists.
pub(super) fn listed(invoice: &str, list: Listed) -> Result<Option<SaleLines>, Unreadable> {
    let complete = !list.has_more;
    lines(invoice, list.data, complete, |line| invoice_line(serde_json::from_value(line)?))
}

/// All lines of an invoice, as Stripe lists them when it is asked.
///
/// # Errors
/// [`Unreadable`] when one of them can't be read.
pub fn of_invoice(invoice: &str, data: Vec<Value>) -> Result<Option<SaleLines>, Unreadable> {
    lines(invoice, data, true, |line| invoice_line(serde_json::from_value(line)?))
}

/// All items of a checkout session, as Stripe lists them when it is asked.
///
/// # Errors
/// [`Unreadable`] when one of them can't be read.
pub fn of_checkout(session: &str, data: Vec<Value>) -> Result<Option<SaleLines>, Unreadable> {
    lines(session, data, true, |item| Ok(checkout_item(serde_json::from_value(item)?)))
}
