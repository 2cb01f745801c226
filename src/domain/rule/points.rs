//! A rule in words, point by point, and what one rule says differently from another.

use super::{CapPer, Expansion, Rate, Recurring, Rule, TierMetric, TierWindow, Tiers};
use crate::domain::currency::Currency;
use crate::domain::money::Money;

/// One thing that a rule decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Point {
    /// `Cap`.
    pub about: &'static str,
    /// `500.00 USD a month`.
    pub says: String,
}

impl Rule {
    /// Everything that the rule decides; amounts of caps and revenue are in the program's `currency`.
    pub fn points(&self, currency: Currency) -> Vec<Point> {
        let counts = |excluded: bool| if excluded { "doesn't count" } else { "counts" };
        [
            ("Rate", self.rate.in_words()),
            ("Payments", payments(self.recurring)),
            ("Tiers", self.tiers.as_ref().map_or_else(|| "none".to_owned(), |tiers| tiers_in_words(tiers, currency))),
            ("Cap", cap(self, currency)),
            ("Upgrades", upgrades(self.expansion).to_owned()),
            ("Products", products(self)),
            ("Tax", counts(self.exclude_tax).to_owned()),
            ("Shipping", counts(self.exclude_shipping).to_owned()),
        ]
        .map(|(about, says)| Point { about, says })
        .to_vec()
    }

    /// What this rule says differently from `before`: `Rate: 20 % → 25 %`. Empty when both say the same.
    pub fn differences(&self, before: &Rule, currency: Currency) -> Vec<String> {
        let both = before.points(currency).into_iter().zip(self.points(currency));
        both.filter(|(old, new)| old != new)
            .map(|(old, new)| format!("{}: {} → {}", new.about, old.says, new.says))
            .collect()
    }
}

fn payments(recurring: Recurring) -> String {
    match recurring {
        Recurring::FirstOnly => "the first only".to_owned(),
        Recurring::Months(1) => "those of the first month".to_owned(),
        Recurring::Months(months) => format!("those of the first {months} months"),
        Recurring::Payments(1) => "the first only".to_owned(),
        Recurring::Payments(payments) => format!("the first {payments}"),
        Recurring::Forever => "all".to_owned(),
    }
}

fn tiers_in_words(tiers: &Tiers, currency: Currency) -> String {
    let step = |step: &super::Tier| format!("{} {}", step.rate.in_words(), reached(tiers, step.at_least, currency));
    tiers.steps.iter().map(step).collect::<Vec<_>>().join("; ")
}

/// `from the 10th sale of a month on`, `from 5,000.00 USD of revenue on`.
fn reached(tiers: &Tiers, at_least: i64, currency: Currency) -> String {
    let window = if tiers.window == TierWindow::Month { " of a month" } else { "" };
    match tiers.metric {
        TierMetric::Conversions => format!("from the {} sale{window} on", ordinal(at_least)),
        TierMetric::Revenue => format!("from {} of revenue{window} on", Money::new(at_least, currency)),
    }
}

fn cap(rule: &Rule, currency: Currency) -> String {
    let Some(cap) = rule.cap else { return "none".to_owned() };
    let currency = if let Rate::Flat { currency, .. } = rule.rate { currency } else { currency };
    let per = match cap.per {
        CapPer::Sale => "a sale",
        CapPer::Customer => "a customer",
        CapPer::Month => "a month",
    };
    format!("{} {per}", Money::new(cap.amount_minor, currency))
}

fn upgrades(expansion: Expansion) -> &'static str {
    match expansion {
        Expansion::None => "earn nothing",
        Expansion::Recurring => "earn as payments do",
        Expansion::OneTime => "earn as first sales do",
    }
}

fn products(rule: &Rule) -> String {
    if rule.products.is_empty() {
        return "all".to_owned();
    }
    rule.products.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
}

/// `1st`, `2nd`, `11th`.
pub(super) fn ordinal(number: i64) -> String {
    let ending = match (number % 100, number % 10) {
        (11..=13, _) => "th",
        (_, 1) => "st",
        (_, 2) => "nd",
        (_, 3) => "rd",
        _ => "th",
    };
    format!("{number}{ending}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn rule(json: serde_json::Value) -> Rule {
        Rule::from_json(&json).unwrap()
    }

    #[test]
    fn only_what_changed_is_told() {
        let before = rule(json!({"type": "percent", "rate": "20", "recurring": {"months": 12}}));
        let after = rule(json!({"type": "percent", "rate": "25", "recurring": {"months": 12}, "exclude_tax": false,
            "cap": {"amount": 50_000, "per": "month"},
            "tiers": [{"metric": "conversions", "window": "month", "at_least": 10, "rate": "30"}]}));
        assert_eq!(
            after.differences(&before, Currency::USD),
            [
                "Rate: 20 % → 25 %",
                "Tiers: none → 30 % from the 10th sale of a month on",
                "Cap: none → 500.00 USD a month",
                "Tax: doesn't count → counts"
            ]
        );
        assert!(after.differences(&after, Currency::USD).is_empty());
    }

    #[test]
    fn revenue_is_told_in_the_programs_currency() {
        let tiered = rule(json!({"type": "flat", "amount": 1000, "currency": "eur", "products": ["prod_2", "prod_1"],
            "tiers": [{"metric": "revenue", "window": "all_time", "at_least": 500_000, "amount": 1500}]}));
        let points = tiered.points(Currency::EUR);
        let says = |about| points.iter().find(|point| point.about == about).map(|point| point.says.as_str());
        assert_eq!(says("Tiers"), Some("15.00 EUR from 5,000.00 EUR of revenue on"));
        assert_eq!(says("Products"), Some("prod_1, prod_2"));
    }

    #[test]
    fn numbers_are_told_as_people_say_them() {
        let told = [1, 2, 3, 4, 10, 11, 12, 13, 21, 102, 111].map(ordinal);
        assert_eq!(told, ["1st", "2nd", "3rd", "4th", "10th", "11th", "12th", "13th", "21st", "102nd", "111th"]);
    }
}
