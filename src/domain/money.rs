//! Amounts in integer minor units. All arithmetic is checked, a lossy conversion is an error, and rounding (half-even)
//! and splitting (largest remainder) happen here and nowhere else. Source: design §6.

use rust_decimal::prelude::ToPrimitive;
use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Deserialize, Serialize};

use super::currency::Currency;

/// Money can't be computed: the result leaves the range of the type, or two currencies meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    #[error("the amount is too large to be kept")]
    Overflow,
    #[error("amounts in {0} and {1} can't be added: a balance belongs to one currency")]
    CurrencyMismatch(Currency, Currency),
}

/// A signed amount in one currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Money {
    #[serde(rename = "amount")]
    pub amount_minor: i64,
    pub currency: Currency,
}

impl Money {
    pub const fn new(amount_minor: i64, currency: Currency) -> Self {
        Self { amount_minor, currency }
    }

    /// # Errors
    /// [`MoneyError::CurrencyMismatch`] and [`MoneyError::Overflow`].
    pub fn checked_add(self, other: Money) -> Result<Money, MoneyError> {
        if self.currency != other.currency {
            return Err(MoneyError::CurrencyMismatch(self.currency, other.currency));
        }
        Ok(Money::new(add(self.amount_minor, other.amount_minor)?, self.currency))
    }

    /// The number as people read it, without currency: `14,302.50`, `−20.00`, `0.00`, `1,000` for JPY.
    pub fn plain(&self) -> String {
        let exponent = self.currency.exponent() as usize;
        let digits = format!("{:0>width$}", self.amount_minor.unsigned_abs(), width = exponent + 1);
        let (whole, fraction) = digits.split_at(digits.len() - exponent);
        let mut text = String::from(if self.amount_minor < 0 { "−" } else { "" });
        for (index, digit) in whole.chars().enumerate() {
            if index > 0 && (whole.len() - index).is_multiple_of(3) {
                text.push(',');
            }
            text.push(digit);
        }
        if exponent > 0 {
            text.push('.');
            text.push_str(fraction);
        }
        text
    }
}

/// Number and currency: `14,302.50 USD`.
impl std::fmt::Display for Money {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.plain(), self.currency.code())
    }
}

/// # Errors
/// [`MoneyError::Overflow`].
pub fn add(a_minor: i64, b_minor: i64) -> Result<i64, MoneyError> {
    a_minor.checked_add(b_minor).ok_or(MoneyError::Overflow)
}

/// # Errors
/// [`MoneyError::Overflow`].
pub fn sub(a_minor: i64, b_minor: i64) -> Result<i64, MoneyError> {
    a_minor.checked_sub(b_minor).ok_or(MoneyError::Overflow)
}

/// # Errors
/// [`MoneyError::Overflow`].
pub fn sum(parts_minor: impl IntoIterator<Item = i64>) -> Result<i64, MoneyError> {
    parts_minor.into_iter().try_fold(0, add)
}

/// `amount_minor × percent / 100` before rounding.
///
/// # Errors
/// [`MoneyError::Overflow`].
pub fn percent_exact(amount_minor: i64, percent: Decimal) -> Result<Decimal, MoneyError> {
    Decimal::from(amount_minor)
        .checked_mul(percent)
        .and_then(|product| product.checked_div(Decimal::ONE_HUNDRED))
        .ok_or(MoneyError::Overflow)
}

/// The share of `amount_minor` that `part` is of `whole`, rounded; `whole` is above zero.
///
/// # Errors
/// [`MoneyError::Overflow`].
pub fn share(amount_minor: i64, part: i64, whole: i64) -> Result<i64, MoneyError> {
    let exact = Decimal::from(amount_minor)
        .checked_mul(Decimal::from(part))
        .and_then(|product| product.checked_div(Decimal::from(whole)))
        .ok_or(MoneyError::Overflow)?;
    round_half_even(exact)
}

/// The one rounding of Purser: half-even to a whole minor unit.
///
/// # Errors
/// [`MoneyError::Overflow`].
pub fn round_half_even(exact_minor: Decimal) -> Result<i64, MoneyError> {
    exact_minor.round_dp_with_strategy(0, RoundingStrategy::MidpointNearestEven).to_i64().ok_or(MoneyError::Overflow)
}

