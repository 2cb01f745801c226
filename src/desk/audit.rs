//! The audit log to read: who changed what, when.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use super::{Page, PageRequest, Result};
use crate::Engine;
use crate::domain::actor::{Actor, Permission};
use crate::store::audit;

/// One act.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AuditEntry {
    pub id: Uuid,
    pub at: DateTime<Utc>,
    /// `user:usr_…`, `api_key:key_…`, `affiliate:aff_…`, `system:…`.
    pub actor: String,
    /// Object and act: `program.updated`.
    pub action: String,
    pub object_type: String,
    pub object_id: String,
    pub details: Value,
}

/// The log, newest first; `object_id` narrows it to one object.
///
/// # Errors
/// [`Error::Forbidden`](super::Error::Forbidden); [`Error::Invalid`](super::Error::Invalid) for the cursor.
pub async fn list(
    engine: &Engine,
    actor: &Actor,
    object_id: Option<&str>,
    page: &PageRequest,
) -> Result<Page<AuditEntry>> {
    actor.require(Permission::Read)?;
    let before = page.before::<Uuid>()?;
    let mut conn = engine.pool.acquire().await?;
    let rows = audit::list(&mut conn, object_id, before, page.fetch()).await?;
    let entries = rows.into_iter().map(|row| AuditEntry {
        id: row.id,
        at: row.at,
        actor: row.actor,
        action: row.action,
        object_type: row.object_type,
        object_id: row.object_id,
        details: row.details,
    });
    Ok(page.page(entries.collect(), |entry| entry.id))
}
