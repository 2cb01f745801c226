//! A campaign's rule as it is typed into the editor: read into a rule, and written back into its fields. The same code reads it
//! when it is saved and, in the browser, for the example that follows the typing, so that both say the same.

use std::collections::{BTreeMap, BTreeSet};

use purser::domain::currency::Currency;
use purser::domain::rule::{Cap, CapPer, Expansion, Rate, Recurring, Rule, Tier, TierMetric, TierWindow, Tiers};

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

/// What was typed into the field of a name, nothing when there is none.
pub type Typed<'a> = &'a dyn Fn(&str) -> String;

/// The fields as [`read`] takes them.
pub fn typed(fields: &Fields) -> impl Fn(&str) -> String {
    |name| fields.get(name).cloned().unwrap_or_default()
}

fn text(field: Typed<'_>, name: &str) -> String {
    field(name).trim().to_owned()
}

fn is(field: Typed<'_>, name: &str, choice: &str) -> bool {
    field(name).trim() == choice
}

/// The amount, when there is one and it is above zero.
fn positive(field: Typed<'_>, name: &str, currency: Currency, takes: &str) -> Result<i64, Wrong> {
    let amount = amount_minor(&field(name), currency).map_err(|takes| wrong(name, takes))?;
    amount.filter(|&amount| amount > 0).ok_or_else(|| wrong(name, takes))
}

/// The rule that the fields say.
///
/// # Errors
/// [`Wrong`] names the first field that can't be read.
pub fn read(field: Typed<'_>, currency: Currency) -> Result<Rule, Wrong> {
    let flat = match text(field, "kind").as_str() {
        "flat" => true,
        "percent" => false,
        _ => return Err(wrong("kind", "Choose how a sale earns.")),
    };
    let earned = |name: &str| earned(field, name, flat, currency);
    let rate = earned(if flat { "amount" } else { "rate" })?;
    let count = || match text(field, "recurring_count").parse() {
        Ok(count @ 1..=1200) => Ok(count),
        _ => Err(wrong("recurring_count", "Give how many, at least 1.")),
    };
    let recurring = match text(field, "recurring").as_str() {
        "months" => Recurring::Months(count()?),
        "payments" => Recurring::Payments(count()?),
        "forever" => Recurring::Forever,
        _ => Recurring::FirstOnly,
    };
    let expansion = match text(field, "expansion").as_str() {
        "recurring" => Expansion::Recurring,
        "one_time" => Expansion::OneTime,
        _ => Expansion::None,
    };
    Ok(Rule {
        recurring,
        expansion,
        tiers: tiers(field, &rate, &earned, currency)?,
        cap: cap(field, currency)?,
        products: products(&field("products"))?,
        exclude_tax: is(field, "exclude_tax", "true"),
        exclude_shipping: is(field, "exclude_shipping", "true"),
        rate,
    })
}

/// A percentage or an amount, as the rule's kind is. `20 %` is meant as `20`.
fn earned(field: Typed<'_>, name: &str, flat: bool, currency: Currency) -> Result<Rate, Wrong> {
    if flat {
        let amount_minor = positive(field, name, currency, "Give an amount above zero.")?;
        return Ok(Rate::Flat { amount_minor, currency });
    }
    let rate = text(field, name).trim_end_matches('%').trim_end().parse().ok().and_then(Rate::percent);
    rate.ok_or_else(|| wrong(name, "Give a percentage above 0 and up to 100, such as 20 or 12.5."))
}

/// The tiers of the rows that have something in them. None earns less than what is earned before it is reached.
fn tiers(
    field: Typed<'_>,
    base: &Rate,
    earned: &dyn Fn(&str) -> Result<Rate, Wrong>,
    currency: Currency,
) -> Result<Option<Tiers>, Wrong> {
    let by_revenue = is(field, "tier_metric", TierMetric::Revenue.as_str());
    let all_time = is(field, "tier_window", TierWindow::AllTime.as_str());
    let mut tiers = Tiers {
        metric: if by_revenue { TierMetric::Revenue } else { TierMetric::Conversions },
        window: if all_time { TierWindow::AllTime } else { TierWindow::Month },
        steps: Vec::new(),
    };
    let mut rows = Vec::new();
    for row in 1..=MOST_TIERS {
        let (from, earns) = (tier_at_least(row), tier_earns(row));
        if text(field, &from).is_empty() && text(field, &earns).is_empty() {
            continue;
        }
        let at_least = if by_revenue {
            positive(field, &from, currency, "Give the revenue that reaches the tier, above zero.")?
        } else {
            let sales = text(field, &from).parse().ok().filter(|&sales: &i64| sales > 0);
            sales.ok_or_else(|| wrong(&from, "Give a number of sales, such as 10."))?
        };
        let place = tiers.steps.iter().position(|step| step.at_least >= at_least).unwrap_or(tiers.steps.len());
        if tiers.steps.get(place).is_some_and(|step| step.at_least == at_least) {
            return Err(wrong(&from, "Another tier begins there too."));
        }
        tiers.steps.insert(place, Tier { at_least, rate: earned(&earns)? });
        rows.insert(place, earns);
    }
    let mut before = base;
    for (step, earns) in tiers.steps.iter().zip(rows) {
        if step.rate.is_less_than(before) {
            let before = before.in_words();
            let message = format!(
                "It earns less than the {before} before it, so who sells more would earn less. Give {before} or more, or empty the row."
            );
            return Err(wrong(earns, message));
        }
        before = &step.rate;
    }
    Ok((!tiers.steps.is_empty()).then_some(tiers))
}

