//! Commission lines as people read them. Reading only: lines are written by `store::ledger`.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::domain::currency::Currency;
use crate::domain::ids::{
    AffiliateId, CampaignId, ConversionId, EnrollmentId, LineId, PayoutItemId, ProgramId, SaleId,
};
use crate::domain::line::{LineKind, LineStatus};
use crate::domain::period::Period;

/// A line with the names around it.
#[derive(Debug, Clone)]
pub struct LineView {
    pub id: LineId,
    pub enrollment_id: EnrollmentId,
    pub affiliate_id: AffiliateId,
    pub affiliate_name: String,
    pub program_id: ProgramId,
    pub program_name: String,
    pub campaign_id: Option<CampaignId>,
    pub conversion_id: Option<ConversionId>,
    pub sale_id: Option<SaleId>,
    pub sale_paid_at: Option<DateTime<Utc>>,
    pub kind: LineKind,
    pub amount_minor: i64,
    pub currency: Currency,
    /// A finalized line that a hold stops is on hold here.
    pub status: LineStatus,
    pub reason: String,
    pub corrects: Option<LineId>,
    pub explanation: Value,
    pub matures_at: DateTime<Utc>,
    pub created_at: DateTime<Utc>,
    pub approved_at: Option<DateTime<Utc>>,
    pub finalized_at: Option<DateTime<Utc>>,
    /// None: a payout locked it, or nothing did yet.
    pub finalized_with: Option<Period>,
    pub paid_at: Option<DateTime<Utc>>,
    pub cancelled_at: Option<DateTime<Utc>>,
    pub payout_item_id: Option<PayoutItemId>,
    pub transfer_id: Option<String>,
}

/// What narrows a list of lines; `earned_from` is included, `earned_until` is not.
#[derive(Debug, Clone, Default)]
pub struct LineFilter {
    pub affiliate: Option<AffiliateId>,
    pub program: Option<ProgramId>,
    pub status: Option<LineStatus>,
    pub kind: Option<LineKind>,
    pub sale: Option<SaleId>,
    /// What a payout is made of.
    pub payout_item: Option<PayoutItemId>,
    /// With signs of fraud on the conversion, or without.
    pub flagged: Option<bool>,
    /// A part of the affiliate's name or e-mail.
    pub search: Option<String>,
    pub earned_from: Option<DateTime<Utc>>,
    pub earned_until: Option<DateTime<Utc>>,
}

/// A step of a line's status.
#[derive(Debug, Clone)]
pub struct HistoryRow {
    pub from_status: Option<LineStatus>,
    pub to_status: LineStatus,
    pub at: DateTime<Utc>,
    pub actor: String,
    pub why: String,
}

/// Newest first.
pub async fn list(
    conn: &mut PgConnection,
    filter: &LineFilter,
    before: Option<Uuid>,
    limit: i64,
) -> sqlx::Result<Vec<LineView>> {
    sqlx::query_as!(
        LineView,
        r#"select l.id as "id: LineId", l.enrollment_id as "enrollment_id: EnrollmentId",
            l.affiliate_id as "affiliate_id: AffiliateId", a.name as affiliate_name,
            l.program_id as "program_id: ProgramId", p.name as program_name,
            l.campaign_id as "campaign_id: CampaignId", l.conversion_id as "conversion_id: ConversionId",
            l.sale_id as "sale_id: SaleId", s.paid_at as "sale_paid_at?", l.kind as "kind: LineKind", l.amount_minor, l.currency as "currency: Currency",
            case when l.stopped then 'on_hold' else l.status end as "status!: LineStatus", l.reason, l.corrects as "corrects: LineId", l.explanation, l.matures_at,
            l.created_at, l.approved_at, l.finalized_at,
            l.finalized_with as "finalized_with: Period", l.paid_at, l.cancelled_at,
            l.payout_item_id as "payout_item_id: PayoutItemId", i.transfer_id as "transfer_id?"
        from commissions_ledger l
        join affiliates a on a.id = l.affiliate_id
        join programs p on p.id = l.program_id
        left join sales s on s.id = l.sale_id
        left join payout_items i on i.enrollment_id = l.enrollment_id and i.id = l.payout_item_id
        where ($1::uuid is null or l.affiliate_id = $1) and ($2::uuid is null or l.program_id = $2)
            and ($3::text is null or case when l.stopped then 'on_hold' else l.status end = $3) and ($4::text is null or l.kind = $4)
            and ($5::uuid is null or l.sale_id = $5)
            and ($6::timestamptz is null or coalesce(l.earned_at, l.created_at) >= $6)
            and ($7::timestamptz is null or coalesce(l.earned_at, l.created_at) < $7)
            and ($8::boolean is null or $8 = exists (select 1 from conversion_signs g
                where g.enrollment_id = l.enrollment_id and g.conversion_id = l.conversion_id))
            and ($9::uuid is null or l.id < $9)
            and ($12::uuid is null or exists (select 1 from payout_item_lines il
                where il.enrollment_id = l.enrollment_id and il.line_id = l.id and il.item_id = $12))
            and ($11::text is null or strpos(lower(a.name), lower($11)) > 0 or strpos(a.email, lower($11)) > 0)
        order by l.id desc limit $10"#,
        filter.affiliate.map(|id| id.0) as Option<Uuid>,
        filter.program.map(|id| id.0) as Option<Uuid>,
        filter.status.map(LineStatus::as_str),
        filter.kind.map(LineKind::as_str),
        filter.sale.map(|id| id.0) as Option<Uuid>,
        filter.earned_from,
        filter.earned_until,
        filter.flagged,
        before,
        limit,
        filter.search,
        filter.payout_item.map(|id| id.0) as Option<Uuid>,
    )
    .fetch_all(conn)
    .await
}

