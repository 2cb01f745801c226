//! Referral links: counts the visit, remembers it in a cookie, and sends the visitor on. A link never fails for the visitor
//! because of us: without a click to record it still leads to the site.

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use chrono::{DateTime, Utc};
use reqwest::Url;

use crate::Engine;
use crate::domain::ids::{CampaignId, ClickId, EnrollmentId};
use crate::store::clicks::{self, Landing, NewClick};

/// The first-party cookie, and the query parameter that carries the click to a site elsewhere.
const CLICK: &str = "purser_click";

/// Longer headers are cut, in bytes.
const KEPT_HEADER: usize = 500;

/// `GET /r/{code}`.
pub fn router(engine: Engine) -> Router {
    Router::new().route("/r/{code}", get(follow)).with_state(engine)
}

async fn follow(
    State(engine): State<Engine>,
    method: Method,
    headers: HeaderMap,
    Path(code): Path<String>,
) -> Response {
    let now = engine.clock.now().await;
    match answer(&engine, &method, &headers, &code, now).await {
        Ok(response) => response,
        Err(error) => {
            tracing::error!(%error, "a referral link could not be followed");
            (StatusCode::SERVICE_UNAVAILABLE, "This link doesn't work right now. Please try again in a moment.\n")
                .into_response()
        }
    }
}

async fn answer(
    engine: &Engine,
    method: &Method,
    headers: &HeaderMap,
    code: &str,
    now: DateTime<Utc>,
) -> Result<Response, sqlx::Error> {
    let mut conn = engine.pool.acquire().await?;
    let code = code.trim().to_lowercase();
    let Some(landing) = clicks::landing(&mut conn, &code, now).await? else {
        return Ok(match clicks::default_site(&mut conn).await? {
            Some(site) => redirect(&site),
            None => (StatusCode::NOT_FOUND, "No such link.\n").into_response(),
        });
    };
    if !is_visit(method, headers) {
        return Ok(redirect(&address(&landing.url, &[("via", &code)])));
    }
    let click_id = ClickId::new(now);
    let click = NewClick {
        id: click_id,
        code: &code,
        enrollment_id: EnrollmentId(landing.enrollment_id),
        campaign_id: landing.campaign_id.map(CampaignId),
        at: now,
        referrer: kept(headers, &header::REFERER),
        user_agent: kept(headers, &header::USER_AGENT),
    };
    clicks::insert(&mut conn, &click).await?;
    let click_id = click_id.to_string();
    let mut response = redirect(&address(&landing.url, &[("via", &code), (CLICK, &click_id)]));
    let secure = engine.config.public_url.starts_with("https:");
    if let Some(cookie) = cookie(&click_id, &landing, secure) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

/// Whether somebody came: not a machine that looks ahead.
fn is_visit(method: &Method, headers: &HeaderMap) -> bool {
    let says = |name: &str, words: &[&str]| {
        headers.get(name).and_then(|value| value.to_str().ok()).is_some_and(|value| {
            let value = value.to_lowercase();
            words.iter().any(|word| value.contains(word))
        })
    };
    let looks_ahead = says("purpose", &["prefetch", "preview"])
        || says("sec-purpose", &["prefetch", "prerender"])
        || says("x-moz", &["prefetch"]);
    let is_bot = says("user-agent", &["bot/", "bot;", "bot)", "crawler", "spider", "facebookexternalhit", "preview"]);
    method == Method::GET && !looks_ahead && !is_bot
}

fn kept<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let text = headers.get(name)?.to_str().ok()?;
    // What `to_str` accepts is ASCII, so any byte is a boundary.
    Some(&text[..text.len().min(KEPT_HEADER)])
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

/// The page may read the cookie, because its scripts hand the click to the checkout.
fn cookie(click_id: &str, landing: &Landing, secure: bool) -> Option<HeaderValue> {
    let seconds = i64::from(landing.cookie_days) * 24 * 60 * 60;
    let secure = if secure { "; Secure" } else { "" };
    HeaderValue::from_str(&format!("{CLICK}={click_id}; Max-Age={seconds}; Path=/; SameSite=Lax{secure}")).ok()
}

fn redirect(to: &str) -> Response {
    match HeaderValue::from_str(to) {
        Ok(location) => {
            let headers = [(header::LOCATION, location), (header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
            (StatusCode::FOUND, headers).into_response()
        }
        Err(_) => (StatusCode::NOT_FOUND, "No such link.\n").into_response(),
    }
}
