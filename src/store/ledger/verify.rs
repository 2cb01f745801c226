//! The proof of the books (design §4), from the entries alone: each check returns the first row that disagrees.
//!
//! Callers run it in one read-only, repeatable-read transaction, so that it judges one moment of a working database.

use chrono::{DateTime, Utc};
use futures::TryStreamExt;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Content, GENESIS, LedgerError, content_hash};
use crate::domain::ids::{EnrollmentId, LedgerTransactionId, LineId, PayoutItemId};

/// What `purser verify` proves, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Check {
    TransactionsSumToZero,
    BalancesEqualEntries,
    LinesAgreeWithEntries,
    LinesAgreeWithHistory,
    ItemsAgreeWithLines,
    ItemsAgreeWithEntries,
    OneTransferPerItem,
    ChainUnbroken,
}

impl Check {
    pub const ALL: &'static [Check] = &[
        Check::TransactionsSumToZero,
        Check::BalancesEqualEntries,
        Check::LinesAgreeWithEntries,
        Check::LinesAgreeWithHistory,
        Check::ItemsAgreeWithLines,
        Check::ItemsAgreeWithEntries,
        Check::OneTransferPerItem,
        Check::ChainUnbroken,
    ];

    /// What holds when the check passes.
    pub fn sentence(self) -> &'static str {
        match self {
            Check::TransactionsSumToZero => "every ledger transaction sums to zero",
            Check::BalancesEqualEntries => "balances equal the sum of their entries",
            Check::LinesAgreeWithEntries => "commission lines and entries agree by status",
            Check::LinesAgreeWithHistory => "every line stands where its history ends",
            Check::ItemsAgreeWithLines => "every payout item pays its lines, and no line is paid twice",
            Check::ItemsAgreeWithEntries => "every posted item has exactly one settled transfer",
            Check::OneTransferPerItem => "every transfer belongs to one item",
            Check::ChainUnbroken => "the hash chain of every enrollment is unbroken",
        }
    }
}

/// The first thing found wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Discrepancy {
    pub check: Check,
    /// The id of what disagrees, as shown outside.
    pub id: String,
    pub found: String,
}

impl std::fmt::Display for Discrepancy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {} (it must hold that {})", self.id, self.found, self.check.sentence())
    }
}

/// Runs one check; `None` means that it holds.
///
/// # Errors
/// From the database only; a discrepancy is an answer, not an error.
pub async fn first_discrepancy(conn: &mut PgConnection, check: Check) -> Result<Option<Discrepancy>, LedgerError> {
    let found = match check {
        Check::TransactionsSumToZero => unbalanced_transaction(conn).await?,
        Check::BalancesEqualEntries => wrong_balance(conn).await?,
        Check::LinesAgreeWithEntries => lines_against_entries(conn).await?,
        Check::LinesAgreeWithHistory => line_against_history(conn).await?,
        Check::ItemsAgreeWithLines => item_against_lines(conn).await?,
        Check::ItemsAgreeWithEntries => item_against_entries(conn).await?,
        Check::OneTransferPerItem => shared_transfer(conn).await?,
        Check::ChainUnbroken => broken_chain(conn).await?,
    };
    Ok(found.map(|(id, found)| Discrepancy { check, id, found }))
}

type Found = Result<Option<(String, String)>, LedgerError>;

async fn unbalanced_transaction(conn: &mut PgConnection) -> Found {
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

async fn wrong_balance(conn: &mut PgConnection) -> Found {
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
        let found = format!(
            "its {} balance (pending, held, payable, in transit, paid) is kept as {} and its entries sum to {}",
            row.currency, row.kept, row.summed
        );
        (id, found)
    }))
}

/// Where each line's money must stand: pending, held (also when finalized and stopped), payable (also when finalized and in
/// no item), in transit, cleared.
/// A line that gives a reversed transfer back moved its amount out of cleared, wherever it went from there; cancelled, it
/// is expense taken back.
async fn lines_against_entries(conn: &mut PgConnection) -> Found {
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
            concat_ws(' ', l.pending, l.held, l.payable, l.in_transit, l.paid, l.expense) as "lines!",
            concat_ws(' ', e.pending, e.held, e.payable, e.in_transit, e.paid, e.expense) as "entries!"
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

async fn line_against_history(conn: &mut PgConnection) -> Found {
    let row = sqlx::query!(
        r#"select l.id, l.status, l.stopped, h.to_status as "told?" from commissions_ledger l
        left join lateral (
            select to_status from commission_line_history
            where enrollment_id = l.enrollment_id and line_id = l.id order by n desc limit 1
        ) h on true
        where h.to_status is distinct from case when l.stopped then 'on_hold' else l.status end
        order by l.enrollment_id, l.id limit 1"#,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| {
        let told = row.told.unwrap_or_else(|| "nothing".to_owned());
        let stands = if row.stopped { "finalized and stopped" } else { &row.status };
        (LineId(row.id).to_string(), format!("it is {stands} and its history ends with {told}"))
    }))
}

