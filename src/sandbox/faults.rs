//! What can be made to go wrong, on request: faults of calls (time-outs, broken answers, refusals) and of webhooks
//! (late, twice, never). A fault waits in the state until it has struck as often as it was asked to.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::state::{State, table};

const DEFAULT_HANG: Duration = Duration::from_secs(60);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Fault {
    /// Hangs, then closes; nothing is executed.
    TimeoutBefore,
    /// Executes, then hangs, then closes.
    TimeoutAfter,
    /// Executes, then breaks the connection.
    ResetAfter,
    /// Keeps the call under way for a while, then executes and answers as usual.
    Slow,
    #[serde(rename = "429")]
    TooMany,
    #[serde(rename = "409")]
    KeyInUse,
    /// A 500 kept under the key; nothing is executed.
    #[serde(rename = "500")]
    ServerError,
    /// Executed, answered with a 500 that is kept under the key.
    #[serde(rename = "500_after")]
    ServerErrorAfter,
    /// A proxy's error page; nothing is executed.
    #[serde(rename = "html_502")]
    BadGateway,
    /// Executed, answered with half of the JSON; the key keeps the whole answer.
    #[serde(rename = "garbled_200")]
    Garbled,
    BalanceInsufficient,
    AccountDisabled,
    /// Webhooks: delivered twice, after the next one, late, or never.
    Duplicate,
    Reorder,
    Delay,
    Drop,
}

impl Fault {
    fn is_of_webhooks(self) -> bool {
        matches!(self, Self::Duplicate | Self::Reorder | Self::Delay | Self::Drop)
    }

    /// Faults that are an answer of Stripe's own, so that an answer kept under the key comes before them.
    pub fn is_kept_answer(self) -> bool {
        matches!(self, Self::ServerError | Self::ServerErrorAfter | Self::BalanceInsufficient | Self::AccountDisabled)
    }
}

/// Which calls or events a fault strikes; what is not given matches everything. A trailing `*` matches any ending.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Match {
    pub method: Option<String>,
    pub path: Option<String>,
    pub account: Option<String>,
    #[serde(rename = "type")]
    pub event_type: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Order {
    #[serde(default, rename = "match")]
    pub matching: Match,
    #[serde(default = "once")]
    pub times: u64,
    pub fault: Fault,
    #[serde(default)]
    pub delay_ms: Option<u64>,
}

fn once() -> u64 {
    1
}

/// A fault that strikes now, and the pause that belongs to it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Strike {
    pub fault: Fault,
    delay_ms: Option<u64>,
}

impl Strike {
    pub fn delay_or(&self, default: Duration) -> Duration {
        self.delay_ms.map_or(default, Duration::from_millis)
    }

    pub fn hang(&self) -> Duration {
        self.delay_or(DEFAULT_HANG)
    }
}

fn fits(pattern: Option<&str>, value: &str) -> bool {
    match pattern {
        None => true,
        Some(pattern) => pattern.strip_suffix('*').map_or(pattern == value, |start| value.starts_with(start)),
    }
}

impl Order {
    fn strikes_call(&self, method: &str, path: &str, account: &str) -> bool {
        !self.fault.is_of_webhooks()
            && self.matching.method.as_deref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(method))
            && fits(self.matching.path.as_deref(), path)
            && fits(self.matching.account.as_deref(), account)
    }

    fn strikes_event(&self, event_type: &str, account: &str) -> bool {
        // `path` is taken for the event's type too, because callers know it from the faults of calls.
        self.fault.is_of_webhooks()
            && fits(self.matching.event_type.as_deref().or(self.matching.path.as_deref()), event_type)
            && fits(self.matching.account.as_deref(), account)
    }
}

/// Reads an order as `POST /sandbox/faults` takes it; answers whether it is a fault of webhooks.
///
/// # Errors
/// What is wrong with it, in words.
pub fn is_of_webhooks(order: &Value) -> Result<bool, String> {
    let order: Order = serde_path_to_error::deserialize(order).map_err(|error| {
        let at = error.path().to_string();
        let why = error.into_inner();
        if at == "." { why.to_string() } else { format!("`{at}`: {why}") }
    })?;
    Ok(order.fault.is_of_webhooks())
}

/// Puts faults behind those that wait already.
pub(super) fn add(state: &mut State, orders: Vec<Order>) {
    for order in orders.into_iter().filter(|order| order.times > 0) {
        let id = state.token(12);
        state.put(table::FAULTS, &id, json!(order));
    }
}

/// The faults that still wait, in the order in which they were asked for.
pub(super) fn waiting(state: &State) -> Vec<Value> {
    state.oldest(table::FAULTS).map(|(_, order)| order.clone()).collect()
}

pub(super) fn clear(state: &mut State) {
    let ids: Vec<String> = state.oldest(table::FAULTS).map(|(id, _)| id.to_owned()).collect();
    for id in ids {
        state.remove(table::FAULTS, &id);
    }
}

/// Uses up one strike of the first fault for which `matches` holds.
fn take(state: &mut State, matches: impl Fn(&Order) -> bool) -> Option<Strike> {
    let (id, mut order) = state
        .oldest(table::FAULTS)
        .filter_map(|(id, row)| Some((id.to_owned(), Order::deserialize(row).ok()?)))
        .find(|(_, order)| matches(order))?;
    order.times -= 1;
    let strike = Strike { fault: order.fault, delay_ms: order.delay_ms };
    if order.times == 0 {
        state.remove(table::FAULTS, &id);
    } else {
        state.put(table::FAULTS, &id, json!(order));
    }
    Some(strike)
}

/// The fault for a call, if one waits. `account` is the destination or the account in the path; `answered` says that
/// the key has an answer already, before which Stripe's own refusals do not come.
pub(super) fn take_for_call(
    state: &mut State,
    method: &str,
    path: &str,
    account: &str,
    answered: bool,
) -> Option<Strike> {
    take(state, |order| order.strikes_call(method, path, account) && !(answered && order.fault.is_kept_answer()))
}

/// The fault for the delivery of an event, if one waits.
pub(super) fn take_for_event(state: &mut State, event_type: &str, account: &str) -> Option<Strike> {
    take(state, |order| order.strikes_event(event_type, account))
}
