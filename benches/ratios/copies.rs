//! Makes many rows of the few that Purser wrote: table by table, so the schema is named nowhere but where sums and hashes have
//! to agree. The books that come of it hold: `purser verify` looks at every link.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use futures::TryStreamExt;
use purser::store::ledger::{Content, GENESIS, content_hash};
use sqlx::pool::PoolConnection;
use sqlx::{AssertSqlSafe, PgConnection, PgPool, Postgres};
use uuid::Uuid;

use super::names::{self, Names};

/// Tables with one row per enrollment, which are summed up after the copies are there.
const SUMMED: [&str; 2] = ["ledger_chains", "balances"];

/// A row and where it stands; the values as PostgreSQL writes them.
#[derive(Debug, Clone)]
pub struct Row {
    pub table: String,
    pub columns: Vec<String>,
    pub types: Vec<String>,
    pub values: Vec<Option<String>>,
}

impl Row {
    /// Whether it is a sum of other rows, which [`finish`] makes.
    pub fn is_summed(&self) -> bool {
        SUMMED.contains(&self.table.as_str())
    }

    /// Writes the row anew for every `g` in `from..to`, which are spread over that many `affiliates`; with `last`, times lie
    /// before the original's by ten seconds a copy.
    pub async fn copy(
        &self,
        conn: &mut PgConnection,
        names: &Names,
        (from, to): (usize, usize),
        affiliates: usize,
        last: Option<usize>,
    ) {
        let named = self.columns.iter().zip(&self.types).zip(&self.values);
        let values: Vec<String> = named
            .map(|((column, kind), value)| {
                let Some(value) = value else { return "null".to_owned() };
                let value = names.sql(value).unwrap_or_else(|| names::literal(value));
                match (column.as_str(), kind.as_str(), last) {
                    ("seq", _, _) => format!("(g / {affiliates} + 1)"),
                    (_, "timestamp with time zone", Some(last)) => {
                        format!("({value}::timestamptz - make_interval(secs => 10 * ({last} - g)))")
                    }
                    _ => format!("{value}::{kind}"),
                }
            })
            .collect();
        let statement = format!(
            "insert into {} ({}) select {} from generate_series({from}::bigint, {to}::bigint - 1) g",
            self.table,
            self.columns.join(", "),
            values.join(", ")
        );
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(conn).await.unwrap();
    }
}

pub async fn without_triggers(pool: &PgPool) -> PoolConnection<Postgres> {
    let mut conn = pool.acquire().await.unwrap();
    sqlx::raw_sql("set session_replication_role = replica").execute(&mut *conn).await.unwrap();
    conn
}

pub async fn with_triggers(mut conn: PoolConnection<Postgres>) {
    sqlx::raw_sql("reset session_replication_role").execute(&mut *conn).await.unwrap();
}

/// Every row of every table that has few of them.
pub async fn rows(conn: &mut PgConnection) -> Vec<Row> {
    let tables = "select c.relname::text, array_agg(a.attname::text order by a.attnum),
            array_agg(format_type(a.atttypid, a.atttypmod) order by a.attnum)
        from pg_class c join pg_attribute a on a.attrelid = c.oid
        where c.relnamespace = 'public'::regnamespace and c.relkind = 'r' and a.attnum > 0 and not a.attisdropped
            and a.attgenerated = '' and c.relname <> '_sqlx_migrations'
        group by 1 order by 1";
    let tables: Vec<(String, Vec<String>, Vec<String>)> = sqlx::query_as(tables).fetch_all(&mut *conn).await.unwrap();
    let mut found = Vec::new();
    for (table, columns, types) in tables {
        let texts: Vec<String> = columns.iter().map(|column| format!("{column}::text")).collect();
        let select = format!("select array[{}] from {table}", texts.join(", "));
        let rows: Vec<Vec<Option<String>>> =
            sqlx::query_scalar(AssertSqlSafe(select)).fetch_all(&mut *conn).await.unwrap();
        found.extend(rows.into_iter().map(|values| Row {
            table: table.clone(),
            columns: columns.clone(),
            types: types.clone(),
            values,
        }));
    }
    found
}

/// The rows that were not there before.
pub fn since(before: &[Row], rows: Vec<Row>) -> Vec<Row> {
    let known = |row: &Row| before.iter().any(|old| old.table == row.table && old.values == row.values);
    rows.into_iter().filter(|row| !known(row)).collect()
}

