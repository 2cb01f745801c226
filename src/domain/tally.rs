//! What tiers and caps count: the sales of one affiliate in one campaign, one after the other in the order in which they
//! were paid. A [`Tally`] is carried from sale to sale; [`Tally::count`] says where the next one stands and what it leaves.
//!
//! Refunds change nothing here: a tier that was reached stays reached, and a cap that was used stays used.

use std::collections::BTreeMap;

use chrono::{DateTime, Datelike, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use super::commission::{self, Collected, PaymentPlace};
use super::currency::Currency;
use super::money::{self, MoneyError};
use super::rule::{CapPer, Rule, TierMetric, TierWindow, Tiers};

/// What was sold in a span of time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sold {
    /// Sales in which something that counts was collected. An upgrade is part of a customer won before and is none.
    pub conversions: i64,
    /// What the rules were applied to before anything was paid back, upgrades included; minor units of the program's
    /// currency. Sales in other currencies don't count.
    #[serde(rename = "revenue")]
    pub revenue_minor: i64,
}

impl Sold {
    fn and(self, sale: Sold) -> Result<Sold, MoneyError> {
        Ok(Sold {
            conversions: money::add(self.conversions, sale.conversions)?,
            revenue_minor: money::add(self.revenue_minor, sale.revenue_minor)?,
        })
    }
}

/// What was sold and allowed up to a sale and with it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    pub all_time: Sold,
    /// The first day of the month that the rest is about.
    month: Option<NaiveDate>,
    in_month: Sold,
    /// What the rules allowed in the month, minor units, by currency.
    allowed_in_month: BTreeMap<Currency, i64>,
}

/// A sale counted: where it stands, what it is allowed, and the tally that the next one begins with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counted {
    pub place: PaymentPlace,
    /// What the rule allows while nothing is paid back, minor units of the sale's currency.
    pub allowed_minor: i64,
    pub tally: Tally,
}

impl Tally {
    /// Counts the next sale. `payment` is its place among its buyer's payments; `standing` and `cap_left_minor` in it are
    /// found here. `used_by_customer_minor` is what the buyer's payments before it were allowed in the sale's currency;
    /// only a cap per customer looks at it.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`].
    pub fn count(
        &self,
        rule: &Rule,
        program: Currency,
        collected: &Collected,
        payment: PaymentPlace,
        used_by_customer_minor: i64,
    ) -> Result<Counted, MoneyError> {
        let mut tally = self.in_month_of(payment.paid_at);
        let whole = Collected { refunded_minor: 0, ..*collected };
        let basis_minor = commission::sold_minor(rule, collected)?;
        let sold = Sold {
            conversions: i64::from(basis_minor > 0 && !payment.is_expansion),
            revenue_minor: if collected.currency == program { basis_minor } else { 0 },
        };
        tally.all_time = tally.all_time.and(sold)?;
        tally.in_month = tally.in_month.and(sold)?;
        let used_in_month_minor = tally.allowed_in_month.get(&collected.currency).copied().unwrap_or(0);
        let used = |per| match per {
            CapPer::Sale => None,
            CapPer::Customer => Some(used_by_customer_minor),
            CapPer::Month => Some(used_in_month_minor),
        };
        let cap_left_minor = match rule.cap.and_then(|cap| used(cap.per).map(|used| (cap.amount_minor, used))) {
            Some((cap_minor, used_minor)) => Some(money::sub(cap_minor, used_minor)?.max(0)),
            None => None,
        };
        let standing = rule.tiers.as_ref().map_or(0, |tiers| tally.standing(tiers));
        let place = PaymentPlace { standing, cap_left_minor, ..payment };
        let allowed_minor = commission::commission_for(rule, &whole, &place)?.target_minor;
        if allowed_minor != 0 {
            let used_minor = money::add(used_in_month_minor, allowed_minor)?;
            tally.allowed_in_month.insert(collected.currency, used_minor);
        }
        Ok(Counted { place, allowed_minor, tally })
    }

    /// The tally as a sale of that time finds it: the month begins anew, UTC.
    fn in_month_of(&self, at: DateTime<Utc>) -> Tally {
        let day = at.date_naive();
        let month = day.with_day(1).unwrap_or(day);
        if self.month == Some(month) {
            return self.clone();
        }
        Tally { all_time: self.all_time, month: Some(month), ..Tally::default() }
    }

    fn standing(&self, tiers: &Tiers) -> i64 {
        let sold = match tiers.window {
            TierWindow::Month => &self.in_month,
            TierWindow::AllTime => &self.all_time,
        };
        match tiers.metric {
            TierMetric::Conversions => sold.conversions,
            TierMetric::Revenue => sold.revenue_minor,
        }
    }
}

#[cfg(test)]
#[path = "tally_tests.rs"]
mod tests;
