//! Which payment paid which invoice, where neither names the other: of those that are alike in everything else, the nearest in
//! time belong together. The answer depends on the sales alone, never on which was known first.

use chrono::{DateTime, TimeDelta, Utc};

/// How far apart an invoice and its payment may be.
pub const SAME_TIME: TimeDelta = TimeDelta::minutes(10);

/// A payment or an invoice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Twin<Id> {
    pub id: Id,
    /// The smallest of its ids at Stripe: decides between two that are equally near.
    pub key: String,
    pub paid_at: DateTime<Utc>,
}

/// Pairs payments with invoices of the same customer, currency and amount, each with one at most: first the two that are
/// nearest to each other, and so on. A payment first in each pair.
pub fn pairs<Id: Copy>(payments: &[Twin<Id>], invoices: &[Twin<Id>]) -> Vec<(Id, Id)> {
    let mut near: Vec<(TimeDelta, &Twin<Id>, &Twin<Id>)> = payments
        .iter()
        .flat_map(|payment| invoices.iter().map(move |invoice| (payment, invoice)))
        .map(|(payment, invoice)| ((payment.paid_at - invoice.paid_at).abs(), payment, invoice))
        .filter(|(apart, ..)| *apart <= SAME_TIME)
        .collect();
    near.sort_by(|a, b| (a.0, &a.2.key, &a.1.key).cmp(&(b.0, &b.2.key, &b.1.key)));
    let mut pairs = Vec::new();
    let mut taken: Vec<&str> = Vec::new();
    for (_, payment, invoice) in near {
        if !taken.contains(&payment.key.as_str()) && !taken.contains(&invoice.key.as_str()) {
            taken.extend([payment.key.as_str(), invoice.key.as_str()]);
            pairs.push((payment.id, invoice.id));
        }
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn twins(prefix: &str, minutes: &[i64]) -> Vec<Twin<i64>> {
        let twin = |(n, minute): (usize, &i64)| Twin {
            id: *minute,
            key: format!("{prefix}_{n}"),
            paid_at: DateTime::from_timestamp(1_800_000_000 + minute * 60, 0).unwrap(),
        };
        minutes.iter().enumerate().map(twin).collect()
    }

    fn paired(payments: &[i64], invoices: &[i64]) -> Vec<(i64, i64)> {
        pairs(&twins("pi", payments), &twins("in", invoices))
    }

    #[test]
    fn the_nearest_belong_together_and_the_rest_stays_alone() {
        assert_eq!(paired(&[5, 1], &[0]), [(1, 0)]);
        assert_eq!(paired(&[2], &[0, 3]), [(2, 3)]);
        assert_eq!(paired(&[1, 21], &[0, 20]), [(1, 0), (21, 20)]);
    }

    #[test]
    fn what_is_more_than_ten_minutes_apart_does_not_belong_together() {
        assert_eq!(paired(&[10], &[0]), [(10, 0)]);
        assert_eq!(paired(&[11], &[0]), []);
        assert_eq!(paired(&[], &[0]), []);
    }

    proptest! {
        #[test]
        fn the_order_in_which_they_are_named_makes_no_difference(
            payments in prop::collection::vec(0i64..30, 0..6), invoices in prop::collection::vec(0i64..30, 0..6),
        ) {
            let (mut payments, mut invoices) = (twins("pi", &payments), twins("in", &invoices));
            let mut one = pairs(&payments, &invoices);
            payments.reverse();
            invoices.reverse();
            let mut other = pairs(&payments, &invoices);
            one.sort();
            other.sort();
            prop_assert_eq!(one, other);
        }
    }
}
