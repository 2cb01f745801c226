//! Stripe's events for purchases, in the shapes of API versions before and after 2025-03-31.

use serde_json::{Value, json};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Charges and intents name their invoice, invoices their payment.
    Old,
    /// `invoice_payment.paid` links them.
    New,
}

/// A purchase of 120.00 with 20.00 tax in it, unless changed. `n` keeps several apart.
#[derive(Debug, Clone)]
pub struct Purchase {
    pub n: u32,
    pub shape: Shape,
    pub paid: i64,
    pub tax: i64,
    pub customer: Option<String>,
    pub email: String,
    pub reference: Option<String>,
    pub metadata: Value,
    pub discounts: Value,
    /// Unix seconds.
    pub at: i64,
}

impl Purchase {
    pub fn new(n: u32) -> Self {
        Self {
            n,
            shape: Shape::New,
            paid: 12_000,
            tax: 2_000,
            customer: Some(format!("cus_{n}")),
            email: format!("Kim{n}@Buyers.Example.Com"),
            reference: None,
            metadata: json!({}),
            discounts: json!([]),
            at: 1_800_000_000,
        }
    }

    pub fn shape(self, shape: Shape) -> Self {
        Self { shape, ..self }
    }

    pub fn referred(self, by: &str) -> Self {
        Self { reference: Some(by.to_owned()), ..self }
    }

    fn event(&self, kind: &str, object: Value) -> Value {
        let id = object["id"].as_str().unwrap();
        json!({
            "id": format!("evt_{kind}_{id}"), "object": "event", "type": kind, "created": self.at, "livemode": false,
            "api_version": if self.shape == Shape::Old { "2024-06-20" } else { "2025-10-29.clover" },
            "data": { "object": object }, "pending_webhooks": 1, "request": { "id": null, "idempotency_key": null }
        })
    }

    pub fn session(&self) -> Value {
        let n = self.n;
        self.event(
            "checkout.session.completed",
            json!({
                "id": format!("cs_{n}"), "object": "checkout.session", "mode": "payment", "payment_status": "paid",
                "status": "complete", "amount_subtotal": self.paid - self.tax, "amount_total": self.paid, "currency": "usd",
                "customer": self.customer, "customer_email": null,
                "customer_details": { "email": self.email, "name": "Kim Buyer" },
                "client_reference_id": self.reference, "metadata": self.metadata, "invoice": null,
                "payment_intent": format!("pi_{n}"), "subscription": null, "discounts": self.discounts,
                "total_details": { "amount_discount": 0, "amount_shipping": null, "amount_tax": self.tax }
            }),
        )
    }

    /// The session of a subscription; the invoice is the sale.
    pub fn subscribing(&self) -> Value {
        let mut event = self.session();
        let object = &mut event["data"]["object"];
        object["mode"] = json!("subscription");
        object["invoice"] = json!(format!("in_{}", self.n));
        object["subscription"] = json!(format!("sub_{}", self.n));
        object["payment_intent"] = json!(null);
        event
    }

    fn invoiced(&self, object: &mut Value, invoice: &str) {
        if self.shape == Shape::Old {
            object["invoice"] = json!(invoice);
        }
    }

    fn intent_of(&self, invoice: Option<&str>) -> Value {
        let n = self.n;
        let mut object = json!({
            "id": format!("pi_{n}"), "object": "payment_intent", "amount": self.paid, "amount_received": self.paid,
            "currency": "usd", "customer": self.customer, "latest_charge": format!("ch_{n}"), "metadata": {},
            "receipt_email": null, "status": "succeeded"
        });
        invoice.inspect(|invoice| self.invoiced(&mut object, invoice));
        self.event("payment_intent.succeeded", object)
    }

    fn charge_of(&self, invoice: Option<&str>) -> Value {
        let n = self.n;
        let mut object = json!({
            "id": format!("ch_{n}"), "object": "charge", "amount": self.paid, "amount_captured": self.paid,
            "amount_refunded": 0, "captured": true, "paid": true, "status": "succeeded", "currency": "usd",
            "created": self.at, "customer": self.customer, "payment_intent": format!("pi_{n}"), "metadata": {},
            "billing_details": { "email": self.email, "name": "Kim Buyer" }, "receipt_email": null
        });
        invoice.inspect(|invoice| self.invoiced(&mut object, invoice));
        self.event("charge.succeeded", object)
    }

    pub fn intent(&self) -> Value {
        self.intent_of(None)
    }

    pub fn charge(&self) -> Value {
        self.charge_of(None)
    }

    /// `reason` is the invoice's `billing_reason`.
    pub fn invoice(&self, reason: &str) -> Value {
        let n = self.n;
        let mut object = json!({
            "id": format!("in_{n}"), "object": "invoice", "status": "paid", "billing_reason": reason, "currency": "usd",
            "amount_due": self.paid, "amount_paid": self.paid, "amount_remaining": 0, "subtotal": self.paid - self.tax,
            "total": self.paid, "total_excluding_tax": self.paid - self.tax, "customer": self.customer,
            "customer_email": self.email, "metadata": self.metadata, "discounts": [],
            "total_discount_amounts": [], "status_transitions": { "paid_at": self.at },
            "lines": { "object": "list", "data": [], "has_more": false }
        });
        let details = json!({ "subscription": format!("sub_{n}"), "metadata": {} });
        match self.shape {
            Shape::Old => {
                object["subscription"] = details["subscription"].clone();
                object["subscription_details"] = json!({ "metadata": {} });
                object["payment_intent"] = json!(format!("pi_{n}"));
                object["charge"] = json!(format!("ch_{n}"));
                object["tax"] = json!(self.tax);
                object["paid"] = json!(true);
                object["paid_out_of_band"] = json!(false);
            }
            Shape::New => {
                object["parent"] = json!({ "type": "subscription_details", "subscription_details": details });
                object["total_taxes"] = json!([{ "amount": self.tax, "tax_behavior": "exclusive" }]);
            }
        }
        self.event("invoice.paid", object)
    }

    /// Which payment paid the invoice.
    pub fn link(&self) -> Value {
        let n = self.n;
        self.event(
            "invoice_payment.paid",
            json!({
                "id": format!("inpay_{n}"), "object": "invoice_payment", "invoice": format!("in_{n}"), "status": "paid",
                "amount_paid": self.paid, "currency": "usd", "is_default": true,
                "payment": { "type": "payment_intent", "payment_intent": format!("pi_{n}") }
            }),
        )
    }

    /// Everything that Stripe sends for a one-time purchase.
    pub fn one_time(&self) -> Vec<Value> {
        vec![self.session(), self.intent(), self.charge()]
    }

    /// Everything that Stripe sends when a subscription begins.
    pub fn subscription(&self) -> Vec<Value> {
        let invoice = format!("in_{}", self.n);
        let mut events = vec![
            self.subscribing(),
            self.invoice("subscription_create"),
            self.intent_of(Some(&invoice)),
            self.charge_of(Some(&invoice)),
        ];
        if self.shape == Shape::New {
            events.push(self.link());
        }
        events
    }

    /// A renewal of the subscription that began as purchase `first`.
    pub fn renewal(&self, first: u32) -> Value {
        let mut event = self.invoice("subscription_cycle");
        event["data"]["object"]["parent"]["subscription_details"]["subscription"] = json!(format!("sub_{first}"));
        event
    }
}
