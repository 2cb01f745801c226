//! Checkout sessions: made by a shop through the API, completed by a customer on the hosted page.

use serde_json::{Value, json};

use super::super::error::ApiError;
use super::super::list as lists;
use super::super::play::order::{Basket, Mode, Order};
use super::super::play::session::{self, Terms};
use super::super::state::{Read, table};
use super::transfers::{currency, positive};
use super::{Call, PAGE, Route, get, list, post, retrieve};

pub(super) const ROUTES: &[Route] = &[
    post(
        "/v1/checkout/sessions",
        &[
            "mode! payment|setup|subscription",
            "success_url",
            "cancel_url",
            "client_reference_id",
            "customer",
            "customer_email",
            "customer_creation always|if_required",
            "currency",
            "allow_promotion_codes flag",
            "discounts[].promotion_code",
            "discounts[].coupon",
            "line_items[].price",
            "line_items[].quantity int",
            "line_items[].price_data.currency",
            "line_items[].price_data.unit_amount int",
            "line_items[].price_data.product",
            "line_items[].price_data.product_data.name",
            "line_items[].price_data.recurring.interval day|month|week|year",
            "line_items[].price_data.recurring.interval_count int",
            "invoice_creation.enabled flag",
            "payment_intent_data.description",
            "payment_intent_data.metadata map",
            "payment_method_types list",
            "subscription_data.metadata map",
            "subscription_data.trial_period_days int",
            "ui_mode elements|embedded_page|form|hosted_page",
            "metadata map",
        ],
        create,
    ),
    list(
        "/v1/checkout/sessions",
        table::SESSIONS,
        &["created range", "customer", "payment_intent", "subscription", "status complete|expired|open"],
    ),
    retrieve("/v1/checkout/sessions/{}", table::SESSIONS, "checkout.session"),
    get("/v1/checkout/sessions/{}/line_items", PAGE, line_items),
    post("/v1/checkout/sessions/{}/expire", &[], expire),
];

/// One line item, by a price that exists or by one described on the spot; the second value is the price, of which only
/// the currency and the recurrence count.
fn line_item(call: &Call<'_>, at: usize) -> Result<(Basket, Value), ApiError> {
    let (p, name, shown) = (call.params, format!("line_items.{at}"), format!("line_items[{at}]"));
    let quantity = positive(p.int(&format!("{name}.quantity")).unwrap_or(1), &format!("{shown}[quantity]"))?;
    let name_of = |id: &str| call.state.get(table::PRODUCTS, id).map(|row| row.text("name").to_owned());
    if let Some(id) = p.text(&format!("{name}.price")) {
        let price = call.state.get(table::PRICES, id).cloned();
        let price = price.ok_or_else(|| ApiError::missing("price", id, &format!("{shown}[price]")))?;
        let product = price.text("product").to_owned();
        let basket = Basket {
            name: name_of(&product).unwrap_or_default(),
            product: Some(product),
            price: Some(id.to_owned()),
            unit_amount: price.int("unit_amount"),
            quantity,
        };
        return Ok((basket, price));
    }
    let data = |field: &str| format!("{name}.price_data.{field}");
    let amount = p.int(&data("unit_amount")).unwrap_or(-1);
    positive(amount.saturating_add(1), &format!("{shown}[price_data][unit_amount]"))?;
    let product = p.owned(&data("product"));
    let name = p.owned(&data("product_data.name")).or_else(|| product.as_deref().and_then(name_of));
    let name = name.ok_or_else(|| {
        let param = format!("{shown}[price_data][product_data]");
        ApiError::invalid(Some("parameter_missing"), &param, format!("Missing required param: {param}."))
    })?;
    let count = p.int(&data("recurring.interval_count")).unwrap_or(1);
    let recurring =
        p.text(&data("recurring.interval")).map(|interval| json!({ "interval": interval, "interval_count": count }));
    let price = json!({ "currency": p.text(&data("currency")), "recurring": recurring });
    Ok((Basket { name, product, price: None, unit_amount: amount, quantity }, price))
}

