//! Events: what happened, kept for 30 days, and one delivery row for every webhook endpoint that wants it. Events of
//! connected accounts carry the account and go to the connect endpoints, or to all when there are none.

use std::time::Duration;

use serde_json::{Value, json};

use super::faults::{self, Fault};
use super::state::{Read, State, table};

/// The version whose shapes the sandbox answers with.
pub(super) const API_VERSION: &str = "2026-07-29.dahlia";
/// The version named by events in the shapes from before 2025-03-31.
pub(super) const OLD_API_VERSION: &str = "2024-06-20";

const KEPT_FOR_S: i64 = 30 * 24 * 3600;
const DELAYED_BY: Duration = Duration::from_secs(3);
/// A reordered event waits for a later one to arrive, but not for ever.
const REORDERED_BY: Duration = Duration::from_secs(2);

/// The call that made something happen; none for what happens by itself.
#[derive(Debug, Clone, Default)]
pub(super) struct Cause {
    pub request_id: Option<String>,
    pub key: Option<String>,
}

/// One thing that happened, before it has an id.
#[derive(Debug, Default)]
pub(super) struct Happening<'a> {
    pub kind: &'a str,
    pub object: Value,
    pub account: Option<&'a str>,
    pub previous: Option<Value>,
    /// Unix seconds; the sandbox's present when none.
    pub at: Option<i64>,
    pub cause: Cause,
    pub api_version: Option<&'static str>,
}

/// Records the event and queues its deliveries; returns its id.
pub(super) fn emit(state: &mut State, happening: Happening<'_>) -> String {
    let id = state.id("evt");
    let endpoints = wanting(state, happening.kind, happening.account.is_some());
    let mut event = json!({
        "id": id,
        "object": "event",
        "api_version": happening.api_version.unwrap_or(API_VERSION),
        "created": happening.at.unwrap_or_else(|| state.now_s()),
        "data": {},
        "livemode": false,
        "pending_webhooks": endpoints.len(),
        "request": { "id": happening.cause.request_id, "idempotency_key": happening.cause.key },
        "type": happening.kind,
    });
    // Moved in, because `json!` would copy the whole object.
    event["data"]["object"] = happening.object;
    if let Some(previous) = happening.previous {
        event["data"]["previous_attributes"] = previous;
    }
    if let Some(account) = happening.account {
        event["account"] = json!(account);
    }
    state.put(table::EVENTS, &id, event);
    if !endpoints.is_empty() {
        queue(state, &id, happening.kind, happening.account.unwrap_or(""), &endpoints);
    }
    id
}

fn queue(state: &mut State, event: &str, kind: &str, account: &str, endpoints: &[String]) {
    let strike = faults::take_for_event(state, kind, account);
    let (copies, after, held) = match strike.map(|strike| (strike.fault, strike)) {
        Some((Fault::Drop, _)) => return,
        Some((Fault::Duplicate, _)) => (2, Duration::ZERO, false),
        Some((Fault::Delay, strike)) => (1, strike.delay_or(DELAYED_BY), false),
        Some((Fault::Reorder, strike)) => (1, strike.delay_or(REORDERED_BY), true),
        _ => (1, Duration::ZERO, false),
    };
    for endpoint in endpoints {
        for _ in 0..copies {
            let id = state.token(16);
            let row = json!({ "event": event, "endpoint": endpoint, "tries": 0, "held": held });
            state.put(table::DELIVERIES, &id, row);
            state.queue.add(&id, after);
        }
    }
}

/// The endpoints that an event of this type goes to.
fn wanting(state: &State, kind: &str, connect: bool) -> Vec<String> {
    let configured = state.endpoints.iter().map(|endpoint| (endpoint.id.as_str(), endpoint.connect));
    let registered = state.oldest(table::ENDPOINTS).filter(|(_, row)| {
        let types = row["enabled_events"].as_array().map(Vec::as_slice).unwrap_or(&[]);
        row.text("status") == "enabled" && types.iter().any(|wanted| wanted == "*" || wanted == kind)
    });
    let all: Vec<(&str, bool)> =
        configured.chain(registered.map(|(id, row)| (id, row["connect"] == json!(true)))).collect();
    let fall_back = connect && !all.iter().any(|(_, takes_connect)| *takes_connect);
    all.iter().filter(|(_, takes)| *takes == connect || fall_back).map(|(id, _)| (*id).to_owned()).collect()
}

/// Events from before this moment (Unix seconds) are listed no more.
pub(super) fn oldest_listed(state: &State) -> i64 {
    state.now_s() - KEPT_FOR_S
}

/// Forgets old events, but for those that still wait to be delivered.
pub(super) fn prune(state: &mut State) {
    let limit = oldest_listed(state);
    let old: Vec<String> = state
        .oldest(table::EVENTS)
        .take_while(|(_, row)| row.int("created") < limit)
        .filter(|(_, row)| row.int("pending_webhooks") == 0)
        .map(|(id, _)| id.to_owned())
        .collect();
    for id in old {
        state.remove(table::EVENTS, &id);
    }
}
