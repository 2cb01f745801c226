//! `/campaigns`.

use axum::Json;
use axum::extract::{Path, State};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::super::Answer;
use super::super::caller::{Reader, Writer};
use super::super::input::{Body, Id, Query, from_text};
use crate::Engine;
use crate::desk::campaigns::{self, Campaign, CampaignPatch, NewCampaign};
use crate::desk::replay::{self, ReplayRequest, Replayed};
use crate::desk::rule_versions::{self, RuleVersion};
use crate::desk::{Error, Page, PageRequest};
use crate::domain::ids::CampaignId;

/// What narrows the list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct CampaignsQuery {
    /// A program's id or slug.
    program: Option<String>,
    /// Rows of the page, 1 to 100; 25 when it is left out.
    #[serde(default, deserialize_with = "from_text")]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Lists campaigns, newest first.
#[utoipa::path(get, path = "/campaigns", tag = "Campaigns", params(CampaignsQuery), security(("key" = ["read"])),
    responses((status = 200, body = Page<Campaign>)))]
pub async fn list(
    State(engine): State<Engine>,
    by: Reader,
    Query(query): Query<CampaignsQuery>,
) -> Answer<Page<Campaign>> {
    let page = PageRequest::new(query.limit, query.cursor)?;
    Ok(Json(campaigns::list(&engine, &by.actor, by.now, query.program.as_deref(), &page).await?))
}

/// Makes a campaign with the first version of its rule.
#[utoipa::path(post, path = "/campaigns", tag = "Campaigns", security(("key" = ["write"])), request_body = NewCampaign,
    responses((status = 200, body = Campaign)))]
pub async fn create(State(engine): State<Engine>, by: Writer, Body(new): Body<NewCampaign>) -> Answer<Campaign> {
    Ok(Json(campaigns::create(&engine, &by.actor, by.now, new).await?))
}

/// A campaign with all versions of its rule, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct CampaignWithVersions {
    #[serde(flatten)]
    campaign: Campaign,
    versions: Vec<RuleVersion>,
}

/// Reads a campaign with the rule in force and the rule's versions.
#[utoipa::path(get, path = "/campaigns/{id}", tag = "Campaigns", params(("id" = CampaignId, Path)),
    security(("key" = ["read"])), responses((status = 200, body = CampaignWithVersions)))]
pub async fn get(State(engine): State<Engine>, by: Reader, Id(id): Id<CampaignId>) -> Answer<CampaignWithVersions> {
    let campaign = campaigns::get(&engine, &by.actor, by.now, id).await?;
    let versions = rule_versions::list(&engine, &by.actor, by.now, id).await?;
    Ok(Json(CampaignWithVersions { campaign, versions }))
}

/// Changes a campaign; a different rule becomes its next version, from `effective_from` on.
#[utoipa::path(patch, path = "/campaigns/{id}", tag = "Campaigns", params(("id" = CampaignId, Path)),
    security(("key" = ["write"])), request_body = CampaignPatch, responses((status = 200, body = CampaignWithVersions)))]
pub async fn update(
    State(engine): State<Engine>,
    by: Writer,
    Id(id): Id<CampaignId>,
    Body(patch): Body<CampaignPatch>,
) -> Answer<CampaignWithVersions> {
    let campaign = campaigns::update(&engine, &by.actor, by.now, id, patch).await?;
    let versions = rule_versions::list(&engine, &by.actor, by.now, id).await?;
    Ok(Json(CampaignWithVersions { campaign, versions }))
}

/// Lists all versions of the campaign's rule, newest first.
#[utoipa::path(get, path = "/campaigns/{id}/rule-versions", tag = "Campaigns", params(("id" = CampaignId, Path)),
    security(("key" = ["read"])), responses((status = 200, body = Page<RuleVersion>)))]
pub async fn rule_versions(
    State(engine): State<Engine>,
    by: Reader,
    Id(id): Id<CampaignId>,
) -> Answer<Page<RuleVersion>> {
    Ok(Json(Page::whole(rule_versions::list(&engine, &by.actor, by.now, id).await?)))
}

/// Takes back a version that isn't in force yet. Answers all versions.
#[utoipa::path(post, path = "/campaigns/{id}/rule-versions/{version}/withdraw", tag = "Campaigns",
    params(("id" = CampaignId, Path), ("version" = i32, Path)), security(("key" = ["write"])),
    responses((status = 200, body = Page<RuleVersion>)))]
pub async fn withdraw_rule_version(
    State(engine): State<Engine>,
    by: Writer,
    Path((id, version)): Path<(String, String)>,
) -> Answer<Page<RuleVersion>> {
    let id: CampaignId = id.parse().map_err(Error::from)?;
    let version = version.parse().map_err(|_| Error::NotFound("rule version"))?;
    Ok(Json(Page::whole(rule_versions::withdraw(&engine, &by.actor, by.now, id, version).await?)))
}

/// Prices past sales by a rule, as if it had always been in force, and compares with what they earned. Changes nothing.
#[utoipa::path(post, path = "/campaigns/{id}/replay", tag = "Campaigns", params(("id" = CampaignId, Path)),
    security(("key" = ["read"])), request_body = ReplayRequest, responses((status = 200, body = Replayed)))]
pub async fn replay(
    State(engine): State<Engine>,
    by: Reader,
    Id(id): Id<CampaignId>,
    Body(asked): Body<ReplayRequest>,
) -> Answer<Replayed> {
    Ok(Json(replay::replay(&engine, &by.actor, by.now, id, &asked).await?))
}