/// An item's amount is the sum of the lines listed in it; a line that is in transit or paid names an item that lists it
/// and is in that state; the listed lines of a live or posted item name it.
async fn item_against_lines(conn: &mut PgConnection) -> Found {
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

/// Each item: one reserve of its amount; posted and reversed: one settle of its amount; failed, left out and
/// cancelled: one return.
async fn item_against_entries(conn: &mut PgConnection) -> Found {
    let row = sqlx::query!(
        r#"with moved as (
            select t.enrollment_id, t.item_id, t.kind, count(*) as times, sum(e.amount_minor) as amount
            from ledger_transactions t join ledger_entries e using (enrollment_id, seq)
            where t.item_id is not null and t.kind in ('reserve', 'settle', 'return') and e.amount_minor > 0
            group by t.enrollment_id, t.item_id, t.kind
        ), expected as (
            select i.enrollment_id, i.id as item_id, i.amount_minor, k.kind,
                case k.kind when 'reserve' then true
                    when 'settle' then i.status in ('posted', 'reversed')
                    else i.status in ('failed', 'left_out') or b.status = 'cancelled' end as wanted
            from payout_items i join payout_batches b on b.id = i.batch_id
            cross join (values ('reserve'), ('settle'), ('return')) as k (kind)
        )
        select coalesce(x.item_id, m.item_id) as "item_id!", coalesce(x.kind, m.kind) as "kind!",
            coalesce(x.wanted, false) as "wanted!", coalesce(m.times, 0) as "times!", coalesce(m.amount, 0)::text as "amount!"
        from expected x full join moved m using (enrollment_id, item_id, kind)
        where (coalesce(x.wanted, false) and (m.times is distinct from 1 or m.amount is distinct from x.amount_minor))
            or (not coalesce(x.wanted, false) and m.times is not null)
        order by 1, 2 limit 1"#,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| {
        let expected = if row.wanted { "one of the item's amount" } else { "none" };
        let found =
            format!("it has {} `{}` postings of {} in all, expected {expected}", row.times, row.kind, row.amount);
        (PayoutItemId(row.item_id).to_string(), found)
    }))
}

async fn shared_transfer(conn: &mut PgConnection) -> Found {
    let row = sqlx::query!(
        r#"select transfer_id as "transfer_id!", count(*) as "items!" from payout_items where transfer_id is not null
        group by transfer_id having count(*) > 1 order by transfer_id limit 1"#,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| (row.transfer_id, format!("{} items name this transfer", row.items))))
}

struct ChainState {
    enrollment_id: Uuid,
    seq: i64,
    head: [u8; 32],
}

async fn broken_chain(conn: &mut PgConnection) -> Found {
    let mut state: Option<ChainState> = None;
    {
        let mut rows = sqlx::query_as!(
            ChainRow,
            r#"select t.enrollment_id, t.seq, t.id, t.kind, t.cause, t.idempotency_key, t.line_id, t.item_id, t.posted_at,
                t.prev_hash, t.hash, coalesce(e.accounts, '{}') as "accounts!", coalesce(e.currencies, '{}') as "currencies!",
                coalesce(e.amounts, '{}') as "amounts!"
            from ledger_transactions t left join (
                select enrollment_id, seq, array_agg(account order by n) as accounts,
                    array_agg(currency order by n) as currencies, array_agg(amount_minor order by n) as amounts
                from ledger_entries group by enrollment_id, seq
            ) e using (enrollment_id, seq)
            order by t.enrollment_id, t.seq"#,
        )
        .fetch(&mut *conn);
        while let Some(row) = rows.try_next().await? {
            let before = match state.take() {
                Some(before) if before.enrollment_id == row.enrollment_id => before,
                _ => ChainState { enrollment_id: row.enrollment_id, seq: 0, head: GENESIS },
            };
            if let Some(found) = row.breaks(&before) {
                return Ok(Some((LedgerTransactionId(row.id).to_string(), found)));
            }
            let head = row.computed_hash(&before.head);
            state = Some(ChainState { enrollment_id: row.enrollment_id, seq: row.seq, head });
        }
    }
    let cut = sqlx::query!(
        r#"select c.enrollment_id, c.seq, coalesce(t.seq, 0) as "last!" from ledger_chains c
        left join lateral (
            select seq, hash from ledger_transactions where enrollment_id = c.enrollment_id order by seq desc limit 1
        ) t on true
        where c.seq <> coalesce(t.seq, 0) or (t.hash is not null and t.hash <> c.hash)
        order by c.enrollment_id limit 1"#,
    )
    .fetch_optional(conn)
    .await?;
    Ok(cut.map(|row| {
        let id = EnrollmentId(row.enrollment_id).to_string();
        (id, format!("its chain ends at {} and its transactions at {}", row.seq, row.last))
    }))
}

struct ChainRow {
    enrollment_id: Uuid,
    seq: i64,
    id: Uuid,
    kind: String,
    cause: String,
    idempotency_key: String,
    line_id: Option<Uuid>,
    item_id: Option<Uuid>,
    posted_at: DateTime<Utc>,
    prev_hash: Vec<u8>,
    hash: Vec<u8>,
    accounts: Vec<String>,
    currencies: Vec<String>,
    amounts: Vec<i64>,
}

impl ChainRow {
    fn computed_hash(&self, prev_hash: &[u8; 32]) -> [u8; 32] {
        let named = self.accounts.iter().zip(&self.currencies).zip(&self.amounts);
        let content = Content {
            enrollment_id: self.enrollment_id,
            seq: self.seq,
            id: self.id,
            kind: &self.kind,
            cause: &self.cause,
            idempotency_key: &self.idempotency_key,
            line_id: self.line_id,
            item_id: self.item_id,
            posted_at: self.posted_at,
            entries: named
                .map(|((account, currency), &amount)| (account.as_str(), currency.as_str(), amount))
                .collect(),
        };
        content_hash(prev_hash, &content)
    }

    /// How the row fails to follow the one before it.
    fn breaks(&self, before: &ChainState) -> Option<String> {
        if self.seq != before.seq + 1 {
            Some(format!("it is number {} and follows number {}", self.seq, before.seq))
        } else if self.prev_hash != before.head {
            Some("it does not name the hash of the transaction before it".to_owned())
        } else if self.hash != self.computed_hash(&before.head) {
            Some("its content does not have its hash".to_owned())
        } else {
            None
        }
    }
}
