//! What a customer got back of a sale, from the refunds and disputes that are known of its payments. Everything is worked out
//! from what is known now, never added up as it comes, so the order of events makes no difference and none counts twice.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::currency::Currency;
use super::money::{self, MoneyError};
use super::text_enum::text_enum;

text_enum! {
    /// How far a refund is, at Stripe. The later ones outrank the earlier ones when both are told of the same second.
    RefundStatus, "refund status" {
        Pending = "pending",
        RequiresAction = "requires_action",
        Succeeded = "succeeded",
        Canceled = "canceled",
        Failed = "failed",
    }
}

impl RefundStatus {
    /// The money is on its way back or there: from the beginning, until it is known not to arrive.
    pub fn counts(self) -> bool {
        !matches!(self, RefundStatus::Failed | RefundStatus::Canceled)
    }
}

text_enum! {
    /// How far a dispute is, at Stripe. The later ones outrank the earlier ones when both are told of the same second.
    DisputeStatus, "dispute status" {
        WarningNeedsResponse = "warning_needs_response",
        WarningUnderReview = "warning_under_review",
        NeedsResponse = "needs_response",
        UnderReview = "under_review",
        WarningClosed = "warning_closed",
        Prevented = "prevented",
        ChargeRefunded = "charge_refunded",
        Won = "won",
        Lost = "lost",
    }
}

impl DisputeStatus {
    /// The bank has the money and asks for an answer. Inquiries (`warning_…`) and prevented disputes never move money.
    pub fn is_open(self) -> bool {
        matches!(self, DisputeStatus::NeedsResponse | DisputeStatus::UnderReview)
    }

    /// Nothing follows, as a rule.
    pub fn is_over(self) -> bool {
        use DisputeStatus::{ChargeRefunded, Lost, Prevented, WarningClosed, Won};
        matches!(self, ChargeRefunded | Lost | Prevented | WarningClosed | Won)
    }
}

/// The names of a payment at Stripe; at least one is there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PaymentRef {
    /// `ch_…` or `py_…`.
    pub charge: Option<String>,
    /// `pi_…`.
    pub payment_intent: Option<String>,
}

impl PaymentRef {
    pub fn names(&self) -> Vec<String> {
        self.payment_intent.iter().chain(&self.charge).cloned().collect()
    }

    /// The name that a person looks it up by.
    pub fn name(&self) -> &str {
        self.charge.as_deref().or(self.payment_intent.as_deref()).unwrap_or("an unknown payment")
    }

    fn join(self, other: PaymentRef) -> PaymentRef {
        PaymentRef {
            charge: self.charge.or(other.charge),
            payment_intent: self.payment_intent.or(other.payment_intent),
        }
    }
}

/// A refund as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refund {
    /// `re_…` or `pyr_…`.
    pub id: String,
    pub payment: PaymentRef,
    pub currency: Currency,
    pub amount_minor: i64,
    pub status: RefundStatus,
    /// Stripe's word for why, and for why it failed.
    pub reason: Option<String>,
    pub failure_reason: Option<String>,
    pub made_at: DateTime<Utc>,
    /// When it was first told that it failed or was canceled.
    pub failed_at: Option<DateTime<Utc>>,
    /// The time of the newest event about it.
    pub told_at: DateTime<Utc>,
}

impl Refund {
    /// What two tellings of one refund say together, in whatever order they came: the newer one's word counts.
    #[must_use]
    pub fn join(self, other: Refund) -> Refund {
        let rank = |one: &Refund| (one.told_at, one.status);
        let (lead, less) = if rank(&other) > rank(&self) { (other, self) } else { (self, other) };
        let failed_at = [lead.failed_at, less.failed_at].into_iter().flatten().min().filter(|_| !lead.status.counts());
        Refund {
            payment: lead.payment.join(less.payment),
            reason: lead.reason.or(less.reason),
            failure_reason: lead.failure_reason.or(less.failure_reason),
            made_at: lead.made_at.min(less.made_at),
            failed_at,
            ..lead
        }
    }

    /// Whether Stripe's running sum had it in, when that was told at `at`. Times are whole seconds: what failed in the same
    /// second is taken to have been in it.
    fn was_counted_at(&self, at: DateTime<Utc>) -> bool {
        self.made_at <= at && self.failed_at.is_none_or(|failed_at| failed_at >= at)
    }
}

/// A dispute as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dispute {
    /// `dp_…`.
    pub id: String,
    pub payment: PaymentRef,
    pub currency: Currency,
    pub amount_minor: i64,
    pub status: DisputeStatus,
    /// Stripe's word for why.
    pub reason: Option<String>,
    pub opened_at: DateTime<Utc>,
    pub closed_at: Option<DateTime<Utc>>,
    /// When its money last left the company's balance, and last came back.
    pub funds_withdrawn_at: Option<DateTime<Utc>>,
    pub funds_reinstated_at: Option<DateTime<Utc>>,
    /// The time of the newest event about it.
    pub told_at: DateTime<Utc>,
}

