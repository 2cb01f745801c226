//! An explanation as a small calculation, step by step from what the customer paid to the line's amount, for a table beside the
//! sentences.

use rust_decimal::Decimal;

use super::explanation::Explanation;
use super::money::{self, Money, MoneyError};

/// What a step of the calculation comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Figure {
    Amount(Money),
    /// A rate, an unrounded amount or a reason.
    Words(String),
}

/// One row of the calculation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// `Less tax`.
    pub about: String,
    pub figure: Figure,
    /// A result that the steps before it come to.
    pub is_result: bool,
}

impl Explanation {
    /// The calculation, in its order. The amounts that are no results add up to the result after them.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`].
    pub fn calculation(&self) -> Result<Vec<Step>, MoneyError> {
        let money = |minor| Figure::Amount(Money::new(minor, self.currency));
        let step = |about: &str, figure| Step { about: about.to_owned(), figure, is_result: false };
        let result = |about: &str, figure| Step { about: about.to_owned(), figure, is_result: true };
        let mut steps = vec![step("Paid by the customer", money(self.collected_minor))];
        for deduction in &self.deductions {
            let about = match deduction.what.as_str() {
                "refunded" => "Less what was refunded".to_owned(),
                what => format!(
                    "Less what was paid {}",
                    if what.starts_with("for ") { what.to_owned() } else { format!("as {what}") }
                ),
            };
            steps.push(Step { about, figure: money(money::sub(0, deduction.amount_minor)?), is_result: false });
        }
        steps.push(result("What counts", money(self.basis_minor)));
        if let Some(because) = &self.earns_nothing_because {
            steps.push(step("Earns nothing", Figure::Words(because.clone())));
        } else {
            steps.push(step("Rate", Figure::Words(self.rate.clone())));
            if let Some(exact) = self.before_rounding() {
                steps.push(step("Before rounding", Figure::Words(exact)));
            }
            if let Some(cap_minor) = self.capped_at_minor {
                steps.push(step("Cut by the cap to", money(cap_minor)));
            }
        }
        let earned_minor = money::add(self.amount_minor, self.already_posted_minor)?;
        if self.already_posted_minor == 0 {
            steps.push(result("Earned", money(earned_minor)));
        } else {
            steps.push(result("Earned by the sale in all", money(earned_minor)));
            steps.push(step("Less what was credited before", money(money::sub(0, self.already_posted_minor)?)));
            steps.push(result("This line", money(self.amount_minor)));
        }
        Ok(steps)
    }

    /// `12.345 USD`, when the exact amount is no whole number of minor units.
    pub(super) fn before_rounding(&self) -> Option<String> {
        let exact: Decimal = self.exact.parse().ok()?;
        if exact.fract().is_zero() {
            return None;
        }
        let unit = Decimal::from(10i64.checked_pow(self.currency.exponent())?);
        Some(format!("{} {}", exact.checked_div(unit)?.normalize(), self.currency.code()))
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use serde_json::json;

    use super::*;
    use crate::domain::explanation::Explanation;

    fn explained(changes: serde_json::Value) -> Vec<(String, String)> {
        let mut json = json!({
            "currency": "usd", "collected": 12_000, "deductions": [{"what": "tax", "amount": 2_000}], "basis": 10_000,
            "campaign": "Spring", "rule_version": 1, "rule": "20 % of each payment", "rate": "20 %", "payment_number": 1,
            "exact": "2000", "evidence": null, "amount": 2_000, "first_paid_at": DateTime::UNIX_EPOCH
        });
        for (name, value) in changes.as_object().unwrap() {
            json[name] = value.clone();
        }
        let explanation: Explanation = serde_json::from_value(json).unwrap();
        let told = |figure: Figure| match figure {
            Figure::Amount(money) => money.to_string(),
            Figure::Words(words) => words,
        };
        explanation.calculation().unwrap().into_iter().map(|step| (step.about, told(step.figure))).collect()
    }

    fn pairs(of: &[(&str, &str)]) -> Vec<(String, String)> {
        of.iter().map(|(about, says)| ((*about).to_owned(), (*says).to_owned())).collect()
    }

    #[test]
    fn a_commission_is_calculated_from_what_was_paid() {
        let expected = [
            ("Paid by the customer", "120.00 USD"),
            ("Less what was paid as tax", "−20.00 USD"),
            ("What counts", "100.00 USD"),
            ("Rate", "20 %"),
            ("Earned", "20.00 USD"),
        ];
        assert_eq!(explained(json!({})), pairs(&expected));
    }

    #[test]
    fn rounding_cap_and_what_was_credited_before_are_shown_when_they_matter() {
        let changes = json!({"exact": "2000.125", "capped_at": 1_500, "already_posted": 2_000, "amount": -500,
            "deductions": [{"what": "refunded", "amount": 2_000}]});
        let told = explained(changes);
        let expected = [
            ("Before rounding", "20.00125 USD"),
            ("Cut by the cap to", "15.00 USD"),
            ("Earned by the sale in all", "15.00 USD"),
            ("Less what was credited before", "−20.00 USD"),
            ("This line", "−5.00 USD"),
        ];
        assert_eq!(told[1].0, "Less what was refunded");
        assert_eq!(told[4..], pairs(&expected));
    }

    #[test]
    fn what_earns_nothing_says_why() {
        let changes = json!({"earns_nothing_because": "the rule pays for the first payment only", "amount": 0});
        let told = explained(changes);
        assert_eq!(
            told[3..],
            pairs(&[("Earns nothing", "the rule pays for the first payment only"), ("Earned", "0.00 USD")])
        );
    }
}
