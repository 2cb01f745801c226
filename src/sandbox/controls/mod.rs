//! The controls under `/sandbox`: what no customer, bank or calendar has to do for real in a rehearsal. They take and
//! answer JSON, need no key, and are no part of Stripe's API.

mod play;

use std::collections::BTreeMap;
use std::time::Duration;

use axum::extract::{Path, State as AxumState};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::api::accounts::{self, Condition};
use super::error::ApiError;
use super::state::{Read, State, table};
use super::{Endpoint, Sandbox, api, faults};

const SETTLE_WITHIN: Duration = Duration::from_secs(30);

pub(super) fn routes() -> Router<Sandbox> {
    Router::new()
        .route("/sandbox/clock", get(clock))
        .route("/sandbox/log", get(log))
        .route("/sandbox/faults", get(list_faults).post(add_faults).delete(clear_faults))
        .route("/sandbox/accounts/{id}", post(put_account))
        .route("/sandbox/accounts/{id}/bank-payouts", post(bank_payout))
        .route("/sandbox/balance", post(set_balance))
        .route("/sandbox/transfers/summary", get(transfers_summary))
        .route("/sandbox/webhooks", post(add_webhook))
        .route("/sandbox/settle", post(settle))
        .merge(play::routes())
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        (self.status, Json(self.body())).into_response()
    }
}

/// A control's answer.
pub(super) type Answer = Result<Json<Value>, ApiError>;

/// Reads a control's JSON body; errors say which field is wrong.
pub(super) fn body<T: for<'de> Deserialize<'de>>(text: &[u8]) -> Result<T, ApiError> {
    serde_json::from_slice(text).map_err(|error| ApiError::invalid(None, "", format!("Invalid JSON body: {error}")))
}

/// Changes the state, writes it, and wakes the deliveries.
pub(super) fn act<T>(sandbox: &Sandbox, act: impl FnOnce(&mut State) -> Result<T, ApiError>) -> Result<T, ApiError> {
    let result = {
        let mut state = sandbox.lock();
        let result = act(&mut state);
        state.commit().map_err(|error| {
            let message = format!("The sandbox could not write its state: {error}");
            ApiError::other(StatusCode::INTERNAL_SERVER_ERROR, "api_error", None, &message)
        })?;
        result
    };
    sandbox.wake();
    result
}

async fn clock(AxumState(sandbox): AxumState<Sandbox>) -> Json<Value> {
    let now = sandbox.now();
    Json(json!({ "now": now.timestamp(), "now_us": now.timestamp_micros() }))
}

async fn log(AxumState(sandbox): AxumState<Sandbox>) -> Json<Value> {
    let state = sandbox.lock();
    Json(json!({ "data": state.oldest(table::LOG).map(|(_, entry)| entry).collect::<Vec<_>>() }))
}

async fn list_faults(AxumState(sandbox): AxumState<Sandbox>) -> Json<Value> {
    Json(json!({ "data": faults::waiting(&sandbox.lock()) }))
}

async fn add_faults(AxumState(sandbox): AxumState<Sandbox>, text: axum::body::Bytes) -> Answer {
    let given: Value = body(&text)?;
    let list = if given.is_array() { given } else { json!([given]) };
    let orders = body(list.to_string().as_bytes())?;
    act(&sandbox, |state| {
        faults::add(state, orders);
        Ok(Json(json!({ "data": faults::waiting(state) })))
    })
}

async fn clear_faults(AxumState(sandbox): AxumState<Sandbox>) -> Answer {
    act(&sandbox, |state| {
        faults::clear(state);
        Ok(Json(json!({ "data": [] })))
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AccountOrder {
    state: Condition,
    due: Option<Vec<String>>,
}

async fn put_account(
    AxumState(sandbox): AxumState<Sandbox>,
    Path(id): Path<String>,
    text: axum::body::Bytes,
) -> Answer {
    let order: AccountOrder = body(&text)?;
    act(&sandbox, |state| {
        let account = accounts::put_into(state, &id, order.state, order.due);
        account.map(Json).ok_or_else(|| ApiError::missing("account", &id, "id"))
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BankPayoutOrder {
    /// The payout that this is told of; a new one when none.
    id: Option<String>,
    amount: i64,
    currency: String,
    status: accounts::BankPayoutEnd,
    failure_code: Option<String>,
}

/// Plays the end of a payout from the account's balance to its bank.
async fn bank_payout(
    AxumState(sandbox): AxumState<Sandbox>,
    Path(id): Path<String>,
    text: axum::body::Bytes,
) -> Answer {
    let order: BankPayoutOrder = body(&text)?;
    let currency = api::currency(&order.currency)?;
    act(&sandbox, |state| {
        let told = (order.id, order.status, order.failure_code);
        let payout = accounts::tell_of_bank_payout(state, &id, order.amount, currency.as_str(), told);
        payout.map(Json).ok_or_else(|| ApiError::missing("account", &id, "id"))
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BalanceOrder {
    currency: String,
    available: i64,
}

async fn set_balance(AxumState(sandbox): AxumState<Sandbox>, text: axum::body::Bytes) -> Answer {
    let order: BalanceOrder = body(&text)?;
    let currency = api::currency(&order.currency)?;
    act(&sandbox, |state| {
        api::set_balance(state, currency.as_str(), order.available);
        Ok(Json(api::balance_object(state)))
    })
}

#[derive(Default)]
struct Sum {
    transfers: i64,
    amount: i64,
    reversed: i64,
}

/// Transfers by destination, payout item and currency: whoever pays an item twice is seen here.
async fn transfers_summary(AxumState(sandbox): AxumState<Sandbox>) -> Json<Value> {
    let state = sandbox.lock();
    let mut sums: BTreeMap<[Option<&str>; 3], Sum> = BTreeMap::new();
    for (_, transfer) in state.oldest(table::TRANSFERS) {
        let item = transfer["metadata"]["payout_item_id"].as_str();
        let sum = sums.entry([transfer["destination"].as_str(), item, transfer["currency"].as_str()]).or_default();
        sum.transfers += 1;
        sum.amount = sum.amount.saturating_add(transfer.int("amount"));
        sum.reversed = sum.reversed.saturating_add(transfer.int("amount_reversed"));
    }
    let rows = sums.into_iter().map(|([destination, item, currency], sum)| {
        json!({
            "destination": destination,
            "payout_item_id": item,
            "currency": currency,
            "transfers": sum.transfers,
            "amount": sum.amount,
            "reversed": sum.reversed,
        })
    });
    Json(json!({ "data": rows.collect::<Vec<_>>() }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WebhookOrder {
    url: String,
    secret: String,
    #[serde(default)]
    connect: bool,
}

async fn add_webhook(AxumState(sandbox): AxumState<Sandbox>, text: axum::body::Bytes) -> Answer {
    let order: WebhookOrder = body(&text)?;
    sandbox.add_webhook(Endpoint { url: order.url, secret: order.secret }, order.connect);
    Ok(Json(json!({ "added": true })))
}

async fn settle(AxumState(sandbox): AxumState<Sandbox>) -> Json<Value> {
    Json(json!({ "settled": sandbox.settle(SETTLE_WITHIN).await }))
}
