//! API keys of the company and tokens of affiliates, found by the SHA-256 of what the caller shows.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::domain::actor::Scope;
use crate::domain::ids::{AffiliateId, ApiKeyId};
use crate::domain::program::AffiliateStatus;

/// A key without its secret.
#[derive(Debug, Clone)]
pub struct ApiKeyRow {
    pub id: ApiKeyId,
    pub name: String,
    pub scope: Scope,
    pub last_four: String,
    pub created_at: DateTime<Utc>,
    pub last_used_at: Option<DateTime<Utc>>,
    pub revoked_at: Option<DateTime<Utc>>,
}

pub async fn insert(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    id: ApiKeyId,
    name: &str,
    scope: Scope,
    key_hash: &[u8],
    last_four: &str,
) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into api_keys (id, name, scope, key_hash, last_four, created_at) values ($1, $2, $3, $4, $5, $6)",
        id.0,
        name,
        scope.as_str(),
        key_hash,
        last_four,
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The key that has this hash and was not revoked.
pub async fn by_hash(conn: &mut PgConnection, key_hash: &[u8]) -> sqlx::Result<Option<(ApiKeyId, Scope)>> {
    let row = sqlx::query!(
        r#"select id as "id: ApiKeyId", scope as "scope: Scope" from api_keys where key_hash = $1 and revoked_at is null"#,
        key_hash,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| (row.id, row.scope)))
}

/// Notes the use, at most once a minute, so that a busy key doesn't write on every request.
pub async fn note_use(conn: &mut PgConnection, id: ApiKeyId, now: DateTime<Utc>) -> sqlx::Result<()> {
    sqlx::query!(
        "update api_keys set last_used_at = $2
        where id = $1 and (last_used_at is null or last_used_at < $2::timestamptz - interval '1 minute')",
        id.0,
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

pub async fn list(conn: &mut PgConnection) -> sqlx::Result<Vec<ApiKeyRow>> {
    sqlx::query_as!(
        ApiKeyRow,
        r#"select id as "id: ApiKeyId", name, scope as "scope: Scope", last_four, created_at, last_used_at, revoked_at
        from api_keys order by id desc"#,
    )
    .fetch_all(conn)
    .await
}

/// Returns whether the key was there and in force.
pub async fn revoke(conn: &mut PgConnection, id: ApiKeyId, now: DateTime<Utc>) -> sqlx::Result<bool> {
    let done = sqlx::query!("update api_keys set revoked_at = $2 where id = $1 and revoked_at is null", id.0, now)
        .execute(conn)
        .await?;
    Ok(done.rows_affected() > 0)
}

pub async fn insert_affiliate_token(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    token_hash: &[u8],
    affiliate: AffiliateId,
) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into affiliate_tokens (token_hash, affiliate_id, created_at) values ($1, $2, $3)",
        token_hash,
        affiliate.0,
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The affiliate whose token has this hash, and their status now.
pub async fn affiliate_by_token(
    conn: &mut PgConnection,
    token_hash: &[u8],
) -> sqlx::Result<Option<(AffiliateId, AffiliateStatus)>> {
    let row = sqlx::query!(
        r#"select a.id as "id: AffiliateId", a.status as "status: AffiliateStatus"
        from affiliate_tokens t join affiliates a on a.id = t.affiliate_id
        where t.token_hash = $1 and t.revoked_at is null"#,
        token_hash,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| (row.id, row.status)))
}
