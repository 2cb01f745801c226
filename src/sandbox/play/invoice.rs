//! The invoice as an object: a draft with its lines, discounts and taxes, then finalized, then paid. What is told of it
//! and when is decided by `billing`.

use serde_json::{Value, json};

use super::super::list;
use super::super::state::{Read, State, lay_onto, table};
use super::billing::Item;
use super::pricing::Parts;
use crate::domain::money::split;

/// One line of an invoice to be.
#[derive(Debug, Clone)]
pub(in crate::sandbox) struct Line {
    description: String,
    amount: i64,
    quantity: i64,
    price: String,
    product: String,
    /// Subscription and its item.
    subscription: Option<(String, String)>,
    proration: bool,
    period: (i64, i64),
}

impl Line {
    fn of(item: &Item, amount: i64, description: String, period: (i64, i64)) -> Self {
        Self {
            description,
            amount,
            quantity: item.quantity,
            price: item.price.clone(),
            product: item.product.clone(),
            subscription: None,
            proration: false,
            period,
        }
    }

    /// A trial's line: there, but over nothing.
    pub fn make_free(&mut self) {
        self.amount = 0;
    }

    pub fn once(item: &Item, at: i64) -> Self {
        Self::of(item, item.amount(), item.name.clone(), (at, at))
    }

    pub fn period(item: &Item, subscription: &str, start: i64, end: i64) -> Self {
        let description = format!("{} × {}", item.quantity, item.name);
        let subscription = Some((subscription.to_owned(), item.id.clone()));
        Self { subscription, ..Self::of(item, item.amount(), description, (start, end)) }
    }

    pub fn proration(item: &Item, subscription: &str, amount: i64, period: (i64, i64), what: &str) -> Self {
        let subscription = Some((subscription.to_owned(), item.id.clone()));
        let description = format!("{what} {}", item.name);
        Self { subscription, proration: true, ..Self::of(item, amount, description, period) }
    }
}

/// An invoice to be.
#[derive(Debug, Clone)]
pub(in crate::sandbox) struct Draft {
    pub customer: Value,
    pub email: Value,
    pub currency: String,
    pub reason: &'static str,
    pub lines: Vec<Line>,
    pub parts: Parts,
    /// The discount object behind `parts.discount`.
    pub discount: Option<String>,
    /// The subscription billed, with its metadata.
    pub subscription: Option<(String, Value)>,
    pub metadata: Value,
    pub period: (i64, i64),
}

fn taxes(amount: i64, taxable: i64) -> Value {
    if amount == 0 {
        return json!([]);
    }
    json!([{
        "amount": amount,
        "tax_behavior": "exclusive",
        "tax_rate_details": { "tax_rate": "txr_1SandboxStandardRate00" },
        "taxability_reason": "standard_rated",
        "taxable_amount": taxable,
        "type": "tax_rate_details",
    }])
}

fn line_object(id: &str, invoice: &str, draft: &Draft, line: &Line, (discount, tax): (i64, i64)) -> Value {
    let parent = match &line.subscription {
        Some((subscription, item)) => json!({
            "invoice_item_details": null,
            "subscription_item_details": {
                "invoice_item": null,
                "proration": line.proration,
                "proration_details": { "credited_items": null },
                "subscription": subscription,
                "subscription_item": item,
            },
            "type": "subscription_item_details",
        }),
        None => json!({
            "invoice_item_details": {
                "invoice_item": format!("ii_{}", &id[3..]),
                "proration": false,
                "proration_details": { "credited_items": null },
                "subscription": null,
            },
            "subscription_item_details": null,
            "type": "invoice_item_details",
        }),
    };
    let discounts: Vec<Value> = draft
        .discount
        .iter()
        .filter(|_| discount > 0)
        .map(|id| json!({ "amount": discount, "discount": id }))
        .collect();
    let unit = if line.quantity == 0 { 0 } else { line.amount / line.quantity };
    json!({
        "id": id,
        "object": "line_item",
        "amount": line.amount,
        "currency": draft.currency,
        "description": line.description,
        "discount_amounts": discounts,
        "discountable": !line.proration,
        "discounts": [],
        "invoice": invoice,
        "livemode": false,
        "metadata": draft.subscription.as_ref().map_or(json!({}), |(_, metadata)| metadata.clone()),
        "parent": parent,
        "period": { "end": line.period.1, "start": line.period.0 },
        "pretax_credit_amounts": [],
        "pricing": {
            "price_details": { "price": line.price, "product": line.product },
            "type": "price_details",
            "unit_amount_decimal": unit.to_string(),
        },
        "quantity": line.quantity,
        "quantity_decimal": line.quantity.to_string(),
        "subtotal": line.amount,
        "taxes": taxes(tax, line.amount - discount),
    })
}

