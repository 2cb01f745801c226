//! Pricing: a rule version applied to what a customer paid. The target rule of design §6 rests on [`commission_for`]
//! being a function of the rule and of what the merchant keeps, and of nothing else that changes.

use chrono::{DateTime, Datelike, Months, Utc};
use rust_decimal::Decimal;

pub use super::collected::Collected;
use super::currency::Currency;
use super::explanation::{Deduction, Evidence, ExplainedCap, ExplainedTier, ExplainedTiers, Explanation};
use super::money::{self, Money, MoneyError};
use super::rule::{Cap, CapPer, Expansion, Rate, Recurring, Rule, Tier, TierWindow};
use super::sale_line::Share;

/// How a sale stands in its customer's history with the affiliate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PaymentPlace {
    /// From 1; earlier payments that earned or could have earned under the campaign count.
    pub payment_number: u32,
    pub first_paid_at: DateTime<Utc>,
    pub paid_at: DateTime<Utc>,
    /// An upgrade or proration invoice (`billing_reason` `subscription_update`).
    pub is_expansion: bool,
    /// What the rule's tiers count, up to this sale and with it.
    pub standing: i64,
    /// What the rule's cap leaves for this sale after those before it; none without a cap that reaches beyond one sale.
    pub cap_left_minor: Option<i64>,
}

/// A priced sale: the target amount and how it came about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Priced {
    /// What all lines of the sale must sum to.
    pub target_minor: i64,
    /// What the rule was applied to.
    pub basis_minor: i64,
    pub deductions: Vec<Deduction>,
    /// The rule's own rate, or that of the tier that is reached.
    pub rate: Rate,
    pub tier: Option<Tier>,
    /// Before rounding and cap.
    pub exact: Decimal,
    pub capped_at_minor: Option<i64>,
    pub earns_nothing_because: Option<String>,
}

/// What a deduction for lines is called.
const OUTSIDE: &str = "for products outside the campaign";
const UPGRADES: &str = "for an upgrade, which the rule does not pay for";
const RENEWAL: &str = "for the renewal, which the rule does not pay for";

/// The part of what was collected that the rule counts: less tax and shipping if the rule says so, and less the same
/// share of what was paid back. A refund is taken proportionally from all parts, rounded on the kept basis. `left_out` is
/// what the rule doesn't pay for, with its name.
fn basis(rule: &Rule, collected: &Collected, left_out: (&str, Share)) -> Result<(i64, Vec<Deduction>), MoneyError> {
    let mut deductions = Vec::new();
    let mut left = collected.share();
    for (what, share) in [(OUTSIDE, collected.outside), left_out] {
        if share.paid_minor > 0 {
            left = left.less(share)?;
            deductions.push(Deduction { what: what.to_owned(), amount_minor: share.paid_minor });
        }
    }
    let mut counted = left.paid_minor;
    for (excluded, what, amount) in
        [(rule.exclude_tax, "tax", left.tax_minor), (rule.exclude_shipping, "shipping", left.shipping_minor)]
    {
        if excluded && amount > 0 {
            counted = money::sub(counted, amount)?;
            deductions.push(Deduction { what: what.to_owned(), amount_minor: amount });
        }
    }
    let counted = counted.max(0);
    let refunded = collected.refunded_minor.clamp(0, collected.paid_minor.max(0));
    if refunded == 0 || collected.paid_minor <= 0 {
        return Ok((counted, deductions));
    }
    let kept = money::sub(collected.paid_minor, refunded)?;
    let kept_basis = money::share(counted, kept, collected.paid_minor)?;
    deductions.push(Deduction { what: "refunded".to_owned(), amount_minor: money::sub(counted, kept_basis)? });
    Ok((kept_basis, deductions))
}

/// What of the sale is the campaign's business before anything was paid back, whether or not this payment earns; minor
/// units. Nothing, as long as nobody knows what was bought.
///
/// # Errors
/// [`MoneyError::Overflow`].
pub fn sold_minor(rule: &Rule, collected: &Collected) -> Result<i64, MoneyError> {
    if collected.unknown_products {
        return Ok(0);
    }
    let whole = Collected { refunded_minor: 0, ..*collected };
    Ok(basis(rule, &whole, (RENEWAL, Share::default()))?.0)
}

