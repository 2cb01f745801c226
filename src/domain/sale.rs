//! What is known of a sale, and how several descriptions of it become one.
//!
//! Stripe tells of one purchase in several events, in any order and more than once. Each event is read as a
//! [`SaleState`] of its own, and [`SaleState::join`] puts what two of them say together, so that the outcome doesn't
//! depend on which came first. Nothing here knows where the states are kept.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::currency::Currency;
use super::sale_line::SaleLines;
use super::text_enum::text_enum;

text_enum! {
    /// Which object of Stripe's describes the sale best, the poorest first: a bare payment knows neither tax nor who sent
    /// the customer, and an invoice is the sale when a checkout makes one.
    SaleKind, "sale kind" {
        Payment = "payment",
        Checkout = "checkout",
        Invoice = "invoice",
    }
}

text_enum! {
    /// How far a sale is, in this order but for `merged`.
    SaleStatus, "sale status" {
        /// Told of, not paid yet.
        Waiting = "waiting",
        /// A bare payment that a checkout or an invoice may still describe.
        Provisional = "provisional",
        Paid = "paid",
        /// Turned out to be the same as another sale.
        Merged = "merged",
    }
}

text_enum! {
    /// Why two sales are taken to be one.
    MergeReason, "merge reason" {
        /// An event names both.
        Linked = "linked",
        /// Nothing links them, but customer, amount and time are the same.
        Alike = "alike",
    }
}

impl MergeReason {
    /// Words for the page of a sale.
    pub fn sentence(self) -> &'static str {
        match self {
            MergeReason::Linked => "An event from Stripe names both.",
            MergeReason::Alike => {
                "Stripe links them by nothing, but customer, currency and amount are the same and the times are close."
            }
        }
    }
}

text_enum! {
    /// Why a payment that was counted as an invoice's is a sale of its own again.
    ReleaseReason, "release reason" {
        /// A checkout or an invoice describes it.
        Described = "described",
        /// The invoice's own payment became known.
        OtherPayment = "other_payment",
        /// Another pair is nearer in time.
        Nearer = "nearer",
        /// Customer, amount or time are not the same any more.
        Unlike = "unlike",
    }
}

impl ReleaseReason {
    /// Words for the page of a sale.
    pub fn sentence(self) -> &'static str {
        match self {
            ReleaseReason::Described => "Stripe told what the payment was for, and it was something else.",
            ReleaseReason::OtherPayment => "Stripe told which payment paid the invoice, and it was another one.",
            ReleaseReason::Nearer => "Another payment or invoice of the same amount turned out to be nearer in time.",
            ReleaseReason::Unlike => "Customer, currency, amount or time turned out to differ.",
        }
    }
}

/// What was paid, in minor units of `currency`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payment {
    pub currency: Currency,
    /// Collected, with tax and shipping, after discounts.
    pub paid_minor: i64,
    pub tax_minor: i64,
    pub shipping_minor: i64,
    pub discount_minor: i64,
    pub paid_at: DateTime<Utc>,
    /// An invoice marked paid by hand: the money didn't pass through Stripe.
    pub out_of_band: bool,
}

/// Everything in a purchase that may name an affiliate, as it was written there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SaleEvidence {
    /// Stripe's ids of promotion codes, `promo_…`.
    pub promotion_ids: BTreeSet<String>,
    /// The texts that customers type, in lower case.
    pub promotion_texts: BTreeSet<String>,
    /// Ids of coupons, in lower case: some are named like the affiliate's code.
    pub coupons: BTreeSet<String>,
    /// `client_reference_id` of the checkout: a click id or a referral code.
    pub references: BTreeSet<String>,
    /// Values of the metadata keys that Purser reads: click ids or referral codes.
    pub marks: BTreeSet<String>,
    /// Numbers of its invoices, as customers read them, in upper case. They name nobody, but a claim may name the purchase by
    /// one.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub invoice_numbers: BTreeSet<String>,
}

impl SaleEvidence {
    /// Whether nothing in it may name an affiliate.
    pub fn is_empty(&self) -> bool {
        let SaleEvidence { promotion_ids, promotion_texts, coupons, references, marks, invoice_numbers: _ } = self;
        [promotion_ids, promotion_texts, coupons, references, marks].into_iter().all(BTreeSet::is_empty)
    }

