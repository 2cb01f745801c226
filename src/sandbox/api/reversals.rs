//! Reversals of transfers: any number of them, of any part, but never of more than the transfer carried.

use serde_json::{Value, json};

use super::super::error::ApiError;
use super::super::event::Cause;
use super::super::state::{Read, State, table};
use super::super::{event, list};
use super::transfers::positive;
use super::{Call, Route, balance, get, post};

pub(super) const ROUTES: &[Route] = &[
    post(
        "/v1/transfers/{}/reversals",
        &["amount int", "description", "metadata map", "refund_application_fee flag"],
        create,
    ),
    get("/v1/transfers/{}/reversals", &["limit int", "starting_after", "ending_before"], all),
    get("/v1/transfers/{}/reversals/{}", &[], one),
];

fn create(call: &mut Call<'_>) -> Result<Value, ApiError> {
    let transfer = call.named(table::TRANSFERS, "transfer")?;
    let remainder = transfer.int("amount") - transfer.int("amount_reversed");
    let amount = match call.params.int("amount") {
        Some(amount) => positive(amount, "amount")?,
        None => remainder,
    };
    if remainder == 0 {
        let message = format!("Transfer {} has already been fully reversed.", transfer.text("id"));
        return Err(ApiError { executed: true, ..ApiError::invalid(None, "", message) });
    }
    if amount > remainder {
        let message =
            format!("Reversal amount ({amount}) is greater than unreversed amount on transfer ({remainder}).");
        return Err(ApiError { executed: true, ..ApiError::invalid(None, "amount", message) });
    }
    let metadata = call.params.metadata("metadata", &Value::Null);
    Ok(reverse(call.state, &transfer, amount, metadata, call.cause.clone()))
}

/// Takes `amount` back from a transfer; the caller has checked that so much is left of it.
pub(in crate::sandbox) fn reverse(
    state: &mut State,
    transfer: &Value,
    amount: i64,
    metadata: Value,
    cause: Cause,
) -> Value {
    let currency = transfer.text("currency");
    let back = balance::available(state, currency).saturating_add(amount);
    balance::set(state, currency, back);
    let id = state.id("trr");
    let reversal = json!({
        "id": id,
        "object": "transfer_reversal",
        "amount": amount,
        "balance_transaction": state.id("txn"),
        "created": state.now_s(),
        "currency": currency,
        "destination_payment_refund": state.id("pyr"),
        "metadata": metadata,
        "source_refund": null,
        "transfer": transfer["id"],
    });
    state.put(table::REVERSALS, &id, reversal.clone());
    let after = state.change(table::TRANSFERS, transfer.text("id"), |transfer| {
        let reversed = transfer.int("amount_reversed") + amount;
        transfer["amount_reversed"] = json!(reversed);
        transfer["reversed"] = json!(reversed == transfer.int("amount"));
        if let Some(data) = transfer["reversals"]["data"].as_array_mut() {
            data.insert(0, reversal.clone());
        }
    });
    let object = after.unwrap_or_default();
    event::emit(state, event::Happening { kind: "transfer.reversed", object, cause, ..Default::default() });
    reversal
}

fn all(call: &mut Call<'_>) -> Result<Value, ApiError> {
    let transfer = call.named(table::TRANSFERS, "transfer")?;
    list::page(call.state, table::REVERSALS, call.path, call.params, |row| row["transfer"] == transfer["id"])
}

fn one(call: &mut Call<'_>) -> Result<Value, ApiError> {
    let transfer = call.named(table::TRANSFERS, "transfer")?;
    let id = call.id(1);
    let row = call.state.get(table::REVERSALS, &id).filter(|row| row["transfer"] == transfer["id"]);
    row.cloned().ok_or_else(|| ApiError::missing("transfer reversal", &id, "id"))
}
