//! What was posted in an enrollment since a mark: how a transaction finds out what it did to an affiliate's lines, whichever
//! stages did it.

use sqlx::PgConnection;

use super::{EnrollmentLock, LedgerError, read_currency};
use crate::domain::ids::{AffiliateId, EnrollmentId, LineId, SaleId};
use crate::domain::line::LineKind;
use crate::domain::money::Money;
use crate::domain::posting::Movement;

/// A place in an enrollment's chain, taken under its lock: what comes after it is the transaction's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    enrollment_id: EnrollmentId,
    seq: i64,
}

/// A posting that was about a line.
#[derive(Debug, Clone)]
pub struct LineChange {
    pub seq: i64,
    pub movement: Movement,
    pub line_id: LineId,
    pub affiliate_id: AffiliateId,
    pub kind: LineKind,
    /// The line's whole amount.
    pub amount: Money,
    pub sale_id: Option<SaleId>,
}

impl EnrollmentLock {
    /// Where the chain stands now.
    pub fn mark(&self) -> Mark {
        Mark { enrollment_id: self.enrollment_id, seq: self.seq }
    }
}

impl Mark {
    pub fn enrollment_id(&self) -> EnrollmentId {
        self.enrollment_id
    }
}

/// What was posted about lines since the mark, in order.
///
/// # Errors
/// From the database.
pub async fn changes_since(conn: &mut PgConnection, mark: Mark) -> Result<Vec<LineChange>, LedgerError> {
    let rows = sqlx::query!(
        r#"select t.seq, t.kind as movement, l.id as "line_id: LineId",
            l.affiliate_id as "affiliate_id: AffiliateId", l.kind, l.amount_minor, l.currency,
            l.sale_id as "sale_id: SaleId"
        from ledger_transactions t join commissions_ledger l on l.enrollment_id = t.enrollment_id and l.id = t.line_id
        where t.enrollment_id = $1 and t.seq > $2 order by t.seq"#,
        mark.enrollment_id.0,
        mark.seq,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(LineChange {
                seq: row.seq,
                movement: row.movement.parse().map_err(|unknown| LedgerError::Unreadable(format!("{unknown}")))?,
                line_id: row.line_id,
                affiliate_id: row.affiliate_id,
                kind: row.kind.parse().map_err(|unknown| LedgerError::Unreadable(format!("{unknown}")))?,
                amount: Money::new(row.amount_minor, read_currency(&row.currency)?),
                sale_id: row.sale_id,
            })
        })
        .collect()
}
