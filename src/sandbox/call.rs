//! The door of the Stripe API: key, parameters, idempotency, faults, execution, log, answer. What a call does is in
//! `api`; here is everything that is the same for all of them.

use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, Request, State as AxumState};
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use base64::Engine as _;
use serde_json::{Value, json};

use super::api::{self, Call, Route};
use super::error::ApiError;
use super::event::Cause;
use super::faults::{self, Fault, Strike};
use super::idempotency::{self, Known};
use super::params::Params;
use super::state::State;
use super::wire::Wire;
use super::{SECRET_KEY, Sandbox, expand, log, spec};

const LARGEST_BODY: usize = 1024 * 1024;
const SLOW_BY: Duration = Duration::from_secs(1);

pub(super) fn routes() -> Router<Sandbox> {
    Router::new().route("/v1/{*rest}", any(enter))
}

/// A call, read but not executed.
#[derive(Clone)]
struct Incoming {
    request_id: String,
    method: Method,
    path: String,
    key: Option<String>,
    params: Params,
    /// The sandbox's own address as the caller sees it, for links to its pages.
    base: String,
    on_behalf_of: Option<String>,
}

struct Reply {
    status: StatusCode,
    body: Value,
    replayed: bool,
}

/// What the caller gets to see.
enum Outcome {
    Answer(Reply),
    Garbled(Reply),
    Html,
    Cut(Duration),
    Later(Duration),
}

fn refused(error: &ApiError) -> Reply {
    Reply { status: error.status, body: error.body(), replayed: false }
}

async fn enter(AxumState(sandbox): AxumState<Sandbox>, request: Request) -> Response {
    let wire = request.extensions().get::<ConnectInfo<Wire>>().map(|info| info.0.clone()).unwrap_or_default();
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, LARGEST_BODY).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let request_id = sandbox.lock().id("req");
    let outcome = match read(&parts.method, &parts.uri, &parts.headers, &body, request_id.clone()) {
        Ok(incoming) => answer(&sandbox, incoming).await,
        Err(error) => {
            let path = parts.uri.path();
            let method = parts.method.as_str();
            let asked = log::Asked { request_id: &request_id, method, path, key: None, params: Value::Null };
            log::note(&mut sandbox.lock(), asked, Some(error.status.as_u16()), "refused", None);
            Outcome::Answer(refused(&error))
        }
    };
    sandbox.wake();
    respond(&sandbox, outcome, &wire, &request_id).await
}

/// Checks the key and reads the parameters.
fn read(
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
    body: &Bytes,
    request_id: String,
) -> Result<Incoming, ApiError> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    check_key(text("authorization"))?;
    let is_form = text("content-type").is_none_or(|kind| kind.starts_with("application/x-www-form-urlencoded"));
    if !is_form && !body.is_empty() {
        let message = "Invalid request: the body must be form-encoded (application/x-www-form-urlencoded).";
        return Err(ApiError::invalid(None, "", message));
    }
    let key = text("idempotency-key").filter(|_| *method == Method::POST).map(str::to_owned);
    if key.as_ref().is_some_and(|key| key.len() > 255) {
        return Err(ApiError::invalid(None, "", "Idempotency keys can be at most 255 characters long."));
    }
    Ok(Incoming {
        request_id,
        method: method.clone(),
        path: uri.path().trim_end_matches('/').to_owned(),
        key,
        params: Params::read(uri, body)?,
        base: format!("http://{}", text("host").unwrap_or("127.0.0.1")),
        on_behalf_of: text("stripe-account").map(str::to_owned),
    })
}

fn check_key(authorization: Option<&str>) -> Result<(), ApiError> {
    let given = match authorization.and_then(|text| text.split_once(' ')) {
        Some(("Bearer", key)) => Some(key.trim().to_owned()),
        Some(("Basic", pair)) => base64::engine::general_purpose::STANDARD
            .decode(pair.trim())
            .ok()
            .and_then(|pair| String::from_utf8(pair).ok())
            .and_then(|pair| pair.split(':').next().map(str::to_owned)),
        _ => None,
    };
    let message = match given.as_deref() {
        Some(SECRET_KEY) => return Ok(()),
        None => "You did not provide an API key. You need to provide your API key in the Authorization header, using \
            Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY')."
            .to_owned(),
        Some(key) => format!("Invalid API Key provided: {}****", key.chars().take(8).collect::<String>()),
    };
    Err(ApiError::other(StatusCode::UNAUTHORIZED, "invalid_request_error", None, &message))
}

