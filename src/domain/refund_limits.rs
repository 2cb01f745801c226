//! When so much of an affiliate's sales is refunded that somebody should look before more is paid. The figures are those of the
//! last 30 days, per currency; a refund that somebody has weighed with a hold doesn't count again.

use chrono::{DateTime, TimeDelta, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::currency::Currency;
use super::ids::SaleId;
use super::money::{self, Money, MoneyError};

/// For how long a payment and a refund count.
pub const WINDOW: TimeDelta = TimeDelta::days(30);

/// What a program takes for too much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Percent of what customers paid.
    pub rate: Option<Decimal>,
    /// In the program's currency; refunds in others aren't measured by it.
    pub amount: Option<Money>,
}

/// What went back of one sale by one refund, lost dispute, or running sum of a charge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refund {
    /// Stripe's id: `re_…`, `dp_…`, or `ch_…`.
    pub id: String,
    pub sale_id: SaleId,
    pub amount: Money,
    pub at: DateTime<Utc>,
}

/// The figures of an affiliate in one currency. Minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Figures {
    pub currency: Currency,
    /// What customers paid.
    #[serde(rename = "paid")]
    pub paid_minor: i64,
    /// What they got back, without what was weighed before.
    #[serde(rename = "refunded")]
    pub refunded_minor: i64,
}

/// Which limit is exceeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exceeded {
    Rate(Decimal),
    Amount(Money),
}

impl Figures {
    /// The figures of each currency in which something was refunded, by what was paid in each.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`].
    pub fn of(refunds: &[Refund], paid: &[Money]) -> Result<Vec<Figures>, MoneyError> {
        let mut all: Vec<Figures> = Vec::new();
        for Refund { amount, .. } in refunds {
            let currency = amount.currency;
            match all.iter_mut().find(|figures| figures.currency == currency) {
                Some(figures) => figures.refunded_minor = money::add(figures.refunded_minor, amount.amount_minor)?,
                None => {
                    let paid = paid.iter().filter(|paid| paid.currency == currency).map(|paid| paid.amount_minor);
                    all.push(Figures { currency, paid_minor: money::sum(paid)?, refunded_minor: amount.amount_minor });
                }
            }
        }
        all.sort_by_key(|figures| figures.currency);
        Ok(all)
    }

    /// Whether more than a limit was refunded; exactly as much isn't.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`].
    pub fn exceeds(&self, limits: &Limits) -> Result<Option<Exceeded>, MoneyError> {
        if let Some(rate) = limits.rate {
            let share = Decimal::from(self.refunded_minor).checked_mul(Decimal::ONE_HUNDRED);
            let limit = Decimal::from(self.paid_minor).checked_mul(rate);
            if share.ok_or(MoneyError::Overflow)? > limit.ok_or(MoneyError::Overflow)? {
                return Ok(Some(Exceeded::Rate(rate)));
            }
        }
        let amount = limits.amount.filter(|amount| amount.currency == self.currency);
        Ok(amount.filter(|amount| self.refunded_minor > amount.amount_minor).map(Exceeded::Amount))
    }

    pub fn paid(&self) -> Money {
        Money::new(self.paid_minor, self.currency)
    }

    pub fn refunded(&self) -> Money {
        Money::new(self.refunded_minor, self.currency)
    }

    /// The share that was refunded, percent with at most one decimal; none when nothing was paid.
    pub fn percent(&self) -> Option<Decimal> {
        let hundredfold = Decimal::from(self.refunded_minor).checked_mul(Decimal::ONE_HUNDRED)?;
        Some(hundredfold.checked_div(Decimal::from(self.paid_minor))?.round_dp(1).normalize())
    }

    /// Why a hold is placed, for the company.
    pub fn reason(&self, exceeded: Exceeded) -> String {
        let (refunded, paid) = (self.refunded(), self.paid());
        match (exceeded, self.percent()) {
            (Exceeded::Rate(limit), Some(percent)) => format!(
                "{percent} % of 30 days' sales was refunded ({refunded} of {paid}); the limit is {} %",
                limit.normalize()
            ),
            (Exceeded::Rate(limit), None) => format!(
                "{refunded} was refunded in 30 days in which nothing was paid; the limit is {} %",
                limit.normalize()
            ),
            (Exceeded::Amount(limit), _) => format!("{refunded} was refunded in 30 days; the limit is {limit}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(paid_minor: i64, refunded_minor: i64) -> Figures {
        Figures { currency: Currency::USD, paid_minor, refunded_minor }
    }

    #[test]
    fn only_more_than_a_limit_exceeds_it() {
        let rate = Limits { rate: Some(Decimal::TEN), amount: None };
        assert_eq!(figures(100_000, 10_000).exceeds(&rate).unwrap(), None);
        assert_eq!(figures(100_000, 10_001).exceeds(&rate).unwrap(), Some(Exceeded::Rate(Decimal::TEN)));
        assert_eq!(figures(0, 1).exceeds(&rate).unwrap(), Some(Exceeded::Rate(Decimal::TEN)), "of nothing");
        let limit = Money::new(5_000, Currency::USD);
        let amount = Limits { rate: None, amount: Some(limit) };
        assert_eq!(figures(0, 5_000).exceeds(&amount).unwrap(), None);
        assert_eq!(figures(0, 5_001).exceeds(&amount).unwrap(), Some(Exceeded::Amount(limit)));
        let euros = Figures { currency: Currency::EUR, ..figures(0, 5_001) };
        assert_eq!(euros.exceeds(&amount).unwrap(), None, "another currency isn't measured by the program's");
        assert_eq!(figures(0, i64::MAX).exceeds(&Limits { rate: None, amount: None }).unwrap(), None);
    }

    #[test]
    fn the_reason_has_the_figures() {
        let told = figures(80_000, 10_000).reason(Exceeded::Rate(Decimal::TEN));
        assert_eq!(told, "12.5 % of 30 days' sales was refunded (100.00 USD of 800.00 USD); the limit is 10 %");
    }
}
