//! The controls that play customers, banks and the calendar.

use axum::body::Bytes;
use axum::extract::{Path, State as AxumState};
use axum::routing::post;
use axum::{Json, Router};
use chrono::Duration;
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::Sandbox;
use super::super::api::positive;
use super::super::error::ApiError;
use super::super::event::Cause;
use super::super::play::billing::{self, Plan};
use super::super::play::order::Order;
use super::super::play::purchase;
use super::super::play::refund::{self, Wanted};
use super::super::play::{Shape, Teller, calendar, dispute, invoice, payment, upgrade};
use super::super::state::{Read, State, table};
use super::{Answer, act, body};

const LONGEST_ADVANCE_DAYS: i64 = 3_660;

pub(super) fn routes() -> Router<Sandbox> {
    Router::new()
        .route("/sandbox/purchases", post(purchases))
        .route("/sandbox/checkouts/{id}", post(checkouts))
        .route("/sandbox/advance", post(advance))
        .route("/sandbox/refunds", post(refunds))
        .route("/sandbox/disputes", post(disputes))
        .route("/sandbox/subscriptions/{id}", post(subscriptions))
}

async fn purchases(AxumState(sandbox): AxumState<Sandbox>, text: Bytes) -> Answer {
    let order: Order = body(&text)?;
    act(&sandbox, |state| purchase::play(state, &order, Cause::default()).map(Json))
}

/// How a delayed payment ended.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DelayedEnd {
    payment: Delayed,
    #[serde(default)]
    api_shape: Shape,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum Delayed {
    Succeeded,
    Failed,
}