async fn answer(sandbox: &Sandbox, incoming: Incoming) -> Outcome {
    let first = conclude(sandbox, &incoming, None);
    let Outcome::Later(pause) = first else { return first };
    // The call goes on when its caller leaves, as at Stripe.
    let later = sandbox.clone();
    let task = tokio::spawn(async move {
        tokio::time::sleep(pause).await;
        let outcome = conclude(&later, &incoming, Some(Fault::Slow));
        later.wake();
        outcome
    });
    task.await.unwrap_or_else(|_| Outcome::Answer(refused(&ApiError::internal())))
}

/// Handles the call and writes the state. `resumed` is the fault that the call has already been through.
fn conclude(sandbox: &Sandbox, incoming: &Incoming, resumed: Option<Fault>) -> Outcome {
    let mut state = sandbox.lock();
    if let (Some(_), Some(key)) = (resumed, &incoming.key) {
        state.in_flight.remove(key);
    }
    let (outcome, done, fault) = handle(&mut state, incoming, resumed);
    let status = match &outcome {
        Outcome::Answer(reply) | Outcome::Garbled(reply) => Some(reply.status.as_u16()),
        Outcome::Html => Some(StatusCode::BAD_GATEWAY.as_u16()),
        Outcome::Cut(_) => None,
        Outcome::Later(_) => return outcome,
    };
    let asked = log::Asked {
        request_id: &incoming.request_id,
        method: incoming.method.as_str(),
        path: &incoming.path,
        key: incoming.key.as_deref(),
        params: incoming.params.as_json(),
    };
    log::note(&mut state, asked, status, done, fault.map(|fault| json!(fault)));
    match state.commit() {
        Ok(()) => outcome,
        Err(error) => {
            tracing::error!(%error, "the sandbox could not write its state");
            Outcome::Answer(refused(&ApiError::internal()))
        }
    }
}

fn handle(state: &mut State, incoming: &Incoming, resumed: Option<Fault>) -> (Outcome, &'static str, Option<Fault>) {
    let fingerprint = idempotency::fingerprint(incoming.method.as_str(), &incoming.path, &incoming.params.as_json());
    let (route, ids, known) = match find(state, incoming, &fingerprint) {
        Ok(found) => found,
        Err(error) => return (Outcome::Answer(refused(&error)), "refused", None),
    };
    let answered = matches!(known, Known::Answer(..));
    let account =
        incoming.params.text("destination").or(ids.iter().map(String::as_str).find(|id| id.starts_with("acct_")));
    let strike = if resumed.is_some() {
        None
    } else {
        let account = account.unwrap_or("").to_owned();
        faults::take_for_call(state, incoming.method.as_str(), &incoming.path, &account, answered)
    };
    let fault = strike.map(|strike| strike.fault).or(resumed);
    if let Some((outcome, done)) = strike.and_then(|strike| before(state, incoming, strike)) {
        return (outcome, done, fault);
    }
    let (reply, done) = match known {
        Known::Answer(status, body) => (Reply { status, body, replayed: true }, "replayed"),
        Known::Nothing => {
            let reply = execute(state, incoming, route, ids, &fingerprint, strike.map(|strike| strike.fault));
            let refused = reply.status.is_client_error();
            (reply, if refused { "refused" } else { "executed" })
        }
    };
    let outcome = match strike {
        Some(strike) if strike.fault == Fault::TimeoutAfter => Outcome::Cut(strike.hang()),
        Some(strike) if strike.fault == Fault::ResetAfter => Outcome::Cut(strike.delay_or(Duration::ZERO)),
        Some(strike) if strike.fault == Fault::Garbled => Outcome::Garbled(reply),
        _ => Outcome::Answer(reply),
    };
    (outcome, done, fault)
}

