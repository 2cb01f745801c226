//! A secret that the next page shows and nobody can see again: a new API key, a colleague's set-password link. It travels to the
//! browser that asked for it in a cookie that only the settings get, that no script can read, and that the page clears; it is
//! never stored here and never logged.

use axum::http::{HeaderMap, HeaderValue, header};
use leptos::prelude::use_context;
use leptos_axum::ResponseOptions;
use purser::Engine;
use serde::{Deserialize, Serialize};

const COOKIE: &str = "purser_once";
const PATH: &str = "/admin/settings";

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownOnce {
    /// What the secret is, as its label.
    pub what: String,
    pub secret: String,
}

impl ShownOnce {
    /// Hands the secret to the page that the browser is sent to.
    pub fn hand_over(&self, engine: &Engine) {
        let (Some(response), Ok(json)) = (use_context::<ResponseOptions>(), serde_json::to_vec(self)) else { return };
        append(&response, &cookie(engine, &hex::encode(json), 60));
    }

    /// The secret that this request carries, to be shown now; the answer takes it away from the browser.
    pub fn take(engine: &Engine, headers: &HeaderMap) -> Option<Self> {
        let shown = Self::from_headers(headers)?;
        if let Some(response) = use_context::<ResponseOptions>() {
            append(&response, &cookie(engine, "", 0));
        }
        Some(shown)
    }

    fn from_headers(headers: &HeaderMap) -> Option<Self> {
        let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        let mut pairs = cookies.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
        let (_, value) = pairs.find(|(name, _)| *name == COOKIE)?;
        serde_json::from_slice(&hex::decode(value).ok()?).ok()
    }
}

fn cookie(engine: &Engine, value: &str, seconds: u32) -> String {
    let secure = if engine.config.public_url.starts_with("https://") { "; Secure" } else { "" };
    format!("{COOKIE}={value}; Path={PATH}; HttpOnly; SameSite=Strict; Max-Age={seconds}{secure}")
}

fn append(response: &ResponseOptions, cookie: &str) {
    if let Ok(value) = HeaderValue::from_str(cookie) {
        response.append_header(header::SET_COOKIE, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_of_somebody_elses_making_shows_nothing() {
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, HeaderValue::from_static("purser_once=7b7d; theme=dark"));
        assert!(ShownOnce::from_headers(&headers).is_none());
    }
}
