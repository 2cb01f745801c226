//! The least that a program pays at once, by currency: what is named for a currency counts there, and every other currency
//! takes the figure of the program's own.

use std::collections::BTreeMap;

use super::currency::Currency;
use super::money::Money;

/// Minimums in minor units of their currency.
pub type MinPayouts = BTreeMap<Currency, i64>;

/// 10.00, the figure in every currency.
const DEFAULT: Money = Money::new(1_000, Currency::USD);

/// What a program of this currency pays at least unless told otherwise: ten whole units, such as 10.00 USD, 10 JPY or 10.000 KWD.
pub fn default_minimum(currency: Currency) -> Money {
    same_figure(DEFAULT, currency)
}

/// The minimum in `currency` of a program whose minimum in its own currency is `own`, with those that are `named` for others.
pub fn minimum(own: Money, named: &MinPayouts, currency: Currency) -> Money {
    if currency == own.currency {
        return own;
    }
    match named.get(&currency) {
        Some(&amount_minor) => Money::new(amount_minor, currency),
        None => same_figure(own, currency),
    }
}

/// The same figure in another currency, for want of a rate: 10.00 EUR as 10.00 USD, 10 JPY or 10.000 KWD. What is below the
/// other's minor unit counts as one of it.
pub fn same_figure(amount: Money, currency: Currency) -> Money {
    let (from, to) = (amount.currency.exponent(), currency.exponent());
    // A figure that leaves the range is one that no balance reaches, as is the end of the range.
    let amount_minor = if to >= from {
        amount.amount_minor.saturating_mul(10_i64.pow(to - from))
    } else {
        let unit = 10_i64.pow(from - to);
        let rounded_up = i64::from(amount.amount_minor % unit > 0);
        (amount.amount_minor / unit).saturating_add(rounded_up)
    };
    Money::new(amount_minor.max(1), currency)
}

#[cfg(test)]
mod tests {
    use super::*;

    const EUR: Currency = Currency::EUR;
    const JPY: Currency = Currency::JPY;

    fn kwd() -> Currency {
        "kwd".parse().unwrap()
    }

    #[test]
    fn a_figure_stays_the_same_in_currencies_of_any_exponent() {
        for (from, currency, expected) in [
            (Money::new(1_000, EUR), Currency::USD, 1_000),
            (Money::new(1_000, EUR), JPY, 10),
            (Money::new(1_000, EUR), kwd(), 10_000),
            (Money::new(1_500, JPY), EUR, 150_000),
            (Money::new(1_500, JPY), kwd(), 1_500_000),
            (Money::new(10_000, kwd()), JPY, 10),
            (Money::new(10_000, kwd()), EUR, 1_000),
        ] {
            assert_eq!(same_figure(from, currency), Money::new(expected, currency), "{from} in {currency}");
        }
    }

    #[test]
    fn the_default_is_ten_whole_units_in_every_currency() {
        for (currency, expected) in [(EUR, "10.00 EUR"), (JPY, "10 JPY"), (kwd(), "10.000 KWD")] {
            assert_eq!(default_minimum(currency).to_string(), expected);
        }
    }

    #[test]
    fn parts_of_a_minor_unit_are_rounded_up_and_nothing_is_below_one() {
        for (from, currency, expected) in [
            (Money::new(1_001, EUR), JPY, 11),
            (Money::new(1, EUR), JPY, 1),
            (Money::new(1, kwd()), EUR, 1),
            (Money::new(10_001, kwd()), EUR, 1_001),
            (Money::new(0, EUR), Currency::USD, 1),
            (Money::new(0, EUR), JPY, 1),
            (Money::new(i64::MAX, EUR), kwd(), i64::MAX),
        ] {
            assert_eq!(same_figure(from, currency).amount_minor, expected, "{from} in {currency}");
        }
    }

    #[test]
    fn what_is_named_counts_before_the_programs_own_figure() {
        let named = MinPayouts::from([(JPY, 1_500)]);
        let own = Money::new(1_000, EUR);
        assert_eq!(minimum(own, &named, JPY), Money::new(1_500, JPY));
        assert_eq!(minimum(own, &named, Currency::USD), Money::new(1_000, Currency::USD));
        assert_eq!(minimum(own, &MinPayouts::from([(EUR, 7)]), EUR), own, "its own is not named");
        assert_eq!(minimum(Money::new(0, EUR), &named, EUR).amount_minor, 0);
    }
}
