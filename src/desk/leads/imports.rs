//! Files of leads that people upload: kept, tried out to show what each row will do, and then entered once.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::bulk::{self, BulkOutcome};
use super::csv;
use crate::Engine;
use crate::desk::{Error, Result};
use crate::domain::actor::{Actor, Permission};
use crate::domain::ids::LeadImportId;
use crate::domain::program::RowStatus;
use crate::store::lead_imports::{self, ImportRow};

/// Largest file, in bytes.
pub const MOST_BYTES: usize = 512 * 1024;

/// An uploaded file and what its rows do, or did.
#[derive(Debug, Clone)]
pub struct LeadImport {
    pub id: LeadImportId,
    pub created_at: DateTime<Utc>,
    /// When its rows were entered; until then the outcome is what would become of them.
    pub applied_at: Option<DateTime<Utc>>,
    pub outcome: Shown,
    /// The rows as they stand in the file: e-mail, customer id, affiliate.
    pub rows: Vec<[String; 3]>,
}

/// What became, or would become, of the rows.
#[derive(Debug, Clone)]
pub struct Shown {
    pub rows: Vec<ShownRow>,
    pub created: usize,
    pub updated: usize,
    pub failed: usize,
}

#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub struct ShownRow {
    pub row: usize,
    pub status: RowStatus,
    pub message: Option<String>,
}

/// Keeps an uploaded file. Nothing is entered yet.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::Invalid`] naming `file` when it can't be read or has too many rows.
pub async fn upload(engine: &Engine, actor: &Actor, now: DateTime<Utc>, text: &str) -> Result<LeadImportId> {
    actor.require(Permission::Write)?;
    if text.len() > MOST_BYTES {
        let message = format!("The file is larger than {} KB. Send it in parts.", MOST_BYTES / 1024);
        return Err(Error::invalid("file", message));
    }
    let rows = csv::rows(text)?.len();
    if rows == 0 || rows > bulk::MOST_ROWS {
        let message =
            format!("The file has {rows} rows below its first line; from 1 to {} are taken.", bulk::MOST_ROWS);
        return Err(Error::invalid("file", message));
    }
    let id = LeadImportId::new(now);
    let mut conn = engine.pool.acquire().await?;
    lead_imports::insert(&mut conn, id, &actor.audit_name(), text, now).await?;
    Ok(id)
}

/// The upload with what its rows would do now, or did.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::NotFound`].
pub async fn get(engine: &Engine, actor: &Actor, now: DateTime<Utc>, id: LeadImportId) -> Result<LeadImport> {
    actor.require(Permission::Write)?;
    let mut tx = engine.pool.begin().await?;
    let import = lead_imports::find(&mut tx, id).await?.ok_or(Error::NotFound("upload"))?;
    let shown = match &import.outcome {
        Some(outcome) => serde_json::from_value(outcome.clone()).map_err(|error| Error::Internal(Box::new(error)))?,
        // It is tried out and taken back, so that the preview is what entering it does.
        None => rows_shown(&enter_all(&mut tx, actor, now, &import).await?),
    };
    tx.rollback().await?;
    whole(import, shown)
}

/// Enters the rows that can be; a second time changes nothing.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::NotFound`].
pub async fn apply(engine: &Engine, actor: &Actor, now: DateTime<Utc>, id: LeadImportId) -> Result<LeadImport> {
    actor.require(Permission::Write)?;
    let mut tx = engine.pool.begin().await?;
    let import = lead_imports::lock(&mut tx, id).await?.ok_or(Error::NotFound("upload"))?;
    if let Some(outcome) = import.outcome.clone() {
        let shown = serde_json::from_value(outcome).map_err(|error| Error::Internal(Box::new(error)))?;
        return whole(import, shown);
    }
    let outcome = enter_all(&mut tx, actor, now, &import).await?;
    bulk::record_import(&mut tx, actor, now, id.to_string(), &outcome).await?;
    let shown = rows_shown(&outcome);
    let kept = serde_json::to_value(&shown).map_err(|error| Error::Internal(Box::new(error)))?;
    lead_imports::set_outcome(&mut tx, id, &kept, now).await?;
    tx.commit().await?;
    whole(ImportRow { applied_at: Some(now), ..import }, shown)
}

async fn enter_all(
    conn: &mut PgConnection,
    actor: &Actor,
    now: DateTime<Utc>,
    import: &ImportRow,
) -> Result<BulkOutcome> {
    bulk::enter_rows(conn, actor, now, csv::rows(&import.file)?).await
}

fn rows_shown(outcome: &BulkOutcome) -> Vec<ShownRow> {
    let shown = |row: &bulk::RowOutcome| ShownRow {
        row: row.row,
        status: row.status,
        message: row.error.as_ref().map(|error| error.message.clone()),
    };
    outcome.data.iter().map(shown).collect()
}

fn whole(import: ImportRow, rows: Vec<ShownRow>) -> Result<LeadImport> {
    let count = |status| rows.iter().filter(|row| row.status == status).count();
    let given = csv::cells(&import.file)?;
    Ok(LeadImport {
        id: import.id,
        created_at: import.created_at,
        applied_at: import.applied_at,
        rows: given,
        outcome: Shown {
            created: count(RowStatus::Created),
            updated: count(RowStatus::Updated),
            failed: count(RowStatus::Failed),
            rows,
        },
    })
}
