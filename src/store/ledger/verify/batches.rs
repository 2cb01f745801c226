//! Payout batches against their items: where each stands, what it was approved to pay, and what its calls carry.

use futures::TryStreamExt;
use sqlx::PgConnection;

use super::Found;
use crate::domain::ids::{BatchId, PayoutItemId};
use crate::store::manifest;
use crate::store::payout_items::idempotency_key;

/// What was not started has nothing sent; what is completed has nothing under way; and each has gone through the steps that lead
/// to where it stands.
pub(super) async fn batch_against_items(conn: &mut PgConnection) -> Found {
    let row = sqlx::query!(
        r#"with batch as (
            select b.id, b.status, concat_ws(', ', case when b.approved_at is not null then 'approved' end,
                    case when b.executed_at is not null then 'executed' end,
                    case when b.completed_at is not null then 'completed' end,
                    case when b.cancelled_at is not null then 'cancelled' end) as steps,
                coalesce(i.begun, 0) as begun, coalesce(i.live, 0) as live
            from payout_batches b left join (
                select batch_id, count(*) filter (where status not in ('pending', 'left_out')) as begun,
                    count(*) filter (where status in ('pending', 'sending', 'processing', 'unresolved')) as live
                from payout_items group by batch_id
            ) i on i.batch_id = b.id
        )
        select id, status, steps as "steps!", begun as "begun!", live as "live!" from batch
        where case status when 'draft' then steps <> '' or begun > 0
            when 'approved' then steps <> 'approved' or begun > 0
            when 'cancelled' then steps not in ('cancelled', 'approved, cancelled') or begun > 0
            when 'completed' then steps <> 'approved, executed, completed' or live > 0
            else steps <> 'approved, executed' end
        order by id limit 1"#,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| {
        let steps = if row.steps.is_empty() { "drafted only" } else { &row.steps };
        let found = format!(
            "it is {}; it was {steps}, {} of its payouts were begun or ended and {} are still to end",
            row.status, row.begun, row.live
        );
        (BatchId(row.id).to_string(), found)
    }))
}

/// What the manifest names is what was drafted and approved; an item that came later, in another's place, pays an account of its
/// affiliate, as they all do.
pub(super) async fn manifest_against_items(conn: &mut PgConnection) -> Found {
    if let Some(batch) = manifest::first_changed(conn).await? {
        return Ok(Some((batch.to_string(), "its items are not the ones of its manifest".to_owned())));
    }
    let elsewhere = sqlx::query!(
        r#"select i.id, i.destination, m.stripe_account as "account?" from payout_items i
        left join payment_methods m on m.id = i.payment_method_id and m.affiliate_id = i.affiliate_id
        where i.rail = 'stripe_connect' and m.stripe_account is distinct from i.destination
        order by i.enrollment_id, i.id limit 1"#,
    )
    .fetch_optional(conn)
    .await?;
    Ok(elsewhere.map(|row| {
        let account = row.account.as_deref().unwrap_or("none of its affiliate's");
        let found = format!("it pays {} and its payment method is {account}", row.destination);
        (PayoutItemId(row.id).to_string(), found)
    }))
}

/// An item has one key for life, made from its id: another one could move its money once more.
pub(super) async fn item_against_key(conn: &mut PgConnection) -> Found {
    let mut rows = sqlx::query!(
        r#"select id as "id: PayoutItemId", idempotency_key from payout_items order by enrollment_id, id"#,
    )
    .fetch(conn);
    while let Some(row) = rows.try_next().await? {
        if row.idempotency_key != idempotency_key(row.id) {
            return Ok(Some((row.id.to_string(), format!("its calls carry the key {}", row.idempotency_key))));
        }
    }
    Ok(None)
}
