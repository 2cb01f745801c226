//! Why a sale or a line earns its amount: kept as data, told to the affiliate and to the company as sentences.

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::attribution::EvidenceKind;
use super::currency::Currency;
use super::explained_refund::ExplainedRefund;
use super::money::{self, Money};
use super::rule::{CapPer, TierMetric};

/// Whom an explanation speaks to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    /// Whose line it is: "you".
    Affiliate,
    /// "The affiliate".
    Company,
}

/// What was taken off before the rule was applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deduction {
    /// `tax`, `shipping`, `refunded`, or what lines were for that don't count.
    pub what: String,
    #[serde(rename = "amount")]
    pub amount_minor: i64,
}

/// The evidence that credited the affiliate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    pub kind: EvidenceKind,
    /// The code, click id, customer id or e-mail that matched.
    pub value: String,
}

/// What was bought: one line of the invoice or checkout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExplainedLine {
    pub name: String,
    /// Its part of what was paid, minor units; negative for a credit.
    #[serde(rename = "paid")]
    pub paid_minor: i64,
    /// Whether its product is in the campaign.
    pub counts: bool,
}

/// A tier, in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExplainedTier {
    pub at_least: i64,
    /// `25 %` or `15.00 USD`.
    pub rate: String,
}

/// Where a sale stood towards the tiers of its rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExplainedTiers {
    pub metric: TierMetric,
    /// The first day of the month that is counted; all time without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub month: Option<NaiveDate>,
    /// Of revenue: the program's.
    pub currency: Currency,
    /// What was counted up to the sale and with it: conversions, or revenue in minor units.
    pub standing: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reached: Option<ExplainedTier>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<ExplainedTier>,
}

/// The cap of a rule, and what the sales before used of it; minor units of the sale's currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExplainedCap {
    pub per: CapPer,
    #[serde(rename = "amount")]
    pub amount_minor: i64,
    #[serde(rename = "used_before")]
    pub used_before_minor: i64,
}

/// How a line's amount came about; all amounts in minor units of `currency`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explanation {
    pub currency: Currency,
    #[serde(rename = "collected")]
    pub collected_minor: i64,
    pub deductions: Vec<Deduction>,
    /// What the rule was applied to.
    #[serde(rename = "basis")]
    pub basis_minor: i64,
    pub campaign: String,
    pub rule_version: u32,
    /// The rule in words.
    pub rule: String,
    /// `20 %`, `10.00 USD`, or why nothing is earned.
    pub rate: String,
    /// The customer's how-manieth payment this is, from 1.
    pub payment_number: u32,
    /// Before rounding and cap, as a decimal number of minor units.
    pub exact: String,
    /// The cap per sale, if it cut the amount.
    #[serde(rename = "capped_at", skip_serializing_if = "Option::is_none")]
    pub capped_at_minor: Option<i64>,
    /// Why the amount is zero, if it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub earns_nothing_because: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Evidence>,
    /// What was bought, when the rule is limited to products.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<ExplainedLine>,
    /// Where the sale stood towards the rule's tiers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tiers: Option<ExplainedTiers>,
    /// The cap that the rule has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cap: Option<ExplainedCap>,
    /// What went back to the customer, when that is why the line is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refund: Option<ExplainedRefund>,
    /// What is already in the ledger for the sale; the line posts the difference (design §6, target rule).
    #[serde(rename = "already_posted", default, skip_serializing_if = "is_zero")]
    pub already_posted_minor: i64,
    #[serde(rename = "amount")]
    pub amount_minor: i64,
}

fn is_zero(amount_minor: &i64) -> bool {
    *amount_minor == 0
}

impl ExplainedTiers {
    /// What was counted, and what it takes for the next tier.
    fn in_words(&self, reader: Reader) -> Vec<String> {
        let when = self.month.map_or_else(|| "in all".to_owned(), |month| month.format("in %B %Y").to_string());
        let counted = |count: i64| match self.metric {
            TierMetric::Conversions if count == 1 => "1 sale".to_owned(),
            TierMetric::Conversions => format!("{count} sales"),
            TierMetric::Revenue => format!("{} of sales", Money::new(count, self.currency)),
        };
        let have = if reader == Reader::Affiliate { "you have" } else { "the affiliate has" };
        let mut told = vec![match &self.reached {
            Some(tier) => {
                let (standing, from) = (counted(self.standing), counted(tier.at_least));
                format!("With it {have} {standing} {when}; from {from} on, {} applies.", tier.rate)
            }
            None => format!("With it {have} {} {when}.", counted(self.standing)),
        }];
        if let Some(next) = &self.next {
            let missing = next.at_least.saturating_sub(self.standing);
            let more = match self.metric {
                TierMetric::Conversions if missing == 1 => "1 more sale".to_owned(),
                TierMetric::Conversions => format!("{missing} more sales"),
                TierMetric::Revenue => format!("{} more of sales", Money::new(missing, self.currency)),
            };
            told.push(format!(
                "After it, {more} {when} and {} applies to the sale that reaches it and those after it.",
                next.rate
            ));
        }
        told
    }
}

