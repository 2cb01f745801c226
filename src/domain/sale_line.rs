//! What a sale was for: its lines, and the part that each of them had in what was paid. Invoices and checkouts tell the
//! lines, bare payments don't; Stripe's events carry ten of them at most, and the rest is asked for by a stage.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::money::{self, MoneyError};
use super::sale::Payment;

/// One line of an invoice or a checkout; minor units of the sale's currency. A credit, such as unused time, is negative.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SaleLine {
    /// Stripe's id of the product, `prod_…`.
    pub product: Option<String>,
    /// Stripe's id of the price, `price_…`.
    pub price: Option<String>,
    pub description: Option<String>,
    /// Before discounts.
    #[serde(rename = "amount")]
    pub amount_minor: i64,
    #[serde(rename = "discount")]
    pub discount_minor: i64,
    #[serde(rename = "tax")]
    pub tax_minor: i64,
    /// What the customer was asked for: less discounts, with tax.
    #[serde(rename = "total")]
    pub total_minor: i64,
    /// Charged or credited because a subscription changed within a period.
    pub proration: bool,
}

/// The lines of a sale, as far as they are known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SaleLines {
    /// The invoice or checkout that they are the lines of.
    pub of: String,
    /// Whether there are no more.
    pub complete: bool,
    /// By Stripe's id of the line.
    pub lines: BTreeMap<String, SaleLine>,
}

/// A part of what was paid; minor units, none negative.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Share {
    /// With tax and shipping.
    pub paid_minor: i64,
    pub tax_minor: i64,
    pub shipping_minor: i64,
}

impl Share {
    /// # Errors
    /// [`MoneyError::Overflow`].
    pub fn checked_add(self, other: Share) -> Result<Share, MoneyError> {
        Ok(Share {
            paid_minor: money::add(self.paid_minor, other.paid_minor)?,
            tax_minor: money::add(self.tax_minor, other.tax_minor)?,
            shipping_minor: money::add(self.shipping_minor, other.shipping_minor)?,
        })
    }

    /// What is left of this after `other` is taken away; never below zero.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`].
    pub fn less(self, other: Share) -> Result<Share, MoneyError> {
        Ok(Share {
            paid_minor: money::sub(self.paid_minor, other.paid_minor)?.max(0),
            tax_minor: money::sub(self.tax_minor, other.tax_minor)?.max(0),
            shipping_minor: money::sub(self.shipping_minor, other.shipping_minor)?.max(0),
        })
    }

    fn within(self, whole: Share) -> Share {
        Share {
            paid_minor: self.paid_minor.clamp(0, whole.paid_minor.max(0)),
            tax_minor: self.tax_minor.clamp(0, whole.tax_minor.max(0)),
            shipping_minor: self.shipping_minor.clamp(0, whole.shipping_minor.max(0)),
        }
    }
}

impl From<&Payment> for Share {
    fn from(payment: &Payment) -> Share {
        Share { paid_minor: payment.paid_minor, tax_minor: payment.tax_minor, shipping_minor: payment.shipping_minor }
    }
}

impl SaleLine {
    /// Whether the line is for one of the products or prices.
    pub fn is_for(&self, products: &std::collections::BTreeSet<String>) -> bool {
        [&self.product, &self.price].into_iter().flatten().any(|id| products.contains(id))
    }

    /// What a person calls the line.
    pub fn name(&self) -> &str {
        let known = [&self.description, &self.product, &self.price].into_iter().flatten().find(|name| !name.is_empty());
        known.map_or("a line without a name", String::as_str)
    }
}

impl SaleLines {
    /// What these and others tell together; of the same line, these are believed. Lines of another object are another
    /// telling of the same purchase, and are left out.
    #[must_use]
    pub fn join(mut self, other: SaleLines) -> SaleLines {
        if self.of == other.of {
            self.complete |= other.complete;
            for (id, line) in other.lines {
                self.lines.entry(id).or_insert(line);
            }
        }
        self
    }

    /// How much of `payment` each line had, in the order of `lines`. What the lines ask for is theirs; what the invoice
    /// itself took off or added (a discount, a tax, a payment of a part only) is split over them by largest remainder, and so
    /// is shipping. The parts sum to the whole.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`].
    pub fn parts(&self, payment: &Payment) -> Result<Vec<Share>, MoneyError> {
        let totals: Vec<i64> = self.lines.values().map(|line| line.total_minor).collect();
        let taxes: Vec<i64> = self.lines.values().map(|line| line.tax_minor).collect();
        let goods = level(money::sub(payment.paid_minor, payment.shipping_minor)?, &totals, &totals)?;
        let taxes = level(payment.tax_minor, &taxes, &totals)?;
        let shipping = money::split(payment.shipping_minor, &totals);
        goods
            .into_iter()
            .zip(taxes)
            .zip(shipping)
            .map(|((goods, tax_minor), shipping_minor)| {
                Ok(Share { paid_minor: money::add(goods, shipping_minor)?, tax_minor, shipping_minor })
            })
            .collect()
    }

