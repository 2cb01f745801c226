//! What a customer got back of a sale: its refunds and disputes as Stripe told them, each with its page there and what it did to
//! the commission.

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use super::Result;
use super::line_story::LineStory;
use crate::Engine;
use crate::domain::actor::{Actor, Permission};
use crate::domain::currency::Currency;
use crate::domain::given_back::{Dispute, DisputeStatus, GivenBackBy, GivenBackPart, PaymentRef, Refund, RefundStatus};
use crate::domain::ids::{LineId, SaleId};
use crate::domain::money::Money;
use crate::store::{disputes, refunds};
use crate::stripe::dashboard_page;

/// A refund or a dispute of a sale. `amount` in minor units of `currency`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct SaleRefund {
    /// Stripe's: `re_…`, `dp_…`.
    pub id: String,
    pub is_dispute: bool,
    #[serde(rename = "amount")]
    pub amount_minor: i64,
    pub currency: Currency,
    pub charge: Option<String>,
    /// Stripe's word.
    pub status: String,
    /// Whether the customer has the money, or it is on its way.
    pub counts: bool,
    /// A dispute that isn't decided, or a refund that isn't done yet.
    pub is_open: bool,
    /// Stripe's words for why, and for why it failed.
    pub reason: Option<String>,
    pub failure_reason: Option<String>,
    pub at: DateTime<Utc>,
    pub ended_at: Option<DateTime<Utc>>,
    /// Where Stripe's dashboard shows it.
    pub dashboard_url: String,
    /// The commission lines that it led to, oldest first.
    pub lines: Vec<LineId>,
    /// What those lines come to.
    pub effect: Vec<Money>,
}

/// The sale's refunds and disputes, oldest first; `story` is its commission's.
///
/// # Errors
/// [`Error::Forbidden`](super::Error::Forbidden).
pub async fn of_sale(engine: &Engine, actor: &Actor, id: SaleId, story: &LineStory) -> Result<Vec<SaleRefund>> {
    actor.require(Permission::Read)?;
    let mut conn = engine.pool.acquire().await?;
    let mut found: Vec<SaleRefund> = Vec::new();
    for refund in refunds::of_sale(&mut conn, id).await? {
        found.push(SaleRefund::of_refund(engine, refund));
    }
    for dispute in disputes::of_sale(&mut conn, id).await? {
        found.push(SaleRefund::of_dispute(engine, dispute));
    }
    found.sort_by_key(|one| one.at);
    for one in &mut found {
        one.follow(story)?;
    }
    Ok(found)
}

impl SaleRefund {
    fn of_refund(engine: &Engine, refund: Refund) -> Self {
        SaleRefund {
            dashboard_url: payment_url(engine, &refund.payment),
            is_dispute: false,
            amount_minor: refund.amount_minor,
            currency: refund.currency,
            charge: refund.payment.charge,
            status: refund.status.as_str().to_owned(),
            counts: refund.status.counts(),
            is_open: matches!(refund.status, RefundStatus::Pending | RefundStatus::RequiresAction),
            reason: refund.reason,
            failure_reason: refund.failure_reason,
            at: refund.made_at,
            ended_at: refund.failed_at,
            id: refund.id,
            lines: Vec::new(),
            effect: Vec::new(),
        }
    }

    fn of_dispute(engine: &Engine, dispute: Dispute) -> Self {
        SaleRefund {
            dashboard_url: dashboard_page(engine.config.stripe.mode(), "disputes", &dispute.id),
            is_dispute: true,
            amount_minor: dispute.amount_minor,
            currency: dispute.currency,
            charge: dispute.payment.charge,
            status: dispute.status.as_str().to_owned(),
            counts: dispute.status == DisputeStatus::Lost,
            is_open: dispute.status.is_open(),
            reason: dispute.reason,
            failure_reason: None,
            at: dispute.opened_at,
            ended_at: dispute.closed_at,
            id: dispute.id,
            lines: Vec::new(),
            effect: Vec::new(),
        }
    }

    /// Finds the lines that name it as their cause; one that was written when only the charge's running sum was known names that.
    fn follow(&mut self, story: &LineStory) -> Result<()> {
        for line in &story.lines {
            let refund = line.explanation.figures.as_ref().and_then(|figures| figures.refund.as_ref());
            let names_it = |part: &GivenBackPart| {
                part.id == self.id
                    || part.by == GivenBackBy::Charge
                        && Some(&part.id) == self.charge.as_ref()
                        && part.amount_minor == self.amount_minor
            };
            if !refund.is_some_and(|refund| refund.changes.iter().any(names_it)) {
                continue;
            }
            self.lines.push(line.id);
            let amount = Money::new(line.amount_minor, line.currency);
            match self.effect.iter_mut().find(|sum| sum.currency == amount.currency) {
                Some(sum) => *sum = sum.checked_add(amount)?,
                None => self.effect.push(amount),
            }
        }
        Ok(())
    }
}

/// Stripe shows a refund on its payment's page.
fn payment_url(engine: &Engine, payment: &PaymentRef) -> String {
    let id = payment.payment_intent.as_deref().unwrap_or(payment.name());
    dashboard_page(engine.config.stripe.mode(), "payments", id)
}