impl Explanation {
    /// Which of the lines count, by their names.
    fn lines_in_words(&self) -> Option<String> {
        let names = |counts: bool| {
            let chosen: Vec<String> =
                self.lines.iter().filter(|line| line.counts == counts).map(|line| format!("“{}”", line.name)).collect();
            chosen.join(", ")
        };
        let (in_it, outside) = (names(true), names(false));
        match (in_it.is_empty(), outside.is_empty()) {
            (true, true) => None,
            (false, true) => Some(format!("It was for {in_it}, which the campaign pays for.")),
            (true, false) => Some(format!("It was for {outside}, which the campaign does not pay for.")),
            (false, false) => Some(format!("The campaign pays for {in_it}, and not for {outside}.")),
        }
    }

    /// The rate on the basis, with tier, rounding and cap.
    fn earned_in_words(&self, reader: Reader) -> Vec<String> {
        let money = |minor| Money::new(minor, self.currency).to_string();
        // Of amounts that add up in the ledger, the sum is one too.
        let earned_minor = self.amount_minor.saturating_add(self.already_posted_minor);
        let exact: Option<Decimal> = self.exact.parse().ok();
        let rounded_minor = exact.and_then(|exact| money::round_half_even(exact).ok()).unwrap_or(earned_minor);
        let mut told = vec![format!(
            "{} (rule version {}): {} on {} is {}.",
            self.campaign,
            self.rule_version,
            self.rate,
            money(self.basis_minor),
            money(rounded_minor),
        )];
        if let Some(exact) = self.before_rounding() {
            told.push(format!("That is {exact}, rounded."));
        }
        told.extend(self.tiers.iter().flat_map(|tiers| tiers.in_words(reader)));
        match (&self.cap, self.capped_at_minor) {
            (Some(cap), capped) if cap.per != CapPer::Sale => {
                let (most, used) = (money(cap.amount_minor), money(cap.used_before_minor));
                let what = if cap.per == CapPer::Customer { "for all payments of one customer" } else { "in a month" };
                told.push(format!("The rule pays at most {most} {what}; sales before this one used {used} of it."));
                told.extend(capped.map(|left| format!("So this sale earns {}.", money(left))));
            }
            (_, Some(cap)) => told.push(format!("The rule caps a sale's commission at {}.", money(cap))),
            (_, None) => {}
        }
        told
    }

    /// What was credited before, and that the line changes it.
    fn against_before(&self) -> Option<String> {
        let money = |minor| Money::new(minor, self.currency).to_string();
        let (before, change) = (money(self.already_posted_minor), money(self.amount_minor));
        (self.already_posted_minor != 0)
            .then(|| format!("{before} was credited before, so this line changes it by {change}."))
    }

    /// Why a line that changes an earlier one does so, with the arithmetic: one of the sentences. None for a first line.
    pub fn change_in_words(&self, reader: Reader) -> Option<String> {
        let refund = self.refund.as_ref().map(|refund| refund.sentence(self.currency, reader));
        refund.or_else(|| self.against_before())
    }

    /// The explanation in sentences.
    pub fn sentences(&self, reader: Reader) -> Vec<String> {
        let money = |minor| Money::new(minor, self.currency).to_string();
        let mut told: Vec<String> = self.refund.iter().map(|refund| refund.sentence(self.currency, reader)).collect();
        told.push(format!("The customer paid {}.", money(self.collected_minor)));
        told.extend(self.lines_in_words());
        for deduction in &self.deductions {
            told.push(format!("{} of it was {} and doesn't count.", money(deduction.amount_minor), deduction.what));
        }
        match &self.earns_nothing_because {
            Some(reason) => told.push(format!("It earns nothing: {reason}.")),
            None => told.extend(self.earned_in_words(reader)),
        }
        told.extend(self.against_before());
        if let Some(evidence) = &self.evidence {
            let why = evidence.kind.sentence(reader);
            let whom = if reader == Reader::Affiliate { "you" } else { "the affiliate" };
            let what = if evidence.kind.is_told() { format!(" ({})", evidence.value) } else { String::new() };
            told.push(format!("It is credited to {whom} because {why}{what}."));
        }
        told
    }
}
