//! The databases that are measured: founded through the desk, with one purchase that goes the real way, and then that
//! purchase many times over. Copies are made table by table from what the original wrote, so the schema is named nowhere.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use futures::TryStreamExt;
use purser::config::Config;
use purser::desk::{affiliates, campaigns, programs};
use purser::domain::actor::Actor;
use purser::domain::program::InboxStatus;
use purser::store::inbox::{self, NewEvent};
use purser::store::ledger::{Content, GENESIS, content_hash};
use purser::{Engine, pipeline, store};
use serde_json::json;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection, PgPool};
use uuid::Uuid;

use super::names::{self, AFFILIATES, Names};

pub const SECRET: &str = "whsec_bench";
const STORYTELLER: Actor = Actor::System("bench");
const ORIGINAL_CODE: &str = "first-partner";
const ORIGINAL_EVENT: &str = "evt_first_purchase";

/// Ids of an affiliate are of kinds from here on, those of a purchase from there on.
const AFFILIATE_KINDS: usize = 0x001;
const PURCHASE_KINDS: usize = 0x100;

/// Tables with one row per enrollment, which are summed up after the copies are there.
const SUMMED: [&str; 2] = ["ledger_chains", "balances"];

/// The server that the bench has to itself.
#[derive(Debug, Clone)]
pub struct Server(PgConnectOptions);

impl Server {
    pub fn at(url: &str) -> Self {
        Self(url.parse().expect("the address of a PostgreSQL looks like postgres://user@host:port/postgres"))
    }

    pub fn database(&self, name: &str) -> PgConnectOptions {
        self.0.clone().database(name)
    }

    pub async fn run(&self, statement: String) {
        let mut connection = self.0.connect().await.expect("the server doesn't answer");
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    }

    /// `name` becomes a copy of the database `original`, whatever it was.
    pub async fn copy(&self, original: &str, name: &str) {
        self.run(format!("drop database if exists {name} with (force)")).await;
        self.run(format!("create database {name} template {original}")).await;
    }

    /// An engine over a pool of that many connections, or of as many as `purser serve` takes.
    pub async fn engine(&self, name: &str, connections: impl Into<Option<u32>>) -> Engine {
        let mut options = Engine::pool_options();
        if let Some(connections) = connections.into() {
            options = options.max_connections(connections);
        }
        Engine::new(configuration(), options.connect_with(self.database(name)).await.unwrap())
    }
}

fn configuration() -> Config {
    let value = |name: &str| match name {
        "STRIPE_WEBHOOK_SECRETS" => Some(SECRET.to_owned()),
        "PURSER_SECRET_KEY" => Some("YmVuY2gtYmVuY2gtYmVuY2gtYmVuY2gtYmVuY2gtYmU=".to_owned()),
        _ => None,
    };
    Config::read(&value).unwrap()
}

/// A checkout that was paid, as Stripe sends it.
pub fn event(id: &str, code: &str, now: DateTime<Utc>) -> String {
    let session = json!({
        "id": format!("cs_{id}"), "object": "checkout.session", "mode": "payment", "status": "complete",
        "payment_status": "paid", "amount_total": 4900, "amount_subtotal": 4900, "currency": "usd",
        "client_reference_id": code, "customer": format!("cus_{id}"),
        "customer_details": { "email": format!("{id}@example.org"), "name": "A customer", "address": null, "phone": null },
        "payment_intent": format!("pi_{id}"), "total_details": { "amount_tax": 0, "amount_shipping": 0, "amount_discount": 0 },
        "livemode": false, "metadata": {}, "created": now.timestamp(), "success_url": "https://shop.example.com/thanks",
    });
    json!({
        "id": id, "object": "event", "type": "checkout.session.completed", "created": now.timestamp(),
        "livemode": false, "api_version": "2025-09-30.clover", "pending_webhooks": 1, "data": { "object": session },
    })
    .to_string()
}

