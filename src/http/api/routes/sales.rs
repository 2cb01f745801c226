//! `/sales`.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::super::Answer;
use super::super::caller::{Reader, Writer};
use super::super::input::{Body, Id, Query, from_text};
use crate::Engine;
use crate::desk::sale_story::{self, SaleStory};
use crate::desk::sales::{self, Sale, SaleQuery};
use crate::desk::unattributed::{self, LookedAgain};
use crate::desk::{Page, PageRequest};
use crate::domain::attribution::UnattributedReason;
use crate::domain::ids::{AffiliateId, SaleId};

/// What narrows the list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct SalesQuery {
    /// `false`: only sales credited to nobody, with the reason; `true`: only credited ones.
    #[serde(default, deserialize_with = "from_text")]
    attributed: Option<bool>,
    affiliate: Option<AffiliateId>,
    /// Why nobody is credited.
    reason: Option<UnattributedReason>,
    /// Id or slug: credited in the program, or with evidence that leads into it.
    program: Option<String>,
    /// `true`: only sales that show signs of fraud; `false`: only others.
    #[serde(default, deserialize_with = "from_text")]
    flagged: Option<bool>,
    /// Rows of the page, 1 to 100; 25 when it is left out.
    #[serde(default, deserialize_with = "from_text")]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Whom to credit.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Attribution {
    affiliate: AffiliateId,
}

/// Lists sales, newest first, with who is credited or why nobody is.
#[utoipa::path(get, path = "/sales", tag = "Sales", params(SalesQuery), security(("key" = ["read"])),
    responses((status = 200, body = Page<Sale>)))]
pub async fn list(State(engine): State<Engine>, by: Reader, Query(query): Query<SalesQuery>) -> Answer<Page<Sale>> {
    let page = PageRequest::new(query.limit, query.cursor.clone())?;
    let SalesQuery { attributed, affiliate, flagged, reason, program, .. } = query;
    let filter = SaleQuery { attributed, affiliate, flagged, reason, program };
    Ok(Json(sales::list(&engine, &by.actor, &filter, &page).await?))
}

/// Reads a sale, with what was bought and the sales that turned out to be the same.
#[utoipa::path(get, path = "/sales/{id}", tag = "Sales", params(("id" = SaleId, Path)), security(("key" = ["read"])),
    responses((status = 200, body = SaleStory)))]
pub async fn get(State(engine): State<Engine>, by: Reader, Id(id): Id<SaleId>) -> Answer<SaleStory> {
    Ok(Json(sale_story::get(&engine, &by.actor, id).await?))
}

/// Credits a sale that nobody was credited with.
#[utoipa::path(post, path = "/sales/{id}/attribute", tag = "Sales", params(("id" = SaleId, Path)),
    security(("key" = ["write"])), request_body = Attribution, responses((status = 200, body = Sale)))]
pub async fn attribute(
    State(engine): State<Engine>,
    by: Writer,
    Id(id): Id<SaleId>,
    Body(to): Body<Attribution>,
) -> Answer<Sale> {
    Ok(Json(sales::attribute(&engine, &by.actor, by.now, id, to.affiliate).await?))
}

/// Weighs a sale that nobody is credited with again, after the cause was mended.
#[utoipa::path(post, path = "/sales/{id}/look-again", tag = "Sales", params(("id" = SaleId, Path)),
    security(("key" = ["write"])), responses((status = 200, body = Sale)))]
pub async fn look_again(State(engine): State<Engine>, by: Writer, Id(id): Id<SaleId>) -> Answer<Sale> {
    unattributed::look_at(&engine, &by.actor, by.now, id).await?;
    Ok(Json(sales::get(&engine, &by.actor, id).await?))
}

/// Which sales to look at again.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LookAgain {
    reason: UnattributedReason,
    /// Id or slug: only sales whose evidence leads into the program.
    program: Option<String>,
}

/// Weighs the sales of a reason again, oldest first and up to 200 at once.
#[utoipa::path(post, path = "/sales/look-again", tag = "Sales", security(("key" = ["write"])), request_body = LookAgain,
    responses((status = 200, body = LookedAgain)))]
pub async fn look_at_all_again(
    State(engine): State<Engine>,
    by: Writer,
    Body(which): Body<LookAgain>,
) -> Answer<LookedAgain> {
    let program = which.program.as_deref();
    Ok(Json(unattributed::look_at_all(&engine, &by.actor, by.now, which.reason, program).await?))
}
