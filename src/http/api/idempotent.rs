//! `Idempotency-Key`: a POST that carries one is run once and answered the same for a day. The answer is kept after the
//! command's own transaction: a process that dies between the two lets the request run again after a minute, and commands
//! that move money refuse to do so twice by themselves.

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::gate::BODY_LIMIT;
use super::problem::Problem;
use crate::Engine;
use crate::desk;
use crate::domain::actor::Actor;
use crate::domain::ids::uuid_at;
use crate::store::api_idempotency::{self, UsedKey};

const KEY_HEADER: &str = "idempotency-key";
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
pub const LONGEST_KEY: usize = 255;
/// As Stripe keeps its keys.
const KEY_HOURS: i64 = 24;
/// A request that has not ended after this long died with its process.
const ABANDONED_AFTER_SECONDS: i64 = 60;

/// The key of a request, for commands that keep it for good.
pub struct Key(Option<String>);

impl Key {
    /// The key, told apart from other callers' keys; without one, a key that nobody else has.
    pub fn or_new(self, actor: &Actor, now: DateTime<Utc>) -> String {
        let key = self.0.unwrap_or_else(|| uuid_at(now).to_string());
        format!("{}:{key}", actor.audit_name())
    }

    /// An id that the same caller's same `request` with the same key has for good, so that a command that makes something by
    /// this id makes it once; without a key, a new one.
    pub fn id_or_new(&self, actor: &Actor, now: DateTime<Utc>, request: &str) -> Uuid {
        let Some(key) = &self.0 else { return uuid_at(now) };
        let digest = Sha256::digest(format!("{}\n{request}\n{key}", actor.audit_name()));
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest[..16]);
        uuid::Builder::from_custom_bytes(bytes).into_uuid()
    }
}

impl<S: Sync> FromRequestParts<S> for Key {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        let text = parts.headers.get(KEY_HEADER).and_then(|value| value.to_str().ok());
        Ok(Key(text.filter(|key| !key.is_empty()).map(str::to_owned)))
    }
}

/// The key of a POST that carries one.
pub fn key_of(request: &Request) -> Result<Option<String>, Problem> {
    let Some(value) = request.headers().get(KEY_HEADER).filter(|_| request.method() == Method::POST) else {
        return Ok(None);
    };
    match value.to_str() {
        Ok(key) if !key.is_empty() && key.len() <= LONGEST_KEY => Ok(Some(key.to_owned())),
        _ => {
            let message = format!("`Idempotency-Key` must have 1 to {LONGEST_KEY} plain characters.");
            Err(Problem::door(StatusCode::BAD_REQUEST, "invalid_idempotency_key", message))
        }
    }
}

/// Runs the request if the key is new; otherwise answers as the first did. An answer that changed nothing (an error) is
/// not kept, so that the request can be corrected.
pub async fn once(
    engine: &Engine,
    now: DateTime<Utc>,
    owner: &str,
    key: &str,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let bytes = to_bytes(body, BODY_LIMIT).await.map_err(|_| {
        Problem::door(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", "The body is larger than 1 MiB.")
    })?;
    let hash = request_hash(&parts, &bytes);
    let expired = now - TimeDelta::hours(KEY_HOURS);
    let abandoned = now - TimeDelta::seconds(ABANDONED_AFTER_SECONDS);
    let mut conn = engine.pool.acquire().await?;
    if !api_idempotency::take(&mut conn, owner, key, &hash, now, expired, abandoned).await? {
        let used = api_idempotency::find(&mut conn, owner, key).await?;
        return replay(used, &hash);
    }
    drop(conn);

    let response = next.run(Request::from_parts(parts, Body::from(bytes))).await;
    let (parts, body) = response.into_parts();
    let answer = to_bytes(body, usize::MAX).await.map_err(|error| desk::Error::Internal(Box::new(error)))?;
    let mut conn = engine.pool.acquire().await?;
    match i16::try_from(parts.status.as_u16()) {
        Ok(status) if parts.status.is_success() => {
            let text = Value::String(String::from_utf8_lossy(&answer).into_owned());
            api_idempotency::complete(&mut conn, owner, key, status, &text).await?;
        }
        _ => api_idempotency::release(&mut conn, owner, key).await?,
    }
    Ok(Response::from_parts(parts, Body::from(answer)))
}

fn request_hash(parts: &Parts, body: &Bytes) -> [u8; 32] {
    let mut hasher = Sha256::new();
    let target = parts.uri.path_and_query().map_or("", |target| target.as_str());
    hasher.update((target.len() as u64).to_be_bytes());
    hasher.update(target);
    hasher.update(body);
    hasher.finalize().into()
}

fn replay(used: Option<UsedKey>, hash: &[u8; 32]) -> Result<Response, Problem> {
    let in_use = || {
        let message = "A request with this Idempotency-Key is running. Wait for it and send this one again.";
        desk::Error::conflict("idempotency_key_in_use", message)
    };
    // A row that is gone by now was released by a request that did nothing.
    let used = used.ok_or_else(in_use)?;
    if used.request_hash != hash {
        let message = "This Idempotency-Key was used for another request. Take a new one.";
        return Err(desk::Error::conflict("idempotency_key_reused", message).into());
    }
    let (Some(status), Some(Value::String(body))) = (used.response_status, used.response_body) else {
        return Err(in_use().into());
    };
    let status =
        u16::try_from(status).ok().and_then(|status| StatusCode::from_u16(status).ok()).unwrap_or(StatusCode::OK);
    let mut response = (status, body).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    Ok(response)
}
