//! What a customer orders: the body of `POST /sandbox/purchases`, and what the shop, a checkout session and the API's
//! subscriptions make of their own forms.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::super::api::{currency, positive};
use super::super::error::ApiError;
use super::super::state::{State, table};
use super::Shape;
use super::billing::Way;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(in crate::sandbox) enum Mode {
    Payment,
    Subscription,
}

/// One thing in the basket.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(in crate::sandbox) struct Basket {
    pub name: String,
    #[serde(default)]
    pub product: Option<String>,
    #[serde(default)]
    pub price: Option<String>,
    /// Minor units.
    pub unit_amount: i64,
    #[serde(default = "one")]
    pub quantity: i64,
}

/// A price change later on, in days after the purchase.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(in crate::sandbox) struct LaterChange {
    pub after_days: i64,
    pub amount: i64,
    #[serde(default)]
    pub name: Option<String>,
}

/// What `POST /sandbox/purchases` takes. `amount` is the price before the discount; tax and shipping come on top.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(in crate::sandbox) struct Order {
    pub email: String,
    #[serde(default)]
    pub amount: i64,
    pub currency: String,
    pub mode: Mode,
    #[serde(default)]
    pub name: Option<String>,
    /// Instead of `amount` and `name`.
    #[serde(default)]
    pub items: Vec<Basket>,
    /// A click id or referral code; becomes the session's client_reference_id.
    #[serde(default, alias = "referral")]
    pub client_reference_id: Option<String>,
    #[serde(default)]
    pub promotion_code: Option<String>,
    #[serde(default)]
    pub tax: i64,
    #[serde(default)]
    pub shipping: i64,
    /// An existing customer; otherwise the one with this e-mail, or a new one.
    #[serde(default)]
    pub customer: Option<String>,
    #[serde(default)]
    pub metadata: Value,
    #[serde(default)]
    pub payment_intent_metadata: Value,
    #[serde(default)]
    pub subscription_metadata: Value,
    #[serde(default)]
    pub customer_metadata: Value,
    #[serde(default = "month")]
    pub interval: String,
    #[serde(default = "one")]
    pub interval_count: i64,
    #[serde(default)]
    pub trial_days: i64,
    /// A one-time purchase with an invoice of its own.
    #[serde(default)]
    pub invoice: bool,
    /// The parts in which the invoice is paid, minor units; they sum to its total.
    #[serde(default)]
    pub payments: Vec<i64>,
    /// What is paid beyond the invoice's total, minor units.
    #[serde(default)]
    pub overpaid: i64,
    /// Somebody marks the invoice as paid: the money doesn't pass through Stripe.
    #[serde(default)]
    pub out_of_band: bool,
    /// The customer pays by a bank that takes days: `POST /sandbox/checkouts/{id}` tells how it ended.
    #[serde(default)]
    pub delayed: bool,
    /// False plays a direct use of the API, without a checkout session.
    #[serde(default = "yes")]
    pub checkout: bool,
    #[serde(default)]
    pub api_shape: Shape,
    #[serde(default)]
    pub changes: Vec<LaterChange>,
    /// An open session of the API that this purchase completes.
    #[serde(default)]
    pub session: Option<String>,
}

impl Order {
    /// An empty order with the usual terms.
    pub fn new(email: &str, currency: &str, mode: Mode) -> Self {
        Self {
            email: email.to_owned(),
            amount: 0,
            currency: currency.to_owned(),
            mode,
            name: None,
            items: Vec::new(),
            client_reference_id: None,
            promotion_code: None,
            tax: 0,
            shipping: 0,
            customer: None,
            metadata: Value::Null,
            payment_intent_metadata: Value::Null,
            subscription_metadata: Value::Null,
            customer_metadata: Value::Null,
            interval: month(),
            interval_count: one(),
            trial_days: 0,
            invoice: false,
            payments: Vec::new(),
            overpaid: 0,
            out_of_band: false,
            delayed: false,
            checkout: true,
            api_shape: Shape::New,
            changes: Vec::new(),
            session: None,
        }
    }

    /// Checks the order before anything is played.
    pub fn check(&self, state: &State) -> Result<(), ApiError> {
        currency(&self.currency)?;
        if self.items.is_empty() && self.amount < 0 {
            positive(self.amount, "amount")?;
        }
        for item in &self.items {
            positive(item.unit_amount.saturating_add(1), "items[unit_amount]")?;
            positive(item.quantity, "items[quantity]")?;
        }
        for (name, value) in [("tax", self.tax), ("shipping", self.shipping), ("trial_days", self.trial_days)] {
            positive(value.saturating_add(1), name)?;
        }
        if !["day", "week", "month", "year"].contains(&self.interval.as_str()) || self.interval_count < 1 {
            return Err(ApiError::invalid(None, "interval", "The interval is one of day, week, month, year."));
        }
        self.check_ways_to_pay()?;
        if let Some(customer) = &self.customer
            && state.get(table::CUSTOMERS, customer).is_none()
        {
            return Err(ApiError::missing("customer", customer, "customer"));
        }
        if self.customer.is_none() && !self.email.contains('@') {
            return Err(ApiError::invalid(
                Some("email_invalid"),
                "email",
                format!("Invalid email address: {}", self.email),
            ));
        }
        Ok(())
    }

    fn check_ways_to_pay(&self) -> Result<(), ApiError> {
        let refuse = |field: &str, message: &str| Err(ApiError::invalid(None, field, message));
        let invoiced = self.invoice && self.mode == Mode::Payment;
        let of_invoices = [
            ("payments", !self.payments.is_empty()),
            ("overpaid", self.overpaid != 0),
            ("out_of_band", self.out_of_band),
        ];
        if let Some((field, _)) = of_invoices.iter().find(|(_, given)| *given && !invoiced) {
            return refuse(field, "Only a purchase with `mode` payment and `invoice` true is paid in this way.");
        }
        if of_invoices.iter().filter(|(_, given)| *given).count() > 1 {
            return refuse("payments", "An invoice is paid in parts, too much, or by hand: choose one.");
        }
        for (field, amount) in
            self.payments.iter().map(|part| ("payments", *part)).chain([("overpaid", self.overpaid + 1)])
        {
            positive(amount, field)?;
        }
        if self.delayed && (self.invoice || !self.checkout || self.mode != Mode::Payment) {
            return refuse("delayed", "Only a checkout with `mode` payment and without an invoice is paid later.");
        }
        Ok(())
    }

    /// How the invoice of a one-time purchase over `total` is paid.
    pub fn way(&self, total: i64) -> Result<Way, ApiError> {
        if self.out_of_band {
            return Ok(Way::ByHand);
        }
        if !self.payments.is_empty() && self.payments.iter().sum::<i64>() != total {
            return Err(ApiError::invalid(None, "payments", format!("The payments must sum to {total}.")));
        }
        Ok(match self.payments.as_slice() {
            [] => Way::Payments(vec![total.saturating_add(self.overpaid)]),
            parts => Way::Payments(parts.to_vec()),
        })
    }

    /// The price of the whole basket, before discount, tax and shipping.
    pub fn basket(&self) -> i64 {
        if self.items.is_empty() {
            return self.amount;
        }
        self.items.iter().map(|item| item.unit_amount.saturating_mul(item.quantity)).sum()
    }
}

fn one() -> i64 {
    1
}

fn yes() -> bool {
    true
}

fn month() -> String {
    "month".to_owned()
}
