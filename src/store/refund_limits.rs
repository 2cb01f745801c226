//! What an enrollment's customers paid and got back lately, and what of it somebody has weighed with a hold.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::domain::currency::Currency;
use crate::domain::ids::{EnrollmentId, HoldId, SaleId};
use crate::domain::money::Money;
use crate::domain::refund_limits::{Limits, Refund};

/// The limits of the enrollment's program.
///
/// # Errors
/// From the database.
pub async fn limits(conn: &mut PgConnection, enrollment: EnrollmentId) -> sqlx::Result<Limits> {
    let row = sqlx::query!(
        r#"select p.refund_rate_threshold as rate, p.refund_amount_threshold_minor as amount_minor,
            p.currency as "currency: Currency"
        from enrollments e join programs p on p.id = e.program_id where e.id = $1"#,
        enrollment.0,
    )
    .fetch_one(conn)
    .await?;
    let amount = row.amount_minor.map(|amount_minor| Money::new(amount_minor, row.currency));
    Ok(Limits { rate: row.rate, amount })
}

/// What customers paid since `after` for the sales that are credited to the enrollment, per currency.
///
/// # Errors
/// From the database.
pub async fn paid(conn: &mut PgConnection, enrollment: EnrollmentId, after: DateTime<Utc>) -> sqlx::Result<Vec<Money>> {
    let rows = sqlx::query!(
        r#"select s.currency as "currency!: Currency", sum(s.paid_minor)::bigint as "amount_minor!"
        from conversions c join sales s on s.id = c.sale_id
        where c.enrollment_id = $1 and c.position_at > $2 and not c.retired and s.currency is not null
        group by s.currency order by s.currency"#,
        enrollment.0,
        after,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| Money::new(row.amount_minor, row.currency)).collect())
}

/// What went back of the enrollment's sales since `after`, whenever they were paid, newest first; without what was weighed with
/// a hold that has ended.
///
/// # Errors
/// From the database.
pub async fn refunds(
    conn: &mut PgConnection,
    enrollment: EnrollmentId,
    after: DateTime<Utc>,
) -> sqlx::Result<Vec<Refund>> {
    let rows = sqlx::query!(
        r#"with parts as (
            select s.id as sale_id, s.currency, part ->> 'by' as way, part ->> 'id' as id,
                (part ->> 'amount')::bigint as amount_minor
            from conversions c join sales s on s.id = c.sale_id
            cross join jsonb_array_elements(s.given_back) as part
            where c.enrollment_id = $1 and not c.retired and s.given_back <> '[]'
        ), dated as (
            select p.*, coalesce(r.made_at, d.closed_at, d.opened_at, ch.refunded_told_at) as at
            from parts p
            left join refunds r on p.way = 'refund' and r.id = p.id
            left join disputes d on p.way = 'dispute' and d.id = p.id
            left join charges ch on p.way = 'charge' and ch.id = p.id
        ), weighed as (
            select h.sale_id, h.refund_id, sum(h.amount_minor)::bigint as amount_minor
            from hold_refunds h join holds o on o.enrollment_id = h.enrollment_id and o.id = h.hold_id
            where h.enrollment_id = $1 and o.status <> 'open' group by h.sale_id, h.refund_id
        ), unweighed as (
            select d.*, greatest(d.amount_minor - coalesce(w.amount_minor, 0), 0) as fresh_minor
            from dated d left join weighed w on w.sale_id = d.sale_id and w.refund_id = d.id
        ), told_anew as (
            -- A running sum that was weighed, and whose refunds are known by their own names now.
            select w.sale_id, sum(w.amount_minor)::bigint as amount_minor from weighed w
            where w.refund_id not like 're%' and w.refund_id not like 'pyr%' and w.refund_id not like 'dp%'
                and not exists (select 1 from dated d where d.sale_id = w.sale_id and d.id = w.refund_id)
            group by w.sale_id
        ), running as (
            select u.*, coalesce(sum(u.fresh_minor) over (partition by u.sale_id order by u.at, u.id
                rows between unbounded preceding and 1 preceding), 0)::bigint as older_minor
            from unweighed u
        ), counted as (
            select r.*, least(r.fresh_minor,
                greatest(r.older_minor + r.fresh_minor - coalesce(t.amount_minor, 0), 0))::bigint as counts_minor
            from running r left join told_anew t on t.sale_id = r.sale_id
        )
        select c.id as "id!", c.sale_id as "sale_id!: SaleId", c.currency as "currency!: Currency", c.at as "at!",
            c.counts_minor as "amount_minor!"
        from counted c
        where c.at > $2 and c.counts_minor > 0
        order by c.at desc, c.id"#,
        enrollment.0,
        after,
    )
    .fetch_all(conn)
    .await?;
    let refund = |row: (String, SaleId, Money, DateTime<Utc>)| {
        let (id, sale_id, amount, at) = row;
        Refund { id, sale_id, amount, at }
    };
    Ok(rows
        .into_iter()
        .map(|row| refund((row.id, row.sale_id, Money::new(row.amount_minor, row.currency), row.at)))
        .collect())
}

