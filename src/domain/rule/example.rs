//! A rule told by an example: what a sale of a given amount earns, then, and in the end. The editor shows it while the rule is
//! being typed, priced by the same function that prices real sales.

use chrono::{DateTime, Utc};

use super::points::ordinal;
use super::{CapPer, Expansion, Rate, Recurring, Rule, TierMetric, TierWindow, Tiers};
use crate::domain::commission::{self, Collected, PaymentPlace, Priced};
use crate::domain::currency::Currency;
use crate::domain::money::{self, Money, MoneyError};
use crate::domain::tally::Tally;

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
        told.extend(example.used_up()?);
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

/// Sales that an example looks along, for what a cap leaves.
const MOST_SALES: u32 = 2_000;

/// A sale of a run of equal ones.
#[derive(Debug, Clone, Copy)]
struct InRun {
    standing: i64,
    earned_minor: i64,
    /// Without the cap.
    full_minor: i64,
}

struct Example<'a> {
    rule: &'a Rule,
    sale: Money,
}

impl Example<'_> {
    /// The sale, when the affiliate's `standing` towards the tiers is this, as the first of its customer.
    fn price(&self, standing: i64) -> Result<Priced, MoneyError> {
        let collected = Collected::plain(self.sale);
        let beyond_one_sale = self.rule.cap.filter(|cap| cap.per != CapPer::Sale);
        let cap_left_minor = beyond_one_sale.map(|cap| cap.amount_minor);
        let place = PaymentPlace { standing, cap_left_minor, ..on_one_day() };
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
        let is_cut = self.rule.cap.is_some_and(|cap| cap.per == CapPer::Customer) && self.first_cut()?.is_some();
        let until = if is_cut { ", until the cap is used up" } else { "" };
        let then = match self.rule.recurring {
            Recurring::FirstOnly | Recurring::Payments(1) => "; the customer's later payments earn nothing".to_owned(),
            Recurring::Months(1) => ", and so does every payment of that customer for 1 month".to_owned(),
            Recurring::Months(months) => format!(", and so does every payment of that customer for {months} months"),
            Recurring::Payments(2) => ", and so does the customer's next payment".to_owned(),
            Recurring::Payments(payments) => format!(", and so do the customer's next {} payments", payments - 1),
            Recurring::Forever => ", and so does every later payment of that customer".to_owned(),
        };
        Ok(format!("A sale of {} earns {earned}{then}{until}.", self.sale))
    }

    /// Equal sales one after the other on one day, up to where `until` says: of customers who buy once, or payments of one
    /// customer when the cap is per customer.
    fn run(&self, most: u32, until: impl Fn(&InRun) -> bool) -> Result<Option<(u32, InRun)>, MoneyError> {
        let uncapped = Rule { cap: None, ..self.rule.clone() };
        let is_one_customer = self.rule.cap.is_some_and(|cap| cap.per == CapPer::Customer);
        let collected = Collected::plain(self.sale);
        let (mut tally, mut used_minor) = (Tally::default(), 0);
        for number in 1..=most.min(MOST_SALES) {
            let place = PaymentPlace { payment_number: if is_one_customer { number } else { 1 }, ..on_one_day() };
            let counted = tally.count(self.rule, self.sale.currency, &collected, place, used_minor)?;
            let unbounded = PaymentPlace { cap_left_minor: None, ..counted.place };
            let full_minor = commission::commission_for(&uncapped, &collected, &unbounded)?.target_minor;
            let (standing, earned_minor) = (counted.place.standing, counted.allowed_minor);
            let sale = InRun { standing, earned_minor, full_minor };
            if until(&sale) {
                return Ok(Some((number, sale)));
            }
            used_minor = money::add(used_minor, earned_minor)?;
            tally = counted.tally;
        }
        Ok(None)
    }

    /// The first payment or sale of which the cap takes something, if the rule pays for so many.
    fn first_cut(&self) -> Result<Option<(u32, InRun)>, MoneyError> {
        let most = match (self.rule.cap.map(|cap| cap.per), self.rule.recurring) {
            (None | Some(CapPer::Sale), _) => return Ok(None),
            (Some(CapPer::Month), _) | (_, Recurring::Forever) => MOST_SALES,
            (_, Recurring::FirstOnly) => 1,
            // One a month.
            (_, Recurring::Months(count) | Recurring::Payments(count)) => count,
        };
        self.run(most, |sale| sale.earned_minor < sale.full_minor)
    }

    /// What a cap over several sales leaves, in sales of this amount.
    fn used_up(&self) -> Result<Option<String>, MoneyError> {
        let Some((number, sale)) = self.first_cut()? else { return Ok(None) };
        let (each, left) = (self.sale, Money::new(sale.earned_minor, self.sale.currency));
        let is_per_month = self.rule.cap.is_some_and(|cap| cap.per == CapPer::Month);
        let whose = if is_per_month { "sale of an affiliate in a calendar month" } else { "payment of a customer" };
        let (nth, many) = (ordinal(i64::from(number)), number - 1);
        Ok(Some(match (left.amount_minor, many) {
            (0, 1) => format!("With {each} each, the first {whose} uses up the cap, and those after it earn nothing."),
            (0, _) => format!("With {each} each, the cap is used up before the {nth} {whose}, which earns nothing."),
            (_, 0) => format!("With {each} each, the first {whose} uses up the cap, and those after it earn nothing."),
            _ => format!("With {each} each, the {nth} {whose} earns only {left}, and those after it earn nothing."),
        }))
    }

    /// The sale that reaches a tier within a month, when the month's cap takes something of it.
    fn cut_in_tier(&self, tiers: &Tiers, at_least: i64) -> Result<Option<InRun>, MoneyError> {
        let counts_months = self.rule.cap.is_some_and(|cap| cap.per == CapPer::Month);
        if !counts_months || tiers.window != TierWindow::Month {
            return Ok(None);
        }
        let reached = self.run(MOST_SALES, |sale| sale.standing >= at_least)?;
        Ok(reached.map(|(_, sale)| sale).filter(|sale| sale.earned_minor < sale.full_minor))
    }

    fn once_reached(&self, tiers: &Tiers, at_least: i64) -> Result<String, MoneyError> {
        if let Some(cut) = self.cut_in_tier(tiers, at_least)? {
            let full = Money::new(cut.full_minor, self.sale.currency);
            let left = Money::new(cut.earned_minor, self.sale.currency);
            let which = match tiers.metric {
                TierMetric::Conversions => format!("An affiliate's {} sale in a calendar month", ordinal(at_least)),
                TierMetric::Revenue => format!(
                    "The sale that brings an affiliate to {} of revenue in a calendar month",
                    Money::new(at_least, self.sale.currency)
                ),
            };
            return Ok(format!(
                "{which} would earn {full}, but with sales of {} the cap leaves {left} for it.",
                self.sale
            ));
        }
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

/// A customer's first payment, on whatever day.
fn on_one_day() -> PaymentPlace {
    let day = DateTime::<Utc>::UNIX_EPOCH;
    PaymentPlace {
        payment_number: 1,
        first_paid_at: day,
        paid_at: day,
        is_expansion: false,
        standing: 0,
        cap_left_minor: None,
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
    fn a_cap_over_several_sales_is_used_up_in_the_example() {
        let of_customer = json!({"type": "percent", "rate": "20", "recurring": {"months": 12},
            "cap": {"amount": 5_000, "per": "customer"}});
        let told_customer = told(of_customer, 10_000, "usd");
        assert_eq!(
            told_customer[0],
            "A sale of 100.00 USD earns 20.00 USD, and so does every payment of that customer for 12 months, until the cap is used up."
        );
        assert_eq!(
            told_customer[2],
            "With 100.00 USD each, the 3rd payment of a customer earns only 10.00 USD, and those after it earn nothing."
        );
        let of_month = json!({"type": "percent", "rate": "20", "cap": {"amount": 10_000, "per": "month"},
            "tiers": [{"metric": "conversions", "window": "month", "at_least": 5, "rate": "30"},
                {"metric": "revenue", "window": "month", "at_least": 1, "rate": "30"}]});
        assert!(Rule::from_json(&of_month).is_err(), "all tiers of a rule count the same");
        let of_month = json!({"type": "percent", "rate": "20", "cap": {"amount": 10_000, "per": "month"},
            "tiers": [{"metric": "conversions", "window": "month", "at_least": 5, "rate": "30"},
                {"metric": "conversions", "window": "month", "at_least": 10, "rate": "40"}]});
        let told_month = told(of_month, 10_000, "usd");
        assert_eq!(
            told_month[1..3],
            [
                "An affiliate's 5th sale in a calendar month would earn 30.00 USD, but with sales of 100.00 USD the cap leaves 20.00 USD for it.",
                "An affiliate's 10th sale in a calendar month would earn 40.00 USD, but with sales of 100.00 USD the cap leaves 0.00 USD for it.",
            ]
        );
        assert_eq!(
            told_month[5],
            "With 100.00 USD each, the 5th sale of an affiliate in a calendar month earns only 20.00 USD, and those after it earn nothing."
        );
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
