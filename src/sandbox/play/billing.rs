//! Invoices: made, finalized, paid; and the renewals of subscriptions that make them.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::super::event::Cause;
use super::super::state::{Read, State, table};
use super::invoice::{self, Draft, Line};
use super::payment::{self, Bill};
use super::pricing::Parts;
use super::upgrade::Change;
use super::{Shape, Teller, calendar, pricing};

/// One thing that is billed, by its price.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::sandbox) struct Item {
    pub name: String,
    pub product: String,
    pub price: String,
    /// The subscription's item; empty for what is bought once.
    #[serde(default)]
    pub id: String,
    pub unit_amount: i64,
    pub quantity: i64,
}

impl Item {
    pub fn amount(&self) -> i64 {
        self.unit_amount.saturating_mul(self.quantity)
    }
}

/// What the sandbox has to know of a subscription to bill its next period.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::sandbox) struct Plan {
    pub customer: Value,
    pub email: Value,
    pub currency: String,
    pub items: Vec<Item>,
    /// Added to every invoice, minor units.
    pub tax: i64,
    pub shipping: i64,
    pub interval: String,
    pub interval_count: i64,
    pub coupon: Value,
    pub discount: Option<String>,
    pub anchor: i64,
    /// Periods begun since the anchor.
    pub periods: i64,
    pub next_at: i64,
    pub shape: Shape,
    #[serde(default)]
    pub changes: Vec<Change>,
    /// The next payment fails.
    #[serde(default)]
    pub fail_next: bool,
}

impl Plan {
    pub fn load(state: &State, subscription: &str) -> Option<Self> {
        Self::deserialize(state.get(table::PLANS, subscription)?).ok()
    }

    pub fn save(&self, state: &mut State, subscription: &str) {
        state.put(table::PLANS, subscription, json!(self));
    }

    /// What a period costs that is billed at `at`; `first` is the one that the purchase itself pays.
    pub fn parts(&self, state: &State, at: i64, first: bool) -> Parts {
        let amount = self.items.iter().map(Item::amount).sum();
        let end = self.discount.as_ref().and_then(|id| state.get(table::DISCOUNTS, id)).map(|row| row["end"].clone());
        let lasts = match self.coupon.text("duration") {
            "forever" => true,
            "repeating" => end.and_then(|end| end.as_i64()).is_some_and(|end| at < end),
            _ => first,
        };
        let discount =
            if lasts && !self.coupon.is_null() { pricing::discount(&self.coupon, amount, &self.currency) } else { 0 };
        Parts { amount, discount, tax: self.tax, shipping: self.shipping }
    }
}

/// The ids that one billing made.
#[derive(Debug, Clone, Default)]
pub(in crate::sandbox) struct Billed {
    pub invoice: String,
    pub payment_intent: Option<String>,
    pub charge: Option<String>,
}

/// How an invoice is paid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::sandbox) enum Way {
    /// By card, in parts of these amounts.
    Payments(Vec<i64>),
    /// By card, which is declined.
    Declined,
    /// Outside Stripe: somebody marks it as paid.
    ByHand,
}

/// Makes an invoice, finalizes it and, unless `fails`, collects it; an invoice over nothing is paid at once.
pub(in crate::sandbox) fn bill(state: &mut State, teller: &mut Teller, draft: &Draft, fails: bool) -> Billed {
    let way = if fails { Way::Declined } else { Way::Payments(vec![draft.parts.total()]) };
    bill_by(state, teller, draft, &way)
}

/// The same, paid in a way of one's own.
pub(in crate::sandbox) fn bill_by(state: &mut State, teller: &mut Teller, draft: &Draft, way: &Way) -> Billed {
    let id = invoice::make(state, teller.at, draft);
    tell(state, teller, &id, &["invoice.created"]);
    let whole = [draft.parts.total()];
    let amounts = match way {
        Way::Payments(amounts) => amounts.as_slice(),
        Way::Declined => &whole,
        Way::ByHand => &[],
    };
    let mut billed = Billed { invoice: id.clone(), ..Billed::default() };
    for &amount in amounts.iter().filter(|amount| **amount > 0) {
        let intent = payment::intend(
            state,
            teller,
            &Bill {
                amount,
                currency: draft.currency.clone(),
                customer: draft.customer.clone(),
                email: draft.email.clone(),
                description: json!(if draft.reason == "subscription_create" {
                    "Subscription creation"
                } else {
                    "Subscription update"
                }),
                metadata: json!({}),
            },
        );
        invoice::attach_payment(state, teller.at, &id, &intent, amount);
        billed.payment_intent.get_or_insert(intent);
    }
    invoice::finalize(state, teller.at, &id);
    tell(state, teller, &id, &["invoice.finalized"]);
    if *way == Way::Declined {
        state.change(table::INVOICES, &id, |invoice| {
            invoice["attempted"] = json!(true);
            invoice["attempt_count"] = json!(1);
        });
        tell(state, teller, &id, &["invoice.payment_failed"]);
    } else {
        billed.charge = pay(state, teller, &id, *way == Way::ByHand);
    }
    billed
}