/// Why the rule leaves this payment out, if it does.
fn left_out(rule: &Rule, place: &PaymentPlace) -> Option<String> {
    let recurs = match rule.recurring {
        Recurring::FirstOnly => place.payment_number <= 1,
        Recurring::Payments(payments) => place.payment_number <= payments,
        Recurring::Months(months) => {
            place.first_paid_at.checked_add_months(Months::new(months)).is_none_or(|end| place.paid_at < end)
        }
        Recurring::Forever => true,
    };
    if place.is_expansion {
        return match rule.expansion {
            Expansion::None => Some("the rule does not pay for upgrades".to_owned()),
            Expansion::OneTime => None,
            Expansion::Recurring if recurs => None,
            Expansion::Recurring => Some("the upgrade is after the payments that the rule pays for".to_owned()),
        };
    }
    match rule.recurring {
        _ if recurs => None,
        Recurring::FirstOnly => Some("the rule pays for the first payment only".to_owned()),
        Recurring::Payments(payments) => Some(format!("the rule pays for the first {payments} payments")),
        Recurring::Months(months) => Some(format!("the rule pays for {months} months after the first payment")),
        Recurring::Forever => None,
    }
}

/// What of a payment the rule leaves out, or why it leaves out the whole. A renewal's invoice may have lines for an upgrade
/// within the period before, which the rule may treat otherwise.
fn left_out_of(
    rule: &Rule,
    collected: &Collected,
    place: &PaymentPlace,
) -> Result<Result<(&'static str, Share), String>, MoneyError> {
    let regular = left_out(rule, place);
    if place.is_expansion || collected.expansion.paid_minor == 0 {
        return Ok(regular.map_or(Ok((RENEWAL, Share::default())), Err));
    }
    let upgrade = left_out(rule, &PaymentPlace { is_expansion: true, ..*place });
    Ok(match (regular, upgrade) {
        (None, None) => Ok((RENEWAL, Share::default())),
        (None, Some(_)) => Ok((UPGRADES, collected.expansion)),
        (Some(_), None) => Ok((RENEWAL, collected.share().less(collected.outside)?.less(collected.expansion)?)),
        (Some(reason), Some(_)) => Err(reason),
    })
}

/// The highest tier that `standing` reaches.
fn tier_reached(rule: &Rule, standing: i64) -> Option<&Tier> {
    rule.tiers.iter().flat_map(|tiers| &tiers.steps).rfind(|step| step.at_least <= standing)
}

/// What the sale earns in all, given what the merchant keeps of it (design §6, target rule).
///
/// # Errors
/// [`MoneyError::Overflow`].
pub fn commission_for(rule: &Rule, collected: &Collected, place: &PaymentPlace) -> Result<Priced, MoneyError> {
    let left_out = left_out_of(rule, collected, place)?;
    let nothing_left_out = (RENEWAL, Share::default());
    let (basis_minor, deductions) = basis(rule, collected, *left_out.as_ref().unwrap_or(&nothing_left_out))?;
    let tier = tier_reached(rule, place.standing);
    let rate = tier.map_or(&rule.rate, |tier| &tier.rate);
    let nothing = |reason: String| Priced {
        target_minor: 0,
        basis_minor,
        deductions: deductions.clone(),
        rate: rate.clone(),
        tier: tier.cloned(),
        exact: Decimal::ZERO,
        capped_at_minor: None,
        earns_nothing_because: Some(reason),
    };
    if collected.paid_minor <= 0 {
        return Ok(nothing("nothing was collected".to_owned()));
    }
    if let Err(reason) = left_out {
        return Ok(nothing(reason));
    }
    if collected.unknown_products {
        return Ok(nothing("nobody knows which products were bought, and the rule is limited to some".to_owned()));
    }
    if basis_minor <= 0 && collected.paid_minor > 0 && collected.outside.paid_minor >= collected.paid_minor {
        return Ok(nothing("none of the products that were bought is in the campaign".to_owned()));
    }
    if basis_minor <= 0 {
        let is_paid_back = collected.refunded_minor >= collected.paid_minor;
        let reason = if is_paid_back { "all that was paid was paid back" } else { "nothing that counts was collected" };
        return Ok(nothing(reason.to_owned()));
    }
    let exact = match rate {
        Rate::Percent(rate) => money::percent_exact(basis_minor, *rate)?,
        Rate::Flat { amount_minor, currency } if *currency == collected.currency => Decimal::from(*amount_minor),
        Rate::Flat { currency, .. } => {
            let (paid, fixed) = (collected.currency.code(), currency.code());
            return Ok(nothing(format!("the rule's amount is in {fixed} and the sale in {paid}")));
        }
    };
    let rounded = money::round_half_even(exact)?;
    let allowed = match rule.cap {
        Some(cap) if cap.per == CapPer::Sale => Some(cap.amount_minor),
        _ => place.cap_left_minor,
    };
    let capped_at_minor = allowed.filter(|&allowed| rounded > allowed);
    let target_minor = capped_at_minor.unwrap_or(rounded);
    let earns_nothing_because = (target_minor == 0).then(|| match (capped_at_minor, rule.cap) {
        (Some(_), Some(cap)) => used_up(cap, collected.currency),
        _ if exact.is_zero() => format!("the rate is {}", rate.in_words()),
        _ => "its commission is less than the smallest amount there is".to_owned(),
    });
    Ok(Priced {
        target_minor,
        basis_minor,
        deductions,
        rate: rate.clone(),
        tier: tier.cloned(),
        exact,
        capped_at_minor,
        earns_nothing_because,
    })
}