fn cap(field: Typed<'_>, currency: Currency) -> Result<Option<Cap>, Wrong> {
    if text(field, "cap").is_empty() {
        return Ok(None);
    }
    let amount_minor = positive(field, "cap", currency, "Give an amount above zero, or leave it empty.")?;
    let per = match text(field, "cap_per").as_str() {
        "customer" => CapPer::Customer,
        "month" => CapPer::Month,
        _ => CapPer::Sale,
    };
    Ok(Some(Cap { amount_minor, per }))
}

fn products(typed: &str) -> Result<BTreeSet<String>, Wrong> {
    let mut products = BTreeSet::new();
    for id in typed.split([' ', ',', '\t', '\r', '\n']).filter(|id| !id.is_empty()) {
        if !id.starts_with("prod_") && !id.starts_with("price_") {
            return Err(wrong("products", "Each line takes one id that starts with prod_ or price_."));
        }
        products.insert(id.to_owned());
    }
    Ok(products)
}

/// The rule's example in sentences, about a sale of the amount in `example_amount`.
///
/// # Errors
/// [`Wrong`] names the first field that can't be read.
pub fn example(field: Typed<'_>, currency: Currency) -> Result<Vec<String>, Wrong> {
    let rule = read(field, currency)?;
    let takes = "Give what the customer pays in the example, above zero.";
    let sale = positive(field, "example_amount", currency, takes)?;
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
    let is_empty = |name: String| fields.get(&name).is_none_or(|text| text.trim().is_empty());
    let filled = |&row: &usize| !is_empty(tier_at_least(row)) || !is_empty(tier_earns(row));
    (1..=MOST_TIERS).rev().find(filled).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(fields: &Fields) -> Result<Rule, Wrong> {
        super::read(&super::typed(fields), Currency::USD)
    }

    fn typed(changes: &[(&str, &str)]) -> Fields {
        let mut fields = of_nothing(Currency::USD);
        fields.extend(changes.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())));
        fields
    }

    #[test]
    fn the_form_writes_the_rule_that_it_shows() {
        let told = |changes: &[(&str, &str)]| read(&typed(changes)).unwrap().summary();
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
            assert_eq!(read(&of_rule(&rule, Currency::USD)), Ok(rule));
        }
    }

    #[test]
    fn empty_rows_are_no_tiers() {
        let fields = typed(&[("tier_2_at_least", "10"), ("tier_2_earns", "25"), ("tier_1_at_least", " ")]);
        let tiers = read(&fields).unwrap().tiers.unwrap();
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
            (vec![("tier_1_at_least", "5"), ("tier_1_earns", "15")], "tier_1_earns"),
            (
                vec![
                    ("tier_1_at_least", "50"),
                    ("tier_1_earns", "25"),
                    ("tier_2_at_least", "10"),
                    ("tier_2_earns", "30"),
                ],
                "tier_1_earns",
            ),
        ] {
            assert_eq!(read(&typed(&changes)).unwrap_err().field, field, "{changes:?}");
        }
        let nothing_paid = typed(&[("example_amount", "0")]);
        let refused = example(&super::typed(&nothing_paid), Currency::USD).unwrap_err();
        assert_eq!(refused.field, "example_amount");
    }

    #[test]
    fn what_the_form_makes_is_a_rule_that_is_taken() {
        let changes = [
            ("tier_1_at_least", "50"),
            ("tier_1_earns", "30"),
            ("tier_2_at_least", "10"),
            ("tier_2_earns", "25"),
            ("cap", "500"),
            ("cap_per", "month"),
            ("products", "prod_1, price_2"),
        ];
        let rule = read(&typed(&changes)).unwrap();
        assert_eq!(Rule::from_json(&rule.to_json()), Ok(rule));
    }
}