async fn checkouts(AxumState(sandbox): AxumState<Sandbox>, Path(id): Path<String>, text: Bytes) -> Answer {
    let order: DelayedEnd = body(&text)?;
    act(&sandbox, |state| {
        let session = state.get(table::SESSIONS, &id).cloned();
        let session = session.ok_or_else(|| ApiError::missing("checkout.session", &id, "id"))?;
        if session.text("status") != "complete" || session.text("payment_status") != "unpaid" {
            return Err(ApiError::invalid(None, "payment", "The checkout waits for no payment."));
        }
        let mut teller = Teller::new(state.now_s(), order.api_shape, Cause::default());
        let intent = session.text("payment_intent");
        let kind = if order.payment == Delayed::Succeeded {
            payment::collect(state, &mut teller, intent, &session["customer_details"]["email"]);
            "checkout.session.async_payment_succeeded"
        } else {
            payment::decline(state, &mut teller, intent);
            "checkout.session.async_payment_failed"
        };
        let paid = if order.payment == Delayed::Succeeded { "paid" } else { "unpaid" };
        let after = state.change(table::SESSIONS, &id, |row| row["payment_status"] = json!(paid)).unwrap_or_default();
        teller.tell(state, kind, &after);
        Ok(answer(&after, teller))
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Advance {
    #[serde(default)]
    days: i64,
    #[serde(default)]
    hours: i64,
    #[serde(default)]
    seconds: i64,
}

async fn advance(AxumState(sandbox): AxumState<Sandbox>, text: Bytes) -> Answer {
    let order: Advance = body(&text)?;
    let by = [Duration::try_days(order.days), Duration::try_hours(order.hours), Duration::try_seconds(order.seconds)]
        .into_iter()
        .try_fold(Duration::zero(), |sum, part| sum.checked_add(&part?));
    let by = by
        .filter(|by| *by >= Duration::zero() && by.num_days() <= LONGEST_ADVANCE_DAYS)
        .ok_or_else(|| ApiError::invalid(None, "days", "The clock moves forward, by up to ten years at a time."))?;
    act(&sandbox, |state| {
        let renewals = calendar::advance(state, by);
        Ok(Json(json!({ "now": state.now_s(), "renewals": renewals })))
    })
}

/// Refunds and disputes name the sale by any of these.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AfterSale {
    #[serde(default)]
    charge: Option<String>,
    #[serde(default)]
    payment_intent: Option<String>,
    #[serde(default)]
    invoice: Option<String>,
    /// An earlier refund that now settles.
    #[serde(default)]
    refund: Option<String>,
    /// An earlier dispute that now closes.
    #[serde(default)]
    dispute: Option<String>,
    #[serde(default)]
    amount: Option<i64>,
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    reason: Option<String>,
}

impl AfterSale {
    /// Replaces an invoice by the payment intent that paid it, and checks the amount.
    fn resolve(&mut self, state: &State) -> Result<(), ApiError> {
        if let Some(amount) = self.amount {
            positive(amount, "amount")?;
        }
        if let Some(invoice) = &self.invoice {
            let intent = invoice::payment_intent_of(state, invoice);
            self.payment_intent = Some(intent.ok_or_else(|| ApiError::missing("paid invoice", invoice, "invoice"))?);
        }
        Ok(())
    }

    /// Events about a sale keep the shape that the sale was told in.
    fn teller(&self, state: &State) -> Teller {
        let charge = refund::charge_of(state, self.charge.as_deref(), self.payment_intent.as_deref());
        let intent = charge.map(|charge| charge.text("payment_intent").to_owned()).unwrap_or_default();
        let shape = invoice::subscription_paid_by(state, &intent).and_then(|id| Plan::load(state, &id));
        Teller::new(state.now_s(), shape.map_or(Shape::New, |plan| plan.shape), Cause::default())
    }
}

fn answer(object: &Value, teller: Teller) -> Json<Value> {
    let mut answer = object.clone();
    answer["events"] = json!(teller.told);
    Json(answer)
}

fn one_of(status: Option<&str>, known: &[&str]) -> Result<(), ApiError> {
    match status {
        Some(given) if !known.contains(&given) => {
            Err(ApiError::invalid(None, "status", format!("The status is one of {}.", known.join(", "))))
        }
        _ => Ok(()),
    }
}

async fn refunds(AxumState(sandbox): AxumState<Sandbox>, text: Bytes) -> Answer {
    let mut order: AfterSale = body(&text)?;
    one_of(order.status.as_deref(), &["pending", "requires_action", "succeeded", "failed", "canceled"])?;
    act(&sandbox, |state| {
        order.resolve(state)?;
        let mut teller = order.teller(state);
        let status = order.status.clone().unwrap_or_else(|| "succeeded".to_owned());
        let refund = match &order.refund {
            Some(id) => refund::settle(state, &mut teller, id, &status)?,
            None => {
                let wanted = Wanted {
                    charge: order.charge.clone(),
                    payment_intent: order.payment_intent.clone(),
                    amount: order.amount,
                    reason: order.reason.clone(),
                    metadata: Value::Null,
                };
                refund::play(state, &mut teller, wanted, &status)?
            }
        };
        Ok(answer(&refund, teller))
    })
}

async fn disputes(AxumState(sandbox): AxumState<Sandbox>, text: Bytes) -> Answer {
    let mut order: AfterSale = body(&text)?;
    one_of(order.status.as_deref(), &["created", "warning", "won", "lost", "warning_closed"])?;
    act(&sandbox, |state| {
        order.resolve(state)?;
        let mut teller = order.teller(state);
        let status = order.status.as_deref().unwrap_or("created");
        let open = match &order.dispute {
            Some(id) => id.clone(),
            None => match open_dispute(state, &order, status)? {
                Some(id) => id,
                None => {
                    let charge = refund::charge_of(state, order.charge.as_deref(), order.payment_intent.as_deref())?;
                    let (reason, inquiry) =
                        (order.reason.as_deref().unwrap_or("fraudulent"), status.starts_with("warning"));
                    let made = dispute::open(state, &mut teller, &charge, order.amount, reason, inquiry)?;
                    made.text("id").to_owned()
                }
            },
        };
        let object = match status {
            "won" | "lost" | "warning_closed" => dispute::close(state, &mut teller, &open, status)?,
            _ => state.get(table::DISPUTES, &open).cloned().unwrap_or_default(),
        };
        Ok(answer(&object, teller))
    })
}

/// The dispute of this sale that an end (`won`, `lost`, …) is meant for, if one is open.
fn open_dispute(state: &State, order: &AfterSale, status: &str) -> Result<Option<String>, ApiError> {
    if ["created", "warning"].contains(&status) {
        return Ok(None);
    }
    let charge = refund::charge_of(state, order.charge.as_deref(), order.payment_intent.as_deref())?;
    let open = |row: &&Value| {
        row["charge"] == charge["id"] && !["won", "lost", "warning_closed"].contains(&row.text("status"))
    };
    Ok(state.newest(table::DISPUTES).map(|(_, row)| row).find(open).map(|row| row.text("id").to_owned()))
}

/// Changes to a subscription: another price now or later, a payment that will fail, an end.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SubscriptionOrder {
    #[serde(default)]
    amount: Option<i64>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    after_days: i64,
    #[serde(default)]
    fail_next: bool,
    #[serde(default)]
    cancel: Option<Cancel>,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum Cancel {
    Now,
    AtPeriodEnd,
}

async fn subscriptions(AxumState(sandbox): AxumState<Sandbox>, Path(id): Path<String>, text: Bytes) -> Answer {
    let order: SubscriptionOrder = body(&text)?;
    act(&sandbox, |state| {
        let mut plan = Plan::load(state, &id).ok_or_else(|| ApiError::missing("subscription", &id, "id"))?;
        let mut teller = Teller::new(state.now_s(), plan.shape, Cause::default());
        plan.fail_next |= order.fail_next;
        if let Some(amount) = order.amount.filter(|_| order.after_days > 0) {
            let at = teller.at + order.after_days.saturating_mul(86_400);
            plan.changes.push(upgrade::Change { at, amount: positive(amount, "amount")?, name: order.name.clone() });
            plan.changes.sort_by_key(|change| change.at);
        }
        plan.save(state, &id);
        if let Some(amount) = order.amount.filter(|_| order.after_days <= 0) {
            upgrade::apply(state, &mut teller, &id, positive(amount, "amount")?, order.name.as_deref());
        }
        match order.cancel {
            Some(Cancel::Now) => billing::end(state, &mut teller, &id),
            Some(Cancel::AtPeriodEnd) => {
                let after = state.change(table::SUBSCRIPTIONS, &id, |row| {
                    row["cancel_at_period_end"] = json!(true);
                    row["canceled_at"] = json!(teller.at);
                });
                teller.tell(state, "customer.subscription.updated", &after.unwrap_or_default());
            }
            None => {}
        }
        let object = state.get(table::SUBSCRIPTIONS, &id).cloned().unwrap_or_default();
        Ok(answer(&object, teller))
    })
}
