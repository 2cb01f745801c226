//! Payouts as people and programs read them: batches with their sums, items with names and attempts, who was left out and
//! why. Reads only.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::domain::batch::{BatchStatus, ItemStatus, Rail, SkipReason};
use crate::domain::currency::Currency;
use crate::domain::ids::{AffiliateId, BatchId, EnrollmentId, PayoutItemId, ProgramId};
use crate::domain::manifest::{Facts, Warning};
use crate::domain::money::Money;

/// A number of items and what they sum to, by currency.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Tally {
    pub count: i64,
    pub amounts: Vec<Money>,
}

/// What became of a batch's items. A failed item that a later item of the batch retries is not counted; items under way
/// count as processing.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Summary {
    pub posted: Tally,
    pub failed: Tally,
    pub pending: Tally,
    pub processing: Tally,
    pub unresolved: Tally,
    pub reversed: Tally,
    pub skipped: Tally,
    /// What came back of posted and reversed items' transfers, in part or in whole.
    pub returned: Tally,
    /// Failed items that nobody tried again and whose commissions no later payout has.
    pub retryable: Tally,
}

/// A batch with what people ask about it.
#[derive(Debug, Clone)]
pub struct BatchView {
    pub id: BatchId,
    pub program_id: ProgramId,
    pub program_slug: String,
    pub program_name: String,
    pub period: Option<String>,
    pub status: BatchStatus,
    pub paused_code: Option<String>,
    pub paused_reason: Option<String>,
    pub drafted_at: DateTime<Utc>,
    pub drafted_by: String,
    pub approved_at: Option<DateTime<Utc>>,
    pub approved_by: Option<String>,
    pub executed_at: Option<DateTime<Utc>>,
    pub completed_at: Option<DateTime<Utc>>,
    pub cancelled_at: Option<DateTime<Utc>>,
    /// What the rail had available when the batch was drafted; `None` when it could not be read.
    pub available_at_draft: Option<Vec<Money>>,
    /// SHA-256 of the manifest, in hex.
    pub manifest_hash: String,
    /// What the batch pays in all, by currency.
    pub totals: Vec<Money>,
    pub summary: Summary,
}

struct RawBatch {
    id: BatchId,
    program_id: ProgramId,
    program_slug: String,
    program_name: String,
    period: Option<String>,
    status: BatchStatus,
    paused_code: Option<String>,
    paused_reason: Option<String>,
    drafted_at: DateTime<Utc>,
    drafted_by: String,
    approved_at: Option<DateTime<Utc>>,
    approved_by: Option<String>,
    executed_at: Option<DateTime<Utc>>,
    completed_at: Option<DateTime<Utc>>,
    cancelled_at: Option<DateTime<Utc>>,
    available_at_draft: Option<serde_json::Value>,
    manifest_hash: Vec<u8>,
}

/// Which batches to list. `None` stands for all.
#[derive(Debug, Clone, Default)]
pub struct BatchFilter {
    pub program_id: Option<ProgramId>,
    pub status: Option<BatchStatus>,
}

/// Batches, newest first.
pub async fn batches(
    conn: &mut PgConnection,
    filter: &BatchFilter,
    before: Option<Uuid>,
    limit: i64,
) -> sqlx::Result<Vec<BatchView>> {
    let rows = sqlx::query_as!(
        RawBatch,
        r#"select b.id as "id: _", b.program_id as "program_id: _", p.slug as program_slug, p.name as program_name, b.period,
            b.status as "status: _", b.paused_code, b.paused_reason, b.drafted_at, b.drafted_by, b.approved_at, b.approved_by,
            b.executed_at, b.completed_at, b.cancelled_at, b.available_at_draft, b.manifest_hash
        from payout_batches b join programs p on p.id = b.program_id
        where ($1::uuid is null or b.program_id = $1) and ($2::text is null or b.status = $2)
            and ($3::uuid is null or b.id < $3)
        order by b.id desc limit $4"#,
        filter.program_id.map(|id| id.0),
        filter.status.map(BatchStatus::as_str),
        before,
        limit,
    )
    .fetch_all(&mut *conn)
    .await?;
    with_summaries(conn, rows).await
}

