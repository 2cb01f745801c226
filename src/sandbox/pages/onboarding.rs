//! The hosted onboarding of connected accounts: whoever follows an account link gives a name and a bank account and is
//! sent back to the platform. A link works once; a used or expired one leads to the platform's refresh address.

use axum::body::Bytes;
use axum::extract::{Path, State as AxumState};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::super::Sandbox;
use super::super::api::accounts::{self, Condition};
use super::super::controls::act;
use super::super::state::{Read, State, table};
use super::html::{Owner, alert, cookie, escape, facts, field, money, page, problem, see_other};

const COOKIE: &str = "onboarding";
const TEST_IBAN: &str = "DE89 3704 0044 0532 0130 00";

fn unknown() -> Response {
    let advice = "Go back to where you came from and ask for a new one.";
    problem(Owner::Connect, StatusCode::NOT_FOUND, "This link leads nowhere", advice)
}

/// The browser that opened the link may load its page again; for every other the link is used up.
fn is_visitor(headers: &HeaderMap, token: &str) -> bool {
    cookie(headers, COOKIE).is_some_and(|held| held == token)
}

pub(super) async fn show(
    AxumState(sandbox): AxumState<Sandbox>,
    Path(token): Path<String>,
    headers: HeaderMap,
) -> Response {
    let opened = act(&sandbox, |state| {
        let Some(link) = state.get(table::ACCOUNT_LINKS, &token).cloned() else { return Ok(None) };
        let fresh = link["used"] == json!(false) && link.int("expires_at") > state.now_s();
        let over = link["used"] == json!("done");
        if over || !(fresh || is_visitor(&headers, &token)) {
            return Ok(Some(Err(link.text("refresh_url").to_owned())));
        }
        state.change(table::ACCOUNT_LINKS, &token, |row| row["used"] = json!(true));
        Ok(Some(Ok(state.get(table::ACCOUNTS, link.text("account")).cloned().unwrap_or_default())))
    });
    match opened {
        Ok(Some(Ok(account))) => {
            let mut response = form(&account, b"", None);
            if let Ok(held) = HeaderValue::from_str(&format!("{COOKIE}={token}; Path=/connect; HttpOnly; SameSite=Lax"))
            {
                response.headers_mut().append(header::SET_COOKIE, held);
            }
            response
        }
        Ok(Some(Err(refresh_url))) => see_other(&refresh_url),
        Ok(None) => unknown(),
        Err(error) => error.into_response(),
    }
}

fn form(account: &Value, typed: &[u8], error: Option<&str>) -> Response {
    let value = |name: &str, fallback: &str| escape(&field(typed, name).unwrap_or_else(|| fallback.to_owned()));
    let rows = [
        ("Account", account.text("id").to_owned()),
        ("E-mail", account["email"].as_str().unwrap_or("not given").to_owned()),
        ("Country", account.text("country").to_owned()),
    ];
    let body = format!(
        "<h1>Tell us where to pay you</h1>\n\
         <p class=\"lead\">Your details go to the payment provider, not to the company that pays you.</p>\n{}{}\n\
         <form method=\"post\">\n\
         <label class=\"field\"><span>Your full name</span><input name=\"name\" autocomplete=\"name\" value=\"{}\"></label>\n\
         <label class=\"field\"><span>Bank account (IBAN)</span><input name=\"iban\" autocomplete=\"off\" value=\"{}\">\
         <small>A test account is filled in; it receives nothing.</small></label>\n\
         <label class=\"check\"><input type=\"checkbox\" name=\"agree\" value=\"yes\"><span>I agree to the terms of the \
         sandbox, which has none.</span></label>\n\
         <div class=\"actions\"><button type=\"submit\" name=\"action\" value=\"complete\">Submit and connect</button>\
         <button class=\"quiet\" type=\"submit\" name=\"action\" value=\"later\">Leave it for later</button></div>\n</form>",
        facts(&rows),
        alert(error),
        value("name", ""),
        value("iban", TEST_IBAN),
    );
    page(Owner::Connect, "Get paid", &body)
}

