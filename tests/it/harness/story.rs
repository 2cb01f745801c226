//! Stripe's events for one customer's purchases, piece by piece, in the shapes of API versions before and after 2025-03-31.
//! Pieces are changed by what a test says of them, so that a table of sequences stays a table.

use serde_json::{Value, json};

use super::events::Shape;

/// A customer's story. All ids carry the tag, so that many stories fit into one database.
#[derive(Debug, Clone)]
pub struct Story {
    pub tag: String,
    pub shape: Shape,
}

/// When a story begins, Unix seconds.
const BEGIN: i64 = 1_800_000_000;

const DAY: i64 = 86_400;

/// Lays the fields of `changes` over those of the event's object.
pub fn but(mut event: Value, changes: Value) -> Value {
    lay_over(&mut event["data"]["object"], changes);
    event
}

fn lay_over(value: &mut Value, changes: Value) {
    match (value, changes) {
        (Value::Object(fields), Value::Object(changes)) => {
            for (name, change) in changes {
                lay_over(fields.entry(name).or_insert(Value::Null), change);
            }
        }
        (value, change) => *value = change,
    }
}

/// The same a number of days later.
pub fn later(days: i64, event: Value) -> Value {
    after(days * DAY, event)
}

/// The same a number of seconds after the story began.
pub fn after(seconds: i64, mut event: Value) -> Value {
    let at = BEGIN + seconds;
    event["created"] = json!(at);
    let object = &mut event["data"]["object"];
    if object["status_transitions"]["paid_at"].is_i64() {
        object["status_transitions"]["paid_at"] = json!(at);
    }
    if object["created"].is_i64() {
        object["created"] = json!(at);
    }
    event
}

impl Story {
    pub fn id(&self, prefix: &str, n: u32) -> String {
        format!("{prefix}_{}x{n}", self.tag)
    }

    /// An event about an object; who sends it gives it its id.
    pub fn event(&self, kind: &str, object: Value) -> Value {
        json!({
            "object": "event", "type": kind, "created": BEGIN, "livemode": false,
            "api_version": if self.shape == Shape::Old { "2024-06-20" } else { "2025-10-29.clover" },
            "data": { "object": object }
        })
    }

    /// A paid checkout of 120.00 with 20.00 tax in it, referred by the story's affiliate.
    pub fn session(&self, n: u32) -> Value {
        self.event(
            "checkout.session.completed",
            json!({
                "id": self.id("cs", n), "object": "checkout.session", "mode": "payment", "payment_status": "paid",
                "status": "complete", "amount_subtotal": 10_000, "amount_total": 12_000, "currency": "usd",
                "customer": self.id("cus", 0), "customer_details": { "email": format!("{}@example.com", self.tag) },
                "client_reference_id": self.tag, "metadata": {}, "invoice": null, "discounts": [],
                "payment_intent": self.id("pi", n), "subscription": null,
                "total_details": { "amount_discount": 0, "amount_shipping": 0, "amount_tax": 2_000 }
            }),
        )
    }

    /// The checkout of a subscription whose first invoice is `n`.
    pub fn subscribing(&self, n: u32) -> Value {
        let invoice = self.id("in", n);
        let changes = json!({
            "mode": "subscription", "subscription": self.id("sub", 0), "invoice": invoice, "payment_intent": null
        });
        but(self.session(n), changes)
    }

    /// The checkout's delayed payment came to this end: `succeeded` or `failed`.
    pub fn delayed(&self, n: u32, end: &str) -> Value {
        let mut event = later(3, self.session(n));
        event["type"] = json!(format!("checkout.session.async_payment_{end}"));
        but(event, json!({ "payment_status": if end == "succeeded" { "paid" } else { "unpaid" } }))
    }

    pub fn intent(&self, n: u32, amount: i64) -> Value {
        self.event(
            "payment_intent.succeeded",
            json!({
                "id": self.id("pi", n), "object": "payment_intent", "amount": amount, "amount_received": amount,
                "currency": "usd", "customer": self.id("cus", 0), "latest_charge": self.id("ch", n), "metadata": {},
                "status": "succeeded"
            }),
        )
    }

    pub fn charge(&self, n: u32, amount: i64) -> Value {
        self.event(
            "charge.succeeded",
            json!({
                "id": self.id("ch", n), "object": "charge", "amount": amount, "amount_captured": amount, "captured": true,
                "paid": true, "status": "succeeded", "currency": "usd", "created": BEGIN, "metadata": {},
                "customer": self.id("cus", 0), "payment_intent": self.id("pi", n),
                "billing_details": { "email": format!("{}@example.com", self.tag) }
            }),
        )
    }

    /// The refund `r` of payment `n`, made a day after the story's beginning.
    pub fn refund(&self, n: u32, r: u32, amount: i64, status: &str) -> Value {
        let refund = json!({
            "id": format!("re_{}x{r}", self.tag), "object": "refund", "amount": amount, "currency": "usd",
            "charge": self.id("ch", n), "payment_intent": self.id("pi", n), "status": status, "created": BEGIN + DAY,
            "reason": "requested_by_customer"
        });
        let mut event = self.event(if status == "pending" { "refund.created" } else { "refund.updated" }, refund);
        event["created"] = json!(BEGIN + DAY);
        event
    }

    /// The refund `r` of payment `n` came to a bad end, days after the story's beginning.
    pub fn ended(&self, n: u32, r: u32, amount: i64, status: &str, days: i64) -> Value {
        let mut event = self.refund(n, r, amount, status);
        event["created"] = json!(BEGIN + days * DAY);
        let old = self.shape == Shape::Old;
        event["type"] = json!(if old { "charge.refund.updated" } else { "refund.failed" });
        event
    }

