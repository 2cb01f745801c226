//! What every request to the API passes: its key is looked up, its rate is counted, and a repeated POST is recognised.

use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::caller::{Caller, no_key};
use super::idempotent;
use super::problem::Problem;
use crate::Engine;
use crate::desk::api_keys;
use crate::http::rate::Rates;

/// Largest body that is read.
pub const BODY_LIMIT: usize = 1 << 20;

/// What the gate needs of the process.
#[derive(Clone)]
pub struct Gate {
    pub engine: Engine,
    pub rates: Rates,
}

/// The middleware.
pub async fn pass(State(gate): State<Gate>, request: Request, next: Next) -> Response {
    match through(&gate, request, next).await {
        Ok(response) => response,
        Err(problem) => problem.into_response(),
    }
}

async fn through(gate: &Gate, mut request: Request, next: Next) -> Result<Response, Problem> {
    let secret = bearer(&request).ok_or_else(no_key)?;
    let now = gate.engine.clock.now().await;
    let actor = api_keys::bearer(&gate.engine, now, secret).await?.ok_or_else(no_key)?;
    let owner = actor.audit_name();
    if !gate.rates.take(&owner) {
        let message = "Too many requests with this key. Wait a second and go on more slowly.";
        return Err(Problem::door(StatusCode::TOO_MANY_REQUESTS, "rate_limited", message));
    }
    request.extensions_mut().insert(Caller { actor, now });
    match idempotent::key_of(&request)? {
        Some(key) => idempotent::once(&gate.engine, now, &owner, &key, request, next).await,
        None => Ok(next.run(request).await),
    }
}

fn bearer(request: &Request) -> Option<&str> {
    let value = request.headers().get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, secret) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(secret.trim()).filter(|secret| !secret.is_empty())
}
