//! `/leads`.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::super::Answer;
use super::super::caller::{Reader, Writer};
use super::super::input::{Body, Id, Query, Rows, from_text, read};
use super::super::problem::{ErrorDetail, Problem};
use crate::Engine;
use crate::desk::leads::bulk::{self, BulkOutcome, RowOutcome};
use crate::desk::leads::{self, ChangedLead, Lead, LeadPatch, LeadQuery, NewLead, Retroactive};
use crate::desk::{Page, PageRequest};
use crate::domain::ids::{AffiliateId, LeadId};

/// What narrows the list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct LeadsQuery {
    affiliate: Option<AffiliateId>,
    email: Option<String>,
    /// Part of an e-mail or of an affiliate's name, or a customer id.
    search: Option<String>,
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
    let filter = LeadQuery { affiliate: query.affiliate, email: query.email, search: query.search };
    Ok(Json(leads::list(&engine, &by.actor, &filter, &page).await?))
}

/// Enters a lead.
#[utoipa::path(post, path = "/leads", tag = "Leads", security(("key" = ["write"])), request_body = NewLead,
    responses((status = 200, body = Lead)))]
pub async fn create(State(engine): State<Engine>, by: Writer, Body(new): Body<NewLead>) -> Answer<Lead> {
    Ok(Json(leads::create(&engine, &by.actor, by.now, new).await?))
}

/// Whether a lead's past payments are credited too.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct RetroactiveQuery {
    /// `preview` says which past payments would be credited, with their commission, and changes nothing; `apply` credits
    /// them. Payments that are credited already stay with whom they are.
    #[param(inline)]
    retroactive: Option<Retroactive>,
}

/// Changes a lead. A customer id set here counts for payments from now on, unless past ones are asked for.
#[utoipa::path(patch, path = "/leads/{id}", tag = "Leads", params(("id" = LeadId, Path), RetroactiveQuery),
    security(("key" = ["write"])), request_body = LeadPatch, responses((status = 200, body = ChangedLead)))]
pub async fn update(
    State(engine): State<Engine>,
    by: Writer,
    Id(id): Id<LeadId>,
    Query(query): Query<RetroactiveQuery>,
    Body(patch): Body<LeadPatch>,
) -> Answer<ChangedLead> {
    Ok(Json(leads::update(&engine, &by.actor, by.now, id, patch, query.retroactive).await?))
}

/// How many leads are entered.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct BulkQuery {
    /// `true`: all or nothing.
    #[serde(default, deserialize_with = "from_text")]
    atomic: Option<bool>,
}

/// The leads to be entered; the list alone is understood too.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "it describes the body, whose rows are read one by one")]
pub struct BulkLeads {
    /// Up to 1000.
    leads: Vec<NewLead>,
}

/// Enters many leads, each with its outcome. Who is the affiliate's lead already is changed.
#[utoipa::path(post, path = "/leads/bulk", tag = "Leads", params(BulkQuery), security(("key" = ["write"])),
    request_body = BulkLeads,
    responses((status = 200, body = BulkOutcome), (status = 422, description = "All or nothing was asked for, and a row is wrong.", body = RefusedRows)))]
pub async fn bulk(
    State(engine): State<Engine>,
    by: Writer,
    Query(query): Query<BulkQuery>,
    rows: Rows,
) -> Result<Response, Problem> {
    let atomic = query.atomic.unwrap_or(false);
    let given = rows.list("leads")?.into_iter().map(read::<NewLead>).collect();
    let outcome = bulk::enter(&engine, &by.actor, by.now, given, atomic).await?;
    if !atomic || outcome.failed == 0 {
        return Ok(Json(outcome).into_response());
    }
    let refused = RefusedRows::of(outcome);
    Ok((StatusCode::UNPROCESSABLE_ENTITY, Json(refused)).into_response())
}

/// All or nothing was asked for, and nothing was entered.
#[derive(Debug, Serialize, ToSchema)]
pub struct RefusedRows {
    error: ErrorDetail,
    /// The rows that are wrong.
    data: Vec<RowOutcome>,
    created: usize,
    failed: usize,
}

impl RefusedRows {
    fn of(outcome: BulkOutcome) -> Self {
        let rows = outcome.data.len();
        let data: Vec<RowOutcome> = outcome.data.into_iter().filter(|row| row.error.is_some()).collect();
        let first = data.first().map_or(1, |row| row.row);
        let message =
            format!("{} of {rows} rows are wrong, so nothing was entered. Row {first} is the first.", data.len());
        let param = Some(format!("leads[{}]", first.saturating_sub(1)));
        Self {
            error: ErrorDetail { code: "invalid_rows".to_owned(), message, param },
            failed: data.len(),
            data,
            created: 0,
        }
    }
}
