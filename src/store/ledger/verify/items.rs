//! Payout items against their lines and their postings: what each pays, by which transfer, and that none is paid twice.

use sqlx::PgConnection;

use super::Found;
use crate::domain::ids::{LineId, PayoutItemId};

/// An item's amount is the sum of the lines listed in it; a line that is in transit or paid names an item that lists it
/// and is in that state; the listed lines of a live or posted item name it.
pub(super) async fn item_against_lines(conn: &mut PgConnection) -> Found {
    let row = sqlx::query!(
        r#"select i.id, i.amount_minor, i.status, coalesce(listed.total, 0)::bigint as "listed!", coalesce(listed.astray, 0) as "astray!"
        from payout_items i
        join payout_batches b on b.id = i.batch_id
        left join lateral (
            select sum(il.amount_minor) as total,
                count(*) filter (where il.amount_minor <> l.amount_minor or (
                    case when i.status in ('posted', 'reversed') then (l.payout_item_id = i.id and l.status = 'paid') is not true
                        when i.status in ('failed', 'left_out') or b.status = 'cancelled' then l.payout_item_id is not distinct from i.id
                        else (l.payout_item_id = i.id and l.status = 'finalized') is not true end)) as astray
            from payout_item_lines il join commissions_ledger l on l.enrollment_id = il.enrollment_id and l.id = il.line_id
            where il.enrollment_id = i.enrollment_id and il.item_id = i.id
        ) listed on true
        where coalesce(listed.total, 0) <> i.amount_minor or listed.astray > 0
        order by i.enrollment_id, i.id limit 1"#,
    )
    .fetch_optional(&mut *conn)
    .await?;
    if let Some(row) = row {
        let found = format!(
            "it is {} and pays {}; its lines sum to {}, {} of them stand elsewhere",
            row.status, row.amount_minor, row.listed, row.astray
        );
        return Ok(Some((PayoutItemId(row.id).to_string(), found)));
    }
    let unlisted = sqlx::query!(
        "select l.id, l.payout_item_id from commissions_ledger l
        where (l.payout_item_id is not null or l.status = 'paid') and not exists (
            select 1 from payout_item_lines il
            where il.enrollment_id = l.enrollment_id and il.item_id = l.payout_item_id and il.line_id = l.id)
        order by l.enrollment_id, l.id limit 1",
    )
    .fetch_optional(conn)
    .await?;
    Ok(unlisted.map(|row| (LineId(row.id).to_string(), "it is in a payout that doesn't list it".to_owned())))
}

/// Each item: one reserve of its amount; posted and reversed: one settle of its amount, by its transfer and its rail; failed, left
/// out and cancelled: one return. All in its currency, and nobody else has a transfer.
pub(super) async fn item_against_entries(conn: &mut PgConnection) -> Found {
    let row = sqlx::query!(
        r#"with moved as (
            select t.enrollment_id, t.item_id, t.kind, count(*) as times, sum(e.amount_minor) as amount,
                min(e.currency) as currency, min(e.account) as account, min(t.cause) as cause
            from ledger_transactions t join ledger_entries e using (enrollment_id, seq)
            where t.item_id is not null and t.kind in ('reserve', 'settle', 'return') and e.amount_minor > 0
            group by t.enrollment_id, t.item_id, t.kind
        ), expected as (
            select i.enrollment_id, i.id as item_id, i.amount_minor, i.currency, k.kind,
                case k.kind when 'reserve' then 'in_transit' when 'return' then 'payable' else 'cleared:' || i.rail end as account,
                case when k.kind = 'settle' then i.transfer_id end as transfer_id,
                case k.kind when 'reserve' then true
                    when 'settle' then i.status in ('posted', 'reversed')
                    else i.status in ('failed', 'left_out') or b.status = 'cancelled' end as wanted
            from payout_items i join payout_batches b on b.id = i.batch_id
            cross join (values ('reserve'), ('settle'), ('return')) as k (kind)
        )
        select coalesce(x.item_id, m.item_id) as "item_id!", coalesce(x.kind, m.kind) as "kind!",
            coalesce(x.wanted, false) as "wanted!", coalesce(m.times, 0) as "times!", coalesce(m.amount, 0)::text as "amount!",
            coalesce(m.currency, '') as "currency!", coalesce(m.account, '') as "account!", m.cause as "cause?",
            coalesce(x.amount_minor, 0) as "pays!", coalesce(x.currency, '') as "pays_in!", coalesce(x.account, '') as "pays_to!",
            x.transfer_id as "transfer_id?"
        from expected x full join moved m using (enrollment_id, item_id, kind)
        where case when x.wanted then
                (m.times, m.amount, m.currency, m.account) is distinct from (1, x.amount_minor, x.currency, x.account)
                or (kind = 'settle' and m.cause is distinct from x.transfer_id)
            else m.times is not null or x.transfer_id is not null end
        order by 1, 2 limit 1"#,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| {
        let kind = &row.kind;
        let posted = format!("{} `{kind}` postings of {} {}", row.times, row.amount, row.currency);
        let transfer = row.transfer_id.as_deref().unwrap_or("no transfer");
        let found = if !row.wanted && row.times > 0 {
            format!("it has {posted} in all, expected none")
        } else if !row.wanted {
            format!("it names {transfer} and was never settled")
        } else if row.times != 1 || row.amount != row.pays.to_string() || row.currency != row.pays_in {
            format!("it has {posted} in all, expected one of {} {}", row.pays, row.pays_in)
        } else if row.account != row.pays_to {
            format!("its `{kind}` posting goes to {}, expected {}", row.account, row.pays_to)
        } else {
            format!("it names {transfer}, and {} settled it", row.cause.as_deref().unwrap_or("nothing"))
        };
        (PayoutItemId(row.item_id).to_string(), found)
    }))
}

pub(super) async fn shared_transfer(conn: &mut PgConnection) -> Found {
    let row = sqlx::query!(
        r#"select transfer_id as "transfer_id!", count(*) as "items!" from payout_items where transfer_id is not null
        group by transfer_id having count(*) > 1 order by transfer_id limit 1"#,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| (row.transfer_id, format!("{} items name this transfer", row.items))))
}
