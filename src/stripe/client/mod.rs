//! Stripe's API over HTTP: one call, one answer. Parameters are serialized in a fixed order, so that a repeated call is the
//! same to the byte; answers are read tolerantly, only the fields that are needed. It keeps no key of its own: a call that
//! changes something takes the idempotency key that its caller stored before.

mod accounts;
mod error;
mod lines;
mod platform;
mod transfers;

pub use accounts::{Account, AccountOrder, Requirements};
pub use error::{CallError, NotExecuted};
pub use platform::{EventPage, PromotionCode};
pub use transfers::{Reversal, Transfer, TransferOrder};

use std::time::Duration;

use ::stripe::{IdempotencyKey, RequestStrategy};
use serde::Serialize;
use stripe_client_core::{RequestBuilder, StripeMethod};

use crate::config::{Secret, StripeConfig, StripeMode};

/// Tries of one call that changes nothing, or that carries a key and whose caller waits for it.
const TRIES: u32 = 3;
const FIRST_PAUSE: Duration = Duration::from_millis(250);

/// A connection to one Stripe account. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    inner: ::stripe::Client,
    secret: Secret,
    mode: StripeMode,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("mode", &self.mode).finish_non_exhaustive()
    }
}

impl Client {
    /// The client that the configuration describes. `None` without a secret key, or when the key can't be sent at all.
    pub fn of(config: &StripeConfig) -> Option<Self> {
        let (secret, mode) = (config.secret_key.clone()?, config.mode()?);
        let mut builder = ::stripe::ClientBuilder::new(secret.expose()).timeout(config.timeout);
        if let Some(base) = &config.api_base {
            builder = builder.url(format!("{base}/"));
        }
        match builder.build() {
            Ok(inner) => Some(Self { inner, secret, mode }),
            Err(_) => {
                tracing::error!("the Stripe client can't be built: STRIPE_SECRET_KEY or STRIPE_API_BASE can't be sent");
                None
            }
        }
    }

    /// Which of Stripe's two worlds the key opens.
    pub fn mode(&self) -> StripeMode {
        self.mode
    }

    async fn send<T>(&self, request: RequestBuilder, key: Option<&str>) -> Result<T, CallError>
    where
        T: miniserde::Deserialize,
    {
        let strategy = match key {
            None => RequestStrategy::Once,
            Some(key) => RequestStrategy::Idempotent(IdempotencyKey::new(key).map_err(|_| CallError::bad_key())?),
        };
        let answer = request.customize::<T>().request_strategy(strategy).send(&self.inner).await;
        answer.map_err(|error| CallError::read(error, &self.secret))
    }

    /// Repeats a call that is safe to repeat while nobody knows its outcome or Stripe did not take it.
    async fn send_again<T>(&self, request: impl Fn() -> RequestBuilder, key: Option<&str>) -> Result<T, CallError>
    where
        T: miniserde::Deserialize,
    {
        let mut pause = FIRST_PAUSE;
        for _ in 1..TRIES {
            match self.send(request(), key).await {
                Err(error) if error.may_pass() => tracing::debug!(%error, "a call to Stripe is repeated"),
                answer => return answer,
            }
            tokio::time::sleep(pause).await;
            pause *= 4;
        }
        self.send(request(), key).await
    }

    async fn get<T: miniserde::Deserialize>(&self, path: &str, query: &impl Serialize) -> Result<T, CallError> {
        self.send_again(|| RequestBuilder::new(StripeMethod::Get, path).query(query), None).await
    }

    /// A call that changes something, repeated under one stored key.
    async fn post_again<T: miniserde::Deserialize>(
        &self,
        path: &str,
        form: &impl Serialize,
        key: Option<&str>,
    ) -> Result<T, CallError> {
        self.send_again(|| RequestBuilder::new(StripeMethod::Post, path).form(form), key).await
    }

    /// A call that changes something, made exactly once.
    async fn post_once<T: miniserde::Deserialize>(
        &self,
        path: &str,
        form: &impl Serialize,
        key: &str,
    ) -> Result<T, CallError> {
        self.send(RequestBuilder::new(StripeMethod::Post, path).form(form), Some(key)).await
    }
}

/// A call without parameters.
#[derive(Serialize)]
struct Nothing {}

/// An id may only be what Stripe's ids are made of, so that it can't change the path it stands in.
fn path_id(id: &str) -> Result<&str, CallError> {
    let plain = !id.is_empty() && id.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if plain { Ok(id) } else { Err(CallError::bad_id()) }
}
