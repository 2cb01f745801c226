//! The number of a payment among its buyer's. Who bought is known by a customer id, or by an e-mail where one of two
//! payments has no customer id, so each payment has its own view of who else is the same buyer.

use chrono::{DateTime, Utc};

use super::ids::SaleId;

/// Who bought, as far as it is known; the e-mail in lower case.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct BuyerKey {
    pub customer: Option<String>,
    pub email: Option<String>,
}

impl BuyerKey {
    /// Whether payments by the two are taken for one buyer's. Nobody is the same as a buyer of whom nothing is known.
    pub fn is_same(&self, other: &BuyerKey) -> bool {
        let same = |ours: &Option<String>, theirs: &Option<String>| ours.is_some() && ours == theirs;
        same(&self.customer, &other.customer)
            || (same(&self.email, &other.email) && (self.customer.is_none() || other.customer.is_none()))
    }
}

/// A place in the order of an affiliate's sales, which doesn't depend on what arrived first: when it was paid, then the
/// smallest of its ids at Stripe.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    pub paid_at: DateTime<Utc>,
    pub order_key: String,
}

impl Position {
    /// Before everything that was ever paid.
    pub fn start() -> Position {
        Position { paid_at: DateTime::UNIX_EPOCH, order_key: String::new() }
    }
}

/// A credited payment with the number that it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumberedPayment {
    pub sale_id: SaleId,
    pub position: Position,
    pub buyer: BuyerKey,
    pub is_expansion: bool,
    pub payment_number: u32,
    pub first_paid_at: DateTime<Utc>,
}

/// The number that the payment should have among `payments`, from 1, and when the first of its buyer's was made. Upgrades
/// stand beside the payment before them. `payments` is in order and holds the payment itself.
pub fn place<'a>(
    payment: &NumberedPayment,
    payments: impl IntoIterator<Item = &'a NumberedPayment>,
) -> (u32, DateTime<Utc>) {
    let mut number = 0u32;
    let mut first_paid_at = None;
    for other in payments {
        if other.sale_id != payment.sale_id && !other.buyer.is_same(&payment.buyer) {
            continue;
        }
        first_paid_at.get_or_insert(other.position.paid_at);
        number = if other.is_expansion { number } else { number.saturating_add(1) };
        if other.sale_id == payment.sale_id {
            break;
        }
    }
    (number.max(1), first_paid_at.unwrap_or(payment.position.paid_at))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payment(n: i64, customer: Option<&str>, email: Option<&str>, is_expansion: bool) -> NumberedPayment {
        let paid_at = DateTime::from_timestamp(1_800_000_000 + n, 0).unwrap();
        NumberedPayment {
            sale_id: SaleId::new(paid_at),
            position: Position { paid_at, order_key: format!("in_{n}") },
            buyer: BuyerKey { customer: customer.map(Into::into), email: email.map(Into::into) },
            is_expansion,
            payment_number: 1,
            first_paid_at: paid_at,
        }
    }

    #[test]
    fn a_guest_s_purchases_are_everybody_s_with_the_e_mail_and_two_customers_stay_apart() {
        let all = [
            payment(0, Some("cus_a"), Some("kim@example.com"), false),
            payment(1, None, Some("kim@example.com"), false),
            payment(2, Some("cus_b"), Some("kim@example.com"), false),
            payment(3, Some("cus_a"), Some("lee@example.com"), false),
        ];
        let numbers: Vec<u32> = all.iter().map(|payment| place(payment, &all).0).collect();
        assert_eq!(numbers, [1, 2, 2, 2]);
        assert_eq!(place(&all[2], &all).1, all[1].position.paid_at);
    }

    #[test]
    fn an_upgrade_stands_beside_the_payment_before_it() {
        let all: Vec<_> = [false, true, true, false]
            .iter()
            .enumerate()
            .map(|(n, upgrade)| payment(i64::try_from(n).unwrap(), Some("cus_a"), None, *upgrade))
            .collect();
        assert_eq!(all.iter().map(|payment| place(payment, &all).0).collect::<Vec<_>>(), [1, 1, 1, 2]);
    }

    #[test]
    fn a_buyer_of_whom_nothing_is_known_is_nobody_else() {
        let all = [payment(0, None, None, false), payment(1, None, None, false)];
        assert_eq!(place(&all[1], &all), (1, all[1].position.paid_at));
    }
}
