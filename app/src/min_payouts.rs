//! The smallest payouts of other currencies as they are typed into a program's form: rows of a currency and an amount, read into
//! what the desk takes and written back into the rows.

use std::collections::{BTreeMap, BTreeSet};

use purser::desk::Error;
use purser::domain::currency::Currency;
use purser::domain::minimum::MinPayouts;

use crate::typed_amount;

/// Rows that are empty, for more currencies.
const SPARE_ROWS: usize = 2;

pub fn currency_name(row: usize) -> String {
    format!("min_currency_{row}")
}

pub fn amount_name(row: usize) -> String {
    format!("min_amount_{row}")
}

/// What each row shows of what is kept: code and amount, empty in spare rows.
pub fn rows(kept: &MinPayouts) -> Vec<(String, String)> {
    let named = kept.iter().map(|(currency, minor)| (currency.code(), typed_amount::amount_text(*minor, *currency)));
    named.chain(std::iter::repeat_n((String::new(), String::new()), SPARE_ROWS)).collect()
}

/// The rows of a form, as a change of what is kept: what isn't in them any more is taken away. None when the form came without
/// rows.
///
/// # Errors
/// [`Error::Invalid`] naming the field of the row.
pub fn read(
    fields: &BTreeMap<String, String>,
    kept: &MinPayouts,
) -> Result<Option<BTreeMap<Currency, Option<i64>>>, Error> {
    let rows = rows_of(fields);
    if rows.is_empty() {
        return Ok(None);
    }
    let mut change: BTreeMap<Currency, Option<i64>> = kept.keys().map(|currency| (*currency, None)).collect();
    let mut seen = BTreeSet::new();
    for row in rows {
        let text = |name: String| fields.get(&name).map(|text| text.trim().to_owned()).unwrap_or_default();
        let (code, amount) = (text(currency_name(row)), text(amount_name(row)));
        if code.is_empty() && amount.is_empty() {
            continue;
        }
        let wrong_code = |message: &str| Error::invalid(currency_name(row), message);
        let currency: Currency = code
            .parse()
            .map_err(|_| wrong_code("Give a three-letter currency that Stripe knows, such as EUR or JPY."))?;
        if !seen.insert(currency) {
            return Err(wrong_code("This currency is in another row too. Keep one of them."));
        }
        let minor =
            typed_amount::amount_minor(&amount, currency).map_err(|takes| Error::invalid(amount_name(row), takes))?;
        let missing = || Error::invalid(amount_name(row), "Give the smallest payout, or empty the row to drop it.");
        change.insert(currency, Some(minor.ok_or_else(missing)?));
    }
    Ok(Some(change))
}

fn rows_of(fields: &BTreeMap<String, String>) -> Vec<usize> {
    let mut rows: Vec<usize> =
        fields.keys().filter_map(|name| name.strip_prefix("min_currency_")?.parse().ok()).collect();
    rows.sort_unstable();
    rows
}

/// An error of the desk about a currency, at the row that named it.
pub fn at_its_row(error: Error, fields: &BTreeMap<String, String>) -> Error {
    let Error::Invalid { param, message } = error else { return error };
    let row = param.strip_prefix("min_payouts.").and_then(|currency| {
        let names = |row: &usize| {
            fields.get(&currency_name(*row)).is_some_and(|code| code.trim().eq_ignore_ascii_case(currency))
        };
        rows_of(fields).into_iter().find(names)
    });
    Error::invalid(row.map_or(param, currency_name), message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(rows: &[(&str, &str)]) -> BTreeMap<String, String> {
        let mut fields = BTreeMap::new();
        for (row, (code, amount)) in (1..).zip(rows) {
            fields.insert(currency_name(row), (*code).to_owned());
            fields.insert(amount_name(row), (*amount).to_owned());
        }
        fields
    }

    fn wrong_field(rows: &[(&str, &str)]) -> String {
        match read(&fields(rows), &MinPayouts::new()) {
            Err(Error::Invalid { param, .. }) => param,
            other => panic!("a wrong field was expected: {other:?}"),
        }
    }

    #[test]
    fn rows_are_the_whole_of_what_is_kept() {
        let kept = MinPayouts::from([(Currency::JPY, 1_500), (Currency::USD, 2_000)]);
        let typed = fields(&[("usd ", "25.50"), ("", ""), ("eur", "7")]);
        let change = read(&typed, &kept).unwrap().unwrap();
        let expected = [(Currency::EUR, Some(700)), (Currency::JPY, None), (Currency::USD, Some(2_550))];
        assert_eq!(change, BTreeMap::from(expected));
        assert_eq!(read(&BTreeMap::new(), &kept).unwrap(), None, "a form without rows changes nothing");
    }

    #[test]
    fn what_is_kept_reads_back_unchanged() {
        let kept = MinPayouts::from([(Currency::JPY, 1_500), (Currency::USD, 2_005)]);
        let shown = rows(&kept);
        let typed: Vec<(&str, &str)> = shown.iter().map(|(code, amount)| (code.as_str(), amount.as_str())).collect();
        let change = read(&fields(&typed), &kept).unwrap().unwrap();
        assert_eq!(change, kept.into_iter().map(|(currency, minor)| (currency, Some(minor))).collect());
    }

    #[test]
    fn the_field_that_is_wrong_is_named() {
        assert_eq!(wrong_field(&[("EUR", "5"), ("dollars", "5")]), "min_currency_2");
        assert_eq!(wrong_field(&[("", "5")]), "min_currency_1");
        assert_eq!(wrong_field(&[("JPY", "5.50")]), "min_amount_1");
        assert_eq!(wrong_field(&[("EUR", "")]), "min_amount_1");
        assert_eq!(wrong_field(&[("EUR", "5"), ("eur", "6")]), "min_currency_2");
        let own = at_its_row(Error::invalid("min_payouts.usd", "Its own."), &fields(&[("EUR", "5"), ("usd", "6")]));
        assert!(matches!(own, Error::Invalid { param, .. } if param == "min_currency_2"));
    }
}