type Found = (&'static Route, Vec<String>, Known);

/// Finds what the call is for and what its key was answered before. Errors here are never kept under the key.
fn find(state: &State, incoming: &Incoming, fingerprint: &str) -> Result<Found, ApiError> {
    let Some((route, ids)) = api::route(incoming.method.as_str(), &incoming.path) else {
        let message = format!("Unrecognized request URL ({}: {}).", incoming.method, incoming.path);
        return Err(ApiError::other(StatusCode::NOT_FOUND, "invalid_request_error", None, &message));
    };
    let known = match &incoming.key {
        Some(key) if state.in_flight.contains(key) => return Err(ApiError::key_in_use()),
        Some(key) => idempotency::look_up(state, key, fingerprint)?,
        None => Known::Nothing,
    };
    if matches!(known, Known::Nothing) {
        spec::check(&route.takes(), &incoming.params)?;
    }
    Ok((route, ids, known))
}

/// Faults that come before anything is executed.
fn before(state: &mut State, incoming: &Incoming, strike: Strike) -> Option<(Outcome, &'static str)> {
    let error = match strike.fault {
        Fault::TimeoutBefore => return Some((Outcome::Cut(strike.hang()), "nothing")),
        Fault::BadGateway => return Some((Outcome::Html, "nothing")),
        Fault::Slow => {
            state.in_flight.extend(incoming.key.clone());
            return Some((Outcome::Later(strike.delay_or(SLOW_BY)), "nothing"));
        }
        Fault::TooMany => ApiError::rate_limited(),
        Fault::KeyInUse => ApiError::key_in_use(),
        _ => return None,
    };
    Some((Outcome::Answer(refused(&error)), "nothing"))
}

/// Executes the call, unless a fault answers in its place, and keeps the answer under the key.
fn execute(
    state: &mut State,
    incoming: &Incoming,
    route: &Route,
    ids: Vec<String>,
    fingerprint: &str,
    fault: Option<Fault>,
) -> Reply {
    let result = match fault {
        Some(Fault::ServerError) => Err(ApiError::internal()),
        Some(Fault::BalanceInsufficient) => Err(api::balance_insufficient()),
        Some(Fault::AccountDisabled) => Err(api::account_disabled()),
        _ => {
            let cause = Cause { request_id: Some(incoming.request_id.clone()), key: incoming.key.clone() };
            let (params, base) = (&incoming.params, incoming.base.as_str());
            let on_behalf_of = incoming.on_behalf_of.as_deref();
            let now_s = state.now_s();
            let mut call =
                Call { state: &mut *state, params, ids, base, path: &incoming.path, cause, on_behalf_of, now_s };
            route.run(&mut call).and_then(|mut value| {
                for path in params.list("expand") {
                    let expanded = expand::expand(state, &mut value, &path);
                    // What has been executed cannot be refused any more.
                    if incoming.method == Method::GET {
                        expanded?;
                    }
                }
                Ok(value)
            })
        }
    };
    let result = if fault == Some(Fault::ServerErrorAfter) { Err(ApiError::internal()) } else { result };
    let (reply, keep) = match result {
        Ok(body) => (Reply { status: StatusCode::OK, body, replayed: false }, true),
        Err(error) => (refused(&error), error.executed),
    };
    if let Some(key) = incoming.key.as_ref().filter(|_| keep) {
        idempotency::keep(state, key, fingerprint, reply.status, &reply.body);
    }
    reply
}

async fn respond(sandbox: &Sandbox, outcome: Outcome, wire: &Wire, request_id: &str) -> Response {
    let (status, kind, body, replayed) = match outcome {
        Outcome::Answer(reply) => (reply.status, "application/json", pretty(&reply.body), reply.replayed),
        Outcome::Garbled(reply) => {
            let mut text = pretty(&reply.body);
            text.truncate(text.len() / 2);
            (StatusCode::OK, "application/json", text, reply.replayed)
        }
        Outcome::Html => {
            let page = b"<html>\n<head><title>502 Bad Gateway</title></head>\n<body>\n<h1>502 Bad Gateway</h1>\n</body>\n</html>\n";
            (StatusCode::BAD_GATEWAY, "text/html", page.to_vec(), false)
        }
        Outcome::Cut(pause) | Outcome::Later(pause) => {
            let mut stopped = sandbox.stopped();
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                _ = stopped.wait_for(|stopped| *stopped) => {}
            }
            wire.cut();
            (StatusCode::INTERNAL_SERVER_ERROR, "text/plain", Vec::new(), false)
        }
    };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static(kind));
    if let Ok(id) = request_id.parse() {
        headers.insert("request-id", id);
    }
    headers.insert("stripe-version", header::HeaderValue::from_static(super::event::API_VERSION));
    if replayed {
        headers.insert("idempotent-replayed", header::HeaderValue::from_static("true"));
    }
    response
}

fn pretty(body: &Value) -> Vec<u8> {
    serde_json::to_vec_pretty(body).unwrap_or_default()
}
