//! A campaign's commission rule: the JSON of the contract, read strictly, with messages that name the field.
//!
//! A rule is kept as one immutable version; `commission` prices sales by it.

mod example;
mod json;
mod points;
pub mod version;

use std::collections::BTreeSet;

use rust_decimal::Decimal;

use super::currency::Currency;
use super::money::Money;
use super::text_enum::text_enum;

pub use example::TIERS_NEVER_REACH_BACK;
pub use json::InvalidRule;
pub use points::Point;

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

text_enum! {
    /// What a tier counts, over the affiliate's sales of the campaign.
    TierMetric, "tier metric" {
        Conversions = "conversions",
        /// What the rule was applied to, in minor units of the program's currency; sales in other currencies don't count.
        Revenue = "revenue",
    }
}

text_enum! {
    /// Since when a tier counts.
    TierWindow, "tier window" {
        /// The calendar month, UTC, in which the sale was paid.
        Month = "month",
        AllTime = "all_time",
    }
}

text_enum! {
    /// What a cap bounds.
    CapPer, "cap" {
        Sale = "sale",
        /// All payments of one customer in the campaign.
        Customer = "customer",
        /// What one affiliate earns in the campaign in a calendar month, UTC.
        Month = "month",
    }
}

/// A better rate, once enough was sold: for the sale that reaches `at_least` and those after it, never for those before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tier {
    pub at_least: i64,
    pub rate: Rate,
}

/// The tiers of a rule, the lowest first; all of them count the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tiers {
    pub metric: TierMetric,
    pub window: TierWindow,
    pub steps: Vec<Tier>,
}

/// The most that a rule pays, minor units of the sale's currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cap {
    pub amount_minor: i64,
    pub per: CapPer,
}

/// One campaign rule. What comes from outside is read by [`Rule::from_json`], so that a kept `Rule` is always valid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    pub rate: Rate,
    pub recurring: Recurring,
    pub expansion: Expansion,
    pub tiers: Option<Tiers>,
    pub cap: Option<Cap>,
    /// Stripe's ids of products (`prod_…`) or prices (`price_…`) that earn; empty: all do.
    pub products: BTreeSet<String>,
    pub exclude_tax: bool,
    pub exclude_shipping: bool,
}

impl Rate {
    /// The percentage, if it is above 0 and up to 100, with at most six decimals.
    pub fn percent(rate: Decimal) -> Option<Rate> {
        let fits = rate > Decimal::ZERO && rate <= Decimal::ONE_HUNDRED && rate.scale() <= 6;
        fits.then(|| Rate::Percent(rate.normalize()))
    }

    /// Whether it earns less than the other does of the same sale; two of different kinds can't be told.
    pub fn is_less_than(&self, other: &Rate) -> bool {
        match (self, other) {
            (Rate::Percent(this), Rate::Percent(other)) => this < other,
            (Rate::Flat { amount_minor: this, currency: a }, Rate::Flat { amount_minor: other, currency: b }) => {
                a == b && this < other
            }
            _ => false,
        }
    }

    /// `20 %` or `10.00 USD`.
    pub fn in_words(&self) -> String {
        match self {
            Rate::Percent(rate) => format!("{} %", rate.normalize()),
            Rate::Flat { amount_minor, currency } => Money::new(*amount_minor, *currency).to_string(),
        }
    }
}

impl Rule {
    /// Whether what a sale earns depends on the sales before it, beyond its buyer's own number.
    pub fn looks_back(&self) -> bool {
        self.tiers.is_some() || self.cap.is_some_and(|cap| cap.per != CapPer::Sale)
    }

    /// The rule in a few words: `20 % of each payment for 12 months, 30 % with enough sales`.
    pub fn summary(&self) -> String {
        let mut summary = self.payments_in_words();
        let better = self.tiers.iter().flat_map(|tiers| &tiers.steps).filter(|tier| self.rate.is_less_than(&tier.rate));
        let best = better.reduce(|best, tier| if best.rate.is_less_than(&tier.rate) { tier } else { best });
        if let Some(best) = best {
            summary.push_str(&format!(", {} with enough sales", best.rate.in_words()));
        }
        if let Some(cap) = self.cap {
            summary.push_str(&format!(", capped per {}", cap.per));
        }
        match self.products.len() {
            0 => {}
            1 => summary.push_str(", for one product"),
            many => summary.push_str(&format!(", for {many} products")),
        }
        summary
    }

    fn payments_in_words(&self) -> String {
        let rate = self.rate.in_words();
        match self.recurring {
            Recurring::FirstOnly => format!("{rate} of the first payment"),
            Recurring::Months(months) => format!("{rate} of each payment for {months} months"),
            Recurring::Payments(payments) => format!("{rate} of the first {payments} payments"),
            Recurring::Forever => format!("{rate} of each payment"),
        }
    }
}

#[cfg(test)]
mod tests;
