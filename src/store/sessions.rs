//! Browser sessions, keyed by the SHA-256 of their id: a copy of the table opens none of them. `user_id` is kept beside
//! the data, so that all of a user's sessions can be ended.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::domain::ids::UserId;

/// A session's data and end.
#[derive(Debug)]
pub struct SessionRow {
    pub data: serde_json::Value,
    pub expires_at: DateTime<Utc>,
}

/// Returns whether the id was free.
pub async fn insert(
    conn: &mut PgConnection,
    id_hash: &[u8],
    user_id: Option<UserId>,
    data: &serde_json::Value,
    now: DateTime<Utc>,
    expires_at: DateTime<Utc>,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "insert into sessions (id_hash, user_id, data, created_at, expires_at) values ($1, $2, $3, $4, $5)
        on conflict (id_hash) do nothing",
        id_hash,
        user_id.map(|id| id.0) as Option<Uuid>,
        data,
        now,
        expires_at,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Changes a session that is still there. One that was ended in the meantime stays ended.
pub async fn update(
    conn: &mut PgConnection,
    id_hash: &[u8],
    user_id: Option<UserId>,
    data: &serde_json::Value,
    expires_at: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "update sessions set user_id = $2, data = $3, expires_at = $4 where id_hash = $1",
        id_hash,
        user_id.map(|id| id.0) as Option<Uuid>,
        data,
        expires_at,
    )
    .execute(conn)
    .await?;
    Ok(())
}

pub async fn load(conn: &mut PgConnection, id_hash: &[u8], now: DateTime<Utc>) -> sqlx::Result<Option<SessionRow>> {
    sqlx::query_as!(
        SessionRow,
        "select data, expires_at from sessions where id_hash = $1 and expires_at > $2",
        id_hash,
        now,
    )
    .fetch_optional(conn)
    .await
}

pub async fn delete(conn: &mut PgConnection, id_hash: &[u8]) -> sqlx::Result<()> {
    sqlx::query!("delete from sessions where id_hash = $1", id_hash).execute(conn).await?;
    Ok(())
}

pub async fn delete_of_user(conn: &mut PgConnection, user_id: UserId) -> sqlx::Result<u64> {
    let done = sqlx::query!("delete from sessions where user_id = $1", user_id.0).execute(conn).await?;
    Ok(done.rows_affected())
}
