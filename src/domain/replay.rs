//! A rule tried on sales that were made: what each would have earned, had the rule always been in force. Prices by the same
//! functions as the pipeline, tiers and caps included, and keeps only what the next sale of the affiliate needs.

use std::collections::BTreeMap;

use super::collected::Collected;
use super::commission::{self, PaymentPlace};
use super::currency::Currency;
use super::money::{self, MoneyError};
use super::numbering::BuyerKey;
use super::rule::Rule;
use super::sale::SaleState;
use super::tally::Tally;

/// One affiliate's sales of a campaign under a rule, one after the other in the order in which they were paid.
#[derive(Debug)]
pub struct Replay<'a> {
    rule: &'a Rule,
    program: Currency,
    tally: Tally,
    used: Used,
}

impl<'a> Replay<'a> {
    /// Before the affiliate's first sale; `program` is the program's currency.
    pub fn new(rule: &'a Rule, program: Currency) -> Self {
        Self { rule, program, tally: Tally::default(), used: Used::default() }
    }

    /// What the next sale earns under the rule, given what was paid back of it since; minor units of the sale's currency.
    /// A sale without a payment earns nothing and isn't counted.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`].
    pub fn next(
        &mut self,
        sale: &SaleState,
        refunded_minor: i64,
        buyer: &BuyerKey,
        payment_place: PaymentPlace,
    ) -> Result<i64, MoneyError> {
        let Some(payment) = &sale.payment else { return Ok(0) };
        let collected = Collected::of_sale(self.rule, sale, payment, refunded_minor)?;
        let used_minor = self.used.by(buyer, collected.currency)?;
        let counted = self.tally.count(self.rule, self.program, &collected, payment_place, used_minor)?;
        self.used.add(buyer, collected.currency, counted.allowed_minor)?;
        self.tally = counted.tally;
        Ok(commission::commission_for(self.rule, &collected, &counted.place)?.target_minor)
    }
}

/// What buyers' payments were allowed so far, for caps per customer. Who is the same buyer is said by [`BuyerKey::is_same`]: the
/// same customer, or the same e-mail where one of the two has no customer.
#[derive(Debug, Default)]
struct Used {
    by_customer: BTreeMap<(String, Currency), i64>,
    by_email: BTreeMap<(String, Currency), i64>,
    /// Payments with an e-mail and without a customer.
    by_guest: BTreeMap<(String, Currency), i64>,
}

impl Used {
    fn by(&self, buyer: &BuyerKey, currency: Currency) -> Result<i64, MoneyError> {
        let of = |sums: &BTreeMap<(String, Currency), i64>, key: &Option<String>| {
            key.as_ref().and_then(|key| sums.get(&(key.clone(), currency)).copied()).unwrap_or(0)
        };
        match &buyer.customer {
            Some(_) => money::add(of(&self.by_customer, &buyer.customer), of(&self.by_guest, &buyer.email)),
            None => Ok(of(&self.by_email, &buyer.email)),
        }
    }

    fn add(&mut self, buyer: &BuyerKey, currency: Currency, allowed_minor: i64) -> Result<(), MoneyError> {
        let guest = if buyer.customer.is_none() { &buyer.email } else { &None };
        for (sums, key) in
            [(&mut self.by_customer, &buyer.customer), (&mut self.by_email, &buyer.email), (&mut self.by_guest, guest)]
        {
            if let Some(key) = key {
                let sum = sums.entry((key.clone(), currency)).or_insert(0);
                *sum = money::add(*sum, allowed_minor)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn buyer(customer: Option<u8>, email: Option<u8>) -> BuyerKey {
        BuyerKey { customer: customer.map(|n| format!("cus_{n}")), email: email.map(|n| format!("{n}@example.com")) }
    }

    proptest! {
        #[test]
        fn what_a_buyer_used_is_the_sum_over_the_payments_of_the_same_buyer(
            payments in prop::collection::vec((prop::option::of(0u8..3), prop::option::of(0u8..3), 0i64..1000), 1..30),
        ) {
            let mut used = Used::default();
            let mut before: Vec<(BuyerKey, i64)> = Vec::new();
            for (customer, email, allowed) in payments {
                let buyer = buyer(customer, email);
                let same: i64 = before.iter().filter(|(other, _)| other.is_same(&buyer)).map(|(_, sum)| sum).sum();
                prop_assert_eq!(used.by(&buyer, Currency::USD), Ok(same));
                prop_assert_eq!(used.by(&buyer, Currency::EUR), Ok(0));
                used.add(&buyer, Currency::USD, allowed).unwrap();
                before.push((buyer, allowed));
            }
        }
    }
}
