//! `/holds`.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::super::Answer;
use super::super::caller::{Payer, Reader};
use super::super::input::{Body, Id, Query, from_text};
use super::super::problem::{ErrorDetail, Problem};
use crate::Engine;
use crate::desk::hold_file::{self, HeldCase, HeldLine, HoldQuery};
use crate::desk::{Error, Page, PageRequest, holds};
use crate::domain::actor::Actor;
use crate::domain::hold::{Decision, HoldScope};
use crate::domain::ids::{AffiliateId, EnrollmentId, HoldId, LineId, ProgramId, SaleId};
use crate::domain::money::Money;
use crate::domain::program::{HoldReason, HoldStatus};

/// What narrows the list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct HoldsQuery {
    status: Option<HoldStatus>,
    reason_kind: Option<HoldReason>,
    affiliate: Option<AffiliateId>,
    /// Id or slug.
    program: Option<String>,
    /// Rows of the page, 1 to 100; 25 when it is left out.
    #[serde(default, deserialize_with = "from_text")]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// A hold to be placed: on `lines`, or on all that `affiliate` has unpaid in `program` and earns there meanwhile.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewHold {
    #[serde(default)]
    lines: Vec<LineId>,
    affiliate: Option<AffiliateId>,
    /// Id or slug.
    program: Option<String>,
    /// The affiliate reads it.
    reason: String,
}

/// Why it was decided so.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Decided {
    reason: String,
}

/// One decision about several holds.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DecisionOfMany {
    /// 1 to 100.
    holds: Vec<HoldId>,
    decision: Decision,
    reason: String,
}

/// What became of one of several holds.
#[derive(Debug, Serialize, ToSchema)]
pub struct Outcome {
    id: HoldId,
    /// As it stands now; null when it wasn't decided.
    hold: Option<Hold>,
    /// Why it wasn't decided.
    error: Option<ErrorDetail>,
}

/// What became of each hold.
#[derive(Debug, Serialize, ToSchema)]
pub struct Outcomes {
    data: Vec<Outcome>,
}

/// A stop put on commission lines.
#[derive(Debug, Serialize, ToSchema)]
pub struct Hold {
    id: HoldId,
    enrollment: EnrollmentId,
    affiliate: AffiliateId,
    affiliate_name: String,
    program: ProgramId,
    reason_kind: HoldReason,
    reason: String,
    /// What it stops while it is open, beside the lines that it was placed on.
    scope: HoldScope,
    /// What the reason stands on: the dispute, the sign and its sale, or the refunds with their figures.
    #[schema(value_type = Object)]
    evidence: serde_json::Value,
    status: HoldStatus,
    /// What it stops now, one per currency; empty once it is decided.
    amounts: Vec<Money>,
    /// What of it is final, because a payout of it was not made: a rejection takes it back by lines of its own.
    final_amounts: Vec<Money>,
    /// How many lines it stops or stopped.
    lines: i64,
    sale: Option<SaleId>,
    /// Stripe's dispute that it waits for.
    dispute: Option<String>,
    placed_at: DateTime<Utc>,
    placed_by: String,
    decided_at: Option<DateTime<Utc>>,
    decided_by: Option<String>,
    decision_reason: Option<String>,
}

/// A hold and the newest lines that it stops or stopped.
#[derive(Debug, Serialize, ToSchema)]
pub struct HoldWithLines {
    #[serde(flatten)]
    hold: Hold,
    held: Vec<HeldLine>,
}

impl From<HeldCase> for Hold {
    fn from(case: HeldCase) -> Self {
        let row = case.hold;
        Hold {
            id: row.id,
            enrollment: row.enrollment_id,
            affiliate: row.affiliate_id,
            affiliate_name: row.affiliate_name,
            program: row.program_id,
            reason_kind: row.reason_kind,
            reason: row.reason,
            scope: row.scope,
            evidence: row.evidence,
            status: row.status,
            amounts: case.amounts,
            final_amounts: case.finals,
            lines: row.lines,
            sale: row.sale_id,
            dispute: row.dispute_id,
            placed_at: row.placed_at,
            placed_by: row.placed_by,
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
    let wanted = HoldQuery {
        status: query.status,
        ended: None,
        reason_kind: query.reason_kind,
        affiliate: query.affiliate,
        program: query.program,
    };
    Ok(Json(hold_file::list(&engine, &by.actor, &wanted, &page).await?.map(Hold::from)))
}

/// A hold with the lines that it stops.
#[utoipa::path(get, path = "/holds/{id}", tag = "Holds", params(("id" = HoldId, Path)), security(("key" = ["read"])),
    responses((status = 200, body = HoldWithLines)))]