/// Stores a draft invoice; returns its id.
pub(in crate::sandbox) fn make(state: &mut State, at: i64, draft: &Draft) -> String {
    let id = state.id("in");
    let amounts: Vec<i64> = draft.lines.iter().map(|line| line.amount).collect();
    let discounts = split(draft.parts.discount, &amounts);
    let taxes_of = split(draft.parts.tax, &amounts);
    let each = draft.lines.iter().zip(discounts.into_iter().zip(taxes_of));
    let lines: Vec<Value> =
        each.map(|(line, portions)| line_object(&state.id("il"), &id, draft, line, portions)).collect();
    let mut invoice = header(state, at, &id, draft);
    invoice["lines"] = list::written_out(&format!("/v1/invoices/{id}/lines"), lines.clone());
    if invoice["lines"]["has_more"] == json!(true) {
        state.put(table::PLANS, &all_lines(&id), json!(lines));
    }
    amounts_onto(&mut invoice, draft);
    state.put(table::INVOICES, &id, invoice);
    id
}

/// Where the lines of an invoice are kept that has more of them than are written into it.
fn all_lines(invoice: &str) -> String {
    format!("{invoice}/lines")
}

/// Every line of an invoice.
pub(in crate::sandbox) fn lines_of(state: &State, invoice: &str) -> Vec<Value> {
    let written_out = || Some(&state.get(table::INVOICES, invoice)?["lines"]["data"]);
    let lines = state.get(table::PLANS, &all_lines(invoice)).or_else(written_out);
    lines.and_then(Value::as_array).cloned().unwrap_or_default()
}

fn header(state: &State, at: i64, id: &str, draft: &Draft) -> Value {
    let customer = state.get(table::CUSTOMERS, draft.customer.as_str().unwrap_or(""));
    let parent = draft.subscription.as_ref().map(|(subscription, metadata)| {
        json!({
            "quote_details": null,
            "subscription_details": { "metadata": metadata, "subscription": subscription },
            "type": "subscription_details",
        })
    });
    let mut invoice = json!({
        "id": id,
        "object": "invoice",
        "account_country": "US",
        "account_name": "Sandbox shop",
        "account_tax_ids": null,
        "application": null,
        "attempt_count": 0,
        "attempted": false,
        "auto_advance": true,
        "automatic_tax": { "disabled_reason": null, "enabled": false, "liability": null, "provider": null, "status": null },
        "automatically_finalizes_at": null,
        "billing_reason": draft.reason,
        "collection_method": "charge_automatically",
        "created": at,
        "currency": draft.currency,
        "custom_fields": null,
        "customer": draft.customer,
        "customer_account": null,
        "customer_address": null,
        "customer_email": draft.email,
        "customer_name": customer.map(|row| row["name"].clone()),
        "customer_phone": null,
        "customer_shipping": null,
        "customer_tax_exempt": "none",
        "customer_tax_ids": [],
        "default_payment_method": null,
        "default_source": null,
        "default_tax_rates": [],
        "description": null,
        "discounts": draft.discount.iter().collect::<Vec<_>>(),
        "due_date": null,
        "effective_at": null,
        "ending_balance": null,
        "footer": null,
        "from_invoice": null,
        "hosted_invoice_url": null,
        "invoice_pdf": null,
        "issuer": { "type": "self" },
        "last_finalization_error": null,
        "latest_revision": null,
        "livemode": false,
    });
    lay_onto(&mut invoice, later_fields(draft, parent));
    invoice
}

