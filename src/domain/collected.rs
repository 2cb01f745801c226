//! What was collected for a sale, as a rule sees it: the whole, and what of it was for products that the rule leaves out or
//! for upgrades. Pricing (`commission`) takes it from here.

use super::currency::Currency;
use super::money::{Money, MoneyError};
use super::rule::Rule;
use super::sale::{Payment, SaleState};
use super::sale_line::{SaleLine, Share};

/// What was collected for a sale; minor units of `currency`, none negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Collected {
    pub currency: Currency,
    /// Really paid, with tax and shipping, after discounts.
    pub paid_minor: i64,
    pub tax_minor: i64,
    pub shipping_minor: i64,
    /// Paid back since (refunds that count, lost disputes).
    pub refunded_minor: i64,
    /// What was paid for products that the rule doesn't include.
    pub outside: Share,
    /// What was paid because a subscription changed, on an invoice that is a renewal too; without what is `outside`.
    pub expansion: Share,
    /// The rule is limited to products, and nobody knows which were bought.
    pub unknown_products: bool,
}

impl Collected {
    /// An amount that counts as it is: without tax and shipping, whatever was bought.
    pub fn plain(paid: Money) -> Collected {
        Collected {
            currency: paid.currency,
            paid_minor: paid.amount_minor,
            tax_minor: 0,
            shipping_minor: 0,
            refunded_minor: 0,
            outside: Share::default(),
            expansion: Share::default(),
            unknown_products: false,
        }
    }

    /// What the rule sees of a sale that `payment` paid and of which `refunded_minor` was paid back.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`].
    pub fn of_sale(
        rule: &Rule,
        sale: &SaleState,
        payment: &Payment,
        refunded_minor: i64,
    ) -> Result<Collected, MoneyError> {
        let collected = Collected {
            tax_minor: payment.tax_minor,
            shipping_minor: payment.shipping_minor,
            refunded_minor,
            ..Collected::plain(Money::new(payment.paid_minor, payment.currency))
        };
        let limited = !rule.products.is_empty();
        let Some(lines) = sale.lines.as_ref().filter(|lines| lines.complete || !limited) else {
            return Ok(Collected { unknown_products: limited, ..collected });
        };
        let included = |line: &SaleLine| !limited || line.is_for(&rule.products);
        let whole = Share::from(payment);
        let inside = lines.share(payment, included)?;
        let expansion = if sale.is_renewal() && lines.complete {
            let changed = lines.share(payment, |line| included(line) && line.proration)?;
            Share { paid_minor: changed.paid_minor.min(inside.paid_minor), ..changed }
        } else {
            Share::default()
        };
        let outside = if limited { whole.less(inside)? } else { Share::default() };
        Ok(Collected { outside, expansion, ..collected })
    }

    /// Everything that was paid.
    pub fn share(&self) -> Share {
        Share { paid_minor: self.paid_minor, tax_minor: self.tax_minor, shipping_minor: self.shipping_minor }
    }

    /// Whether a line of the sale is among the rule's products.
    pub fn counts(rule: &Rule, line: &SaleLine) -> bool {
        rule.products.is_empty() || line.is_for(&rule.products)
    }
}
