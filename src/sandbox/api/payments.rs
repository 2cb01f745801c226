//! Payment intents, charges and setup intents. A payment intent that is confirmed with any payment method succeeds.

use serde_json::{Value, json};

use super::super::error::ApiError;
use super::super::play::payment::{self, Bill};
use super::super::play::{Shape, Teller};
use super::super::state::{Read, table};
use super::transfers::{currency, positive};
use super::{Call, Route, list, post, retrieve};

pub(super) const ROUTES: &[Route] = &[
    post(
        "/v1/payment_intents",
        &[
            "amount! int",
            "currency!",
            "customer",
            "confirm flag",
            "payment_method",
            "payment_method_types list",
            "automatic_payment_methods.enabled flag",
            "automatic_payment_methods.allow_redirects always|never",
            "description",
            "receipt_email",
            "transfer_group",
            "metadata map",
        ],
        create,
    ),
    list("/v1/payment_intents", table::PAYMENT_INTENTS, &["created range", "customer"]),
    retrieve("/v1/payment_intents/{}", table::PAYMENT_INTENTS, "payment_intent"),
    post("/v1/payment_intents/{}/confirm", &["payment_method", "return_url"], confirm),
    list("/v1/charges", table::CHARGES, &["created range", "customer", "payment_intent"]),
    retrieve("/v1/charges/{}", table::CHARGES, "charge"),
    post(
        "/v1/setup_intents",
        &[
            "customer",
            "confirm flag",
            "payment_method",
            "payment_method_types list",
            "usage off_session|on_session",
            "description",
            "metadata map",
        ],
        create_setup,
    ),
    list("/v1/setup_intents", table::SETUP_INTENTS, &["created range", "customer"]),
    retrieve("/v1/setup_intents/{}", table::SETUP_INTENTS, "setup_intent"),
];

fn teller(call: &Call<'_>) -> Teller {
    Teller::new(call.now_s, Shape::New, call.cause.clone())
}

fn known_customer(call: &Call<'_>) -> Result<Value, ApiError> {
    match call.params.text("customer") {
        Some(id) if call.state.get(table::CUSTOMERS, id).is_none() => {
            Err(ApiError::missing("customer", id, "customer"))
        }
        given => Ok(json!(given)),
    }
}

fn create(call: &mut Call<'_>) -> Result<Value, ApiError> {
    let p = call.params;
    let bill = Bill {
        amount: positive(p.int("amount").unwrap_or(0), "amount")?,
        currency: currency(p.text("currency").unwrap_or(""))?.as_str().to_owned(),
        customer: known_customer(call)?,
        email: json!(p.text("receipt_email")),
        description: json!(p.text("description")),
        metadata: p.metadata("metadata", &Value::Null),
    };
    let mut teller = teller(call);
    let id = payment::intend(call.state, &mut teller, &bill);
    let intent = call.state.change(table::PAYMENT_INTENTS, &id, |intent| {
        intent["receipt_email"] = bill.email.clone();
        intent["transfer_group"] = json!(p.text("transfer_group"));
        if p.has("payment_method") {
            intent["payment_method"] = json!(p.text("payment_method"));
            intent["status"] = json!("requires_confirmation");
        }
    });
    if p.flag("confirm") == Some(true) {
        return collect(call, &id);
    }
    Ok(intent.unwrap_or_default())
}

fn confirm(call: &mut Call<'_>) -> Result<Value, ApiError> {
    let intent = call.named(table::PAYMENT_INTENTS, "payment_intent")?;
    if intent.text("status") == "succeeded" {
        let message =
            "You cannot confirm this PaymentIntent because it has already succeeded after being previously confirmed.";
        return Err(ApiError::refused("payment_intent_unexpected_state", "", message));
    }
    let id = call.id(0);
    collect(call, &id)
}

fn collect(call: &mut Call<'_>, id: &str) -> Result<Value, ApiError> {
    let intent = call.state.get(table::PAYMENT_INTENTS, id).cloned().unwrap_or_default();
    if !call.params.has("payment_method") && intent["payment_method"].is_null() {
        let message = "You cannot confirm this PaymentIntent because it's missing a payment method.";
        return Err(ApiError::refused("payment_intent_unexpected_state", "payment_method", message));
    }
    let mut teller = teller(call);
    payment::collect(call.state, &mut teller, id, &intent["receipt_email"]);
    call.state.get(table::PAYMENT_INTENTS, id).cloned().ok_or_else(ApiError::internal)
}

fn create_setup(call: &mut Call<'_>) -> Result<Value, ApiError> {
    let (p, customer) = (call.params, known_customer(call)?);
    let id = call.state.id("seti");
    let secret = format!("{id}_secret_{}", call.state.token(24));
    let confirmed = p.flag("confirm") == Some(true) && p.has("payment_method");
    let intent = json!({
        "id": id,
        "object": "setup_intent",
        "application": null,
        "automatic_payment_methods": null,
        "cancellation_reason": null,
        "client_secret": secret,
        "created": call.now_s,
        "customer": customer,
        "description": p.text("description"),
        "excluded_payment_method_types": null,
        "flow_directions": null,
        "last_setup_error": null,
        "latest_attempt": null,
        "livemode": false,
        "mandate": null,
        "metadata": p.metadata("metadata", &Value::Null),
        "next_action": null,
        "on_behalf_of": null,
        "payment_method": p.text("payment_method"),
        "payment_method_configuration_details": null,
        "payment_method_options": {},
        "payment_method_types": ["card"],
        "single_use_mandate": null,
        "status": if confirmed { "succeeded" } else { "requires_payment_method" },
        "usage": p.text("usage").unwrap_or("off_session"),
    });
    call.state.put(table::SETUP_INTENTS, &id, intent.clone());
    call.emit("setup_intent.created", &intent);
    if confirmed {
        call.emit("setup_intent.succeeded", &intent);
    }
    Ok(intent)
}
