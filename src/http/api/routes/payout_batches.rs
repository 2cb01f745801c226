//! `/payout-batches` and `/payouts/process-now`.

use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::super::Answer;
use super::super::caller::{Payer, Reader};
use super::super::input::{Body, Id, PageQuery, Query, from_text};
use super::super::problem::Problem;
use super::payout_items::Item;
use crate::Engine;
use crate::desk::{self, Page, PageRequest, payout_review, payouts, programs};
use crate::domain::batch::{BatchStatus, Rail, SkipReason};
use crate::domain::currency::Currency;
use crate::domain::ids::{AffiliateId, BatchId, EnrollmentId, PayoutItemId, ProgramId};
use crate::domain::manifest::Warning;
use crate::domain::money::Money;
use crate::store::batch_views::{BatchFilter, BatchView, SkippedView, Summary, Tally};

/// What narrows the list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct BatchesQuery {
    /// A program's id or slug.
    program: Option<String>,
    status: Option<BatchStatus>,
    /// Rows of the page, 1 to 100; 25 when it is left out.
    #[serde(default, deserialize_with = "from_text")]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Whom to pay.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewBatch {
    /// A program's id or slug.
    program: String,
    /// A period of the program that has begun, such as `2026-11`. One that is over is finalized, and what was finalized is
    /// paid; of the current one, what is payable. Without it everything payable is paid.
    period: Option<String>,
}

/// Whom to pay now; every program when it is left out.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProcessNow {
    /// A program's id or slug.
    program: Option<String>,
}

/// A number of items and what they sum to.
#[derive(Debug, Serialize, ToSchema)]
pub struct BatchTally {
    count: i64,
    amounts: Vec<Money>,
}

/// What became of a batch's items.
#[derive(Debug, Serialize, ToSchema)]
pub struct BatchSummary {
    posted: BatchTally,
    failed: BatchTally,
    pending: BatchTally,
    processing: BatchTally,
    unresolved: BatchTally,
    reversed: BatchTally,
    /// Who is left out, all of them; the amounts are of what waits for them, without debts.
    skipped: BatchTally,
    /// Those of the left out who owe, and what they owe, below zero.
    debts: BatchTally,
    /// What came back of transfers, in part or in whole.
    returned: BatchTally,
    /// Failed ones that can be tried again: nobody did, and no later payout has their commissions.
    retryable: BatchTally,
}

/// One run of payouts of one program.
#[derive(Debug, Serialize, ToSchema)]
pub struct Batch {
    id: BatchId,
    program: ProgramId,
    program_slug: String,
    period: Option<String>,
    status: BatchStatus,
    /// Why it stands still, for programs and for people.
    paused_code: Option<String>,
    paused_reason: Option<String>,
    /// What it pays in all.
    amounts: Vec<Money>,
    summary: BatchSummary,
    /// What Stripe had available at drafting; null when it could not be read.
    available_at_draft: Option<Vec<Money>>,
    /// SHA-256 of the list of items and lines, hexadecimal.
    manifest_hash: String,
    created_by: String,
    approved_by: Option<String>,
    created_at: DateTime<Utc>,
    approved_at: Option<DateTime<Utc>>,
    executed_at: Option<DateTime<Utc>>,
    completed_at: Option<DateTime<Utc>>,
    cancelled_at: Option<DateTime<Utc>>,
}

/// Somebody who is not in the batch, and why.
#[derive(Debug, Serialize, ToSchema)]
pub struct Skipped {
    affiliate: AffiliateId,
    affiliate_name: String,
    affiliate_email: String,
    enrollment: EnrollmentId,
    reason: SkipReason,
    message: String,
    /// The minimum payout that the amount was below.
    minimum: Option<i64>,
    /// Why an admin left them out, in their words.
    note: Option<String>,
    amount: i64,
    currency: Currency,
}