/// Pays an open invoice by card, or marks it paid out of band; returns the first charge.
pub(in crate::sandbox) fn pay(state: &mut State, teller: &mut Teller, id: &str, out_of_band: bool) -> Option<String> {
    let email = state.get(table::INVOICES, id)?["customer_email"].clone();
    if out_of_band {
        invoice::record_payment(state, teller.at, id);
    }
    let mut first = None;
    let mut paid = 0;
    for payment in invoice::payments_of(state, id).iter().filter(|payment| payment.text("status") == "open") {
        let charge = payment::collect(state, teller, payment["payment"].text("payment_intent"), &email);
        first.get_or_insert(charge);
        paid += payment.int("amount_requested");
        invoice::settle_payment(state, teller.at, payment.text("id"));
    }
    invoice::mark_paid(state, teller.at, id, paid);
    tell(state, teller, id, &["invoice.paid", "invoice.payment_succeeded"]);
    for payment in invoice::payments_of(state, id).iter().filter(|payment| payment.text("status") == "paid") {
        teller.tell(state, "invoice_payment.paid", payment);
    }
    first
}

fn tell(state: &mut State, teller: &mut Teller, invoice: &str, kinds: &[&str]) {
    if let Some(object) = state.get(table::INVOICES, invoice).cloned() {
        for kind in kinds {
            teller.tell(state, kind, &object);
        }
    }
}

/// The invoice of one period of a subscription.
pub(in crate::sandbox) fn period_draft(
    state: &State,
    plan: &Plan,
    subscription: &str,
    reason: &'static str,
    parts: Parts,
    (start, end): (i64, i64),
) -> Draft {
    let metadata = state.get(table::SUBSCRIPTIONS, subscription).map(|row| row["metadata"].clone());
    let lines = plan.items.iter().map(|item| Line::period(item, subscription, start, end)).collect();
    Draft {
        customer: plan.customer.clone(),
        email: plan.email.clone(),
        currency: plan.currency.clone(),
        reason,
        lines,
        parts,
        discount: plan.discount.clone().filter(|_| parts.discount > 0),
        subscription: Some((subscription.to_owned(), metadata.unwrap_or_default())),
        metadata: json!({}),
        period: (start, end),
    }
}

/// Plays the end of a period or trial at `at`: the subscription ends, or is billed for its next period. Says whether
/// it was renewed.
pub(in crate::sandbox) fn renew(state: &mut State, subscription: &str, at: i64) -> bool {
    let (Some(before), Some(mut plan)) =
        (state.get(table::SUBSCRIPTIONS, subscription).cloned(), Plan::load(state, subscription))
    else {
        return false;
    };
    let mut teller = Teller::new(at, plan.shape, Cause::default());
    if before["cancel_at_period_end"] == json!(true) {
        end(state, &mut teller, subscription);
        return false;
    }
    plan.periods += 1;
    plan.next_at = calendar::period_end(plan.anchor, &plan.interval, plan.interval_count, plan.periods).max(at + 1);
    let fails = std::mem::take(&mut plan.fail_next);
    plan.save(state, subscription);
    let parts = plan.parts(state, at, false);
    let draft = period_draft(state, &plan, subscription, "subscription_cycle", parts, (at, plan.next_at));
    let billed = bill(state, &mut teller, &draft, fails);
    let status = if fails { "past_due" } else { "active" };
    let after = state.change(table::SUBSCRIPTIONS, subscription, |row| {
        row["status"] = json!(status);
        row["latest_invoice"] = json!(billed.invoice);
        for item in row["items"]["data"].as_array_mut().into_iter().flatten() {
            item["current_period_start"] = json!(at);
            item["current_period_end"] = json!(plan.next_at);
        }
    });
    let previous = json!({ "latest_invoice": before["latest_invoice"], "status": before["status"] });
    teller.tell_change(state, "customer.subscription.updated", &after.unwrap_or_default(), Some(previous));
    true
}

/// Ends a subscription.
pub(in crate::sandbox) fn end(state: &mut State, teller: &mut Teller, subscription: &str) {
    let at = teller.at;
    let after = state.change(table::SUBSCRIPTIONS, subscription, |row| {
        row["status"] = json!("canceled");
        row["ended_at"] = json!(at);
        if row["canceled_at"].is_null() {
            row["canceled_at"] = json!(at);
        }
    });
    teller.tell(state, "customer.subscription.deleted", &after.unwrap_or_default());
}
