//! Uploaded files of leads, and what became of them.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::domain::ids::LeadImportId;

/// An upload as stored.
#[derive(Debug, Clone)]
pub struct ImportRow {
    pub id: LeadImportId,
    pub file: String,
    pub created_at: DateTime<Utc>,
    pub applied_at: Option<DateTime<Utc>>,
    pub outcome: Option<serde_json::Value>,
}

pub async fn insert(
    conn: &mut PgConnection,
    id: LeadImportId,
    created_by: &str,
    file: &str,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into lead_imports (id, created_by, file, created_at) values ($1, $2, $3, $4)",
        id.0,
        created_by,
        file,
        now,
    )
    .execute(conn)
    .await
    .map(drop)
}

pub async fn find(conn: &mut PgConnection, id: LeadImportId) -> sqlx::Result<Option<ImportRow>> {
    sqlx::query_as!(
        ImportRow,
        r#"select id as "id: LeadImportId", file, created_at, applied_at, outcome from lead_imports where id = $1"#,
        id.0,
    )
    .fetch_optional(conn)
    .await
}

/// The upload, locked, so that it is entered once.
pub async fn lock(conn: &mut PgConnection, id: LeadImportId) -> sqlx::Result<Option<ImportRow>> {
    sqlx::query_as!(
        ImportRow,
        r#"select id as "id: LeadImportId", file, created_at, applied_at, outcome from lead_imports where id = $1
        for update"#,
        id.0,
    )
    .fetch_optional(conn)
    .await
}

pub async fn set_outcome(
    conn: &mut PgConnection,
    id: LeadImportId,
    outcome: &serde_json::Value,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!("update lead_imports set outcome = $2, applied_at = $3 where id = $1", id.0, outcome, now)
        .execute(conn)
        .await
        .map(drop)
}