/// A payout of the manifest: what it is made of, and what to look at before it leaves.
#[derive(Debug, Serialize, ToSchema)]
pub struct ManifestEntry {
    item: PayoutItemId,
    affiliate: AffiliateId,
    affiliate_name: String,
    affiliate_email: String,
    amount: i64,
    currency: Currency,
    rail: Rail,
    destination: String,
    /// Commission lines, with those below zero.
    lines: i64,
    /// Corrections and clawbacks that are netted off, and their sum.
    deductions: i64,
    deducted: i64,
    warnings: Vec<Warning>,
}

/// What Process Payouts Now did.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProcessedPayouts {
    /// The batches that were started, or drafted for a second person's approval.
    data: Vec<Batch>,
    /// Always null: `data` is whole.
    next_cursor: Option<String>,
    refused: Vec<RefusedPayout>,
}

/// A program, or a batch of it, that is not paid, and why.
#[derive(Debug, Serialize, ToSchema)]
pub struct RefusedPayout {
    program: ProgramId,
    program_slug: String,
    /// Null: it was refused before there was a batch.
    batch: Option<BatchId>,
    /// As the error's when this program is asked for alone.
    code: String,
    message: String,
}

/// What became of trying a batch's failed items again.
#[derive(Debug, Serialize, ToSchema)]
pub struct RetriedItems {
    /// The new items.
    data: Vec<Item>,
    refused: Vec<RefusedRetry>,
}

/// A failed item that can't be tried again, and why.
#[derive(Debug, Serialize, ToSchema)]
pub struct RefusedRetry {
    item: PayoutItemId,
    /// As the error's when this one is tried again alone.
    code: String,
    message: String,
}

/// Drafts, approves and executes what is due, of one program or of all. None when nobody is due; a batch that needs a
/// second person's approval stays a draft. What is refused doesn't stop the others, and stands in `refused`; when one program is
/// asked for and nothing else is done, the refusal is the answer.
#[utoipa::path(post, path = "/payouts/process-now", tag = "Payouts", security(("key" = ["payouts"])),
    request_body = ProcessNow, responses((status = 200, body = ProcessedPayouts), (status = 503)))]
pub async fn process_now(
    State(engine): State<Engine>,
    by: Payer,
    Body(wanted): Body<ProcessNow>,
) -> Answer<ProcessedPayouts> {
    let program = programs::id_param(&engine, &by.actor, wanted.program.as_deref()).await?;
    let each = payouts::process_now(&by.actor, &engine, by.now, program).await?;
    let refused = each.refused.into_iter().map(RefusedPayout::from).collect();
    Ok(Json(ProcessedPayouts { data: each.done.into_iter().map(Batch::from).collect(), next_cursor: None, refused }))
}

/// Lists batches, newest first.
#[utoipa::path(get, path = "/payout-batches", tag = "Payouts", params(BatchesQuery), security(("key" = ["read"])),
    responses((status = 200, body = Page<Batch>)))]
pub async fn list(State(engine): State<Engine>, by: Reader, Query(query): Query<BatchesQuery>) -> Answer<Page<Batch>> {
    let page = PageRequest::new(query.limit, query.cursor)?;
    let program_id = programs::id_param(&engine, &by.actor, query.program.as_deref()).await?;
    let filter = BatchFilter { program_id, status: query.status };
    Ok(Json(payouts::list(&by.actor, &engine, &filter, &page).await?.map(Batch::from)))
}

/// Drafts a batch of everybody who is due; 409 `nobody_due` when nobody is.
#[utoipa::path(post, path = "/payout-batches", tag = "Payouts", security(("key" = ["payouts"])), request_body = NewBatch,
    responses((status = 200, body = Batch)))]
pub async fn draft(State(engine): State<Engine>, by: Payer, Body(new): Body<NewBatch>) -> Answer<Batch> {
    let nobody = || Problem::Desk(desk::Error::conflict("nobody_due", "Nobody in the program is due a payout."));
    let program = programs::id_param(&engine, &by.actor, Some(&new.program)).await?.ok_or_else(nobody)?;
    let drafted = payouts::draft(&by.actor, &engine, by.now, program, new.period.as_deref()).await?;
    let id = drafted.batch_id.ok_or_else(nobody)?;
    Ok(Json(payouts::get(&by.actor, &engine, id).await?.into()))
}

