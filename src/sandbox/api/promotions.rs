//! Coupons and the promotion codes that customers type for them.

use serde_json::{Value, json};

use super::super::error::ApiError;
use super::super::list as lists;
use super::super::state::{Read, table};
use super::transfers::{currency, positive};
use super::{Call, Route, delete, get, list, post, retrieve};

pub(super) const ROUTES: &[Route] = &[
    post(
        "/v1/coupons",
        &[
            "id",
            "percent_off number",
            "amount_off int",
            "currency",
            "duration forever|once|repeating",
            "duration_in_months int",
            "max_redemptions int",
            "redeem_by int",
            "name",
            "metadata map",
        ],
        create_coupon,
    ),
    list("/v1/coupons", table::COUPONS, &["created range"]),
    retrieve("/v1/coupons/{}", table::COUPONS, "coupon"),
    delete("/v1/coupons/{}", remove_coupon),
    post(
        "/v1/promotion_codes",
        &[
            "promotion.type! coupon",
            "promotion.coupon",
            "code",
            "active flag",
            "customer",
            "expires_at int",
            "max_redemptions int",
            "restrictions.first_time_transaction flag",
            "restrictions.minimum_amount int",
            "restrictions.minimum_amount_currency",
            "metadata map",
        ],
        create_code,
    ),
    get(
        "/v1/promotion_codes",
        &["created range", "active flag", "code", "coupon", "customer", "limit int", "starting_after", "ending_before"],
        all_codes,
    ),
    retrieve("/v1/promotion_codes/{}", table::PROMOTION_CODES, "promotion code"),
    post("/v1/promotion_codes/{}", &["active flag", "metadata map"], update_code),
];

fn create_coupon(call: &mut Call<'_>) -> Result<Value, ApiError> {
    let p = call.params;
    let percent = p.text("percent_off").and_then(|text| text.parse::<serde_json::Number>().ok());
    let amount_off = p.int("amount_off").map(|amount| positive(amount, "amount_off")).transpose()?;
    let within =
        percent.as_ref().and_then(serde_json::Number::as_f64).is_none_or(|value| value > 0.0 && value <= 100.0);
    if percent.is_some() == amount_off.is_some() || !within {
        let message = "Must provide either percent_off (above 0, up to 100) or amount_off.";
        return Err(ApiError::invalid(None, "percent_off", message));
    }
    let currency = match (amount_off, p.text("currency")) {
        (Some(_), None) => {
            return Err(ApiError::invalid(
                Some("parameter_missing"),
                "currency",
                "Must provide currency with amount_off.",
            ));
        }
        (_, given) => given.map(currency).transpose()?,
    };
    let duration = p.text("duration").unwrap_or("once");
    if (duration == "repeating") != p.has("duration_in_months") {
        let message = "duration_in_months goes together with duration=repeating.";
        return Err(ApiError::invalid(None, "duration_in_months", message));
    }
    let id = p.owned("id").unwrap_or_else(|| call.state.token(8));
    if call.state.get(table::COUPONS, &id).is_some() {
        return Err(ApiError::refused("resource_already_exists", "id", "Coupon already exists."));
    }
    let coupon = json!({
        "id": id,
        "object": "coupon",
        "amount_off": amount_off,
        "created": call.now_s,
        "currency": currency,
        "duration": duration,
        "duration_in_months": p.int("duration_in_months"),
        "livemode": false,
        "max_redemptions": p.int("max_redemptions"),
        "metadata": p.metadata("metadata", &Value::Null),
        "name": p.text("name"),
        "percent_off": percent,
        "redeem_by": p.int("redeem_by"),
        "times_redeemed": 0,
        "valid": true,
    });
    call.state.put(table::COUPONS, &id, coupon.clone());
    call.emit("coupon.created", &coupon);
    Ok(coupon)
}

fn remove_coupon(call: &mut Call<'_>) -> Result<Value, ApiError> {
    let coupon = call.named(table::COUPONS, "coupon")?;
    let id = call.id(0);
    call.state.remove(table::COUPONS, &id);
    call.emit("coupon.deleted", &coupon);
    Ok(json!({ "id": id, "object": "coupon", "deleted": true }))
}

fn create_code(call: &mut Call<'_>) -> Result<Value, ApiError> {
    let p = call.params;
    let coupon = p.text("promotion.coupon").unwrap_or("");
    if call.state.get(table::COUPONS, coupon).is_none() {
        return Err(ApiError::missing("coupon", coupon, "promotion[coupon]"));
    }
    let code = p.owned("code").unwrap_or_else(|| call.state.token(8).to_uppercase());
    if !code.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)) {
        let message = "Promotion codes can only contain letters, numbers, dashes and underscores.";
        return Err(ApiError::invalid(None, "code", message));
    }
    let taken = |row: &Value| row["active"] == json!(true) && row.text("code").eq_ignore_ascii_case(&code);
    if call.state.oldest(table::PROMOTION_CODES).any(|(_, row)| taken(row)) {
        let message = format!("An active promotion code with `code: {code}` already exists.");
        return Err(ApiError { executed: true, ..ApiError::invalid(None, "", message) });
    }
    let id = call.state.id("promo");
    let row = json!({
        "id": id,
        "object": "promotion_code",
        "active": p.flag("active").unwrap_or(true),
        "code": code,
        "created": call.now_s,
        "customer": p.text("customer"),
        "customer_account": null,
        "expires_at": p.int("expires_at"),
        "livemode": false,
        "max_redemptions": p.int("max_redemptions"),
        "metadata": p.metadata("metadata", &Value::Null),
        "promotion": { "coupon": coupon, "type": "coupon" },
        "restrictions": {
            "first_time_transaction": p.flag("restrictions.first_time_transaction").unwrap_or(false),
            "minimum_amount": p.int("restrictions.minimum_amount"),
            "minimum_amount_currency": p.text("restrictions.minimum_amount_currency"),
        },
        "times_redeemed": 0,
    });
    call.state.put(table::PROMOTION_CODES, &id, row.clone());
    call.emit("promotion_code.created", &row);
    Ok(row)
}

fn all_codes(call: &mut Call<'_>) -> Result<Value, ApiError> {
    let p = call.params;
    lists::page(call.state, table::PROMOTION_CODES, call.path, p, |row| {
        lists::same(p, &["customer"], row)
            && p.text("code").is_none_or(|code| row.text("code").eq_ignore_ascii_case(code))
            && p.text("coupon").is_none_or(|coupon| row["promotion"].text("coupon") == coupon)
            && p.flag("active").is_none_or(|active| row["active"] == json!(active))
    })
}

fn update_code(call: &mut Call<'_>) -> Result<Value, ApiError> {
    call.named(table::PROMOTION_CODES, "promotion code")?;
    let (id, p) = (call.id(0), call.params);
    let after = call.state.change(table::PROMOTION_CODES, &id, |row| {
        if let Some(active) = p.flag("active") {
            row["active"] = json!(active);
        }
        row["metadata"] = p.metadata("metadata", &row["metadata"]);
    });
    let after = after.unwrap_or_default();
    call.emit("promotion_code.updated", &after);
    Ok(after)
}
