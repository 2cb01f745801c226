//! The audit log: who changed what, written in the transaction of the change and never changed after.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::domain::actor::Actor;
use crate::domain::ids::uuid_at;

/// A row of the log.
#[derive(Debug, Clone)]
pub struct AuditRow {
    pub id: Uuid,
    pub at: DateTime<Utc>,
    pub actor: String,
    pub action: String,
    pub object_type: String,
    pub object_id: String,
    pub details: Value,
}

/// Writes that `actor` did `action` (such as `program.updated`) to the object.
pub async fn record(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    actor: &Actor,
    action: &str,
    object: (&str, String),
    details: Value,
) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into audit_log (id, at, actor, action, object_type, object_id, details) values ($1, $2, $3, $4, $5, $6, $7)",
        uuid_at(now),
        now,
        actor.audit_name(),
        action,
        object.0,
        object.1,
        details,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The log, newest first; `object_id` narrows it to one object.
pub async fn list(
    conn: &mut PgConnection,
    object_id: Option<&str>,
    before: Option<Uuid>,
    limit: i64,
) -> sqlx::Result<Vec<AuditRow>> {
    sqlx::query_as!(
        AuditRow,
        "select id, at, actor, action, object_type, object_id, details from audit_log
        where ($1::text is null or object_id = $1) and ($2::uuid is null or id < $2)
        order by id desc limit $3",
        object_id,
        before,
        limit,
    )
    .fetch_all(conn)
    .await
}

/// What was done to any of the objects, newest first.
pub async fn of_objects(conn: &mut PgConnection, object_ids: &[String], limit: i64) -> sqlx::Result<Vec<AuditRow>> {
    sqlx::query_as!(
        AuditRow,
        "select id, at, actor, action, object_type, object_id, details from audit_log
        where object_id = any($1) order by id desc limit $2",
        object_ids,
        limit,
    )
    .fetch_all(conn)
    .await
}

/// Who did `action` to the object, the last time.
pub async fn actor_of(conn: &mut PgConnection, object: (&str, &str), action: &str) -> sqlx::Result<Option<String>> {
    sqlx::query_scalar!(
        "select actor from audit_log where object_type = $1 and object_id = $2 and action = $3 order by id desc limit 1",
        object.0,
        object.1,
        action,
    )
    .fetch_optional(conn)
    .await
}
