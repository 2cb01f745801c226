//! The figures of the admin's home: what needs a look, and what stands where. Reading only.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::domain::currency::Currency;

/// How many of each thing wait for a person.
#[derive(Debug, Clone)]
pub struct Attention {
    pub failed_events: i64,
    pub parked_events: i64,
    /// Refunds and disputes that have waited for their sale since before the moment that was asked for.
    pub waiting_refunds: i64,
    pub unresolved_items: i64,
    pub failed_items: i64,
    pub paused_batches: i64,
    pub draft_batches: i64,
    pub approved_batches: i64,
    pub open_holds: i64,
    pub open_claims: i64,
    pub unattributed_sales: i64,
    pub failed_mails: i64,
    pub failed_bank_payouts: i64,
    pub affiliates: i64,
}

/// All enrollments' balances in a currency; minor units, as text because sums may leave the range of an amount.
#[derive(Debug, Clone)]
pub struct TotalsRow {
    pub currency: Currency,
    pub pending: i64,
    pub held: i64,
    pub payable: i64,
    pub in_transit: i64,
    pub paid: i64,
}

/// Failed items that were tried again don't count.
pub async fn attention(conn: &mut PgConnection, parked_before: DateTime<Utc>) -> sqlx::Result<Attention> {
    sqlx::query_as!(
        Attention,
        r#"select
            (select count(*) from inbox_events where status = 'failed') as "failed_events!",
            (select count(*) from inbox_events where status = 'parked') as "parked_events!",
            (select count(distinct p.event_id) from parked_events p join inbox_events e on e.id = p.event_id
                where e.status = 'parked' and e.received_at < $1) as "waiting_refunds!",
            (select count(*) from payout_items where status = 'unresolved') as "unresolved_items!",
            (select count(*) from payout_items i where i.status = 'failed' and not exists (
                select 1 from payout_items r where r.enrollment_id = i.enrollment_id and r.retry_of = i.id)
                and exists (select 1 from payout_item_lines il join commissions_ledger l
                    on l.enrollment_id = il.enrollment_id and l.id = il.line_id
                    where il.enrollment_id = i.enrollment_id and il.item_id = i.id and l.payout_item_id is null
                        and l.status = 'finalized')) as "failed_items!",
            (select count(*) from payout_batches where status = 'paused') as "paused_batches!",
            (select count(*) from payout_batches where status = 'draft') as "draft_batches!",
            (select count(*) from payout_batches where status = 'approved') as "approved_batches!",
            (select count(*) from holds where status = 'open') as "open_holds!",
            (select count(*) from claims where status = 'open') as "open_claims!",
            (select count(*) from sales where unattributed_reason is not null
                and unattributed_reason not in ('nothing_collected', 'awaiting_details')) as "unattributed_sales!",
            (select count(*) from outgoing_mail where status = 'failed') as "failed_mails!",
            (select count(*) from bank_payouts b where b.status = 'failed' and not exists (
                select 1 from bank_payouts later
                where later.affiliate_id = b.affiliate_id and later.stripe_account = b.stripe_account
                    and later.status = 'paid' and later.told_at > b.told_at)) as "failed_bank_payouts!",
            (select count(*) from affiliates) as "affiliates!""#,
        parked_before,
    )
    .fetch_one(conn)
    .await
}

pub async fn totals(conn: &mut PgConnection) -> sqlx::Result<Vec<TotalsRow>> {
    sqlx::query_as!(
        TotalsRow,
        r#"select currency as "currency: Currency", sum(pending_minor)::bigint as "pending!", sum(held_minor)::bigint as "held!",
            sum(payable_minor)::bigint as "payable!", sum(in_transit_minor)::bigint as "in_transit!",
            sum(paid_minor)::bigint as "paid!"
        from balances group by currency order by currency"#,
    )
    .fetch_all(conn)
    .await
}

/// Commission lines written per day and currency since `since`, for a small chart; days without any are left out.
#[derive(Debug, Clone)]
pub struct DayRow {
    pub day: chrono::NaiveDate,
    pub currency: Currency,
    pub earned: i64,
    pub sales: i64,
}

pub async fn earned_by_day(conn: &mut PgConnection, since: DateTime<Utc>) -> sqlx::Result<Vec<DayRow>> {
    sqlx::query_as!(
        DayRow,
        r#"select (created_at at time zone 'utc')::date as "day!", currency as "currency: Currency",
            sum(amount_minor)::bigint as "earned!", count(*) filter (where kind = 'commission') as "sales!"
        from commissions_ledger where created_at >= $1 and status <> 'cancelled' and reversed_item_id is null
        group by 1, 2 order by 1, 2"#,
        since,
    )
    .fetch_all(conn)
    .await
}
