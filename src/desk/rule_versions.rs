//! The versions of a campaign's rule: written from a time on, listed with what each changed, and withdrawn while they are still
//! to come. A version from the past is refused: sales paid until now were priced, and told to affiliates, by the rule of then.

use chrono::{DateTime, SubsecRound, Utc};
use serde::Serialize;
use serde_json::{Value, json};
use sqlx::PgConnection;
use utoipa::ToSchema;

use super::{Error, Result};
use crate::Engine;
use crate::domain::actor::{Actor, Permission};
use crate::domain::currency::Currency;
use crate::domain::ids::{CampaignId, RuleVersionId, UserId};
use crate::domain::rule::Rule;
use crate::domain::rule::version::{self, VersionState, VersionTime};
use crate::store::rule_versions::{self, NewRuleVersion, RuleVersionRow};
use crate::store::{audit, campaigns, programs, users};

/// One version of a campaign's rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct RuleVersion {
    pub id: RuleVersionId,
    pub version: i32,
    #[schema(value_type = Object)]
    pub rule: Value,
    /// The rule in a few words.
    pub summary: String,
    pub state: VersionState,
    pub effective_from: DateTime<Utc>,
    /// What it says differently from the version before it, in words; empty for the first.
    pub differences: Vec<String>,
    pub created_at: DateTime<Utc>,
    pub created_by: String,
    /// The e-mail of the person who wrote it, if it was a person of the company.
    pub created_by_email: Option<String>,
    pub withdrawn_at: Option<DateTime<Utc>>,
    pub withdrawn_by: Option<String>,
}

/// All versions of the campaign's rule, newest first, as they stand at `now`.
///
/// # Errors
/// [`Error::Forbidden`], [`Error::NotFound`].
pub async fn list(engine: &Engine, actor: &Actor, now: DateTime<Utc>, id: CampaignId) -> Result<Vec<RuleVersion>> {
    actor.require(Permission::Read)?;
    let mut conn = engine.pool.acquire().await?;
    read(&mut conn, now, id).await
}

async fn read(conn: &mut PgConnection, now: DateTime<Utc>, id: CampaignId) -> Result<Vec<RuleVersion>> {
    let campaign = campaigns::find(conn, now, id).await?.ok_or(Error::NotFound("campaign"))?;
    let program = programs::find(conn, campaign.program_id).await?.ok_or(Error::NotFound("program"))?;
    let rows = rule_versions::list(conn, id).await?;
    let times: Vec<VersionTime> = rows.iter().map(RuleVersionRow::time).collect();
    let people = users::of_company(conn).await?;
    let email = |by: &str| {
        let id: Option<UserId> = by.strip_prefix("user:").and_then(|id| id.parse().ok());
        people.iter().find(|person| Some(person.id) == id).map(|person| person.email.clone())
    };
    let told = |row: &RuleVersionRow| RuleVersion {
        created_by_email: email(&row.created_by),
        ..told(row, &rows, &times, program.currency, now)
    };
    Ok(rows.iter().map(told).collect())
}

fn told(
    row: &RuleVersionRow,
    rows: &[RuleVersionRow],
    times: &[VersionTime],
    currency: Currency,
    now: DateTime<Utc>,
) -> RuleVersion {
    let before = version::before(times, &row.time());
    let before = before.and_then(|number| rows.iter().find(|other| other.version == number));
    let rule = Rule::from_json(&row.rule).ok();
    let differences = match (before.and_then(|before| Rule::from_json(&before.rule).ok()), &rule) {
        (Some(before), Some(rule)) => rule.differences(&before, currency),
        _ => Vec::new(),
    };
    RuleVersion {
        id: row.id,
        version: row.version,
        rule: row.rule.clone(),
        summary: rule.map(|rule| rule.summary()).unwrap_or_default(),
        state: version::state(times, &row.time(), now),
        effective_from: row.effective_from,
        differences,
        created_at: row.created_at,
        created_by: row.created_by.clone(),
        created_by_email: None,
        withdrawn_at: row.withdrawn_at,
        withdrawn_by: row.withdrawn_by.clone(),
    }
}

/// Since when a rule that is given at `now` counts.
pub(super) fn effective_from(
    now: DateTime<Utc>,
    asked: Option<DateTime<Utc>>,
    with_rule: bool,
) -> Result<DateTime<Utc>> {
    let Some(asked) = asked else { return Ok(now) };
    if !with_rule {
        return Err(Error::invalid("effective_from", "`effective_from` goes with a `rule`: give both."));
    }
    if asked < now.trunc_subsecs(0) {
        let message =
            "`effective_from` must be now or later: sales paid before keep the rule that they were priced by.";
        return Err(Error::invalid("effective_from", message));
    }
    Ok(asked.trunc_subsecs(0).max(now))
}

/// Writes the rule as the campaign's next version, unless the one in force at `effective_from` says the same. The campaign is
/// locked by the caller. Answers the version's number.
pub(super) async fn write(
    conn: &mut PgConnection,
    actor: &Actor,
    now: DateTime<Utc>,
    id: CampaignId,
    rule: &Rule,
    effective_from: DateTime<Utc>,
) -> Result<Option<i32>> {
    let rows = rule_versions::list(conn, id).await?;
    let times: Vec<VersionTime> = rows.iter().map(RuleVersionRow::time).collect();
    let then = version::in_force(&times, effective_from);
    let rule = rule.to_json();
    if rows.iter().any(|row| Some(row.version) == then && row.rule == rule) {
        return Ok(None);
    }
    let version = rows.iter().map(|row| row.version).max().unwrap_or(0) + 1;
    let by = actor.audit_name();
    let new = NewRuleVersion { campaign: id, version, rule: &rule, effective_from, created_by: &by };
    rule_versions::insert(conn, now, &new).await?;
    Ok(Some(version))
}

/// Takes back a version that isn't in force yet: the versions before it stay in force. Withdrawing it again changes nothing.
///
/// # Errors
/// [`Error::Forbidden`], [`Error::NotFound`]; [`Error::Conflict`] `already_in_force` when its time has come.
pub async fn withdraw(
    engine: &Engine,
    actor: &Actor,
    now: DateTime<Utc>,
    id: CampaignId,
    number: i32,
) -> Result<Vec<RuleVersion>> {
    actor.require(Permission::Write)?;
    let mut tx = engine.pool.begin().await?;
    if !campaigns::lock(&mut tx, id).await? {
        return Err(Error::NotFound("campaign"));
    }
    let rows = rule_versions::list(&mut tx, id).await?;
    let row = rows.iter().find(|row| row.version == number).ok_or(Error::NotFound("rule version"))?;
    if row.withdrawn_at.is_none() {
        // The first version counts for earlier sales too, whenever it begins.
        if row.effective_from <= now || rows.iter().filter(|other| other.withdrawn_at.is_none()).count() < 2 {
            let message = format!(
                "Version {number} has come into force and prices sales. Write a new version that says what should count now."
            );
            return Err(Error::conflict("already_in_force", message));
        }
        rule_versions::withdraw(&mut tx, now, row.id, &actor.audit_name()).await?;
        let details = json!({ "version": number, "effective_from": row.effective_from });
        audit::record(&mut tx, now, actor, "campaign.rule_withdrawn", ("campaign", id.to_string()), details).await?;
    }
    let versions = read(&mut tx, now, id).await?;
    tx.commit().await?;
    Ok(versions)
}
