//! Counts of sign-in tries per e-mail and per address, each in a window that starts with its first try.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

/// Counts a try and returns how many the window has, with its start. The statement is one, so that tries at the same
/// moment are all counted.
pub async fn count(
    conn: &mut PgConnection,
    key: &str,
    now: DateTime<Utc>,
    window_began_after: DateTime<Utc>,
) -> sqlx::Result<(i32, DateTime<Utc>)> {
    let row = sqlx::query!(
        "insert into sign_in_throttle as t (key, failures, window_started_at) values ($1, 1, $2)
        on conflict (key) do update set
            failures = case when t.window_started_at > $3 then least(t.failures + 1, 1000000) else 1 end,
            window_started_at = case when t.window_started_at > $3 then t.window_started_at else $2 end
        returning failures, window_started_at",
        key,
        now,
        window_began_after,
    )
    .fetch_one(conn)
    .await?;
    Ok((row.failures, row.window_started_at))
}

/// A try that succeeded is no failure.
pub async fn forget(conn: &mut PgConnection, key: &str) -> sqlx::Result<()> {
    sqlx::query!("delete from sign_in_throttle where key = $1", key).execute(conn).await?;
    Ok(())
}

/// Takes one try back.
pub async fn uncount(conn: &mut PgConnection, key: &str) -> sqlx::Result<()> {
    sqlx::query!("update sign_in_throttle set failures = greatest(failures - 1, 0) where key = $1", key)
        .execute(conn)
        .await?;
    Ok(())
}