pub async fn batch(conn: &mut PgConnection, id: BatchId) -> sqlx::Result<Option<BatchView>> {
    Ok(batches_of(conn, &[id]).await?.pop())
}

/// The batches with these ids, oldest first.
pub async fn batches_of(conn: &mut PgConnection, ids: &[BatchId]) -> sqlx::Result<Vec<BatchView>> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let rows = sqlx::query_as!(
        RawBatch,
        r#"select b.id as "id: _", b.program_id as "program_id: _", p.slug as program_slug, p.name as program_name, b.period,
            b.status as "status: _", b.paused_code, b.paused_reason, b.drafted_at, b.drafted_by, b.approved_at, b.approved_by,
            b.executed_at, b.completed_at, b.cancelled_at, b.available_at_draft, b.manifest_hash
        from payout_batches b join programs p on p.id = b.program_id where b.id = any($1) order by b.id"#,
        &ids,
    )
    .fetch_all(&mut *conn)
    .await?;
    with_summaries(conn, rows).await
}

async fn with_summaries(conn: &mut PgConnection, rows: Vec<RawBatch>) -> sqlx::Result<Vec<BatchView>> {
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id.0).collect();
    let counted = sqlx::query!(
        r#"select i.batch_id as "batch_id!: BatchId", i.status as "status!", i.currency as "currency!: Currency",
            count(*) as "count!", sum(i.amount_minor)::bigint as "amount_minor!"
        from payout_items i
        where i.batch_id = any($1) and i.status <> 'left_out' and not (i.status = 'failed' and exists (
            select 1 from payout_items r
            where r.enrollment_id = i.enrollment_id and r.retry_of = i.id and r.batch_id = i.batch_id))
        group by i.batch_id, i.status, i.currency
        union all
        select batch_id, 'skipped', currency, count(*), sum(amount_minor)::bigint
        from payout_skipped where batch_id = any($1) group by batch_id, currency
        union all
        select batch_id, 'returned', currency, count(*), sum(reversed_minor)::bigint
        from payout_items where batch_id = any($1) and reversed_minor > 0 group by batch_id, currency
        union all
        select i.batch_id, 'retryable', i.currency, count(*), sum(i.amount_minor)::bigint
        from payout_items i
        where i.batch_id = any($1) and i.status = 'failed' and not exists (
            select 1 from payout_items r where r.enrollment_id = i.enrollment_id and r.retry_of = i.id
        ) and not exists (
            select 1 from payout_item_lines il
            join commissions_ledger l on l.enrollment_id = il.enrollment_id and l.id = il.line_id
            where il.enrollment_id = i.enrollment_id and il.item_id = i.id and l.payout_item_id <> i.id)
        group by i.batch_id, i.currency
        order by 1, 3"#,
        &ids,
    )
    .fetch_all(conn)
    .await?;
    let mut summaries: BTreeMap<BatchId, (Summary, Vec<Money>)> = BTreeMap::new();
    for row in counted {
        let (summary, totals) = summaries.entry(row.batch_id).or_default();
        let amount = Money::new(row.amount_minor, row.currency);
        let tally = match row.status.as_str() {
            "posted" => &mut summary.posted,
            "failed" => &mut summary.failed,
            "pending" => &mut summary.pending,
            "unresolved" => &mut summary.unresolved,
            "reversed" => &mut summary.reversed,
            "skipped" => &mut summary.skipped,
            "returned" => &mut summary.returned,
            "retryable" => &mut summary.retryable,
            _ => &mut summary.processing,
        };
        tally.count += row.count;
        gather(&mut tally.amounts, amount);
        if !matches!(row.status.as_str(), "skipped" | "returned" | "retryable") {
            gather(totals, amount);
        }
    }
    let with_summary = |row: RawBatch| {
        let sums = summaries.remove(&row.id).unwrap_or_default();
        row.with(sums)
    };
    Ok(rows.into_iter().map(with_summary).collect())
}

/// Adds to the sum of the amount's currency. Sums that leave the range stay at its end: they are only shown.
fn gather(sums: &mut Vec<Money>, amount: Money) {
    match sums.iter_mut().find(|sum| sum.currency == amount.currency) {
        Some(sum) => sum.amount_minor = sum.amount_minor.saturating_add(amount.amount_minor),
        None => sums.push(amount),
    }
}