/// Reads a batch.
#[utoipa::path(get, path = "/payout-batches/{id}", tag = "Payouts", params(("id" = BatchId, Path)),
    security(("key" = ["read"])), responses((status = 200, body = Batch)))]
pub async fn get(State(engine): State<Engine>, by: Reader, Id(id): Id<BatchId>) -> Answer<Batch> {
    Ok(Json(payouts::get(&by.actor, &engine, id).await?.into()))
}

/// Approves a draft.
#[utoipa::path(post, path = "/payout-batches/{id}/approve", tag = "Payouts", params(("id" = BatchId, Path)),
    security(("key" = ["payouts"])), responses((status = 200, body = Batch)))]
pub async fn approve(State(engine): State<Engine>, by: Payer, Id(id): Id<BatchId>) -> Answer<Batch> {
    Ok(Json(payouts::approve(&by.actor, &engine, by.now, id).await?.into()))
}

/// Starts an approved batch, or lets a paused one go on.
#[utoipa::path(post, path = "/payout-batches/{id}/execute", tag = "Payouts", params(("id" = BatchId, Path)),
    security(("key" = ["payouts"])), responses((status = 200, body = Batch), (status = 503)))]
pub async fn execute(State(engine): State<Engine>, by: Payer, Id(id): Id<BatchId>) -> Answer<Batch> {
    Ok(Json(payouts::execute(&by.actor, &engine, by.now, id).await?.into()))
}

/// Stops an executing batch, or one that waits for the balance, until it is executed again. Calls under way still end.
#[utoipa::path(post, path = "/payout-batches/{id}/stop", tag = "Payouts", params(("id" = BatchId, Path)),
    security(("key" = ["payouts"])), responses((status = 200, body = Batch)))]
pub async fn stop(State(engine): State<Engine>, by: Payer, Id(id): Id<BatchId>) -> Answer<Batch> {
    Ok(Json(payouts::stop(&by.actor, &engine, by.now, id).await?.into()))
}

/// Cancels a batch that was not executed; its money is payable again.
#[utoipa::path(post, path = "/payout-batches/{id}/cancel", tag = "Payouts", params(("id" = BatchId, Path)),
    security(("key" = ["payouts"])), responses((status = 200, body = Batch)))]
pub async fn cancel(State(engine): State<Engine>, by: Payer, Id(id): Id<BatchId>) -> Answer<Batch> {
    Ok(Json(payouts::cancel(&by.actor, &engine, by.now, id).await?.into()))
}

/// Lists who was left out of the batch, and why, in the order of their enrollments.
#[utoipa::path(get, path = "/payout-batches/{id}/skipped", tag = "Payouts", params(("id" = BatchId, Path), PageQuery),
    security(("key" = ["read"])), responses((status = 200, body = Page<Skipped>)))]
pub async fn skipped(
    State(engine): State<Engine>,
    by: Reader,
    Id(id): Id<BatchId>,
    Query(query): Query<PageQuery>,
) -> Answer<Page<Skipped>> {
    Ok(Json(payouts::skipped(&by.actor, &engine, id, &query.page()?).await?.map(Skipped::from)))
}

/// Reads who is paid what and why, with warnings, newest first.
#[utoipa::path(get, path = "/payout-batches/{id}/manifest", tag = "Payouts", params(("id" = BatchId, Path), PageQuery),
    security(("key" = ["read"])), responses((status = 200, body = Page<ManifestEntry>)))]
pub async fn manifest(
    State(engine): State<Engine>,
    by: Reader,
    Id(id): Id<BatchId>,
    Query(query): Query<PageQuery>,
) -> Answer<Page<ManifestEntry>> {
    Ok(Json(payout_review::manifest(&by.actor, &engine, id, &query.page()?).await?.map(ManifestEntry::from)))
}

