//! Stripe's webhook door: checks that the body is Stripe's, stores it, and only then says that it was received. What the
//! event means is decided later, by the inbox's workers; so the answer is as quick as one insert.

mod keeper;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use chrono::{DateTime, Utc};
use futures::StreamExt;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::Engine;
use crate::domain::program::InboxStatus;
use crate::store::inbox;
use crate::stripe::event::{self, Sealed};
use crate::stripe::signature;
use keeper::{Arrived, Keeper};

/// The largest body that is taken in, in bytes.
const BODY_LIMIT: usize = 1024 * 1024;

/// How much of a larger one is listened to before the connection is cut, in bytes.
const THROWN_AWAY_LIMIT: usize = 16 * BODY_LIMIT;

/// How often the workers are woken at most; those who are awake go on by themselves.
const KNOCK_EVERY: Duration = Duration::from_millis(20);

#[derive(Clone)]
struct Door {
    engine: Engine,
    keeper: Keeper,
    /// How many new events the workers are being woken for: one knock is enough for many.
    new: Arc<AtomicUsize>,
}

/// `POST /webhooks/stripe`.
pub fn router(engine: Engine) -> Router {
    let door = Door { keeper: Keeper::new(engine.pool.clone()), engine, new: Arc::default() };
    Router::new().route("/webhooks/stripe", post(receive)).with_state(door)
}

/// Why an event was not taken in; Stripe delivers it again.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error("this server has no webhook secret: set STRIPE_WEBHOOK_SECRETS to the endpoint's signing secret (whsec_…)")]
    NoSecret,
    #[error("the body is larger than 1 MiB")]
    TooLarge,
    #[error("the body ended before it was complete")]
    Broken,
    #[error(transparent)]
    Signature(#[from] signature::BadSignature),
    #[error("the event could not be stored; send it again")]
    Store(#[from] Arc<sqlx::Error>),
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, code) = match &self {
            Refusal::NoSecret => (StatusCode::SERVICE_UNAVAILABLE, "webhooks_not_configured"),
            Refusal::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "body_too_large"),
            Refusal::Broken => (StatusCode::BAD_REQUEST, "body_incomplete"),
            Refusal::Signature(_) => (StatusCode::BAD_REQUEST, "bad_signature"),
            Refusal::Store(error) => {
                tracing::error!(%error, "a webhook could not be stored");
                (StatusCode::SERVICE_UNAVAILABLE, "not_stored")
            }
        };
        (status, Json(json!({ "error": { "code": code, "message": self.to_string() } }))).into_response()
    }
}

async fn receive(State(door): State<Door>, request: Request) -> Result<Json<serde_json::Value>, Refusal> {
    let (parts, body) = request.into_parts();
    let body = read(body).await?;
    let now = door.engine.clock.now().await;
    check(&door.engine, &parts.headers, &body, now)?;
    let event = read_event(&body, now);
    let is_work = event.status == InboxStatus::Received;
    let is_new = door.keeper.keep(event).await?;
    if is_new && is_work {
        wake(&door);
    }
    Ok(Json(json!({ "received": true })))
}

/// Reads the body up to the limit. A larger one is read on and thrown away for a while, because a sender who is cut off while
/// sending doesn't hear the answer.
async fn read(body: Body) -> Result<Vec<u8>, Refusal> {
    let mut pieces = body.into_data_stream();
    let mut kept = Vec::new();
    let mut thrown_away = 0;
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|_| Refusal::Broken)?;
        if thrown_away == 0 && kept.len() + piece.len() <= BODY_LIMIT {
            kept.extend_from_slice(&piece);
        } else {
            thrown_away += piece.len();
        }
        if thrown_away > THROWN_AWAY_LIMIT {
            break;
        }
    }
    if thrown_away == 0 { Ok(kept) } else { Err(Refusal::TooLarge) }
}

fn check(engine: &Engine, headers: &HeaderMap, body: &[u8], now: DateTime<Utc>) -> Result<(), Refusal> {
    let secrets = &engine.config.stripe.webhook_secrets;
    if secrets.is_empty() {
        return Err(Refusal::NoSecret);
    }
    let header = headers.get("stripe-signature").ok_or(signature::BadSignature::Missing)?;
    let header = header.to_str().map_err(|_| signature::BadSignature::Malformed)?;
    match signature::verify(header, body, secrets, now) {
        // Where the business clock is the sandbox's, who signs by the wall clock is as fresh as who signs by the sandbox's.
        Err(signature::BadSignature::Stale) if engine.clock.is_sandbox() => {
            Ok(signature::verify(header, body, secrets, Utc::now())?)
        }
        verdict => Ok(verdict?),
    }
}

/// What was signed, whatever it is: a body that is no event is kept too, as failed, so that nothing gets lost.
fn read_event(body: &[u8], now: DateTime<Utc>) -> Arrived {
    let payload = event::storable(&String::from_utf8_lossy(body));
    match Sealed::read(&payload) {
        Ok(envelope) => Arrived {
            object_id: envelope.object_id(),
            stripe_created_at: envelope.created_at(),
            id: envelope.id,
            event_type: envelope.event_type,
            account: envelope.account,
            api_version: envelope.api_version,
            livemode: envelope.livemode,
            payload,
            received_at: now,
            status: InboxStatus::Received,
            error: None,
        },
        Err(unreadable) => Arrived {
            id: format!("raw_{}", hex::encode(Sha256::digest(body))),
            event_type: "unreadable".to_owned(),
            object_id: None,
            account: None,
            api_version: None,
            livemode: false,
            stripe_created_at: None,
            payload,
            received_at: now,
            status: InboxStatus::Failed,
            error: Some(format!("the body is no event of Stripe's: {unreadable}")),
        },
    }
}

/// Wakes the workers of all processes, beside the answer: at once, and again while more events come. A knock that gets
/// lost costs half a second.
fn wake(door: &Door) {
    if door.new.fetch_add(1, Ordering::AcqRel) > 0 {
        return;
    }
    let door = door.clone();
    tokio::spawn(async move {
        loop {
            let known = door.new.load(Ordering::Acquire);
            if let Err(error) = knock(&door.engine).await {
                tracing::debug!(%error, "the inbox's workers were not woken");
            }
            tokio::time::sleep(KNOCK_EVERY).await;
            // Nobody came since: the next one knocks for itself.
            if door.new.compare_exchange(known, 0, Ordering::AcqRel, Ordering::Acquire).is_ok() {
                return;
            }
        }
    });
}

async fn knock(engine: &Engine) -> Result<(), sqlx::Error> {
    let mut connection = engine.pool.acquire().await?;
    inbox::notify(&mut connection).await
}