/// Puts an event into the inbox, as the webhook door does.
pub async fn receive(conn: &mut PgConnection, id: &str, code: &str, now: DateTime<Utc>) {
    let event = NewEvent {
        id,
        event_type: "checkout.session.completed",
        object_id: Some(&format!("cs_{id}")),
        account: None,
        api_version: Some("2025-09-30.clover"),
        livemode: false,
        stripe_created_at: Some(now),
        payload: &event(id, code, now),
        received_at: now,
        status: InboxStatus::Received,
        error: None,
    };
    inbox::insert(conn, &event).await.unwrap();
}

/// A row and where it stands; the values as PostgreSQL writes them.
#[derive(Debug, Clone)]
struct Row {
    table: String,
    columns: Vec<String>,
    types: Vec<String>,
    values: Vec<Option<String>>,
}

/// What one affiliate and one purchase of theirs wrote.
#[derive(Debug)]
pub struct Original {
    received: Row,
    affiliate: Vec<Row>,
    purchase: Vec<Row>,
    affiliate_ids: Vec<Uuid>,
    purchase_ids: Vec<Uuid>,
}

impl Original {
    /// Founds a program whose campaign pays 20 %, and takes the original purchase in.
    pub async fn found(server: &Server, database: &str) -> Self {
        server.run(format!("create database {database}")).await;
        let engine = server.engine(database, 4).await;
        store::migrate(&engine.pool).await.unwrap();
        let now = engine.clock.now().await;
        let program =
            json!({ "name": "Bench", "slug": "bench", "currency": "usd", "site_url": "https://shop.example.com/" });
        programs::create(&engine, &STORYTELLER, now, serde_json::from_value(program).unwrap()).await.unwrap();
        let rule = json!({ "type": "percent", "rate": "20", "recurring": "forever" });
        let campaign = json!({ "program": "bench", "name": "Bench", "rule": rule });
        campaigns::create(&engine, &STORYTELLER, now, serde_json::from_value(campaign).unwrap()).await.unwrap();

        let mut conn = engine.pool.acquire().await.unwrap();
        let founded = rows(&mut conn).await;
        let affiliate = json!({
            "email": format!("{ORIGINAL_CODE}@example.com"), "name": "Original", "send_invitation": false,
            "enrollments": [{ "program": "bench", "code": ORIGINAL_CODE }],
        });
        affiliates::create(&engine, &STORYTELLER, now, serde_json::from_value(affiliate).unwrap()).await.unwrap();
        let enrolled = rows(&mut conn).await;
        receive(&mut conn, ORIGINAL_EVENT, ORIGINAL_CODE, now).await;
        let received = since(&enrolled, rows(&mut conn).await).pop().expect("the event is in the inbox");
        assert!(pipeline::inbox::process_next(&engine, now).await.unwrap());
        let all = rows(&mut conn).await;
        drop(conn);
        engine.pool.close().await;

        let founded_ids = ids_of(&founded);
        let affiliate_ids = ids_of(&enrolled).difference(&founded_ids).copied().collect();
        let purchase_ids = ids_of(&all).difference(&ids_of(&enrolled)).copied().collect();
        let (affiliate, purchase) = (since(&founded, enrolled.clone()), since(&enrolled, all));
        assert!(purchase.iter().any(|row| row.table == "commissions_ledger"), "the original purchase earned nothing");
        Self { received, affiliate, purchase, affiliate_ids, purchase_ids }
    }

    /// What stands for the affiliate's own texts in a copy with that number.
    pub fn affiliate_names(&self, number: &str) -> Names {
        let mut names = Names::default();
        names.add(ORIGINAL_CODE, names::code_sql(number));
        for (at, &id) in self.affiliate_ids.iter().enumerate() {
            names.add_id(id, AFFILIATE_KINDS + at, number);
        }
        names
    }

    /// The ids that the affiliate with that number got.
    pub fn ids_of_affiliate(&self, number: u64) -> Vec<(Uuid, usize)> {
        (0..self.affiliate_ids.len())
            .map(|at| (names::id(AFFILIATE_KINDS + at, number), AFFILIATE_KINDS + at))
            .collect()
    }