    /// Whether the text stands anywhere in it.
    pub fn names(&self, text: &str) -> bool {
        let all = [&self.promotion_ids, &self.promotion_texts, &self.coupons, &self.references, &self.marks];
        all.into_iter().any(|texts| texts.contains(text))
    }

    #[must_use]
    pub fn join(mut self, other: SaleEvidence) -> SaleEvidence {
        self.promotion_ids.extend(other.promotion_ids);
        self.promotion_texts.extend(other.promotion_texts);
        self.coupons.extend(other.coupons);
        self.references.extend(other.references);
        self.marks.extend(other.marks);
        self.invoice_numbers.extend(other.invoice_numbers);
        self
    }
}

/// A sale as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SaleState {
    pub kind: SaleKind,
    pub status: SaleStatus,
    pub customer: Option<String>,
    /// In lower case.
    pub email: Option<String>,
    pub subscription: Option<String>,
    pub billing_reason: Option<String>,
    pub payment: Option<Payment>,
    pub evidence: SaleEvidence,
    /// What was bought; none when nobody told.
    pub lines: Option<SaleLines>,
    /// When a provisional sale stops waiting for a better description.
    pub settles_at: Option<DateTime<Utc>>,
    pub livemode: bool,
}

impl SaleState {
    /// A sale of which nothing is known but that it is.
    pub fn told_of(kind: SaleKind, status: SaleStatus) -> SaleState {
        SaleState {
            kind,
            status,
            customer: None,
            email: None,
            subscription: None,
            billing_reason: None,
            payment: None,
            evidence: SaleEvidence::default(),
            lines: None,
            settles_at: None,
            livemode: false,
        }
    }

    /// What this one and a later-read one say together. The better kind's word counts; of two of the same kind, a paid
    /// one's, and then the later-read one's.
    #[must_use]
    pub fn join(self, later: SaleState) -> SaleState {
        let later_leads = (later.kind, later.status) >= (self.kind, self.status);
        let (lead, other) = if later_leads { (later, self) } else { (self, later) };
        let status = match (lead.status, other.status) {
            (SaleStatus::Paid, _) | (_, SaleStatus::Paid) => SaleStatus::Paid,
            _ => lead.status,
        };
        // An amount that nobody calls paid yet gives way to one that is.
        let payment = match (lead.payment, other.payment) {
            (Some(ours), Some(theirs)) if lead.status != SaleStatus::Paid && other.status == SaleStatus::Paid => {
                Some(Payment { paid_at: ours.paid_at.min(theirs.paid_at), ..theirs })
            }
            (Some(ours), Some(theirs)) => Some(Payment { paid_at: ours.paid_at.min(theirs.paid_at), ..ours }),
            (ours, theirs) => ours.or(theirs),
        };
        let settles_at = match (lead.settles_at, other.settles_at) {
            (Some(ours), Some(theirs)) => Some(ours.min(theirs)),
            (ours, theirs) => ours.or(theirs),
        };
        let lines = match (lead.lines, other.lines) {
            (Some(ours), Some(theirs)) => Some(ours.join(theirs)),
            (ours, theirs) => ours.or(theirs),
        };
        SaleState {
            kind: lead.kind,
            status,
            customer: lead.customer.or(other.customer),
            email: lead.email.or(other.email),
            subscription: lead.subscription.or(other.subscription),
            billing_reason: lead.billing_reason.or(other.billing_reason),
            payment,
            evidence: lead.evidence.join(other.evidence),
            lines,
            settles_at,
            livemode: lead.livemode || other.livemode,
        }
        .settled()
    }

    /// A bare payment that itself names an affiliate waits for nobody; and only who waits has an end of waiting.
    #[must_use]
    pub fn settled(mut self) -> SaleState {
        if self.status == SaleStatus::Provisional && !self.evidence.is_empty() {
            self.status = SaleStatus::Paid;
        }
        if self.status != SaleStatus::Provisional {
            self.settles_at = None;
        }
        self
    }

    /// An upgrade or a proration, which rules may treat differently.
    pub fn is_expansion(&self) -> bool {
        self.billing_reason.as_deref() == Some("subscription_update")
    }

