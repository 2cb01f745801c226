//! `/leads`.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use utoipa::IntoParams;

use super::super::Answer;
use super::super::caller::{Reader, Writer};
use super::super::input::{Body, Id, Query, from_text};
use crate::Engine;
use crate::desk::leads::{self, Lead, LeadPatch, NewLead};
use crate::desk::{Page, PageRequest};
use crate::domain::ids::{AffiliateId, LeadId};

/// What narrows the list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct LeadsQuery {
    affiliate: Option<AffiliateId>,
    email: Option<String>,
    /// Rows of the page, 1 to 100; 25 when it is left out.
    #[serde(default, deserialize_with = "from_text")]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Lists leads, newest first.
#[utoipa::path(get, path = "/leads", tag = "Leads", params(LeadsQuery), security(("key" = ["read"])),
    responses((status = 200, body = Page<Lead>)))]
pub async fn list(State(engine): State<Engine>, by: Reader, Query(query): Query<LeadsQuery>) -> Answer<Page<Lead>> {
    let page = PageRequest::new(query.limit, query.cursor)?;
    Ok(Json(leads::list(&engine, &by.actor, query.affiliate, query.email.as_deref(), &page).await?))
}

/// Enters a lead.
#[utoipa::path(post, path = "/leads", tag = "Leads", security(("key" = ["write"])), request_body = NewLead,
    responses((status = 200, body = Lead)))]
pub async fn create(State(engine): State<Engine>, by: Writer, Body(new): Body<NewLead>) -> Answer<Lead> {
    Ok(Json(leads::create(&engine, &by.actor, by.now, new).await?))
}

/// Changes a lead; a customer id set here counts for payments from now on.
#[utoipa::path(patch, path = "/leads/{id}", tag = "Leads", params(("id" = LeadId, Path)), security(("key" = ["write"])),
    request_body = LeadPatch, responses((status = 200, body = Lead)))]
pub async fn update(
    State(engine): State<Engine>,
    by: Writer,
    Id(id): Id<LeadId>,
    Body(patch): Body<LeadPatch>,
) -> Answer<Lead> {
    Ok(Json(leads::update(&engine, &by.actor, by.now, id, patch).await?))
}