/// The line with this id; `affiliate` narrows it to one affiliate's lines.
pub async fn find(
    conn: &mut PgConnection,
    id: LineId,
    affiliate: Option<AffiliateId>,
) -> sqlx::Result<Option<LineView>> {
    sqlx::query_as!(
        LineView,
        r#"select l.id as "id: LineId", l.enrollment_id as "enrollment_id: EnrollmentId",
            l.affiliate_id as "affiliate_id: AffiliateId", a.name as affiliate_name,
            l.program_id as "program_id: ProgramId", p.name as program_name,
            l.campaign_id as "campaign_id: CampaignId", l.conversion_id as "conversion_id: ConversionId",
            l.sale_id as "sale_id: SaleId", s.paid_at as "sale_paid_at?", l.kind as "kind: LineKind", l.amount_minor, l.currency as "currency: Currency",
            case when l.stopped then 'on_hold' else l.status end as "status!: LineStatus", l.reason, l.corrects as "corrects: LineId", l.explanation, l.matures_at,
            l.created_at, l.approved_at, l.finalized_at,
            l.finalized_with as "finalized_with: Period", l.paid_at, l.cancelled_at,
            l.payout_item_id as "payout_item_id: PayoutItemId", i.transfer_id as "transfer_id?"
        from commissions_ledger l
        join affiliates a on a.id = l.affiliate_id
        join programs p on p.id = l.program_id
        left join sales s on s.id = l.sale_id
        left join payout_items i on i.enrollment_id = l.enrollment_id and i.id = l.payout_item_id
        where l.id = $1 and ($2::uuid is null or l.affiliate_id = $2)"#,
        id.0,
        affiliate.map(|id| id.0) as Option<Uuid>,
    )
    .fetch_optional(conn)
    .await
}

/// The steps of a line, in order.
pub async fn history(
    conn: &mut PgConnection,
    enrollment_id: EnrollmentId,
    id: LineId,
) -> sqlx::Result<Vec<HistoryRow>> {
    sqlx::query_as!(
        HistoryRow,
        r#"select from_status as "from_status: LineStatus", to_status as "to_status: LineStatus", at, actor, why
        from commission_line_history where enrollment_id = $1 and line_id = $2 order by n"#,
        enrollment_id.0,
        id.0,
    )
    .fetch_all(conn)
    .await
}

/// The steps of several lines, in the order in which they happened.
pub async fn histories(
    conn: &mut PgConnection,
    enrollments: &[EnrollmentId],
    lines: &[Uuid],
) -> sqlx::Result<Vec<(LineId, HistoryRow)>> {
    let enrollments: Vec<Uuid> = enrollments.iter().map(|id| id.0).collect();
    let rows = sqlx::query!(
        r#"select line_id as "line_id: LineId", from_status as "from_status: LineStatus",
            to_status as "to_status: LineStatus", at, actor, why
        from commission_line_history where enrollment_id = any($1) and line_id = any($2) order by at, n, line_id"#,
        &enrollments,
        lines,
    )
    .fetch_all(conn)
    .await?;
    let mut steps = Vec::with_capacity(rows.len());
    for row in rows {
        let (from_status, to_status) = (row.from_status, row.to_status);
        steps.push((row.line_id, HistoryRow { from_status, to_status, at: row.at, actor: row.actor, why: row.why }));
    }
    Ok(steps)
}

/// What the lines of a sale come to in an enrollment and currency, cancelled ones left out; minor units.
#[derive(Debug, Clone)]
pub struct SaleNet {
    pub enrollment_id: EnrollmentId,
    pub sale_id: SaleId,
    pub currency: Currency,
    pub net_minor: i64,
    pub lines: i64,
}

pub async fn sale_nets(conn: &mut PgConnection, sales: &[Uuid]) -> sqlx::Result<Vec<SaleNet>> {
    sqlx::query_as!(
        SaleNet,
        r#"select enrollment_id as "enrollment_id: EnrollmentId", sale_id as "sale_id!: SaleId",
            currency as "currency: Currency",
            coalesce(sum(amount_minor) filter (where status <> 'cancelled'), 0)::bigint as "net_minor!", count(*) as "lines!"
        from commissions_ledger where sale_id = any($1) group by enrollment_id, sale_id, currency"#,
        sales,
    )
    .fetch_all(conn)
    .await
}
