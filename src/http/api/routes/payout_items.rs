//! `/payout-batches/{id}/items`, `/payout-items` and `/payouts`.

use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::super::Answer;
use super::super::caller::{Payer, Reader};
use super::super::idempotent::Key;
use super::super::input::{Body, Id, PageQuery, Query, from_text};
use crate::Engine;
use crate::desk::{Page, PageRequest, payout_reversals, payout_review, payouts, programs};
use crate::domain::batch::{ItemStatus, Rail};
use crate::domain::currency::Currency;
use crate::domain::ids::{AffiliateId, BatchId, PayoutItemId, ProgramId, ReversalId};
use crate::domain::reversal::ReversalStatus;
use crate::store::item_views::{ItemFilter, ItemView};
use crate::store::payout_calls::AttemptView;
use crate::store::reversals::ReversalRow;

/// What narrows the list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PayoutsQuery {
    status: Option<ItemStatus>,
    affiliate: Option<AffiliateId>,
    /// A program's id or slug.
    program: Option<String>,
    /// Rows of the page, 1 to 100; 25 when it is left out.
    #[serde(default, deserialize_with = "from_text")]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// One affiliate, one amount, one payment method, at most one transfer.
#[derive(Debug, Serialize, ToSchema)]
pub struct Item {
    id: PayoutItemId,
    batch: BatchId,
    program: ProgramId,
    affiliate: AffiliateId,
    affiliate_name: String,
    affiliate_email: String,
    status: ItemStatus,
    amount: i64,
    currency: Currency,
    /// Taken back from the transfer since.
    amount_reversed: i64,
    rail: Rail,
    destination: String,
    transfer_id: Option<String>,
    /// Where the transfer is shown in the rail's dashboard.
    dashboard_url: Option<String>,
    error_code: Option<String>,
    error_message: Option<String>,
    /// The failed item that this one tries again.
    retry_of: Option<PayoutItemId>,
    retried_by: Option<PayoutItemId>,
    /// Calls made to the rail.
    attempts: i32,
    created_at: DateTime<Utc>,
    posted_at: Option<DateTime<Utc>>,
    failed_at: Option<DateTime<Utc>>,
    /// It waits until the balance at the rail covers it.
    waits_for_funds: bool,
    /// When its next step is due, in a batch that executes.
    next_try_at: Option<DateTime<Utc>>,
    /// The later payout that has a failed item's commissions, and when that was posted.
    paid_by: Option<PayoutItemId>,
    paid_by_at: Option<DateTime<Utc>>,
}

/// Why somebody is left out.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LeaveOut {
    reason: String,
}

/// What to take back, and why.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Reverse {
    /// Minor units of the item's currency; all that is left when it is left out.
    amount: Option<i64>,
    reason: String,
}

/// A part of a transfer that somebody took back.
#[derive(Debug, Serialize, ToSchema)]
pub struct Reversal {
    id: ReversalId,
    amount: i64,
    reason: String,
    /// `unresolved`: Stripe's answer isn't known yet; it is asked again.
    status: ReversalStatus,
    requested_by: String,
    requested_at: DateTime<Utc>,
    /// Stripe's id of it.
    reversal_id: Option<String>,
    error_code: Option<String>,
    error_message: Option<String>,
}

/// An item with what was taken back of it.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReversedItem {
    #[serde(flatten)]
    item: Item,
    reversals: Vec<Reversal>,
}

impl From<ReversalRow> for Reversal {
    fn from(row: ReversalRow) -> Self {
        Reversal {
            id: row.id,
            amount: row.amount_minor,
            reason: row.reason,
            status: row.status,
            requested_by: row.requested_by,
            requested_at: row.requested_at,
            reversal_id: row.reversal_id,
            error_code: row.error_code,
            error_message: row.error_message,
        }
    }
}

/// A call to the rail.
#[derive(Debug, Serialize, ToSchema)]
pub struct Attempt {
    n: i32,
    started_at: DateTime<Utc>,
    /// Null: nobody saw the call end.
    finished_at: Option<DateTime<Utc>>,
    outcome: Option<String>,
    http_status: Option<i16>,
    error_code: Option<String>,
    error_message: Option<String>,
}

/// An item with its calls.
#[derive(Debug, Serialize, ToSchema)]
pub struct ItemDetail {
    #[serde(flatten)]
    item: Item,
    attempt_log: Vec<Attempt>,
}

/// Lists the items of a batch, newest first.
#[utoipa::path(get, path = "/payout-batches/{id}/items", tag = "Payouts", params(("id" = BatchId, Path), PageQuery),
    security(("key" = ["read"])), responses((status = 200, body = Page<Item>)))]
pub async fn of_batch(
    State(engine): State<Engine>,
    by: Reader,
    Id(id): Id<BatchId>,
    Query(query): Query<PageQuery>,
) -> Answer<Page<Item>> {
    let page = query.page()?;
    payouts::get(&by.actor, &engine, id).await?;
    let filter = ItemFilter { batch_id: Some(id), ..ItemFilter::default() };
    let items = payouts::items(&by.actor, &engine, &filter, &page).await?;
    Ok(Json(items.map(|item| Item::read(&engine, item))))
}

/// Lists payouts of all batches, newest first.
#[utoipa::path(get, path = "/payouts", tag = "Payouts", params(PayoutsQuery), security(("key" = ["read"])),
    responses((status = 200, body = Page<Item>)))]
