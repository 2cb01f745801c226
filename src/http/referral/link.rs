//! Referral links: count the visit, remember it in a cookie, and send the visitor on with the click's id in the address. Who
//! follows the same link again within half an hour is the same visit. Without a click that can be named, the code goes alone:
//! it credits just as well.

use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, TimeDelta, Utc};
use reqwest::Url;

use super::visit::is_visit;
use super::{Door, NOT_KEPT, lower};
use crate::domain::attribution::ClickRule;
use crate::domain::ids::ClickId;
use crate::store::clicks;

/// The first-party cookie, and the query parameter that carries the click to a site elsewhere.
const CLICK: &str = "purser_click";
/// The cookie of one link alone: this visit was counted.
const COUNTED: &str = "purser_counted";
const ONE_VISIT: TimeDelta = TimeDelta::minutes(30);

/// `GET /r/{code}`.
pub async fn follow(
    State(door): State<Door>,
    method: Method,
    headers: HeaderMap,
    Path(code): Path<String>,
) -> Response {
    let now = door.engine.clock.now().await;
    match answer(&door, &method, &headers, &code, now).await {
        Ok(response) => response,
        Err(error) => {
            tracing::error!(%error, "a referral link could not be followed");
            (StatusCode::SERVICE_UNAVAILABLE, "This link doesn't work right now. Please try again in a moment.\n")
                .into_response()
        }
    }
}

async fn answer(
    door: &Door,
    method: &Method,
    headers: &HeaderMap,
    asked: &str,
    now: DateTime<Utc>,
) -> Result<Response, sqlx::Error> {
    let code = lower(asked);
    let Some(landing) = door.landing(&code, now).await? else {
        let mut conn = door.engine.pool.acquire().await?;
        return Ok(match clicks::default_site(&mut conn).await? {
            Some(site) => redirect(&site),
            None => no_such_link(),
        });
    };
    let click = match counted(headers, now) {
        _ if !is_visit(method, headers) => None,
        Some(earlier) => Some(earlier),
        None => door.record(&code, &landing, headers, now).await,
    };
    let Some(click) = click else {
        return Ok(redirect(&address(&landing.url, &[("via", &code)])));
    };
    let mut response = redirect(&address(&landing.url, &[("via", &code), (CLICK, &click.to_string())]));
    let secure = if door.engine.config.public_url_is_https() { "; Secure" } else { "" };
    let window_s = i64::from(landing.cookie_days) * 24 * 60 * 60;
    let first = if landing.click_rule == ClickRule::First { click_in(headers, CLICK) } else { None };
    let kept = first.unwrap_or(click);
    // The page may read the click, because its scripts hand it to the checkout.
    let cookies = [
        format!("{CLICK}={kept}; Max-Age={window_s}; Path=/; SameSite=Lax{secure}"),
        format!(
            "{COUNTED}={click}; Max-Age={}; Path=/r/{asked}; HttpOnly; SameSite=Lax{secure}",
            ONE_VISIT.num_seconds()
        ),
    ];
    for cookie in cookies.iter().filter_map(|cookie| HeaderValue::from_str(cookie).ok()) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

/// The click that this visitor was counted as a moment ago. The id tells its own age.
fn counted(headers: &HeaderMap, now: DateTime<Utc>) -> Option<ClickId> {
    let id = click_in(headers, COUNTED)?;
    let (seconds, _) = id.0.get_timestamp()?.to_unix();
    let at = DateTime::from_timestamp(i64::try_from(seconds).ok()?, 0)?;
    (now - at < ONE_VISIT && at <= now).then_some(id)
}

/// The click that a cookie names.
fn click_in(headers: &HeaderMap, cookie: &str) -> Option<ClickId> {
    let cookies = headers.get_all(header::COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    cookies
        .flat_map(|text| text.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(name, value)| (name == cookie).then(|| value.parse().ok()).flatten())
}

/// The address with more in its query, what it had kept. An address that can't be read is left as it is.
fn address(base: &str, more: &[(&str, &str)]) -> String {
    match Url::parse(base) {
        Ok(mut url) => {
            url.query_pairs_mut().extend_pairs(more);
            url.into()
        }
        Err(_) => base.to_owned(),
    }
}

fn redirect(to: &str) -> Response {
    HeaderValue::from_str(to).map_or_else(
        |_| no_such_link(),
        |location| (StatusCode::FOUND, [(header::LOCATION, location), NOT_KEPT]).into_response(),
    )
}

fn no_such_link() -> Response {
    (StatusCode::NOT_FOUND, "No such link.\n").into_response()
}
