//! Why a command was refused, in words for whoever asked. One type for all of the desk: `http/api` turns it into the
//! contract's JSON, the portals into a message on the page; neither ever shows what the database said.

use crate::domain::actor::Forbidden;
use crate::domain::ids::InvalidId;
use crate::domain::money::MoneyError;
use crate::domain::rule::InvalidRule;
use crate::pipeline;
use crate::pipeline::retry::LostRace;
use crate::store::ledger::LedgerError;

/// The answer of a command that did nothing.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No such object, or not one that the actor may know of. Holds the noun: `affiliate`, `payout batch`.
    #[error("There is no such {0}.")]
    NotFound(&'static str),
    #[error("This needs more rights than you have.")]
    Forbidden,
    /// A field is wrong; `param` is its name as the API has it.
    #[error("{message}")]
    Invalid { param: String, message: String },
    /// The request is fine, but things stand differently; `code` is for programs.
    #[error("{message}")]
    Conflict { code: &'static str, message: String },
    /// Too many tries; `retry_after_seconds` says when the next is taken.
    #[error("Too many tries. Wait a few minutes and try again.")]
    TooManyTries { retry_after_seconds: i64 },
    /// Something that the command needs doesn't answer; trying later may help.
    #[error("{message}")]
    Unavailable { message: String },
    /// The database refused or doesn't answer. Callers log the source and show this sentence.
    #[error("Something went wrong on our side, and nothing was changed. Try again in a moment.")]
    Store(#[source] sqlx::Error),
    /// A stored value can't be read or an amount leaves its range: a defect, logged with its source.
    #[error("Something went wrong on our side, and nothing was changed. Try again in a moment.")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Error {
    /// A field is wrong; the message is a whole sentence.
    pub fn invalid(param: impl Into<String>, message: impl Into<String>) -> Self {
        Error::Invalid { param: param.into(), message: message.into() }
    }

    pub fn conflict(code: &'static str, message: impl Into<String>) -> Self {
        Error::Conflict { code, message: message.into() }
    }

    /// The error for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Error::NotFound(_) => "not_found",
            Error::Forbidden => "forbidden",
            Error::Invalid { .. } => "invalid_param",
            Error::Conflict { code, .. } => code,
            Error::TooManyTries { .. } => "too_many_tries",
            Error::Unavailable { .. } => "unavailable",
            Error::Store(_) | Error::Internal(_) => "internal",
        }
    }

    /// The field that is wrong, for the form that shows it.
    pub fn param(&self) -> Option<&str> {
        match self {
            Error::Invalid { param, .. } => Some(param),
            _ => None,
        }
    }

    /// Whether somebody has to look at it: the cause is on our side.
    pub fn is_our_fault(&self) -> bool {
        matches!(self, Error::Store(_) | Error::Internal(_))
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        if is_unkeepable(&error) {
            let message =
                "Something in it can't be kept: a NUL character, or a time thousands of years away. Take it out.";
            return Error::invalid("body", message);
        }
        Error::Store(error)
    }
}

impl LostRace for Error {
    fn lost_race(&self) -> bool {
        matches!(self, Error::Store(error) if crate::store::is_retryable(error))
    }
}

/// Whether a value that somebody gave is none that the database has: text with a NUL, a time out of its range.
fn is_unkeepable(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Encode(_) => true,
        error => error
            .as_database_error()
            .and_then(|db| db.code())
            .is_some_and(|code| matches!(&*code, "22021" | "22P05" | "22007" | "22008")),
    }
}

impl From<Forbidden> for Error {
    fn from(_: Forbidden) -> Self {
        Error::Forbidden
    }
}

impl From<InvalidRule> for Error {
    fn from(invalid: InvalidRule) -> Self {
        Error::Invalid { message: format!("`{}` {}.", invalid.param, invalid.message), param: invalid.param }
    }
}

/// An id that can't be read is an object that isn't there.
impl From<InvalidId> for Error {
    fn from(invalid: InvalidId) -> Self {
        Error::NotFound(noun_of(invalid.prefix))
    }
}

impl From<MoneyError> for Error {
    fn from(error: MoneyError) -> Self {
        Error::Internal(Box::new(error))
    }
}

impl From<LedgerError> for Error {
    fn from(error: LedgerError) -> Self {
        match error {
            LedgerError::Store(error) => error.into(),
            LedgerError::Illegal(illegal) => {
                Error::conflict("illegal_transition", format!("This can't be done: {illegal}."))
            }
            LedgerError::NoSuchLine(_) => Error::NotFound("commission"),
            other => Error::Internal(Box::new(other)),
        }
    }
}

impl From<pipeline::Error> for Error {
    fn from(error: pipeline::Error) -> Self {
        match error {
            pipeline::Error::Store(error) => error.into(),
            pipeline::Error::Ledger(error) => error.into(),
            other => Error::Internal(Box::new(other)),
        }
    }
}

/// The word for an object whose ids carry the prefix.
fn noun_of(prefix: &str) -> &'static str {
    match prefix {
        "prg" => "program",
        "cmp" => "campaign",
        "aff" => "affiliate",
        "lead" => "lead",
        "imp" => "upload",
        "sal" => "sale",
        "com" => "commission",
        "hld" => "hold",
        "clm" => "claim",
        "bat" => "payout batch",
        "pit" => "payout item",
        "pm" => "payment method",
        "usr" => "user",
        "key" => "API key",
        "ntf" => "notification",
        "mail" => "mail",
        _ => "object",
    }
}
