//! What an affiliate's home shows of each of their programs: visits, people and sales, counted per enrollment.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::domain::currency::Currency;
use crate::domain::ids::{AffiliateId, EnrollmentId, LineId};
use crate::domain::line::LineKind;

/// Clicks on the affiliate's links and people that became theirs.
#[derive(Debug, Clone)]
pub struct ReachRow {
    pub enrollment_id: EnrollmentId,
    pub clicks: i64,
    pub referrals: i64,
}

/// Sales credited, by the currency they were paid in.
#[derive(Debug, Clone)]
pub struct ConversionsRow {
    pub enrollment_id: EnrollmentId,
    pub currency: Currency,
    pub conversions: i64,
}

pub async fn reach(conn: &mut PgConnection, affiliate: AffiliateId) -> sqlx::Result<Vec<ReachRow>> {
    sqlx::query_as!(
        ReachRow,
        r#"select e.id as "enrollment_id: EnrollmentId",
            (select count(*) from clicks c where c.enrollment_id = e.id) as "clicks!",
            (select count(*) from leads l where l.affiliate_id = e.affiliate_id
                and (l.enrollment_id = e.id or l.enrollment_id is null)) as "referrals!"
        from enrollments e where e.affiliate_id = $1"#,
        affiliate.0,
    )
    .fetch_all(conn)
    .await
}

pub async fn conversions(conn: &mut PgConnection, affiliate: AffiliateId) -> sqlx::Result<Vec<ConversionsRow>> {
    sqlx::query_as!(
        ConversionsRow,
        r#"select c.enrollment_id as "enrollment_id: EnrollmentId", s.currency as "currency!: Currency",
            count(*) as "conversions!"
        from conversions c join enrollments e on e.id = c.enrollment_id join sales s on s.id = c.sale_id
        where e.affiliate_id = $1 and not c.retired and s.currency is not null group by c.enrollment_id, s.currency"#,
        affiliate.0,
    )
    .fetch_all(conn)
    .await
}

/// A text that changes with every balance, with the newest line, the newest sale that earns nothing and the newest
/// notification of the affiliate.
pub async fn version(conn: &mut PgConnection, affiliate: AffiliateId) -> sqlx::Result<String> {
    sqlx::query_scalar!(
        r#"select concat_ws('|',
            (select string_agg(concat_ws(',', b.currency, b.pending_minor, b.held_minor, b.payable_minor, b.in_transit_minor,
                b.paid_minor), ';' order by b.enrollment_id, b.currency)
                from balances b join enrollments e on e.id = b.enrollment_id where e.affiliate_id = $1),
            (select l.id from commissions_ledger l where l.affiliate_id = $1 order by l.id desc limit 1),
            (select z.id from zero_earnings z join enrollments e on e.id = z.enrollment_id
                where e.affiliate_id = $1 order by z.id desc limit 1),
            (select n.id from notifications n where n.affiliate_id = $1 order by n.id desc limit 1)) as "version!""#,
        affiliate.0,
    )
    .fetch_one(conn)
    .await
}

/// A line that takes from the balance and is in no payout yet; negative.
#[derive(Debug, Clone)]
pub struct OwedRow {
    pub id: LineId,
    pub enrollment_id: EnrollmentId,
    pub kind: LineKind,
    pub amount_minor: i64,
    pub currency: Currency,
    pub reason: String,
    pub created_at: DateTime<Utc>,
}

/// Newest first, at most a hundred.
pub async fn owed_lines(conn: &mut PgConnection, affiliate: AffiliateId) -> sqlx::Result<Vec<OwedRow>> {
    sqlx::query_as!(
        OwedRow,
        r#"select id as "id: LineId", enrollment_id as "enrollment_id: EnrollmentId", kind as "kind: LineKind", amount_minor,
            currency as "currency: Currency", reason, created_at
        from commissions_ledger
        where affiliate_id = $1 and status in ('approved', 'finalized') and amount_minor < 0 and payout_item_id is null
        order by id desc limit 100"#,
        affiliate.0,
    )
    .fetch_all(conn)
    .await
}
