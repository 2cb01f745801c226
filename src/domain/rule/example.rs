//! A rule told by an example: what a sale of a given amount earns, then, and in the end. The editor shows it while the rule is
//! being typed, priced by the same function that prices real sales.

use chrono::{DateTime, Utc};

use super::points::ordinal;
use super::{CapPer, Expansion, Rate, Recurring, Rule, TierMetric, TierWindow, Tiers};
use crate::domain::commission::{self, Collected, PaymentPlace, Priced};
use crate::domain::currency::Currency;
use crate::domain::money::{Money, MoneyError};

/// What is true of every tier, and often expected otherwise.
pub const TIERS_NEVER_REACH_BACK: &str =
    "A tier applies to the sale that reaches it and to those after it, never to those before.";

impl Rule {
    /// The rule in sentences about a sale of `sale_minor` without tax and shipping, in the program's `currency`.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`].
    pub fn examples(&self, sale_minor: i64, currency: Currency) -> Result<Vec<String>, MoneyError> {
        let example = Example { rule: self, sale: Money::new(sale_minor, currency) };
        let mut told = vec![example.first_sale()?];
        if let Some(tiers) = &self.tiers {
            for step in &tiers.steps {
                told.push(example.once_reached(tiers, step.at_least)?);
            }
            told.push(TIERS_NEVER_REACH_BACK.to_owned());
        }
        told.extend(example.cap());
        told.extend(match self.expansion {
            Expansion::None => None,
            Expansion::Recurring => Some("An upgrade earns as a payment does, as long as payments earn.".to_owned()),
            Expansion::OneTime => Some("An upgrade earns as a first sale does, whenever it is paid.".to_owned()),
        });
        match self.products.len() {
            0 => {}
            1 => told.push("Only what is paid for the one product counts.".to_owned()),
            many => told.push(format!("Only what is paid for the {many} products counts.")),
        }
        told.extend(taken_off(self).map(str::to_owned));
        Ok(told)
    }
}

struct Example<'a> {
    rule: &'a Rule,
    sale: Money,
}

impl Example<'_> {
    /// The sale, when the affiliate's `standing` towards the tiers is this, as the first of its customer.
    fn price(&self, standing: i64) -> Result<Priced, MoneyError> {
        let collected = Collected::plain(self.sale);
        let day = DateTime::<Utc>::UNIX_EPOCH;
        let beyond_one_sale = self.rule.cap.filter(|cap| cap.per != CapPer::Sale);
        let place = PaymentPlace {
            payment_number: 1,
            first_paid_at: day,
            paid_at: day,
            is_expansion: false,
            standing,
            cap_left_minor: beyond_one_sale.map(|cap| cap.amount_minor),
        };
        commission::commission_for(self.rule, &collected, &place)
    }

    fn earned(&self, standing: i64) -> Result<String, MoneyError> {
        Ok(Money::new(self.price(standing)?.target_minor, self.sale.currency).to_string())
    }

    fn first_sale(&self) -> Result<String, MoneyError> {
        let priced = self.price(0)?;
        if let Some(because) = priced.earns_nothing_because {
            return Ok(format!("A sale of {} earns nothing: {because}.", self.sale));
        }
        let earned = Money::new(priced.target_minor, self.sale.currency);
        let then = match self.rule.recurring {
            Recurring::FirstOnly | Recurring::Payments(1) => "; the customer's later payments earn nothing".to_owned(),
            Recurring::Months(1) => ", and so does every payment of that customer for 1 month".to_owned(),
            Recurring::Months(months) => format!(", and so does every payment of that customer for {months} months"),
            Recurring::Payments(2) => ", and so does the customer's next payment".to_owned(),
            Recurring::Payments(payments) => format!(", and so do the customer's next {} payments", payments - 1),
            Recurring::Forever => ", and so does every later payment of that customer".to_owned(),
        };
        Ok(format!("A sale of {} earns {earned}{then}.", self.sale))
    }

    fn once_reached(&self, tiers: &Tiers, at_least: i64) -> Result<String, MoneyError> {
        let earned = self.earned(at_least)?;
        let window = if tiers.window == TierWindow::Month { " in a calendar month" } else { "" };
        Ok(match tiers.metric {
            TierMetric::Conversions => {
                format!("An affiliate's {} sale{window} and those after it earn {earned} each.", ordinal(at_least))
            }
            TierMetric::Revenue => format!(
                "The sale that brings an affiliate to {} of revenue{window} and those after it earn {earned} each.",
                Money::new(at_least, self.sale.currency)
            ),
        })
    }

    fn cap(&self) -> Option<String> {
        let cap = self.rule.cap?;
        let currency = if let Rate::Flat { currency, .. } = self.rule.rate { currency } else { self.sale.currency };
        let most = Money::new(cap.amount_minor, currency);
        Some(match cap.per {
            CapPer::Sale => format!("No sale earns more than {most}."),
            CapPer::Customer => format!("All payments of one customer together earn no more than {most}."),
            CapPer::Month => format!("No affiliate earns more than {most} in a calendar month."),
        })
    }
}

