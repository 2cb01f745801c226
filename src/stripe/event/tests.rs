//! Shapes of events, old and new, and what is read from them.

use chrono::DateTime;
use serde_json::{Value, json};

use super::*;
use crate::domain::sale::{Payment, SaleKind, SaleStatus};

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(seconds, 0).unwrap()
}

fn fact(kind: &str, object: Value) -> Result<Fact, Unreadable> {
    let body = json!({ "id": "evt_1", "type": kind, "created": 100, "data": { "object": object } }).to_string();
    read(Envelope::read(&body)?, at(200))
}

fn sale(kind: &str, object: Value) -> Description {
    match fact(kind, object).unwrap() {
        Fact::Sale(description) => *description,
        other => panic!("{other:?} is no sale"),
    }
}

fn basis(payment: &Option<Payment>) -> (i64, i64, i64, i64) {
    let payment = payment.as_ref().unwrap();
    (payment.paid_minor, payment.tax_minor, payment.shipping_minor, payment.discount_minor)
}

fn session() -> Value {
    json!({
        "id": "cs_1", "mode": "payment", "payment_status": "paid", "amount_total": 1500, "currency": "eur",
        "payment_intent": "pi_1", "customer": { "id": "cus_1", "metadata": { "via": "Ada" } },
        "total_details": { "amount_tax": 200, "amount_shipping": 300, "amount_discount": 100 }
    })
}

#[test]
fn an_endpoint_is_asked_to_send_all_that_is_read() {
    let source = include_str!("mod.rs");
    let reading =
        source.split("match envelope.event_type.as_str() {").nth(1).unwrap().split("_ => None").next().unwrap();
    let read: Vec<&str> = reading.split('"').skip(1).step_by(2).collect();
    assert!(read.len() > 5, "{read:?}");
    for kind in read {
        assert!(ACCOUNT_TYPES.contains(&kind) || CONNECT_TYPES.contains(&kind), "{kind} is in no list");
    }
}

#[test]
fn what_an_endpoint_is_asked_to_send_is_read() {
    for kind in ACCOUNT_TYPES {
        assert_ne!(fact(kind, json!({})), Ok(Fact::Other), "{kind}");
    }
    for kind in CONNECT_TYPES {
        let body = json!({ "id": "evt_1", "type": kind, "account": "acct_1", "data": { "object": {} } }).to_string();
        assert_ne!(read(Envelope::read(&body).unwrap(), at(200)), Ok(Fact::Other), "{kind}");
    }
}

#[test]
fn a_paid_session_is_the_sale_with_its_tax_and_shipping() {
    let read = sale("checkout.session.completed", session());
    assert_eq!(read.aliases, ["cs_1", "pi_1"]);
    assert_eq!((read.state.kind, read.state.status), (SaleKind::Checkout, SaleStatus::Paid));
    assert_eq!(basis(&read.state.payment), (1500, 200, 300, 100));
    assert_eq!(read.state.payment.unwrap().paid_at, at(100));
    assert_eq!(read.state.customer.as_deref(), Some("cus_1"));
    assert!(read.state.evidence.marks.contains("ada"), "metadata of a customer that is written out");
}

#[test]
fn a_session_waits_for_its_money_or_its_invoice() {
    let mut unpaid = session();
    unpaid["payment_status"] = json!("unpaid");
    assert_eq!(sale("checkout.session.completed", unpaid.clone()).state.status, SaleStatus::Waiting);
    unpaid["payment_status"] = json!("paid");
    assert_eq!(sale("checkout.session.async_payment_succeeded", unpaid).state.status, SaleStatus::Paid);

    let mut invoiced = session();
    invoiced["invoice"] = json!("in_1");
    let read = sale("checkout.session.completed", invoiced);
    assert_eq!((read.state.kind, read.state.status), (SaleKind::Invoice, SaleStatus::Waiting));
    assert_eq!(read.state.payment, None);

    let mut subscribing = session();
    subscribing["mode"] = json!("subscription");
    subscribing["subscription"] = json!("sub_1");
    let read = sale("checkout.session.completed", subscribing);
    assert_eq!((read.state.kind, read.state.status), (SaleKind::Invoice, SaleStatus::Waiting));
    assert!(read.aliases.contains(&"sub_1".to_owned()), "older versions don't name the invoice");
}

#[test]
fn a_free_session_collects_nothing() {
    let mut free = session();
    free["payment_status"] = json!("no_payment_required");
    let read = sale("checkout.session.completed", free);
    assert_eq!((read.state.status, basis(&read.state.payment).0), (SaleStatus::Paid, 0));
}

