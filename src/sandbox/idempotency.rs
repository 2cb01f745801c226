//! Idempotency keys as Stripe keeps them: the first answer, once execution began, is stored and replayed; other
//! parameters under the key are an error; a second call while the first is under way is a conflict. Keys are forgotten
//! 24 hours after the first call, by the sandbox's clock.

use axum::http::StatusCode;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::error::ApiError;
use super::state::{Read, State, table};

const KEPT_FOR_S: i64 = 24 * 3600;

/// What the sandbox knows of a call's key.
pub(super) enum Known {
    /// Never seen, or forgotten.
    Nothing,
    /// Answered before: status and body to give again.
    Answer(StatusCode, Value),
}

/// Identifies a call by what it asks for; equal calls have equal fingerprints.
pub(super) fn fingerprint(method: &str, path: &str, params: &Value) -> String {
    hex::encode(Sha256::new().chain_update(format!("{method} {path} {params}")).finalize())
}

/// Looks the key up. Errors: other parameters than the first time.
pub(super) fn look_up(state: &State, key: &str, fingerprint: &str) -> Result<Known, ApiError> {
    let stored = state.get(table::KEYS, key).filter(|row| row.int("created") + KEPT_FOR_S > state.now_s());
    let Some(row) = stored else { return Ok(Known::Nothing) };
    if row.text("fingerprint") != fingerprint {
        return Err(ApiError::key_reused(key));
    }
    let status = u16::try_from(row.int("status")).ok().and_then(|status| StatusCode::from_u16(status).ok());
    Ok(Known::Answer(status.unwrap_or(StatusCode::OK), row["body"].clone()))
}

/// Keeps the answer that the key will be given from now on.
pub(super) fn keep(state: &mut State, key: &str, fingerprint: &str, status: StatusCode, body: &Value) {
    let created = state.now_s();
    // A forgotten key is made anew, so that rows stay in the order of their age.
    state.remove(table::KEYS, key);
    let row = json!({ "fingerprint": fingerprint, "status": status.as_u16(), "body": body, "created": created });
    state.put(table::KEYS, key, row);
}

/// Drops the keys that are too old to be honoured.
pub(super) fn prune(state: &mut State) {
    let limit = state.now_s() - KEPT_FOR_S;
    let old: Vec<String> = state
        .oldest(table::KEYS)
        .take_while(|(_, row)| row.int("created") <= limit)
        .map(|(key, _)| key.to_owned())
        .collect();
    for key in old {
        state.remove(table::KEYS, &key);
    }
}
