//! The contract's errors: the one place where refusals become status, code, message and param. What went wrong on our side
//! is logged with its cause and answered with a sentence.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::desk;

/// An error as the API answers it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ErrorBody {
    pub error: ErrorDetail,
}

/// What went wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ErrorDetail {
    /// For programs: `not_found`, `invalid_param`, …
    pub code: String,
    /// For people: what happened and what to do.
    pub message: String,
    /// The field or parameter that is wrong.
    pub param: Option<String>,
}

/// Why a request was refused.
#[derive(Debug)]
pub enum Problem {
    /// By the desk.
    Desk(desk::Error),
    /// By the door: before a command was reached.
    Door { status: StatusCode, code: &'static str, message: String },
}

impl Problem {
    pub fn door(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Problem::Door { status, code, message: message.into() }
    }
}

impl<E: Into<desk::Error>> From<E> for Problem {
    fn from(error: E) -> Self {
        Problem::Desk(error.into())
    }
}

impl Problem {
    /// The error as it stands in a body, also in an answer about several things at once. What is our fault is logged.
    pub fn detail(&self) -> ErrorDetail {
        let (code, message, param) = match self {
            Problem::Door { code, message, .. } => (*code, message.clone(), None),
            Problem::Desk(error) => {
                if error.is_our_fault() {
                    let cause = std::error::Error::source(error).map(ToString::to_string);
                    tracing::error!(cause, "a request to the API failed");
                }
                (error.code(), error.to_string(), error.param())
            }
        };
        ErrorDetail { code: code.to_owned(), message, param: param.map(str::to_owned) }
    }

    fn status(&self) -> StatusCode {
        match self {
            Problem::Door { status, .. } => *status,
            Problem::Desk(error) => match error {
                desk::Error::NotFound(_) => StatusCode::NOT_FOUND,
                desk::Error::Forbidden => StatusCode::FORBIDDEN,
                desk::Error::Invalid { .. } => StatusCode::UNPROCESSABLE_ENTITY,
                desk::Error::Conflict { .. } => StatusCode::CONFLICT,
                desk::Error::TooManyTries { .. } => StatusCode::TOO_MANY_REQUESTS,
                desk::Error::Unavailable { .. } => StatusCode::SERVICE_UNAVAILABLE,
                desk::Error::Store(_) | desk::Error::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
            },
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.status();
        let mut response = (status, Json(ErrorBody { error: self.detail() })).into_response();
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if status == StatusCode::TOO_MANY_REQUESTS {
            let seconds = match self {
                Problem::Desk(desk::Error::TooManyTries { retry_after_seconds }) => retry_after_seconds,
                _ => 1,
            };
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