pub fn ids_of(rows: &[Row]) -> BTreeSet<Uuid> {
    let values = rows.iter().flat_map(|row| row.values.iter().flatten());
    values.flat_map(|value| names::ids_in(value).collect::<Vec<_>>()).collect()
}

/// Sums up and hashes what the copies wrote, and leaves the database as one that has been in use.
pub async fn finish(pool: &PgPool, conn: &mut PgConnection) {
    sum_up(conn).await;
    link_chains(pool, conn).await;
    sqlx::raw_sql("vacuum analyze").execute(pool).await.unwrap();
    sqlx::raw_sql("checkpoint").execute(pool).await.unwrap();
}

/// Balances and chain heads, from the entries.
async fn sum_up(conn: &mut PgConnection) {
    let statement = "delete from balances;
        insert into balances (enrollment_id, currency, pending_minor, held_minor, payable_minor, in_transit_minor, paid_minor, updated_at)
        select enrollment_id, currency,
            coalesce(sum(amount_minor) filter (where account = 'pending'), 0), coalesce(sum(amount_minor) filter (where account = 'held'), 0),
            coalesce(sum(amount_minor) filter (where account = 'payable'), 0), coalesce(sum(amount_minor) filter (where account = 'in_transit'), 0),
            coalesce(sum(amount_minor) filter (where account like 'cleared:%'), 0), now()
        from ledger_entries group by 1, 2;
        delete from ledger_chains;
        insert into ledger_chains (enrollment_id, seq, hash)
        select enrollment_id, max(seq), decode(repeat('00', 32), 'hex') from ledger_transactions group by 1";
    sqlx::raw_sql(statement).execute(conn).await.unwrap();
}

#[derive(sqlx::FromRow)]
struct Link {
    enrollment_id: Uuid,
    seq: i64,
    id: Uuid,
    kind: String,
    cause: String,
    idempotency_key: String,
    line_id: Option<Uuid>,
    item_id: Option<Uuid>,
    posted_at: DateTime<Utc>,
    accounts: Vec<String>,
    currencies: Vec<String>,
    amounts: Vec<i64>,
}

/// Hashes every chain, so that `verify` has its real work to do and holds.
async fn link_chains(pool: &PgPool, conn: &mut PgConnection) {
    let links =
        "select t.enrollment_id, t.seq, t.id, t.kind, t.cause, t.idempotency_key, t.line_id, t.item_id, t.posted_at,
            array_agg(e.account order by e.n) as accounts, array_agg(e.currency order by e.n) as currencies,
            array_agg(e.amount_minor order by e.n) as amounts
        from ledger_transactions t join ledger_entries e using (enrollment_id, seq)
        group by t.enrollment_id, t.seq order by t.enrollment_id, t.seq";
    let mut heads: BTreeMap<Uuid, [u8; 32]> = BTreeMap::new();
    let mut links = sqlx::query_as::<_, Link>(links).fetch(pool).try_chunks(20_000);
    while let Some(chunk) = links.try_next().await.unwrap() {
        let (mut enrollments, mut seqs, mut before, mut after) = (vec![], vec![], vec![], vec![]);
        for link in chunk {
            let head = heads.entry(link.enrollment_id).or_insert(GENESIS);
            let prev = *head;
            *head = content_hash(&prev, &link.content());
            enrollments.push(link.enrollment_id);
            seqs.push(link.seq);
            before.push(prev.to_vec());
            after.push(head.to_vec());
        }
        let write = "update ledger_transactions t set prev_hash = l.prev_hash, hash = l.hash
            from unnest($1::uuid[], $2::bigint[], $3::bytea[], $4::bytea[]) as l (enrollment_id, seq, prev_hash, hash)
            where t.enrollment_id = l.enrollment_id and t.seq = l.seq";
        sqlx::query(write).bind(enrollments).bind(seqs).bind(before).bind(after).execute(&mut *conn).await.unwrap();
    }
    let write = "update ledger_chains c set hash = t.hash from ledger_transactions t
        where t.enrollment_id = c.enrollment_id and t.seq = c.seq";
    sqlx::raw_sql(write).execute(conn).await.unwrap();
}

impl Link {
    fn content(&self) -> Content<'_> {
        let named = self.accounts.iter().zip(&self.currencies).zip(&self.amounts);
        Content {
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
        }
    }
}
