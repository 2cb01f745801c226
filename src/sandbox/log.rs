//! What the sandbox was asked and what it did, for `GET /sandbox/log`: one row per call of the Stripe API.

use serde_json::{Value, json};

use super::state::{State, table};

/// Older entries are dropped beyond this number.
const KEPT: usize = 20_000;

/// One call as it came in.
pub(super) struct Asked<'a> {
    pub request_id: &'a str,
    pub method: &'a str,
    pub path: &'a str,
    pub key: Option<&'a str>,
    pub params: Value,
}

/// Notes a call: `status` is none when no answer was given, `done` is one of executed, replayed, refused or a fault.
pub(super) fn note(state: &mut State, asked: Asked<'_>, status: Option<u16>, done: &str, fault: Option<Value>) {
    let entry = json!({
        "id": asked.request_id,
        "time": state.now().to_rfc3339_opts(chrono::SecondsFormat::Millis, true),
        "method": asked.method,
        "path": asked.path,
        "idempotency_key": asked.key,
        "params": asked.params,
        "status": status,
        "done": done,
        "fault": fault,
    });
    state.put(table::LOG, asked.request_id, entry);
    if state.table(table::LOG).is_some_and(|log| log.len() > KEPT) {
        let oldest = state.oldest(table::LOG).next().map(|(id, _)| id.to_owned());
        state.remove(table::LOG, &oldest.unwrap_or_default());
    }
}
