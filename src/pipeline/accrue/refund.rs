//! What went back to the customer since a sale's lines were last brought to their target: why a line is about to change.

use sqlx::PgConnection;

use super::super::Error;
use crate::domain::explained_refund::ExplainedRefund;
use crate::domain::given_back::{GivenBackBy, GivenBackPart, Refund, RefundStatus, changes, total};
use crate::domain::ids::SaleId;
use crate::store::conversions::Priceable;
use crate::store::sales::SaleRow;
use crate::store::{disputes, given_back, refunds};

/// What went back that the lines, which sum to `before_minor`, don't follow yet and will at `target_minor`; none when it is
/// as much as it was, though perhaps told better.
///
/// # Errors
/// See [`Error`].
pub(super) async fn due(
    conn: &mut PgConnection,
    sale: &SaleRow,
    conversion: &Priceable,
    (before_minor, target_minor): (i64, i64),
) -> Result<Option<Due>, Error> {
    if sale.refunded_minor == 0 && !conversion.gave_back {
        return Ok(None);
    }
    let followed = given_back::followed(conn, sale.id).await?;
    // A sale that is first priced as if nothing had gone back hasn't followed any of it.
    let now = if sale.refunded_minor == 0 { Vec::new() } else { followed.now };
    let (given_back_minor, given_back_before_minor) = (total(&now)?, total(&followed.before)?);
    let Some(payment) = sale.state.payment.as_ref().filter(|_| given_back_minor != given_back_before_minor) else {
        given_back::set_followed(conn, sale.id, &now).await?;
        return Ok(None);
    };
    let changes = changes(&followed.before, &now)?;
    let is_restored = given_back_minor < given_back_before_minor;
    let explained = ExplainedRefund {
        moved: is_restored && still_counts(conn, &changes).await?,
        canceled: is_restored && were_canceled(conn, sale.id, &changes).await?,
        paid_minor: payment.paid_minor,
        given_back_minor,
        given_back_before_minor,
        commission_before_minor: before_minor,
        commission_minor: target_minor,
        changes,
    };
    Ok(Some(Due { explained, now }))
}

/// Whether what went from here counts elsewhere.
async fn still_counts(conn: &mut PgConnection, changes: &[GivenBackPart]) -> Result<bool, Error> {
    for gone in changes.iter().filter(|part| part.amount_minor < 0) {
        let counts = match gone.by {
            GivenBackBy::Refund => refunds::find(conn, &gone.id).await?.is_some_and(|refund| refund.status.counts()),
            GivenBackBy::Dispute => disputes::find(conn, &gone.id).await?.is_some_and(|dispute| dispute.is_lost()),
            GivenBackBy::Charge => false,
        };
        if counts {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether the refunds that went from here were canceled, all of them. A charge's running sum doesn't say which of its refunds it
/// fell by: there it is all that have ended.
async fn were_canceled(conn: &mut PgConnection, sale: SaleId, changes: &[GivenBackPart]) -> Result<bool, Error> {
    let went = |refund: &Refund| {
        changes.iter().filter(|part| part.amount_minor < 0).any(|part| match part.by {
            GivenBackBy::Refund => part.id == refund.id,
            GivenBackBy::Charge => refund.payment.charge.as_ref().is_none_or(|charge| *charge == part.id),
            GivenBackBy::Dispute => false,
        })
    };
    let mut ended = refunds::of_sale(conn, sale).await?;
    ended.retain(|refund| !refund.status.counts() && went(refund));
    Ok(!ended.is_empty() && ended.iter().all(|refund| refund.status == RefundStatus::Canceled))
}

/// What the lines are about to follow.
pub(super) struct Due {
    pub(super) explained: ExplainedRefund,
    now: Vec<GivenBackPart>,
}

impl Due {
    /// From now on it counts as followed.
    pub(super) async fn follow(self, conn: &mut PgConnection, sale: &SaleRow) -> Result<ExplainedRefund, Error> {
        given_back::set_followed(conn, sale.id, &self.now).await?;
        Ok(self.explained)
    }
}
