//! Sums: every transaction's, every balance's, and where the lines of an enrollment say that its money stands.

use sqlx::PgConnection;

use super::Found;
use crate::domain::ids::{EnrollmentId, LedgerTransactionId};

pub(super) async fn unbalanced_transaction(conn: &mut PgConnection) -> Found {
    let row = sqlx::query!(
        r#"select t.id, coalesce(e.currency, '') as "currency!", coalesce(sum(e.amount_minor), 0)::text as "total!", count(e.n) as "entries!"
        from ledger_transactions t left join ledger_entries e using (enrollment_id, seq)
        group by t.id, t.enrollment_id, t.seq, e.currency
        having coalesce(sum(e.amount_minor), 0) <> 0 or count(e.n) = 0
        order by t.enrollment_id, t.seq limit 1"#,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| {
        let id = LedgerTransactionId(row.id).to_string();
        (id, format!("its {} entries sum to {} {}", row.entries, row.total, row.currency))
    }))
}

pub(super) async fn wrong_balance(conn: &mut PgConnection) -> Found {
    let row = sqlx::query!(
        r#"with summed as (
            select enrollment_id, currency,
                sum(amount_minor) filter (where account = 'pending') as pending,
                sum(amount_minor) filter (where account = 'held') as held,
                sum(amount_minor) filter (where account = 'payable') as payable,
                sum(amount_minor) filter (where account = 'in_transit') as in_transit,
                sum(amount_minor) filter (where account like 'cleared:%') as paid
            from ledger_entries group by enrollment_id, currency
        )
        select coalesce(b.enrollment_id, s.enrollment_id) as "enrollment_id!", coalesce(b.currency, s.currency) as "currency!",
            concat_ws(' ', b.pending_minor, b.held_minor, b.payable_minor, b.in_transit_minor, b.paid_minor) as "kept!",
            b.enrollment_id is null as "is_missing!",
            concat_ws(' ', coalesce(s.pending, 0), coalesce(s.held, 0), coalesce(s.payable, 0), coalesce(s.in_transit, 0), coalesce(s.paid, 0)) as "summed!"
        from balances b full join summed s using (enrollment_id, currency)
        where (coalesce(b.pending_minor, 0), coalesce(b.held_minor, 0), coalesce(b.payable_minor, 0), coalesce(b.in_transit_minor, 0), coalesce(b.paid_minor, 0))
            is distinct from (coalesce(s.pending, 0), coalesce(s.held, 0), coalesce(s.payable, 0), coalesce(s.in_transit, 0), coalesce(s.paid, 0))
        order by 1, 2 limit 1"#,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| {
        let id = EnrollmentId(row.enrollment_id).to_string();
        let kept = if row.is_missing { "missing".to_owned() } else { format!("kept as {}", row.kept) };
        let found = format!(
            "its {} balance (pending, held, payable, in transit, paid) is {kept} and its entries sum to {}",
            row.currency, row.summed
        );
        (id, found)
    }))
}

/// Where each line's money must stand: pending, held (also when finalized and stopped), payable (also when finalized and in
/// no item), in transit, cleared.
/// A line that gives a reversed transfer back moved its amount out of cleared, wherever it went from there; cancelled, it
/// is expense taken back.
pub(super) async fn lines_against_entries(conn: &mut PgConnection) -> Found {
    let row = sqlx::query!(
        r#"with by_lines as (
            select enrollment_id, currency,
                coalesce(sum(amount_minor) filter (where status = 'pending'), 0) as pending,
                coalesce(sum(amount_minor) filter (where status = 'on_hold' or stopped), 0) as held,
                coalesce(sum(amount_minor) filter (where status = 'approved' or (status = 'finalized' and payout_item_id is null and not stopped)), 0) as payable,
                coalesce(sum(amount_minor) filter (where status = 'finalized' and payout_item_id is not null), 0) as in_transit,
                coalesce(sum(amount_minor) filter (where status = 'paid'), 0)
                    - coalesce(sum(amount_minor) filter (where reversed_item_id is not null), 0) as paid,
                coalesce(sum(amount_minor) filter (where reversed_item_id is null and status <> 'cancelled'), 0)
                    - coalesce(sum(amount_minor) filter (where reversed_item_id is not null and status = 'cancelled'), 0) as expense
            from commissions_ledger group by enrollment_id, currency
        ), by_entries as (
            select enrollment_id, currency,
                coalesce(sum(amount_minor) filter (where account = 'pending'), 0) as pending,
                coalesce(sum(amount_minor) filter (where account = 'held'), 0) as held,
                coalesce(sum(amount_minor) filter (where account = 'payable'), 0) as payable,
                coalesce(sum(amount_minor) filter (where account = 'in_transit'), 0) as in_transit,
                coalesce(sum(amount_minor) filter (where account like 'cleared:%'), 0) as paid,
                coalesce(-sum(amount_minor) filter (where account = 'expense'), 0) as expense
            from ledger_entries group by enrollment_id, currency
        )
        select enrollment_id as "enrollment_id!", currency as "currency!",
            concat_ws(' ', coalesce(l.pending, 0), coalesce(l.held, 0), coalesce(l.payable, 0), coalesce(l.in_transit, 0), coalesce(l.paid, 0),
                coalesce(l.expense, 0)) as "lines!",
            concat_ws(' ', coalesce(e.pending, 0), coalesce(e.held, 0), coalesce(e.payable, 0), coalesce(e.in_transit, 0), coalesce(e.paid, 0),
                coalesce(e.expense, 0)) as "entries!"
        from by_lines l full join by_entries e using (enrollment_id, currency)
        where (coalesce(l.pending, 0), coalesce(l.held, 0), coalesce(l.payable, 0), coalesce(l.in_transit, 0), coalesce(l.paid, 0), coalesce(l.expense, 0))
            is distinct from (coalesce(e.pending, 0), coalesce(e.held, 0), coalesce(e.payable, 0), coalesce(e.in_transit, 0), coalesce(e.paid, 0), coalesce(e.expense, 0))
        order by 1, 2 limit 1"#,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| {
        let id = EnrollmentId(row.enrollment_id).to_string();
        let found = format!(
            "its {} lines (pending, held, payable, in transit, paid, expense) sum to {} and its entries to {}",
            row.currency, row.lines, row.entries
        );
        (id, found)
    }))
}
