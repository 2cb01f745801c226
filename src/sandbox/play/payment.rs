//! A card payment: payment intent, charge, and the events between them.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::super::state::{Read, State, lay_onto, table};
use super::Teller;

/// What a customer pays, before it has a payment intent.
#[derive(Debug, Clone)]
pub(in crate::sandbox) struct Bill {
    pub amount: i64,
    pub currency: String,
    pub customer: Value,
    pub email: Value,
    pub description: Value,
    pub metadata: Value,
}

/// Makes the payment intent and tells of it.
pub(in crate::sandbox) fn intend(state: &mut State, teller: &mut Teller, bill: &Bill) -> String {
    let id = state.id("pi");
    let secret = format!("{id}_secret_{}", state.token(24));
    let intent = json!({
        "id": id,
        "object": "payment_intent",
        "amount": bill.amount,
        "amount_capturable": 0,
        "amount_details": { "tip": {} },
        "amount_received": 0,
        "application": null,
        "application_fee_amount": null,
        "automatic_payment_methods": null,
        "canceled_at": null,
        "cancellation_reason": null,
        "capture_method": "automatic_async",
        "client_secret": secret,
        "confirmation_method": "automatic",
        "created": teller.at,
        "currency": bill.currency,
        "customer": bill.customer,
        "customer_account": null,
        "description": bill.description,
        "excluded_payment_method_types": null,
        "last_payment_error": null,
        "latest_charge": null,
        "livemode": false,
        "metadata": bill.metadata,
        "next_action": null,
        "on_behalf_of": null,
        "payment_method": null,
        "payment_method_configuration_details": null,
        "payment_method_options": { "card": { "request_three_d_secure": "automatic" } },
        "payment_method_types": ["card"],
        "processing": null,
        "receipt_email": null,
        "review": null,
        "setup_future_usage": null,
        "shipping": null,
        "source": null,
        "statement_descriptor": null,
        "statement_descriptor_suffix": null,
        "status": "requires_payment_method",
        "transfer_data": null,
        "transfer_group": null,
    });
    state.put(table::PAYMENT_INTENTS, &id, intent.clone());
    teller.tell(state, "payment_intent.created", &intent);
    id
}

/// Takes the money of a payment intent: a charge, and the intent succeeds. Returns the charge's id.
pub(in crate::sandbox) fn collect(state: &mut State, teller: &mut Teller, intent: &str, email: &Value) -> String {
    let before = state.get(table::PAYMENT_INTENTS, intent).cloned().unwrap_or_default();
    let method = state.id("pm");
    let charge = make_charge(state, teller.at, &before, &method, email);
    let id = charge.text("id").to_owned();
    let after = state.change(table::PAYMENT_INTENTS, intent, |intent| {
        intent["amount_received"] = intent["amount"].clone();
        intent["latest_charge"] = json!(id);
        intent["payment_method"] = json!(method);
        intent["status"] = json!("succeeded");
    });
    teller.tell(state, "charge.succeeded", &charge);
    teller.tell(state, "payment_intent.succeeded", &after.unwrap_or_default());
    id
}

/// The customer's bank takes its time.
pub(in crate::sandbox) fn await_bank(state: &mut State, teller: &mut Teller, intent: &str) {
    let after = state.change(table::PAYMENT_INTENTS, intent, |intent| intent["status"] = json!("processing"));
    teller.tell(state, "payment_intent.processing", &after.unwrap_or_default());
}

/// The customer's bank said no.
pub(in crate::sandbox) fn decline(state: &mut State, teller: &mut Teller, intent: &str) {
    let after =
        state.change(table::PAYMENT_INTENTS, intent, |intent| intent["status"] = json!("requires_payment_method"));
    teller.tell(state, "payment_intent.payment_failed", &after.unwrap_or_default());
}

fn make_charge(state: &mut State, at: i64, intent: &Value, method: &str, email: &Value) -> Value {
    let id = state.id("ch");
    let mut charge = json!({
        "id": id,
        "object": "charge",
        "amount": intent["amount"],
        "amount_captured": intent["amount"],
        "amount_refunded": 0,
        "application": null,
        "application_fee": null,
        "application_fee_amount": null,
        "balance_transaction": state.id("txn"),
        "billing_details": { "address": null, "email": email, "name": null, "phone": null, "tax_id": null },
        "calculated_statement_descriptor": "SANDBOX SHOP",
        "captured": true,
        "created": at,
        "currency": intent["currency"],
        "customer": intent["customer"],
        "description": intent["description"],
        "disputed": false,
        "failure_balance_transaction": null,
        "failure_code": null,
        "failure_message": null,
        "fraud_details": {},
        "livemode": false,
    });
    let rest = json!({
        "metadata": intent["metadata"],
        "on_behalf_of": null,
        "outcome": {
            "advice_code": null,
            "network_advice_code": null,
            "network_decline_code": null,
            "network_status": "approved_by_network",
            "reason": null,
            "seller_message": "Payment complete.",
            "type": "authorized",
        },
        "paid": true,
        "payment_intent": intent["id"],
        "payment_method": method,
        "payment_method_details": { "card": card(intent.int("amount"), &fingerprint(email, intent)), "type": "card" },
        "receipt_email": email,
        "receipt_number": null,
        "receipt_url": null,
        "refunded": false,
        "review": null,
        "shipping": null,
        "source": null,
        "source_transfer": null,
        "statement_descriptor": null,
        "statement_descriptor_suffix": null,
        "status": "succeeded",
        "transfer_data": null,
        "transfer_group": null,
    });
    lay_onto(&mut charge, rest);
    state.put(table::CHARGES, &id, charge.clone());
    charge
}

/// Every customer has a card of their own, known by the e-mail, else by the customer.
fn fingerprint(email: &Value, intent: &Value) -> String {
    let holder = [email.as_str(), intent["customer"].as_str()].into_iter().flatten().find(|name| !name.is_empty());
    let digest = Sha256::digest(holder.unwrap_or_else(|| intent.text("id")).to_lowercase());
    hex::encode(&digest[..8])
}

fn card(amount: i64, fingerprint: &str) -> Value {
    json!({
        "amount_authorized": amount,
        "authorization_code": null,
        "brand": "visa",
        "checks": { "address_line1_check": null, "address_postal_code_check": null, "cvc_check": "pass" },
        "country": "US",
        "exp_month": 12,
        "exp_year": 2034,
        "fingerprint": fingerprint,
        "funding": "credit",
        "installments": null,
        "last4": "4242",
        "mandate": null,
        "network": "visa",
        "network_token": { "used": false },
        "network_transaction_id": null,
        "regulated_status": "unregulated",
        "three_d_secure": null,
        "wallet": null,
    })
}
