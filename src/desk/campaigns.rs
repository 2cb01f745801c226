//! Campaigns: what a sale earns, when, and which coupons lead to it. A rule is never changed: a different one becomes the next
//! version (`rule_versions`), and commissions keep naming the version that priced them.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sqlx::PgConnection;
use utoipa::ToSchema;

use super::field::{self, nullable};
use super::{Error, Page, PageRequest, Result, programs, rule_versions};
use crate::Engine;
use crate::domain::actor::{Actor, Permission};
use crate::domain::ids::{CampaignId, ProgramId};
use crate::domain::rule::Rule;
use crate::pipeline::evidence;
use crate::store::audit;
use crate::store::campaigns::{self, CampaignRow};
use crate::store::rule_versions::{self as store, NewRuleVersion};

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
    /// Affiliates' promotion codes whose sales are priced by this campaign, whatever the program's others say.
    pub coupons: Vec<String>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
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
    /// Promotion codes of affiliates of the program.
    #[serde(default)]
    pub coupons: Vec<String>,
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
    /// Since when the rule counts, now or later; now when it is left out.
    pub effective_from: Option<DateTime<Utc>>,
    /// All promotion codes that belong to the campaign from now on.
    pub coupons: Option<Vec<String>>,
}

/// Makes a campaign with the first version of its rule.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::Invalid`] naming the field, `rule.…` for the rule's.
pub async fn create(engine: &Engine, actor: &Actor, now: DateTime<Utc>, new: NewCampaign) -> Result<Campaign> {
    actor.require(Permission::Write)?;
    let rule = Rule::from_json(&new.rule)?;
    let mut tx = engine.pool.begin().await?;
    let mut row = CampaignRow {
        id: CampaignId::new(now),
        program_id: programs::resolve_param(&mut tx, "program", &new.program).await?,
        name: new.name.trim().to_owned(),
        landing_url: new.landing_url,
        starts_at: new.starts_at,
        ends_at: new.ends_at,
        active: new.active.unwrap_or(true),
        rule: rule.to_json(),
        rule_version: 1,
        coupons: Vec::new(),
        created_at: now,
        updated_at: now,
    };
    check(&row)?;
    campaigns::insert(&mut tx, &row).await?;
    let by = actor.audit_name();
    let first = NewRuleVersion { campaign: row.id, version: 1, rule: &row.rule, effective_from: now, created_by: &by };
    store::insert(&mut tx, now, &first).await?;
    row.coupons = take_coupons(&mut tx, &row, &new.coupons).await?;
    let details = json!({ "name": row.name, "rule": row.rule, "coupons": row.coupons });
    audit::record(&mut tx, now, actor, "campaign.created", ("campaign", row.id.to_string()), details).await?;
    tx.commit().await?;
    Ok(row.into())
}

/// Changes a campaign; a different rule becomes its next version, from `effective_from` on.
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
    let rule = patch.rule.as_ref().map(Rule::from_json).transpose()?;
    let effective_from = rule_versions::effective_from(now, patch.effective_from, rule.is_some())?;
    let mut tx = engine.pool.begin().await?;
    if !campaigns::lock(&mut tx, id).await? {
        return Err(Error::NotFound("campaign"));
    }
    let before = campaigns::find(&mut tx, now, id).await?.ok_or(Error::NotFound("campaign"))?;
    let mut row = before.clone();
    row.name = patch.name.map_or(row.name, |name| name.trim().to_owned());
    row.landing_url = patch.landing_url.unwrap_or(row.landing_url);
    row.starts_at = patch.starts_at.unwrap_or(row.starts_at);
    row.ends_at = patch.ends_at.unwrap_or(row.ends_at);
    row.active = patch.active.unwrap_or(row.active);
    row.updated_at = now;
    check(&row)?;
    campaigns::update(&mut tx, &row).await?;
    if let Some(codes) = &patch.coupons {
        take_coupons(&mut tx, &row, codes).await?;
    }
    let written = match &rule {
        Some(rule) => rule_versions::write(&mut tx, actor, now, id, rule, effective_from).await?,
        None => None,
    };
    let after = campaigns::find(&mut tx, now, id).await?.ok_or(Error::NotFound("campaign"))?;
    let (before, after) = (Campaign::from(before), Campaign::from(after));
    let mut details = field::changes(&json!(before), &json!(after));
    if let Some(version) = written.filter(|version| *version != after.rule_version) {
        details["scheduled"] = json!({ "version": version, "effective_from": effective_from, "rule": rule });
    }
    audit::record(&mut tx, now, actor, "campaign.updated", ("campaign", id.to_string()), details).await?;
    tx.commit().await?;
    Ok(after)
}

