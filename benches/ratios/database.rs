//! The databases that are measured: founded through the desk, with one purchase that goes the real way, and then that
//! purchase many times over.

use chrono::{DateTime, Utc};
use purser::config::Config;
use purser::desk::{affiliates, campaigns, programs};
use purser::domain::actor::Actor;
use purser::domain::program::InboxStatus;
use purser::store::inbox::{self, NewEvent};
use purser::{Engine, pipeline, store};
use serde_json::json;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection, PgPool};
use uuid::Uuid;

use super::copies::{self, Row, ids_of, rows, since, with_triggers, without_triggers};
use super::names::{self, AFFILIATES, Names};

pub const SECRET: &str = "whsec_bench";
pub const STRIPE_KEY: &str = "sk_test_bench";
pub const SECRET_KEY: &str = "YmVuY2gtYmVuY2gtYmVuY2gtYmVuY2gtYmVuY2gtYmU=";
const STORYTELLER: Actor = Actor::System("bench");
const ORIGINAL_CODE: &str = "first-partner";
const ORIGINAL_EVENT: &str = "evt_first_purchase";

/// Ids of an affiliate are of kinds from here on, those of a purchase from there on.
const AFFILIATE_KINDS: usize = 0x001;
const PURCHASE_KINDS: usize = 0x100;

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

    pub fn url(&self, name: &str) -> String {
        self.database(name).to_url_lossy().to_string()
    }

    pub async fn run(&self, statement: String) {
        let mut connection = self.0.connect().await.expect("the server doesn't answer");
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    }

    pub async fn has(&self, name: &str) -> bool {
        let mut connection = self.0.connect().await.expect("the server doesn't answer");
        let known = "select exists (select 1 from pg_database where datname = $1)";
        let known = sqlx::query_scalar(known).bind(name).fetch_one(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        known
    }

    /// `name` becomes a copy of the database `original`, whatever it was.
    pub async fn copy(&self, original: &str, name: &str) {
        self.run(format!("drop database if exists {name} with (force)")).await;
        self.run(format!("create database {name} template {original}")).await;
    }

    /// An engine over a pool of that many connections, or of as many as `purser serve` takes.
    pub async fn engine(&self, name: &str, connections: impl Into<Option<u32>>) -> Engine {
        self.engine_of(name, connections, configuration(None)).await
    }

    pub async fn engine_of(&self, name: &str, connections: impl Into<Option<u32>>, config: Config) -> Engine {
        let mut options = Engine::pool_options();
        if let Some(connections) = connections.into() {
            options = options.max_connections(connections);
        }
        Engine::new(config, options.connect_with(self.database(name)).await.unwrap())
    }
}

/// A configuration with nothing of the machine's own environment; `stripe` is the address of who stands in for Stripe.
pub fn configuration(stripe: Option<&str>) -> Config {
    let value = |name: &str| match name {
        "STRIPE_WEBHOOK_SECRETS" => Some(SECRET.to_owned()),
        "STRIPE_SECRET_KEY" => stripe.map(|_| STRIPE_KEY.to_owned()),
        "STRIPE_API_BASE" => stripe.map(str::to_owned),
        "PURSER_SECRET_KEY" => Some(SECRET_KEY.to_owned()),
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
            row.copy(&mut conn, &self.affiliate_names("g"), (0, AFFILIATES), AFFILIATES, None).await;
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
        for row in self.purchase.iter().filter(|row| !row.is_summed()) {
            row.copy(&mut conn, &names, (from, to), AFFILIATES, Some(to)).await;
        }
        copies::finish(pool, &mut conn).await;
        with_triggers(conn).await;
    }

    /// Lets `wanted` more events wait in the inbox, due when the original was; `round` keeps their ids apart from those before.
    /// What waits already came through the door later, and is not due for statements of the original's time.
    pub async fn fill_inbox(&self, pool: &PgPool, wanted: usize, round: usize) {
        let mut names = self.affiliate_names(&format!("(g % {AFFILIATES})"));
        names.add(ORIGINAL_EVENT, format!("('evt_more_{round}_' || g::text)"));
        let mut conn = pool.acquire().await.unwrap();
        self.received.copy(&mut conn, &names, (0, wanted), AFFILIATES, None).await;
    }
}
