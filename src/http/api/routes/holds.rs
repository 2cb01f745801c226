//! `/holds`.

use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::super::Answer;
use super::super::caller::{Payer, Reader};
use super::super::input::{Body, Id, Query, from_text};
use crate::Engine;
use crate::desk::{Page, PageRequest, holds};
use crate::domain::ids::{AffiliateId, EnrollmentId, HoldId, ProgramId};
use crate::domain::program::{HoldReason, HoldStatus};
use crate::store::holds::HoldRow;

/// What narrows the list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct HoldsQuery {
    status: Option<HoldStatus>,
    /// Rows of the page, 1 to 100; 25 when it is left out.
    #[serde(default, deserialize_with = "from_text")]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Why it was decided so.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Decision {
    reason: String,
}

/// A stop put on commission lines.
#[derive(Debug, Serialize, ToSchema)]
pub struct Hold {
    id: HoldId,
    enrollment: EnrollmentId,
    affiliate: AffiliateId,
    affiliate_name: String,
    program: ProgramId,
    kind: HoldReason,
    reason: String,
    /// The figures behind an automatic hold.
    #[schema(value_type = Object)]
    evidence: serde_json::Value,
    status: HoldStatus,
    /// How many lines it stops.
    lines: i64,
    placed_by: String,
    created_at: DateTime<Utc>,
    decided_at: Option<DateTime<Utc>>,
    decided_by: Option<String>,
    decision_reason: Option<String>,
}

impl From<HoldRow> for Hold {
    fn from(row: HoldRow) -> Self {
        Hold {
            id: row.id,
            enrollment: row.enrollment_id,
            affiliate: row.affiliate_id,
            affiliate_name: row.affiliate_name,
            program: row.program_id,
            kind: row.reason_kind,
            reason: row.reason,
            evidence: row.evidence,
            status: row.status,
            lines: row.lines,
            placed_by: row.placed_by,
            created_at: row.placed_at,
            decided_at: row.decided_at,
            decided_by: row.decided_by,
            decision_reason: row.decision_reason,
        }
    }
}

/// Lists holds, newest first.
#[utoipa::path(get, path = "/holds", tag = "Holds", params(HoldsQuery), security(("key" = ["read"])),
    responses((status = 200, body = Page<Hold>)))]
pub async fn list(State(engine): State<Engine>, by: Reader, Query(query): Query<HoldsQuery>) -> Answer<Page<Hold>> {
    let page = PageRequest::new(query.limit, query.cursor)?;
    Ok(Json(holds::list(&by.actor, &engine, query.status, &page).await?.map(Hold::from)))
}

/// Releases a hold: its lines go back to where they were.
#[utoipa::path(post, path = "/holds/{id}/approve", tag = "Holds", params(("id" = HoldId, Path)),
    security(("key" = ["payouts"])), request_body = Decision, responses((status = 200, body = Hold)))]
pub async fn approve(
    State(engine): State<Engine>,
    by: Payer,
    Id(id): Id<HoldId>,
    Body(decision): Body<Decision>,
) -> Answer<Hold> {
    Ok(Json(holds::approve(&by.actor, &engine, by.now, id, &decision.reason).await?.into()))
}

/// Upholds a hold: its lines are cancelled.
#[utoipa::path(post, path = "/holds/{id}/reject", tag = "Holds", params(("id" = HoldId, Path)),
    security(("key" = ["payouts"])), request_body = Decision, responses((status = 200, body = Hold)))]
pub async fn reject(
    State(engine): State<Engine>,
    by: Payer,
    Id(id): Id<HoldId>,
    Body(decision): Body<Decision>,
) -> Answer<Hold> {
    Ok(Json(holds::reject(&by.actor, &engine, by.now, id, &decision.reason).await?.into()))
}
