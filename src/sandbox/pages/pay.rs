//! The hosted payment page of a checkout session that a shop made through the API.

use axum::body::Bytes;
use axum::extract::{Path, State as AxumState};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::Value;

use super::super::Sandbox;
use super::super::controls::act;
use super::super::event::Cause;
use super::super::params::encoded;
use super::super::play::order::Order;
use super::super::play::purchase;
use super::super::state::{Read, State, table};
use super::html::{Owner, alert, escape, facts, field, money, page, problem, see_other};

/// An open session and the order behind it.
fn open(state: &State, id: &str) -> Option<(Value, Order)> {
    let live = |row: &&Value| row.text("status") == "open" && row.int("expires_at") > state.now_s();
    let session = state.get(table::SESSIONS, id).filter(live)?.clone();
    let order = Order::deserialize(&state.get(table::PLANS, id)?["order"]).ok()?;
    Some((session, order))
}

fn closed() -> Response {
    let advice = "It was paid, cancelled or has expired. Go back to the shop to start again.";
    problem(Owner::Shop, StatusCode::GONE, "This payment page is closed", advice)
}

pub(super) async fn show(AxumState(sandbox): AxumState<Sandbox>, Path(id): Path<String>) -> Response {
    let found = open(&sandbox.lock(), &id);
    found.map_or_else(closed, |(session, order)| form(&session, &order, None))
}

fn form(session: &Value, order: &Order, error: Option<&str>) -> Response {
    let mut rows: Vec<(&str, String)> = order
        .items
        .iter()
        .map(|item| {
            let amount = money(item.unit_amount.saturating_mul(item.quantity), &order.currency);
            ("Order", format!("{} × {} · {amount}", item.quantity, item.name))
        })
        .collect();
    rows.push(("Total", money(session.int("amount_total"), &order.currency)));
    let email = if order.email.is_empty() {
        "<label class=\"field\"><span>Your e-mail</span><input type=\"email\" name=\"email\" required></label>"
            .to_owned()
    } else {
        facts(&[("E-mail", order.email.clone())])
    };
    let promotion = if session["allow_promotion_codes"] == Value::Bool(true) {
        "<label class=\"field\"><span>Promotion code</span><input name=\"promotion_code\" autocomplete=\"off\"></label>"
    } else {
        ""
    };
    let cancel = session["cancel_url"]
        .as_str()
        .map_or_else(String::new, |url| format!("<a class=\"button quiet\" href=\"{}\">Cancel</a>", escape(url)));
    let body = format!(
        "<h1>Pay for your order</h1>\n<p class=\"lead\">With the sandbox's card, which always has enough on it.</p>\n\
         {}{}\n<form method=\"post\">{email}{promotion}\
         <div class=\"actions\"><button type=\"submit\">Pay now</button>{cancel}</div></form>",
        alert(error),
        facts(&rows),
    );
    page(Owner::Shop, "Pay", &body)
}

pub(super) async fn pay(AxumState(sandbox): AxumState<Sandbox>, Path(id): Path<String>, typed: Bytes) -> Response {
    let Some((session, mut order)) = open(&sandbox.lock(), &id) else { return closed() };
    if order.email.is_empty() {
        order.email = field(&typed, "email").unwrap_or_default();
    }
    if session["allow_promotion_codes"] == Value::Bool(true) {
        order.promotion_code = field(&typed, "promotion_code").or(order.promotion_code);
    }
    match act(&sandbox, |state| purchase::play(state, &order, Cause::default())) {
        Ok(_) => {
            let thanks = format!("/thanks/{}", encoded(&id));
            let to = session["success_url"].as_str().map(|url| url.replace("{CHECKOUT_SESSION_ID}", &id));
            see_other(&to.unwrap_or(thanks))
        }
        Err(error) => (error.status, form(&session, &order, Some(&error.message))).into_response(),
    }
}