impl Dispute {
    /// What two tellings of one dispute say together, in whatever order they came: the newer one's word counts.
    #[must_use]
    pub fn join(self, other: Dispute) -> Dispute {
        let rank = |one: &Dispute| (one.told_at, one.status);
        let (lead, less) = if rank(&other) > rank(&self) { (other, self) } else { (self, other) };
        Dispute {
            payment: lead.payment.join(less.payment),
            reason: lead.reason.or(less.reason),
            opened_at: lead.opened_at.min(less.opened_at),
            closed_at: [lead.closed_at, less.closed_at].into_iter().flatten().min().filter(|_| lead.status.is_over()),
            funds_withdrawn_at: lead.funds_withdrawn_at.max(less.funds_withdrawn_at),
            funds_reinstated_at: lead.funds_reinstated_at.max(less.funds_reinstated_at),
            ..lead
        }
    }

    /// Whether the money came back after it had been withdrawn.
    fn is_reinstated(&self) -> bool {
        self.funds_reinstated_at.is_some_and(|back| self.funds_withdrawn_at.is_none_or(|taken| back >= taken))
    }

    /// Whether the customer has the money: it is lost, and nothing was reinstated since.
    pub fn is_lost(&self) -> bool {
        self.status == DisputeStatus::Lost && !self.is_reinstated()
    }

    /// Whether nobody knows yet who will have the money.
    pub fn is_open(&self) -> bool {
        self.status.is_open() && !self.is_reinstated()
    }
}

/// A charge as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charge {
    pub id: String,
    pub payment_intent: Option<String>,
    pub currency: Currency,
    pub amount_minor: i64,
    /// Really collected: less than the amount when only a part of an authorization was taken.
    pub captured_minor: i64,
    /// Stripe's running sum of what was refunded, and when it was told. What of an authorization was never taken is in it.
    pub refunded: Option<(i64, DateTime<Utc>)>,
}

impl Charge {
    /// What two tellings of one charge say together, in whatever order they came.
    #[must_use]
    pub fn join(self, other: Charge) -> Charge {
        let rank = |refunded: &Option<(i64, DateTime<Utc>)>| refunded.map(|(sum, at)| (at, sum));
        let newer = if rank(&other.refunded) > rank(&self.refunded) { other.refunded } else { self.refunded };
        Charge {
            payment_intent: self.payment_intent.or(other.payment_intent),
            amount_minor: self.amount_minor.max(other.amount_minor),
            captured_minor: self.captured_minor.max(other.captured_minor),
            refunded: newer,
            ..self
        }
    }

    pub fn payment(&self) -> PaymentRef {
        PaymentRef { charge: Some(self.id.clone()), payment_intent: self.payment_intent.clone() }
    }
}

text_enum! {
    /// By what money went back.
    GivenBackBy, "way that money went back" {
        Refund = "refund",
        /// A running sum of Stripe's that no known refund explains.
        Charge = "charge",
        Dispute = "dispute",
    }
}

/// A part of what went back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GivenBackPart {
    pub by: GivenBackBy,
    /// Stripe's id: `re_…`, `dp_…`, or `ch_…` for a running sum.
    pub id: String,
    /// What it takes from the sale, minor units of the sale's currency; less than its own amount when other parts took the rest.
    #[serde(rename = "amount")]
    pub amount_minor: i64,
}

/// Everything that is known of a sale's payments.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    pub charges: Vec<Charge>,
    pub refunds: Vec<Refund>,
    pub disputes: Vec<Dispute>,
}

impl Known {
    pub fn is_empty(&self) -> bool {
        self.charges.iter().all(|charge| charge.refunded.is_none())
            && self.refunds.is_empty()
            && self.disputes.is_empty()
    }

    /// One payment of all: what belongs to the same payment intent, or to the same charge where no intent is known.
    fn payments(&self) -> Vec<Known> {
        let key = |payment: &PaymentRef| {
            let charge = self.charges.iter().find(|charge| payment.charge.as_ref() == Some(&charge.id));
            let intent = payment.payment_intent.clone().or_else(|| charge.and_then(|row| row.payment_intent.clone()));
            intent.or_else(|| payment.charge.clone()).unwrap_or_default()
        };
        let mut payments: std::collections::BTreeMap<String, Known> = std::collections::BTreeMap::new();
        for charge in &self.charges {
            payments.entry(key(&charge.payment())).or_default().charges.push(charge.clone());
        }
        for refund in &self.refunds {
            payments.entry(key(&refund.payment)).or_default().refunds.push(refund.clone());
        }
        for dispute in &self.disputes {
            payments.entry(key(&dispute.payment)).or_default().disputes.push(dispute.clone());
        }
        payments.into_values().collect()
    }

    /// What the payment collected; none when no event told of its charge.
    fn collected_minor(&self) -> Result<Option<i64>, MoneyError> {
        if self.charges.is_empty() {
            return Ok(None);
        }
        Ok(Some(money::sum(self.charges.iter().map(|charge| charge.captured_minor))?))
    }