impl RawBatch {
    fn with(self, (summary, totals): (Summary, Vec<Money>)) -> BatchView {
        BatchView {
            id: self.id,
            program_id: self.program_id,
            program_slug: self.program_slug,
            program_name: self.program_name,
            period: self.period,
            status: self.status,
            paused_code: self.paused_code,
            paused_reason: self.paused_reason,
            drafted_at: self.drafted_at,
            drafted_by: self.drafted_by,
            approved_at: self.approved_at,
            approved_by: self.approved_by,
            executed_at: self.executed_at,
            completed_at: self.completed_at,
            cancelled_at: self.cancelled_at,
            available_at_draft: self.available_at_draft.and_then(|value| serde_json::from_value(value).ok()),
            manifest_hash: hex::encode(self.manifest_hash),
            totals,
            summary,
        }
    }
}

/// An item with what people ask about it.
#[derive(Debug, Clone)]
pub struct ItemView {
    pub id: PayoutItemId,
    pub batch_id: BatchId,
    pub enrollment_id: EnrollmentId,
    pub program_id: ProgramId,
    pub program_slug: String,
    pub program_name: String,
    pub affiliate_id: AffiliateId,
    pub affiliate_name: String,
    pub affiliate_email: String,
    pub status: ItemStatus,
    pub batch_status: BatchStatus,
    pub currency: Currency,
    pub amount_minor: i64,
    pub reversed_minor: i64,
    pub rail: Rail,
    pub destination: String,
    pub transfer_id: Option<String>,
    pub error_code: Option<String>,
    pub error_message: Option<String>,
    pub retry_of: Option<PayoutItemId>,
    pub retried_by: Option<PayoutItemId>,
    /// Calls made so far.
    pub attempts: i32,
    pub created_at: DateTime<Utc>,
    pub posted_at: Option<DateTime<Utc>>,
    pub failed_at: Option<DateTime<Utc>>,
    /// It stands aside until the rail's balance covers it.
    pub waits_for_funds: bool,
    /// When its next step is due, in a batch that executes.
    pub next_try_at: Option<DateTime<Utc>>,
    /// When the rail was called that has not answered yet.
    pub asked_at: Option<DateTime<Utc>>,
    /// The later payout that has the failed item's commissions, and when that was posted.
    pub paid_by: Option<PayoutItemId>,
    pub paid_by_at: Option<DateTime<Utc>>,
}

impl ItemView {
    pub fn amount(&self) -> Money {
        Money::new(self.amount_minor, self.currency)
    }

    /// Whether a failed item's money still waits to be tried again.
    pub fn is_retryable(&self) -> bool {
        self.status == ItemStatus::Failed && self.retried_by.is_none() && self.paid_by.is_none()
    }
}

/// Which items to list. `None` stands for all.
#[derive(Debug, Clone, Default)]
pub struct ItemFilter {
    pub id: Option<PayoutItemId>,
    pub batch_id: Option<BatchId>,
    pub affiliate_id: Option<AffiliateId>,
    pub program_id: Option<ProgramId>,
    pub status: Option<ItemStatus>,
    /// What an affiliate sees: without items of drafts and cancelled batches, and without failed tries that another item took
    /// the place of, which tells of them.
    pub only_released: bool,
}

