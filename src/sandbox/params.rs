//! Form-encoded parameters with Stripe's nesting: `a[b][c]=1` and `a[]=1` become flat, dotted names (`a.b.c`, `a.0`).
//! This only takes the text apart; what is allowed is decided by `spec`.

use std::collections::BTreeMap;

use axum::http::Uri;
use serde_json::{Map, Value, json};

use super::error::ApiError;

/// A call's parameters by dotted name, in a fixed order, so that equal calls have equal fingerprints.
#[derive(Debug, Clone, Default)]
pub(super) struct Params(BTreeMap<String, String>);

/// `a[b][]` → `["a", "b", ""]`; none when the brackets do not pair.
fn segments(name: &str) -> Option<Vec<&str>> {
    let (head, mut rest) = match name.find('[') {
        Some(at) => name.split_at(at),
        None => (name, ""),
    };
    let mut parts = vec![head];
    while let Some(inner) = rest.strip_prefix('[') {
        let (part, after) = inner.split_once(']')?;
        parts.push(part);
        rest = after;
    }
    (rest.is_empty() && !head.is_empty()).then_some(parts)
}

impl Params {
    /// Reads the query and a form body; a malformed name is a 400 as with Stripe.
    pub fn read(uri: &Uri, body: &[u8]) -> Result<Self, ApiError> {
        let mut params = Self::default();
        for text in [uri.query().unwrap_or("").as_bytes(), body] {
            let pairs = form_pairs(text);
            for (name, value) in pairs {
                let Some(parts) = segments(&name) else {
                    return Err(ApiError::invalid(None, &name, format!("Invalid parameter name: {name}")));
                };
                params.insert(&parts, value);
            }
        }
        Ok(params)
    }

    fn insert(&mut self, parts: &[&str], value: String) {
        let mut name = String::new();
        for part in parts {
            if !name.is_empty() {
                name.push('.');
            }
            if part.is_empty() {
                let prefix = name.clone();
                let next = (0..).find(|n| !self.has(&format!("{prefix}{n}"))).unwrap_or(0);
                name.push_str(&next.to_string());
            } else {
                name.push_str(part);
            }
        }
        self.0.insert(name, value);
    }

    /// Whether the name or anything below it was given.
    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(name) || self.below(name).next().is_some()
    }

    /// Every name below `name`, without the prefix, with its value.
    pub fn below<'a>(&'a self, name: &str) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        let prefix = format!("{name}.");
        let skip = prefix.len();
        self.0
            .range(prefix.clone()..)
            .take_while(move |(key, _)| key.starts_with(&prefix))
            .map(move |(key, value)| (&key[skip..], value.as_str()))
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The text of a parameter; an empty one counts as not given.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    pub fn owned(&self, name: &str) -> Option<String> {
        self.text(name).map(str::to_owned)
    }

    /// A whole number; `spec` has already refused what is none.
    pub fn int(&self, name: &str) -> Option<i64> {
        self.text(name).and_then(|value| value.parse().ok())
    }

    pub fn flag(&self, name: &str) -> Option<bool> {
        self.text(name).map(|value| value == "true")
    }

    /// The values of a list parameter in order.
    pub fn list(&self, name: &str) -> Vec<String> {
        let mut items: Vec<(usize, String)> =
            self.below(name).filter_map(|(at, value)| Some((at.parse().ok()?, value.to_owned()))).collect();
        items.sort();
        items.into_iter().map(|(_, value)| value).collect()
    }

    /// A free map such as metadata laid over what was there: an empty value removes the key, as with Stripe.
    pub fn metadata(&self, name: &str, before: &Value) -> Value {
        let mut map: Map<String, Value> = before.as_object().cloned().unwrap_or_default();
        for (key, value) in self.below(name) {
            if value.is_empty() {
                map.remove(key);
            } else {
                map.insert(key.to_owned(), json!(value));
            }
        }
        Value::Object(map)
    }

    /// What the log shows and what the fingerprint of an idempotency key is made of.
    pub fn as_json(&self) -> Value {
        json!(self.0)
    }
}

/// Splits `a=1&b=2` and decodes `+` and `%xx`.
pub(super) fn form_pairs(text: &[u8]) -> Vec<(String, String)> {
    text.split(|byte| *byte == b'&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let at = pair.iter().position(|byte| *byte == b'=').unwrap_or(pair.len());
            (decoded(&pair[..at]), decoded(pair.get(at + 1..).unwrap_or(&[])))
        })
        .collect()
}

fn decoded(text: &[u8]) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    while at < text.len() {
        let hex = text.get(at + 1..at + 3).and_then(|pair| std::str::from_utf8(pair).ok());
        match (text[at], hex.and_then(|pair| u8::from_str_radix(pair, 16).ok())) {
            (b'%', Some(byte)) => {
                out.push(byte);
                at += 2;
            }
            (b'+', _) => out.push(b' '),
            (byte, _) => out.push(byte),
        }
        at += 1;
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Encodes a value for a query string.
pub(super) fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nested_names_and_lists_are_flattened() {
        let body =
            b"controller[fees][payer]=application&types[]=a&types[]=b+c&items[0][price]=p%5F1&items[1][price]=p_2";
        let params = Params::read(&Uri::from_static("/v1/x?limit=3"), body).unwrap();
        assert_eq!(params.text("controller.fees.payer"), Some("application"));
        assert_eq!(params.list("types"), ["a", "b c"]);
        assert_eq!(params.text("items.1.price"), Some("p_2"));
        assert_eq!(params.int("limit"), Some(3));
    }

    #[test]
    fn brackets_that_do_not_pair_are_refused() {
        assert!(Params::read(&Uri::from_static("/v1/x"), b"a[b=1").is_err());
    }
}
