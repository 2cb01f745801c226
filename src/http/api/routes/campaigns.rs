//! `/campaigns`.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use utoipa::IntoParams;

use super::super::Answer;
use super::super::caller::{Reader, Writer};
use super::super::input::{Body, Id, Query, from_text};
use crate::Engine;
use crate::desk::campaigns::{self, Campaign, CampaignPatch, NewCampaign, RuleVersion};
use crate::desk::{Page, PageRequest};
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
    Ok(Json(campaigns::list(&engine, &by.actor, query.program.as_deref(), &page).await?))
}

/// Makes a campaign with the first version of its rule.
#[utoipa::path(post, path = "/campaigns", tag = "Campaigns", security(("key" = ["write"])), request_body = NewCampaign,
    responses((status = 200, body = Campaign)))]
pub async fn create(State(engine): State<Engine>, by: Writer, Body(new): Body<NewCampaign>) -> Answer<Campaign> {
    Ok(Json(campaigns::create(&engine, &by.actor, by.now, new).await?))
}

/// Reads a campaign with the rule in force.
#[utoipa::path(get, path = "/campaigns/{id}", tag = "Campaigns", params(("id" = CampaignId, Path)),
    security(("key" = ["read"])), responses((status = 200, body = Campaign)))]
pub async fn get(State(engine): State<Engine>, by: Reader, Id(id): Id<CampaignId>) -> Answer<Campaign> {
    Ok(Json(campaigns::get(&engine, &by.actor, id).await?))
}

/// Changes a campaign; a different rule becomes its next version.
#[utoipa::path(patch, path = "/campaigns/{id}", tag = "Campaigns", params(("id" = CampaignId, Path)),
    security(("key" = ["write"])), request_body = CampaignPatch, responses((status = 200, body = Campaign)))]
pub async fn update(
    State(engine): State<Engine>,
    by: Writer,
    Id(id): Id<CampaignId>,
    Body(patch): Body<CampaignPatch>,
) -> Answer<Campaign> {
    Ok(Json(campaigns::update(&engine, &by.actor, by.now, id, patch).await?))
}

/// Lists all versions of the campaign's rule, newest first.
#[utoipa::path(get, path = "/campaigns/{id}/rule-versions", tag = "Campaigns", params(("id" = CampaignId, Path)),
    security(("key" = ["read"])), responses((status = 200, body = Page<RuleVersion>)))]
pub async fn rule_versions(
    State(engine): State<Engine>,
    by: Reader,
    Id(id): Id<CampaignId>,
) -> Answer<Page<RuleVersion>> {
    Ok(Json(Page::whole(campaigns::rule_versions(&engine, &by.actor, id).await?)))
}