/// Why a sale earns nothing, of which a cap leaves nothing.
fn used_up(cap: Cap, currency: Currency) -> String {
    let most = Money::new(cap.amount_minor, currency);
    match cap.per {
        CapPer::Sale => format!("the rule pays at most {most} for a sale"),
        CapPer::Customer => {
            format!("the rule pays at most {most} for all payments of one customer, and those before it used all of it")
        }
        CapPer::Month => format!("the rule pays at most {most} in a month, and the sales before it used all of it"),
    }
}

/// The explanation of the line that brings a sale from `already_posted_minor` to its target.
///
/// # Errors
/// [`MoneyError::Overflow`].
pub fn explain(
    priced: &Priced,
    rule: &Rule,
    collected: &Collected,
    place: &PaymentPlace,
    already_posted_minor: i64,
    source: RuleSource<'_>,
) -> Result<Explanation, MoneyError> {
    // What earns nothing for another reason than its cap has no use for what is left of it.
    let is_outside_cap = priced.earns_nothing_because.is_some() && priced.capped_at_minor.is_none();
    Ok(Explanation {
        currency: collected.currency,
        collected_minor: collected.paid_minor,
        deductions: priced.deductions.clone(),
        basis_minor: priced.basis_minor,
        campaign: source.campaign.to_owned(),
        rule_version: source.version,
        rule: rule.summary(),
        rate: priced.rate.in_words(),
        payment_number: place.payment_number,
        exact: priced.exact.normalize().to_string(),
        capped_at_minor: priced.capped_at_minor,
        earns_nothing_because: priced.earns_nothing_because.clone(),
        evidence: source.evidence,
        lines: Vec::new(),
        tiers: explained_tiers(rule, place, source.currency),
        cap: if is_outside_cap { None } else { explained_cap(rule, place)? },
        refund: None,
        already_posted_minor,
        amount_minor: money::sub(priced.target_minor, already_posted_minor)?,
    })
}

fn explained_tiers(rule: &Rule, place: &PaymentPlace, currency: Currency) -> Option<ExplainedTiers> {
    let tiers = rule.tiers.as_ref()?;
    let explained = |tier: &Tier| ExplainedTier { at_least: tier.at_least, rate: tier.rate.in_words() };
    let day = place.paid_at.date_naive();
    Some(ExplainedTiers {
        metric: tiers.metric,
        month: (tiers.window == TierWindow::Month).then(|| day.with_day(1).unwrap_or(day)),
        currency,
        standing: place.standing,
        reached: tier_reached(rule, place.standing).map(explained),
        next: tiers.steps.iter().find(|step| step.at_least > place.standing).map(explained),
    })
}

fn explained_cap(rule: &Rule, place: &PaymentPlace) -> Result<Option<ExplainedCap>, MoneyError> {
    let Some(cap) = rule.cap else { return Ok(None) };
    let used_before_minor = match place.cap_left_minor {
        Some(left) => money::sub(cap.amount_minor, left)?,
        None => 0,
    };
    Ok(Some(ExplainedCap { per: cap.per, amount_minor: cap.amount_minor, used_before_minor }))
}

/// Where a rule came from, for the explanation.
#[derive(Debug, Clone)]
pub struct RuleSource<'a> {
    pub campaign: &'a str,
    pub version: u32,
    pub evidence: Option<Evidence>,
    /// The program's, in which tiers count revenue.
    pub currency: Currency,
}

#[cfg(test)]
#[path = "commission_tests.rs"]
mod tests;
