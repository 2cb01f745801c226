//! Subscriptions: made by a checkout or by the API, ended at once or at the end of their period.

use serde_json::{Value, json};

use super::super::error::ApiError;
use super::super::list as lists;
use super::super::play::billing::{self, Plan};
use super::super::play::order::{Basket, Mode, Order};
use super::super::play::purchase;
use super::super::play::{Shape, Teller};
use super::super::state::{Read, State, lay_onto, table};
use super::{Call, Route, delete, get, post, retrieve};

pub(super) const ROUTES: &[Route] = &[
    post(
        "/v1/subscriptions",
        &[
            "customer!",
            "items[].price",
            "items[].quantity int",
            "trial_period_days int",
            "off_session flag",
            "metadata map",
        ],
        create,
    ),
    get(
        "/v1/subscriptions",
        &[
            "created range",
            "customer",
            "price",
            "status active|all|canceled|ended|incomplete|incomplete_expired|past_due|paused|trialing|unpaid",
            "limit int",
            "starting_after",
            "ending_before",
        ],
        all,
    ),
    retrieve("/v1/subscriptions/{}", table::SUBSCRIPTIONS, "subscription"),
    post("/v1/subscriptions/{}", &["cancel_at_period_end flag", "description", "metadata map"], update),
    delete("/v1/subscriptions/{}", cancel),
];

fn items(state: &State, at: i64, plan: &Plan, subscription: &str) -> Vec<Value> {
    plan.items
        .iter()
        .map(|item| {
            json!({
                "id": item.id,
                "object": "subscription_item",
                "billing_thresholds": null,
                "created": at,
                "current_period_end": plan.next_at,
                "current_period_start": at,
                "discounts": [],
                "metadata": {},
                "price": state.get(table::PRICES, &item.price),
                "quantity": item.quantity,
                "subscription": subscription,
                "tax_rates": [],
            })
        })
        .collect()
}

/// A new subscription for a plan, stored but not announced: incomplete until its first invoice is paid.
pub(in crate::sandbox) fn make(
    state: &mut State,
    at: i64,
    plan: &Plan,
    trial_end: Option<i64>,
    metadata: Value,
) -> Value {
    let id = state.id("sub");
    let mut subscription = json!({
        "id": id,
        "object": "subscription",
        "application": null,
        "application_fee_percent": null,
        "automatic_tax": { "disabled_reason": null, "enabled": false, "liability": null },
        "billing_cycle_anchor": plan.anchor,
        "billing_cycle_anchor_config": null,
        "billing_mode": { "type": "classic" },
        "billing_thresholds": null,
        "cancel_at": null,
        "cancel_at_period_end": false,
        "canceled_at": null,
        "cancellation_details": { "comment": null, "feedback": null, "reason": null },
        "collection_method": "charge_automatically",
        "created": at,
        "currency": plan.currency,
        "customer": plan.customer,
        "customer_account": null,
        "days_until_due": null,
        "default_payment_method": null,
        "default_source": null,
        "default_tax_rates": [],
        "description": null,
        "discounts": plan.discount.iter().collect::<Vec<_>>(),
        "ended_at": null,
        "invoice_settings": { "account_tax_ids": null, "issuer": { "type": "self" } },
        "items": lists::whole(&format!("/v1/subscription_items?subscription={id}"), items(state, at, plan, &id)),
        "latest_invoice": null,
        "livemode": false,
    });
    let rest = json!({
        "metadata": metadata,
        "next_pending_invoice_item_invoice": null,
        "on_behalf_of": null,
        "pause_collection": null,
        "payment_settings": {
            "payment_method_options": null, "payment_method_types": null, "save_default_payment_method": "off"
        },
        "pending_invoice_item_interval": null,
        "pending_setup_intent": null,
        "pending_update": null,
        "schedule": null,
        "start_date": at,
        "status": if trial_end.is_some() { "trialing" } else { "incomplete" },
        "test_clock": null,
        "transfer_data": null,
        "trial_end": trial_end,
        "trial_settings": { "end_behavior": { "missing_payment_method": "create_invoice" } },
        "trial_start": trial_end.map(|_| at),
    });
    lay_onto(&mut subscription, rest);
    state.put(table::SUBSCRIPTIONS, &id, subscription.clone());
    subscription
}

