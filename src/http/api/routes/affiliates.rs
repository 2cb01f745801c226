//! `/affiliates`.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::super::Answer;
use super::super::caller::{Reader, Writer};
use super::super::input::{Body, Id, Query, from_text};
use crate::Engine;
use crate::desk::affiliates::{self, Affiliate, AffiliatePatch, AffiliateQuery, NewAffiliate};
use crate::desk::{Page, PageRequest, api_keys};
use crate::domain::ids::AffiliateId;
use crate::domain::program::AffiliateStatus;

/// What narrows the list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AffiliatesQuery {
    /// Part of a name, an e-mail or a code.
    search: Option<String>,
    /// The same as `search`.
    email: Option<String>,
    status: Option<AffiliateStatus>,
    /// A program's id or slug.
    program: Option<String>,
    /// Rows of the page, 1 to 100; 25 when it is left out.
    #[serde(default, deserialize_with = "from_text")]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// A token, shown once.
#[derive(Debug, Serialize, ToSchema)]
pub struct AffiliateToken {
    token: String,
}

/// Lists affiliates with enrollments and balances, newest first.
#[utoipa::path(get, path = "/affiliates", tag = "Affiliates", params(AffiliatesQuery), security(("key" = ["read"])),
    responses((status = 200, body = Page<Affiliate>)))]
pub async fn list(
    State(engine): State<Engine>,
    by: Reader,
    Query(query): Query<AffiliatesQuery>,
) -> Answer<Page<Affiliate>> {
    let page = PageRequest::new(query.limit, query.cursor)?;
    let search = query.search.or(query.email);
    let query = AffiliateQuery { search, status: query.status, program: query.program };
    Ok(Json(affiliates::list(&engine, &by.actor, &query, &page).await?))
}

/// Makes an affiliate with enrollments, and mails them the way in.
#[utoipa::path(post, path = "/affiliates", tag = "Affiliates", security(("key" = ["write"])), request_body = NewAffiliate,
    responses((status = 200, body = Affiliate), (status = 503)))]
pub async fn create(State(engine): State<Engine>, by: Writer, Body(new): Body<NewAffiliate>) -> Answer<Affiliate> {
    Ok(Json(affiliates::create(&engine, &by.actor, by.now, new).await?))
}

/// Reads an affiliate.
#[utoipa::path(get, path = "/affiliates/{id}", tag = "Affiliates", params(("id" = AffiliateId, Path)),
    security(("key" = ["read"])), responses((status = 200, body = Affiliate)))]
pub async fn get(State(engine): State<Engine>, by: Reader, Id(id): Id<AffiliateId>) -> Answer<Affiliate> {
    Ok(Json(affiliates::get(&engine, &by.actor, id).await?))
}

/// Changes an affiliate; listed enrollments are added or changed.
#[utoipa::path(patch, path = "/affiliates/{id}", tag = "Affiliates", params(("id" = AffiliateId, Path)),
    security(("key" = ["write"])), request_body = AffiliatePatch, responses((status = 200, body = Affiliate), (status = 503)))]
pub async fn update(
    State(engine): State<Engine>,
    by: Writer,
    Id(id): Id<AffiliateId>,
    Body(patch): Body<AffiliatePatch>,
) -> Answer<Affiliate> {
    Ok(Json(affiliates::update(&engine, &by.actor, by.now, id, patch).await?))
}

/// Makes a token with which the affiliate's own programs reach `/me`, and nothing else.
#[utoipa::path(post, path = "/affiliates/{id}/tokens", tag = "Affiliates", params(("id" = AffiliateId, Path)),
    security(("key" = ["write"])), responses((status = 200, body = AffiliateToken)))]
pub async fn create_token(State(engine): State<Engine>, by: Writer, Id(id): Id<AffiliateId>) -> Answer<AffiliateToken> {
    let token = api_keys::create_affiliate_token(&engine, &by.actor, by.now, id).await?;
    Ok(Json(AffiliateToken { token }))
}
