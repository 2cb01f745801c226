//! `/claims`, and the affiliate's own under `/me/claims`.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::super::Answer;
use super::super::caller::{Own, Reader, Writer};
use super::super::input::{Body, Id, PageQuery, Query, from_text};
use crate::Engine;
use crate::desk::claims::{self, Claim, MatchedSale, MyClaim, NewClaim};
use crate::desk::{Page, PageRequest};
use crate::domain::claim::ClaimStatus;
use crate::domain::ids::{AffiliateId, ClaimId, SaleId};

/// What narrows the list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ClaimsQuery {
    status: Option<ClaimStatus>,
    affiliate: Option<AffiliateId>,
    /// Rows of the page, 1 to 100; 25 when it is left out.
    #[serde(default, deserialize_with = "from_text")]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// A claim with the sales that may be meant.
#[derive(Debug, Serialize, ToSchema)]
pub struct ClaimDetail {
    #[serde(flatten)]
    claim: Claim,
    /// The likeliest first.
    matches: Vec<MatchedSale>,
}

/// Which sale is credited.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Acceptance {
    sale: SaleId,
}

/// Why it is declined; the affiliate reads it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Refusal {
    reason: String,
}

/// Lists affiliates' claims of sales, newest first.
#[utoipa::path(get, path = "/claims", tag = "Claims", params(ClaimsQuery), security(("key" = ["read"])),
    responses((status = 200, body = Page<Claim>)))]
pub async fn list(State(engine): State<Engine>, by: Reader, Query(query): Query<ClaimsQuery>) -> Answer<Page<Claim>> {
    let page = PageRequest::new(query.limit, query.cursor)?;
    Ok(Json(claims::list(&engine, &by.actor, query.status, query.affiliate, &page).await?))
}

/// Reads a claim with the sales that may be meant.
#[utoipa::path(get, path = "/claims/{id}", tag = "Claims", params(("id" = ClaimId, Path)),
    security(("key" = ["read"])), responses((status = 200, body = ClaimDetail)))]
pub async fn get(State(engine): State<Engine>, by: Reader, Id(id): Id<ClaimId>) -> Answer<ClaimDetail> {
    let (claim, matches) = claims::get(&engine, &by.actor, id).await?;
    Ok(Json(ClaimDetail { claim, matches }))
}

/// Accepts a claim: the sale is credited to the affiliate.
#[utoipa::path(post, path = "/claims/{id}/accept", tag = "Claims", params(("id" = ClaimId, Path)),
    security(("key" = ["write"])), request_body = Acceptance, responses((status = 200, body = Claim)))]
pub async fn accept(
    State(engine): State<Engine>,
    by: Writer,
    Id(id): Id<ClaimId>,
    Body(accepted): Body<Acceptance>,
) -> Answer<Claim> {
    Ok(Json(claims::accept(&engine, &by.actor, by.now, id, accepted.sale).await?))
}

/// Declines a claim with a reason that the affiliate reads.
#[utoipa::path(post, path = "/claims/{id}/decline", tag = "Claims", params(("id" = ClaimId, Path)),
    security(("key" = ["write"])), request_body = Refusal, responses((status = 200, body = Claim)))]
pub async fn decline(
    State(engine): State<Engine>,
    by: Writer,
    Id(id): Id<ClaimId>,
    Body(declined): Body<Refusal>,
) -> Answer<Claim> {
    Ok(Json(claims::decline(&engine, &by.actor, by.now, id, &declined.reason).await?))
}

/// Lists the affiliate's own claims, newest first.
#[utoipa::path(get, path = "/me/claims", tag = "Me", params(PageQuery), security(("affiliate" = [])),
    responses((status = 200, body = Page<MyClaim>)))]
pub async fn mine(State(engine): State<Engine>, by: Own, Query(query): Query<PageQuery>) -> Answer<Page<MyClaim>> {
    Ok(Json(claims::mine(&engine, &by.actor, &query.page()?).await?))
}

/// Claims a sale for the affiliate. The answer says nothing of whether there is such a sale.
#[utoipa::path(post, path = "/me/claims", tag = "Me", security(("affiliate" = [])), request_body = NewClaim,
    responses((status = 200, body = MyClaim)))]
pub async fn make(State(engine): State<Engine>, by: Own, Body(new): Body<NewClaim>) -> Answer<MyClaim> {
    Ok(Json(claims::make(&engine, &by.actor, by.now, new).await?))
}
