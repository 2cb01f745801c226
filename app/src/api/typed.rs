//! What people type into forms, as values: amounts with a decimal point, numbers, lists with commas. Errors name the field in
//! plain words.

use purser::desk::Error;
use purser::domain::currency::Currency;

/// `1,302.50` in USD as 130250 minor units. Empty text is None.
///
/// # Errors
/// [`Error::Invalid`] naming `param`: more digits than the currency has, a sign, or no number.
pub fn amount_minor(param: &str, text: &str, currency: Currency) -> Result<Option<i64>, Error> {
    let text = text.trim().replace(',', "");
    if text.is_empty() {
        return Ok(None);
    }
    let digits = currency.exponent() as usize;
    let wrong = || Error::invalid(param, format!("Give an amount in {} such as {}.", currency.code(), example(digits)));
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let only_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !only_digits(whole) || !only_digits(fraction) || fraction.len() > digits {
        return Err(wrong());
    }
    format!("{whole}{fraction:0<digits$}").parse().map(Some).map_err(|_| wrong())
}

/// An amount as it is typed: `1302.50`.
pub fn amount_text(amount_minor: i64, currency: Currency) -> String {
    let digits = currency.exponent() as usize;
    let text = format!("{amount_minor:0>width$}", width = digits + 1);
    let (whole, fraction) = text.split_at(text.len() - digits);
    if digits == 0 { whole.to_owned() } else { format!("{whole}.{fraction}") }
}

fn example(digits: usize) -> &'static str {
    match digits {
        0 => "1000",
        3 => "25.500",
        _ => "25.00",
    }
}

/// A whole number. Empty text is None.
///
/// # Errors
/// [`Error::Invalid`] naming `param`.
pub fn whole<N: std::str::FromStr>(param: &str, text: &str) -> Result<Option<N>, Error> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|_| Error::invalid(param, "Give a whole number."))
}

/// The parts between commas, without empty ones.
pub fn listed(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

/// The text, or None when it is empty.
pub fn given(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_in_the_digits_of_their_currency() {
        let read = |text: &str, currency| amount_minor("min_payout", text, currency).ok().flatten();
        assert_eq!(read("1,302.5", Currency::USD), Some(130_250));
        assert_eq!(read("25", Currency::USD), Some(2_500));
        assert_eq!(read("1000", Currency::JPY), Some(1_000));
        for bad in ["1.005", "-5", "ten", ".5", "1.2.3", "99999999999999999999"] {
            assert_eq!(read(bad, Currency::USD), None, "{bad}");
        }
        assert_eq!(read("10.5", Currency::JPY), None);
    }

    #[test]
    fn a_shown_amount_reads_back() {
        for (minor, currency) in
            [(5, Currency::USD), (130_250, Currency::EUR), (1_000, Currency::JPY), (0, Currency::USD)]
        {
            let text = amount_text(minor, currency);
            assert_eq!(amount_minor("a", &text, currency).ok().flatten(), Some(minor), "{text}");
        }
    }
}
