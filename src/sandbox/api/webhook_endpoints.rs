//! Webhook endpoints registered through the API. The secret is shown once, when the endpoint is made.

use serde_json::{Value, json};

use super::super::error::ApiError;
use super::super::list;
use super::super::state::table;
use super::{Call, PAGE, Route, delete, get, post};

pub(super) const ROUTES: &[Route] = &[
    post(
        "/v1/webhook_endpoints",
        &["url!", "enabled_events! list", "connect flag", "description", "api_version", "metadata map"],
        create,
    ),
    get("/v1/webhook_endpoints", PAGE, all),
    get("/v1/webhook_endpoints/{}", &[], one),
    post(
        "/v1/webhook_endpoints/{}",
        &["url", "enabled_events list", "description", "disabled flag", "metadata map"],
        update,
    ),
    delete("/v1/webhook_endpoints/{}", remove),
];

/// The row without what only its maker may see.
fn shown(mut row: Value) -> Value {
    if let Some(fields) = row.as_object_mut() {
        fields.remove("secret");
        fields.remove("connect");
    }
    row
}

fn create(call: &mut Call<'_>) -> Result<Value, ApiError> {
    let p = call.params;
    let url = p.text("url").unwrap_or("");
    if !url.starts_with("http://") && !url.starts_with("https://") {
        return Err(ApiError::refused(
            "url_invalid",
            "url",
            "Invalid URL: An explicit scheme (such as https) must be provided.",
        ));
    }
    let connect = p.flag("connect").unwrap_or(false);
    let id = call.state.id("we");
    let secret = format!("whsec_{}", call.state.token(32));
    let mut row = json!({
        "id": id,
        "object": "webhook_endpoint",
        "api_version": p.text("api_version"),
        "application": null,
        "created": call.now_s,
        "description": p.text("description"),
        "enabled_events": p.list("enabled_events"),
        "livemode": false,
        "metadata": p.metadata("metadata", &Value::Null),
        "status": "enabled",
        "url": url,
        "secret": secret,
        "connect": connect,
    });
    call.state.put(table::ENDPOINTS, &id, row.clone());
    if let Some(fields) = row.as_object_mut() {
        fields.remove("connect");
    }
    Ok(row)
}

fn all(call: &mut Call<'_>) -> Result<Value, ApiError> {
    let mut page = list::page(call.state, table::ENDPOINTS, call.path, call.params, |_| true)?;
    if let Some(data) = page["data"].as_array_mut() {
        data.iter_mut().for_each(|row| *row = shown(row.take()));
    }
    Ok(page)
}

fn one(call: &mut Call<'_>) -> Result<Value, ApiError> {
    call.named(table::ENDPOINTS, "webhook endpoint").map(shown)
}

fn update(call: &mut Call<'_>) -> Result<Value, ApiError> {
    let before = call.named(table::ENDPOINTS, "webhook endpoint")?;
    let (id, p) = (call.id(0), call.params);
    let metadata = p.metadata("metadata", &before["metadata"]);
    let after = call.state.change(table::ENDPOINTS, &id, |row| {
        for name in ["url", "description"] {
            if let Some(value) = p.text(name) {
                row[name] = json!(value);
            }
        }
        if p.has("enabled_events") {
            row["enabled_events"] = json!(p.list("enabled_events"));
        }
        if let Some(disabled) = p.flag("disabled") {
            row["status"] = json!(if disabled { "disabled" } else { "enabled" });
        }
        row["metadata"] = metadata;
    });
    Ok(shown(after.unwrap_or_default()))
}

fn remove(call: &mut Call<'_>) -> Result<Value, ApiError> {
    call.named(table::ENDPOINTS, "webhook endpoint")?;
    let id = call.id(0);
    call.state.remove(table::ENDPOINTS, &id);
    Ok(json!({ "id": id, "object": "webhook_endpoint", "deleted": true }))
}
