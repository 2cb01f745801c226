//! Refunds of charges: pending, succeeded or failed, in any number, up to what was charged.

use serde_json::{Value, json};

use super::super::error::ApiError;
use super::super::state::{Read, State, table};
use super::Teller;

/// What is asked for; without an amount, everything that is left.
#[derive(Debug, Clone, Default)]
pub(in crate::sandbox) struct Wanted {
    pub charge: Option<String>,
    pub payment_intent: Option<String>,
    pub amount: Option<i64>,
    pub reason: Option<String>,
    pub metadata: Value,
}

/// Finds the charge by its id or its payment intent's.
pub(in crate::sandbox) fn charge_of(
    state: &State,
    charge: Option<&str>,
    intent: Option<&str>,
) -> Result<Value, ApiError> {
    let id = match (charge, intent) {
        (Some(charge), _) => charge.to_owned(),
        (None, Some(intent)) => {
            let row = state.get(table::PAYMENT_INTENTS, intent);
            row.ok_or_else(|| ApiError::missing("payment_intent", intent, "payment_intent"))?
                .text("latest_charge")
                .to_owned()
        }
        (None, None) => {
            let message = "One of the following params should be provided for this request: payment_intent or charge.";
            return Err(ApiError::invalid(Some("parameter_missing"), "payment_intent", message));
        }
    };
    state.get(table::CHARGES, &id).cloned().ok_or_else(|| ApiError::missing("charge", &id, "charge"))
}

/// Makes a refund with this status and tells of it and of the charge.
pub(in crate::sandbox) fn play(
    state: &mut State,
    teller: &mut Teller,
    wanted: Wanted,
    status: &str,
) -> Result<Value, ApiError> {
    let charge = charge_of(state, wanted.charge.as_deref(), wanted.payment_intent.as_deref())?;
    let left = charge.int("amount") - charge.int("amount_refunded");
    let amount = wanted.amount.unwrap_or(left);
    let charge_id = charge.text("id").to_owned();
    if left == 0 {
        let message = format!("Charge {charge_id} has already been refunded.");
        return Err(ApiError::refused("charge_already_refunded", "", message));
    }
    if !(1..=left).contains(&amount) {
        let message = format!("Refund amount ({amount}) is greater than unrefunded amount on charge ({left}).");
        return Err(ApiError { executed: true, ..ApiError::invalid(None, "amount", message) });
    }
    // A refund that fails was pending before, and the charge counted it until then.
    let first = if status == "failed" { "pending" } else { status };
    let refund = make(state, teller.at, &charge, amount, first, &wanted);
    count(state, &charge_id, amount);
    let after = state.get(table::CHARGES, &charge_id).cloned().unwrap_or_default();
    teller.tell(state, "refund.created", &refund);
    let previous = json!({ "amount_refunded": charge["amount_refunded"], "refunded": charge["refunded"] });
    teller.tell_change(state, "charge.refunded", &after, Some(previous));
    if status == "failed" { settle(state, teller, refund.text("id"), "failed") } else { Ok(refund) }
}

fn make(state: &mut State, at: i64, charge: &Value, amount: i64, status: &str, wanted: &Wanted) -> Value {
    let id = state.id("re");
    let refund = json!({
        "id": id,
        "object": "refund",
        "amount": amount,
        "balance_transaction": state.id("txn"),
        "charge": charge["id"],
        "created": at,
        "currency": charge["currency"],
        "destination_details": { "card": { "type": "refund" }, "type": "card" },
        "metadata": if wanted.metadata.is_object() { wanted.metadata.clone() } else { json!({}) },
        "payment_intent": charge["payment_intent"],
        "reason": wanted.reason,
        "receipt_number": null,
        "source_transfer_reversal": null,
        "status": status,
        "transfer_reversal": null,
    });
    state.put(table::REFUNDS, &id, refund.clone());
    refund
}

/// Adds to what the charge has given back; a failed refund is subtracted again.
fn count(state: &mut State, charge: &str, amount: i64) {
    state.change(table::CHARGES, charge, |row| {
        let refunded = row.int("amount_refunded") + amount;
        row["amount_refunded"] = json!(refunded);
        row["refunded"] = json!(refunded == row.int("amount"));
    });
}

/// Ends a pending refund: it succeeds, fails or is canceled.
pub(in crate::sandbox) fn settle(
    state: &mut State,
    teller: &mut Teller,
    id: &str,
    status: &str,
) -> Result<Value, ApiError> {
    let before = state.get(table::REFUNDS, id).cloned().ok_or_else(|| ApiError::missing("refund", id, "id"))?;
    let over = ["failed", "canceled"].contains(&before.text("status"));
    if over || before.text("status") == status {
        let message = format!("Refund {id} is already {}.", before.text("status"));
        return Err(ApiError { executed: true, ..ApiError::invalid(None, "status", message) });
    }
    let back = ["failed", "canceled"].contains(&status);
    let after = state.change(table::REFUNDS, id, |row| {
        row["status"] = json!(status);
        if status == "failed" {
            row["failure_reason"] = json!("lost_or_stolen_card");
        }
    });
    let after = after.unwrap_or_default();
    let charge = before.text("charge").to_owned();
    if back {
        count(state, &charge, -before.int("amount"));
    }
    let previous = Some(json!({ "status": before["status"] }));
    teller.tell_change(state, "refund.updated", &after, previous.clone());
    if status == "failed" {
        teller.tell_change(state, "refund.failed", &after, previous);
    }
    Ok(after)
}
