//! Amounts as people type them. The browser's example and the server's forms read them alike.

use purser::domain::currency::Currency;

/// `1,302.50` in USD as 130250 minor units. Empty text is None. A comma stands between groups of three digits and nowhere
/// else, so that `1,5` is never taken for fifteen; where three digits are a fraction too, it isn't taken at all.
///
/// # Errors
/// What the field takes, as a sentence: the text has more digits than the currency, a sign, or is no number.
pub fn amount_minor(text: &str, currency: Currency) -> Result<Option<i64>, String> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let digits = currency.exponent() as usize;
    let wrong = || format!("Give an amount in {} such as {}.", currency.code(), example(digits));
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let whole = without_groups(whole, digits).ok_or_else(wrong)?;
    let only_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !only_digits(&whole) || !only_digits(fraction) || fraction.len() > digits {
        return Err(wrong());
    }
    format!("{whole}{fraction:0<digits$}").parse().map(Some).map_err(|_| wrong())
}

fn without_groups(whole: &str, digits: usize) -> Option<String> {
    let mut groups = whole.split(',');
    let first = groups.next()?;
    let rest: Vec<&str> = groups.collect();
    let grouped = (1..=3).contains(&first.len()) && rest.iter().all(|group| group.len() == 3) && digits != 3;
    (rest.is_empty() || grouped).then(|| whole.replace(',', ""))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_in_the_digits_of_their_currency() {
        let read = |text: &str, currency| amount_minor(text, currency).ok().flatten();
        assert_eq!(read("1,302.5", Currency::USD), Some(130_250));
        assert_eq!(read("25", Currency::USD), Some(2_500));
        assert_eq!(read("1000", Currency::JPY), Some(1_000));
        assert_eq!(read("1,234,567", Currency::USD), Some(123_456_700));
        let commas = ["1,5", "1,50", "1,5000", ",500", "1234,567", "1.302,50", "1,", "1,,000"];
        for bad in ["1.005", "-5", "ten", ".5", "1.2.3", "99999999999999999999"].into_iter().chain(commas) {
            assert_eq!(read(bad, Currency::USD), None, "{bad}");
        }
        assert_eq!(read("10.5", Currency::JPY), None);
        let dinar = "kwd".parse().unwrap();
        assert_eq!((read("1,500", dinar), read("1.500", dinar)), (None, Some(1_500)));
    }

    #[test]
    fn a_shown_amount_reads_back() {
        for (minor, currency) in
            [(5, Currency::USD), (130_250, Currency::EUR), (1_000, Currency::JPY), (0, Currency::USD)]
        {
            let text = amount_text(minor, currency);
            assert_eq!(amount_minor(&text, currency).ok().flatten(), Some(minor), "{text}");
        }
    }
}
