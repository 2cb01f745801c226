//! Checks and readings of single fields that several commands share; each refusal names the field and what it takes.

use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use super::{Error, Result};

const LONGEST_NAME: usize = 200;
const LONGEST_REASON: usize = 1000;
const LONGEST_URL: usize = 2000;
/// As the database checks it: one character, then up to 62 more.
const LONGEST_SLUG: usize = 63;

/// Tells "left out" from "null" in a change: null is `Some(None)`.
pub(super) fn nullable<'de, D, T>(deserializer: D) -> std::result::Result<Option<Option<T>>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Option::<T>::deserialize(deserializer).map(Some)
}

pub(super) fn name(param: &str, text: &str) -> Result<()> {
    let length = text.trim().chars().count();
    if length == 0 || length > LONGEST_NAME || text.chars().any(char::is_control) {
        return Err(Error::invalid(param, format!("`{param}` must have 1 to {LONGEST_NAME} characters on one line.")));
    }
    Ok(())
}

/// Why somebody decided so, without blanks around it.
pub(super) fn reason(text: &str) -> Result<&str> {
    match text.trim() {
        "" => Err(Error::invalid("reason", "Say why: the reason stays on record.")),
        long if long.chars().count() > LONGEST_REASON => {
            Err(Error::invalid("reason", format!("Say why in at most {LONGEST_REASON} characters.")))
        }
        reason => Ok(reason),
    }
}

pub(super) fn url(param: &str, text: &str) -> Result<()> {
    let web = reqwest::Url::parse(text).is_ok_and(|url| {
        matches!(url.scheme(), "http" | "https") && url.host_str().is_some() && url.username().is_empty()
    });
    if !web || text.len() > LONGEST_URL {
        return Err(Error::invalid(param, format!("`{param}` must be a web address such as https://example.com.")));
    }
    Ok(())
}

fn is_word(text: &str, extra: &str) -> bool {
    let inside = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || extra.contains(c);
    text.len() <= LONGEST_SLUG
        && text.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
        && text.chars().all(inside)
}

pub(super) fn slug(param: &str, text: &str) -> Result<()> {
    if is_word(text, "-") {
        return Ok(());
    }
    Err(Error::invalid(
        param,
        format!("`{param}` must be lower-case letters, digits and dashes, such as `spring-partners`."),
    ))
}

/// A referral code, in the lower case in which it is kept.
pub(super) fn referral_code(param: &str, text: &str) -> Result<String> {
    let code = text.trim().to_ascii_lowercase();
    if is_word(&code, "-_") {
        return Ok(code);
    }
    let takes = "must be letters, digits, dashes and underscores, starting with a letter or digit, such as `ada`";
    Err(Error::invalid(param, format!("`{param}` {takes}.")))
}

/// The text as a slug: `Ada Lovelace & Co` is `ada-lovelace-co`. Empty when nothing of it can be in one.
pub(super) fn slug_of(text: &str) -> String {
    let mut slug = String::new();
    for c in text.to_lowercase().chars() {
        if c.is_ascii_alphanumeric() {
            slug.push(c);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
        if slug.len() >= 40 {
            break;
        }
    }
    slug.trim_end_matches('-').to_owned()
}

/// What differs between two readings of one object, for the audit log: `{"hold_days": {"from": 30, "to": 14}}`.
pub(super) fn changes(before: &Value, after: &Value) -> Value {
    let mut changed = Map::new();
    if let (Value::Object(before), Value::Object(after)) = (before, after) {
        for (name, to) in after.iter().filter(|(name, _)| name.as_str() != "updated_at") {
            let from = before.get(name).unwrap_or(&Value::Null);
            if from != to {
                changed.insert(name.clone(), serde_json::json!({ "from": from, "to": to }));
            }
        }
    }
    Value::Object(changed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_becomes_a_slug() {
        for (name, slug) in [("Ada Lovelace & Co", "ada-lovelace-co"), ("  --x", "x"), ("日本", ""), ("A1", "a1")] {
            assert_eq!(slug_of(name), slug);
        }
    }

    #[test]
    fn codes_are_kept_in_lower_case_and_refused_with_their_field() {
        assert_eq!(referral_code("code", " Ada_99 ").unwrap(), "ada_99");
        for bad in ["", "-ada", "a da", "ä", &"a".repeat(64)] {
            assert_eq!(referral_code("enrollments[0].code", bad).unwrap_err().param(), Some("enrollments[0].code"));
        }
    }

    #[test]
    fn only_web_addresses_are_taken() {
        assert!(
            url("site_url", "https://example.com/a?b=c").is_ok() && url("site_url", "http://localhost:3000").is_ok()
        );
        for bad in ["", "example.com", "javascript:alert(1)", "ftp://example.com", "https://", "https://u@example.com"]
        {
            assert!(url("site_url", bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_log_tells_only_what_changed() {
        let change =
            changes(&serde_json::json!({"a": 1, "b": 2}), &serde_json::json!({"a": 1, "b": 3, "updated_at": 9}));
        assert_eq!(change, serde_json::json!({"b": {"from": 2, "to": 3}}));
    }
}
