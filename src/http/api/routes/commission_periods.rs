//! `/commission-periods`.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::super::Answer;
use super::super::caller::{Payer, Reader};
use super::super::input::{Body, Query, from_text};
use crate::Engine;
use crate::desk::periods::{self, CommissionPeriod};
use crate::desk::{Page, PageRequest};

/// Whose periods.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PeriodsQuery {
    /// A program's id or slug.
    program: String,
    /// Rows of the page, 1 to 100; 25 when it is left out.
    #[serde(default, deserialize_with = "from_text")]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// What to finalize.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FinalizePeriod {
    /// A program's id or slug.
    program: String,
    /// A period of the program's kind that is over, such as `2026-10`.
    period: String,
}

/// Lists a program's commission periods, the latest first, with what finalizing each would lock and leave out, or did.
#[utoipa::path(get, path = "/commission-periods", tag = "Payouts", params(PeriodsQuery), security(("key" = ["read"])),
    responses((status = 200, body = Page<CommissionPeriod>)))]
pub async fn list(
    State(engine): State<Engine>,
    by: Reader,
    Query(query): Query<PeriodsQuery>,
) -> Answer<Page<CommissionPeriod>> {
    let page = PageRequest::new(query.limit, query.cursor)?;
    Ok(Json(periods::list(&engine, &by.actor, by.now, &query.program, &page).await?))
}

/// Locks what was earned in a period that is over, and what is left of those before it: later refunds become lines of their
/// own. Lines that are pending or on hold stay out, and go with a later period. Asked again, it answers with the same
/// record; 409 `period_not_over` before its end.
#[utoipa::path(post, path = "/commission-periods/finalize", tag = "Payouts", security(("key" = ["payouts"])),
    request_body = FinalizePeriod, responses((status = 200, body = CommissionPeriod)))]
pub async fn finalize(
    State(engine): State<Engine>,
    by: Payer,
    Body(wanted): Body<FinalizePeriod>,
) -> Answer<CommissionPeriod> {
    Ok(Json(periods::finalize(&engine, &by.actor, by.now, &wanted.program, &wanted.period).await?))
}
