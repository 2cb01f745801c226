//! Money on a page: tabular figures, the currency lighter than the number, `−` for minus. Currencies never add up: several
//! stand under each other.

use leptos::prelude::*;
use purser::domain::money::Money;

/// Whether a negative amount asks somebody to act; only then it is coloured.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Alarm {
    WhenNegative,
    Never,
}

pub fn amount(money: Money) -> AnyView {
    amount_with_alarm(money, Alarm::Never)
}

pub fn amount_with_alarm(money: Money, alarm: Alarm) -> AnyView {
    let red = alarm == Alarm::WhenNegative && money.amount_minor < 0;
    view! {
        <span class="amount" class:needs-action=red>
            {money.plain()}
            <span class="currency">{money.currency.code()}</span>
        </span>
    }
    .into_any()
}

/// One amount per currency; `none` is said when there is none.
pub fn amounts(all: &[Money], none: &'static str) -> AnyView {
    if all.is_empty() {
        return view! { <span class="hint">{none}</span> }.into_any();
    }
    let lines: Vec<AnyView> = all.iter().map(|money| amount(*money)).collect();
    view! { <span class="amounts">{lines}</span> }.into_any()
}

/// Amounts in a sentence or on a button: `1,302.50 USD and 90.00 EUR`.
pub fn plain_amounts(all: &[Money]) -> String {
    let texts: Vec<String> = all.iter().map(ToString::to_string).collect();
    match texts.as_slice() {
        [] => "nothing".to_owned(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// Sums by currency, in the order in which the currencies come. A sum that leaves the range stays at its end: it is shown,
/// never booked.
pub fn sums(parts: impl IntoIterator<Item = Money>) -> Vec<Money> {
    let mut sums: Vec<Money> = Vec::new();
    for part in parts {
        match sums.iter_mut().find(|sum| sum.currency == part.currency) {
            Some(sum) => sum.amount_minor = sum.amount_minor.saturating_add(part.amount_minor),
            None => sums.push(part),
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;
    use purser::domain::currency::Currency;

    #[test]
    fn several_currencies_are_listed_and_never_added() {
        let all = [Money::new(130_250, Currency::USD), Money::new(9_000, Currency::EUR)];
        assert_eq!(plain_amounts(&all), "1,302.50 USD and 90.00 EUR");
        assert_eq!(plain_amounts(&[]), "nothing");
    }

    #[test]
    fn sums_stay_in_their_currencies() {
        let parts = [Money::new(5, Currency::USD), Money::new(7, Currency::EUR), Money::new(-2, Currency::USD)];
        assert_eq!(sums(parts), [Money::new(3, Currency::USD), Money::new(7, Currency::EUR)]);
    }

    #[test]
    fn a_negative_amount_has_a_minus_and_no_alarm_of_its_own() {
        let html = amount(Money::new(-2_000, Currency::USD)).to_html();
        assert!(html.contains("−20.00") && !html.contains("needs-action"), "{html}");
        let alarmed = amount_with_alarm(Money::new(-2_000, Currency::USD), Alarm::WhenNegative).to_html();
        assert!(alarmed.contains("needs-action"), "{alarmed}");
    }
}
