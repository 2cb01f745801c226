//! Links to the hosted onboarding page: they work once and for a few minutes.

use serde_json::{Value, json};

use super::super::error::ApiError;
use super::super::state::table;
use super::{Call, Route, post};

const LIVES_FOR_S: i64 = 300;

pub(super) const ROUTES: &[Route] = &[post(
    "/v1/account_links",
    &[
        "account!",
        "type! account_onboarding|account_update",
        "refresh_url",
        "return_url",
        "collect currently_due|eventually_due",
        "collection_options.fields currently_due|eventually_due",
        "collection_options.future_requirements include|omit",
    ],
    create,
)];

fn create(call: &mut Call<'_>) -> Result<Value, ApiError> {
    let p = call.params;
    let account = p.owned("account").unwrap_or_default();
    if call.state.get(table::ACCOUNTS, &account).is_none() {
        return Err(ApiError::missing("account", &account, "account"));
    }
    for name in ["refresh_url", "return_url"] {
        match p.text(name) {
            None => {
                let message = format!("You must provide a {name} for this type of account link.");
                return Err(ApiError::refused("parameter_missing", name, message));
            }
            Some(url) if !url.starts_with("http://") && !url.starts_with("https://") => {
                return Err(ApiError::refused("url_invalid", name, format!("Not a valid URL: {url}")));
            }
            Some(_) => {}
        }
    }
    let token = call.state.token(24);
    let expires_at = call.now_s + LIVES_FOR_S;
    let row = json!({
        "account": account,
        "refresh_url": p.text("refresh_url"),
        "return_url": p.text("return_url"),
        "expires_at": expires_at,
        "used": false,
    });
    call.state.put(table::ACCOUNT_LINKS, &token, row);
    let url = format!("{}/connect/onboarding/{token}", call.base);
    Ok(json!({ "object": "account_link", "created": call.now_s, "expires_at": expires_at, "url": url }))
}