    /// Payment `n` of 120.00 has given back `sum` in all, days after the story's beginning.
    pub fn sum(&self, n: u32, sum: i64, days: i64) -> Value {
        let mut event = but(self.charge(n, 12_000), json!({ "amount_refunded": sum }));
        event["type"] = json!("charge.refunded");
        event["created"] = json!(BEGIN + days * DAY);
        event
    }

    /// The dispute `d` of payment `n`; `kind` ends the event's type.
    pub fn dispute(&self, n: u32, d: u32, amount: i64, status: &str, kind: &str) -> Value {
        let dispute = json!({
            "id": format!("dp_{}x{d}", self.tag), "object": "dispute", "amount": amount, "currency": "usd",
            "charge": self.id("ch", n), "payment_intent": self.id("pi", n), "status": status, "created": BEGIN + DAY,
            "reason": "fraudulent"
        });
        let mut event = self.event(&format!("charge.dispute.{kind}"), dispute);
        event["created"] = json!(BEGIN + DAY);
        event
    }

    /// A payment intent and its charge.
    pub fn payment(&self, n: u32, amount: i64) -> Vec<Value> {
        vec![self.intent(n, amount), self.charge(n, amount)]
    }

    /// The payment `n` of the invoice `invoice`, with what links the two in this shape.
    pub fn paying(&self, invoice: u32, n: u32, amount: i64) -> Vec<Value> {
        let payment = self.payment(n, amount);
        if self.shape == Shape::Old {
            let named = json!({ "invoice": self.id("in", invoice) });
            return payment.into_iter().map(|event| but(event, named.clone())).collect();
        }
        let link = but(self.link(invoice, n), json!({ "amount_paid": amount }));
        [payment, vec![link]].concat()
    }

    /// The link between an invoice of 120.00 and its payment `n`.
    pub fn link(&self, invoice: u32, n: u32) -> Value {
        let link = json!({
            "id": format!("inpay_{}x{invoice}x{n}", self.tag), "object": "invoice_payment", "status": "paid",
            "invoice": self.id("in", invoice), "amount_paid": 12_000, "currency": "usd",
            "payment": { "type": "payment_intent", "payment_intent": self.id("pi", n) }
        });
        self.event("invoice_payment.paid", link)
    }

    /// A paid invoice of 120.00 with 20.00 tax in it. `reason` is its `billing_reason`.
    pub fn invoice(&self, n: u32, reason: &str) -> Value {
        let subscription = reason.starts_with("subscription").then(|| self.id("sub", 0));
        let mut object = json!({
            "id": self.id("in", n), "object": "invoice", "status": "paid", "billing_reason": reason, "currency": "usd",
            "amount_due": 12_000, "amount_paid": 12_000, "amount_remaining": 0, "subtotal": 10_000, "total": 12_000,
            "total_excluding_tax": 10_000, "customer": self.id("cus", 0), "metadata": {}, "discounts": [],
            "customer_email": format!("{}@example.com", self.tag), "total_discount_amounts": [],
            "status_transitions": { "paid_at": BEGIN },
            "lines": { "object": "list", "has_more": false, "data": [] }
        });
        let more = match self.shape {
            Shape::Old => json!({
                "subscription": subscription, "tax": 2_000, "paid": true, "paid_out_of_band": false,
                "payment_intent": null, "charge": null, "subscription_details": { "metadata": {} }
            }),
            Shape::New => json!({
                "total_taxes": [{ "amount": 2_000, "tax_behavior": "exclusive" }],
                "parent": subscription.map(|id| json!({ "subscription_details": { "subscription": id, "metadata": {} } }))
            }),
        };
        lay_over(&mut object, more);
        self.event("invoice.paid", object)
    }

    /// An invoice over nothing.
    pub fn free_invoice(&self, n: u32, reason: &str) -> Value {
        let nothing = json!({ "amount_due": 0, "amount_paid": 0, "total": 0, "total_excluding_tax": 0, "tax": 0 });
        but(self.invoice(n, reason), nothing)
    }

    /// An invoice that somebody marked as paid by hand.
    pub fn by_hand(&self, n: u32) -> Value {
        let invoice = self.invoice(n, "manual");
        match self.shape {
            Shape::Old => but(invoice, json!({ "paid_out_of_band": true })),
            Shape::New => {
                let record = json!({ "payment": { "type": "payment_record", "payment_record": self.id("prec", n) } });
                but(invoice, json!({ "payments": { "object": "list", "data": [record] } }))
            }
        }
    }

    /// A line of an invoice: product `prod_{product}` at price `price_{product}`.
    pub fn line(&self, product: &str, amount: i64, (discount, tax): (i64, i64), proration: bool) -> Value {
        let (price, product) = (format!("price_{product}"), format!("prod_{product}"));
        let common = json!({
            "id": format!("il_{}{product}{amount}{proration}", self.tag), "object": "line_item", "amount": amount,
            "description": product, "discount_amounts": [{ "amount": discount, "discount": "di_1" }]
        });
        let more = match self.shape {
            Shape::Old => json!({
                "price": { "id": price, "product": product }, "proration": proration,
                "tax_amounts": [{ "amount": tax, "inclusive": false }]
            }),
            Shape::New => json!({
                "pricing": { "price_details": { "price": price, "product": product } },
                "taxes": [{ "amount": tax, "tax_behavior": "exclusive" }],
                "parent": { "subscription_item_details": { "proration": proration } }
            }),
        };
        let mut line = common;
        lay_over(&mut line, more);
        line
    }
}

/// An invoice with these lines.
pub fn listing(event: Value, lines: Vec<Value>) -> Value {
    but(event, json!({ "lines": { "data": lines } }))
}
