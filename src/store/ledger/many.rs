//! Postings of many enrollments at once: the same links, keys and balances as one by one, in a handful of statements for a
//! whole slice of locks. What [`super::post`] writes for one, this writes for thousands.

use std::collections::{BTreeMap, HashSet};

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Cause, EnrollmentLock, LedgerError, Link};
use crate::domain::currency::Currency;
use crate::domain::ids::{EnrollmentId, LineId, PayoutItemId};
use crate::domain::money::MoneyError;
use crate::domain::posting::{Balances, Posting};

/// Takes the chains of all these enrollments for the rest of the transaction, in id order. Who needs more than one slice of
/// them takes the slices in that order too. Enrollments that nothing was ever posted for have no chain, and no lock here.
///
/// # Errors
/// From the database.
pub async fn lock_enrollments(
    conn: &mut PgConnection,
    enrollments: &[EnrollmentId],
) -> Result<Vec<EnrollmentLock>, LedgerError> {
    // What follows is about thousands of rows, of tables that the same transaction changes under the statistics: a plan made
    // for a handful would read whole tables again and again.
    sqlx::query!("set local plan_cache_mode = force_custom_plan").execute(&mut *conn).await?;
    let rows = sqlx::query!(
        r#"select enrollment_id as "enrollment_id: EnrollmentId", seq, hash from ledger_chains
        where enrollment_id = any($1) order by enrollment_id for update"#,
        enrollments as &[EnrollmentId],
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(|row| EnrollmentLock::at(row.enrollment_id, row.seq, row.hash)).collect()
}

/// The enrollments of the locks.
pub(super) fn enrollments_of(locks: &[EnrollmentLock]) -> Vec<EnrollmentId> {
    locks.iter().map(|lock| lock.enrollment_id).collect()
}

/// A posting among many.
#[derive(Debug, Clone)]
pub(super) struct NewPosting {
    pub enrollment_id: EnrollmentId,
    pub posting: Posting,
    pub currency: Currency,
    /// As [`Cause`] has them.
    pub cause: String,
    pub idempotency_key: String,
    pub line_id: Option<LineId>,
    pub item_id: Option<PayoutItemId>,
}

/// Writes the postings in their order under the locks of their enrollments, which are in id order. Says of each whether it
/// was new; one whose key was posted before writes nothing. After an error the transaction must be rolled back.
///
/// # Errors
/// As [`super::post`]; [`LedgerError::Unreadable`] for an enrollment without a lock.
pub(super) async fn post_many(
    conn: &mut PgConnection,
    locks: &mut [EnrollmentLock],
    now: DateTime<Utc>,
    postings: &[NewPosting],
) -> Result<Vec<bool>, LedgerError> {
    let mut known = known_keys(conn, postings).await?;
    let mut links = Links::default();
    let mut new = Vec::with_capacity(postings.len());
    for one in postings {
        let is_new = known.insert((one.enrollment_id, one.idempotency_key.clone()));
        new.push(is_new);
        if is_new {
            let at = locks.binary_search_by_key(&one.enrollment_id, |lock| lock.enrollment_id);
            let lock = at.ok().and_then(|at| locks.get_mut(at));
            let lock = lock.ok_or_else(|| LedgerError::Unreadable("a posting without its lock".into()))?;
            let (text, idempotency_key) = (one.cause.as_str(), one.idempotency_key.as_str());
            let cause = Cause { text, idempotency_key, line_id: one.line_id, item_id: one.item_id };
            let link = lock.link(now, one.posting, &one.currency, cause)?;
            links.add(&link, one)?;
            lock.seq = link.content.seq;
            lock.head = link.hash;
        }
    }
    links.write(conn, now).await?;
    Ok(new)
}

/// Which of the keys were posted before. The locks keep the answer true.
async fn known_keys(
    conn: &mut PgConnection,
    postings: &[NewPosting],
) -> Result<HashSet<(EnrollmentId, String)>, LedgerError> {
    let enrollments: Vec<Uuid> = postings.iter().map(|one| one.enrollment_id.0).collect();
    let keys: Vec<String> = postings.iter().map(|one| one.idempotency_key.clone()).collect();
    let known = sqlx::query!(
        r#"select t.enrollment_id as "enrollment_id: EnrollmentId", t.idempotency_key
        from unnest($1::uuid[], $2::text[]) as asked (enrollment_id, idempotency_key)
        join ledger_transactions t using (enrollment_id, idempotency_key)"#,
        &enrollments,
        &keys,
    )
    .fetch_all(conn)
    .await?;
    Ok(known.into_iter().map(|row| (row.enrollment_id, row.idempotency_key)).collect())
}

/// The rows of many links, column by column.
#[derive(Default)]
struct Links {
    enrollments: Vec<Uuid>,
    seqs: Vec<i64>,
    ids: Vec<Uuid>,
    kinds: Vec<String>,
    causes: Vec<String>,
    keys: Vec<String>,
    lines: Vec<Option<Uuid>>,
    items: Vec<Option<Uuid>>,
    prev_hashes: Vec<Vec<u8>>,
    hashes: Vec<Vec<u8>>,
    entries: Entries,
    heads: BTreeMap<EnrollmentId, (i64, [u8; 32])>,
    changes: BTreeMap<(EnrollmentId, Currency), Balances>,
}

#[derive(Default)]
struct Entries {
    enrollments: Vec<Uuid>,
    seqs: Vec<i64>,
    numbers: Vec<i16>,
    accounts: Vec<String>,
    currencies: Vec<String>,
    amounts: Vec<i64>,
}

impl Links {
    fn add(&mut self, link: &Link<'_>, posting: &NewPosting) -> Result<(), MoneyError> {
        let content = &link.content;
        self.enrollments.push(content.enrollment_id);
        self.seqs.push(content.seq);
        self.ids.push(content.id);
        self.kinds.push(content.kind.to_owned());
        self.causes.push(content.cause.to_owned());
        self.keys.push(content.idempotency_key.to_owned());
        self.lines.push(content.line_id);
        self.items.push(content.item_id);
        self.prev_hashes.push(link.prev_hash.to_vec());
        self.hashes.push(link.hash.to_vec());
        for (n, (account, currency, amount_minor)) in (1..).zip(&content.entries) {
            self.entries.enrollments.push(content.enrollment_id);
            self.entries.seqs.push(content.seq);
            self.entries.numbers.push(n);
            self.entries.accounts.push((*account).to_owned());
            self.entries.currencies.push((*currency).to_owned());
            self.entries.amounts.push(*amount_minor);
        }
        self.heads.insert(posting.enrollment_id, (content.seq, link.hash));
        let change = self.changes.entry((posting.enrollment_id, posting.currency)).or_default();
        change.apply(&posting.posting.entries()?)
    }

    async fn write(&self, conn: &mut PgConnection, now: DateTime<Utc>) -> Result<(), LedgerError> {
        if self.ids.is_empty() {
            return Ok(());
        }
        self.write_transactions(conn, now).await?;
        self.write_entries(conn).await?;
        self.write_heads(conn).await?;
        self.write_balances(conn, now).await
    }

    async fn write_transactions(&self, conn: &mut PgConnection, now: DateTime<Utc>) -> Result<(), LedgerError> {
        sqlx::query!(
            "insert into ledger_transactions
                (enrollment_id, seq, id, kind, cause, idempotency_key, line_id, item_id, posted_at, prev_hash, hash)
            select t.enrollment_id, t.seq, t.id, t.kind, t.cause, t.idempotency_key, t.line_id, t.item_id, $11, t.prev_hash,
                t.hash
            from unnest($1::uuid[], $2::bigint[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::uuid[], $8::uuid[],
                $9::bytea[], $10::bytea[])
                as t (enrollment_id, seq, id, kind, cause, idempotency_key, line_id, item_id, prev_hash, hash)",
            &self.enrollments,
            &self.seqs,
            &self.ids,
            &self.kinds,
            &self.causes,
            &self.keys,
            &self.lines as &[Option<Uuid>],
            &self.items as &[Option<Uuid>],
            &self.prev_hashes,
            &self.hashes,
            now,
        )
        .execute(conn)
        .await?;
        Ok(())
    }

    async fn write_entries(&self, conn: &mut PgConnection) -> Result<(), LedgerError> {
        sqlx::query!(
            "insert into ledger_entries (enrollment_id, seq, n, account, currency, amount_minor)
            select * from unnest($1::uuid[], $2::bigint[], $3::smallint[], $4::text[], $5::text[], $6::bigint[])",
            &self.entries.enrollments,
            &self.entries.seqs,
            &self.entries.numbers,
            &self.entries.accounts,
            &self.entries.currencies,
            &self.entries.amounts,
        )
        .execute(conn)
        .await?;
        Ok(())
    }

    async fn write_heads(&self, conn: &mut PgConnection) -> Result<(), LedgerError> {
        let enrollments: Vec<Uuid> = self.heads.keys().map(|id| id.0).collect();
        let (seqs, hashes): (Vec<i64>, Vec<Vec<u8>>) =
            self.heads.values().map(|(seq, hash)| (*seq, hash.to_vec())).unzip();
        sqlx::query!(
            "update ledger_chains c set seq = head.seq, hash = head.hash
            from unnest($1::uuid[], $2::bigint[], $3::bytea[]) as head (enrollment_id, seq, hash)
            where c.enrollment_id = head.enrollment_id",
            &enrollments,
            &seqs,
            &hashes,
        )
        .execute(conn)
        .await?;
        Ok(())
    }

    /// The first posting in a currency is the balance's first change. An upsert would hold the change itself, which may be
    /// below zero, to what must hold of the balance.
    async fn write_balances(&self, conn: &mut PgConnection, now: DateTime<Utc>) -> Result<(), LedgerError> {
        let enrollments: Vec<Uuid> = self.changes.keys().map(|(id, _)| id.0).collect();
        let currencies: Vec<String> = self.changes.keys().map(|(_, currency)| currency.as_str().to_owned()).collect();
        let column = |of: fn(&Balances) -> i64| self.changes.values().map(of).collect::<Vec<i64>>();
        sqlx::query!(
            "with change as (
                select * from unnest($1::uuid[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[])
                    as c (enrollment_id, currency, pending_minor, held_minor, payable_minor, in_transit_minor, paid_minor)
            ), changed as (
                update balances b set
                    pending_minor = b.pending_minor + c.pending_minor, held_minor = b.held_minor + c.held_minor,
                    payable_minor = b.payable_minor + c.payable_minor,
                    in_transit_minor = b.in_transit_minor + c.in_transit_minor, paid_minor = b.paid_minor + c.paid_minor,
                    updated_at = $8
                from change c where b.enrollment_id = c.enrollment_id and b.currency = c.currency
                returning b.enrollment_id, b.currency
            )
            insert into balances
                (enrollment_id, currency, pending_minor, held_minor, payable_minor, in_transit_minor, paid_minor, updated_at)
            select c.enrollment_id, c.currency, c.pending_minor, c.held_minor, c.payable_minor, c.in_transit_minor,
                c.paid_minor, $8
            from change c
            where not exists (
                select 1 from changed where changed.enrollment_id = c.enrollment_id and changed.currency = c.currency)",
            &enrollments,
            &currencies,
            &column(|change| change.pending_minor),
            &column(|change| change.held_minor),
            &column(|change| change.payable_minor),
            &column(|change| change.in_transit_minor),
            &column(|change| change.paid_minor),
            now,
        )
        .execute(conn)
        .await?;
        Ok(())
    }
}
