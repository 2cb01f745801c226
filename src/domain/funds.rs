//! Payouts that wait because the rail has too little money: what is missing, in words, and how long to wait before one is tried
//! again that was refused although the balance seemed to suffice.

use chrono::TimeDelta;

use super::money::Money;

/// What waits in one currency, beside what is available in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shortage {
    pub available: Money,
    pub waiting: i64,
    /// What the waiting payouts need in all; of the same currency.
    pub needed: Money,
}

impl Shortage {
    /// What waits, beside what `all` that is available has of its currency.
    pub fn of(all: &[Money], waiting: i64, needed: Money) -> Self {
        let found = all.iter().find(|available| available.currency == needed.currency).copied();
        Self { available: found.unwrap_or(Money::new(0, needed.currency)), waiting, needed }
    }

    /// What has to be added so that all of it can be paid; zero when it suffices.
    pub fn missing(&self) -> Money {
        let missing_minor = self.needed.amount_minor.saturating_sub(self.available.amount_minor.max(0));
        Money::new(missing_minor.max(0), self.needed.currency)
    }

    fn sentence(&self) -> String {
        let who = match self.waiting {
            1 => "the payout that waits needs".to_owned(),
            many => format!("the {many} payouts that wait need"),
        };
        let Shortage { available, needed, .. } = self;
        match self.missing() {
            missing if missing.amount_minor > 0 => {
                format!("Stripe has {available} available; {who} {needed}: add {missing}.")
            }
            _ => format!("Stripe has {available} available; {who} {needed}, and will be tried again soon."),
        }
    }
}

/// Why a batch waits and what ends it. Empty when nothing waits.
pub fn sentence(shortages: &[Shortage]) -> String {
    if shortages.is_empty() {
        return String::new();
    }
    let each: Vec<String> = shortages.iter().map(Shortage::sentence).collect();
    format!("{} The batch goes on by itself.", each.join(" "))
}

/// How long a payout stands aside after its money was refused, `before` times before already although the balance seemed to
/// suffice: not at all at first, then 30 s, a minute, at most five.
pub fn pause_after_refusals(before: i64) -> TimeDelta {
    let doublings = u32::try_from(before.saturating_sub(1)).unwrap_or(0).min(4);
    match before {
        ..=0 => TimeDelta::zero(),
        _ => TimeDelta::seconds((30_i64 << doublings).min(300)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn money(amount_minor: i64, currency: &str) -> Money {
        Money::new(amount_minor, currency.parse().unwrap())
    }

    #[test]
    fn the_words_name_the_currency_and_what_is_missing() {
        let has = [money(5_000, "eur"), money(900, "jpy")];
        let told = sentence(&[Shortage::of(&has, 3, money(12_000, "eur")), Shortage::of(&has, 1, money(2_000, "usd"))]);
        assert_eq!(
            told,
            "Stripe has 50.00 EUR available; the 3 payouts that wait need 120.00 EUR: add 70.00 EUR. Stripe has 0.00 USD \
             available; the payout that waits needs 20.00 USD: add 20.00 USD. The batch goes on by itself."
        );
        assert_eq!(sentence(&[]), "");
    }

    #[test]
    fn a_balance_below_zero_is_made_good_by_stripe_first_and_one_that_suffices_misses_nothing() {
        let of = |has: i64| Shortage::of(&[money(has, "usd")], 2, money(700, "usd"));
        assert_eq!(of(-50).missing(), money(700, "usd"));
        assert_eq!(of(900).missing(), money(0, "usd"));
        assert!(sentence(&[of(900)]).contains("tried again soon"));
    }

    #[test]
    fn who_is_refused_again_and_again_is_tried_ever_less_often() {
        let seconds: Vec<i64> =
            [0, 1, 2, 3, 4, 5, 99].into_iter().map(|n| pause_after_refusals(n).num_seconds()).collect();
        assert_eq!(seconds, [0, 30, 60, 120, 240, 300, 300]);
    }
}
