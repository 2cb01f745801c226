//! Whether a database is a demo's, kept as a comment on its schema, so that a demo that was interrupted can begin again and a
//! company's database is never taken for one.

use sqlx::{Connection, PgConnection};

const BEING_PLAYED: &str = "purser demo, being played";
const PLAYED: &str = "purser demo";

/// Readies the database at `url` for a demo: an empty one is marked, an interrupted demo is removed and begun again. Anything else,
/// a finished demo or a company's books, stays as it is. Returns whether the demo begins.
///
/// # Errors
/// When the database can't be reached, or the role doesn't own its schema.
pub async fn begin(url: &str) -> Result<bool, sqlx::Error> {
    let mut connection = PgConnection::connect(url).await?;
    let begins = match mark(&mut connection).await?.as_deref() {
        Some(BEING_PLAYED) => true,
        Some(PLAYED) => false,
        _ => is_empty(&mut connection).await?,
    };
    if begins {
        sqlx::raw_sql(
            "drop schema if exists graphile_worker cascade; drop schema public cascade; create schema public",
        )
        .execute(&mut connection)
        .await?;
        sqlx::raw_sql("comment on schema public is 'purser demo, being played'").execute(&mut connection).await?;
    }
    connection.close().await?;
    Ok(begins)
}

/// Notes that the demo is complete: from here on it is continued, not begun again.
///
/// # Errors
/// As [`begin`].
pub async fn complete(url: &str) -> Result<(), sqlx::Error> {
    let mut connection = PgConnection::connect(url).await?;
    if mark(&mut connection).await?.as_deref() == Some(BEING_PLAYED) {
        sqlx::raw_sql("comment on schema public is 'purser demo'").execute(&mut connection).await?;
    }
    connection.close().await
}

async fn mark(connection: &mut PgConnection) -> Result<Option<String>, sqlx::Error> {
    sqlx::query_scalar!("select obj_description('public'::regnamespace)").fetch_one(connection).await
}

async fn is_empty(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar!(
        r#"select not exists (select 1 from pg_class where relnamespace = 'public'::regnamespace) as "empty!""#
    )
    .fetch_one(connection)
    .await
}
