//! What Stripe sends of a history's facts.

use serde_json::{Value, json};

use super::history::{Bought, Fact, GivenBack, History, RefundsBy, Way};
use super::model::Model;
use crate::harness::events::{Purchase, Shape};

/// How ids of a history are told from those of others in the same database.
#[derive(Debug, Clone, Copy)]
pub struct Names {
    pub history: u32,
    /// Unix seconds.
    pub begin: i64,
}

impl Names {
    /// The referral code of a partner.
    pub fn code(self, partner: usize) -> String {
        format!("p{}x{partner}", self.history)
    }

    /// Stripe's number of a purchase.
    pub fn number(self, purchase: usize) -> u32 {
        self.history * 1_000 + u32::try_from(purchase).unwrap()
    }

    /// The smallest of the purchase's ids at Stripe, by which its sale is found.
    pub fn key(self, purchase: usize, bought: &Bought) -> String {
        let kind = if bought.way == Way::Guest { "cs" } else { "ch" };
        format!("{kind}_{}", self.number(purchase))
    }

    /// Everything that Stripe sends of a fact.
    pub fn told(self, history: &History, fact: &Fact) -> Vec<Value> {
        match fact {
            Fact::Paid(n) => self.paid(*n, &history.purchases[*n]),
            Fact::Refund(refund) => self.refunded(history, refund),
            Fact::Dispute(dispute) => self.disputed(history, dispute),
        }
    }

    fn purchase(self, n: usize, bought: &Bought) -> Purchase {
        Purchase {
            shape: bought.shape,
            paid: bought.paid,
            tax: bought.tax,
            at: Model::paid_at(self.begin, bought),
            metadata: json!({ "purser_code": self.code(bought.partner) }),
            customer: (bought.way != Way::Guest).then(|| format!("cus_{}x{}", self.history, bought.customer)),
            email: format!("kim{}h{}@buyers.example.com", bought.customer % 3, self.history),
            ..Purchase::new(self.number(n))
        }
    }

    fn paid(self, n: usize, bought: &Bought) -> Vec<Value> {
        let purchase = self.purchase(n, bought);
        let mut events = match bought.way {
            Way::Guest => vec![purchase.session()],
            Way::Checkout => purchase.one_time(),
            Way::Subscription => purchase.subscription(),
            Way::Renewal => instead(&purchase, purchase.invoice("subscription_cycle")),
            Way::Upgrade => instead(&purchase, purchase.invoice("subscription_update")),
        };
        for event in &mut events {
            event["data"]["object"]["currency"] = json!(bought.currency);
        }
        events
    }
}

impl Names {
    pub fn dispute(self, id: usize) -> String {
        format!("dp_{}x{id}", self.history)
    }

    fn refunded(self, history: &History, refund: &GivenBack) -> Vec<Value> {
        let bought = &history.purchases[refund.purchase];
        let mut object = self.of_payment("refund", refund, bought);
        object["id"] = json!(format!("re_{}x{}", self.history, refund.id));
        let is_first = refund.made == refund.at;
        let mut events = Vec::new();
        if bought.refunds_by != RefundsBy::Charge {
            events.push(self.event(if is_first { "refund.created" } else { "refund.updated" }, refund, &object));
            if refund.status == "failed" {
                events.push(self.event("refund.failed", refund, &object));
            }
        }
        if bought.refunds_by != RefundsBy::Refund && is_first {
            let mut charge = self.purchase(refund.purchase, bought).charge()["data"]["object"].clone();
            let sum = history.refunded(refund.purchase, refund.at);
            (charge["amount_refunded"], charge["refunded"]) = (json!(sum), json!(sum == bought.paid));
            charge["currency"] = json!(bought.currency);
            events.push(self.event("charge.refunded", refund, &charge));
        }
        events
    }

    fn disputed(self, history: &History, dispute: &GivenBack) -> Vec<Value> {
        let mut object = self.of_payment("dispute", dispute, &history.purchases[dispute.purchase]);
        object["id"] = json!(self.dispute(dispute.id));
        if dispute.status == "reinstated" {
            object["status"] = json!("lost");
        }
        let kinds: &[&str] = match dispute.status {
            "needs_response" => &["charge.dispute.created", "charge.dispute.funds_withdrawn"],
            "warning_needs_response" => &["charge.dispute.created"],
            "won" => &["charge.dispute.closed", "charge.dispute.funds_reinstated"],
            "reinstated" => &["charge.dispute.funds_reinstated"],
            "lost" | "warning_closed" => &["charge.dispute.closed"],
            _ => &["charge.dispute.updated"],
        };
        kinds.iter().map(|kind| self.event(kind, dispute, &object)).collect()
    }

    fn of_payment(self, object: &str, given_back: &GivenBack, bought: &Bought) -> Value {
        let n = self.number(given_back.purchase);
        json!({
            "object": object, "amount": given_back.amount, "charge": format!("ch_{n}"), "payment_intent": format!("pi_{n}"),
            "currency": bought.currency, "created": self.begin + given_back.made, "status": given_back.status,
            "reason": null, "metadata": {}
        })
    }

    fn event(self, kind: &str, given_back: &GivenBack, object: &Value) -> Value {
        json!({
            "id": format!("evt_{kind}_{}x{}_{}", self.history, given_back.id, given_back.at), "object": "event",
            "type": kind, "created": self.begin + given_back.at, "livemode": false, "api_version": "2025-10-29.clover",
            "data": { "object": object }, "pending_webhooks": 1, "request": { "id": null, "idempotency_key": null }
        })
    }
}

/// What a later invoice of a subscription sends: no checkout, and that invoice.
fn instead(purchase: &Purchase, mut invoice: Value) -> Vec<Value> {
    let subscription = json!("sub_of_the_customer");
    let object = &mut invoice["data"]["object"];
    match purchase.shape {
        Shape::Old => object["subscription"] = subscription,
        Shape::New => object["parent"]["subscription_details"]["subscription"] = subscription,
    }
    let mut events = purchase.subscription().split_off(2);
    events.push(invoice);
    events
}

/// A transfer's reversal, told with the transfer as it was then.
pub fn reversed(transfer: &Value, n: usize, at: i64) -> Value {
    json!({
        "id": format!("evt_reversed_{}_{n}", transfer["id"].as_str().unwrap()), "object": "event",
        "type": "transfer.reversed", "created": at, "livemode": false, "api_version": "2025-10-29.clover",
        "data": { "object": transfer }, "pending_webhooks": 1, "request": { "id": null, "idempotency_key": null }
    })
}
