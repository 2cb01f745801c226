//! The items of a whole batch: what stands in it, and what of it failed. Reading only.

use sqlx::PgConnection;

use super::ledger::ItemRef;
use crate::domain::currency::Currency;
use crate::domain::ids::{BatchId, EnrollmentId, PayoutItemId};
use crate::domain::money::Money;

/// The batch's items that were not left out, in the order of their enrollments.
pub async fn standing(conn: &mut PgConnection, batch_id: BatchId) -> sqlx::Result<Vec<(EnrollmentId, ItemRef)>> {
    let rows = sqlx::query!(
        r#"select enrollment_id as "enrollment_id: EnrollmentId", id as "id: PayoutItemId",
            currency as "currency: Currency", amount_minor
        from payout_items where batch_id = $1 and status <> 'left_out' order by enrollment_id, id"#,
        batch_id.0,
    )
    .fetch_all(conn)
    .await?;
    let item = |id, amount_minor, currency| ItemRef { id, amount: Money::new(amount_minor, currency) };
    Ok(rows.into_iter().map(|row| (row.enrollment_id, item(row.id, row.amount_minor, row.currency))).collect())
}

/// What the batch's items that were not left out sum to, by currency.
pub async fn totals(conn: &mut PgConnection, batch_id: BatchId) -> sqlx::Result<Vec<Money>> {
    let rows = sqlx::query!(
        r#"select currency as "currency: Currency", sum(amount_minor)::bigint as "amount_minor!" from payout_items
        where batch_id = $1 and status <> 'left_out' group by currency order by currency"#,
        batch_id.0,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| Money::new(row.amount_minor, row.currency)).collect())
}

/// What the batch was drafted with, by currency: also what was left out of it since, and without what was tried again in it.
pub async fn drafted(conn: &mut PgConnection, batch_id: BatchId) -> sqlx::Result<Vec<Money>> {
    let rows = sqlx::query!(
        r#"select i.currency as "currency: Currency", sum(i.amount_minor)::bigint as "amount_minor!" from payout_items i
        where i.batch_id = $1 and not exists (
            select 1 from payout_items tried
            where tried.enrollment_id = i.enrollment_id and tried.id = i.retry_of and tried.batch_id = i.batch_id)
        group by i.currency order by i.currency"#,
        batch_id.0,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| Money::new(row.amount_minor, row.currency)).collect())
}

/// The batch's failed items that nobody has tried again, in the order of their enrollments.
pub async fn failed_of_batch(conn: &mut PgConnection, batch_id: BatchId) -> sqlx::Result<Vec<PayoutItemId>> {
    sqlx::query_scalar!(
        r#"select i.id as "id: PayoutItemId" from payout_items i
        where i.batch_id = $1 and i.status = 'failed' and not exists (
            select 1 from payout_items r where r.enrollment_id = i.enrollment_id and r.retry_of = i.id)
        order by i.enrollment_id, i.id"#,
        batch_id.0,
    )
    .fetch_all(conn)
    .await
}

/// The batch's items that somebody left out or tried again, newest first.
pub async fn changed_by_hand(
    conn: &mut PgConnection,
    batch_id: BatchId,
    limit: i64,
) -> sqlx::Result<Vec<PayoutItemId>> {
    sqlx::query_scalar!(
        r#"select i.id as "id: PayoutItemId" from payout_items i
        where i.batch_id = $1 and (i.status = 'left_out' or (i.status = 'failed' and exists (
            select 1 from payout_items r where r.enrollment_id = i.enrollment_id and r.retry_of = i.id)))
        order by i.id desc limit $2"#,
        batch_id.0,
        limit,
    )
    .fetch_all(conn)
    .await
}
