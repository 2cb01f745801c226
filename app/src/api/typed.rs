//! What people type into forms, as values: amounts with a decimal point, numbers, lists with commas. Errors name the field in
//! plain words.

use purser::desk::Error;
use purser::domain::currency::Currency;

use crate::typed_amount;

pub use crate::typed_amount::amount_text;

/// `1,302.50` in USD as 130250 minor units. Empty text is None.
///
/// # Errors
/// [`Error::Invalid`] naming `param`: more digits than the currency has, a sign, or no number.
pub fn amount_minor(param: &str, text: &str, currency: Currency) -> Result<Option<i64>, Error> {
    typed_amount::amount_minor(text, currency).map_err(|takes| Error::invalid(param, takes))
}

/// As [`amount_minor`], with a sign before it: `-12.50`.
///
/// # Errors
/// As [`amount_minor`].
pub fn signed_amount_minor(param: &str, text: &str, currency: Currency) -> Result<Option<i64>, Error> {
    let text = text.trim();
    match text.strip_prefix(['-', '−']) {
        Some(size) => Ok(amount_minor(param, size, currency)?.map(|minor| -minor)),
        None => amount_minor(param, text.strip_prefix('+').unwrap_or(text), currency),
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
    fn a_sign_is_read_where_it_may_stand() {
        let read = |text: &str| signed_amount_minor("amount", text, Currency::USD).ok().flatten();
        assert_eq!(
            [read("-12.50"), read("−12.50"), read("+3"), read("3")],
            [Some(-1250), Some(-1250), Some(300), Some(300)]
        );
        assert_eq!([read("--1"), read("1-"), read("-")], [None, None, None]);
    }
}
