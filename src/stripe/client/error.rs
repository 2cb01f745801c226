//! What an answer of Stripe that is not a success means for the money: refused for good, not executed, or unknown. The one
//! place that reads Stripe's errors; callers decide by the variant and show `message`, which never holds a secret.

use ::stripe::StripeError;

use crate::config::Secret;

/// Why a call was not taken, so that it can be repeated under the same key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotExecuted {
    /// Another call with the key is under way (409).
    KeyInUse,
    /// Too many calls, or the object is busy (429, `rate_limit`, `lock_timeout`).
    RateLimited,
    /// The connection could not be made, so nothing was sent.
    Unreachable,
}

/// A call that did not succeed (the table "Transfers" of Stripe's behaviour).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// Stripe said no, and will say no again: nothing happened.
    #[error("{message}")]
    Definite { code: String, message: String },
    /// Stripe did not take the call: nothing happened, the same call may be repeated.
    #[error("{message}")]
    NotExecuted { why: NotExecuted, message: String },
    /// The platform's available balance is short: nothing moved.
    #[error("{message}")]
    BalanceInsufficient { message: String },
    /// The key was used with other parameters: a defect of ours. The key must never be replaced.
    #[error("{message}")]
    IdempotencyMismatch { message: String },
    /// The secret key is not accepted, or lacks the right: nothing happened.
    #[error("{message}")]
    Unauthorized { message: String },
    /// Nobody knows whether the call was executed.
    #[error("{message}")]
    Unknown { http_status: Option<u16>, message: String },
}

impl CallError {
    /// Whether repeating the same call may give another answer.
    pub fn may_pass(&self) -> bool {
        matches!(self, CallError::NotExecuted { .. } | CallError::Unknown { .. })
    }

    /// Stripe's code or our word for the kind of error, as it is kept and shown.
    pub fn code(&self) -> &str {
        match self {
            CallError::Definite { code, .. } => code,
            CallError::NotExecuted { why: NotExecuted::KeyInUse, .. } => "idempotency_key_in_use",
            CallError::NotExecuted { why: NotExecuted::RateLimited, .. } => "rate_limit",
            CallError::NotExecuted { why: NotExecuted::Unreachable, .. } => "unreachable",
            CallError::BalanceInsufficient { .. } => "balance_insufficient",
            CallError::IdempotencyMismatch { .. } => "idempotency_error",
            CallError::Unauthorized { .. } => "unauthorized",
            CallError::Unknown { .. } => "unknown",
        }
    }

    /// The HTTP status of an answer whose meaning is unknown, when there was one that could be read.
    pub fn http_status(&self) -> Option<u16> {
        match self {
            CallError::Unknown { http_status, .. } => *http_status,
            _ => None,
        }
    }

    pub(super) fn read(error: StripeError, secret: &Secret) -> Self {
        match error {
            StripeError::Stripe(api, status) => {
                let message = api.message.unwrap_or_else(|| "Stripe gave no message.".to_owned());
                let message = message.replace(secret.expose(), "…");
                let code = api.code.as_ref().map(|code| code.as_str().to_owned());
                Self::of_answer(status, api.type_.as_str(), code.as_deref(), message)
            }
            StripeError::Timeout => Self::unknown("Stripe did not answer in time."),
            StripeError::JSONDeserialize(_) => Self::unknown("Stripe's answer could not be read."),
            // hyper says `Connect` only when the connection was never made: then nothing was sent.
            StripeError::ClientError(text) if text.contains("(Connect)") => {
                Self::NotExecuted { why: NotExecuted::Unreachable, message: "Stripe can't be reached.".to_owned() }
            }
            StripeError::ClientError(_) => Self::unknown("The connection to Stripe broke."),
            StripeError::ConfigError(_) => Self::Unauthorized { message: "Stripe is not set up correctly.".to_owned() },
        }
    }

