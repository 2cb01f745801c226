//! Why a line has its amount: kept with the line as data, told to the affiliate as sentences.

use serde::{Deserialize, Serialize};

use super::attribution::EvidenceKind;
use super::currency::Currency;
use super::money::Money;

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
    /// What is already in the ledger for the sale; the line posts the difference (design §6, target rule).
    #[serde(rename = "already_posted", default, skip_serializing_if = "is_zero")]
    pub already_posted_minor: i64,
    #[serde(rename = "amount")]
    pub amount_minor: i64,
}

fn is_zero(amount_minor: &i64) -> bool {
    *amount_minor == 0
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

    /// The explanation in sentences, for the affiliate's page.
    pub fn sentences(&self) -> Vec<String> {
        let money = |minor| Money::new(minor, self.currency).to_string();
        let mut told = vec![format!("The customer paid {}.", money(self.collected_minor))];
        told.extend(self.lines_in_words());
        for deduction in &self.deductions {
            told.push(format!("{} of it was {} and doesn't count.", money(deduction.amount_minor), deduction.what));
        }
        match &self.earns_nothing_because {
            Some(reason) => told.push(format!("It earns nothing: {reason}.")),
            None => told.push(format!(
                "{} (rule version {}): {} on {} is {}.",
                self.campaign,
                self.rule_version,
                self.rate,
                money(self.basis_minor),
                money(self.amount_minor + self.already_posted_minor),
            )),
        }
        if let Some(cap) = self.capped_at_minor {
            told.push(format!("The rule caps a sale's commission at {}.", money(cap)));
        }
        if self.already_posted_minor != 0 {
            told.push(format!(
                "{} was credited before, so this line changes it by {}.",
                money(self.already_posted_minor),
                money(self.amount_minor),
            ));
        }
        if let Some(evidence) = &self.evidence {
            let why = evidence.kind.sentence();
            // Who of the company did it is the company's business.
            let what =
                if evidence.kind == EvidenceKind::Manual { String::new() } else { format!(" ({})", evidence.value) };
            told.push(format!("It is credited to you because {why}{what}."));
        }
        told
    }
}
