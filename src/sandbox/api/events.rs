//! The events of the last 30 days, to find those that never arrived. Those of connected accounts are listed too.

use serde_json::Value;

use super::super::error::ApiError;
use super::super::state::{Read, table};
use super::super::{event, list};
use super::{Call, Route, get, retrieve};

pub(super) const ROUTES: &[Route] = &[
    get(
        "/v1/events",
        &[
            "created range",
            "delivery_success flag",
            "type",
            "types list",
            "limit int",
            "starting_after",
            "ending_before",
        ],
        all,
    ),
    retrieve("/v1/events/{}", table::EVENTS, "event"),
];

fn all(call: &mut Call<'_>) -> Result<Value, ApiError> {
    let (p, types) = (call.params, call.params.list("types"));
    if p.has("type") && p.has("types") {
        let message = "You may only specify one of these parameters: type, types.";
        return Err(ApiError::invalid(None, "types", message));
    }
    let oldest = event::oldest_listed(call.state);
    list::page(call.state, table::EVENTS, call.path, p, |row| {
        let kind = row.text("type");
        let of_type = p.text("type").is_none_or(|wanted| match wanted.strip_suffix('*') {
            Some(start) => kind.starts_with(start),
            None => kind == wanted,
        });
        let delivered = row.int("pending_webhooks") == 0;
        row.int("created") >= oldest
            && of_type
            && (types.is_empty() || types.iter().any(|wanted| wanted == kind))
            && p.flag("delivery_success").is_none_or(|wanted| wanted == delivered)
    })
}
