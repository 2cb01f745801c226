//! Invoices and the payments that belong to them. They are made by purchases and renewals; the API reads them and can
//! pay one that stayed open.

use serde_json::{Value, json};

use super::super::error::ApiError;
use super::super::list as lists;
use super::super::play::billing::{self, Plan};
use super::super::play::{Shape, Teller, invoice};
use super::super::state::{Read, table};
use super::{Call, PAGE, Route, get, list, post, retrieve};

pub(super) const ROUTES: &[Route] = &[
    list(
        "/v1/invoices",
        table::INVOICES,
        &[
            "created range",
            "customer",
            "status draft|open|paid|uncollectible|void",
            "collection_method charge_automatically|send_invoice",
        ],
    ),
    retrieve("/v1/invoices/{}", table::INVOICES, "invoice"),
    get("/v1/invoices/{}/lines", PAGE, lines),
    post("/v1/invoices/{}/pay", &["paid_out_of_band flag", "payment_method", "off_session flag", "forgive flag"], pay),
    get(
        "/v1/invoice_payments",
        &[
            "created range",
            "invoice",
            "payment.type charge|payment_intent|payment_record",
            "payment.payment_intent",
            "status canceled|open|paid",
            "limit int",
            "starting_after",
            "ending_before",
        ],
        all_payments,
    ),
    retrieve("/v1/invoice_payments/{}", table::INVOICE_PAYMENTS, "invoice payment"),
];

fn lines(call: &mut Call<'_>) -> Result<Value, ApiError> {
    call.named(table::INVOICES, "invoice")?;
    lists::page_of(&invoice::lines_of(call.state, &call.id(0)), call.path, call.params)
}

fn pay(call: &mut Call<'_>) -> Result<Value, ApiError> {
    let invoice = call.named(table::INVOICES, "invoice")?;
    let id = call.id(0);
    if invoice.text("status") != "open" {
        let message = "Invoice is already paid or cannot be paid.";
        return Err(ApiError { executed: true, ..ApiError::invalid(Some("invoice_not_editable"), "", message) });
    }
    let subscription = invoice["parent"]["subscription_details"].text("subscription").to_owned();
    let shape = Plan::load(call.state, &subscription).map_or(Shape::New, |plan| plan.shape);
    let mut teller = Teller::new(call.now_s, shape, call.cause.clone());
    billing::pay(call.state, &mut teller, &id, call.params.flag("paid_out_of_band") == Some(true));
    let past_due = |row: &Value| row.text("status") == "past_due";
    if call.state.get(table::SUBSCRIPTIONS, &subscription).is_some_and(past_due) {
        let after = call.state.change(table::SUBSCRIPTIONS, &subscription, |row| row["status"] = json!("active"));
        let previous = Some(json!({ "status": "past_due" }));
        teller.tell_change(call.state, "customer.subscription.updated", &after.unwrap_or_default(), previous);
    }
    call.named(table::INVOICES, "invoice")
}

fn all_payments(call: &mut Call<'_>) -> Result<Value, ApiError> {
    let p = call.params;
    lists::page(call.state, table::INVOICE_PAYMENTS, call.path, p, |row| {
        let payment = &row["payment"];
        lists::same(p, &["invoice", "status"], row)
            && p.text("payment.payment_intent").is_none_or(|intent| payment.text("payment_intent") == intent)
            && p.text("payment.type").is_none_or(|kind| payment.text("type") == kind)
    })
}
