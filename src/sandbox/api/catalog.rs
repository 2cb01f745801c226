//! Products and prices, as far as a checkout needs them.

use serde_json::{Value, json};

use super::super::error::ApiError;
use super::super::state::{Read, State, table};
use super::transfers::currency;
use super::{Call, Route, list, post, retrieve};

pub(super) const ROUTES: &[Route] = &[
    post("/v1/products", &["name!", "id", "active flag", "description", "url", "metadata map"], create_product),
    list("/v1/products", table::PRODUCTS, &["created range"]),
    retrieve("/v1/products/{}", table::PRODUCTS, "product"),
    post(
        "/v1/prices",
        &[
            "currency!",
            "unit_amount! int",
            "product",
            "product_data.name",
            "nickname",
            "recurring.interval day|month|week|year",
            "recurring.interval_count int",
            "metadata map",
        ],
        create_price,
    ),
    list("/v1/prices", table::PRICES, &["created range", "product", "currency"]),
    retrieve("/v1/prices/{}", table::PRICES, "price"),
];

/// How often a price comes due: `(interval, count)`, such as `("month", 3)`.
pub(in crate::sandbox) type Recurrence<'a> = (&'a str, i64);

pub(in crate::sandbox) fn make_product(state: &mut State, at: i64, id: Option<&str>, name: &str) -> Value {
    let id = id.map_or_else(|| format!("prod_{}", state.token(14)), str::to_owned);
    let product = json!({
        "id": id,
        "object": "product",
        "active": true,
        "created": at,
        "default_price": null,
        "description": null,
        "images": [],
        "livemode": false,
        "marketing_features": [],
        "metadata": {},
        "name": name,
        "package_dimensions": null,
        "shippable": null,
        "statement_descriptor": null,
        "tax_code": null,
        "type": "service",
        "unit_label": null,
        "updated": at,
        "url": null,
    });
    state.put(table::PRODUCTS, &id, product.clone());
    product
}

/// The product of this name, made if there is none.
pub(in crate::sandbox) fn product_named(state: &mut State, at: i64, name: &str) -> Value {
    let known = state.oldest(table::PRODUCTS).map(|(_, row)| row).find(|row| row.text("name") == name).cloned();
    known.unwrap_or_else(|| make_product(state, at, None, name))
}

pub(in crate::sandbox) fn make_price(
    state: &mut State,
    at: i64,
    product: &str,
    (amount, currency): (i64, &str),
    recurrence: Option<Recurrence<'_>>,
) -> Value {
    let id = state.id("price");
    let recurring = recurrence.map(|(interval, count)| {
        json!({
            "interval": interval, "interval_count": count, "meter": null, "trial_period_days": null, "usage_type": "licensed"
        })
    });
    let price = json!({
        "id": id,
        "object": "price",
        "active": true,
        "billing_scheme": "per_unit",
        "created": at,
        "currency": currency,
        "custom_unit_amount": null,
        "livemode": false,
        "lookup_key": null,
        "metadata": {},
        "nickname": null,
        "product": product,
        "recurring": recurring,
        "tax_behavior": "unspecified",
        "tiers_mode": null,
        "transform_quantity": null,
        "type": if recurrence.is_some() { "recurring" } else { "one_time" },
        "unit_amount": amount,
        "unit_amount_decimal": amount.to_string(),
    });
    state.put(table::PRICES, &id, price.clone());
    price
}

/// The price of a product with these terms, made if there is none.
pub(in crate::sandbox) fn price_of(
    state: &mut State,
    at: i64,
    product: &str,
    (amount, currency): (i64, &str),
    recurrence: Option<Recurrence<'_>>,
) -> Value {
    let same = |row: &&Value| {
        let recurring = &row["recurring"];
        row.text("product") == product
            && row.int("unit_amount") == amount
            && row.text("currency") == currency
            && recurrence
                == (!recurring.is_null()).then(|| (recurring.text("interval"), recurring.int("interval_count")))
    };
    let known = state.newest(table::PRICES).map(|(_, row)| row).find(same).cloned();
    known.unwrap_or_else(|| make_price(state, at, product, (amount, currency), recurrence))
}

fn create_product(call: &mut Call<'_>) -> Result<Value, ApiError> {
    let p = call.params;
    if let Some(id) = p.text("id")
        && call.state.get(table::PRODUCTS, id).is_some()
    {
        return Err(ApiError::refused("resource_already_exists", "id", format!("Product already exists: {id}")));
    }
    let made = make_product(call.state, call.now_s, p.text("id"), p.text("name").unwrap_or(""));
    let product = call.state.change(table::PRODUCTS, made.text("id"), |product| {
        product["description"] = json!(p.text("description"));
        product["url"] = json!(p.text("url"));
        product["active"] = json!(p.flag("active").unwrap_or(true));
        product["metadata"] = p.metadata("metadata", &Value::Null);
    });
    let product = product.unwrap_or_default();
    call.emit("product.created", &product);
    Ok(product)
}

fn create_price(call: &mut Call<'_>) -> Result<Value, ApiError> {
    let p = call.params;
    let currency = currency(p.text("currency").unwrap_or(""))?;
    let product = match (p.text("product"), p.text("product_data.name")) {
        (Some(id), None) => match call.state.get(table::PRODUCTS, id) {
            Some(_) => id.to_owned(),
            None => return Err(ApiError::missing("product", id, "product")),
        },
        (None, Some(name)) => make_product(call.state, call.now_s, None, name).text("id").to_owned(),
        _ => {
            let message = "Requires one of product or product_data.";
            return Err(ApiError::invalid(Some("parameter_missing"), "product", message));
        }
    };
    let count = p.int("recurring.interval_count").unwrap_or(1);
    let recurrence = p.text("recurring.interval").map(|interval| (interval, count));
    let amount = (p.int("unit_amount").unwrap_or(0), currency.as_str());
    let made = make_price(call.state, call.now_s, &product, amount, recurrence);
    let price = call.state.change(table::PRICES, made.text("id"), |price| {
        price["nickname"] = json!(p.text("nickname"));
        price["metadata"] = p.metadata("metadata", &Value::Null);
    });
    let price = price.unwrap_or_default();
    call.emit("price.created", &price);
    Ok(price)
}
