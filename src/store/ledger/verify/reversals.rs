//! Transfers that were taken back: what an item says of it against the lines that gave it back, and what was asked of Stripe
//! against who asked.

use futures::TryStreamExt;
use sqlx::PgConnection;

use super::Found;
use crate::domain::ids::{PayoutItemId, ReversalId};
use crate::store::reversals::idempotency_key;

/// What came back of an item is due again by lines that name it, each with a posting of its amount; all of it makes the item
/// reversed. What was asked for and done is part of it: the rest was taken back at Stripe.
pub(super) async fn item_against_reversals(conn: &mut PgConnection) -> Found {
    let row = sqlx::query!(
        r#"with back as (
            select l.enrollment_id, l.reversed_item_id as item_id, sum(l.amount_minor) as lines,
                coalesce(sum(e.amount_minor) filter (where t.kind = 'reverse'), 0) as posted
            from commissions_ledger l
            left join ledger_transactions t on t.enrollment_id = l.enrollment_id and t.line_id = l.id and t.kind = 'reverse'
            left join ledger_entries e on e.enrollment_id = t.enrollment_id and e.seq = t.seq and e.amount_minor > 0
            where l.reversed_item_id is not null group by l.enrollment_id, l.reversed_item_id
        ), asked as (
            select enrollment_id, item_id, sum(amount_minor) as done from transfer_reversals
            where status = 'done' group by enrollment_id, item_id
        ), item as (
            select enrollment_id, id as item_id, status, amount_minor, reversed_minor from payout_items
            where reversed_minor > 0 or status = 'reversed'
        )
        select item_id as "item_id!", coalesce(i.status, 'not taken back') as "status!",
            coalesce(i.reversed_minor, 0) as "reversed!", coalesce(b.lines, 0)::text as "lines!",
            coalesce(b.posted, 0)::text as "posted!", coalesce(a.done, 0)::text as "done!"
        from item i full join back b using (enrollment_id, item_id) full join asked a using (enrollment_id, item_id)
        where coalesce(i.reversed_minor, 0) <> coalesce(b.lines, 0) or coalesce(b.lines, 0) <> coalesce(b.posted, 0)
            or coalesce(a.done, 0) > coalesce(i.reversed_minor, 0)
            or i.status is distinct from case when i.reversed_minor = i.amount_minor then 'reversed' else 'posted' end
        order by enrollment_id, item_id limit 1"#,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| {
        let found = format!(
            "it is {} and {} of it came back; its lines give back {}, their postings {}, and {} were asked for and done",
            row.status, row.reversed, row.lines, row.posted, row.done
        );
        (PayoutItemId(row.item_id).to_string(), found)
    }))
}

/// A request is for the amount that the audit log has, under the key made from its id.
pub(super) async fn reversal_against_request(conn: &mut PgConnection) -> Found {
    let mut rows = sqlx::query!(
        r#"select r.id as "id: ReversalId", r.idempotency_key, r.amount_minor, a.asked as "asked?"
        from transfer_reversals r left join (
            select details ->> 'reversal' as id, (details -> 'amount' ->> 'amount')::bigint as asked from audit_log
            where object_type = 'payout_item' and action = 'payout_item.reversal_requested'
        ) a on r.idempotency_key = 'reversal:' || a.id
        order by r.enrollment_id, r.id"#,
    )
    .fetch(conn);
    while let Some(row) = rows.try_next().await? {
        let found = if row.idempotency_key != idempotency_key(row.id) {
            format!("its calls carry the key {}", row.idempotency_key)
        } else if row.asked != Some(row.amount_minor) {
            let asked = row.asked.map_or_else(|| "nothing".to_owned(), |asked| asked.to_string());
            format!("it takes back {} and {asked} was asked for", row.amount_minor)
        } else {
            continue;
        };
        return Ok(Some((row.id.to_string(), found)));
    }
    Ok(None)
}
