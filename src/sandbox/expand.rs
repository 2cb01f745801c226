//! `expand[]`: replaces an id by the object it names, along a dotted path, in single answers and in lists.

use serde_json::{Value, json};

use super::error::ApiError;
use super::list;
use super::play::invoice;
use super::state::{Read, State, table};

const TABLES: &[(&str, &str)] = &[
    ("acct_", table::ACCOUNTS),
    ("ch_", table::CHARGES),
    ("cs_", table::SESSIONS),
    ("cus_", table::CUSTOMERS),
    ("di_", table::DISCOUNTS),
    ("in_", table::INVOICES),
    ("pi_", table::PAYMENT_INTENTS),
    ("price_", table::PRICES),
    ("prod_", table::PRODUCTS),
    ("promo_", table::PROMOTION_CODES),
    ("re_", table::REFUNDS),
    ("sub_", table::SUBSCRIPTIONS),
    ("tr_", table::TRANSFERS),
];

fn named(state: &State, id: &str) -> Option<Value> {
    let known = TABLES.iter().find(|(prefix, _)| id.starts_with(prefix));
    let table = known.map_or(table::COUPONS, |(_, table)| table);
    state.get(table, id).cloned()
}

/// The payments of an invoice, which Stripe sends only when asked for.
pub(super) fn payments_of(state: &State, id: &str) -> Value {
    let rows = invoice::payments_of(state, id);
    json!({ "object": "list", "data": rows, "has_more": false, "url": "/v1/invoice_payments" })
}

/// Expands one path below `value`; an error names the path that leads nowhere.
pub(super) fn expand(state: &State, value: &mut Value, path: &str) -> Result<(), ApiError> {
    let unknown = || {
        let message = format!("This property cannot be expanded ({path}).");
        ApiError::invalid(None, "expand", message)
    };
    let (head, rest) = path.split_once('.').map_or((path, None), |(head, rest)| (head, Some(rest)));
    if head == "payments" && value.text("object") == "invoice" && value["payments"].is_null() {
        value["payments"] = payments_of(state, value.text("id"));
    }
    if head == "line_items" && value.text("object") == "checkout.session" {
        value["line_items"] =
            state.get(table::PLANS, value.text("id")).map_or(Value::Null, |plan| first_of(&plan["line_items"]));
    }
    let Some(inner) = value.get_mut(head) else { return Err(unknown()) };
    let items = match inner {
        Value::Array(items) => items.as_mut_slice(),
        single => std::slice::from_mut(single),
    };
    for item in items {
        replace(state, item);
        if let Some(rest) = rest.filter(|_| item.is_object()) {
            expand(state, item, rest)?;
        }
    }
    Ok(())
}

fn first_of(list: &Value) -> Value {
    list::written_out(list.text("url"), list["data"].as_array().cloned().unwrap_or_default())
}

fn replace(state: &State, value: &mut Value) {
    if let Some(object) = value.as_str().and_then(|id| named(state, id)) {
        *value = object;
    }
}
