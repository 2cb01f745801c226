//! The shapes from before 2025-03-31 (basil), which accounts pinned to older versions still send: an invoice names its
//! charge, payment intent and subscription, and a charge and a payment intent name their invoice.

use serde_json::{Value, json};

use super::super::state::{Read, State, table};

/// Rewrites an event's object in place.
pub(super) fn convert(state: &State, object: &mut Value) {
    match object.text("object") {
        "invoice" => invoice(state, object),
        "charge" => object["invoice"] = invoice_of(state, object.text("payment_intent")),
        "payment_intent" => object["invoice"] = invoice_of(state, object.text("id")),
        "subscription" => {
            let item = object["items"]["data"][0].clone();
            for name in ["current_period_start", "current_period_end"] {
                object[name] = item[name].clone();
            }
        }
        _ => {}
    }
}

fn invoice_of(state: &State, intent: &str) -> Value {
    let found = super::invoice::payment_of(state, intent);
    found.map_or(Value::Null, |row| row["invoice"].clone())
}

fn invoice(state: &State, object: &mut Value) {
    let first = object["payments"]["data"][0]["payment"].clone();
    let payments = object["payments"]["data"].as_array().into_iter().flatten();
    let by_hand = payments.map(|row| row["payment"].text("type")).any(|means| means == "payment_record");
    let intent = first["payment_intent"].clone();
    let charge =
        state.get(table::PAYMENT_INTENTS, intent.as_str().unwrap_or("")).map(|row| row["latest_charge"].clone());
    let subscription = object["parent"]["subscription_details"].clone();
    object["payment_intent"] = intent;
    object["charge"] = charge.unwrap_or_default();
    object["paid"] = json!(object.text("status") == "paid");
    object["paid_out_of_band"] = json!(by_hand);
    object["subscription"] = subscription["subscription"].clone();
    object["subscription_details"] = json!({ "metadata": subscription["metadata"] });
    object["tax"] = object["total_taxes"][0]["amount"].clone();
    object["discount"] = Value::Null;
    for line in object["lines"]["data"].as_array_mut().into_iter().flatten() {
        let details = line["parent"]["subscription_item_details"].clone();
        line["proration"] = json!(details["proration"] == json!(true));
        line["subscription"] = details["subscription"].clone();
        let sold = line["pricing"]["price_details"].clone();
        line["price"] = state.get(table::PRICES, sold.text("price")).cloned().unwrap_or_default();
        line["plan"] = Value::Null;
        line["tax_amounts"] = line["taxes"].as_array().into_iter().flatten().map(old_tax).collect();
        line["type"] = json!(if details.is_null() { "invoiceitem" } else { "subscription" });
        drop_fields(line, &["parent", "pricing", "taxes"]);
    }
    drop_fields(object, &["parent", "payments", "total_taxes"]);
}

fn old_tax(tax: &Value) -> Value {
    json!({
        "amount": tax["amount"],
        "inclusive": tax.text("tax_behavior") == "inclusive",
        "tax_rate": tax["tax_rate_details"]["tax_rate"],
        "taxable_amount": tax["taxable_amount"],
        "taxability_reason": tax["taxability_reason"],
    })
}

fn drop_fields(object: &mut Value, names: &[&str]) {
    if let Some(fields) = object.as_object_mut() {
        for name in names {
            fields.remove(*name);
        }
    }
}
