//! The proof of the books that `purser verify` gives: every check of the ledger, over one moment of a working database.
//! Reads only.

use sqlx::PgPool;

use super::Error;
use crate::store::ledger::{self, Check, Discrepancy};

/// What was proven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Each check, and whether it holds.
    pub checks: Vec<(Check, bool)>,
    /// What the first check that fails found.
    pub first: Option<Discrepancy>,
}

impl Report {
    pub fn holds(&self) -> bool {
        self.first.is_none()
    }
}

/// Runs every check in one read-only transaction that sees one moment.
///
/// # Errors
/// See [`Error`].
pub async fn verify(pool: &PgPool) -> Result<Report, Error> {
    let mut tx = pool.begin_with("begin isolation level repeatable read, read only").await?;
    let mut report = Report { checks: Vec::with_capacity(Check::ALL.len()), first: None };
    for &check in Check::ALL {
        let found = ledger::first_discrepancy(&mut tx, check).await?;
        report.checks.push((check, found.is_none()));
        report.first = report.first.or(found);
    }
    tx.rollback().await?;
    Ok(report)
}
