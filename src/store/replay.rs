//! What a replay reads beside a campaign's sales: whose they are, and what they have earned. Reading only, in a transaction that
//! the database itself keeps from writing.

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgPool, Postgres, Transaction};
use uuid::Uuid;

use crate::domain::currency::Currency;
use crate::domain::ids::{AffiliateId, CampaignId, EnrollmentId, ProgramId, SaleId};

/// A transaction that sees one moment and can't change anything.
///
/// # Errors
/// From the database.
pub async fn begin(pool: &PgPool) -> sqlx::Result<Transaction<'static, Postgres>> {
    pool.begin_with("begin isolation level repeatable read read only").await
}

/// An affiliate with sales in the campaign.
#[derive(Debug, Clone)]
pub struct Seller {
    pub enrollment_id: EnrollmentId,
    pub affiliate_id: AffiliateId,
    pub name: String,
}

/// How many sales of the campaign were paid before `until`.
pub async fn count(conn: &mut PgConnection, campaign: CampaignId, until: DateTime<Utc>) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"select count(*) as "sales!" from conversions where campaign_id = $1 and not retired and position_at < $2"#,
        campaign.0,
        until,
    )
    .fetch_one(conn)
    .await
}

/// The affiliates with sales of the campaign in the period, by name; `until` is not in it.
pub async fn sellers(
    conn: &mut PgConnection,
    campaign: CampaignId,
    from: DateTime<Utc>,
    until: DateTime<Utc>,
) -> sqlx::Result<Vec<Seller>> {
    sqlx::query_as!(
        Seller,
        r#"select e.id as "enrollment_id: EnrollmentId", a.id as "affiliate_id: AffiliateId", a.name
        from enrollments e join affiliates a on a.id = e.affiliate_id
        where e.id in (
            select enrollment_id from conversions
            where campaign_id = $1 and not retired and position_at >= $2 and position_at < $3)
        order by a.name, e.id"#,
        campaign.0,
        from,
        until,
    )
    .fetch_all(conn)
    .await
}

/// How many sales of the program's campaigns were paid before `until`.
pub async fn count_of_program(conn: &mut PgConnection, program: ProgramId, until: DateTime<Utc>) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"select count(*) as "sales!" from conversions c join enrollments e on e.id = c.enrollment_id
        where e.program_id = $1 and not c.retired and c.position_at < $2"#,
        program.0,
        until,
    )
    .fetch_one(conn)
    .await
}

/// Whether the campaign has priced any sale.
pub async fn has_sales(conn: &mut PgConnection, campaign: CampaignId) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"select exists (select 1 from conversions where campaign_id = $1 and not retired) as "sold!""#,
        campaign.0,
    )
    .fetch_one(conn)
    .await
}

/// The affiliates with sales of the program in the period, by name; `until` is not in it.
pub async fn sellers_of_program(
    conn: &mut PgConnection,
    program: ProgramId,
    from: DateTime<Utc>,
    until: DateTime<Utc>,
) -> sqlx::Result<Vec<Seller>> {
    sqlx::query_as!(
        Seller,
        r#"select e.id as "enrollment_id: EnrollmentId", a.id as "affiliate_id: AffiliateId", a.name
        from enrollments e join affiliates a on a.id = e.affiliate_id
        where e.program_id = $1 and exists (
            select 1 from conversions c
            where c.enrollment_id = e.id and not c.retired and c.position_at >= $2 and c.position_at < $3)
        order by a.name, e.id"#,
        program.0,
        from,
        until,
    )
    .fetch_all(conn)
    .await
}

/// The campaigns that priced the enrollment's sales; the program's own.
pub async fn campaigns_of(
    conn: &mut PgConnection,
    enrollment: EnrollmentId,
    program: ProgramId,
) -> sqlx::Result<Vec<CampaignId>> {
    let ids = sqlx::query_scalar!(
        "select k.id from campaigns k where k.program_id = $2 and exists (
            select 1 from conversions c where c.enrollment_id = $1 and c.campaign_id = k.id and not c.retired)
        order by k.id",
        enrollment.0,
        program.0,
    )
    .fetch_all(conn)
    .await?;
    Ok(ids.into_iter().map(CampaignId).collect())
}

/// The program's currency.
pub async fn currency(conn: &mut PgConnection, program: ProgramId) -> sqlx::Result<Currency> {
    sqlx::query_scalar!(r#"select currency as "currency: Currency" from programs where id = $1"#, program.0)
        .fetch_one(conn)
        .await
}

/// How a sale came to the campaign that priced it.
#[derive(Debug, Clone)]
pub struct Origin {
    pub sale_id: SaleId,
    /// By an earlier sale of its buyer.
    pub inherited: bool,
    /// By this promotion code, in lower case.
    pub coupon: Option<String>,
    /// The code belongs to a campaign.
    pub coupon_of_other: bool,
}

/// How the sales came to their campaigns.
pub async fn origins(conn: &mut PgConnection, sales: &[Uuid]) -> sqlx::Result<Vec<Origin>> {
    sqlx::query_as!(
        Origin,
        r#"select c.sale_id as "sale_id: SaleId", c.inherited, k.code as "coupon?",
            (k.campaign_id is not null) as "coupon_of_other!"
        from conversions c
        left join lateral (
            select k.code, k.campaign_id from coupons k
            where c.evidence_kind = 'promotion_code' and c.evidence_value in (k.code, k.stripe_promotion_code)
            order by k.code limit 1
        ) k on true
        where c.sale_id = any($1)"#,
        sales,
    )
    .fetch_all(conn)
    .await
}

/// What a sale has earned so far, minor units of its currency.
#[derive(Debug, Clone)]
pub struct Earned {
    pub sale_id: SaleId,
    pub earned_minor: i64,
    /// Somebody rejected a hold on it: no rule gives it back.
    pub is_rejected: bool,
}

/// What the sales have earned in the enrollment. Those that have no lines are left out.
pub async fn earned(conn: &mut PgConnection, enrollment: EnrollmentId, sales: &[Uuid]) -> sqlx::Result<Vec<Earned>> {
    sqlx::query_as!(
        Earned,
        r#"select l.sale_id as "sale_id!: SaleId",
            coalesce(sum(l.amount_minor) filter (where l.status <> 'cancelled'), 0)::bigint as "earned_minor!",
            bool_or(l.status = 'cancelled' and exists (
                select 1 from hold_lines k join holds h on h.enrollment_id = k.enrollment_id and h.id = k.hold_id
                where k.enrollment_id = l.enrollment_id and k.line_id = l.id and h.status = 'rejected')) as "is_rejected!"
        from commissions_ledger l join sales s on s.id = l.sale_id and s.currency = l.currency
        where l.enrollment_id = $1 and l.sale_id = any($2)
        group by l.sale_id"#,
        enrollment.0,
        sales,
    )
    .fetch_all(conn)
    .await
}
