//! The checkout session as an object: open when it is made, complete when the purchase has been played.

use serde_json::{Value, json};

use super::super::list;
use super::super::state::{State, lay_onto, table};
use super::billing::Item;
use super::order::Mode;
use super::pricing::Parts;
use crate::domain::money::split;

const LIVES_FOR_S: i64 = 24 * 3600;

/// What a session is made with.
pub(in crate::sandbox) struct Terms<'a> {
    pub at: i64,
    pub mode: Mode,
    pub currency: &'a str,
    pub client_reference_id: Option<&'a str>,
    pub customer_email: Option<&'a str>,
    pub metadata: Value,
}

pub(in crate::sandbox) fn customer_details(email: &str) -> Value {
    json!({
        "address": null,
        "business_name": null,
        "email": email,
        "individual_name": null,
        "name": null,
        "phone": null,
        "tax_exempt": "none",
        "tax_ids": [],
    })
}

/// A new open session, stored.
pub(in crate::sandbox) fn make(state: &mut State, terms: &Terms<'_>) -> Value {
    let id = format!("cs_test_a1{}", state.token(56));
    let mut session = json!({
        "id": id,
        "object": "checkout.session",
        "adaptive_pricing": null,
        "after_expiration": null,
        "allow_promotion_codes": null,
        "amount_subtotal": null,
        "amount_total": null,
        "automatic_tax": { "enabled": false, "liability": null, "provider": null, "status": null },
        "billing_address_collection": null,
        "cancel_url": null,
        "client_reference_id": terms.client_reference_id,
        "client_secret": null,
        "collected_information": null,
        "consent": null,
        "consent_collection": null,
        "created": terms.at,
        "currency": terms.currency,
        "currency_conversion": null,
        "custom_fields": [],
        "custom_text": {
            "after_submit": null, "shipping_address": null, "submit": null, "terms_of_service_acceptance": null
        },
        "customer": null,
        "customer_account": null,
        "customer_creation": if terms.mode == Mode::Payment { json!("always") } else { Value::Null },
        "customer_details": null,
        "customer_email": terms.customer_email,
        "discounts": [],
        "expires_at": terms.at + LIVES_FOR_S,
        "invoice": null,
        "invoice_creation": if terms.mode == Mode::Payment { invoice_creation(false) } else { Value::Null },
        "livemode": false,
        "locale": null,
    });
    let rest = json!({
        "metadata": terms.metadata,
        "mode": terms.mode,
        "origin_context": null,
        "payment_intent": null,
        "payment_link": null,
        "payment_method_collection": if terms.mode == Mode::Payment { "if_required" } else { "always" },
        "payment_method_configuration_details": null,
        "payment_method_options": {},
        "payment_method_types": ["card"],
        "payment_status": "unpaid",
        "permissions": null,
        "phone_number_collection": { "enabled": false },
        "recovered_from": null,
        "saved_payment_method_options": null,
        "setup_intent": null,
        "shipping_address_collection": null,
        "shipping_cost": null,
        "shipping_options": [],
        "status": "open",
        "submit_type": null,
        "subscription": null,
        "success_url": null,
        "total_details": null,
        "ui_mode": "hosted_page",
        "url": null,
        "wallet_options": null,
    });
    lay_onto(&mut session, rest);
    state.put(table::SESSIONS, &id, session.clone());
    session
}

/// The session's answer to whether the payment gets an invoice of its own.
pub(in crate::sandbox) fn invoice_creation(enabled: bool) -> Value {
    json!({
        "enabled": enabled,
        "invoice_data": {
            "account_tax_ids": null,
            "custom_fields": null,
            "description": null,
            "footer": null,
            "issuer": null,
            "metadata": {},
            "rendering_options": null,
        },
    })
}

/// Keeps the session's lines, for `line_items` and for the hosted page.
pub(in crate::sandbox) fn save_lines(state: &mut State, session: &str, items: &[Item], parts: Parts, currency: &str) {
    let amounts: Vec<i64> = items.iter().map(Item::amount).collect();
    let portions = split(parts.discount, &amounts).into_iter().zip(split(parts.tax, &amounts));
    let lines: Vec<Value> = items
        .iter()
        .zip(portions)
        .map(|(item, (discount, tax))| {
            json!({
                "id": state.id("li"),
                "object": "item",
                "adjustable_quantity": null,
                "amount_discount": discount,
                "amount_subtotal": item.amount(),
                "amount_tax": tax,
                "amount_total": item.amount() - discount + tax,
                "currency": currency,
                "description": item.name,
                "metadata": {},
                "price": state.get(table::PRICES, &item.price),
                "quantity": item.quantity,
            })
        })
        .collect();
    let list = list::whole(&format!("/v1/checkout/sessions/{session}/line_items"), lines);
    let mut kept = state.get(table::PLANS, session).cloned().unwrap_or_else(|| json!({}));
    kept["line_items"] = list;
    state.put(table::PLANS, session, kept);
}
