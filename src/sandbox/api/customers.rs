//! Customers: made by the API, by a purchase, and changed by both.

use serde_json::{Value, json};

use super::super::error::ApiError;
use super::super::state::{Read, State, table};
use super::{Call, Route, delete, list, post, retrieve};

const FIELDS: &[&str] = &["email", "name", "phone", "description", "metadata map"];

pub(super) const ROUTES: &[Route] = &[
    post("/v1/customers", FIELDS, create),
    list("/v1/customers", table::CUSTOMERS, &["created range", "email"]),
    retrieve("/v1/customers/{}", table::CUSTOMERS, "customer"),
    post("/v1/customers/{}", FIELDS, update),
    delete("/v1/customers/{}", remove),
];

/// A new customer, stored but not announced.
pub(in crate::sandbox) fn make(state: &mut State, at: i64, email: Option<&str>, metadata: Value) -> Value {
    let id = state.id("cus");
    let customer = json!({
        "id": id,
        "object": "customer",
        "address": null,
        "balance": 0,
        "created": at,
        "currency": null,
        "default_source": null,
        "delinquent": false,
        "description": null,
        "discount": null,
        "email": email,
        "invoice_prefix": state.token(8).to_uppercase(),
        "invoice_settings": {
            "custom_fields": null, "default_payment_method": null, "footer": null, "rendering_options": null
        },
        "livemode": false,
        "metadata": metadata,
        "name": null,
        "next_invoice_sequence": 1,
        "phone": null,
        "preferred_locales": [],
        "shipping": null,
        "tax_exempt": "none",
        "test_clock": null,
    });
    state.put(table::CUSTOMERS, &id, customer.clone());
    customer
}

fn create(call: &mut Call<'_>) -> Result<Value, ApiError> {
    let p = call.params;
    let made = make(call.state, call.now_s, p.text("email"), p.metadata("metadata", &Value::Null));
    let customer = lay_over(call, made.text("id"));
    call.emit("customer.created", &customer);
    Ok(customer)
}

fn lay_over(call: &mut Call<'_>, id: &str) -> Value {
    let p = call.params;
    let after = call.state.change(table::CUSTOMERS, id, |customer| {
        for name in ["email", "name", "phone", "description"] {
            if p.has(name) {
                customer[name] = json!(p.text(name));
            }
        }
        customer["metadata"] = p.metadata("metadata", &customer["metadata"]);
    });
    after.unwrap_or_default()
}

fn update(call: &mut Call<'_>) -> Result<Value, ApiError> {
    call.named(table::CUSTOMERS, "customer")?;
    let customer = lay_over(call, &call.id(0));
    call.emit("customer.updated", &customer);
    Ok(customer)
}

fn remove(call: &mut Call<'_>) -> Result<Value, ApiError> {
    let customer = call.named(table::CUSTOMERS, "customer")?;
    let id = call.id(0);
    call.state.remove(table::CUSTOMERS, &id);
    call.emit("customer.deleted", &customer);
    Ok(json!({ "id": id, "object": "customer", "deleted": true }))
}
