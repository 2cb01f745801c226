//! Disputes of charges: opened, won or lost. Money leaves the balance when one is opened and comes back when it is won;
//! inquiries (`warning_…`) never move any.

use serde_json::{Value, json};

use super::super::error::ApiError;
use super::super::state::{Read, State, table};
use super::Teller;

const ANSWER_WITHIN_S: i64 = 7 * 86_400;

/// Opens a dispute over `amount` of a charge.
pub(in crate::sandbox) fn open(
    state: &mut State,
    teller: &mut Teller,
    charge: &Value,
    amount: Option<i64>,
    reason: &str,
    inquiry: bool,
) -> Result<Value, ApiError> {
    let amount = amount.unwrap_or_else(|| charge.int("amount"));
    if !(1..=charge.int("amount")).contains(&amount) {
        let message = format!("The disputed amount is between 1 and {}.", charge.int("amount"));
        return Err(ApiError::invalid(None, "amount", message));
    }
    let id = state.id("dp");
    let dispute = json!({
        "id": id,
        "object": "dispute",
        "amount": amount,
        "balance_transactions": [],
        "charge": charge["id"],
        "created": teller.at,
        "currency": charge["currency"],
        "enhanced_eligibility_types": [],
        "evidence": evidence(),
        "evidence_details": {
            "due_by": teller.at + ANSWER_WITHIN_S,
            "enhanced_eligibility": {},
            "has_evidence": false,
            "past_due": false,
            "submission_count": 0,
        },
        "is_charge_refundable": inquiry,
        "livemode": false,
        "metadata": {},
        "payment_intent": charge["payment_intent"],
        "payment_method_details": {
            "card": {
                "brand": "visa",
                "case_type": if inquiry { "inquiry" } else { "chargeback" },
                "network": "visa",
                "network_reason_code": "10.4",
            },
            "type": "card",
        },
        "reason": reason,
        "status": if inquiry { "warning_needs_response" } else { "needs_response" },
    });
    state.put(table::DISPUTES, &id, dispute.clone());
    state.change(table::CHARGES, charge.text("id"), |row| row["disputed"] = json!(true));
    teller.tell(state, "charge.dispute.created", &dispute);
    if inquiry {
        return Ok(dispute);
    }
    move_money(state, &id, -amount, teller.at);
    let after = state.get(table::DISPUTES, &id).cloned().unwrap_or_default();
    teller.tell(state, "charge.dispute.funds_withdrawn", &after);
    Ok(after)
}

/// The dispute's field names, all unanswered.
fn evidence() -> Value {
    const FIELDS: &[&str] = &[
        "access_activity_log",
        "billing_address",
        "cancellation_policy",
        "cancellation_policy_disclosure",
        "cancellation_rebuttal",
        "customer_communication",
        "customer_email_address",
        "customer_name",
        "customer_purchase_ip",
        "customer_signature",
        "duplicate_charge_documentation",
        "duplicate_charge_explanation",
        "duplicate_charge_id",
        "product_description",
        "receipt",
        "refund_policy",
        "refund_policy_disclosure",
        "refund_refusal_explanation",
        "service_date",
        "service_documentation",
        "shipping_address",
        "shipping_carrier",
        "shipping_date",
        "shipping_documentation",
        "shipping_tracking_number",
        "uncategorized_file",
        "uncategorized_text",
    ];
    let mut fields: serde_json::Map<String, Value> =
        FIELDS.iter().map(|name| ((*name).to_owned(), Value::Null)).collect();
    fields.insert("enhanced_evidence".to_owned(), json!({}));
    Value::Object(fields)
}

fn move_money(state: &mut State, id: &str, amount: i64, at: i64) {
    let transaction = state.id("txn");
    state.change(table::DISPUTES, id, |row| {
        let entry = json!({
            "id": transaction,
            "object": "balance_transaction",
            "amount": amount,
            "available_on": at,
            "balance_type": "payments",
            "created": at,
            "currency": row["currency"],
            "description": "Chargeback",
            "exchange_rate": null,
            "fee": 0,
            "fee_details": [],
            "net": amount,
            "reporting_category": if amount < 0 { "dispute" } else { "dispute_reversal" },
            "source": row["id"],
            "status": "available",
            "type": "adjustment",
        });
        if let Some(entries) = row["balance_transactions"].as_array_mut() {
            entries.push(entry);
        }
    });
}

/// Ends a dispute as `won`, `lost` or, for an inquiry, `warning_closed`.
pub(in crate::sandbox) fn close(
    state: &mut State,
    teller: &mut Teller,
    id: &str,
    status: &str,
) -> Result<Value, ApiError> {
    let before = state.get(table::DISPUTES, id).cloned().ok_or_else(|| ApiError::missing("dispute", id, "id"))?;
    if ["won", "lost", "warning_closed"].contains(&before.text("status")) {
        let message = format!("Dispute {id} is already closed.");
        return Err(ApiError { executed: true, ..ApiError::invalid(None, "status", message) });
    }
    let after = state.change(table::DISPUTES, id, |row| row["status"] = json!(status)).unwrap_or_default();
    teller.tell_change(state, "charge.dispute.closed", &after, Some(json!({ "status": before["status"] })));
    if status == "won" {
        move_money(state, id, before.int("amount"), teller.at);
        let after = state.get(table::DISPUTES, id).cloned().unwrap_or_default();
        teller.tell(state, "charge.dispute.funds_reinstated", &after);
        return Ok(after);
    }
    Ok(after)
}