fn taken_off(rule: &Rule) -> Option<&'static str> {
    match (rule.exclude_tax, rule.exclude_shipping) {
        (true, true) => Some("Tax and shipping are taken off first."),
        (true, false) => Some("Tax is taken off first; shipping counts."),
        (false, true) => Some("Shipping is taken off first; tax counts."),
        (false, false) => Some("Tax and shipping count."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn told(rule: serde_json::Value, sale_minor: i64, currency: &str) -> Vec<String> {
        Rule::from_json(&rule).unwrap().examples(sale_minor, currency.parse().unwrap()).unwrap()
    }

    #[test]
    fn a_rule_is_told_by_what_a_sale_earns() {
        let rule = json!({"type": "percent", "rate": "20", "recurring": {"months": 12},
            "cap": {"amount": 50_000, "per": "customer"}, "expansion": "recurring", "products": ["prod_1"],
            "tiers": [{"metric": "conversions", "window": "month", "at_least": 10, "rate": "25"}]});
        assert_eq!(
            told(rule, 10_000, "usd"),
            [
                "A sale of 100.00 USD earns 20.00 USD, and so does every payment of that customer for 12 months.",
                "An affiliate's 10th sale in a calendar month and those after it earn 25.00 USD each.",
                TIERS_NEVER_REACH_BACK,
                "All payments of one customer together earn no more than 500.00 USD.",
                "An upgrade earns as a payment does, as long as payments earn.",
                "Only what is paid for the one product counts.",
                "Tax and shipping are taken off first.",
            ]
        );
    }

    #[test]
    fn a_fixed_amount_and_tiers_by_revenue_are_told_in_their_currency() {
        let rule = json!({"type": "flat", "amount": 1000, "currency": "jpy", "recurring": {"payments": 3},
            "exclude_tax": false,
            "tiers": [{"metric": "revenue", "window": "all_time", "at_least": 500_000, "amount": 1500}]});
        let told = told(rule, 10_000, "jpy");
        assert_eq!(
            told[..2],
            [
                "A sale of 10,000 JPY earns 1,000 JPY, and so do the customer's next 2 payments.",
                "The sale that brings an affiliate to 500,000 JPY of revenue and those after it earn 1,500 JPY each."
            ]
        );
        assert_eq!(told.last().unwrap(), "Shipping is taken off first; tax counts.");
    }

    #[test]
    fn a_cap_cuts_the_example_as_it_cuts_sales() {
        let rule = |per: &str| json!({"type": "percent", "rate": "20", "cap": {"amount": 1500, "per": per}});
        for (per, most) in [
            ("sale", "No sale earns more than 15.00 USD."),
            ("month", "No affiliate earns more than 15.00 USD in a calendar month."),
        ] {
            let told = told(rule(per), 10_000, "usd");
            assert_eq!(told[0], "A sale of 100.00 USD earns 15.00 USD; the customer's later payments earn nothing.");
            assert_eq!(told[1], most);
        }
    }
}
