//! Refunds and disputes through the API.

use serde_json::{Value, json};

use super::super::error::ApiError;
use super::super::play::refund::{self, Wanted};
use super::super::play::{Shape, Teller, dispute};
use super::super::state::table;
use super::{Call, Route, list, post, retrieve};

pub(super) const ROUTES: &[Route] = &[
    post(
        "/v1/refunds",
        &[
            "charge",
            "payment_intent",
            "amount int",
            "reason duplicate|fraudulent|requested_by_customer",
            "refund_application_fee flag",
            "reverse_transfer flag",
            "metadata map",
        ],
        create,
    ),
    list("/v1/refunds", table::REFUNDS, &["created range", "charge", "payment_intent"]),
    retrieve("/v1/refunds/{}", table::REFUNDS, "refund"),
    post("/v1/refunds/{}", &["metadata map"], update),
    post("/v1/refunds/{}/cancel", &[], cancel),
    list("/v1/disputes", table::DISPUTES, &["created range", "charge", "payment_intent"]),
    retrieve("/v1/disputes/{}", table::DISPUTES, "dispute"),
    post("/v1/disputes/{}/close", &[], close),
];

fn teller(call: &Call<'_>) -> Teller {
    Teller::new(call.now_s, Shape::New, call.cause.clone())
}

fn create(call: &mut Call<'_>) -> Result<Value, ApiError> {
    let p = call.params;
    let wanted = Wanted {
        charge: p.owned("charge"),
        payment_intent: p.owned("payment_intent"),
        amount: p.int("amount"),
        reason: p.owned("reason"),
        metadata: p.metadata("metadata", &Value::Null),
    };
    let mut teller = teller(call);
    refund::play(call.state, &mut teller, wanted, "succeeded")
}

fn update(call: &mut Call<'_>) -> Result<Value, ApiError> {
    call.named(table::REFUNDS, "refund")?;
    let (id, p) = (call.id(0), call.params);
    let after =
        call.state.change(table::REFUNDS, &id, |row| row["metadata"] = p.metadata("metadata", &row["metadata"]));
    let after = after.unwrap_or_else(|| json!({}));
    call.emit("refund.updated", &after);
    Ok(after)
}

fn cancel(call: &mut Call<'_>) -> Result<Value, ApiError> {
    call.named(table::REFUNDS, "refund")?;
    let (id, mut teller) = (call.id(0), teller(call));
    refund::settle(call.state, &mut teller, &id, "canceled")
}

fn close(call: &mut Call<'_>) -> Result<Value, ApiError> {
    call.named(table::DISPUTES, "dispute")?;
    let (id, mut teller) = (call.id(0), teller(call));
    dispute::close(call.state, &mut teller, &id, "lost")
}