/// The open hold on the enrollment for its refunds.
///
/// # Errors
/// From the database.
pub async fn open_hold(conn: &mut PgConnection, enrollment: EnrollmentId) -> sqlx::Result<Option<HoldId>> {
    sqlx::query_scalar!(
        r#"select id as "id: HoldId" from holds
        where enrollment_id = $1 and status = 'open' and reason_kind = 'refund_threshold' order by id limit 1"#,
        enrollment.0,
    )
    .fetch_optional(conn)
    .await
}

/// Keeps which refunds are weighed with the hold while it is open, and how much of each that wasn't weighed before.
///
/// # Errors
/// From the database.
pub async fn weigh(
    conn: &mut PgConnection,
    enrollment: EnrollmentId,
    hold: HoldId,
    refunds: &[Refund],
) -> sqlx::Result<()> {
    let ids: Vec<&str> = refunds.iter().map(|refund| refund.id.as_str()).collect();
    let sales: Vec<Uuid> = refunds.iter().map(|refund| refund.sale_id.0).collect();
    let amounts: Vec<i64> = refunds.iter().map(|refund| refund.amount.amount_minor).collect();
    let currencies: Vec<&str> = refunds.iter().map(|refund| refund.amount.currency.as_str()).collect();
    let times: Vec<DateTime<Utc>> = refunds.iter().map(|refund| refund.at).collect();
    // A running sum gives way to the refunds that explain it by now.
    sqlx::query!(
        "delete from hold_refunds where enrollment_id = $1 and hold_id = $2 and refund_id <> all($3)
            and refund_id not like 're%' and refund_id not like 'pyr%' and refund_id not like 'dp%'",
        enrollment.0,
        hold.0,
        &ids as &[&str],
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        "insert into hold_refunds (enrollment_id, hold_id, refund_id, sale_id, amount_minor, currency, refunded_at)
        select $1, $2, w.id, w.sale, w.amount, w.currency, w.at
        from unnest($3::text[], $4::uuid[], $5::bigint[], $6::text[], $7::timestamptz[]) as w (id, sale, amount, currency, at)
        on conflict (enrollment_id, hold_id, refund_id)
            do update set amount_minor = excluded.amount_minor",
        enrollment.0,
        hold.0,
        &ids as &[&str],
        &sales,
        &amounts,
        &currencies as &[&str],
        &times,
    )
    .execute(conn)
    .await
    .map(drop)
}

/// The refunds that are weighed with the hold, newest first, at most `limit`.
///
/// # Errors
/// From the database.
pub async fn weighed(
    conn: &mut PgConnection,
    enrollment: EnrollmentId,
    hold: HoldId,
    limit: i64,
) -> sqlx::Result<Vec<Refund>> {
    let rows = sqlx::query!(
        r#"select refund_id, sale_id as "sale_id: SaleId", amount_minor, currency as "currency: Currency", refunded_at
        from hold_refunds where enrollment_id = $1 and hold_id = $2 order by refunded_at desc, refund_id limit $3"#,
        enrollment.0,
        hold.0,
        limit,
    )
    .fetch_all(conn)
    .await?;
    let refund = rows.into_iter().map(|row| Refund {
        id: row.refund_id,
        sale_id: row.sale_id,
        amount: Money::new(row.amount_minor, row.currency),
        at: row.refunded_at,
    });
    Ok(refund.collect())
}