    /// The event as it lay in the inbox, before a worker took it up: columns, types and values.
    pub fn received(&self) -> impl Iterator<Item = (&str, &str, Option<&str>)> {
        let row = &self.received;
        let named = row.columns.iter().zip(&row.types).zip(&row.values);
        named.map(|((column, kind), value)| (column.as_str(), kind.as_str(), value.as_deref()))
    }

    /// Copies the affiliate.
    pub async fn add_affiliates(&self, pool: &PgPool) {
        let mut conn = without_triggers(pool).await;
        for row in &self.affiliate {
            row.copy(&mut conn, &self.affiliate_names("g"), (0, AFFILIATES), None).await;
        }
        with_triggers(conn).await;
    }

    /// Copies the purchase `from..to`, spread over the affiliates and over time.
    pub async fn add_purchases(&self, pool: &PgPool, from: usize, to: usize) {
        let mut names = self.affiliate_names(&format!("(g % {AFFILIATES})"));
        names.add(ORIGINAL_EVENT, "('evt_seed_' || g::text)");
        for (at, &id) in self.purchase_ids.iter().enumerate() {
            names.add_id(id, PURCHASE_KINDS + at, "g");
        }
        let mut conn = without_triggers(pool).await;
        for row in self.purchase.iter().filter(|row| !SUMMED.contains(&row.table.as_str())) {
            row.copy(&mut conn, &names, (from, to), Some(to)).await;
        }
        sum_up(&mut conn).await;
        link_chains(pool, &mut conn).await;
        with_triggers(conn).await;
        sqlx::raw_sql("vacuum analyze").execute(pool).await.unwrap();
        sqlx::raw_sql("checkpoint").execute(pool).await.unwrap();
    }

    /// Lets `wanted` more events wait in the inbox, due when the original was; `round` keeps their ids apart from those before.
    /// What waits already came through the door later, and is not due for statements of the original's time.
    pub async fn fill_inbox(&self, pool: &PgPool, wanted: usize, round: usize) {
        let mut names = self.affiliate_names(&format!("(g % {AFFILIATES})"));
        names.add(ORIGINAL_EVENT, format!("('evt_more_{round}_' || g::text)"));
        let mut conn = pool.acquire().await.unwrap();
        self.received.copy(&mut conn, &names, (0, wanted), None).await;
    }
}

impl Row {
    /// Writes the row anew for every `g` in `from..to`; with `last`, times lie before the original's by ten seconds a copy.
    async fn copy(&self, conn: &mut PgConnection, names: &Names, (from, to): (usize, usize), last: Option<usize>) {
        let named = self.columns.iter().zip(&self.types).zip(&self.values);
        let values: Vec<String> = named
            .map(|((column, kind), value)| {
                let Some(value) = value else { return "null".to_owned() };
                let value = names.sql(value).unwrap_or_else(|| names::literal(value));
                match (column.as_str(), kind.as_str(), last) {
                    ("seq", _, _) => format!("(g / {AFFILIATES} + 1)"),
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

async fn without_triggers(pool: &PgPool) -> sqlx::pool::PoolConnection<sqlx::Postgres> {
    let mut conn = pool.acquire().await.unwrap();
    sqlx::raw_sql("set session_replication_role = replica").execute(&mut *conn).await.unwrap();
    conn
}

async fn with_triggers(mut conn: sqlx::pool::PoolConnection<sqlx::Postgres>) {
    sqlx::raw_sql("reset session_replication_role").execute(&mut *conn).await.unwrap();
}

/// Every row of every table that has few of them.
async fn rows(conn: &mut PgConnection) -> Vec<Row> {
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
fn since(before: &[Row], rows: Vec<Row>) -> Vec<Row> {
    let known = |row: &Row| before.iter().any(|old| old.table == row.table && old.values == row.values);
    rows.into_iter().filter(|row| !known(row)).collect()
}

fn ids_of(rows: &[Row]) -> BTreeSet<Uuid> {
    let values = rows.iter().flat_map(|row| row.values.iter().flatten());
    values.flat_map(|value| names::ids_in(value).collect::<Vec<_>>()).collect()
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