fn invoice() -> Value {
    json!({
        "id": "in_1", "amount_paid": 1200, "amount_due": 1200, "total": 1200, "total_excluding_tax": 1000,
        "currency": "usd", "billing_reason": "subscription_cycle", "customer": "cus_1",
        "status_transitions": { "paid_at": 90 }
    })
}

#[test]
fn an_invoice_is_read_in_both_shapes() {
    let mut new = invoice();
    new["parent"] = json!({ "subscription_details": { "subscription": "sub_1", "metadata": { "referral": "ada" } } });
    new["payments"] = json!({ "data": [{ "payment": { "type": "payment_intent", "payment_intent": "pi_1" } }] });
    let mut old = invoice();
    old["subscription"] = json!("sub_1");
    old["subscription_details"] = json!({ "metadata": { "referral": "ada" } });
    old["payment_intent"] = json!("pi_1");
    old["charge"] = json!("ch_1");
    for (object, aliases) in [(new, vec!["in_1", "pi_1"]), (old, vec!["in_1", "pi_1", "ch_1"])] {
        let read = sale("invoice.paid", object);
        assert_eq!(read.aliases, aliases);
        assert_eq!(read.state.subscription.as_deref(), Some("sub_1"));
        assert!(read.state.evidence.marks.contains("ada"));
        assert_eq!(basis(&read.state.payment), (1200, 200, 0, 0));
        assert_eq!(read.state.payment.unwrap().paid_at, at(90));
    }
}

#[test]
fn what_counts_of_an_invoice_is_the_total_without_tax_bounded_by_what_was_paid() {
    for (paid, without_tax, tax) in [(1200, json!(1000), 200), (700, json!(1000), 0), (1100, json!(1000), 100)] {
        let mut object = invoice();
        object["amount_paid"] = json!(paid);
        object["total_excluding_tax"] = without_tax;
        assert_eq!(basis(&sale("invoice.paid", object).state.payment), (paid, tax, 0, 0));
    }
    for taxes in [json!({ "tax": 200 }), json!({ "total_taxes": [{ "amount": 150 }, { "amount": 50 }] })] {
        let mut object = invoice();
        object["total_excluding_tax"] = Value::Null;
        object.as_object_mut().unwrap().extend(taxes.as_object().unwrap().clone());
        assert_eq!(basis(&sale("invoice.paid", object).state.payment), (1200, 200, 0, 0));
    }
}

#[test]
fn an_invoice_paid_out_of_band_counts_and_one_paid_from_credit_does_not() {
    let mut by_hand = invoice();
    by_hand["amount_paid"] = json!(0);
    by_hand["paid_out_of_band"] = json!(true);
    let payment = sale("invoice.paid", by_hand).state.payment.unwrap();
    assert_eq!((payment.paid_minor, payment.out_of_band), (1200, true));

    let mut from_credit = invoice();
    from_credit["amount_paid"] = json!(0);
    from_credit["amount_due"] = json!(0);
    let payment = sale("invoice.paid", from_credit).state.payment.unwrap();
    assert_eq!((payment.paid_minor, payment.out_of_band), (0, false));
}

#[test]
fn bare_payments_wait_and_those_of_an_invoice_only_lead_to_it() {
    let intent =
        json!({ "id": "pi_1", "amount": 900, "amount_received": 900, "currency": "usd", "latest_charge": "ch_1" });
    let read = sale("payment_intent.succeeded", intent.clone());
    assert_eq!(read.aliases, ["pi_1", "ch_1"]);
    assert_eq!((read.state.status, read.state.settles_at), (SaleStatus::Provisional, Some(at(230))));

    let mut marked = intent.clone();
    marked["metadata"] = json!({ "purser_code": "Ada" });
    assert_eq!(sale("payment_intent.succeeded", marked).state.status, SaleStatus::Paid);

    let mut invoiced = intent;
    invoiced["invoice"] = json!("in_1");
    let read = sale("payment_intent.succeeded", invoiced);
    assert_eq!((read.state.kind, read.state.status), (SaleKind::Invoice, SaleStatus::Waiting));
    assert_eq!(read.state.payment, None);

    let authorized = json!({ "id": "ch_1", "amount": 900, "amount_captured": 0, "captured": false, "currency": "usd" });
    assert_eq!(sale("charge.succeeded", authorized).state.status, SaleStatus::Waiting);
}

