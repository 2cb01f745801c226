//! What went back to customers: the refunds and disputes of a sale, as the API tells them.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgConnection;
use utoipa::ToSchema;

use super::Result;
use crate::domain::currency::Currency;
use crate::domain::given_back::{self as domain, DisputeStatus, RefundStatus};
use crate::domain::ids::SaleId;
use crate::store::{disputes, refunds};

/// A refund of a sale's payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Refund {
    /// Stripe's id, `re_…`.
    pub id: String,
    /// Minor units of `currency`.
    #[serde(rename = "amount")]
    pub amount_minor: i64,
    pub currency: Currency,
    pub status: RefundStatus,
    /// Whether it is taken from the commission: from the beginning, until it fails or is canceled.
    pub counts: bool,
    pub charge: Option<String>,
    pub payment_intent: Option<String>,
    /// Stripe's word for why.
    pub reason: Option<String>,
    /// Stripe's word for why it failed.
    pub failure_reason: Option<String>,
    /// When it was made.
    pub at: DateTime<Utc>,
    /// When it failed or was canceled.
    pub failed_at: Option<DateTime<Utc>>,
}

/// A dispute of a sale's payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Dispute {
    /// Stripe's id, `dp_…`.
    pub id: String,
    /// Minor units of `currency`.
    #[serde(rename = "amount")]
    pub amount_minor: i64,
    pub currency: Currency,
    pub status: DisputeStatus,
    /// Nobody knows yet who will have the money.
    pub open: bool,
    /// Whether it is taken from the commission: it is lost, and nothing was reinstated.
    pub counts: bool,
    pub charge: Option<String>,
    pub payment_intent: Option<String>,
    /// Stripe's word for why.
    pub reason: Option<String>,
    /// When it was opened.
    pub at: DateTime<Utc>,
    pub closed_at: Option<DateTime<Utc>>,
}

/// The refunds and disputes that are counted for the sale, oldest first.
pub(super) async fn of_sale(conn: &mut PgConnection, id: SaleId) -> Result<(Vec<Refund>, Vec<Dispute>)> {
    let refunds = refunds::of_sale(conn, id).await?.into_iter().map(Refund::from).collect();
    let disputes = disputes::of_sale(conn, id).await?.into_iter().map(Dispute::from).collect();
    Ok((refunds, disputes))
}

impl From<domain::Refund> for Refund {
    fn from(refund: domain::Refund) -> Self {
        Refund {
            counts: refund.status.counts(),
            id: refund.id,
            amount_minor: refund.amount_minor,
            currency: refund.currency,
            status: refund.status,
            charge: refund.payment.charge,
            payment_intent: refund.payment.payment_intent,
            reason: refund.reason,
            failure_reason: refund.failure_reason,
            at: refund.made_at,
            failed_at: refund.failed_at,
        }
    }
}

impl From<domain::Dispute> for Dispute {
    fn from(dispute: domain::Dispute) -> Self {
        Dispute {
            open: dispute.is_open(),
            counts: dispute.is_lost(),
            id: dispute.id,
            amount_minor: dispute.amount_minor,
            currency: dispute.currency,
            status: dispute.status,
            charge: dispute.payment.charge,
            payment_intent: dispute.payment.payment_intent,
            reason: dispute.reason,
            at: dispute.opened_at,
            closed_at: dispute.closed_at,
        }
    }
}