/// # Errors
/// [`Error::Forbidden`], [`Error::NotFound`].
pub async fn get(engine: &Engine, actor: &Actor, now: DateTime<Utc>, id: CampaignId) -> Result<Campaign> {
    actor.require(Permission::Read)?;
    let mut conn = engine.pool.acquire().await?;
    Ok(campaigns::find(&mut conn, now, id).await?.ok_or(Error::NotFound("campaign"))?.into())
}

/// The campaign that prices a new sale of the program at `now`, unless the sale's coupon or an earlier sale of its buyer
/// belongs to another one; none when none runs. `program` is an id or slug.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::Invalid`] for the program.
pub async fn pricing(engine: &Engine, actor: &Actor, now: DateTime<Utc>, program: &str) -> Result<Option<Campaign>> {
    actor.require(Permission::Read)?;
    let mut conn = engine.pool.acquire().await?;
    let program = programs::resolve_param(&mut conn, "program", program).await?;
    let Some(id) = evidence::pricing_campaign(&mut conn, program, now).await? else { return Ok(None) };
    Ok(campaigns::find(&mut conn, now, id).await?.map(Campaign::from))
}

/// Campaigns, newest first, with the rules in force at `now`; `program` is an id or slug.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::Invalid`] for the filter or the cursor.
pub async fn list(
    engine: &Engine,
    actor: &Actor,
    now: DateTime<Utc>,
    program: Option<&str>,
    page: &PageRequest,
) -> Result<Page<Campaign>> {
    actor.require(Permission::Read)?;
    let before = page.before::<CampaignId>()?;
    let mut conn = engine.pool.acquire().await?;
    let program = match program {
        Some(program) => Some(programs::resolve_param(&mut conn, "program", program).await?),
        None => None,
    };
    let rows = campaigns::list(&mut conn, now, program, before, page.fetch()).await?;
    Ok(page.page(rows.into_iter().map(Campaign::from).collect(), |campaign| campaign.id))
}

/// Makes the codes, and no others, lead to the campaign. Answers them as they are kept.
async fn take_coupons(conn: &mut PgConnection, row: &CampaignRow, given: &[String]) -> Result<Vec<String>> {
    let codes: BTreeSet<String> = given.iter().map(|code| code.trim().to_lowercase()).collect();
    let codes: Vec<String> = codes.into_iter().filter(|code| !code.is_empty()).collect();
    let known = campaigns::coupons_among(conn, row.program_id, &codes).await?;
    for code in &codes {
        let Some(coupon) = known.iter().find(|coupon| coupon.code == *code) else {
            let message = format!(
                "`{code}` is not a coupon of an affiliate in this program. Give it to an affiliate first, on the affiliate's page."
            );
            return Err(Error::invalid("coupons", message));
        };
        if let (Some(other), Some(name)) = (coupon.campaign_id, &coupon.campaign)
            && other != row.id
        {
            let message = format!("`{code}` belongs to the campaign {name}. Take it from there first.");
            return Err(Error::invalid("coupons", message));
        }
    }
    campaigns::set_coupons(conn, row.id, &codes).await?;
    Ok(codes)
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
            coupons: row.coupons,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}
