//! Errors in Stripe's shape. `executed` tells the idempotency layer whether the call had begun to execute, because
//! Stripe keeps the answer under the key only from that point on.

use axum::http::StatusCode;
use serde_json::{Value, json};

/// A Stripe error answer.
#[derive(Debug, Clone)]
pub(super) struct ApiError {
    pub status: StatusCode,
    pub kind: &'static str,
    pub code: Option<&'static str>,
    pub message: String,
    pub param: Option<String>,
    /// True once execution began: the answer is then stored under the call's idempotency key.
    pub executed: bool,
}

impl ApiError {
    /// A 400 found while the parameters were read, before anything was executed.
    pub fn invalid(code: Option<&'static str>, param: &str, message: impl Into<String>) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            kind: "invalid_request_error",
            code,
            message: message.into(),
            param: (!param.is_empty()).then(|| param.to_owned()),
            executed: false,
        }
    }

    /// A 400 that the execution itself came to.
    pub fn refused(code: &'static str, param: &str, message: impl Into<String>) -> Self {
        Self { executed: true, ..Self::invalid(Some(code), param, message) }
    }

    /// The object named in the path (404) or in a parameter (400) does not exist.
    pub fn missing(noun: &str, id: &str, param: &str) -> Self {
        let status = if param == "id" { StatusCode::NOT_FOUND } else { StatusCode::BAD_REQUEST };
        Self { status, ..Self::refused("resource_missing", param, format!("No such {noun}: '{id}'")) }
    }

    pub fn other(status: StatusCode, kind: &'static str, code: Option<&'static str>, message: &str) -> Self {
        Self { status, kind, code, message: message.to_owned(), param: None, executed: false }
    }

    pub fn rate_limited() -> Self {
        let message =
            "Request rate limit exceeded. Learn more about rate limits here https://stripe.com/docs/rate-limits.";
        Self::other(StatusCode::TOO_MANY_REQUESTS, "invalid_request_error", Some("rate_limit"), message)
    }

    pub fn key_in_use() -> Self {
        let message = "There is currently another in-progress request using this Idempotent Key (that probably means \
            you submitted twice, and the other request is still going through). Try again later.";
        Self::other(StatusCode::CONFLICT, "idempotency_error", Some("idempotency_key_in_use"), message)
    }

    pub fn key_reused(key: &str) -> Self {
        let message = format!(
            "Keys for idempotent requests can only be used with the same parameters they were first used with. Try \
             using a key other than '{key}' if you meant to execute a different request."
        );
        Self::other(StatusCode::BAD_REQUEST, "idempotency_error", None, &message)
    }

    pub fn internal() -> Self {
        let message = "Sorry! There was an error while talking to one of our backends.";
        Self { executed: true, ..Self::other(StatusCode::INTERNAL_SERVER_ERROR, "api_error", None, message) }
    }

    /// The answer's body.
    pub fn body(&self) -> Value {
        let mut error = json!({ "type": self.kind, "message": self.message });
        if let Some(code) = self.code {
            error["code"] = json!(code);
            error["doc_url"] = json!(format!("https://stripe.com/docs/error-codes/{}", code.replace('_', "-")));
        }
        if let Some(param) = &self.param {
            error["param"] = json!(param);
        }
        json!({ "error": error })
    }
}
