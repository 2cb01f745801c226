//! A campaign's commission rule: the JSON of the contract, read strictly, with messages that name the field.
//!
//! A rule is kept as one immutable version; `commission` prices sales by it.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::currency::Currency;

/// How much of a sale is earned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rate {
    /// Percent of the basis, 0 < rate ≤ 100.
    Percent(Decimal),
    /// The same amount for each sale, minor units.
    Flat { amount_minor: i64, currency: Currency },
}

/// Which of a customer's payments earn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recurring {
    /// The first paid sale only.
    FirstOnly,
    /// Payments within this many months of the first.
    Months(u32),
    /// This many payments, the first included.
    Payments(u32),
    Forever,
}

/// How upgrade and proration invoices are treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Expansion {
    /// They earn nothing.
    #[default]
    None,
    /// They earn as a recurring payment does.
    Recurring,
    /// They earn once, as a first sale does.
    OneTime,
}

/// One campaign rule. Built by [`Rule::from_json`] only, so that a `Rule` is always valid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    pub rate: Rate,
    pub recurring: Recurring,
    pub expansion: Expansion,
    /// Most that one sale can earn, minor units of the sale's currency.
    pub cap_per_sale_minor: Option<i64>,
    pub exclude_tax: bool,
    pub exclude_shipping: bool,
}

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

