//! Credited sales that earn nothing, with the reason. `pipeline::accrue` writes them; a sale that has commission lines has
//! none.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::domain::currency::Currency;
use crate::domain::ids::{AffiliateId, CampaignId, EnrollmentId, ProgramId, RuleVersionId, SaleId, ZeroEarningId};

/// A sale that earns nothing, with the names around it.
#[derive(Debug, Clone)]
pub struct ZeroEarningView {
    pub id: ZeroEarningId,
    pub sale_id: SaleId,
    pub affiliate_id: AffiliateId,
    pub affiliate_name: String,
    pub program_id: ProgramId,
    pub program_name: String,
    pub campaign_id: CampaignId,
    pub sale_paid_at: Option<DateTime<Utc>>,
    pub currency: Currency,
    pub explanation: Value,
    pub created_at: DateTime<Utc>,
}

/// What narrows a list; both bounds are excluded.
#[derive(Debug, Clone, Default)]
pub struct ZeroEarningFilter {
    pub affiliate: Option<AffiliateId>,
    pub program: Option<ProgramId>,
    pub sale: Option<SaleId>,
    pub before: Option<Uuid>,
    pub after: Option<Uuid>,
}

/// Writes why the sale earns its enrollment nothing, in place of what was written for it before.
///
/// # Errors
/// From the database.
pub async fn keep(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    sale_id: SaleId,
    (enrollment_id, campaign_id): (EnrollmentId, CampaignId),
    explanation: &Value,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into zero_earnings as z (id, sale_id, enrollment_id, campaign_id, explanation, created_at)
        values ($1, $2, $3, $4, $5, $6)
        on conflict (sale_id) do update set enrollment_id = excluded.enrollment_id, campaign_id = excluded.campaign_id,
            explanation = excluded.explanation
        where (z.enrollment_id, z.campaign_id, z.explanation)
            is distinct from (excluded.enrollment_id, excluded.campaign_id, excluded.explanation)",
        ZeroEarningId::new(now).0,
        sale_id.0,
        enrollment_id.0,
        campaign_id.0,
        explanation,
        now,
    )
    .execute(conn)
    .await
    .map(drop)
}

/// The sale earns something, or is nobody's.
///
/// # Errors
/// From the database.
pub async fn clear(conn: &mut PgConnection, sale_id: SaleId) -> Result<(), sqlx::Error> {
    sqlx::query!("delete from zero_earnings where sale_id = $1", sale_id.0).execute(conn).await.map(drop)
}

/// By what a sale would be priced of which nothing was collected.
#[derive(Debug, Clone)]
pub struct Terms {
    pub campaign: String,
    pub program_currency: Currency,
    pub rule_version: i32,
    pub rule: Value,
}

/// The terms of a rule version.
///
/// # Errors
/// From the database.
pub async fn terms(conn: &mut PgConnection, version: RuleVersionId) -> Result<Terms, sqlx::Error> {
    sqlx::query_as!(
        Terms,
        r#"select k.name as campaign, p.currency as "program_currency: Currency", r.version as rule_version, r.rule
        from rule_versions r join campaigns k on k.id = r.campaign_id join programs p on p.id = k.program_id
        where r.id = $1"#,
        version.0,
    )
    .fetch_one(conn)
    .await
}

/// Newest first.
pub async fn list(
    conn: &mut PgConnection,
    filter: &ZeroEarningFilter,
    limit: i64,
) -> sqlx::Result<Vec<ZeroEarningView>> {
    sqlx::query_as!(
        ZeroEarningView,
        r#"select z.id as "id: ZeroEarningId", z.sale_id as "sale_id: SaleId", e.affiliate_id as "affiliate_id: AffiliateId",
            a.name as affiliate_name, e.program_id as "program_id: ProgramId", p.name as program_name,
            z.campaign_id as "campaign_id: CampaignId", s.paid_at as sale_paid_at,
            s.currency as "currency!: Currency", z.explanation, z.created_at
        from zero_earnings z
        join sales s on s.id = z.sale_id
        join enrollments e on e.id = z.enrollment_id
        join affiliates a on a.id = e.affiliate_id
        join programs p on p.id = e.program_id
        where s.status <> 'merged' and s.currency is not null
            and ($1::uuid is null or e.affiliate_id = $1) and ($2::uuid is null or e.program_id = $2)
            and ($3::uuid is null or z.sale_id = $3)
            and ($4::uuid is null or z.id < $4) and ($5::uuid is null or z.id > $5)
        order by z.id desc limit $6"#,
        filter.affiliate.map(|id| id.0) as Option<Uuid>,
        filter.program.map(|id| id.0) as Option<Uuid>,
        filter.sale.map(|id| id.0) as Option<Uuid>,
        filter.before,
        filter.after,
        limit,
    )
    .fetch_all(conn)
    .await
}

/// The one with the id; `affiliate` narrows it to one affiliate's.
pub async fn find(
    conn: &mut PgConnection,
    id: ZeroEarningId,
    affiliate: Option<AffiliateId>,
) -> sqlx::Result<Option<ZeroEarningView>> {
    sqlx::query_as!(
        ZeroEarningView,
        r#"select z.id as "id: ZeroEarningId", z.sale_id as "sale_id: SaleId", e.affiliate_id as "affiliate_id: AffiliateId",
            a.name as affiliate_name, e.program_id as "program_id: ProgramId", p.name as program_name,
            z.campaign_id as "campaign_id: CampaignId", s.paid_at as sale_paid_at,
            s.currency as "currency!: Currency", z.explanation, z.created_at
        from zero_earnings z
        join sales s on s.id = z.sale_id
        join enrollments e on e.id = z.enrollment_id
        join affiliates a on a.id = e.affiliate_id
        join programs p on p.id = e.program_id
        where s.status <> 'merged' and s.currency is not null
            and z.id = $1 and ($2::uuid is null or e.affiliate_id = $2)"#,
        id.0,
        affiliate.map(|id| id.0) as Option<Uuid>,
    )
    .fetch_optional(conn)
    .await
}
