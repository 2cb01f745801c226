//! A campaign's rule as it is typed into the editor: read into a rule, and written back into its fields. The same code reads it
//! when it is saved and, in the browser, for the example that follows the typing, so that both say the same.

use std::collections::BTreeMap;

use purser::domain::currency::Currency;
use purser::domain::rule::{Expansion, Rate, Recurring, Rule, Tier, TierMetric, TierWindow};
use serde_json::{Value, json};

use crate::typed_amount::{amount_minor, amount_text};

/// Rows of tiers that the form may have.
pub const MOST_TIERS: usize = 12;

/// Fields by name, as they were typed. Amounts are in whole units of the program's currency.
pub type Fields = BTreeMap<String, String>;

/// A field can't be read; the message is a sentence that says what it takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    pub field: String,
    pub message: String,
}

fn wrong(field: impl Into<String>, message: impl Into<String>) -> Wrong {
    Wrong { field: field.into(), message: message.into() }
}

pub fn tier_at_least(row: usize) -> String {
    format!("tier_{row}_at_least")
}

pub fn tier_earns(row: usize) -> String {
    format!("tier_{row}_earns")
}

/// The names of all fields that make the rule and its example.
pub fn names() -> Vec<String> {
    let mut names: Vec<String> = [
        "kind",
        "rate",
        "amount",
        "recurring",
        "recurring_count",
        "expansion",
        "tier_metric",
        "tier_window",
        "cap",
        "cap_per",
        "products",
        "exclude_tax",
        "exclude_shipping",
        "example_amount",
    ]
    .map(str::to_owned)
    .to_vec();
    names.extend((1..=MOST_TIERS).flat_map(|row| [tier_at_least(row), tier_earns(row)]));
    names
}

fn text<'a>(fields: &'a Fields, name: &str) -> &'a str {
    fields.get(name).map_or("", |text| text.trim())
}

fn amount(fields: &Fields, name: &str, currency: Currency) -> Result<Option<i64>, Wrong> {
    amount_minor(text(fields, name), currency).map_err(|takes| wrong(name, takes))
}

/// The rule that the fields say.
///
/// # Errors
/// [`Wrong`] names the first field that can't be read.
pub fn read(fields: &Fields, currency: Currency) -> Result<Rule, Wrong> {
    let flat = text(fields, "kind") == "flat";
    let mut rule = if flat {
        json!({ "type": "flat", "amount": amount(fields, "amount", currency)?, "currency": currency.as_str() })
    } else {
        json!({ "type": text(fields, "kind"), "rate": percentage(text(fields, "rate")) })
    };
    let count = text(fields, "recurring_count").parse::<u32>().ok();
    rule["recurring"] = match text(fields, "recurring") {
        "months" => json!({ "months": count }),
        "payments" => json!({ "payments": count }),
        "forever" => json!("forever"),
        _ => Value::Null,
    };
    let expansion = text(fields, "expansion");
    rule["expansion"] = if expansion.is_empty() { Value::Null } else { json!(expansion) };
    let (tiers, rows) = tiers(fields, flat, currency)?;
    rule["tiers"] = tiers;
    if let Some(cap) = amount(fields, "cap", currency)? {
        let per = text(fields, "cap_per");
        rule["cap"] = json!({ "amount": cap, "per": if per.is_empty() { "sale" } else { per } });
    }
    let products = text(fields, "products").split(|c: char| c.is_whitespace() || c == ',').filter(|id| !id.is_empty());
    rule["products"] = products.collect();
    rule["exclude_tax"] = json!(text(fields, "exclude_tax") == "true");
    rule["exclude_shipping"] = json!(text(fields, "exclude_shipping") == "true");
    Rule::from_json(&rule).map_err(|invalid| at_its_field(&invalid.param, invalid.message, &rows))
}

/// `20 %` is meant as `20`.
fn percentage(text: &str) -> &str {
    text.trim_end_matches('%').trim_end()
}

/// The tiers of the rows that have something in them, and the numbers of those rows.
fn tiers(fields: &Fields, flat: bool, currency: Currency) -> Result<(Value, Vec<usize>), Wrong> {
    let by_revenue = text(fields, "tier_metric") == TierMetric::Revenue.as_str();
    let metric = if by_revenue { TierMetric::Revenue } else { TierMetric::Conversions };
    let monthly = text(fields, "tier_window") != TierWindow::AllTime.as_str();
    let window = if monthly { TierWindow::Month } else { TierWindow::AllTime };
    let (mut tiers, mut rows) = (Vec::new(), Vec::new());
    for row in 1..=MOST_TIERS {
        let (from, earns) = (tier_at_least(row), tier_earns(row));
        if text(fields, &from).is_empty() && text(fields, &earns).is_empty() {
            continue;
        }
        let at_least = if by_revenue {
            amount(fields, &from, currency)?
        } else {
            Some(text(fields, &from).parse().map_err(|_| wrong(&from, "Give a number of sales, such as 10."))?)
        };
        let mut tier = json!({ "metric": metric.as_str(), "window": window.as_str(), "at_least": at_least });
        if flat {
            tier["amount"] = json!(amount(fields, &earns, currency)?);
        } else {
            tier["rate"] = json!(percentage(text(fields, &earns)));
        }
        tiers.push(tier);
        rows.push(row);
    }
    Ok((Value::Array(tiers), rows))
}

