//! Campaigns with the rule in force and the coupons that belong to them. The versions of rules are in `rule_versions`.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::domain::ids::{CampaignId, ProgramId};

/// A campaign with the rule in force.
#[derive(Debug, Clone)]
pub struct CampaignRow {
    pub id: CampaignId,
    pub program_id: ProgramId,
    pub name: String,
    pub landing_url: Option<String>,
    pub starts_at: Option<DateTime<Utc>>,
    pub ends_at: Option<DateTime<Utc>>,
    pub active: bool,
    pub rule: Value,
    pub rule_version: i32,
    /// The codes that lead to this campaign, in order.
    pub coupons: Vec<String>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

pub async fn insert(conn: &mut PgConnection, campaign: &CampaignRow) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into campaigns (id, program_id, name, landing_url, starts_at, ends_at, active, created_at, updated_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        campaign.id.0,
        campaign.program_id.0,
        campaign.name,
        campaign.landing_url,
        campaign.starts_at,
        campaign.ends_at,
        campaign.active,
        campaign.created_at,
        campaign.updated_at,
    )
    .execute(conn)
    .await?;
    Ok(())
}

pub async fn update(conn: &mut PgConnection, campaign: &CampaignRow) -> sqlx::Result<()> {
    sqlx::query!(
        "update campaigns set name = $2, landing_url = $3, starts_at = $4, ends_at = $5, active = $6, updated_at = $7
        where id = $1",
        campaign.id.0,
        campaign.name,
        campaign.landing_url,
        campaign.starts_at,
        campaign.ends_at,
        campaign.active,
        campaign.updated_at,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Locks the campaign's row for a change.
pub async fn lock(conn: &mut PgConnection, id: CampaignId) -> sqlx::Result<bool> {
    let row =
        sqlx::query_scalar!("select id from campaigns where id = $1 for update", id.0).fetch_optional(conn).await?;
    Ok(row.is_some())
}

/// The campaign with the rule in force at `now`.
pub async fn find(conn: &mut PgConnection, now: DateTime<Utc>, id: CampaignId) -> sqlx::Result<Option<CampaignRow>> {
    Ok(select(conn, now, Some(id), None, None, 1).await?.pop())
}

/// Newest first, with the rules in force at `now`; `program` narrows it.
pub async fn list(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    program: Option<ProgramId>,
    before: Option<Uuid>,
    limit: i64,
) -> sqlx::Result<Vec<CampaignRow>> {
    select(conn, now, None, program, before, limit).await
}

async fn select(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    id: Option<CampaignId>,
    program: Option<ProgramId>,
    before: Option<Uuid>,
    limit: i64,
) -> sqlx::Result<Vec<CampaignRow>> {
    sqlx::query_as!(
        CampaignRow,
        r#"select c.id as "id: CampaignId", c.program_id as "program_id: ProgramId", c.name, c.landing_url, c.starts_at,
            c.ends_at, c.active, r.rule as "rule!", r.version as "rule_version!",
            array(select k.code from coupons k where k.campaign_id = c.id order by k.code) as "coupons!",
            c.created_at, c.updated_at
        from campaigns c join lateral (
            select v.rule, v.version from standing_rule_versions v where v.campaign_id = c.id
            order by (v.effective_from <= $1) desc,
                case when v.effective_from <= $1 then v.effective_from end desc,
                case when v.effective_from <= $1 then v.version end desc,
                v.effective_from, v.version
            limit 1
        ) r on true
        where ($2::uuid is null or c.id = $2) and ($3::uuid is null or c.program_id = $3)
            and ($4::uuid is null or c.id < $4)
        order by c.id desc limit $5"#,
        now,
        id.map(|id| id.0) as Option<Uuid>,
        program.map(|id| id.0) as Option<Uuid>,
        before,
        limit,
    )
    .fetch_all(conn)
    .await
}

/// A coupon of the program and the campaign that it belongs to.
#[derive(Debug, Clone)]
pub struct CouponRow {
    pub code: String,
    pub campaign_id: Option<CampaignId>,
    pub campaign: Option<String>,
}

/// Those of the codes, in lower case, that are coupons of affiliates of the program.
pub async fn coupons_among(
    conn: &mut PgConnection,
    program: ProgramId,
    codes: &[String],
) -> sqlx::Result<Vec<CouponRow>> {
    sqlx::query_as!(
        CouponRow,
        r#"select k.code, k.campaign_id as "campaign_id: CampaignId", c.name as "campaign?"
        from coupons k join enrollments e on e.id = k.enrollment_id left join campaigns c on c.id = k.campaign_id
        where e.program_id = $1 and k.code = any($2)"#,
        program.0,
        codes,
    )
    .fetch_all(conn)
    .await
}

/// Makes these coupons, and no others, lead to the campaign.
pub async fn set_coupons(conn: &mut PgConnection, id: CampaignId, codes: &[String]) -> sqlx::Result<()> {
    sqlx::query!(
        "update coupons set campaign_id = case when code = any($2) then $1 end
        where (campaign_id = $1) is distinct from (code = any($2)) and (campaign_id = $1 or code = any($2))",
        id.0,
        codes,
    )
    .execute(conn)
    .await?;
    Ok(())
}
