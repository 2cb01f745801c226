//! A whole purchase: customer, checkout session, payment or subscription, and every event in between.

use serde_json::{Value, json};

use super::super::api::{catalog, currency, customers, subscriptions};
use super::super::error::ApiError;
use super::super::event::Cause;
use super::super::state::{Read, State, table};
use super::billing::{self, Billed, Item, Plan, Way};
use super::invoice::{Draft, Line};
use super::order::{Basket, LaterChange, Mode, Order};
use super::payment::{self, Bill};
use super::pricing::{self, Parts, Redeemed};
use super::upgrade::Change;
use super::{Teller, calendar, session};

/// What was sold, by every id it has.
#[derive(Debug, Default)]
struct Sold {
    customer: Value,
    session: Option<String>,
    subscription: Option<String>,
    billed: Billed,
}

fn empty_map(given: &Value) -> Value {
    if given.is_object() { given.clone() } else { json!({}) }
}

/// The basket's items with their products and prices, made where there are none.
fn items(state: &mut State, at: i64, order: &Order, currency: &str) -> Vec<Item> {
    let fallback = Basket {
        name: order.name.clone().unwrap_or_else(|| "Sandbox purchase".to_owned()),
        product: None,
        price: None,
        unit_amount: order.amount,
        quantity: 1,
    };
    let basket = if order.items.is_empty() { std::slice::from_ref(&fallback) } else { &order.items };
    let recurrence = (order.mode == Mode::Subscription).then_some((order.interval.as_str(), order.interval_count));
    let mut items = Vec::new();
    for entry in basket {
        let named = entry.product.as_deref().and_then(|id| state.get(table::PRODUCTS, id).cloned());
        let product = named.unwrap_or_else(|| catalog::product_named(state, at, &entry.name));
        let given = entry.price.as_deref().and_then(|id| state.get(table::PRICES, id).cloned());
        let price = given.unwrap_or_else(|| {
            catalog::price_of(state, at, product.text("id"), (entry.unit_amount, currency), recurrence)
        });
        items.push(Item {
            name: product.text("name").to_owned(),
            product: product.text("id").to_owned(),
            price: price.text("id").to_owned(),
            id: String::new(),
            unit_amount: entry.unit_amount,
            quantity: entry.quantity,
        });
    }
    items
}

fn customer(state: &mut State, teller: &mut Teller, order: &Order) -> Value {
    if let Some(id) = &order.customer {
        return json!(id);
    }
    let same = |row: &&Value| row.text("email").eq_ignore_ascii_case(&order.email);
    if let Some(known) = state.newest(table::CUSTOMERS).map(|(_, row)| row).find(same) {
        return known["id"].clone();
    }
    let made = customers::make(state, teller.at, Some(&order.email), empty_map(&order.customer_metadata));
    teller.tell(state, "customer.created", &made);
    made["id"].clone()
}

/// Plays the purchase; the answer names everything that came of it.
pub(in crate::sandbox) fn play(state: &mut State, order: &Order, cause: Cause) -> Result<Value, ApiError> {
    order.check(state)?;
    let currency = currency(&order.currency)?.as_str().to_owned();
    let at = state.now_s();
    let basket = order.basket();
    let redeemed = order.promotion_code.as_deref().map(|code| pricing::redeem(state, code, basket, at)).transpose()?;
    let mut teller = Teller::new(at, order.api_shape, cause);
    let items = items(state, at, order, &currency);
    let mut sold = Sold { customer: customer(state, &mut teller, order), ..Sold::default() };
    let off = redeemed.as_ref().map_or(0, |redeemed| pricing::discount(&redeemed.coupon, basket, &currency));
    let mut parts = Parts { amount: basket, discount: off, tax: order.tax, shipping: order.shipping };
    match order.mode {
        Mode::Payment => {
            let way = order.way(parts.total())?;
            let basis = (items.as_slice(), parts, currency.as_str());
            buy_once(state, &mut teller, (order, &way), basis, redeemed.as_ref(), &mut sold);
        }
        Mode::Subscription => {
            subscribe(state, &mut teller, order, (items.clone(), &currency), redeemed.as_ref(), &mut sold);
            if order.trial_days > 0 {
                parts = Parts { amount: 0, discount: 0, tax: 0, shipping: 0 };
            }
        }
    }
    if order.checkout {
        complete_session(state, &mut teller, order, (&items, parts, &currency), redeemed.as_ref(), &mut sold);
    }
    Ok(json!({
        "customer": sold.customer,
        "checkout_session": sold.session,
        "payment_intent": sold.billed.payment_intent,
        "charge": sold.billed.charge,
        "invoice": Some(sold.billed.invoice).filter(|id| !id.is_empty()),
        "subscription": sold.subscription,
        "amount_total": parts.total(),
        "currency": currency,
        "events": teller.told,
    }))
}

type Basis<'a> = (&'a [Item], Parts, &'a str);

fn buy_once(
    state: &mut State,
    teller: &mut Teller,
    (order, way): (&Order, &Way),
    (items, parts, currency): Basis<'_>,
    redeemed: Option<&Redeemed>,
    sold: &mut Sold,
) {
    if order.invoice {
        let discount = redeemed.map(|redeemed| pricing::make_discount(state, redeemed, &sold.customer, teller.at));
        let draft = Draft {
            customer: sold.customer.clone(),
            email: json!(order.email),
            currency: currency.to_owned(),
            reason: "manual",
            lines: items.iter().map(|item| Line::once(item, teller.at)).collect(),
            parts,
            discount: discount.map(|row| row.text("id").to_owned()),
            subscription: None,
            metadata: empty_map(&order.metadata),
            period: (teller.at, teller.at),
        };
        sold.billed = billing::bill_by(state, teller, &draft, way);
    } else if parts.total() > 0 {
        let bill = Bill {
            amount: parts.total(),
            currency: currency.to_owned(),
            customer: sold.customer.clone(),
            email: json!(order.email),
            description: json!(items.first().map(|item| &item.name)),
            metadata: empty_map(&order.payment_intent_metadata),
        };
        let intent = payment::intend(state, teller, &bill);
        if order.delayed {
            payment::await_bank(state, teller, &intent);
        } else {
            sold.billed.charge = Some(payment::collect(state, teller, &intent, &bill.email));
        }
        sold.billed.payment_intent = Some(intent);
    }
}

