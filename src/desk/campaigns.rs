//! Campaigns: what a sale earns. A rule is never changed: a different one becomes the next version, and commissions keep
//! naming the version that priced them.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::field::{self, nullable};
use super::{Error, Page, PageRequest, Result, programs};
use crate::Engine;
use crate::domain::actor::{Actor, Permission};
use crate::domain::ids::{CampaignId, ProgramId, RuleVersionId};
use crate::domain::rule::Rule;
use crate::store::audit;
use crate::store::campaigns::{self, CampaignRow};

/// A campaign with the rule in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Campaign {
    pub id: CampaignId,
    pub program: ProgramId,
    pub name: String,
    /// Where the referral link leads; the program's site when null.
    pub landing_url: Option<String>,
    pub starts_at: Option<DateTime<Utc>>,
    pub ends_at: Option<DateTime<Utc>>,
    pub active: bool,
    #[schema(value_type = Object)]
    pub rule: Value,
    pub rule_version: i32,
    /// The rule in a few words.
    pub rule_summary: String,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// One version of a campaign's rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct RuleVersion {
    pub id: RuleVersionId,
    pub version: i32,
    #[schema(value_type = Object)]
    pub rule: Value,
    pub effective_from: DateTime<Utc>,
    pub created_by: String,
}

/// A campaign to be made.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewCampaign {
    /// A program's id or slug.
    pub program: String,
    pub name: String,
    pub landing_url: Option<String>,
    pub starts_at: Option<DateTime<Utc>>,
    pub ends_at: Option<DateTime<Utc>>,
    pub active: Option<bool>,
    #[schema(value_type = Object)]
    pub rule: Value,
}

/// Changes of a campaign: what is left out stays, null takes a date or the landing page away.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CampaignPatch {
    pub name: Option<String>,
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<String>)]
    pub landing_url: Option<Option<String>>,
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<DateTime<Utc>>)]
    pub starts_at: Option<Option<DateTime<Utc>>>,
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<DateTime<Utc>>)]
    pub ends_at: Option<Option<DateTime<Utc>>>,
    pub active: Option<bool>,
    #[schema(value_type = Option<Object>)]
    pub rule: Option<Value>,
}

/// Makes a campaign with the first version of its rule.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::Invalid`] naming the field, `rule.…` for the rule's.
pub async fn create(engine: &Engine, actor: &Actor, now: DateTime<Utc>, new: NewCampaign) -> Result<Campaign> {
    actor.require(Permission::Write)?;
    let rule = Rule::from_json(&new.rule)?;
    let mut tx = engine.pool.begin().await?;
    let row = CampaignRow {
        id: CampaignId::new(now),
        program_id: programs::resolve_param(&mut tx, "program", &new.program).await?,
        name: new.name.trim().to_owned(),
        landing_url: new.landing_url,
        starts_at: new.starts_at,
        ends_at: new.ends_at,
        active: new.active.unwrap_or(true),
        rule: rule.to_json(),
        rule_version: 1,
        created_at: now,
        updated_at: now,
    };
    check(&row)?;
    campaigns::insert(&mut tx, &row).await?;
    campaigns::insert_rule_version(&mut tx, now, row.id, 1, &row.rule, &actor.audit_name()).await?;
    let details = json!({ "name": row.name, "rule": row.rule });
    audit::record(&mut tx, now, actor, "campaign.created", ("campaign", row.id.to_string()), details).await?;
    tx.commit().await?;
    Ok(row.into())
}