    fn currency(&self) -> Option<Currency> {
        let charges = self.charges.iter().map(|charge| charge.currency);
        let refunds = self.refunds.iter().map(|refund| refund.currency);
        charges.chain(refunds).chain(self.disputes.iter().map(|dispute| dispute.currency)).next()
    }

    /// The parts of one payment: refunds first, then what only the running sum tells, then lost disputes; together never
    /// more than was collected. In the payment's own currency.
    fn parts(&self) -> Result<Vec<GivenBackPart>, MoneyError> {
        let part = |by, id: &str, amount_minor| GivenBackPart { by, id: id.to_owned(), amount_minor };
        let mut refunds: Vec<&Refund> = self.refunds.iter().collect();
        refunds.sort_by_key(|refund| (refund.made_at, &refund.id));
        let counting = refunds.iter().filter(|refund| refund.status.counts());
        let mut parts: Vec<GivenBackPart> =
            counting.map(|refund| part(GivenBackBy::Refund, &refund.id, refund.amount_minor)).collect();
        for charge in &self.charges {
            let Some((sum, at)) = charge.refunded else { continue };
            let released = money::sub(charge.amount_minor, charge.captured_minor)?;
            let of_charge = |refund: &&&Refund| {
                refund.payment.charge.is_none() || refund.payment.charge.as_ref() == Some(&charge.id)
            };
            let known = refunds.iter().filter(of_charge).filter(|refund| refund.was_counted_at(at));
            let known = money::sum(known.map(|refund| refund.amount_minor))?;
            parts.push(part(GivenBackBy::Charge, &charge.id, money::sub(money::sub(sum, released)?, known)?));
        }
        let mut lost: Vec<&Dispute> = self.disputes.iter().filter(|dispute| dispute.is_lost()).collect();
        lost.sort_by_key(|dispute| (dispute.opened_at, &dispute.id));
        parts.extend(lost.iter().map(|dispute| part(GivenBackBy::Dispute, &dispute.id, dispute.amount_minor)));
        bounded(parts, self.collected_minor()?)
    }
}

/// The parts as far as they fit into `most`, one after the other; those that take nothing are left out.
fn bounded(parts: Vec<GivenBackPart>, most: Option<i64>) -> Result<Vec<GivenBackPart>, MoneyError> {
    let mut left = most.unwrap_or(i64::MAX).max(0);
    let mut kept = Vec::with_capacity(parts.len());
    for part in parts {
        let amount_minor = part.amount_minor.clamp(0, left);
        left = money::sub(left, amount_minor)?;
        if amount_minor > 0 {
            kept.push(GivenBackPart { amount_minor, ..part });
        }
    }
    Ok(kept)
}

/// What went back of a sale for which `paid_minor` was paid: of each payment never more than it collected, of the sale never
/// more than it did. A payment in another currency than the sale's takes the share of the sale that it gave back of itself;
/// no rate is needed for that.
///
/// # Errors
/// [`MoneyError::Overflow`].
pub fn given_back(currency: Currency, paid_minor: i64, known: &Known) -> Result<Vec<GivenBackPart>, MoneyError> {
    let mut parts = Vec::new();
    for payment in known.payments() {
        let of_payment = payment.parts()?;
        if payment.currency().is_none_or(|own| own == currency) {
            parts.extend(of_payment);
            continue;
        }
        let Some(collected) = payment.collected_minor()?.filter(|collected| *collected > 0) else { continue };
        let given = money::sum(of_payment.iter().map(|part| part.amount_minor))?;
        let share = money::share(paid_minor, given, collected)?;
        let amounts = money::split(share, &of_payment.iter().map(|part| part.amount_minor).collect::<Vec<_>>());
        parts.extend(
            of_payment.into_iter().zip(amounts).map(|(part, amount_minor)| GivenBackPart { amount_minor, ..part }),
        );
    }
    bounded(parts, Some(paid_minor))
}

/// What the parts come to, minor units.
///
/// # Errors
/// [`MoneyError::Overflow`].
pub fn total(parts: &[GivenBackPart]) -> Result<i64, MoneyError> {
    money::sum(parts.iter().map(|part| part.amount_minor))
}

/// How what went back differs from what it was: each part by how much more of it there is now, or, below zero, less.
///
/// # Errors
/// [`MoneyError::Overflow`].
pub fn changes(before: &[GivenBackPart], now: &[GivenBackPart]) -> Result<Vec<GivenBackPart>, MoneyError> {
    let amount_of = |parts: &[GivenBackPart], like: &GivenBackPart| {
        let same = |part: &&GivenBackPart| (part.by, &part.id) == (like.by, &like.id);
        parts.iter().find(same).map_or(0, |part| part.amount_minor)
    };
    let gone = before.iter().filter(|part| amount_of(now, part) == 0);
    let mut changes = Vec::new();
    for part in now.iter().chain(gone) {
        let amount_minor = money::sub(amount_of(now, part), amount_of(before, part))?;
        if amount_minor != 0 {
            changes.push(GivenBackPart { amount_minor, ..part.clone() });
        }
    }
    Ok(changes)
}

#[cfg(test)]
#[path = "given_back_tests.rs"]
mod tests;