impl Rule {
    /// Reads the contract's rule JSON.
    ///
    /// # Errors
    /// [`InvalidRule`] names the field and says what it takes; unknown fields are errors too.
    pub fn from_json(json: &Value) -> Result<Rule, InvalidRule> {
        let Value::Object(fields) = json else {
            return invalid("", "must be an object such as {\"type\": \"percent\", \"rate\": \"20\"}");
        };
        if let Some(unknown) = fields.keys().find(|key| !FIELDS.contains(&key.as_str())) {
            return invalid(unknown, format!("is not a field of a rule; the fields are: {}", FIELDS.join(", ")));
        }
        for later in ["tiers", "products"] {
            let empty = fields.get(later).is_none_or(|v| v.is_null() || v.as_array().is_some_and(Vec::is_empty));
            if !empty {
                return invalid(later, "is not priced by this version of Purser; leave it out");
            }
        }
        Ok(Rule {
            rate: read_rate(fields)?,
            recurring: read_recurring(fields.get("recurring"))?,
            expansion: read_expansion(fields.get("expansion"))?,
            cap_per_sale_minor: read_cap(fields.get("cap"))?,
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
        if let Some(cap) = self.cap_per_sale_minor {
            fields.insert("cap".into(), serde_json::json!({ "amount": cap, "per": "sale" }));
        }
        fields.insert("exclude_tax".into(), self.exclude_tax.into());
        fields.insert("exclude_shipping".into(), self.exclude_shipping.into());
        Value::Object(fields)
    }

    /// The rule in a few words: `20 % of each payment for 12 months`.
    pub fn summary(&self) -> String {
        let rate = match &self.rate {
            Rate::Percent(rate) => format!("{} %", rate.normalize()),
            Rate::Flat { amount_minor, currency } => super::money::Money::new(*amount_minor, *currency).to_string(),
        };
        match self.recurring {
            Recurring::FirstOnly => format!("{rate} of the first payment"),
            Recurring::Months(months) => format!("{rate} of each payment for {months} months"),
            Recurring::Payments(payments) => format!("{rate} of the first {payments} payments"),
            Recurring::Forever => format!("{rate} of each payment"),
        }
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
    match fields.get("type").and_then(Value::as_str) {
        Some("percent") => {
            for other in ["amount", "currency"] {
                if fields.get(other).is_some_and(|v| !v.is_null()) {
                    return invalid(other, "belongs to a flat rule; a percent rule has `rate`");
                }
            }
            let hint = "must be a percentage above 0 and up to 100, as text, such as \"20\" or \"12.5\"";
            let text = match fields.get("rate") {
                Some(Value::String(text)) => text.clone(),
                Some(Value::Number(number)) => number.to_string(),
                _ => return invalid("rate", hint),
            };
            match text.parse::<Decimal>() {
                Ok(rate) if rate > Decimal::ZERO && rate <= Decimal::ONE_HUNDRED && rate.scale() <= 6 => {
                    Ok(Rate::Percent(rate.normalize()))
                }
                _ => invalid("rate", hint),
            }
        }
        Some("flat") => {
            if fields.get("rate").is_some_and(|v| !v.is_null()) {
                return invalid("rate", "belongs to a percent rule; a flat rule has `amount` and `currency`");
            }
            let Some(amount_minor) = fields.get("amount").and_then(Value::as_i64).filter(|&amount| amount > 0) else {
                return invalid("amount", "must be a positive integer in minor units, such as 1000 for 10.00");
            };
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

fn read_cap(value: Option<&Value>) -> Result<Option<i64>, InvalidRule> {
    let Some(cap) = value.filter(|v| !v.is_null()) else { return Ok(None) };
    match cap.get("per").and_then(Value::as_str) {
        Some("sale") => {}
        Some("customer" | "month") => {
            return invalid("cap.per", "only \"sale\" is priced by this version of Purser");
        }
        _ => return invalid("cap.per", "must be \"sale\", \"customer\" or \"month\""),
    }
    match cap.get("amount").and_then(Value::as_i64) {
        Some(amount) if amount > 0 => Ok(Some(amount)),
        _ => invalid("cap.amount", "must be a positive integer in minor units"),
    }
}

fn read_flag(fields: &Map<String, Value>, name: &str) -> Result<bool, InvalidRule> {
    match fields.get(name) {
        None | Some(Value::Null) => Ok(true),
        Some(Value::Bool(flag)) => Ok(*flag),
        Some(_) => invalid(name, "must be true or false"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_rules_of_the_contract_read_back_as_written() {
        for (rule, summary) in [
            (json!({"type": "percent", "rate": "20"}), "20 % of the first payment"),
            (
                json!({"type": "percent", "rate": "12.5", "recurring": {"months": 12}}),
                "12.5 % of each payment for 12 months",
            ),
            (
                json!({"type": "flat", "amount": 1000, "currency": "usd", "recurring": {"payments": 3}}),
                "10.00 USD of the first 3 payments",
            ),
            (
                json!({"type": "percent", "rate": "30", "recurring": "forever", "cap": {"amount": 5000, "per": "sale"}}),
                "30 % of each payment",
            ),
        ] {
            let read = Rule::from_json(&rule).unwrap();
            assert_eq!(read.summary(), summary);
            assert_eq!(Rule::from_json(&read.to_json()), Ok(read));
        }
    }

    #[test]
    fn a_wrong_field_is_named() {
        for (rule, param) in [
            (json!([]), "rule"),
            (json!({"type": "half"}), "rule.type"),
            (json!({"type": "percent"}), "rule.rate"),
            (json!({"type": "percent", "rate": "0"}), "rule.rate"),
            (json!({"type": "percent", "rate": "100.1"}), "rule.rate"),
            (json!({"type": "percent", "rate": "20", "amount": 5}), "rule.amount"),
            (json!({"type": "flat", "amount": 10.5, "currency": "usd"}), "rule.amount"),
            (json!({"type": "flat", "amount": 10, "currency": "dollars"}), "rule.currency"),
            (json!({"type": "percent", "rate": "20", "recurring": {"months": 0}}), "rule.recurring"),
            (json!({"type": "percent", "rate": "20", "recurring": "weekly"}), "rule.recurring"),
            (json!({"type": "percent", "rate": "20", "cap": {"amount": 0, "per": "sale"}}), "rule.cap.amount"),
            (json!({"type": "percent", "rate": "20", "expansion": "all"}), "rule.expansion"),
            (json!({"type": "percent", "rate": "20", "exclude_tax": "yes"}), "rule.exclude_tax"),
            (json!({"type": "percent", "rate": "20", "tiers": [{"at_least": 3}]}), "rule.tiers"),
            (json!({"type": "percent", "rate": "20", "bonus": 3}), "rule.bonus"),
        ] {
            assert_eq!(Rule::from_json(&rule).unwrap_err().param, param, "{rule}");
        }
    }
}
