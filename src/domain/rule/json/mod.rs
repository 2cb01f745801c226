//! The contract's JSON of a rule, read strictly and written back.

mod tiers;

use std::collections::BTreeSet;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Cap, Expansion, Rate, Recurring, Rule};

/// A field of the rule is wrong; `param` is its path, such as `rule.rate`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{param}: {message}")]
pub struct InvalidRule {
    pub param: String,
    pub message: String,
}

fn invalid<T>(field: &str, message: impl Into<String>) -> Result<T, InvalidRule> {
    let param = if field.is_empty() { "rule".to_owned() } else { format!("rule.{field}") };
    Err(InvalidRule { param, message: message.into() })
}

const FIELDS: &[&str] = &[
    "type",
    "rate",
    "amount",
    "currency",
    "recurring",
    "tiers",
    "cap",
    "expansion",
    "products",
    "exclude_tax",
    "exclude_shipping",
];

fn refuse_unknown(fields: &Map<String, Value>, place: &str, known: &[&str]) -> Result<(), InvalidRule> {
    match fields.keys().find(|key| !known.contains(&key.as_str())) {
        None => Ok(()),
        Some(unknown) => {
            let message = format!("is no field here; the fields are: {}", known.join(", "));
            invalid(&format!("{place}{unknown}"), message)
        }
    }
}

impl Rule {
    /// Reads the contract's rule JSON.
    ///
    /// # Errors
    /// [`InvalidRule`] names the field and says what it takes; unknown fields are errors too.
    pub fn from_json(json: &Value) -> Result<Rule, InvalidRule> {
        let Value::Object(fields) = json else {
            return invalid("", "must be an object such as {\"type\": \"percent\", \"rate\": \"20\"}");
        };
        refuse_unknown(fields, "", FIELDS)?;
        let rate = read_rate(fields)?;
        Ok(Rule {
            tiers: tiers::read(fields.get("tiers"), &rate)?,
            rate,
            recurring: read_recurring(fields.get("recurring"))?,
            expansion: read_expansion(fields.get("expansion"))?,
            cap: read_cap(fields.get("cap"))?,
            products: read_products(fields.get("products"))?,
            exclude_tax: read_flag(fields, "exclude_tax")?,
            exclude_shipping: read_flag(fields, "exclude_shipping")?,
        })
    }

    /// The rule as the contract writes it; reads back as the same rule.
    pub fn to_json(&self) -> Value {
        let mut fields = Map::new();
        match &self.rate {
            Rate::Percent(rate) => {
                fields.insert("type".into(), "percent".into());
                fields.insert("rate".into(), rate.normalize().to_string().into());
            }
            Rate::Flat { amount_minor, currency } => {
                fields.insert("type".into(), "flat".into());
                fields.insert("amount".into(), (*amount_minor).into());
                fields.insert("currency".into(), currency.as_str().into());
            }
        }
        let recurring = match self.recurring {
            Recurring::FirstOnly => Value::Null,
            Recurring::Months(months) => serde_json::json!({ "months": months }),
            Recurring::Payments(payments) => serde_json::json!({ "payments": payments }),
            Recurring::Forever => "forever".into(),
        };
        fields.insert("recurring".into(), recurring);
        let expansion = match self.expansion {
            Expansion::None => "none",
            Expansion::Recurring => "recurring",
            Expansion::OneTime => "one_time",
        };
        fields.insert("expansion".into(), expansion.into());
        if let Some(tiers) = &self.tiers {
            fields.insert("tiers".into(), tiers::write(tiers));
        }
        if let Some(cap) = self.cap {
            fields.insert("cap".into(), serde_json::json!({ "amount": cap.amount_minor, "per": cap.per.as_str() }));
        }
        if !self.products.is_empty() {
            fields.insert("products".into(), self.products.iter().cloned().collect());
        }
        fields.insert("exclude_tax".into(), self.exclude_tax.into());
        fields.insert("exclude_shipping".into(), self.exclude_shipping.into());
        Value::Object(fields)
    }
}

