//! The stages between Stripe's events and paid affiliates (design §2), one file each. A stage reads what the stage
//! before it wrote, decides with `domain`, and writes its rows and postings in one transaction.

pub mod accrue;
pub mod approve;
pub mod attribute;
pub mod backfill;
pub mod bank_payout;
pub mod click;
pub mod draft;
pub(crate) mod evidence;
pub mod execute;
pub mod finalize;
pub mod four_eyes;
pub mod funds;
mod given_back;
pub mod inbox;
pub mod leave_out;
pub mod look_again;
pub mod mature;
pub mod outcome;
pub mod pay_again;
pub mod payment_method;
pub mod payout_run;
pub(crate) mod refund_limits;
pub(crate) mod retry;
pub mod reversal;
pub mod sale;
pub mod sale_lines;
mod signs;
pub(crate) mod stops;
pub(crate) mod tell;
mod twins;
pub mod verify;

use crate::domain::money::MoneyError;
use crate::store;
use crate::store::ledger::LedgerError;

/// What a stage did with an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Processed,
    /// Nothing that Purser has a use for.
    Ignored,
    /// It refers to something that isn't there yet; the words say what.
    Parked(String),
}

/// Why a stage wrote nothing.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the database refused: {0}")]
    Store(#[from] sqlx::Error),
    #[error(transparent)]
    Ledger(LedgerError),
    #[error(transparent)]
    Money(#[from] MoneyError),
    /// The event, or something stored, can't be understood; says what.
    #[error("{0}")]
    Unreadable(String),
    /// Promotion codes whose text must be asked from Stripe first, outside of any transaction.
    #[error("promotion codes that Purser doesn't know yet: {}", .0.join(", "))]
    UnknownPromotions(Vec<String>),
    /// Two events of one second disagree about the account, so Stripe must be asked first, outside of any transaction.
    #[error("two events of the same second disagree about account {0}")]
    UnclearAccount(String),
}

impl From<LedgerError> for Error {
    fn from(error: LedgerError) -> Self {
        match error {
            LedgerError::Store(error) => Error::Store(error),
            LedgerError::Money(error) => Error::Money(error),
            other => Error::Ledger(other),
        }
    }
}

impl Error {
    /// Whether the same work may succeed when it is simply done again soon: a lost race, or no connection.
    pub fn is_passing(&self) -> bool {
        match self {
            // Two that wrote the same row at once: the later one finds it there when it is done again.
            Error::Store(error) => {
                store::is_retryable(error)
                    || store::is_unreachable(error)
                    || error.as_database_error().is_some_and(|db| db.is_unique_violation())
            }
            _ => false,
        }
    }
}
