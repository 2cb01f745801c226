//! What a form's answer leaves for the next page: one message, and on an error what was typed. Travels in a cookie that the
//! next page clears, so that failed sign-ins write no session. Never carries a password; always shown as text.

use std::collections::BTreeMap;

use axum::http::{HeaderMap, HeaderValue, header};
use serde::{Deserialize, Serialize};

const COOKIE: &str = "purser_said";
/// Browsers keep about 4 KB a cookie; the hex text is twice the JSON.
const MOST_BYTES: usize = 1_800;

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flash {
    pub message: String,
    pub failed: bool,
    /// The field that is wrong.
    pub param: Option<String>,
    /// Field name to what was typed.
    pub typed: BTreeMap<String, String>,
}

impl Flash {
    pub fn done(message: impl Into<String>) -> Self {
        Self { message: message.into(), ..Self::default() }
    }

    /// The header that hands the flash to the next page; what was typed is left out when it is too long to travel.
    pub fn set_cookie(&self) -> Option<HeaderValue> {
        let json = serde_json::to_vec(self).ok()?;
        if json.len() > MOST_BYTES {
            let short = Self { typed: BTreeMap::new(), ..self.clone() };
            return (!self.typed.is_empty()).then(|| short.set_cookie()).flatten();
        }
        let value = hex::encode(json);
        HeaderValue::from_str(&format!("{COOKIE}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age=60")).ok()
    }

    /// The header that clears it.
    pub fn clear_cookie() -> HeaderValue {
        HeaderValue::from_static("purser_said=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0")
    }

    pub fn from_headers(headers: &HeaderMap) -> Option<Self> {
        let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        let mut pairs = cookies.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
        let (_, value) = pairs.find(|(name, _)| *name == COOKIE)?;
        serde_json::from_slice(&hex::decode(value).ok()?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn carried(flash: &Flash) -> Option<Flash> {
        let set = flash.set_cookie()?;
        let pair = set.to_str().ok()?.split(';').next()?.to_owned();
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, HeaderValue::from_str(&format!("theme=dark; {pair}")).ok()?);
        Flash::from_headers(&headers)
    }

    #[test]
    fn what_was_said_and_typed_reaches_the_next_page() {
        let typed = BTreeMap::from([("email".to_owned(), "ada@example.com; ü".to_owned())]);
        let flash = Flash { message: "No.".into(), failed: true, param: Some("email".into()), typed };
        assert_eq!(carried(&flash), Some(flash));
    }

    #[test]
    fn a_message_survives_when_what_was_typed_is_too_long_to_travel() {
        let typed = BTreeMap::from([("name".to_owned(), "x".repeat(5_000))]);
        let flash = Flash { message: "Too long.".into(), failed: true, param: None, typed };
        let carried = carried(&flash).unwrap_or_default();
        assert_eq!((carried.message.as_str(), carried.typed.len()), ("Too long.", 0));
    }

    #[test]
    fn a_cookie_of_somebody_elses_making_is_no_flash() {
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, HeaderValue::from_static("purser_said=zz"));
        assert_eq!(Flash::from_headers(&headers), None);
    }
}