/// The second half of the header's fields.
fn later_fields(draft: &Draft, parent: Option<Value>) -> Value {
    json!({
        "metadata": draft.metadata,
        "next_payment_attempt": null,
        "number": null,
        "on_behalf_of": null,
        "parent": parent,
        "payment_settings": { "default_mandate": null, "payment_method_options": null, "payment_method_types": null },
        "period_end": draft.period.1,
        "period_start": draft.period.0,
        "receipt_number": null,
        "rendering": null,
        "shipping_details": null,
        "starting_balance": 0,
        "statement_descriptor": null,
        "status": "draft",
        "status_transitions": { "finalized_at": null, "marked_uncollectible_at": null, "paid_at": null, "voided_at": null },
        "test_clock": null,
        "webhooks_delivered_at": null,
    })
}

fn amounts_onto(invoice: &mut Value, draft: &Draft) {
    let parts = draft.parts;
    let (total, without_tax) = (parts.total(), parts.total() - parts.tax);
    let discounts: Vec<Value> =
        draft.discount.iter().map(|id| json!({ "amount": parts.discount, "discount": id })).collect();
    let shipping = (parts.shipping > 0).then(|| {
        json!({ "amount_subtotal": parts.shipping, "amount_tax": 0, "amount_total": parts.shipping, "shipping_rate": null })
    });
    let fields = json!({
        "amount_due": total.max(0),
        "amount_overpaid": 0,
        "amount_paid": 0,
        "amount_remaining": total.max(0),
        "amount_shipping": parts.shipping,
        "post_payment_credit_notes_amount": 0,
        "pre_payment_credit_notes_amount": 0,
        "shipping_cost": shipping,
        "subtotal": parts.amount,
        "subtotal_excluding_tax": parts.amount,
        "total": total,
        "total_discount_amounts": discounts,
        "total_excluding_tax": without_tax,
        "total_pretax_credit_amounts": [],
        "total_taxes": taxes(parts.tax, parts.amount - parts.discount),
    });
    lay_onto(invoice, fields);
}

/// Links a payment intent to an invoice of which it will pay `amount`.
pub(in crate::sandbox) fn attach_payment(state: &mut State, at: i64, invoice: &str, intent: &str, amount: i64) {
    let means = json!({ "payment_intent": intent, "type": "payment_intent" });
    let id = add_payment(state, at, invoice, means, amount);
    state.put(table::PLANS, intent, json!({ "payment": id }));
}

/// Writes down that an invoice was paid outside Stripe; what would have paid it is called off.
pub(in crate::sandbox) fn record_payment(state: &mut State, at: i64, invoice: &str) {
    for payment in payments_of(state, invoice) {
        state.change(table::INVOICE_PAYMENTS, payment.text("id"), |row| {
            row["status"] = json!("canceled");
            row["status_transitions"]["canceled_at"] = json!(at);
        });
    }
    let means = json!({ "payment_record": format!("prec_{}", state.token(24)), "type": "payment_record" });
    let due = state.get(table::INVOICES, invoice).map_or(0, |row| row.int("amount_due"));
    let id = add_payment(state, at, invoice, means, due);
    settle_payment(state, at, &id);
}

/// An invoice payment went through.
pub(in crate::sandbox) fn settle_payment(state: &mut State, at: i64, id: &str) {
    state.change(table::INVOICE_PAYMENTS, id, |row| {
        row["amount_paid"] = row["amount_requested"].clone();
        row["status"] = json!("paid");
        row["status_transitions"]["paid_at"] = json!(at);
    });
}