/// Items, newest first.
pub async fn items(
    conn: &mut PgConnection,
    filter: &ItemFilter,
    before: Option<Uuid>,
    limit: i64,
) -> sqlx::Result<Vec<ItemView>> {
    sqlx::query_as!(
        ItemView,
        r#"select i.id as "id: _", i.batch_id as "batch_id: _", i.enrollment_id as "enrollment_id: _",
            i.program_id as "program_id: _", p.slug as program_slug, p.name as program_name,
            i.affiliate_id as "affiliate_id: _", a.name as affiliate_name, a.email as affiliate_email,
            i.status as "status: _", b.status as "batch_status: _", i.currency as "currency: _", i.amount_minor,
            i.reversed_minor, i.rail as "rail: _", i.destination, i.transfer_id, i.error_code, i.error_message,
            i.retry_of as "retry_of: _", r.id as "retried_by?: _", i.attempts, i.created_at, i.posted_at, i.failed_at,
            (i.status = 'pending' and i.funds_at is not null) as "waits_for_funds!",
            case when b.status = 'executing' and i.status in ('pending', 'processing', 'unresolved')
                and i.next_attempt_at < 'infinity' then i.next_attempt_at end as next_try_at,
            (select max(t.started_at) from transfer_attempts t
                where t.enrollment_id = i.enrollment_id and t.item_id = i.id and t.finished_at is null
                    and i.status in ('sending', 'unresolved')) as asked_at,
            later.id as "paid_by?: _", later.posted_at as "paid_by_at?"
        from payout_items i
        join payout_batches b on b.id = i.batch_id
        join programs p on p.id = i.program_id
        join affiliates a on a.id = i.affiliate_id
        left join payout_items r on r.enrollment_id = i.enrollment_id and r.retry_of = i.id
        left join lateral (
            select o.id, o.posted_at from payout_item_lines il
            join commissions_ledger l on l.enrollment_id = il.enrollment_id and l.id = il.line_id
            join payout_items o on o.enrollment_id = l.enrollment_id and o.id = l.payout_item_id
            where i.status = 'failed' and il.enrollment_id = i.enrollment_id and il.item_id = i.id and o.id <> i.id
            order by o.id limit 1
        ) later on true
        where ($1::uuid is null or i.batch_id = $1) and ($2::uuid is null or i.affiliate_id = $2)
            and ($3::text is null or i.status = $3) and ($4::uuid is null or i.id < $4)
            and ($6::uuid is null or i.id = $6) and ($7::uuid is null or i.program_id = $7)
            and (not $8 or (b.status in ('executing', 'paused', 'completed') and i.status <> 'left_out' and r.id is null))
        order by i.id desc limit $5"#,
        filter.batch_id.map(|id| id.0),
        filter.affiliate_id.map(|id| id.0),
        filter.status.map(ItemStatus::as_str),
        before,
        limit,
        filter.id.map(|id| id.0),
        filter.program_id.map(|id| id.0),
        filter.only_released,
    )
    .fetch_all(conn)
    .await
}

/// What an item is made of.
#[derive(Debug, Clone, Copy)]
pub struct MakeUp {
    pub item_id: PayoutItemId,
    pub lines: i64,
    /// Lines below zero: corrections and clawbacks that are netted off.
    pub deductions: i64,
    /// What they sum to, zero or below.
    pub deducted_minor: i64,
    /// The largest that was posted to this enrollment in this currency before.
    pub largest_before_minor: Option<i64>,
    /// Whether the last payout before went to the same account.
    pub same_account: Option<bool>,
    /// The payment method could be paid now.
    pub method_ready: bool,
    /// What of the enrollment is on hold in this currency.
    pub held_minor: i64,
    /// It may still be paid, and a hold is open on lines that it pays.
    pub on_hold: bool,
    /// It may still be paid, and its affiliate or enrollment is not active any more.
    pub payee_inactive: bool,
    /// It may still be paid, and what is payable beside it is below zero.
    pub taken_back: bool,
}

impl MakeUp {
    /// What a reviewer should look at in the payout of `amount_minor`.
    pub fn warnings(&self, amount_minor: i64) -> Vec<Warning> {
        let MakeUp { largest_before_minor, same_account, method_ready, held_minor, .. } = *self;
        let MakeUp { on_hold, payee_inactive, taken_back, .. } = *self;
        let facts = Facts {
            amount_minor,
            largest_before_minor,
            same_account,
            method_ready,
            held_minor,
            on_hold,
            payee_inactive,
            taken_back,
        };
        facts.warnings()
    }
}

