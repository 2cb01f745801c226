//! Payout batches as people and programs read them: with their sums, and with who was left out and why. Reads only.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::domain::batch::{BatchStatus, SkipReason};
use crate::domain::currency::Currency;
use crate::domain::ids::{AffiliateId, BatchId, EnrollmentId, ProgramId};
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
    /// Who is left out, all of them; the amounts are of what waits for them.
    pub skipped: Tally,
    /// Those of the left out who owe: what they owe, below zero.
    pub debts: Tally,
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

/// A text that changes with the newest batches and runs, `newest` of each, and with every item whose batch is under way.
pub async fn version(conn: &mut PgConnection, newest: i64) -> sqlx::Result<String> {
    sqlx::query_scalar!(
        r#"select concat_ws('|',
            (select string_agg(concat_ws(',', b.id, b.status), ';' order by b.id)
                from (select id, status from payout_batches order by id desc limit $1) b),
            (select string_agg(concat_ws(',', o.batch_id, o.status, o.items), ';' order by o.batch_id, o.status)
                from (select i.batch_id, i.status, count(*) as items
                    from payout_batches b join payout_items i on i.batch_id = b.id
                    where b.status in ('executing', 'paused')
                        and i.status in ('pending', 'sending', 'processing', 'unresolved')
                    group by i.batch_id, i.status) o),
            (select string_agg(concat_ws(',', r.id, r.outcome, r.attempts, r.retry_at), ';' order by r.id)
                from (select id, outcome, attempts, retry_at from runs order by id desc limit $1) r)) as "version!""#,
        newest,
    )
    .fetch_one(conn)
    .await
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
        select batch_id, 'skipped', currency, count(*), coalesce(sum(amount_minor) filter (where amount_minor > 0), 0)::bigint
        from payout_skipped where batch_id = any($1) group by batch_id, currency
        union all
        select batch_id, 'debts', currency, count(*), sum(amount_minor)::bigint
        from payout_skipped where batch_id = any($1) and amount_minor < 0 group by batch_id, currency
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
            "debts" => &mut summary.debts,
            "returned" => &mut summary.returned,
            "retryable" => &mut summary.retryable,
            _ => &mut summary.processing,
        };
        tally.count += row.count;
        if amount.amount_minor != 0 {
            gather(&mut tally.amounts, amount);
        }
        if !matches!(row.status.as_str(), "skipped" | "debts" | "returned" | "retryable") {
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