/// Starts a subscription without a checkout, as a direct user of the API does.
fn create(call: &mut Call<'_>) -> Result<Value, ApiError> {
    let p = call.params;
    let customer = p.owned("customer").unwrap_or_default();
    let Some(email) = call.state.get(table::CUSTOMERS, &customer).map(|row| row.text("email").to_owned()) else {
        return Err(ApiError::missing("customer", &customer, "customer"));
    };
    let mut items = Vec::new();
    let mut terms = (String::new(), String::new(), 1);
    for at in 0.. {
        let Some(id) = p.text(&format!("items.{at}.price")) else { break };
        let Some(price) = call.state.get(table::PRICES, id).filter(|price| price.text("type") == "recurring") else {
            return Err(ApiError::missing("recurring price", id, &format!("items[{at}][price]")));
        };
        let recurring = &price["recurring"];
        terms =
            (price.text("currency").to_owned(), recurring.text("interval").to_owned(), recurring.int("interval_count"));
        items.push(Basket {
            name: String::new(),
            product: Some(price.text("product").to_owned()),
            price: Some(id.to_owned()),
            unit_amount: price.int("unit_amount"),
            quantity: p.int(&format!("items.{at}.quantity")).unwrap_or(1),
        });
    }
    if items.is_empty() {
        return Err(ApiError::invalid(Some("parameter_missing"), "items", "Missing required param: items."));
    }
    let order = Order {
        customer: Some(customer),
        items,
        interval: terms.1,
        interval_count: terms.2,
        trial_days: p.int("trial_period_days").unwrap_or(0),
        subscription_metadata: p.metadata("metadata", &Value::Null),
        checkout: false,
        ..Order::new(&email, &terms.0, Mode::Subscription)
    };
    let sold = purchase::play(call.state, &order, call.cause.clone())?;
    let id = sold.text("subscription").to_owned();
    call.state.get(table::SUBSCRIPTIONS, &id).cloned().ok_or_else(ApiError::internal)
}

fn all(call: &mut Call<'_>) -> Result<Value, ApiError> {
    let p = call.params;
    lists::page(call.state, table::SUBSCRIPTIONS, call.path, p, |row| {
        let status = row.text("status");
        let wanted = match p.text("status") {
            None => status != "canceled",
            Some("all") => true,
            Some("ended") => status == "canceled",
            Some(wanted) => status == wanted,
        };
        let has_price = |price: &str| {
            row["items"]["data"]
                .as_array()
                .is_some_and(|items| items.iter().any(|item| item["price"].text("id") == price))
        };
        wanted && lists::same(p, &["customer"], row) && p.text("price").is_none_or(has_price)
    })
}

fn teller(call: &Call<'_>, id: &str) -> Teller {
    let shape = Plan::load(call.state, id).map_or(Shape::New, |plan| plan.shape);
    Teller::new(call.now_s, shape, call.cause.clone())
}

fn update(call: &mut Call<'_>) -> Result<Value, ApiError> {
    let before = call.named(table::SUBSCRIPTIONS, "subscription")?;
    let (id, p, now_s) = (call.id(0), call.params, call.now_s);
    let after = call.state.change(table::SUBSCRIPTIONS, &id, |row| {
        if let Some(ending) = p.flag("cancel_at_period_end") {
            row["cancel_at_period_end"] = json!(ending);
            row["canceled_at"] = if ending { json!(now_s) } else { Value::Null };
            row["cancel_at"] = if ending { row["items"]["data"][0]["current_period_end"].clone() } else { Value::Null };
        }
        if p.has("description") {
            row["description"] = json!(p.text("description"));
        }
        row["metadata"] = p.metadata("metadata", &row["metadata"]);
    });
    let (after, mut teller) = (after.unwrap_or_default(), teller(call, &id));
    let previous = json!({ "cancel_at_period_end": before["cancel_at_period_end"], "metadata": before["metadata"] });
    teller.tell_change(call.state, "customer.subscription.updated", &after, Some(previous));
    Ok(after)
}

fn cancel(call: &mut Call<'_>) -> Result<Value, ApiError> {
    let before = call.named(table::SUBSCRIPTIONS, "subscription")?;
    let id = call.id(0);
    if before.text("status") == "canceled" {
        return Err(ApiError::missing("subscription", &id, "id"));
    }
    let mut teller = teller(call, &id);
    billing::end(call.state, &mut teller, &id);
    call.named(table::SUBSCRIPTIONS, "subscription")
}
