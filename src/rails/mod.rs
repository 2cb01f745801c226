//! The ways money travels, behind one trait: send what an item pays, find out whether it was sent, and say what is
//! available. A rail never decides what becomes of an item and never touches the database; its answers say only what is
//! certain.

pub mod stripe_connect;

pub use crate::rails::stripe_connect::{StripeConnect, dashboard_url};

use futures::future::BoxFuture;

use crate::Engine;
use crate::domain::batch::Rail as RailName;
use crate::domain::ids::{AffiliateId, BatchId, PayoutItemId};
use crate::domain::money::Money;

/// What an item asks of its rail. The same item gives the same order, for ever.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    pub item_id: PayoutItemId,
    pub batch_id: BatchId,
    pub affiliate_id: AffiliateId,
    pub amount: Money,
    pub destination: String,
    pub idempotency_key: String,
}

/// Why a whole batch has to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopCode {
    /// The item's key was used with other parameters before.
    IdempotencyMismatch,
    /// The rail does not accept our credentials.
    Unauthorized,
}

impl StopCode {
    /// As kept with the paused batch.
    pub fn as_str(self) -> &'static str {
        match self {
            StopCode::IdempotencyMismatch => "idempotency_mismatch",
            StopCode::Unauthorized => "unauthorized",
        }
    }
}

/// What a call at the rail came to. Messages are for people and hold no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SendOutcome {
    /// The money has left.
    Posted { transfer_id: String },
    /// The rail said no, for good: nothing moved under this call.
    Failed { code: String, message: String },
    /// The rail did not take the call. `too_fast`: because there were too many.
    NotExecuted { too_fast: bool, code: String, message: String },
    /// The rail has too little money: nothing moved.
    BalanceInsufficient { message: String },
    /// Something is wrong that concerns every item.
    Stop { code: StopCode, message: String },
    /// Nobody knows whether the money has left.
    Unknown { http_status: Option<u16>, message: String },
}

/// The rail could not be asked, or its answer can't be trusted; says why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unanswered(pub String);

pub trait Rail: Send + Sync {
    /// Makes one call with the order's key.
    fn send<'a>(&'a self, order: &'a Order) -> BoxFuture<'a, SendOutcome>;

    /// The id of the order's transfer, if the rail shows one. `None` is the rail's complete answer at this moment.
    fn find<'a>(&'a self, order: &'a Order) -> BoxFuture<'a, Result<Option<String>, Unanswered>>;

    /// What the rail can send right now, by currency.
    fn available(&self) -> BoxFuture<'_, Result<Vec<Money>, Unanswered>>;
}

/// The rail of that name, when it is set up.
pub fn of(engine: &Engine, name: RailName) -> Option<Box<dyn Rail>> {
    match name {
        RailName::StripeConnect => {
            engine.stripe.clone().map(|client| Box::new(StripeConnect::new(client)) as Box<dyn Rail>)
        }
        RailName::Paypal | RailName::Ach | RailName::Wire | RailName::External => None,
    }
}