    fn of_answer(status: u16, kind: &str, code: Option<&str>, message: String) -> Self {
        let short = message.to_ascii_lowercase().contains("insufficient funds in your stripe balance");
        match (status, code) {
            (409, _) => Self::NotExecuted { why: NotExecuted::KeyInUse, message },
            (429, _) | (400, Some("rate_limit" | "lock_timeout")) => {
                Self::NotExecuted { why: NotExecuted::RateLimited, message }
            }
            (400, _) if kind == "idempotency_error" => Self::IdempotencyMismatch { message },
            (400 | 402, Some("balance_insufficient")) => Self::BalanceInsufficient { message },
            (400 | 402, None) if short => Self::BalanceInsufficient { message },
            (401, _) => Self::Unauthorized { message },
            // A 403 about the account is an answer about the payee; any other is about our key.
            (403, code) if !matches!(code, Some("account_invalid" | "resource_missing")) => {
                Self::Unauthorized { message }
            }
            (400 | 402 | 403 | 404, code) => {
                Self::Definite { code: code.unwrap_or("invalid_request").to_owned(), message }
            }
            _ => Self::Unknown { http_status: Some(status), message },
        }
    }

    fn unknown(message: &str) -> Self {
        Self::Unknown { http_status: None, message: message.to_owned() }
    }

    pub(super) fn bad_key() -> Self {
        Self::Definite { code: "bad_key".to_owned(), message: "The call's key can't be sent.".to_owned() }
    }

    pub(super) fn bad_id() -> Self {
        Self::Definite { code: "resource_missing".to_owned(), message: "The id is not one of Stripe's.".to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, kind: &str, code: Option<&str>, message: &str) -> CallError {
        CallError::of_answer(status, kind, code, message.to_owned())
    }

    #[test]
    fn each_answer_of_the_table_means_what_the_table_says() {
        let invalid = "invalid_request_error";
        for code in [
            "insufficient_capabilities_for_transfer",
            "account_invalid",
            "transfers_not_allowed",
            "account_closed",
            "capability_not_active",
            "payouts_not_allowed",
            "resource_missing",
            "never_seen_before",
        ] {
            let said = answer(400, invalid, Some(code), "no");
            assert_eq!(said, CallError::Definite { code: code.to_owned(), message: "no".to_owned() });
        }
        for code in [Some("balance_insufficient"), None] {
            let said = answer(400, invalid, code, "Insufficient funds in your Stripe balance to do this.");
            assert!(matches!(said, CallError::BalanceInsufficient { .. }), "{said:?}");
        }
        let said = answer(400, "idempotency_error", None, "Keys for idempotent requests …");
        assert!(matches!(said, CallError::IdempotencyMismatch { .. }), "{said:?}");
        for (status, code) in
            [(409, "idempotency_key_in_use"), (429, "rate_limit"), (429, "lock_timeout"), (400, "rate_limit")]
        {
            let said = answer(status, invalid, Some(code), "later");
            assert!(matches!(said, CallError::NotExecuted { .. }), "{said:?}");
        }
        for status in [424, 500, 502, 503, 504] {
            let said = answer(status, "api_error", None, "sorry");
            assert_eq!(said.http_status(), Some(status));
        }
        assert!(matches!(answer(401, invalid, None, "no such key"), CallError::Unauthorized { .. }));
    }

    #[test]
    fn an_error_never_shows_the_secret_key() {
        let secret = Secret::new("sk_test_hidden");
        let body =
            r#"{"error": {"type": "invalid_request_error", "message": "Invalid API Key provided: sk_test_hidden"}}"#;
        let read = |status| {
            let parsed: SharedError = miniserde::json::from_str(body).unwrap();
            CallError::read(StripeError::Stripe(parsed.error, status), &secret)
        };
        assert!(!format!("{:?}", read(401)).contains("hidden"));
        assert!(!format!("{:?}", read(400)).contains("hidden"));
    }

    #[derive(miniserde::Deserialize)]
    struct SharedError {
        error: Box<::stripe::ApiErrors>,
    }
}