/// Splits `total_minor` in proportion to `weights` by largest remainder: the parts sum to the total exactly, and ties go
/// to the earlier part. All-zero weights split evenly. Weights must not be negative; a negative one counts as zero.
pub fn split(total_minor: i64, weights: &[i64]) -> Vec<i64> {
    if weights.is_empty() {
        return Vec::new();
    }
    let clamped: Vec<i128> = weights.iter().map(|&weight| i128::from(weight.max(0))).collect();
    let clamped = if clamped.iter().all(|&weight| weight == 0) { vec![1; weights.len()] } else { clamped };
    let whole: i128 = clamped.iter().sum();
    let magnitude = i128::from(total_minor).abs();
    let mut parts: Vec<i128> = clamped.iter().map(|weight| magnitude * weight / whole).collect();
    let mut order: Vec<usize> = (0..parts.len()).collect();
    order.sort_by_key(|&index| std::cmp::Reverse(magnitude * clamped[index] % whole));
    let left_over = magnitude - parts.iter().sum::<i128>();
    for &index in order.iter().take(usize::try_from(left_over).unwrap_or(0)) {
        parts[index] += 1;
    }
    // Each part is at most the total in magnitude, so it fits.
    parts.into_iter().map(|part| i64::try_from(part * i128::from(total_minor.signum())).unwrap_or(0)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn parts_of_a_split_sum_to_the_whole_and_are_fair(total in -1_000_000_000_000i64..1_000_000_000_000, weights in prop::collection::vec(0i64..1_000_000_000, 1..12)) {
            let parts = split(total, &weights);
            prop_assert_eq!(parts.iter().sum::<i64>(), total);
            let whole: i128 = weights.iter().map(|&w| i128::from(w)).sum();
            if whole > 0 {
                for (part, weight) in parts.iter().zip(&weights) {
                    let exact = i128::from(total) * i128::from(*weight);
                    prop_assert!((i128::from(*part) * whole - exact).abs() < whole);
                }
            }
        }

        #[test]
        fn rounding_is_within_half_a_unit_and_odd(amount in -1_000_000_000_000i64..1_000_000_000_000, rate in 0i64..100_000) {
            let percent = Decimal::new(rate, 3);
            let exact = percent_exact(amount, percent)?;
            let rounded = round_half_even(exact)?;
            prop_assert!((Decimal::from(rounded) - exact).abs() <= Decimal::new(5, 1));
            prop_assert_eq!(round_half_even(percent_exact(-amount, percent)?)?, -rounded);
        }
    }

    #[test]
    fn halves_round_to_the_even_neighbour() {
        for (tenths, expected) in [(5, 0), (15, 2), (25, 2), (-5, 0), (-15, -2)] {
            assert_eq!(round_half_even(Decimal::new(tenths, 1)), Ok(expected));
        }
    }

    #[test]
    fn amounts_read_as_people_write_them() {
        let text = |minor, code: &str| Money::new(minor, code.parse().unwrap()).to_string();
        assert_eq!(text(1_430_250, "usd"), "14,302.50 USD");
        assert_eq!(text(-2_000, "eur"), "−20.00 EUR");
        assert_eq!(text(0, "eur"), "0.00 EUR");
        assert_eq!(text(1_000, "jpy"), "1,000 JPY");
        assert_eq!(text(5, "kwd"), "0.005 KWD");
        assert_eq!(text(i64::MIN, "jpy"), "−9,223,372,036,854,775,808 JPY");
    }

    #[test]
    fn overflow_is_an_error() {
        assert_eq!(add(i64::MAX, 1), Err(MoneyError::Overflow));
        assert_eq!(sub(i64::MIN, 1), Err(MoneyError::Overflow));
        assert!(percent_exact(i64::MAX, Decimal::MAX).is_err());
    }

    #[test]
    fn currencies_do_not_mix() {
        assert!(Money::new(1, Currency::USD).checked_add(Money::new(1, Currency::EUR)).is_err());
    }
}
