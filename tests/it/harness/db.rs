//! One fresh database per test. The template is migrated once per version of the schema, by whichever test process comes
//! first; the others wait for it on an advisory lock. A database goes away with the `TestDb` that made it.

use sha2::{Digest, Sha256};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection, PgPool};

const SERVER_VARIABLE: &str = "PURSER_TEST_DATABASE_URL";
const TEMPLATE_LOCK: i64 = 0x7075_7273_6572;

/// A database that only this test uses, brought to the current schema.
pub struct TestDb {
    pub pool: PgPool,
    name: String,
}

impl TestDb {
    /// A new database with the current schema and no rows.
    pub async fn new() -> Self {
        let template = ensure_template().await;
        let name = format!("t_{}", uuid::Uuid::now_v7().simple());
        run(&mut server().await, format!(r#"create database "{name}" template "{template}""#)).await;
        let pool = PgPoolOptions::new().max_connections(10).connect_with(options().database(&name)).await.unwrap();
        Self { pool, name }
    }

    /// The database refuses everybody while `meanwhile` runs, as when its server is started again.
    pub async fn shut_until(&self, meanwhile: impl AsyncFnOnce()) {
        let mut server = server().await;
        run(&mut server, format!(r#"alter database "{}" allow_connections false"#, self.name)).await;
        let end = format!("select pg_terminate_backend(pid) from pg_stat_activity where datname = '{}'", self.name);
        run(&mut server, end).await;
        meanwhile().await;
        run(&mut server, format!(r#"alter database "{}" allow_connections true"#, self.name)).await;
    }

    /// The address that another process can reach this database at.
    pub fn url(&self) -> String {
        options().database(&self.name).to_url_lossy().to_string()
    }
}

impl Drop for TestDb {
    fn drop(&mut self) {
        let name = std::mem::take(&mut self.name);
        // The test's runtime can't be waited for in `drop`; a thread of its own can.
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                run(&mut server().await, format!(r#"drop database if exists "{name}" with (force)"#)).await;
            });
        });
        if dropping.join().is_err() {
            eprintln!("a test database was left behind");
        }
    }
}

fn options() -> PgConnectOptions {
    let Ok(url) = std::env::var(SERVER_VARIABLE) else {
        panic!(
            "{SERVER_VARIABLE} is not set: `make test` starts a PostgreSQL for the tests; to run some of them by hand, \
             use `scripts/with-test-db cargo nextest run -E 'test(name)'`, or set it to a server where databases may be made"
        );
    };
    url.parse().unwrap_or_else(|_| panic!("{SERVER_VARIABLE} takes postgres://user@host:port/postgres"))
}

async fn server() -> PgConnection {
    options().connect().await.unwrap_or_else(|error| panic!("{SERVER_VARIABLE} names no running server: {error}"))
}

async fn run(connection: &mut PgConnection, statement: String) {
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(connection).await.unwrap();
}

/// The name of the migrated template, which is made when this version of the schema has none yet.
async fn ensure_template() -> String {
    let template = format!("purser_template_{}", schema_hash());
    let mut connection = server().await;
    if is_template(&mut connection, &template).await {
        return template;
    }
    sqlx::query("select pg_advisory_lock($1)").bind(TEMPLATE_LOCK).execute(&mut connection).await.unwrap();
    if !is_template(&mut connection, &template).await {
        // What a killed test process left half made has the name, but is no template yet.
        run(&mut connection, format!(r#"drop database if exists "{template}" with (force)"#)).await;
        run(&mut connection, format!(r#"create database "{template}""#)).await;
        let pool = PgPoolOptions::new().connect_with(options().database(&template)).await.unwrap();
        purser::store::migrate(&pool).await.unwrap();
        pool.close().await;
        run(&mut connection, format!(r#"alter database "{template}" is_template true"#)).await;
    }
    connection.close().await.unwrap();
    template
}

async fn is_template(connection: &mut PgConnection, name: &str) -> bool {
    sqlx::query_scalar("select exists (select 1 from pg_database where datname = $1 and datistemplate)")
        .bind(name)
        .fetch_one(connection)
        .await
        .unwrap()
}

fn schema_hash() -> String {
    let mut hash = Sha256::new();
    for migration in purser::store::MIGRATOR.iter() {
        hash.update(&migration.checksum);
    }
    hex::encode(&hash.finalize()[..8])
}

#[tokio::test]
async fn every_test_has_a_migrated_database_of_its_own() {
    let (first, second) = (TestDb::new().await, TestDb::new().await);
    sqlx::raw_sql("create table only_here ()").execute(&first.pool).await.unwrap();
    let tables: Vec<String> = sqlx::query_scalar("select tablename::text from pg_tables where schemaname = 'public'")
        .fetch_all(&second.pool)
        .await
        .unwrap();
    assert!(tables.contains(&"programs".to_owned()), "{tables:?}");
    assert!(!tables.contains(&"only_here".to_owned()));
}

#[tokio::test]
async fn a_test_s_database_goes_away_with_it() {
    let name = {
        let db = TestDb::new().await;
        db.name.clone()
    };
    let left: bool = sqlx::query_scalar("select exists (select 1 from pg_database where datname = $1)")
        .bind(&name)
        .fetch_one(&mut server().await)
        .await
        .unwrap();
    assert!(!left);
}