/// What each of the items is made of.
pub async fn make_up(conn: &mut PgConnection, items: &[PayoutItemId]) -> sqlx::Result<Vec<MakeUp>> {
    let items: Vec<Uuid> = items.iter().map(|item| item.0).collect();
    sqlx::query_as!(
        MakeUp,
        r#"select i.id as "item_id: PayoutItemId", count(l.line_id) as "lines!",
            count(*) filter (where l.amount_minor < 0) as "deductions!",
            coalesce(sum(l.amount_minor) filter (where l.amount_minor < 0), 0)::bigint as "deducted_minor!",
            (select max(p.amount_minor) from payout_items p
                where p.enrollment_id = i.enrollment_id and p.id < i.id and p.currency = i.currency
                    and p.status in ('posted', 'reversed')) as largest_before_minor,
            (select p.destination = i.destination from payout_items p
                where p.enrollment_id = i.enrollment_id and p.id < i.id and p.status in ('posted', 'reversed')
                order by p.id desc limit 1) as same_account,
            (m.status = 'verified' and m.removed_at is null) as "method_ready!",
            coalesce((select b.held_minor from balances b
                where b.enrollment_id = i.enrollment_id and b.currency = i.currency), 0) as "held_minor!",
            (unsettled.yes and (a.status = 'suspended' or e.status = 'paused')) as "payee_inactive!",
            (unsettled.yes and exists (select 1 from balances b
                where b.enrollment_id = i.enrollment_id and b.currency = i.currency and b.payable_minor < 0)) as "taken_back!",
            (unsettled.yes and exists (
                select 1 from open_hold_reach r join payout_item_lines p on p.enrollment_id = r.enrollment_id and p.line_id = r.line_id
                where r.enrollment_id = i.enrollment_id and p.item_id = i.id and p.amount_minor > 0)) as "on_hold!"
        from payout_items i
        join payment_methods m on m.id = i.payment_method_id
        join enrollments e on e.id = i.enrollment_id
        join affiliates a on a.id = i.affiliate_id
        cross join lateral (select i.status in ('pending', 'sending', 'processing', 'unresolved') as yes) unsettled
        left join payout_item_lines l on l.enrollment_id = i.enrollment_id and l.item_id = i.id
        where i.id = any($1) group by i.enrollment_id, i.id, m.id, e.id, a.id, unsettled.yes"#,
        &items,
    )
    .fetch_all(conn)
    .await
}

/// Who was left out of a batch.
#[derive(Debug, Clone)]
pub struct SkippedView {
    pub enrollment_id: EnrollmentId,
    pub affiliate_id: AffiliateId,
    pub affiliate_name: String,
    pub affiliate_email: String,
    pub reason: SkipReason,
    pub currency: Currency,
    pub amount_minor: i64,
    /// The minimum that the amount was below.
    pub minimum_minor: Option<i64>,
    /// Why an admin left them out.
    pub note: Option<String>,
}

impl SkippedView {
    pub fn minimum(&self) -> Option<Money> {
        self.minimum_minor.map(|minor| Money::new(minor, self.currency))
    }

    /// The reason in words: an admin's own, where an admin decided.
    pub fn sentence(&self) -> String {
        self.note.clone().unwrap_or_else(|| self.reason.sentence(self.minimum()))
    }
}

/// Where a page of those who were left out begins: after this enrollment and currency.
pub type SkippedCursor = (EnrollmentId, Currency);

/// Who was left out of the batch, in the order of their enrollments, at most `limit`.
pub async fn skipped(
    conn: &mut PgConnection,
    batch_id: BatchId,
    after: Option<SkippedCursor>,
    limit: i64,
) -> sqlx::Result<Vec<SkippedView>> {
    sqlx::query_as!(
        SkippedView,
        r#"select s.enrollment_id as "enrollment_id: _", a.id as "affiliate_id: _", a.name as affiliate_name,
            a.email as affiliate_email, s.reason as "reason: _", s.currency as "currency: _", s.amount_minor,
            s.minimum_minor, s.note
        from payout_skipped s join enrollments e on e.id = s.enrollment_id join affiliates a on a.id = e.affiliate_id
        where s.batch_id = $1 and ($2::uuid is null or (s.enrollment_id, s.currency) > ($2, $3))
        order by s.enrollment_id, s.currency limit $4"#,
        batch_id.0,
        after.map(|(enrollment, _)| enrollment.0) as Option<Uuid>,
        after.map(|(_, currency)| currency.as_str().to_owned()),
        limit,
    )
    .fetch_all(conn)
    .await
}
