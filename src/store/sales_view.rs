//! Sales as people read them, with who was credited or why nobody was. Reading only.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::unattributed_view;
use crate::domain::attribution::UnattributedReason;
use crate::domain::currency::Currency;
use crate::domain::ids::{AffiliateId, CampaignId, ConversionId, ProgramId, SaleId};

/// A sale; amounts in minor units of `currency`.
#[derive(Debug, Clone)]
pub struct SaleView {
    pub id: SaleId,
    pub kind: String,
    pub status: String,
    pub stripe_customer_id: Option<String>,
    pub email: Option<String>,
    pub subscription: Option<String>,
    pub billing_reason: Option<String>,
    pub currency: Option<Currency>,
    pub paid_minor: i64,
    pub tax_minor: i64,
    pub shipping_minor: i64,
    pub discount_minor: i64,
    pub refunded_minor: i64,
    pub unattributed_reason: Option<UnattributedReason>,
    pub paid_at: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
    /// Its ids at Stripe.
    pub aliases: Vec<String>,
    pub invoice_numbers: Vec<String>,
    pub conversion_id: Option<ConversionId>,
    pub affiliate_id: Option<AffiliateId>,
    pub affiliate_name: Option<String>,
    pub program_id: Option<ProgramId>,
    pub campaign_id: Option<CampaignId>,
    pub evidence_kind: Option<String>,
    pub evidence_value: Option<String>,
    /// Everything that was weighed, as JSON of findings.
    pub considered: serde_json::Value,
}

/// What narrows a list of sales.
#[derive(Debug, Clone, Default)]
pub struct SaleFilter {
    /// Credited to somebody, or to nobody with a reason.
    pub attributed: Option<bool>,
    pub affiliate: Option<AffiliateId>,
    pub reason: Option<UnattributedReason>,
    /// Credited in the program, or with evidence that leads into it.
    pub program: Option<ProgramId>,
    /// With signs of fraud on its conversion, or without.
    pub flagged: Option<bool>,
}

/// Newest first, those that were merged into others left out.
pub async fn list(
    conn: &mut PgConnection,
    filter: &SaleFilter,
    before: Option<Uuid>,
    limit: i64,
) -> sqlx::Result<Vec<SaleView>> {
    sqlx::query_as!(
        SaleView,
        r#"select s.id as "id: SaleId", s.kind, s.status, s.stripe_customer_id, s.email, s.subscription, s.billing_reason,
            s.currency as "currency: Currency", s.paid_minor, s.tax_minor, s.shipping_minor, s.discount_minor,
            s.refunded_minor, s.unattributed_reason as "unattributed_reason: UnattributedReason", s.paid_at, s.created_at,
            array(select alias from sale_aliases x where x.sale_id = s.id order by alias) as "aliases!",
            array(select jsonb_array_elements_text(coalesce(s.evidence->'invoice_numbers', '[]'))) as "invoice_numbers!",
            c.id as "conversion_id?: ConversionId", e.affiliate_id as "affiliate_id?: AffiliateId",
            a.name as "affiliate_name?", e.program_id as "program_id?: ProgramId", c.campaign_id as "campaign_id?: CampaignId",
            c.evidence_kind as "evidence_kind?", c.evidence_value as "evidence_value?",
            coalesce(c.considered, s.considered) as "considered!"
        from sales s
        left join conversions c on c.sale_id = s.id and (not c.retired or s.status = 'merged')
        left join enrollments e on e.id = c.enrollment_id
        left join affiliates a on a.id = e.affiliate_id
        where s.status <> 'merged'
            and ($1::boolean is null or (case when $1 then c.id is not null and s.unattributed_reason is null else s.unattributed_reason is not null end))
            and ($2::uuid is null or e.affiliate_id = $2)
            and ($3::uuid is null or s.id < $3)
            and ($5::text is null or s.unattributed_reason = $5)
            and ($6::uuid is null or e.program_id = $6 or (c.id is null and s.considered @> $7))
            and ($8::boolean is null or $8 = exists (select 1 from conversion_signs g
                where g.enrollment_id = c.enrollment_id and g.conversion_id = c.id))
        order by s.id desc limit $4"#,
        filter.attributed,
        filter.affiliate.map(|id| id.0) as Option<Uuid>,
        before,
        limit,
        filter.reason.map(UnattributedReason::as_str),
        filter.program.map(|id| id.0) as Option<Uuid>,
        filter.program.map(unattributed_view::containing),
        filter.flagged,
    )
    .fetch_all(conn)
    .await
}

pub async fn find(conn: &mut PgConnection, id: SaleId) -> sqlx::Result<Option<SaleView>> {
    sqlx::query_as!(
        SaleView,
        r#"select s.id as "id: SaleId", s.kind, s.status, s.stripe_customer_id, s.email, s.subscription, s.billing_reason,
            s.currency as "currency: Currency", s.paid_minor, s.tax_minor, s.shipping_minor, s.discount_minor,
            s.refunded_minor, s.unattributed_reason as "unattributed_reason: UnattributedReason", s.paid_at, s.created_at,
            array(select alias from sale_aliases x where x.sale_id = s.id order by alias) as "aliases!",
            array(select jsonb_array_elements_text(coalesce(s.evidence->'invoice_numbers', '[]'))) as "invoice_numbers!",
            c.id as "conversion_id?: ConversionId", e.affiliate_id as "affiliate_id?: AffiliateId",
            a.name as "affiliate_name?", e.program_id as "program_id?: ProgramId", c.campaign_id as "campaign_id?: CampaignId",
            c.evidence_kind as "evidence_kind?", c.evidence_value as "evidence_value?",
            coalesce(c.considered, s.considered) as "considered!"
        from sales s
        left join conversions c on c.sale_id = s.id and (not c.retired or s.status = 'merged')
        left join enrollments e on e.id = c.enrollment_id
        left join affiliates a on a.id = e.affiliate_id
        where s.id = $1"#,
        id.0,
    )
    .fetch_optional(conn)
    .await
}
