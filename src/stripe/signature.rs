//! The check of `Stripe-Signature`: that a webhook's body comes from who knows the endpoint's secret, and is fresh.
//! Facts: stripe.com's scheme v1, HMAC-SHA256 over `"{t}.{raw body}"`, lower-case hex.

use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::config::Secret;

/// How far the signature's time may be from ours, in seconds, in either direction.
pub const TOLERANCE_SECONDS: i64 = 300;

/// Why a body is not taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadSignature {
    #[error("the Stripe-Signature header is missing")]
    Missing,
    #[error("the Stripe-Signature header can't be read; it looks like t=1700000000,v1=…")]
    Malformed,
    #[error("the signature is more than {TOLERANCE_SECONDS} seconds from this server's time; check its clock")]
    Stale,
    #[error("no v1 signature matches a secret in STRIPE_WEBHOOK_SECRETS; copy the endpoint's signing secret there")]
    NoMatch,
}

/// Accepts a body that any of the secrets signed, in constant time per candidate.
///
/// # Errors
/// [`BadSignature`] says why not.
pub fn verify(header: &str, body: &[u8], secrets: &[Secret], now: DateTime<Utc>) -> Result<(), BadSignature> {
    let mut signed_at: Option<(&str, i64)> = None;
    let mut candidates: Vec<Vec<u8>> = Vec::new();
    for field in header.split(',') {
        match field.trim().split_once('=') {
            Some(("t", text)) => signed_at = Some((text, text.parse().map_err(|_| BadSignature::Malformed)?)),
            Some(("v1", text)) => candidates.extend(hex::decode(text).ok()),
            _ => {}
        }
    }
    let Some((text, seconds)) = signed_at else { return Err(BadSignature::Malformed) };
    let matches = |secret: &Secret| {
        candidates
            .iter()
            .any(|candidate| mac(secret.expose(), text, body).is_some_and(|mac| mac.verify_slice(candidate).is_ok()))
    };
    if !secrets.iter().any(matches) {
        return Err(BadSignature::NoMatch);
    }
    if now.timestamp().abs_diff(seconds) > TOLERANCE_SECONDS.unsigned_abs() {
        return Err(BadSignature::Stale);
    }
    Ok(())
}

/// The header that the secret gives a body at that time, for who sends webhooks: the sandbox and tests.
pub fn sign(secret: &str, body: &[u8], at: DateTime<Utc>) -> String {
    let seconds = at.timestamp().to_string();
    let signature = mac(secret, &seconds, body).map(|mac| hex::encode(mac.finalize().into_bytes())).unwrap_or_default();
    format!("t={seconds},v1={signature}")
}

fn mac(secret: &str, seconds: &str, body: &[u8]) -> Option<Hmac<Sha256>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).ok()?;
    mac.update(seconds.as_bytes());
    mac.update(b".");
    mac.update(body);
    Some(mac)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = br#"{"id":"evt_1"}"#;

    fn secrets() -> Vec<Secret> {
        vec![Secret::new("whsec_new"), Secret::new("whsec_old")]
    }

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
    }

    #[test]
    fn the_scheme_is_the_published_one() {
        // Made with: printf '1800000000.{"id":"evt_1"}' | openssl dgst -sha256 -hmac whsec_new
        let header = "t=1800000000,v1=bcd5b8f84c1762e896c564b29f53d2d26064aba6607250fa924f75df06e0f8a4";
        assert_eq!(sign("whsec_new", BODY, at(0)), header);
    }

    #[test]
    fn any_signature_by_any_secret_is_enough() {
        let old = sign("whsec_old", BODY, at(0));
        assert_eq!(verify(&old, BODY, &secrets(), at(10)), Ok(()));
        let (_, v1) =
            sign("whsec_new", BODY, at(0)).split_once(',').map(|(t, v)| (t.to_owned(), v.to_owned())).unwrap();
        let both = format!("{},v0=ff,{v1}", sign("whsec_unknown", BODY, at(0)));
        assert_eq!(verify(&both, BODY, &secrets(), at(10)), Ok(()));
    }

    #[test]
    fn a_changed_body_and_an_unknown_secret_are_refused() {
        let header = sign("whsec_new", BODY, at(0));
        assert_eq!(verify(&header, b"{}", &secrets(), at(0)), Err(BadSignature::NoMatch));
        assert_eq!(verify(&sign("whsec_other", BODY, at(0)), BODY, &secrets(), at(0)), Err(BadSignature::NoMatch));
        assert_eq!(verify(&header, BODY, &[], at(0)), Err(BadSignature::NoMatch));
    }

    #[test]
    fn the_time_counts_in_both_directions() {
        let header = sign("whsec_new", BODY, at(0));
        for (seconds, outcome) in
            [(300, Ok(())), (301, Err(BadSignature::Stale)), (-300, Ok(())), (-301, Err(BadSignature::Stale))]
        {
            assert_eq!(verify(&header, BODY, &secrets(), at(seconds)), outcome, "{seconds}");
        }
    }

    #[test]
    fn a_header_that_says_nothing_is_malformed() {
        for header in ["", "v1=00", "t=soon,v1=00", "nonsense"] {
            assert_eq!(verify(header, BODY, &secrets(), at(0)), Err(BadSignature::Malformed), "{header}");
        }
    }
}