fn subscribe(
    state: &mut State,
    teller: &mut Teller,
    order: &Order,
    (mut items, currency): (Vec<Item>, &str),
    redeemed: Option<&Redeemed>,
    sold: &mut Sold,
) {
    let at = teller.at;
    let trial_end = (order.trial_days > 0).then(|| at + order.trial_days.saturating_mul(86_400));
    for item in &mut items {
        item.id = format!("si_{}", state.token(14));
    }
    let discount = redeemed.map(|redeemed| pricing::make_discount(state, redeemed, &sold.customer, at));
    let next_at = trial_end.unwrap_or_else(|| calendar::period_end(at, &order.interval, order.interval_count, 1));
    let change = |later: &LaterChange| Change {
        at: at + later.after_days.max(0).saturating_mul(86_400),
        amount: later.amount,
        name: later.name.clone(),
    };
    let plan = Plan {
        customer: sold.customer.clone(),
        email: json!(order.email),
        currency: currency.to_owned(),
        items,
        tax: order.tax,
        shipping: order.shipping,
        interval: order.interval.clone(),
        interval_count: order.interval_count,
        coupon: redeemed.map_or(Value::Null, |redeemed| redeemed.coupon.clone()),
        discount: discount.as_ref().map(|row| row.text("id").to_owned()),
        anchor: trial_end.unwrap_or(at),
        periods: i64::from(trial_end.is_none()),
        next_at,
        shape: order.api_shape,
        changes: order.changes.iter().map(change).collect(),
        fail_next: false,
    };
    let subscription = subscriptions::make(state, at, &plan, trial_end, empty_map(&order.subscription_metadata));
    let id = subscription.text("id").to_owned();
    plan.save(state, &id);
    teller.tell(state, "customer.subscription.created", &subscription);
    if let Some(row) = discount {
        let linked = state.change(table::DISCOUNTS, row.text("id"), |row| row["subscription"] = json!(id));
        teller.tell(state, "customer.discount.created", &linked.unwrap_or_default());
    }
    let parts = match trial_end {
        Some(_) => Parts { amount: 0, discount: 0, tax: 0, shipping: 0 },
        None => plan.parts(state, at, true),
    };
    let mut draft = billing::period_draft(state, &plan, &id, "subscription_create", parts, (at, next_at));
    if trial_end.is_some() {
        draft.lines.iter_mut().for_each(Line::make_free);
    }
    sold.billed = billing::bill(state, teller, &draft, false);
    let (status, before) = (if trial_end.is_some() { "trialing" } else { "active" }, subscription["status"].clone());
    let after = state.change(table::SUBSCRIPTIONS, &id, |row| {
        row["status"] = json!(status);
        row["latest_invoice"] = json!(sold.billed.invoice);
    });
    let previous = Some(json!({ "status": before, "latest_invoice": null }));
    teller.tell_change(state, "customer.subscription.updated", &after.unwrap_or_default(), previous);
    sold.subscription = Some(id);
}

fn complete_session(
    state: &mut State,
    teller: &mut Teller,
    order: &Order,
    (items, parts, currency): Basis<'_>,
    redeemed: Option<&Redeemed>,
    sold: &mut Sold,
) {
    let terms = session::Terms {
        at: teller.at,
        mode: order.mode,
        currency,
        client_reference_id: order.client_reference_id.as_deref(),
        customer_email: order.customer.is_none().then_some(order.email.as_str()),
        metadata: empty_map(&order.metadata),
    };
    let id = match &order.session {
        Some(id) => id.clone(),
        None => session::make(state, &terms).text("id").to_owned(),
    };
    session::save_lines(state, &id, items, parts, currency);
    let intent = sold.billed.payment_intent.clone().filter(|_| order.mode == Mode::Payment);
    let charged = parts.total() > 0;
    let after = state.change(table::SESSIONS, &id, |session| {
        session["amount_subtotal"] = json!(parts.amount);
        session["amount_total"] = json!(parts.total());
        session["total_details"] = json!({
            "amount_discount": parts.discount, "amount_shipping": parts.shipping, "amount_tax": parts.tax
        });
        session["customer"] = sold.customer.clone();
        session["customer_details"] = session::customer_details(&order.email);
        session["discounts"] = json!(
            redeemed
                .iter()
                .map(|redeemed| {
                    json!({ "coupon": redeemed.coupon["id"], "promotion_code": redeemed.promotion_code })
                })
                .collect::<Vec<_>>()
        );
        session["invoice"] = json!(Some(&sold.billed.invoice).filter(|id| !id.is_empty()));
        session["payment_intent"] = json!(intent);
        session["subscription"] = json!(sold.subscription);
        session["status"] = json!("complete");
        session["payment_status"] = json!(match (charged, order.delayed) {
            (true, true) => "unpaid",
            (true, false) => "paid",
            (false, _) => "no_payment_required",
        });
        session["url"] = Value::Null;
    });
    teller.tell(state, "checkout.session.completed", &after.unwrap_or_default());
    sold.session = Some(id);
}