pub async fn list(State(engine): State<Engine>, by: Reader, Query(query): Query<PayoutsQuery>) -> Answer<Page<Item>> {
    let page = PageRequest::new(query.limit, query.cursor)?;
    let program_id = programs::id_param(&engine, &by.actor, query.program.as_deref()).await?;
    let filter =
        ItemFilter { status: query.status, affiliate_id: query.affiliate, program_id, ..ItemFilter::default() };
    let items = payouts::items(&by.actor, &engine, &filter, &page).await?;
    Ok(Json(items.map(|item| Item::read(&engine, item))))
}

/// Reads an item with its calls to the rail.
#[utoipa::path(get, path = "/payout-items/{id}", tag = "Payouts", params(("id" = PayoutItemId, Path)),
    security(("key" = ["read"])), responses((status = 200, body = ItemDetail)))]
pub async fn get(State(engine): State<Engine>, by: Reader, Id(id): Id<PayoutItemId>) -> Answer<ItemDetail> {
    let (item, attempts) = payouts::item(&by.actor, &engine, id).await?;
    let attempt_log = attempts.into_iter().map(Attempt::from).collect();
    Ok(Json(ItemDetail { item: Item::read(&engine, item), attempt_log }))
}

/// Leaves an item out of a draft, or a pending one out of a paused batch; its money is payable again. 409 for any other.
#[utoipa::path(post, path = "/payout-items/{id}/leave-out", tag = "Payouts", params(("id" = PayoutItemId, Path)),
    security(("key" = ["payouts"])), request_body = LeaveOut, responses((status = 200, body = Item)))]
pub async fn leave_out(
    State(engine): State<Engine>,
    by: Payer,
    Id(id): Id<PayoutItemId>,
    Body(order): Body<LeaveOut>,
) -> Answer<Item> {
    let item = payout_review::leave_out(&by.actor, &engine, by.now, id, &order.reason).await?;
    Ok(Json(Item::read(&engine, item)))
}

/// Takes a posted payout's transfer back, whole or in part; its money is payable again. 409 when more is asked than is left.
/// The same request with the same `Idempotency-Key` takes it back once, whenever it is sent.
#[utoipa::path(post, path = "/payout-items/{id}/reverse", tag = "Payouts", params(("id" = PayoutItemId, Path)),
    security(("key" = ["payouts"])), request_body = Reverse, responses((status = 200, body = ReversedItem), (status = 503)))]
pub async fn reverse(
    State(engine): State<Engine>,
    by: Payer,
    key: Key,
    Id(id): Id<PayoutItemId>,
    Body(order): Body<Reverse>,
) -> Answer<ReversedItem> {
    let request = format!("reverse\n{id}\n{:?}\n{}", order.amount, order.reason);
    let asked = (ReversalId(key.id_or_new(&by.actor, by.now, &request)), order.amount, order.reason.as_str());
    let (item, reversals) = payout_reversals::reverse(&by.actor, &engine, by.now, id, asked).await?;
    let reversals = reversals.into_iter().map(Reversal::from).collect();
    Ok(Json(ReversedItem { item: Item::read(&engine, item), reversals }))
}

/// Tries a failed item again, as a new item of the same batch; 409 for one that didn't fail.
#[utoipa::path(post, path = "/payout-items/{id}/retry", tag = "Payouts", params(("id" = PayoutItemId, Path)),
    security(("key" = ["payouts"])), responses((status = 200, body = Item)))]
pub async fn retry(State(engine): State<Engine>, by: Payer, Id(id): Id<PayoutItemId>) -> Answer<Item> {
    let item = payouts::retry(&by.actor, &engine, by.now, id).await?;
    Ok(Json(Item::read(&engine, item)))
}

/// Takes an item whose outcome isn't known a step further at once.
#[utoipa::path(post, path = "/payout-items/{id}/refresh", tag = "Payouts", params(("id" = PayoutItemId, Path)),
    security(("key" = ["payouts"])), responses((status = 200, body = Item), (status = 503)))]
pub async fn refresh(State(engine): State<Engine>, by: Payer, Id(id): Id<PayoutItemId>) -> Answer<Item> {
    let item = payouts::refresh(&by.actor, &engine, by.now, id).await?;
    Ok(Json(Item::read(&engine, item)))
}

impl Item {
    pub(super) fn read(engine: &Engine, row: ItemView) -> Self {
        Item {
            dashboard_url: payouts::dashboard_url(engine, &row),
            id: row.id,
            batch: row.batch_id,
            program: row.program_id,
            affiliate: row.affiliate_id,
            affiliate_name: row.affiliate_name,
            affiliate_email: row.affiliate_email,
            status: row.status,
            amount: row.amount_minor,
            currency: row.currency,
            amount_reversed: row.reversed_minor,
            rail: row.rail,
            destination: row.destination,
            transfer_id: row.transfer_id,
            error_code: row.error_code,
            error_message: row.error_message,
            retry_of: row.retry_of,
            retried_by: row.retried_by,
            attempts: row.attempts,
            created_at: row.created_at,
            posted_at: row.posted_at,
            failed_at: row.failed_at,
            waits_for_funds: row.waits_for_funds,
            next_try_at: row.next_try_at,
            paid_by: row.paid_by,
            paid_by_at: row.paid_by_at,
        }
    }
}

impl From<AttemptView> for Attempt {
    fn from(row: AttemptView) -> Self {
        Attempt {
            n: row.n,
            started_at: row.started_at,
            finished_at: row.finished_at,
            outcome: row.outcome,
            http_status: row.http_status,
            error_code: row.error_code,
            error_message: row.error_message,
        }
    }
}