impl Serialize for Rule {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_json().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Rule {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Rule::from_json(&Value::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

fn read_rate(fields: &Map<String, Value>) -> Result<Rate, InvalidRule> {
    let given = |name: &str| fields.get(name).is_some_and(|v| !v.is_null());
    match fields.get("type").and_then(Value::as_str) {
        Some("percent") => match ["amount", "currency"].into_iter().find(|other| given(other)) {
            Some(other) => invalid(other, "belongs to a flat rule; a percent rule has `rate`"),
            None => percentage("rate", fields.get("rate")),
        },
        Some("flat") if given("rate") => {
            invalid("rate", "belongs to a percent rule; a flat rule has `amount` and `currency`")
        }
        Some("flat") => {
            let amount_minor = flat_amount("amount", fields.get("amount"))?;
            let Some(code) = fields.get("currency").and_then(Value::as_str) else {
                return invalid("currency", "must be a three-letter currency such as \"usd\"");
            };
            match code.parse() {
                Ok(currency) => Ok(Rate::Flat { amount_minor, currency }),
                Err(unknown) => invalid("currency", format!("{unknown}")),
            }
        }
        _ => invalid("type", "must be \"percent\" or \"flat\""),
    }
}

fn percentage(field: &str, value: Option<&Value>) -> Result<Rate, InvalidRule> {
    let rate = match value {
        Some(Value::String(text)) => text.trim().parse::<Decimal>().ok(),
        Some(Value::Number(number)) => number.to_string().parse().ok(),
        _ => None,
    };
    match rate.and_then(Rate::percent) {
        Some(rate) => Ok(rate),
        None => invalid(field, "must be a percentage above 0 and up to 100, as text, such as \"20\" or \"12.5\""),
    }
}

fn flat_amount(field: &str, value: Option<&Value>) -> Result<i64, InvalidRule> {
    match value.and_then(Value::as_i64) {
        Some(amount) if amount > 0 => Ok(amount),
        _ => invalid(field, "must be a positive integer in minor units, such as 1000 for 10.00"),
    }
}

fn read_recurring(value: Option<&Value>) -> Result<Recurring, InvalidRule> {
    let hint = "must be null, \"forever\", {\"months\": N} or {\"payments\": N} with N of at least 1";
    let count = |value: &Value| value.as_u64().and_then(|n| u32::try_from(n).ok()).filter(|n| (1..=1200).contains(n));
    match value {
        None | Some(Value::Null) => Ok(Recurring::FirstOnly),
        Some(Value::String(text)) if text == "forever" => Ok(Recurring::Forever),
        Some(Value::Object(fields)) if fields.len() == 1 => {
            match (fields.get("months").and_then(count), fields.get("payments").and_then(count)) {
                (Some(months), None) => Ok(Recurring::Months(months)),
                (None, Some(payments)) => Ok(Recurring::Payments(payments)),
                _ => invalid("recurring", hint),
            }
        }
        Some(_) => invalid("recurring", hint),
    }
}

fn read_expansion(value: Option<&Value>) -> Result<Expansion, InvalidRule> {
    match value.map(|v| v.as_str().unwrap_or(if v.is_null() { "none" } else { "" })) {
        None | Some("none") => Ok(Expansion::None),
        Some("recurring") => Ok(Expansion::Recurring),
        Some("one_time") => Ok(Expansion::OneTime),
        Some(_) => invalid("expansion", "must be \"none\", \"recurring\" or \"one_time\""),
    }
}

fn read_cap(value: Option<&Value>) -> Result<Option<Cap>, InvalidRule> {
    let Some(cap) = value.filter(|v| !v.is_null()) else { return Ok(None) };
    let Some(cap) = cap.as_object() else {
        return invalid("cap", "must be null or an object such as {\"amount\": 50000, \"per\": \"sale\"}");
    };
    refuse_unknown(cap, "cap.", &["amount", "per"])?;
    let Some(per) = cap.get("per").and_then(Value::as_str).and_then(|text| text.parse().ok()) else {
        return invalid("cap.per", "must be \"sale\", \"customer\" or \"month\"");
    };
    match cap.get("amount").and_then(Value::as_i64) {
        Some(amount_minor) if amount_minor > 0 => Ok(Some(Cap { amount_minor, per })),
        _ => invalid("cap.amount", "must be a positive integer in minor units, such as 50000 for 500.00"),
    }
}

fn read_products(value: Option<&Value>) -> Result<BTreeSet<String>, InvalidRule> {
    let Some(list) = value.filter(|v| !v.is_null()) else { return Ok(BTreeSet::new()) };
    let hint = "must be a list of Stripe's product or price ids, such as [\"prod_ABC123\"]";
    let Some(list) = list.as_array() else { return invalid("products", hint) };
    let mut products = BTreeSet::new();
    for (n, id) in list.iter().enumerate() {
        let id = id.as_str().map(str::trim).filter(|id| id.starts_with("prod_") || id.starts_with("price_"));
        let Some(id) = id else { return invalid(&format!("products[{n}]"), "must start with \"prod_\" or \"price_\"") };
        products.insert(id.to_owned());
    }
    Ok(products)
}

fn read_flag(fields: &Map<String, Value>, name: &str) -> Result<bool, InvalidRule> {
    match fields.get(name) {
        None | Some(Value::Null) => Ok(true),
        Some(Value::Bool(flag)) => Ok(*flag),
        Some(_) => invalid(name, "must be true or false"),
    }
}
