//! What a repeated POST with the same Idempotency-Key answers. A row is taken before the request runs and completed with
//! its answer after; `owner` is the API key or affiliate that sent it.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;

/// What is known of a key that was used before.
#[derive(Debug)]
pub struct UsedKey {
    pub request_hash: Vec<u8>,
    /// None while the first request runs.
    pub response_status: Option<i16>,
    /// The body's text, as a JSON string.
    pub response_body: Option<Value>,
}

/// Takes the key for this request. Returns false when it is in use: neither older than `expired_before`, nor left open
/// by a request that began before `abandoned_before` and never ended.
pub async fn take(
    conn: &mut PgConnection,
    owner: &str,
    key: &str,
    request_hash: &[u8],
    now: DateTime<Utc>,
    expired_before: DateTime<Utc>,
    abandoned_before: DateTime<Utc>,
) -> sqlx::Result<bool> {
    let taken = sqlx::query!(
        "insert into api_idempotency as k (owner, idempotency_key, request_hash, created_at) values ($1, $2, $3, $4)
        on conflict (owner, idempotency_key) do update
            set request_hash = $3, response_status = null, response_body = null, created_at = $4
            where k.created_at < $5 or (k.response_status is null and k.created_at < $6)",
        owner,
        key,
        request_hash,
        now,
        expired_before,
        abandoned_before,
    )
    .execute(conn)
    .await?;
    Ok(taken.rows_affected() > 0)
}

pub async fn find(conn: &mut PgConnection, owner: &str, key: &str) -> sqlx::Result<Option<UsedKey>> {
    sqlx::query_as!(
        UsedKey,
        "select request_hash, response_status, response_body from api_idempotency
        where owner = $1 and idempotency_key = $2",
        owner,
        key,
    )
    .fetch_optional(conn)
    .await
}

pub async fn complete(
    conn: &mut PgConnection,
    owner: &str,
    key: &str,
    response_status: i16,
    response_body: &Value,
) -> sqlx::Result<()> {
    sqlx::query!(
        "update api_idempotency set response_status = $3, response_body = $4 where owner = $1 and idempotency_key = $2",
        owner,
        key,
        response_status,
        response_body,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Frees a key whose request did nothing, so that it can be corrected and sent again.
pub async fn release(conn: &mut PgConnection, owner: &str, key: &str) -> sqlx::Result<()> {
    sqlx::query!(
        "delete from api_idempotency where owner = $1 and idempotency_key = $2 and response_status is null",
        owner,
        key,
    )
    .execute(conn)
    .await?;
    Ok(())
}
