//! What a purchase costs: the price, less the promotion code's discount, plus tax and shipping.

use rust_decimal::prelude::ToPrimitive;
use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::super::error::ApiError;
use super::super::state::{Read, State, table};

/// The parts of a total, in minor units of one currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::sandbox) struct Parts {
    pub amount: i64,
    pub discount: i64,
    pub tax: i64,
    pub shipping: i64,
}

impl Parts {
    pub fn total(&self) -> i64 {
        self.amount.saturating_sub(self.discount).saturating_add(self.tax).saturating_add(self.shipping)
    }
}

fn percent_of(amount: i64, percent: &Value) -> i64 {
    let percent = percent.to_string().parse::<Decimal>().unwrap_or_default();
    let part = Decimal::from(amount) * percent / Decimal::ONE_HUNDRED;
    part.round_dp_with_strategy(0, RoundingStrategy::MidpointAwayFromZero).to_i64().unwrap_or(0)
}

/// What a coupon takes off an amount; a fixed amount in another currency takes nothing.
pub(in crate::sandbox) fn discount(coupon: &Value, amount: i64, currency: &str) -> i64 {
    let off = match coupon["amount_off"].as_i64() {
        Some(off) if coupon.text("currency") == currency => off,
        Some(_) => 0,
        None => percent_of(amount, &coupon["percent_off"]),
    };
    off.clamp(0, amount.max(0))
}

/// A promotion code as a customer uses it.
#[derive(Debug, Clone)]
pub(in crate::sandbox) struct Redeemed {
    pub promotion_code: String,
    pub coupon: Value,
}

/// Finds a promotion code by its text or id and checks that it may be used now.
pub(in crate::sandbox) fn redeem(state: &mut State, code: &str, amount: i64, at: i64) -> Result<Redeemed, ApiError> {
    let refuse = |message: String| Err(ApiError::invalid(None, "promotion_code", message));
    let is_it = |row: &&Value| row.text("id") == code || row.text("code").eq_ignore_ascii_case(code);
    let Some(row) = state.newest(table::PROMOTION_CODES).map(|(_, row)| row).find(is_it).cloned() else {
        return refuse(format!("No such promotion code: '{code}'"));
    };
    let coupon_id = row["promotion"].text("coupon").to_owned();
    let Some(coupon) = state.get(table::COUPONS, &coupon_id).cloned() else {
        return refuse(format!("The coupon of promotion code '{code}' is gone."));
    };
    let past = |value: &Value| value.as_i64().is_some_and(|limit| limit <= at);
    let used_up = |row: &Value| row["max_redemptions"].as_i64().is_some_and(|most| row.int("times_redeemed") >= most);
    if row["active"] != json!(true)
        || past(&row["expires_at"])
        || past(&coupon["redeem_by"])
        || used_up(&row)
        || used_up(&coupon)
    {
        return refuse(format!("Promotion code '{code}' cannot be used any more."));
    }
    if row["restrictions"]["minimum_amount"].as_i64().is_some_and(|least| amount < least) {
        return refuse(format!("Promotion code '{code}' needs a larger order."));
    }
    let id = row.text("id").to_owned();
    for (table, id) in [(table::PROMOTION_CODES, id.as_str()), (table::COUPONS, coupon_id.as_str())] {
        state.change(table, id, |row| row["times_redeemed"] = json!(row.int("times_redeemed") + 1));
    }
    Ok(Redeemed { promotion_code: id, coupon })
}

/// The discount object that a redeemed code leaves on a customer's subscription or payment.
pub(in crate::sandbox) fn make_discount(state: &mut State, redeemed: &Redeemed, customer: &Value, at: i64) -> Value {
    let id = state.id("di");
    let end = match redeemed.coupon.text("duration") {
        "repeating" => super::calendar::months_after(at, redeemed.coupon.int("duration_in_months")),
        _ => None,
    };
    let discount = json!({
        "id": id,
        "object": "discount",
        "checkout_session": null,
        "customer": customer,
        "customer_account": null,
        "end": end,
        "invoice": null,
        "invoice_item": null,
        "promotion_code": redeemed.promotion_code,
        "source": { "coupon": redeemed.coupon["id"], "type": "coupon" },
        "start": at,
        "subscription": null,
        "subscription_item": null,
    });
    state.put(table::DISCOUNTS, &id, discount.clone());
    discount
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentage_within_cutoff_exactly_and_never_more_than_there_is() {
        assert_eq!(discount(&json!({ "percent_off": 12.5 }), 999, "usd"), 125);
        assert_eq!(discount(&json!({ "percent_off": 100 }), 999, "usd"), 999);
        assert_eq!(discount(&json!({ "amount_off": 5000, "currency": "usd" }), 999, "usd"), 999);
        assert_eq!(discount(&json!({ "amount_off": 50, "currency": "eur" }), 999, "usd"), 0);
    }
}