#[test]
fn promotion_codes_are_found_in_every_shape() {
    for discount in [
        json!({ "discounts": [{ "promotion_code": "promo_1", "coupon": { "id": "HALF" } }] }),
        json!({ "discounts": ["di_1"], "total_details": {
            "breakdown": { "discounts": [{ "amount": 5, "discount": { "id": "di_1", "promotion_code": "promo_1" } }] } } }),
    ] {
        let mut object = session();
        object.as_object_mut().unwrap().extend(discount.as_object().unwrap().clone());
        assert!(sale("checkout.session.completed", object).state.evidence.promotion_ids.contains("promo_1"));
    }
    let mut old = invoice();
    old["discount"] = json!({ "coupon": { "id": "HALF" }, "promotion_code": { "id": "promo_1", "code": "Ada20" } });
    let evidence = sale("invoice.paid", old).state.evidence;
    assert!(evidence.promotion_texts.contains("ada20") && evidence.coupons.contains("half"));
}

#[test]
fn what_cannot_be_read_says_where() {
    for (kind, object, word) in [
        ("invoice.paid", json!({ "id": "in_1", "total": 5 }), "amount_paid"),
        ("checkout.session.completed", json!({ "id": "cs_1", "payment_status": "paid" }), "amount_total"),
        ("payment_intent.succeeded", json!({ "id": "pi_1", "amount": 5, "currency": "zzz" }), "zzz"),
        ("invoice_payment.paid", json!({ "id": "inpay_1" }), "invoice"),
        ("charge.succeeded", json!("ch_1"), "string"),
    ] {
        let error = fact(kind, object).unwrap_err().to_string();
        assert!(error.contains(word), "{kind}: {error}");
    }
    assert!(Sealed::read("{\"id\": \"\", \"type\": \"x\", \"data\": {\"object\": {}}}").is_err());
    assert_eq!(fact("something.new", json!(7)), Ok(Fact::Other));
}

#[test]
fn lines_of_an_invoice_are_read_in_both_shapes() {
    let new = json!({
        "id": "il_1", "amount": 1000, "description": "Pro", "discount_amounts": [{ "amount": 100, "discount": "di_1" }],
        "taxes": [{ "amount": 90, "tax_behavior": "exclusive" }],
        "pricing": { "type": "price_details", "price_details": { "price": "price_1", "product": "prod_1" } },
        "parent": { "type": "subscription_item_details", "subscription_item_details": { "proration": true } }
    });
    let old = json!({
        "id": "il_1", "amount": 1000, "description": "Pro", "discount_amounts": [{ "amount": 100, "discount": "di_1" }],
        "tax_amounts": [{ "amount": 90, "inclusive": false }], "proration": true,
        "price": { "id": "price_1", "object": "price", "product": "prod_1" }
    });
    let older = json!({
        "id": "il_1", "amount": 1000, "description": "Pro", "discount_amounts": [{ "amount": 100, "discount": "di_1" }],
        "tax_amounts": [{ "amount": 90, "inclusive": false }], "proration": true, "price": null,
        "plan": { "id": "price_1", "object": "plan", "product": { "id": "prod_1", "metadata": {} } }
    });
    for line in [new, old, older] {
        let mut object = invoice();
        object["lines"] = json!({ "object": "list", "data": [line], "has_more": true });
        let lines = sale("invoice.paid", object).state.lines.unwrap();
        assert_eq!((lines.of.as_str(), lines.complete), ("in_1", false));
        let line = &lines.lines["il_1"];
        assert_eq!((line.product.as_deref(), line.price.as_deref()), (Some("prod_1"), Some("price_1")));
        assert_eq!((line.amount_minor, line.discount_minor, line.tax_minor, line.total_minor), (1000, 100, 90, 990));
        assert!(line.proration);
    }
}

#[test]
fn a_tax_within_the_price_is_not_added_to_it() {
    for taxes in [
        json!({ "taxes": [{ "amount": 100, "tax_behavior": "inclusive" }] }),
        json!({ "tax_amounts": [{ "amount": 100, "inclusive": true }] }),
    ] {
        let mut line = json!({ "id": "il_1", "amount": 1100 });
        line.as_object_mut().unwrap().extend(taxes.as_object().unwrap().clone());
        let read = lines::of_invoice("in_1", vec![line]).unwrap().unwrap();
        assert_eq!((read.lines["il_1"].total_minor, read.lines["il_1"].tax_minor), (1100, 100));
    }
}

#[test]
fn items_of_a_checkout_are_read_with_their_product() {
    let item = json!({
        "id": "li_1", "amount_subtotal": 1000, "amount_discount": 100, "amount_tax": 90, "amount_total": 990,
        "description": "Pro", "price": { "id": "price_1", "product": "prod_1" }
    });
    let read = lines::of_checkout("cs_1", vec![item]).unwrap().unwrap();
    assert!(read.complete);
    assert_eq!((read.lines["li_1"].product.as_deref(), read.lines["li_1"].total_minor), (Some("prod_1"), 990));
    assert_eq!(lines::of_checkout("cs_1", Vec::new()), Ok(None));
}
