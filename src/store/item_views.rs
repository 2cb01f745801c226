//! Payout items as people and programs read them: with names, outcome and attempts, and what each is made of for its review.
//! Reads only.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::domain::batch::{BatchStatus, ItemStatus, Rail};
use crate::domain::currency::Currency;
use crate::domain::ids::{AffiliateId, BatchId, EnrollmentId, PayoutItemId, ProgramId};
use crate::domain::manifest::{Facts, Warning};
use crate::domain::money::Money;

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
    /// The later payout that has the commissions of an item that failed, was left out, or was cancelled with its batch, and when
    /// that was posted.
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
    pub ids: Option<Vec<PayoutItemId>>,
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
            where (i.status in ('failed', 'left_out') or b.status = 'cancelled') and il.enrollment_id = i.enrollment_id and il.item_id = i.id and o.id <> i.id
            order by o.id limit 1
        ) later on true
        where ($1::uuid is null or i.batch_id = $1) and ($2::uuid is null or i.affiliate_id = $2)
            and ($3::text is null or i.status = $3) and ($4::uuid is null or i.id < $4)
            and ($6::uuid[] is null or i.id = any($6)) and ($7::uuid is null or i.program_id = $7)
            and (not $8 or (b.status in ('executing', 'paused', 'completed') and i.status <> 'left_out' and r.id is null))
        order by i.id desc limit $5"#,
        filter.batch_id.map(|id| id.0),
        filter.affiliate_id.map(|id| id.0),
        filter.status.map(ItemStatus::as_str),
        before,
        limit,
        filter.ids.as_deref() as Option<&[PayoutItemId]>,
        filter.program_id.map(|id| id.0),
        filter.only_released,
    )
    .fetch_all(conn)
    .await
}

/// The items with these ids, newest first.
pub async fn items_of(conn: &mut PgConnection, ids: Vec<PayoutItemId>) -> sqlx::Result<Vec<ItemView>> {
    let limit = i64::try_from(ids.len()).unwrap_or(i64::MAX);
    items(conn, &ItemFilter { ids: Some(ids), ..ItemFilter::default() }, None, limit).await
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
