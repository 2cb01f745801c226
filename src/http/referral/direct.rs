//! Visits that didn't come through `/r/…`: somebody linked to the company's site with `?via=code`, and the site's script tells
//! of it. Only pages of the program's own site are listened to; who isn't gets no click, and the code credits alone.

use std::net::SocketAddr;

use axum::Form;
use axum::Json;
use axum::extract::FromRequest;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use reqwest::Url;
use serde::Deserialize;
use serde_json::json;

use super::visit::is_person;
use super::{Door, NOT_KEPT, lower};
use crate::store::clicks::Landing;

#[derive(Deserialize)]
struct Told {
    via: String,
}

/// `POST /clicks`, a form with `via`: 201 with the click, 204 when the visit isn't counted.
pub async fn tell(State(door): State<Door>, request: Request) -> Response {
    let headers = request.headers().clone();
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip().to_string());
    if !door.rates.take(peer.as_deref().unwrap_or_default()) {
        return refusal(StatusCode::TOO_MANY_REQUESTS, "Too many visits from one address.");
    }
    let Ok(Form(told)) = Form::<Told>::from_request(request, &()).await else {
        return refusal(StatusCode::BAD_REQUEST, "`via` takes a referral code, as a form.");
    };
    let (now, code) = (door.engine.clock.now().await, lower(&told.via));
    let landing = match door.landing(&code, now).await {
        Ok(Some(landing)) => landing,
        Ok(None) => return refusal(StatusCode::NOT_FOUND, "`via` is nobody's referral code."),
        Err(error) => {
            tracing::error!(%error, "a visit could not be counted");
            return refusal(StatusCode::SERVICE_UNAVAILABLE, "The visit can't be counted right now.");
        }
    };
    let Some(origin) = origin_of_the_site(&headers, &landing) else {
        return refusal(StatusCode::FORBIDDEN, "Visits are told of by the pages of the program's own site.");
    };
    let click = if is_person(&headers) { door.record(&code, &landing, &headers, now).await } else { None };
    let seen_by = [(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin), (header::VARY, HeaderValue::from_static("origin"))];
    match click {
        Some(click) => (StatusCode::CREATED, seen_by, [NOT_KEPT], Json(json!({ "click": click }))).into_response(),
        None => (StatusCode::NO_CONTENT, seen_by).into_response(),
    }
}

fn refusal(status: StatusCode, message: &str) -> Response {
    (status, Json(json!({ "error": { "message": message } }))).into_response()
}

/// The page's origin, if it is of the site that the code leads to or of the program's: the same host, or one beside or below it.
fn origin_of_the_site(headers: &HeaderMap, landing: &Landing) -> Option<HeaderValue> {
    let origin = headers.get(header::ORIGIN)?;
    let host = host_of(origin.to_str().ok()?)?;
    let ours = [&landing.url, &landing.site_url].into_iter().filter_map(|address| host_of(address));
    ours.into_iter().any(|ours| host == ours || host.ends_with(&format!(".{ours}"))).then(|| origin.clone())
}

/// The host without `www.`, so that a site and its `www` are one.
fn host_of(address: &str) -> Option<String> {
    let host = Url::parse(address).ok()?.host_str()?.to_owned();
    Some(host.strip_prefix("www.").map(str::to_owned).unwrap_or(host))
}
