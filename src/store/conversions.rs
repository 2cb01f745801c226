//! Conversions: which sale is credited to whom, by which evidence and under which rules; and where each stands among its
//! buyer's payments.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::leads::Buyer;
use crate::domain::attribution::EvidenceKind;
use crate::domain::finding::Finding;
use crate::domain::ids::{CampaignId, ConversionId, EnrollmentId, RuleVersionId, SaleId};

/// To whom a sale is credited, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credit {
    pub enrollment_id: EnrollmentId,
    pub campaign_id: CampaignId,
    pub rule_version_id: RuleVersionId,
    pub evidence_kind: EvidenceKind,
    /// The code, click id, customer id or e-mail that matched.
    pub evidence_value: String,
    /// Whether it follows from an earlier sale of the buyer.
    pub inherited: bool,
    /// Everything that was weighed.
    pub considered: Vec<Finding>,
}

impl Credit {
    fn considered_json(&self) -> Result<serde_json::Value, sqlx::Error> {
        serde_json::to_value(&self.considered).map_err(|error| sqlx::Error::Encode(Box::new(error)))
    }
}

/// A conversion with what its commission is computed from.
#[derive(Debug, Clone)]
pub struct Priceable {
    pub id: Uuid,
    pub enrollment_id: Uuid,
    pub affiliate_id: Uuid,
    pub program_id: Uuid,
    pub hold_days: i32,
    pub campaign_id: Uuid,
    pub campaign: String,
    pub rule_version_id: Uuid,
    pub rule_version: i32,
    pub rule: serde_json::Value,
    pub evidence_kind: String,
    pub evidence_value: String,
    pub payment_number: i32,
    pub first_paid_at: DateTime<Utc>,
    pub is_expansion: bool,
}

/// The conversion of the sale, if it is credited.
///
/// # Errors
/// From the database.
pub async fn of_sale(conn: &mut PgConnection, sale_id: SaleId) -> Result<Option<Priceable>, sqlx::Error> {
    sqlx::query_as!(
        Priceable,
        "select c.id, c.enrollment_id, e.affiliate_id, e.program_id, p.hold_days, c.campaign_id, k.name as campaign,
            c.rule_version_id, r.version as rule_version, r.rule, c.evidence_kind, c.evidence_value, c.payment_number,
            c.first_paid_at, c.is_expansion
        from conversions c
        join enrollments e on e.id = c.enrollment_id
        join programs p on p.id = e.program_id
        join campaigns k on k.id = c.campaign_id
        join rule_versions r on r.id = c.rule_version_id
        where c.sale_id = $1",
        sale_id.0,
    )
    .fetch_optional(conn)
    .await
}

/// Credits a sale that nobody is credited with. It counts as the buyer's first payment until it is numbered.
///
/// # Errors
/// From the database.
pub async fn insert(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    sale_id: SaleId,
    credit: &Credit,
    paid_at: DateTime<Utc>,
    is_expansion: bool,
) -> Result<ConversionId, sqlx::Error> {
    let id = ConversionId::new(now);
    sqlx::query!(
        "insert into conversions (id, sale_id, enrollment_id, campaign_id, rule_version_id, evidence_kind, evidence_value,
            payment_number, first_paid_at, is_expansion, created_at, inherited, considered)
        values ($1, $2, $3, $4, $5, $6, $7, 1, $8, $9, $10, $11, $12)",
        id.0,
        sale_id.0,
        credit.enrollment_id.0,
        credit.campaign_id.0,
        credit.rule_version_id.0,
        credit.evidence_kind.as_str(),
        credit.evidence_value,
        paid_at,
        is_expansion,
        now,
        credit.inherited,
        credit.considered_json()?,
    )
    .execute(conn)
    .await?;
    Ok(id)
}

/// Credits the sale to somebody else, or for a better reason.
///
/// # Errors
/// From the database.
pub async fn credit_anew(conn: &mut PgConnection, sale_id: SaleId, credit: &Credit) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update conversions set enrollment_id = $2, campaign_id = $3, rule_version_id = $4, evidence_kind = $5,
            evidence_value = $6, inherited = $7, considered = $8
        where sale_id = $1",
        sale_id.0,
        credit.enrollment_id.0,
        credit.campaign_id.0,
        credit.rule_version_id.0,
        credit.evidence_kind.as_str(),
        credit.evidence_value,
        credit.inherited,
        credit.considered_json()?,
    )
    .execute(conn)
    .await
    .map(drop)
}

/// Everything that was weighed when the sale was credited.
///
/// # Errors
/// From the database, and [`sqlx::Error::Decode`] when it can't be read.
pub async fn considered(conn: &mut PgConnection, sale_id: SaleId) -> Result<Vec<Finding>, sqlx::Error> {
    let kept = sqlx::query_scalar!("select considered from conversions where sale_id = $1", sale_id.0)
        .fetch_optional(conn)
        .await?;
    kept.map_or(Ok(Vec::new()), |kept| {
        serde_json::from_value(kept).map_err(|error| sqlx::Error::Decode(Box::new(error)))
    })
}

/// Writes whether the sale is an upgrade, which only its invoice tells.
///
/// # Errors
/// From the database.
pub async fn set_expansion(conn: &mut PgConnection, sale_id: SaleId, is_expansion: bool) -> Result<(), sqlx::Error> {
    sqlx::query!("update conversions set is_expansion = $2 where sale_id = $1", sale_id.0, is_expansion)
        .execute(conn)
        .await
        .map(drop)
}

/// A credited payment of a buyer.
#[derive(Debug, Clone)]
pub struct NumberedPayment {
    pub sale_id: SaleId,
    pub paid_at: DateTime<Utc>,
    pub is_expansion: bool,
    pub payment_number: i32,
    pub first_paid_at: DateTime<Utc>,
}

/// The buyer's credited payments in the enrollment and campaign, in the order in which they were made. Payments are the
/// same buyer's by customer id, or by e-mail where one of them has no customer id.
///
/// # Errors
/// From the database.
pub async fn payments_of(
    conn: &mut PgConnection,
    enrollment_id: EnrollmentId,
    campaign_id: CampaignId,
    buyer: Buyer<'_>,
) -> Result<Vec<NumberedPayment>, sqlx::Error> {
    sqlx::query_as!(
        NumberedPayment,
        r#"select s.id as sale_id, s.paid_at as "paid_at!", c.is_expansion, c.payment_number, c.first_paid_at
        from sales s join conversions c on c.sale_id = s.id
        where c.enrollment_id = $1 and c.campaign_id = $2 and s.status = 'paid' and s.paid_at is not null
            and (s.stripe_customer_id = $3
                or (s.email = $4 and ($3::text is null or s.stripe_customer_id is null)))
        order by s.paid_at, s.id"#,
        enrollment_id.0,
        campaign_id.0,
        buyer.customer,
        buyer.email,
    )
    .fetch_all(conn)
    .await
}

/// Writes where the payment stands among its buyer's.
///
/// # Errors
/// From the database.
pub async fn number(
    conn: &mut PgConnection,
    sale_id: SaleId,
    payment_number: i32,
    first_paid_at: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update conversions set payment_number = $2, first_paid_at = $3 where sale_id = $1",
        sale_id.0,
        payment_number,
        first_paid_at,
    )
    .execute(conn)
    .await
    .map(drop)
}
