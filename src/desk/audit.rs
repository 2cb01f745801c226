//! The audit log to read: who changed what, when.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use super::{Page, PageRequest, Result};
use crate::Engine;
use crate::domain::actor::{Actor, Permission};
use crate::store::{api_keys, audit, users};

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

/// Names of those who act, by what the audit log calls them: the e-mails of people and the names of keys.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names(BTreeMap<String, String>);

impl Names {
    /// None for a schedule, an affiliate, and whoever isn't there any more.
    pub fn of(&self, audit_name: &str) -> Option<&str> {
        self.0.get(audit_name).map(String::as_str)
    }
}

/// The company's people and keys by their names.
///
/// # Errors
/// [`Error::Forbidden`](super::Error::Forbidden).
pub async fn names(engine: &Engine, actor: &Actor) -> Result<Names> {
    actor.require(Permission::Read)?;
    let mut conn = engine.pool.acquire().await?;
    let people = users::of_company(&mut conn).await?.into_iter();
    let keys = api_keys::list(&mut conn).await?.into_iter();
    let people = people.map(|person| (format!("user:{}", person.id), person.email));
    Ok(Names(people.chain(keys.map(|key| (format!("api_key:{}", key.id), key.name))).collect()))
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
    Ok(page.page(rows.into_iter().map(AuditEntry::from).collect(), |entry| entry.id))
}

impl From<audit::AuditRow> for AuditEntry {
    fn from(row: audit::AuditRow) -> Self {
        AuditEntry {
            id: row.id,
            at: row.at,
            actor: row.actor,
            action: row.action,
            object_type: row.object_type,
            object_id: row.object_id,
            details: row.details,
        }
    }
}
