//! `/commissions`.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::super::Answer;
use super::super::caller::{Payer, Reader};
use super::super::idempotent::Key;
use super::super::input::{Body, Id, Query, from_text};
use crate::Engine;
use crate::desk::adjustments::{self, NewAdjustment};
use crate::desk::commissions::{self, Commission, CommissionQuery, HistoryStep};
use crate::desk::held::{self, Held};
use crate::desk::{Page, PageRequest, programs};
use crate::domain::ids::{AffiliateId, LineId, PayoutItemId, SaleId};
use crate::domain::line::{LineKind, LineStatus};

/// What narrows the list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct CommissionsQuery {
    affiliate: Option<AffiliateId>,
    /// A program's id or slug.
    program: Option<String>,
    status: Option<LineStatus>,
    kind: Option<LineKind>,
    sale: Option<SaleId>,
    /// Only the lines that a payout is, or was to be, made of.
    payout_item: Option<PayoutItemId>,
    /// `true`: only lines whose sale shows signs of fraud; `false`: only others.
    #[serde(default, deserialize_with = "from_text")]
    flagged: Option<bool>,
    /// A part of the affiliate's name or e-mail.
    search: Option<String>,
    /// A month, `2026-11`, UTC.
    period: Option<String>,
    /// Rows of the page, 1 to 100; 25 when it is left out.
    #[serde(default, deserialize_with = "from_text")]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// A line with its steps.
#[derive(Debug, Serialize, ToSchema)]
pub struct CommissionDetail {
    #[serde(flatten)]
    pub commission: Commission,
    pub history: Vec<HistoryStep>,
}

/// Which program's lines are approved; all when it is left out.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HeldQuery {
    /// A program's id or slug.
    program: Option<String>,
    /// `true`: answers what would be approved, and changes nothing.
    #[serde(default)]
    preview: bool,
}

/// Lists commission lines, newest first.
#[utoipa::path(get, path = "/commissions", tag = "Commissions", params(CommissionsQuery), security(("key" = ["read"])),
    responses((status = 200, body = Page<Commission>)))]
pub async fn list(
    State(engine): State<Engine>,
    by: Reader,
    Query(query): Query<CommissionsQuery>,
) -> Answer<Page<Commission>> {
    let page = PageRequest::new(query.limit, query.cursor)?;
    let query = CommissionQuery {
        affiliate: query.affiliate,
        program: query.program,
        status: query.status,
        kind: query.kind,
        sale: query.sale,
        payout_item: query.payout_item,
        flagged: query.flagged,
        search: query.search,
        period: query.period,
    };
    Ok(Json(commissions::list(&engine, &by.actor, &query, &page).await?))
}

/// Reads a line with the steps of its status.
#[utoipa::path(get, path = "/commissions/{id}", tag = "Commissions", params(("id" = LineId, Path)),
    security(("key" = ["read"])), responses((status = 200, body = CommissionDetail)))]
pub async fn get(State(engine): State<Engine>, by: Reader, Id(id): Id<LineId>) -> Answer<CommissionDetail> {
    let (commission, history) = commissions::get(&engine, &by.actor, id).await?;
    Ok(Json(CommissionDetail { commission, history }))
}

/// Adds a bonus or an adjustment to what an affiliate is due. The same `Idempotency-Key` adds it once, whenever it is sent.
#[utoipa::path(post, path = "/commissions", tag = "Commissions", security(("key" = ["payouts"])),
    request_body = NewAdjustment, responses((status = 200, body = Commission)))]
pub async fn add(
    State(engine): State<Engine>,
    by: Payer,
    key: Key,
    Body(new): Body<NewAdjustment>,
) -> Answer<Commission> {
    let key = key.or_new(&by.actor, by.now);
    Ok(Json(adjustments::add(&by.actor, &engine, by.now, &new, &key).await?))
}

/// Approves every pending line whose hold window is over, or says what that would be.
#[utoipa::path(post, path = "/commissions/process-held", tag = "Commissions", security(("key" = ["payouts"])),
    request_body = HeldQuery, responses((status = 200, body = Held)))]
pub async fn process_held(State(engine): State<Engine>, by: Payer, Body(query): Body<HeldQuery>) -> Answer<Held> {
    let program = programs::id_param(&engine, &by.actor, query.program.as_deref()).await?;
    let answer = match query.preview {
        true => held::preview(&by.actor, &engine, by.now, program).await?,
        false => held::process(&by.actor, &engine, by.now, program).await?,
    };
    Ok(Json(answer))
}