/// Changes a campaign; a different rule becomes its next version, from now on.
///
/// # Errors
/// As [`create`], and [`Error::NotFound`].
pub async fn update(
    engine: &Engine,
    actor: &Actor,
    now: DateTime<Utc>,
    id: CampaignId,
    patch: CampaignPatch,
) -> Result<Campaign> {
    actor.require(Permission::Write)?;
    let rule = patch.rule.as_ref().map(Rule::from_json).transpose()?.map(|rule| rule.to_json());
    let mut tx = engine.pool.begin().await?;
    if !campaigns::lock(&mut tx, id).await? {
        return Err(Error::NotFound("campaign"));
    }
    let before = campaigns::find(&mut tx, id).await?.ok_or(Error::NotFound("campaign"))?;
    let mut row = before.clone();
    row.name = patch.name.map_or(row.name, |name| name.trim().to_owned());
    row.landing_url = patch.landing_url.unwrap_or(row.landing_url);
    row.starts_at = patch.starts_at.unwrap_or(row.starts_at);
    row.ends_at = patch.ends_at.unwrap_or(row.ends_at);
    row.active = patch.active.unwrap_or(row.active);
    row.updated_at = now;
    check(&row)?;
    campaigns::update(&mut tx, &row).await?;
    if let Some(rule) = rule.filter(|rule| *rule != row.rule) {
        row.rule = rule;
        row.rule_version += 1;
        campaigns::insert_rule_version(&mut tx, now, id, row.rule_version, &row.rule, &actor.audit_name()).await?;
    }
    let (before, after) = (Campaign::from(before), Campaign::from(row));
    let details = field::changes(&json!(before), &json!(after));
    audit::record(&mut tx, now, actor, "campaign.updated", ("campaign", id.to_string()), details).await?;
    tx.commit().await?;
    Ok(after)
}

/// # Errors
/// [`Error::Forbidden`], [`Error::NotFound`].
pub async fn get(engine: &Engine, actor: &Actor, id: CampaignId) -> Result<Campaign> {
    actor.require(Permission::Read)?;
    let mut conn = engine.pool.acquire().await?;
    Ok(campaigns::find(&mut conn, id).await?.ok_or(Error::NotFound("campaign"))?.into())
}

/// Campaigns, newest first; `program` is an id or slug.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::Invalid`] for the filter or the cursor.
pub async fn list(engine: &Engine, actor: &Actor, program: Option<&str>, page: &PageRequest) -> Result<Page<Campaign>> {
    actor.require(Permission::Read)?;
    let before = page.before::<CampaignId>()?;
    let mut conn = engine.pool.acquire().await?;
    let program = match program {
        Some(program) => Some(programs::resolve_param(&mut conn, "program", program).await?),
        None => None,
    };
    let rows = campaigns::list(&mut conn, program, before, page.fetch()).await?;
    Ok(page.page(rows.into_iter().map(Campaign::from).collect(), |campaign| campaign.id))
}

/// All versions of the campaign's rule, newest first.
///
/// # Errors
/// [`Error::Forbidden`], [`Error::NotFound`].
pub async fn rule_versions(engine: &Engine, actor: &Actor, id: CampaignId) -> Result<Vec<RuleVersion>> {
    actor.require(Permission::Read)?;
    let mut conn = engine.pool.acquire().await?;
    let rows = campaigns::rule_versions(&mut conn, id).await?;
    if rows.is_empty() {
        return Err(Error::NotFound("campaign"));
    }
    Ok(rows
        .into_iter()
        .map(|row| RuleVersion {
            id: row.id,
            version: row.version,
            rule: row.rule,
            effective_from: row.effective_from,
            created_by: row.created_by,
        })
        .collect())
}

fn check(row: &CampaignRow) -> Result<()> {
    field::name("name", &row.name)?;
    if let Some(landing_url) = &row.landing_url {
        field::url("landing_url", landing_url)?;
    }
    if let (Some(starts_at), Some(ends_at)) = (row.starts_at, row.ends_at)
        && ends_at <= starts_at
    {
        return Err(Error::invalid("ends_at", "`ends_at` must be later than `starts_at`."));
    }
    Ok(())
}

impl From<CampaignRow> for Campaign {
    fn from(row: CampaignRow) -> Self {
        Campaign {
            rule_summary: Rule::from_json(&row.rule).map(|rule| rule.summary()).unwrap_or_default(),
            id: row.id,
            program: row.program_id,
            name: row.name,
            landing_url: row.landing_url,
            starts_at: row.starts_at,
            ends_at: row.ends_at,
            active: row.active,
            rule: row.rule,
            rule_version: row.rule_version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}
