//! The versions of campaigns' rules. A version is written once, and so is its withdrawal; `domain::rule::version` says which
//! one counts when.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;

use crate::domain::ids::{CampaignId, RuleVersionId};
use crate::domain::rule::version::VersionTime;

/// One version of a campaign's rule.
#[derive(Debug, Clone)]
pub struct RuleVersionRow {
    pub id: RuleVersionId,
    pub version: i32,
    pub rule: Value,
    pub effective_from: DateTime<Utc>,
    pub created_at: DateTime<Utc>,
    pub created_by: String,
    pub withdrawn_at: Option<DateTime<Utc>>,
    pub withdrawn_by: Option<String>,
}

impl RuleVersionRow {
    pub fn time(&self) -> VersionTime {
        VersionTime {
            version: self.version,
            effective_from: self.effective_from,
            is_withdrawn: self.withdrawn_at.is_some(),
        }
    }
}

/// A version to be written.
#[derive(Debug, Clone)]
pub struct NewRuleVersion<'a> {
    pub campaign: CampaignId,
    pub version: i32,
    pub rule: &'a Value,
    pub effective_from: DateTime<Utc>,
    pub created_by: &'a str,
}

pub async fn insert(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    new: &NewRuleVersion<'_>,
) -> sqlx::Result<RuleVersionId> {
    let id = RuleVersionId::new(now);
    sqlx::query!(
        "insert into rule_versions (id, campaign_id, version, rule, effective_from, created_at, created_by)
        values ($1, $2, $3, $4, $5, $6, $7)",
        id.0,
        new.campaign.0,
        new.version,
        new.rule,
        new.effective_from,
        now,
        new.created_by,
    )
    .execute(conn)
    .await?;
    Ok(id)
}

/// All versions, newest first.
pub async fn list(conn: &mut PgConnection, campaign: CampaignId) -> sqlx::Result<Vec<RuleVersionRow>> {
    sqlx::query_as!(
        RuleVersionRow,
        r#"select r.id as "id: RuleVersionId", r.version, r.rule, r.effective_from, r.created_at, r.created_by,
            w.withdrawn_at as "withdrawn_at?", w.withdrawn_by as "withdrawn_by?"
        from rule_versions r left join rule_version_withdrawals w on w.rule_version_id = r.id
        where r.campaign_id = $1 order by r.version desc"#,
        campaign.0,
    )
    .fetch_all(conn)
    .await
}

/// Takes a version back before it comes into force.
pub async fn withdraw(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    id: RuleVersionId,
    withdrawn_by: &str,
) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into rule_version_withdrawals (rule_version_id, withdrawn_at, withdrawn_by) values ($1, $2, $3)",
        id.0,
        now,
        withdrawn_by,
    )
    .execute(conn)
    .await?;
    Ok(())
}
