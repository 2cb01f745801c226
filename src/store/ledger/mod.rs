//! The books, and the only door to them: lines, double entry, hash chain and balances are written together here, under
//! the lock of their enrollment. Stages say *what* moves (a [`Posting`] of `domain`); nothing else touches these tables.
//!
//! A function that writes takes an [`EnrollmentLock`], which only [`lock_enrollment`] and [`lock_enrollments`] make: who has
//! it holds the row of the enrollment's chain, so postings of one enrollment are in one order and those of two never wait
//! for each other. What a payout does to many enrollments takes a slice of locks, and a few statements for all of them.

mod chain;
mod changes;
mod finalize;
mod lines;
mod many;
mod payouts;
mod stopped;
mod verify;

pub use chain::{Content, GENESIS, content_hash};
pub use changes::{LineChange, Mark, changes_since};
pub use finalize::finalize_with_period;
pub use lines::{
    LineRow, NewLine, add_line, line, line_of_key, lines_of_sale, move_line, posted_for_sale, unpaid_lines,
};
pub use lines::{due_enrollments, mature_due_lines};
pub use many::lock_enrollments;
pub use payouts::{
    ItemRef, PayableBalance, finalize_into_items, give_back, give_back_all, payable_balances, payable_lines_total,
    reattach_to_item, reserve, reserve_all, settle,
};
pub use stopped::{lines_back_from, release_finalized, stop_finalized};
pub use verify::{Check, Discrepancy, first_discrepancy};

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::domain::currency::Currency;
use crate::domain::ids::{EnrollmentId, LedgerTransactionId, LineId, PayoutItemId};
use crate::domain::line::IllegalTransition;
use crate::domain::money::MoneyError;
use crate::domain::posting::{Balances, Posting};

/// Why nothing was posted.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    #[error(transparent)]
    Store(#[from] sqlx::Error),
    #[error(transparent)]
    Money(#[from] MoneyError),
    #[error(transparent)]
    Illegal(#[from] IllegalTransition),
    #[error("line {0} is not in this enrollment")]
    NoSuchLine(LineId),
    #[error("stored text is not understood: {0}")]
    Unreadable(String),
}

/// Proof that the enrollment's chain is locked in the current transaction, with its head.
#[derive(Debug)]
pub struct EnrollmentLock {
    enrollment_id: EnrollmentId,
    seq: i64,
    head: [u8; 32],
}

impl EnrollmentLock {
    pub fn enrollment_id(&self) -> EnrollmentId {
        self.enrollment_id
    }

    fn at(enrollment_id: EnrollmentId, seq: i64, hash: Vec<u8>) -> Result<Self, LedgerError> {
        let head = hash.try_into().map_err(|_| LedgerError::Unreadable("a hash of the wrong length".into()))?;
        Ok(EnrollmentLock { enrollment_id, seq, head })
    }
}

/// Takes the enrollment's chain for the rest of the transaction. Who needs several takes them in id order.
///
/// # Errors
/// When the database refuses, for instance because the enrollment doesn't exist.
pub async fn lock_enrollment(
    conn: &mut PgConnection,
    enrollment_id: EnrollmentId,
) -> Result<EnrollmentLock, LedgerError> {
    // Every posting but an enrollment's first finds its chain there.
    let mut row = chain_head(conn, enrollment_id).await?;
    if row.is_none() {
        sqlx::query!(
            "insert into ledger_chains (enrollment_id, seq, hash) values ($1, 0, $2) on conflict do nothing",
            enrollment_id.0,
            &GENESIS[..],
        )
        .execute(&mut *conn)
        .await?;
        row = chain_head(conn, enrollment_id).await?;
    }
    let (seq, hash) = row.ok_or(sqlx::Error::RowNotFound)?;
    EnrollmentLock::at(enrollment_id, seq, hash)
}

async fn chain_head(
    conn: &mut PgConnection,
    enrollment_id: EnrollmentId,
) -> Result<Option<(i64, Vec<u8>)>, sqlx::Error> {
    let row = sqlx::query!("select seq, hash from ledger_chains where enrollment_id = $1 for update", enrollment_id.0)
        .fetch_optional(conn)
        .await?;
    Ok(row.map(|row| (row.seq, row.hash)))
}

/// What a ledger transaction says of itself beside its entries.
#[derive(Debug, Clone)]
pub struct Cause<'a> {
    /// Names the fact for people: an event id, a batch id, `hold window over`.
    pub text: &'a str,
    /// Unique within the enrollment: the same fact posts once.
    pub idempotency_key: &'a str,
    pub line_id: Option<LineId>,
    pub item_id: Option<PayoutItemId>,
}

/// Whether the posting was new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Posted {
    New,
    /// The idempotency key was posted before; nothing was written.
    Already,
}

/// Writes one ledger transaction: its entries, its link in the chain, and the balances, all or nothing.
///
/// # Errors
/// [`LedgerError::Money`] when a balance would leave its range, [`LedgerError::Store`] from the database.
pub async fn post(
    conn: &mut PgConnection,
    lock: &mut EnrollmentLock,
    now: DateTime<Utc>,
    posting: Posting,
    currency: Currency,
    cause: Cause<'_>,
) -> Result<Posted, LedgerError> {
    let link = lock.link(now, posting, &currency, cause)?;
    let Some(has_balance) = write(conn, &link.content, &link.prev_hash, &link.hash, &link.change).await? else {
        return Ok(Posted::Already);
    };
    if !has_balance {
        begin_balance(conn, lock.enrollment_id, currency, &link.change, now).await?;
    }
    lock.seq = link.content.seq;
    lock.head = link.hash;
    Ok(Posted::New)
}

