//! The rule in the plainest words there are: for each sale, look at all sales before it and add up. It shares nothing with
//! the product but the meaning.

use std::collections::BTreeMap;

use chrono::{DateTime, Datelike, Months, NaiveDate};
use serde_json::Value;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metric {
    Conversions,
    Revenue,
}

#[derive(Debug, Clone)]
pub struct Rule {
    pub json: Value,
    /// Then rates are minor units of USD, else tenths of a percent.
    pub is_flat: bool,
    pub base: i64,
    pub months: Option<u32>,
    pub payments: Option<u32>,
    pub metric: Metric,
    pub by_month: bool,
    /// At least, and the rate; the lowest first.
    pub tiers: Vec<(i64, i64)>,
    pub cap: Option<(&'static str, i64)>,
    pub expansion: &'static str,
    pub exclude_tax: bool,
}

#[derive(Debug, Clone)]
pub struct Sale {
    /// The smallest of its ids at Stripe.
    pub key: String,
    pub partner: &'static str,
    pub customer: Option<String>,
    pub email: String,
    pub at: i64,
    pub paid: i64,
    pub tax: i64,
    /// What was given back of it.
    pub refunded: i64,
    pub currency: &'static str,
    pub is_expansion: bool,
}

/// What a sale comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Earned {
    /// While nothing is given back: what tiers and caps go on counting.
    pub allowed: i64,
    /// Of what the company keeps.
    pub kept: i64,
}

impl Sale {
    fn month(&self) -> (i32, u32) {
        let day = DateTime::from_timestamp(self.at, 0).unwrap();
        (day.year(), day.month())
    }

    fn is_by_the_buyer_of(&self, other: &Sale) -> bool {
        match (&self.customer, &other.customer) {
            (Some(ours), Some(theirs)) => ours == theirs,
            _ => self.email == other.email,
        }
    }
}

pub fn unix(year: i32, month: u32, day: u32) -> i64 {
    NaiveDate::from_ymd_opt(year, month, day).unwrap().and_hms_opt(0, 0, 0).unwrap().and_utc().timestamp()
}

/// What each sale earns, by its key. `versions` are in order, each from its time on.
pub fn earned(versions: &[(i64, Rule)], sales: &[Sale]) -> BTreeMap<String, Earned> {
    let mut order: Vec<&Sale> = sales.iter().collect();
    order.sort_by_key(|sale| (sale.at, sale.key.clone()));
    let mut earned: BTreeMap<String, Earned> = BTreeMap::new();
    for (n, sale) in order.iter().enumerate() {
        let in_force = |sale: &Sale| versions.iter().rev().find(|(from, _)| *from <= sale.at).map(|(_, rule)| rule);
        let rule = in_force(sale).unwrap_or(&versions[0].1);
        let basis = |sale: &Sale| -> i64 {
            let rule = in_force(sale).unwrap_or(&versions[0].1);
            if rule.exclude_tax { sale.paid - sale.tax } else { sale.paid }
        };
        let before: Vec<&Sale> = order[..n].iter().copied().filter(|other| other.partner == sale.partner).collect();
        let payments: Vec<&Sale> = before.iter().copied().filter(|other| other.is_by_the_buyer_of(sale)).collect();
        let first = payments.first().map_or(sale.at, |first| first.at);
        let regular = payments.iter().filter(|payment| !payment.is_expansion).count();
        let number = u32::try_from(regular).unwrap() + u32::from(!sale.is_expansion);
        let in_window =
            || before.iter().copied().chain([*sale]).filter(|other| !rule.by_month || other.month() == sale.month());
        let standing = match rule.metric {
            Metric::Conversions => i64::try_from(in_window().filter(|sale| !sale.is_expansion).count()).unwrap(),
            Metric::Revenue => in_window().filter(|sale| sale.currency == "usd").map(&basis).sum(),
        };
        let rate =
            rule.tiers.iter().filter(|tier| tier.0 <= standing).map(|tier| tier.1).next_back().unwrap_or(rule.base);
        let used = |others: &mut dyn Iterator<Item = &Sale>| -> i64 {
            others.filter(|other| other.currency == sale.currency).map(|other| earned[&other.key].allowed).sum()
        };
        let left = match rule.cap {
            None => i64::MAX,
            Some(("sale", amount)) => amount,
            Some(("customer", amount)) => amount - used(&mut payments.iter().copied()),
            Some((_, amount)) => {
                amount - used(&mut before.iter().copied().filter(|other| other.month() == sale.month()))
            }
        };
        let worth = |basis: i64| {
            let full = match (rule.is_flat, sale.currency) {
                _ if basis <= 0 || !pays(rule, sale, number.max(1), first) => 0,
                (true, "usd") => rate,
                (true, _) => 0,
                (false, _) => half_even(basis * rate, 1_000),
            };
            full.min(left.max(0))
        };
        let whole = basis(sale);
        let kept = half_even(whole * (sale.paid - sale.refunded.min(sale.paid)), sale.paid);
        earned.insert(sale.key.clone(), Earned { allowed: worth(whole), kept: worth(kept) });
    }
    earned
}

fn pays(rule: &Rule, sale: &Sale, number: u32, first: i64) -> bool {
    let recurs = match (rule.months, rule.payments) {
        (Some(months), _) => {
            let end = DateTime::from_timestamp(first, 0).unwrap() + Months::new(months);
            sale.at < end.timestamp()
        }
        (_, Some(payments)) => number <= payments,
        _ => true,
    };
    match (sale.is_expansion, rule.expansion) {
        (true, "none") => false,
        (true, "one_time") => true,
        _ => recurs,
    }
}

fn half_even(numerator: i64, denominator: i64) -> i64 {
    let (whole, rest) = (numerator / denominator, 2 * (numerator % denominator));
    if rest > denominator || (rest == denominator && whole % 2 == 1) { whole + 1 } else { whole }
}
