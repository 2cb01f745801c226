//! `/purser.js`: the script for the company's own site, with the program's settings written in. What browsers load is the
//! readable source without its comments and indentation.

use std::sync::LazyLock;

use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::Door;
use crate::store::clicks;

const SOURCE: &str = include_str!("purser.js");
const SETTINGS: &str = "PURSER_SETTINGS";

/// An hour, so that changed settings arrive soon; an older one does while a new one can't be had.
const KEPT: &str = "public, max-age=3600, stale-while-revalidate=86400, stale-if-error=604800";

static SMALL: LazyLock<String> = LazyLock::new(|| {
    let lines = SOURCE.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//"));
    lines.fold(String::new(), |text, line| text + line + "\n")
});

#[derive(Deserialize)]
pub struct Asked {
    /// The slug of a program; without one, the oldest program is meant.
    program: Option<String>,
}

/// `GET /purser.js?program={slug}`.
pub async fn serve(State(door): State<Door>, Query(asked): Query<Asked>, headers: HeaderMap) -> Response {
    let (now, slug) = (door.engine.clock.now().await, asked.program.as_deref());
    let ask = clicks::tracking(&door.engine.pool, slug);
    let tracking = match door.tracking.find(slug.unwrap_or_default(), now, ask).await {
        Ok(Some(tracking)) => tracking,
        Ok(None) => return (StatusCode::NOT_FOUND, "// There is no such program.\n").into_response(),
        Err(error) => {
            tracing::error!(%error, "the site's script could not be served");
            return (StatusCode::SERVICE_UNAVAILABLE, "// Not available right now.\n").into_response();
        }
    };
    let settings =
        json!({ "home": door.engine.config.public_url, "days": tracking.cookie_days, "rule": tracking.click_rule });
    let script = SMALL.replacen(SETTINGS, &settings.to_string(), 1);
    respond(script, &headers)
}

fn respond(script: String, asked: &HeaderMap) -> Response {
    let etag = format!("\"{}\"", hex::encode(&Sha256::digest(&script)[..12]));
    let mut headers = HeaderMap::from_iter([
        (header::CACHE_CONTROL, HeaderValue::from_static(KEPT)),
        (header::CONTENT_TYPE, HeaderValue::from_static("text/javascript; charset=utf-8")),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        // Sites that isolate themselves load it too.
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*")),
        (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("cross-origin")),
    ]);
    let known = asked.get(header::IF_NONE_MATCH).and_then(|known| known.to_str().ok()).unwrap_or_default();
    let known = known.split(',').any(|one| one.trim().trim_start_matches("W/") == etag);
    if let Ok(etag) = HeaderValue::from_str(&etag) {
        headers.insert(header::ETAG, etag);
    }
    if known { (StatusCode::NOT_MODIFIED, headers).into_response() } else { (headers, script).into_response() }
}
