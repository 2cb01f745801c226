//! Transfers from the platform's balance to a connected account. A transfer needs an account whose transfers are
//! active and enough available balance; it is made whole or not at all.

use std::str::FromStr;

use serde_json::{Value, json};

use super::super::error::ApiError;
use super::super::list;
use super::super::state::{Read, State, table};
use super::{Call, Route, balance, list as list_route, post, retrieve};
use crate::domain::currency::Currency;

pub(super) const ROUTES: &[Route] = &[
    post(
        "/v1/transfers",
        &[
            "amount! int",
            "currency!",
            "destination!",
            "description",
            "metadata map",
            "source_transaction",
            "source_type bank_account|card|fpx",
            "transfer_group",
        ],
        create,
    ),
    list_route("/v1/transfers", table::TRANSFERS, &["created range", "destination", "transfer_group"]),
    retrieve("/v1/transfers/{}", table::TRANSFERS, "transfer"),
    post("/v1/transfers/{}", &["description", "metadata map"], update),
];

/// The platform has not enough money available.
pub(in crate::sandbox) fn balance_insufficient() -> ApiError {
    let message = "You have insufficient available funds in your Stripe account. Try adding funds directly to your \
        available balance by creating Charges using the 4000000000000077 test card.";
    ApiError::refused("balance_insufficient", "", message)
}

/// The destination may not be paid any more.
pub(in crate::sandbox) fn account_disabled() -> ApiError {
    let message = "Transfers to this account are not allowed: the account has been disabled.";
    ApiError::refused("transfers_not_allowed", "destination", message)
}

/// A currency parameter, or the error that names it.
pub(in crate::sandbox) fn currency(text: &str) -> Result<Currency, ApiError> {
    Currency::from_str(text).map_err(|_| {
        let message = format!("Invalid currency: {text}. Stripe currently supports three-letter ISO currency codes.");
        ApiError::invalid(None, "currency", message)
    })
}

/// A positive amount in minor units, or the error that names it.
pub(in crate::sandbox) fn positive(amount: i64, param: &str) -> Result<i64, ApiError> {
    match amount {
        1..=99_999_999_999 => Ok(amount),
        i64::MIN..=0 => {
            let message = "This value must be greater than or equal to 1.";
            Err(ApiError::invalid(Some("parameter_invalid_integer"), param, message))
        }
        _ => Err(ApiError::invalid(Some("amount_too_large"), param, "The amount is larger than Stripe can handle.")),
    }
}

fn payable(state: &State, destination: &str) -> Result<(), ApiError> {
    let Some(account) = state.get(table::ACCOUNTS, destination) else {
        return Err(ApiError::missing("destination", destination, "destination"));
    };
    if account["requirements"].text("disabled_reason").starts_with("rejected.") {
        return Err(account_disabled());
    }
    if account["capabilities"].text("transfers") != "active" {
        let message = "Your destination account needs to have at least one of the following capabilities enabled: \
            transfers, crypto_transfers, legacy_payments";
        return Err(ApiError::refused("insufficient_capabilities_for_transfer", "", message));
    }
    Ok(())
}

fn create(call: &mut Call<'_>) -> Result<Value, ApiError> {
    let p = call.params;
    let amount = positive(p.int("amount").unwrap_or(0), "amount")?;
    let currency = currency(p.text("currency").unwrap_or(""))?;
    let destination = p.text("destination").unwrap_or("");
    payable(call.state, destination)?;
    let source = p.text("source_transaction");
    if let Some(charge) = source
        && call.state.get(table::CHARGES, charge).is_none()
    {
        return Err(ApiError::missing("charge", charge, "source_transaction"));
    }
    let left = balance::available(call.state, currency.as_str()).checked_sub(amount).filter(|left| *left >= 0);
    balance::set(call.state, currency.as_str(), left.ok_or_else(balance_insufficient)?);
    let id = call.state.id("tr");
    let transfer = json!({
        "id": id,
        "object": "transfer",
        "amount": amount,
        "amount_reversed": 0,
        "balance_transaction": call.state.id("txn"),
        "created": call.now_s,
        "currency": currency.as_str(),
        "description": p.text("description"),
        "destination": destination,
        "destination_payment": call.state.id("py"),
        "livemode": false,
        "metadata": p.metadata("metadata", &Value::Null),
        "reversals": list::whole(&format!("/v1/transfers/{id}/reversals"), vec![]),
        "reversed": false,
        "source_transaction": source,
        "source_type": p.text("source_type").unwrap_or("card"),
        "transfer_group": p.text("transfer_group"),
    });
    call.state.put(table::TRANSFERS, &id, transfer.clone());
    call.emit("transfer.created", &transfer);
    Ok(transfer)
}

fn update(call: &mut Call<'_>) -> Result<Value, ApiError> {
    let before = call.named(table::TRANSFERS, "transfer")?;
    let (id, p) = (call.id(0), call.params);
    let metadata = p.metadata("metadata", &before["metadata"]);
    let after = call.state.change(table::TRANSFERS, &id, |transfer| {
        transfer["metadata"] = metadata;
        if p.has("description") {
            transfer["description"] = json!(p.text("description"));
        }
    });
    let after = after.unwrap_or_default();
    call.emit("transfer.updated", &after);
    Ok(after)
}