    /// How much of `payment` the lines had for which `counts` holds, together. A credit among them makes it less, and one
    /// outside of them doesn't make it more than was paid.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`].
    pub fn share(&self, payment: &Payment, counts: impl Fn(&SaleLine) -> bool) -> Result<Share, MoneyError> {
        let mut sum = Share::default();
        for (line, part) in self.lines.values().zip(self.parts(payment)?) {
            if counts(line) {
                sum = sum.checked_add(part)?;
            }
        }
        Ok(sum.within(Share::from(payment)))
    }
}

/// The parts, with what they lack of `whole` or have above it split over them by `weights`.
fn level(whole: i64, parts: &[i64], weights: &[i64]) -> Result<Vec<i64>, MoneyError> {
    let lacks = money::sub(whole, money::sum(parts.iter().copied())?)?;
    let changes = money::split(lacks, weights);
    parts.iter().zip(changes).map(|(&part, change)| money::add(part, change)).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::currency::Currency;

    fn payment(paid_minor: i64, tax_minor: i64, shipping_minor: i64) -> Payment {
        Payment {
            currency: Currency::USD,
            paid_minor,
            tax_minor,
            shipping_minor,
            discount_minor: 0,
            paid_at: chrono::DateTime::UNIX_EPOCH,
            out_of_band: false,
        }
    }

    fn lines(totals: &[(i64, i64)]) -> SaleLines {
        let line = |(n, &(total_minor, tax_minor)): (usize, &(i64, i64))| {
            let product = Some(format!("prod_{n}"));
            (format!("il_{n:03}"), SaleLine { product, total_minor, tax_minor, ..SaleLine::default() })
        };
        SaleLines { of: "in_1".into(), complete: true, lines: totals.iter().enumerate().map(line).collect() }
    }

    fn first(lines: &SaleLines, payment: &Payment) -> Share {
        lines.share(payment, |line| line.product.as_deref() == Some("prod_0")).unwrap()
    }

    proptest! {
        #[test]
        fn the_parts_of_lines_sum_to_what_was_paid(
            totals in prop::collection::vec((-1_000_000i64..10_000_000, 0i64..1_000_000), 1..9),
            paid in 0i64..50_000_000, tax in 0i64..1_000_000, shipping in 0i64..100_000,
        ) {
            let payment = payment(paid + tax + shipping, tax, shipping);
            let lines = lines(&totals);
            let sum = lines.parts(&payment).unwrap().into_iter().try_fold(Share::default(), Share::checked_add).unwrap();
            prop_assert_eq!(sum, Share::from(&payment));
            prop_assert_eq!(lines.share(&payment, |_| true).unwrap(), sum);
            prop_assert_eq!(lines.share(&payment, |_| false).unwrap(), Share::default());
        }
    }

    #[test]
    fn lines_that_were_paid_as_asked_have_what_they_asked_for() {
        let lines = lines(&[(8_000, 1_000), (4_000, 500)]);
        assert_eq!(
            first(&lines, &payment(12_000, 1_500, 0)),
            Share { paid_minor: 8_000, tax_minor: 1_000, shipping_minor: 0 }
        );
    }

    #[test]
    fn a_part_payment_shipping_and_an_invoice_s_own_discount_are_split_over_the_lines() {
        let two = lines(&[(2_000, 0), (1_000, 0)]);
        assert_eq!(first(&two, &payment(1_000, 0, 0)).paid_minor, 667);
        let shipped = first(&two, &payment(3_100, 0, 100));
        assert_eq!((shipped.paid_minor, shipped.shipping_minor), (2_067, 67));
        let taxed = first(&two, &payment(3_300, 300, 0));
        assert_eq!((taxed.paid_minor, taxed.tax_minor), (2_200, 200));
    }

    #[test]
    fn a_credit_makes_its_own_product_s_part_less_and_nobody_s_more_than_was_paid() {
        let upgrade = lines(&[(3_000, 0), (-1_000, 0)]);
        assert_eq!(first(&upgrade, &payment(2_000, 0, 0)).paid_minor, 2_000);
        let downgrade = lines(&[(-1_000, 0), (3_000, 0)]);
        assert_eq!(first(&downgrade, &payment(2_000, 0, 0)).paid_minor, 0);
    }

    #[test]
    fn lines_that_come_in_several_pages_are_joined_in_any_order() {
        let mut early = lines(&[(1, 0), (2, 0)]);
        early.complete = false;
        let late = lines(&[(1, 0), (2, 0), (3, 0)]);
        assert_eq!(early.clone().join(late.clone()), late.clone().join(early.clone()));
        let other = SaleLines { of: "cs_1".into(), ..lines(&[(9, 0)]) };
        assert_eq!(late.clone().join(other), late);
    }
}