fn add_payment(state: &mut State, at: i64, invoice: &str, means: Value, amount: i64) -> String {
    let id = state.id("inpay");
    let currency = state.get(table::INVOICES, invoice).map_or(Value::Null, |row| row["currency"].clone());
    let mut kept =
        state.get(table::PLANS, invoice).cloned().unwrap_or_else(|| json!({ "payment": id, "payments": [] }));
    let payment = json!({
        "id": id,
        "object": "invoice_payment",
        "amount_paid": null,
        "amount_requested": amount,
        "created": at,
        "currency": currency,
        "invoice": invoice,
        "is_default": kept["payment"] == json!(id),
        "livemode": false,
        "payment": means,
        "status": "open",
        "status_transitions": { "canceled_at": null, "paid_at": null },
    });
    state.put(table::INVOICE_PAYMENTS, &id, payment);
    // They are asked for often, and there are as many payments as renewals.
    if let Some(all) = kept["payments"].as_array_mut() {
        all.push(json!(id));
    }
    state.put(table::PLANS, invoice, kept);
    id
}

/// Every payment of an invoice, the first first.
pub(in crate::sandbox) fn payments_of(state: &State, invoice: &str) -> Vec<Value> {
    let ids = state.get(table::PLANS, invoice).and_then(|kept| kept["payments"].as_array());
    let rows = ids.into_iter().flatten().filter_map(|id| state.get(table::INVOICE_PAYMENTS, id.as_str()?));
    rows.cloned().collect()
}

/// The invoice payment of an invoice or payment intent.
pub(in crate::sandbox) fn payment_of<'a>(state: &'a State, owner: &str) -> Option<&'a Value> {
    state.get(table::INVOICE_PAYMENTS, state.get(table::PLANS, owner)?.text("payment"))
}

/// The payment intent that an invoice is paid by.
pub(in crate::sandbox) fn payment_intent_of(state: &State, invoice: &str) -> Option<String> {
    let row = payment_of(state, invoice)?;
    Some(row["payment"].text("payment_intent").to_owned())
}

/// The subscription whose invoice a payment intent paid.
pub(in crate::sandbox) fn subscription_paid_by(state: &State, intent: &str) -> Option<String> {
    let payment = payment_of(state, intent)?;
    let invoice = state.get(table::INVOICES, payment.text("invoice"))?;
    let subscription = invoice["parent"]["subscription_details"].text("subscription");
    (!subscription.is_empty()).then(|| subscription.to_owned())
}

pub(in crate::sandbox) fn finalize(state: &mut State, at: i64, id: &str) {
    let customer = state.get(table::INVOICES, id).map(|row| row.text("customer").to_owned()).unwrap_or_default();
    let mut number = format!("SANDBOX-{at}");
    state.change(table::CUSTOMERS, &customer, |row| {
        number = format!("{}-{:04}", row.text("invoice_prefix"), row.int("next_invoice_sequence"));
        row["next_invoice_sequence"] = json!(row.int("next_invoice_sequence") + 1);
    });
    state.change(table::INVOICES, id, |row| {
        row["status"] = json!("open");
        row["number"] = json!(number);
        row["effective_at"] = json!(at);
        row["ending_balance"] = json!(0);
        row["status_transitions"]["finalized_at"] = json!(at);
    });
}

/// `paid` is what was collected; an invoice that is paid outside Stripe is paid in full.
pub(in crate::sandbox) fn mark_paid(state: &mut State, at: i64, id: &str, paid: i64) {
    state.change(table::INVOICES, id, |row| {
        row["status"] = json!("paid");
        row["attempted"] = json!(true);
        row["attempt_count"] = json!(row.int("attempt_count") + 1);
        row["auto_advance"] = json!(false);
        row["amount_paid"] = json!(paid.max(row.int("amount_due")));
        row["amount_overpaid"] = json!((paid - row.int("amount_due")).max(0));
        row["amount_remaining"] = json!(0);
        row["status_transitions"]["paid_at"] = json!(at);
    });
}