/// Tries every failed item of the batch again that can be, each as a new item: of the same batch, or, when that is completed, of
/// one new batch with all of them, which is executed at once and lists those that can't be tried.
#[utoipa::path(post, path = "/payout-batches/{id}/retry-failed", tag = "Payouts", params(("id" = BatchId, Path)),
    security(("key" = ["payouts"])), responses((status = 200, body = RetriedItems)))]
pub async fn retry_failed(State(engine): State<Engine>, by: Payer, Id(id): Id<BatchId>) -> Answer<RetriedItems> {
    let (retried, refused) = payout_review::retry_failed(&by.actor, &engine, by.now, id).await?;
    let data = retried.into_iter().map(|item| Item::read(&engine, item)).collect();
    let refused = refused.into_iter().map(|(_, why)| RefusedRetry {
        item: why.item,
        code: why.code.to_owned(),
        message: why.message,
    });
    Ok(Json(RetriedItems { data, refused: refused.collect() }))
}

impl From<payouts::Refused> for RefusedPayout {
    fn from(refused: payouts::Refused) -> Self {
        let payouts::Refused { program_id: program, program_slug, batch_id: batch, error } = refused;
        let detail = Problem::Desk(error).detail();
        RefusedPayout { program, program_slug, batch, code: detail.code, message: detail.message }
    }
}

impl From<payout_review::ManifestEntry> for ManifestEntry {
    fn from(entry: payout_review::ManifestEntry) -> Self {
        let (item, made) = (entry.item, entry.make_up);
        ManifestEntry {
            item: item.id,
            affiliate: item.affiliate_id,
            affiliate_name: item.affiliate_name,
            affiliate_email: item.affiliate_email,
            amount: item.amount_minor,
            currency: item.currency,
            rail: item.rail,
            destination: item.destination,
            lines: made.lines,
            deductions: made.deductions,
            deducted: made.deducted_minor,
            warnings: entry.warnings,
        }
    }
}

impl From<Tally> for BatchTally {
    fn from(tally: Tally) -> Self {
        BatchTally { count: tally.count, amounts: tally.amounts }
    }
}

impl From<Summary> for BatchSummary {
    fn from(summary: Summary) -> Self {
        BatchSummary {
            posted: summary.posted.into(),
            failed: summary.failed.into(),
            pending: summary.pending.into(),
            processing: summary.processing.into(),
            unresolved: summary.unresolved.into(),
            reversed: summary.reversed.into(),
            skipped: summary.skipped.into(),
            debts: summary.debts.into(),
            returned: summary.returned.into(),
            retryable: summary.retryable.into(),
        }
    }
}

impl From<BatchView> for Batch {
    fn from(row: BatchView) -> Self {
        Batch {
            id: row.id,
            program: row.program_id,
            program_slug: row.program_slug,
            period: row.period,
            status: row.status,
            paused_code: row.paused_code,
            paused_reason: row.paused_reason,
            amounts: row.totals,
            summary: row.summary.into(),
            available_at_draft: row.available_at_draft,
            manifest_hash: row.manifest_hash,
            created_by: row.drafted_by,
            approved_by: row.approved_by,
            created_at: row.drafted_at,
            approved_at: row.approved_at,
            executed_at: row.executed_at,
            completed_at: row.completed_at,
            cancelled_at: row.cancelled_at,
        }
    }
}

impl From<SkippedView> for Skipped {
    fn from(row: SkippedView) -> Self {
        let minimum = row.minimum();
        Skipped {
            affiliate: row.affiliate_id,
            affiliate_name: row.affiliate_name,
            affiliate_email: row.affiliate_email,
            enrollment: row.enrollment_id,
            reason: row.reason,
            message: row.reason.sentence(minimum),
            minimum: minimum.map(|minimum| minimum.amount_minor),
            note: row.note,
            amount: row.amount_minor,
            currency: row.currency,
        }
    }
}
