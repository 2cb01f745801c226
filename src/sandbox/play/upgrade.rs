//! A subscription's price changes in the middle of a period: dearer ones bill the difference for the rest of it at
//! once (`subscription_update`, prorated lines), cheaper ones count from the next period on.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::super::api::catalog;
use super::super::event::Cause;
use super::super::state::{State, table};
use super::billing::{self, Item, Plan};
use super::invoice::Line;
use super::pricing::Parts;
use super::{Teller, calendar};

/// A change that is planned for later.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::sandbox) struct Change {
    /// Unix seconds.
    pub at: i64,
    /// The new price of a period, minor units.
    pub amount: i64,
    pub name: Option<String>,
}

/// Plays the first planned change of a subscription.
pub(in crate::sandbox) fn take_next(state: &mut State, subscription: &str, at: i64) {
    let Some(mut plan) = Plan::load(state, subscription) else { return };
    if plan.changes.is_empty() {
        return;
    }
    let change = plan.changes.remove(0);
    plan.save(state, subscription);
    let mut teller = Teller::new(at, plan.shape, Cause::default());
    apply(state, &mut teller, subscription, change.amount, change.name.as_deref());
}

/// What is left of `amount` for the rest of the period at `at`, to the nearest unit.
fn rest_of(amount: i64, at: i64, start: i64, end: i64) -> i64 {
    let (left, whole) = (i128::from(end - at).max(0), i128::from(end - start).max(1));
    i64::try_from((i128::from(amount) * left * 2 + whole) / (whole * 2)).unwrap_or(amount)
}

/// Changes the price of the subscription's first item to `amount` from now on.
pub(in crate::sandbox) fn apply(
    state: &mut State,
    teller: &mut Teller,
    subscription: &str,
    amount: i64,
    name: Option<&str>,
) {
    let (Some(before), Some(mut plan)) =
        (state.get(table::SUBSCRIPTIONS, subscription).cloned(), Plan::load(state, subscription))
    else {
        return;
    };
    let Some(old) = plan.items.first().cloned() else { return };
    let product = catalog::product_named(state, teller.at, name.unwrap_or(&old.name));
    let recurrence = Some((plan.interval.as_str(), plan.interval_count));
    let product_id = product["id"].as_str().unwrap_or("");
    let price = catalog::price_of(state, teller.at, product_id, (amount, &plan.currency), recurrence);
    let new = Item {
        name: product["name"].as_str().unwrap_or("").to_owned(),
        product: product_id.to_owned(),
        price: price["id"].as_str().unwrap_or("").to_owned(),
        unit_amount: amount,
        ..old.clone()
    };
    plan.items[0] = new.clone();
    plan.save(state, subscription);
    let after =
        state.change(table::SUBSCRIPTIONS, subscription, |row| row["items"]["data"][0]["price"] = price.clone());
    let previous = json!({ "items": before["items"] });
    teller.tell_change(state, "customer.subscription.updated", &after.unwrap_or_default(), Some(previous));
    if before["status"] == json!("active") && new.amount() > old.amount() {
        bill_difference(state, teller, subscription, &plan, (&old, &new), &before);
    }
}

fn bill_difference(
    state: &mut State,
    teller: &mut Teller,
    subscription: &str,
    plan: &Plan,
    (old, new): (&Item, &Item),
    before: &Value,
) {
    let start = before["items"]["data"][0]["current_period_start"].as_i64().unwrap_or(plan.anchor);
    let end = plan.next_at.max(calendar::period_end(start, "day", 1, 0));
    let unused = rest_of(old.amount(), teller.at, start, end);
    let remaining = rest_of(new.amount(), teller.at, start, end);
    let parts = Parts { amount: remaining - unused, discount: 0, tax: 0, shipping: 0 };
    let mut draft = billing::period_draft(state, plan, subscription, "subscription_update", parts, (teller.at, end));
    draft.lines = vec![
        Line::proration(old, subscription, -unused, (teller.at, end), "Unused time on"),
        Line::proration(new, subscription, remaining, (teller.at, end), "Remaining time on"),
    ];
    let billed = billing::bill(state, teller, &draft, false);
    state.change(table::SUBSCRIPTIONS, subscription, |row| row["latest_invoice"] = json!(billed.invoice));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rest_of_a_period_is_rounded_to_the_nearest_unit() {
        assert_eq!(rest_of(3000, 15, 0, 30), 1500);
        assert_eq!(rest_of(1000, 10, 0, 30), 667);
        assert_eq!(rest_of(1000, 30, 0, 30), 0);
    }
}