/// What is still wrong with the form, if anything.
fn complaint(typed: &[u8]) -> Option<&'static str> {
    let iban: String = field(typed, "iban").unwrap_or_default().split_whitespace().collect();
    let plausible = (15..=34).contains(&iban.len()) && iban.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if field(typed, "name").is_none() {
        Some("Please give your full name.")
    } else if !plausible {
        Some("That is no IBAN: it has 15 to 34 letters and digits.")
    } else if field(typed, "agree").is_none() {
        Some("Please agree to the terms, or leave it for later.")
    } else {
        None
    }
}

pub(super) async fn submit(
    AxumState(sandbox): AxumState<Sandbox>,
    Path(token): Path<String>,
    headers: HeaderMap,
    typed: Bytes,
) -> Response {
    let Some(link) = sandbox.lock().get(table::ACCOUNT_LINKS, &token).cloned() else { return unknown() };
    if link["used"] != json!(true) || !is_visitor(&headers, &token) {
        return see_other(link.text("refresh_url"));
    }
    let account = link.text("account").to_owned();
    let completes = field(&typed, "action").as_deref() != Some("later");
    if completes && let Some(message) = complaint(&typed) {
        let shown = sandbox.lock().get(table::ACCOUNTS, &account).cloned().unwrap_or_default();
        return (StatusCode::UNPROCESSABLE_ENTITY, form(&shown, &typed, Some(message))).into_response();
    }
    let done = act(&sandbox, |state| {
        state.change(table::ACCOUNT_LINKS, &token, |row| row["used"] = json!("done"));
        if completes {
            complete(state, &account, &typed);
        }
        Ok(())
    });
    match done {
        Ok(()) => see_other(link.text("return_url")),
        Err(error) => error.into_response(),
    }
}

fn complete(state: &mut State, account: &str, typed: &[u8]) {
    let iban: String = field(typed, "iban").unwrap_or_default().split_whitespace().collect();
    let (id, now_s) = (state.id("ba"), state.now_s());
    state.change(table::ACCOUNTS, account, |row| {
        let bank = json!({
            "id": id,
            "object": "bank_account",
            "account": account,
            "account_holder_name": field(typed, "name"),
            "account_holder_type": "individual",
            "account_type": null,
            "available_payout_methods": ["standard"],
            "bank_name": "SANDBOX BANK",
            "country": iban.get(..2).unwrap_or("DE").to_uppercase(),
            "currency": row["default_currency"],
            "default_for_currency": true,
            "fingerprint": null,
            "last4": iban.get(iban.len().saturating_sub(4)..).unwrap_or(""),
            "metadata": {},
            "routing_number": null,
            "status": "new",
        });
        row["external_accounts"]["data"] = json!([bank]);
        row["tos_acceptance"]["date"] = json!(now_s);
    });
    accounts::put_into(state, account, Condition::Active, None);
}

/// Where login links lead: what the account has been sent.
pub(super) async fn dashboard(AxumState(sandbox): AxumState<Sandbox>, Path(id): Path<String>) -> Response {
    let state = sandbox.lock();
    let Some(account) = state.get(table::ACCOUNTS, &id) else { return unknown() };
    let payable = account["capabilities"].text("transfers") == "active";
    let mut rows = vec![("Account", id.clone()), ("Can be paid", if payable { "yes" } else { "no" }.to_owned())];
    let received = state.newest(table::TRANSFERS).map(|(_, row)| row).filter(|row| row.text("destination") == id);
    for transfer in received.take(50) {
        let kept = transfer.int("amount") - transfer.int("amount_reversed");
        rows.push(("Received", format!("{} · {}", money(kept, transfer.text("currency")), transfer.text("id"))));
    }
    let body = format!(
        "<h1>Your Express Dashboard</h1>\n<p class=\"lead\">What this account has received.</p>\n{}",
        facts(&rows)
    );
    page(Owner::Connect, "Dashboard", &body)
}