/// The order that the parameters describe; the e-mail may still be unknown.
fn order(call: &Call<'_>, mode: Mode) -> Result<Order, ApiError> {
    let p = call.params;
    let mut items = Vec::new();
    let mut terms = (p.owned("currency").unwrap_or_default(), "month".to_owned(), 1);
    for at in (0..).take_while(|at| p.has(&format!("line_items.{at}"))) {
        let (basket, price) = line_item(call, at)?;
        terms.0 = price.text("currency").to_owned();
        let recurring = &price["recurring"];
        if recurring.is_null() == (mode == Mode::Subscription) {
            let message = "A subscription needs recurring prices, and a payment prices that are paid once.";
            return Err(ApiError { executed: true, ..ApiError::invalid(None, "line_items", message) });
        }
        if mode == Mode::Subscription {
            (terms.1, terms.2) = (recurring.text("interval").to_owned(), recurring.int("interval_count"));
        }
        items.push(basket);
    }
    if items.is_empty() {
        return Err(ApiError::invalid(Some("parameter_missing"), "line_items", "Missing required param: line_items."));
    }
    let currency = currency(&terms.0)?;
    Ok(Order {
        items,
        interval: terms.1,
        interval_count: terms.2,
        client_reference_id: p.owned("client_reference_id"),
        promotion_code: p.owned("discounts.0.promotion_code"),
        customer: p.owned("customer"),
        metadata: p.metadata("metadata", &Value::Null),
        payment_intent_metadata: p.metadata("payment_intent_data.metadata", &Value::Null),
        subscription_metadata: p.metadata("subscription_data.metadata", &Value::Null),
        trial_days: p.int("subscription_data.trial_period_days").unwrap_or(0),
        invoice: p.flag("invoice_creation.enabled") == Some(true),
        ..Order::new(p.text("customer_email").unwrap_or(""), currency.as_str(), mode)
    })
}

fn create(call: &mut Call<'_>) -> Result<Value, ApiError> {
    let p = call.params;
    let mode = match p.text("mode") {
        Some("payment") => Mode::Payment,
        Some("subscription") => Mode::Subscription,
        _ => return Err(ApiError::invalid(None, "mode", "The sandbox plays the modes payment and subscription.")),
    };
    let mut order = order(call, mode)?;
    if let Some(id) = &order.customer {
        let email = call.state.get(table::CUSTOMERS, id).map(|row| row.text("email").to_owned());
        order.email = email.ok_or_else(|| ApiError::missing("customer", id, "customer"))?;
    }
    if let Some(code) = &order.promotion_code
        && call.state.get(table::PROMOTION_CODES, code).is_none()
    {
        return Err(ApiError::missing("promotion code", code, "discounts[0][promotion_code]"));
    }
    let terms = Terms {
        at: call.now_s,
        mode,
        currency: &order.currency,
        client_reference_id: order.client_reference_id.as_deref(),
        customer_email: p.text("customer_email"),
        metadata: order.metadata.clone(),
    };
    let id = session::make(call.state, &terms).text("id").to_owned();
    let amount: i64 = order.items.iter().map(|item| item.unit_amount.saturating_mul(item.quantity)).sum();
    let (base, allow) = (call.base, p.flag("allow_promotion_codes"));
    let session = call.state.change(table::SESSIONS, &id, |session| {
        session["allow_promotion_codes"] = json!(allow);
        session["amount_subtotal"] = json!(amount);
        session["amount_total"] = json!(amount);
        session["total_details"] = json!({ "amount_discount": 0, "amount_shipping": 0, "amount_tax": 0 });
        session["customer"] = json!(order.customer);
        session["success_url"] = json!(p.text("success_url"));
        session["cancel_url"] = json!(p.text("cancel_url"));
        if order.invoice {
            session["invoice_creation"] = session::invoice_creation(true);
        }
        session["url"] = json!(format!("{base}/pay/{id}"));
    });
    order.session = Some(id.clone());
    call.state.put(table::PLANS, &id, json!({ "order": order, "line_items": lists::whole("", vec![]) }));
    Ok(session.unwrap_or_default())
}

fn line_items(call: &mut Call<'_>) -> Result<Value, ApiError> {
    call.named(table::SESSIONS, "checkout.session")?;
    let kept = call.state.get(table::PLANS, &call.id(0)).and_then(|row| row["line_items"]["data"].as_array());
    lists::page_of(kept.map_or(&[], Vec::as_slice), call.path, call.params)
}

fn expire(call: &mut Call<'_>) -> Result<Value, ApiError> {
    let session = call.named(table::SESSIONS, "checkout.session")?;
    if session.text("status") != "open" {
        let message = "Only Checkout Sessions with a status in [\"open\"] can be expired.";
        return Err(ApiError { executed: true, ..ApiError::invalid(None, "", message) });
    }
    let id = call.id(0);
    let after = call.state.change(table::SESSIONS, &id, |session| {
        session["status"] = json!("expired");
        session["url"] = Value::Null;
    });
    let after = after.unwrap_or_default();
    call.emit("checkout.session.expired", &after);
    Ok(after)
}
