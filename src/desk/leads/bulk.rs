//! Many leads at once. Each row stands for itself: one that is wrong leaves the others alone, unless all or nothing is asked
//! for. A row for a person who is the affiliate's lead already changes that lead.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::json;
use sqlx::{Connection, PgConnection};
use utoipa::ToSchema;

use super::{Lead, NewLead, entered, source_of};
use crate::Engine;
use crate::desk::sign_in::normalized_email;
use crate::desk::{Error, Result};
use crate::domain::actor::{Actor, Permission};
use crate::domain::program::RowStatus;
use crate::store::audit;
use crate::store::leads_by_hand::{self, LeadRow};

/// Most rows that are taken at once.
pub const MOST_ROWS: usize = 1000;

/// Why a row was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, serde::Deserialize, ToSchema)]
pub struct RowError {
    pub message: String,
    /// The field that is wrong.
    pub param: Option<String>,
}

/// What became of one row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct RowOutcome {
    /// From 1, as they were given.
    pub row: usize,
    pub status: RowStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lead: Option<Lead>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<RowError>,
}

/// What became of all rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct BulkOutcome {
    pub data: Vec<RowOutcome>,
    pub created: usize,
    pub updated: usize,
    pub failed: usize,
}

/// A row as it was given, or why it can't be read.
pub type GivenRow = Result<NewLead>;

/// Enters the rows. With `atomic`, nothing is written when one of them fails.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::Invalid`] for the number of rows. What is wrong with a row is in its outcome.
pub async fn enter(
    engine: &Engine,
    actor: &Actor,
    now: DateTime<Utc>,
    rows: Vec<GivenRow>,
    atomic: bool,
) -> Result<BulkOutcome> {
    actor.require(Permission::Write)?;
    check_number(rows.len())?;
    let mut tx = engine.pool.begin().await?;
    let outcome = enter_rows(&mut tx, actor, now, rows).await?;
    if atomic && outcome.failed > 0 {
        tx.rollback().await?;
    } else {
        tx.commit().await?;
    }
    Ok(outcome)
}

pub(super) fn check_number(rows: usize) -> Result<()> {
    match rows {
        0 => Err(Error::invalid("leads", "`leads` has no rows. Give at least one.")),
        1..=MOST_ROWS => Ok(()),
        _ => {
            let message =
                format!("`leads` has {rows} rows; at most {MOST_ROWS} are taken at once. Send them in parts.");
            Err(Error::invalid("leads", message))
        }
    }
}

/// Enters the rows into the caller's transaction, each in a savepoint of its own.
pub(super) async fn enter_rows(
    conn: &mut PgConnection,
    actor: &Actor,
    now: DateTime<Utc>,
    rows: Vec<GivenRow>,
) -> Result<BulkOutcome> {
    let people = rows.iter().flatten().flat_map(|new| new.email.iter().chain(&new.stripe_customer_id));
    let people: Vec<String> = people.map(|text| normalized_email(text)).collect();
    leads_by_hand::lock_people(conn, people.iter().map(String::as_str)).await?;
    let mut data = Vec::with_capacity(rows.len());
    for (at, given) in rows.into_iter().enumerate() {
        let row = at.saturating_add(1);
        let entered = match given {
            Ok(new) => one(conn, actor, now, new).await,
            Err(error) => Err(error),
        };
        data.push(match entered {
            Ok((status, lead)) => RowOutcome { row, status, lead: Some(lead), error: None },
            // It is not the row's fault, so it is no outcome of the row.
            Err(error) if error.is_our_fault() => return Err(error),
            Err(error) => {
                let error = RowError { message: error.to_string(), param: error.param().map(str::to_owned) };
                RowOutcome { row, status: RowStatus::Failed, lead: None, error: Some(error) }
            }
        });
    }
    let count = |status| data.iter().filter(|row: &&RowOutcome| row.status == status).count();
    let (created, updated, failed) = (count(RowStatus::Created), count(RowStatus::Updated), count(RowStatus::Failed));
    Ok(BulkOutcome { data, created, updated, failed })
}

async fn one(conn: &mut PgConnection, actor: &Actor, now: DateTime<Utc>, new: NewLead) -> Result<(RowStatus, Lead)> {
    let mut savepoint = conn.begin().await?;
    let row = super::new_row(&mut savepoint, actor, now, new).await?;
    let email = row.email.as_deref();
    let known = leads_by_hand::lock_same(&mut savepoint, row.affiliate_id, email, row.stripe_customer_id.as_deref());
    let (status, lead) = match known.await? {
        None => (RowStatus::Created, entered(&mut savepoint, actor, now, row).await?),
        Some(before) => {
            let customer_is_new =
                row.stripe_customer_id.is_some() && row.stripe_customer_id != before.stripe_customer_id;
            let merged = LeadRow {
                email: row.email.or(before.email.clone()),
                stripe_customer_id: row.stripe_customer_id.or(before.stripe_customer_id.clone()),
                customer_id_set_at: if customer_is_new { Some(now) } else { before.customer_id_set_at },
                customer_by_hand: customer_is_new || before.customer_by_hand,
                source: source_of(actor).to_owned(),
                updated_at: now,
                ..before.clone()
            };
            (RowStatus::Updated, super::changed(&mut savepoint, actor, now, before, merged).await?)
        }
    };
    savepoint.commit().await?;
    Ok((status, lead))
}

/// What the audit log keeps of many rows at once, beside each lead's own entry.
pub(super) async fn record_import(
    conn: &mut PgConnection,
    actor: &Actor,
    now: DateTime<Utc>,
    id: String,
    outcome: &BulkOutcome,
) -> Result<()> {
    let details = json!({ "created": outcome.created, "updated": outcome.updated, "failed": outcome.failed });
    Ok(audit::record(conn, now, actor, "leads.imported", ("lead_import", id), details).await?)
}