pub async fn get(State(engine): State<Engine>, by: Reader, Id(id): Id<HoldId>) -> Answer<HoldWithLines> {
    let (case, held) = hold_file::get(&engine, &by.actor, id).await?;
    Ok(Json(HoldWithLines { hold: case.into(), held }))
}

/// Places a hold. Nothing of what it stops is paid until somebody decides about it.
#[utoipa::path(post, path = "/holds", tag = "Holds", security(("key" = ["payouts"])), request_body = NewHold,
    responses((status = 200, body = Hold)))]
pub async fn place(State(engine): State<Engine>, by: Payer, Body(new): Body<NewHold>) -> Answer<Hold> {
    let placed = if new.lines.is_empty() {
        let wanted = |param: &str| Error::invalid(param, "Give the `lines` to stop, or `affiliate` and `program`.");
        let affiliate = new.affiliate.ok_or_else(|| wanted("affiliate"))?;
        let program = new.program.ok_or_else(|| wanted("program"))?;
        holds::place_on_affiliate(&by.actor, &engine, by.now, (affiliate, &program), &new.reason).await?
    } else {
        holds::place_on_lines(&by.actor, &engine, by.now, &new.lines, &new.reason).await?
    };
    now(&engine, &by.actor, placed.id).await
}

/// Decides several holds alike, each for itself; the answer has what became of each.
#[utoipa::path(post, path = "/holds/decide", tag = "Holds", security(("key" = ["payouts"])),
    request_body = DecisionOfMany, responses((status = 200, body = Outcomes)))]
pub async fn decide(State(engine): State<Engine>, by: Payer, Body(asked): Body<DecisionOfMany>) -> Answer<Outcomes> {
    let (decision, reason) = (asked.decision, &asked.reason);
    let outcomes = holds::decide_all(&by.actor, &engine, by.now, &asked.holds, decision, reason).await?;
    let cases = hold_file::chosen(&engine, &by.actor, &asked.holds).await?;
    let mut cases: BTreeMap<HoldId, HeldCase> = cases.into_iter().map(|case| (case.hold.id, case)).collect();
    let data = outcomes.into_iter().map(|(id, outcome)| match outcome {
        Ok(_) => Outcome { id, hold: cases.remove(&id).map(Hold::from), error: None },
        Err(error) => Outcome { id, hold: None, error: Some(Problem::Desk(error).detail()) },
    });
    Ok(Json(Outcomes { data: data.collect() }))
}

/// Releases a hold: its lines go back to where they were.
#[utoipa::path(post, path = "/holds/{id}/approve", tag = "Holds", params(("id" = HoldId, Path)),
    security(("key" = ["payouts"])), request_body = Decided, responses((status = 200, body = Hold)))]
pub async fn approve(
    State(engine): State<Engine>,
    by: Payer,
    Id(id): Id<HoldId>,
    Body(decided): Body<Decided>,
) -> Answer<Hold> {
    holds::approve(&by.actor, &engine, by.now, id, &decided.reason).await?;
    now(&engine, &by.actor, id).await
}

/// Upholds a hold: its lines are cancelled; those that are final are taken back by lines of their own.
#[utoipa::path(post, path = "/holds/{id}/reject", tag = "Holds", params(("id" = HoldId, Path)),
    security(("key" = ["payouts"])), request_body = Decided, responses((status = 200, body = Hold)))]
pub async fn reject(
    State(engine): State<Engine>,
    by: Payer,
    Id(id): Id<HoldId>,
    Body(decided): Body<Decided>,
) -> Answer<Hold> {
    holds::reject(&by.actor, &engine, by.now, id, &decided.reason).await?;
    now(&engine, &by.actor, id).await
}

async fn now(engine: &Engine, actor: &Actor, id: HoldId) -> Answer<Hold> {
    let case = hold_file::chosen(engine, actor, &[id]).await?.pop().ok_or(Error::NotFound("hold"))?;
    Ok(Json(case.into()))
}
