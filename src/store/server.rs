//! What is asked of a PostgreSQL server, or of a database as a whole, rather than of the rows in it.

use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection, PgPool};

/// Whether the server at `url` takes a connection and answers.
///
/// # Errors
/// Why it doesn't.
pub async fn answers(url: &str) -> Result<(), sqlx::Error> {
    let mut connection = PgConnection::connect(url).await?;
    connection.ping().await?;
    connection.close().await
}

/// Makes the database `name` unless it is there; `url` names another database of the same server.
///
/// # Errors
/// When the server can't be reached, or the role may not make databases.
pub async fn ensure_database(url: &str, name: &str) -> Result<(), sqlx::Error> {
    let mut connection = PgConnection::connect(url).await?;
    let exists =
        sqlx::query_scalar!(r#"select exists (select 1 from pg_database where datname = $1) as "exists!""#, name)
            .fetch_one(&mut connection)
            .await?;
    if !exists {
        // A database's name can't be a parameter, so it is quoted.
        let create = format!(r#"create database "{}""#, name.replace('"', r#""""#));
        let made = sqlx::raw_sql(AssertSqlSafe(create)).execute(&mut connection).await;
        match made {
            Err(error) if made_in_between(&error) => {}
            other => other.map(|_| ())?,
        }
    }
    connection.close().await
}

/// Removes the database `name`, whoever still uses it; `url` names another database of the same server.
///
/// # Errors
/// When the server can't be reached, or the role may not remove it.
pub async fn drop_database(url: &str, name: &str) -> Result<(), sqlx::Error> {
    let mut connection = PgConnection::connect(url).await?;
    let drop = format!(r#"drop database if exists "{}" with (force)"#, name.replace('"', r#""""#));
    sqlx::raw_sql(AssertSqlSafe(drop)).execute(&mut connection).await?;
    connection.close().await
}

/// The address that a pool connects to, with its password.
pub fn address(pool: &PgPool) -> String {
    pool.connect_options().to_url_lossy().to_string()
}

/// The address of the database `name` on the server of `url`.
///
/// # Errors
/// When `url` is no address.
pub fn address_of(url: &str, name: &str) -> Result<String, sqlx::Error> {
    let options: PgConnectOptions = url.parse()?;
    Ok(options.database(name).to_url_lossy().to_string())
}

/// Whether another process made the database since it was looked for. PostgreSQL says `duplicate_database` when that one was
/// ready first, and `unique_violation` when both were at it at the same moment.
fn made_in_between(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(|db| matches!(db.code().as_deref(), Some("42P04" | "23505")))
}

/// How many of this version's migrations the database lacks; 0 is a database that can be worked with.
///
/// # Errors
/// When the database doesn't answer.
pub async fn missing_migrations(pool: &PgPool) -> Result<usize, sqlx::Error> {
    let known: Vec<i64> = super::MIGRATOR.iter().map(|migration| migration.version).collect();
    // Unchecked at compile time: the migrator makes this table, not a migration.
    let asked = sqlx::query_scalar("select count(*) from _sqlx_migrations where success and version = any($1)")
        .bind(&known)
        .fetch_one(pool)
        .await;
    let applied: i64 = match asked {
        Err(error) if error.as_database_error().is_some_and(|db| db.code().as_deref() == Some("42P01")) => 0,
        other => other?,
    };
    Ok(known.len().saturating_sub(usize::try_from(applied).unwrap_or(0)))
}