    /// The invoice of a subscription's next period.
    pub fn is_renewal(&self) -> bool {
        self.billing_reason.as_deref() == Some("subscription_cycle")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + second, 0).unwrap()
    }

    fn told(kind: SaleKind, status: SaleStatus, payment: Option<(i64, i64, i64)>) -> SaleState {
        SaleState {
            payment: payment.map(|(paid_minor, tax_minor, second)| Payment {
                currency: Currency::USD,
                paid_minor,
                tax_minor,
                shipping_minor: 0,
                discount_minor: 0,
                paid_at: at(second),
                out_of_band: false,
            }),
            settles_at: (status == SaleStatus::Provisional).then(|| at(30)),
            ..SaleState::told_of(kind, status)
        }
    }

    /// A checkout with an invoice, as its events tell of it: session, invoice, link, payment intent, charge.
    fn subscription() -> Vec<SaleState> {
        let mut session = told(SaleKind::Invoice, SaleStatus::Waiting, None);
        session.evidence.references.insert("ada".into());
        session.email = Some("kim@example.com".into());
        let mut invoice = told(SaleKind::Invoice, SaleStatus::Paid, Some((1200, 200, 4)));
        invoice.customer = Some("cus_1".into());
        let link = told(SaleKind::Invoice, SaleStatus::Waiting, None);
        let intent = told(SaleKind::Payment, SaleStatus::Provisional, Some((1200, 0, 3)));
        let charge = told(SaleKind::Payment, SaleStatus::Provisional, Some((1200, 0, 2)));
        vec![session, invoice, link, intent, charge]
    }

    proptest! {
        #[test]
        fn the_order_of_descriptions_makes_no_difference(
            order in Just((0..15usize).map(|n| n % 5).collect::<Vec<_>>()).prop_shuffle(),
        ) {
            let all = subscription();
            let joined = order.iter().map(|&n| all[n].clone()).reduce(SaleState::join).unwrap();
            prop_assert_eq!(joined.kind, SaleKind::Invoice);
            prop_assert_eq!(joined.status, SaleStatus::Paid);
            prop_assert_eq!(joined.settles_at, None);
            prop_assert_eq!(joined.customer.as_deref(), Some("cus_1"));
            prop_assert_eq!(joined.email.as_deref(), Some("kim@example.com"));
            prop_assert!(joined.evidence.references.contains("ada"));
            let payment = joined.payment.unwrap();
            prop_assert_eq!((payment.paid_minor, payment.tax_minor, payment.paid_at), (1200, 200, at(2)));
        }
    }

    #[test]
    fn a_bare_payment_waits_for_a_description_and_then_for_its_payment() {
        let bare = told(SaleKind::Payment, SaleStatus::Provisional, Some((1200, 0, 1)));
        let described = bare.clone().join(told(SaleKind::Invoice, SaleStatus::Waiting, None));
        assert_eq!((described.kind, described.status), (SaleKind::Invoice, SaleStatus::Waiting));
        let twice = bare.clone().join(bare);
        assert_eq!(twice.status, SaleStatus::Provisional);
    }

    #[test]
    fn a_bare_payment_that_names_an_affiliate_is_a_sale_at_once() {
        let mut bare = told(SaleKind::Payment, SaleStatus::Provisional, Some((1200, 0, 1)));
        bare.evidence.marks.insert("ada".into());
        assert_eq!(bare.settled().status, SaleStatus::Paid);
    }

    #[test]
    fn a_paid_sale_stays_paid_and_takes_the_better_amounts() {
        let settled = told(SaleKind::Payment, SaleStatus::Paid, Some((1200, 0, 1)));
        let told_of = settled.join(told(SaleKind::Invoice, SaleStatus::Waiting, None));
        assert_eq!(told_of.status, SaleStatus::Paid);
        let paid = told_of.join(told(SaleKind::Invoice, SaleStatus::Paid, Some((1200, 200, 9))));
        assert_eq!(paid.payment.unwrap().tax_minor, 200);
    }

    #[test]
    fn an_upgrade_invoice_is_an_expansion() {
        let mut sale = told(SaleKind::Invoice, SaleStatus::Paid, Some((500, 0, 1)));
        assert!(!sale.is_expansion());
        sale.billing_reason = Some("subscription_update".into());
        assert!(sale.is_expansion());
    }
}