/// The rule's JSON has fields of its own; here are the form's, with what each takes.
fn at_its_field(param: &str, message: String, rows: &[usize]) -> Wrong {
    if let Some((row, rest)) = param.strip_prefix("rule.tiers[").and_then(|rest| rest.split_once("].")) {
        let row = row.parse().ok().and_then(|n: usize| rows.get(n)).copied().unwrap_or(1);
        return match rest {
            "at_least" if message.contains("another") => wrong(tier_at_least(row), "Another tier begins there too."),
            "at_least" => wrong(tier_at_least(row), "Give from how much on the tier counts, above zero."),
            "rate" => wrong(tier_earns(row), "Give a percentage above 0 and up to 100."),
            _ => wrong(tier_earns(row), "Give an amount above zero."),
        };
    }
    match param.split('[').next().unwrap_or(param) {
        "rule.type" => wrong("kind", "Choose how a sale earns."),
        "rule.rate" => wrong("rate", "Give a percentage above 0 and up to 100, such as 20 or 12.5."),
        "rule.amount" => wrong("amount", "Give an amount above zero."),
        "rule.recurring" => wrong("recurring_count", "Give how many, at least 1."),
        "rule.expansion" => wrong("expansion", "Choose what upgrades earn."),
        "rule.cap" | "rule.cap.amount" => wrong("cap", "Give an amount above zero, or leave it empty."),
        "rule.cap.per" => wrong("cap_per", "Choose what the cap is for."),
        "rule.products" => wrong("products", "Each line takes one id that starts with prod_ or price_."),
        other => wrong(other, format!("{other} {message}.")),
    }
}

/// The rule's example in sentences, about a sale of the amount in `example_amount`.
///
/// # Errors
/// [`Wrong`] names the first field that can't be read.
pub fn example(fields: &Fields, currency: Currency) -> Result<Vec<String>, Wrong> {
    let rule = read(fields, currency)?;
    let takes = "Give what the customer pays in the example, above zero.";
    let sale = amount(fields, "example_amount", currency)?.filter(|&sale| sale > 0);
    let sale = sale.ok_or_else(|| wrong("example_amount", takes))?;
    rule.examples(sale, currency).map_err(|error| wrong("example_amount", format!("{error}.")))
}

/// What the form of a new campaign begins with.
pub fn of_nothing(currency: Currency) -> Fields {
    let fields = [
        ("kind", "percent"),
        ("rate", "20"),
        ("recurring", "first"),
        ("expansion", "none"),
        ("tier_metric", "conversions"),
        ("tier_window", "month"),
        ("cap_per", "sale"),
        ("exclude_tax", "true"),
        ("exclude_shipping", "true"),
    ];
    let mut fields: Fields = fields.map(|(name, text)| (name.to_owned(), text.to_owned())).into();
    fields.insert("example_amount".to_owned(), example_amount(currency));
    fields
}

/// A hundred, or ten thousand where the currency has no smaller unit.
fn example_amount(currency: Currency) -> String {
    match currency.exponent() {
        0 => "10000".to_owned(),
        digits => format!("100.{}", "0".repeat(digits as usize)),
    }
}

/// The fields of the form that shows the rule.
pub fn of_rule(rule: &Rule, currency: Currency) -> Fields {
    let mut fields = of_nothing(currency);
    let mut set = |name: &str, text: String| fields.insert(name.to_owned(), text);
    let earned = |rate: &Rate| match rate {
        Rate::Percent(percent) => percent.normalize().to_string(),
        Rate::Flat { amount_minor, currency } => amount_text(*amount_minor, *currency),
    };
    let (kind, field, other) = match rule.rate {
        Rate::Percent(_) => ("percent", "rate", "amount"),
        Rate::Flat { .. } => ("flat", "amount", "rate"),
    };
    set("kind", kind.to_owned());
    set(field, earned(&rule.rate));
    set(other, String::new());
    let (recurring, count) = match rule.recurring {
        Recurring::FirstOnly => ("first", None),
        Recurring::Months(months) => ("months", Some(months)),
        Recurring::Payments(payments) => ("payments", Some(payments)),
        Recurring::Forever => ("forever", None),
    };
    set("recurring", recurring.to_owned());
    set("recurring_count", count.map(|count| count.to_string()).unwrap_or_default());
    let expansion = match rule.expansion {
        Expansion::None => "none",
        Expansion::Recurring => "recurring",
        Expansion::OneTime => "one_time",
    };
    set("expansion", expansion.to_owned());
    if let Some(tiers) = &rule.tiers {
        set("tier_metric", tiers.metric.to_string());
        set("tier_window", tiers.window.to_string());
        for (n, Tier { at_least, rate }) in tiers.steps.iter().enumerate() {
            let from = match tiers.metric {
                TierMetric::Conversions => at_least.to_string(),
                TierMetric::Revenue => amount_text(*at_least, currency),
            };
            set(&tier_at_least(n + 1), from);
            set(&tier_earns(n + 1), earned(rate));
        }
    }
    if let Some(cap) = rule.cap {
        set("cap", amount_text(cap.amount_minor, currency));
        set("cap_per", cap.per.to_string());
    }
    set("products", rule.products.iter().map(String::as_str).collect::<Vec<_>>().join("\n"));
    set("exclude_tax", rule.exclude_tax.to_string());
    set("exclude_shipping", rule.exclude_shipping.to_string());
    fields
}

