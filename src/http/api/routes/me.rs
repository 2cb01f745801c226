//! `/me`: what an affiliate's own token reaches.

use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::super::Answer;
use super::super::caller::Own;
use super::super::input::{Id, Query, from_text};
use super::commissions::CommissionDetail;
use crate::Engine;
use crate::desk::commissions::Commission;
use crate::desk::me::{self, Me};
use crate::desk::zero_earnings::{self, ZeroEarning};
use crate::desk::{Page, PageRequest, payouts};
use crate::domain::batch::{ItemStatus, Rail};
use crate::domain::currency::Currency;
use crate::domain::ids::{LineId, PayoutItemId, ProgramId};
use crate::domain::line::LineStatus;
use crate::store::item_views::ItemView;

/// What narrows the earnings.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct EarningsQuery {
    /// A program's id or slug.
    program: Option<String>,
    status: Option<LineStatus>,
    /// Rows of the page, 1 to 100; 25 when it is left out.
    #[serde(default, deserialize_with = "from_text")]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// A page of lines, and the sales between them that earn nothing.
#[derive(Debug, Serialize, ToSchema)]
pub struct Earnings {
    #[serde(flatten)]
    lines: Page<Commission>,
    /// Credited sales without a line, newest first, with the reason; none when a status is asked for.
    earns_nothing: Vec<ZeroEarning>,
}

/// What narrows the sales that earn nothing.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct MyZeroEarningsQuery {
    /// A program's id or slug.
    program: Option<String>,
    /// Rows of the page, 1 to 100; 25 when it is left out.
    #[serde(default, deserialize_with = "from_text")]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// What narrows the payouts.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct MyPayoutsQuery {
    /// A program's id or slug.
    program: Option<String>,
    /// Rows of the page, 1 to 100; 25 when it is left out.
    #[serde(default, deserialize_with = "from_text")]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// A payout to the affiliate who asks.
#[derive(Debug, Serialize, ToSchema)]
pub struct MyPayout {
    id: PayoutItemId,
    program: ProgramId,
    program_name: String,
    status: ItemStatus,
    amount: i64,
    currency: Currency,
    amount_reversed: i64,
    rail: Rail,
    transfer_id: Option<String>,
    created_at: DateTime<Utc>,
    posted_at: Option<DateTime<Utc>>,
    failed_at: Option<DateTime<Utc>>,
}

/// Reads the affiliate with programs and figures.
#[utoipa::path(get, path = "/me", tag = "Me", security(("affiliate" = [])), responses((status = 200, body = Me)))]
pub async fn overview(State(engine): State<Engine>, by: Own) -> Answer<Me> {
    Ok(Json(me::overview(&engine, &by.actor).await?))
}

/// Lists the affiliate's commission lines, newest first.
#[utoipa::path(get, path = "/me/earnings", tag = "Me", params(EarningsQuery), security(("affiliate" = [])),
    responses((status = 200, body = Earnings)))]
pub async fn earnings(State(engine): State<Engine>, by: Own, Query(query): Query<EarningsQuery>) -> Answer<Earnings> {
    let page = PageRequest::new(query.limit, query.cursor)?;
    let program = query.program.as_deref();
    let lines = me::earnings(&engine, &by.actor, query.program.clone(), query.status, &page).await?;
    let earns_nothing = match query.status {
        None => zero_earnings::beside(&engine, &by.actor, program, &lines, &page).await?,
        Some(_) => Vec::new(),
    };
    Ok(Json(Earnings { lines, earns_nothing }))
}

/// Lists the affiliate's sales that earn nothing, newest first, with the reason.
#[utoipa::path(get, path = "/me/zero-earnings", tag = "Me", params(MyZeroEarningsQuery), security(("affiliate" = [])),
    responses((status = 200, body = Page<ZeroEarning>)))]
pub async fn zero_earnings(
    State(engine): State<Engine>,
    by: Own,
    Query(query): Query<MyZeroEarningsQuery>,
) -> Answer<Page<ZeroEarning>> {
    let page = PageRequest::new(query.limit, query.cursor)?;
    Ok(Json(zero_earnings::mine(&engine, &by.actor, query.program.as_deref(), &page).await?))
}

/// Reads one of the affiliate's lines with the steps of its status.
#[utoipa::path(get, path = "/me/earnings/{id}", tag = "Me", params(("id" = LineId, Path)), security(("affiliate" = [])),
    responses((status = 200, body = CommissionDetail)))]
pub async fn earning(State(engine): State<Engine>, by: Own, Id(id): Id<LineId>) -> Answer<CommissionDetail> {
    let (commission, history) = me::earning(&engine, &by.actor, id).await?;
    Ok(Json(CommissionDetail { commission, history }))
}

/// Lists the affiliate's payouts, newest first.
#[utoipa::path(get, path = "/me/payouts", tag = "Me", params(MyPayoutsQuery), security(("affiliate" = [])),
    responses((status = 200, body = Page<MyPayout>)))]
pub async fn payouts(
    State(engine): State<Engine>,
    by: Own,
    Query(query): Query<MyPayoutsQuery>,
) -> Answer<Page<MyPayout>> {
    let page = PageRequest::new(query.limit, query.cursor)?;
    let program = me::program_param(&engine, &by.actor, query.program.as_deref()).await?;
    Ok(Json(payouts::own_items(&by.actor, &engine, program, &page).await?.map(MyPayout::from)))
}

impl From<ItemView> for MyPayout {
    fn from(row: ItemView) -> Self {
        MyPayout {
            id: row.id,
            program: row.program_id,
            program_name: row.program_name,
            status: row.status,
            amount: row.amount_minor,
            currency: row.currency,
            amount_reversed: row.reversed_minor,
            rail: row.rail,
            transfer_id: row.transfer_id,
            created_at: row.created_at,
            posted_at: row.posted_at,
            failed_at: row.failed_at,
        }
    }
}