/// A posting as the next link of its enrollment's chain.
struct Link<'a> {
    content: Content<'a>,
    prev_hash: [u8; 32],
    hash: [u8; 32],
    change: Balances,
}

impl EnrollmentLock {
    fn link<'a>(
        &self,
        now: DateTime<Utc>,
        posting: Posting,
        currency: &'a Currency,
        cause: Cause<'a>,
    ) -> Result<Link<'a>, LedgerError> {
        let entries = posting.entries()?;
        let mut change = Balances::default();
        change.apply(&entries)?;
        let content = Content {
            enrollment_id: self.enrollment_id.0,
            seq: self.seq.checked_add(1).ok_or(MoneyError::Overflow)?,
            id: LedgerTransactionId::new(now).0,
            kind: posting.movement.as_str(),
            cause: cause.text,
            idempotency_key: cause.idempotency_key,
            line_id: cause.line_id.map(|line| line.0),
            item_id: cause.item_id.map(|item| item.0),
            posted_at: now,
            entries: entries.iter().map(|e| (e.account.as_str(), currency.as_str(), e.amount_minor)).collect(),
        };
        Ok(Link { hash: content_hash(&self.head, &content), prev_hash: self.head, content, change })
    }
}

/// One statement for transaction, entries, chain head and balance, so that a posting is one round trip. Returns whether
/// there was a balance to change; `None`: the idempotency key is known and nothing was written.
async fn write(
    conn: &mut PgConnection,
    content: &Content<'_>,
    prev_hash: &[u8; 32],
    hash: &[u8; 32],
    change: &Balances,
) -> Result<Option<bool>, LedgerError> {
    let accounts: Vec<String> = content.entries.iter().map(|entry| entry.0.to_owned()).collect();
    let currencies: Vec<String> = content.entries.iter().map(|entry| entry.1.to_owned()).collect();
    let amounts: Vec<i64> = content.entries.iter().map(|entry| entry.2).collect();
    let written = sqlx::query!(
        r#"with tx as (
            insert into ledger_transactions
                (enrollment_id, seq, id, kind, cause, idempotency_key, line_id, item_id, posted_at, prev_hash, hash)
            values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
            on conflict (enrollment_id, idempotency_key) do nothing
            returning enrollment_id, seq, posted_at, hash
        ), head as (
            update ledger_chains c set seq = tx.seq, hash = tx.hash from tx where c.enrollment_id = tx.enrollment_id
        ), entries as (
            insert into ledger_entries (enrollment_id, seq, n, account, currency, amount_minor)
            select tx.enrollment_id, tx.seq, entry.n::smallint, entry.account, entry.currency, entry.amount_minor
            from tx cross join unnest($12::text[], $13::text[], $14::bigint[]) with ordinality
                as entry (account, currency, amount_minor, n)
        ), balance as (
            update balances b set
                pending_minor = b.pending_minor + $15, held_minor = b.held_minor + $16,
                payable_minor = b.payable_minor + $17, in_transit_minor = b.in_transit_minor + $18,
                paid_minor = b.paid_minor + $19, updated_at = tx.posted_at
            from tx where b.enrollment_id = tx.enrollment_id and b.currency = ($13::text[])[1]
            returning b.currency
        )
        select exists(select 1 from balance) as "has_balance!" from tx"#,
        content.enrollment_id,
        content.seq,
        content.id,
        content.kind,
        content.cause,
        content.idempotency_key,
        content.line_id as Option<Uuid>,
        content.item_id as Option<Uuid>,
        content.posted_at,
        &prev_hash[..],
        &hash[..],
        &accounts,
        &currencies,
        &amounts,
        change.pending_minor,
        change.held_minor,
        change.payable_minor,
        change.in_transit_minor,
        change.paid_minor,
    )
    .fetch_optional(conn)
    .await?;
    Ok(written.map(|row| row.has_balance))
}

/// The first posting in a currency is the balance's first change.
async fn begin_balance(
    conn: &mut PgConnection,
    enrollment_id: EnrollmentId,
    currency: Currency,
    change: &Balances,
    now: DateTime<Utc>,
) -> Result<(), LedgerError> {
    sqlx::query!(
        "insert into balances (enrollment_id, currency, pending_minor, held_minor, payable_minor, in_transit_minor,
            paid_minor, updated_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8)",
        enrollment_id.0,
        currency.as_str(),
        change.pending_minor,
        change.held_minor,
        change.payable_minor,
        change.in_transit_minor,
        change.paid_minor,
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The balances of an enrollment, by currency.
///
/// # Errors
/// From the database.
pub async fn balances(
    conn: &mut PgConnection,
    enrollment_id: EnrollmentId,
) -> Result<Vec<(Currency, Balances)>, LedgerError> {
    let rows = sqlx::query!(
        "select currency, pending_minor, held_minor, payable_minor, in_transit_minor, paid_minor
        from balances where enrollment_id = $1 order by currency",
        enrollment_id.0,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            let balances = Balances {
                pending_minor: row.pending_minor,
                held_minor: row.held_minor,
                payable_minor: row.payable_minor,
                in_transit_minor: row.in_transit_minor,
                paid_minor: row.paid_minor,
            };
            Ok((read_currency(&row.currency)?, balances))
        })
        .collect()
}

fn read_currency(text: &str) -> Result<Currency, LedgerError> {
    text.parse().map_err(|unknown| LedgerError::Unreadable(format!("{unknown}")))
}