/// How many rows of tiers have something in them, counted to the last of them.
pub fn tier_rows(fields: &Fields) -> usize {
    let filled = |&row: &usize| [tier_at_least(row), tier_earns(row)].iter().any(|name| !text(fields, name).is_empty());
    (1..=MOST_TIERS).rev().find(filled).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(changes: &[(&str, &str)]) -> Fields {
        let mut fields = of_nothing(Currency::USD);
        fields.extend(changes.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())));
        fields
    }

    #[test]
    fn the_form_writes_the_rule_that_it_shows() {
        let told = |changes: &[(&str, &str)]| read(&typed(changes), Currency::USD).unwrap().summary();
        assert_eq!(
            told(&[("rate", "12.5 %"), ("recurring", "months"), ("recurring_count", "12")]),
            "12.5 % of each payment for 12 months"
        );
        assert_eq!(
            told(&[("kind", "flat"), ("amount", "10"), ("recurring", "payments"), ("recurring_count", "3")]),
            "10.00 USD of the first 3 payments"
        );
        assert_eq!(told(&[]), "20 % of the first payment");
    }

    #[test]
    fn every_rule_comes_back_from_its_form() {
        for rule in [
            json!({"type": "percent", "rate": "20", "recurring": {"months": 12}, "expansion": "recurring",
                "tiers": [{"metric": "conversions", "window": "month", "at_least": 10, "rate": "25"},
                    {"metric": "conversions", "window": "month", "at_least": 50, "rate": "30"}],
                "cap": {"amount": 50_000, "per": "month"}, "products": ["price_2", "prod_1"], "exclude_tax": false}),
            json!({"type": "flat", "amount": 1050, "currency": "usd", "recurring": "forever", "expansion": "one_time",
                "tiers": [{"metric": "revenue", "window": "all_time", "at_least": 500_000, "amount": 1500}],
                "cap": {"amount": 5000, "per": "customer"}, "exclude_shipping": false}),
        ] {
            let rule = Rule::from_json(&rule).unwrap();
            assert_eq!(read(&of_rule(&rule, Currency::USD), Currency::USD), Ok(rule));
        }
    }

    #[test]
    fn empty_rows_are_no_tiers() {
        let fields = typed(&[("tier_2_at_least", "10"), ("tier_2_earns", "25"), ("tier_1_at_least", " ")]);
        let tiers = read(&fields, Currency::USD).unwrap().tiers.unwrap();
        assert_eq!((tiers.steps.len(), tiers.steps[0].at_least, tier_rows(&fields)), (1, 10, 2));
    }

    #[test]
    fn what_is_wrong_with_the_rule_is_said_at_the_forms_field() {
        for (changes, field) in [
            (vec![("recurring", "months")], "recurring_count"),
            (vec![("rate", "200")], "rate"),
            (vec![("kind", "flat"), ("amount", "0")], "amount"),
            (vec![("kind", "flat"), ("amount", "1.234")], "amount"),
            (vec![("kind", "")], "kind"),
            (vec![("cap", "0")], "cap"),
            (vec![("products", "prod_1\nsku_2")], "products"),
            (vec![("tier_3_at_least", "ten"), ("tier_3_earns", "25")], "tier_3_at_least"),
            (vec![("tier_3_at_least", "10")], "tier_3_earns"),
            (vec![("tier_3_earns", "25"), ("tier_metric", "revenue")], "tier_3_at_least"),
            (
                vec![
                    ("tier_1_at_least", "5"),
                    ("tier_1_earns", "21"),
                    ("tier_4_at_least", "5"),
                    ("tier_4_earns", "25"),
                ],
                "tier_4_at_least",
            ),
            (vec![("kind", "flat"), ("amount", "5"), ("tier_2_at_least", "5")], "tier_2_earns"),
        ] {
            assert_eq!(read(&typed(&changes), Currency::USD).unwrap_err().field, field, "{changes:?}");
        }
        assert_eq!(example(&typed(&[("example_amount", "0")]), Currency::USD).unwrap_err().field, "example_amount");
    }

    #[test]
    fn every_field_of_a_rule_is_named_for_the_browser() {
        let names = names();
        assert!(of_nothing(Currency::JPY).keys().all(|name| names.contains(name)));
        assert_eq!(example(&typed(&[]), Currency::USD).unwrap().len(), 2);
    }
}
