//! Campaigns and the versions of their rules. A version is written once; the newest is in force.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::domain::ids::{CampaignId, ProgramId, RuleVersionId};

/// A campaign with its newest rule.
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
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// One version of a campaign's rule.
#[derive(Debug, Clone)]
pub struct RuleVersionRow {
    pub id: RuleVersionId,
    pub version: i32,
    pub rule: Value,
    pub effective_from: DateTime<Utc>,
    pub created_by: String,
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

pub async fn insert_rule_version(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    campaign: CampaignId,
    version: i32,
    rule: &Value,
    created_by: &str,
) -> sqlx::Result<RuleVersionId> {
    let id = RuleVersionId::new(now);
    sqlx::query!(
        "insert into rule_versions (id, campaign_id, version, rule, effective_from, created_at, created_by)
        values ($1, $2, $3, $4, $5, $5, $6)",
        id.0,
        campaign.0,
        version,
        rule,
        now,
        created_by,
    )
    .execute(conn)
    .await?;
    Ok(id)
}

/// Locks the campaign's row for a change.
pub async fn lock(conn: &mut PgConnection, id: CampaignId) -> sqlx::Result<bool> {
    let row =
        sqlx::query_scalar!("select id from campaigns where id = $1 for update", id.0).fetch_optional(conn).await?;
    Ok(row.is_some())
}

pub async fn find(conn: &mut PgConnection, id: CampaignId) -> sqlx::Result<Option<CampaignRow>> {
    sqlx::query_as!(
        CampaignRow,
        r#"select c.id as "id: CampaignId", c.program_id as "program_id: ProgramId", c.name, c.landing_url, c.starts_at,
            c.ends_at, c.active, r.rule, r.version as rule_version, c.created_at, c.updated_at
        from campaigns c join lateral (
            select rule, version from rule_versions where campaign_id = c.id order by version desc limit 1
        ) r on true
        where c.id = $1"#,
        id.0,
    )
    .fetch_optional(conn)
    .await
}

/// Newest first; `program` narrows it.
pub async fn list(
    conn: &mut PgConnection,
    program: Option<ProgramId>,
    before: Option<Uuid>,
    limit: i64,
) -> sqlx::Result<Vec<CampaignRow>> {
    sqlx::query_as!(
        CampaignRow,
        r#"select c.id as "id: CampaignId", c.program_id as "program_id: ProgramId", c.name, c.landing_url, c.starts_at,
            c.ends_at, c.active, r.rule, r.version as rule_version, c.created_at, c.updated_at
        from campaigns c join lateral (
            select rule, version from rule_versions where campaign_id = c.id order by version desc limit 1
        ) r on true
        where ($1::uuid is null or c.program_id = $1) and ($2::uuid is null or c.id < $2)
        order by c.id desc limit $3"#,
        program.map(|id| id.0) as Option<Uuid>,
        before,
        limit,
    )
    .fetch_all(conn)
    .await
}

/// All versions, newest first.
pub async fn rule_versions(conn: &mut PgConnection, id: CampaignId) -> sqlx::Result<Vec<RuleVersionRow>> {
    sqlx::query_as!(
        RuleVersionRow,
        r#"select id as "id: RuleVersionId", version, rule, effective_from, created_by from rule_versions
        where campaign_id = $1 order by version desc"#,
        id.0,
    )
    .fetch_all(conn)
    .await
}
