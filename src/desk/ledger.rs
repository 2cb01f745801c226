//! The books to read: trial balance, transactions, and the proof that they agree.

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Error, Page, PageRequest, Result};
use crate::Engine;
use crate::domain::actor::{Actor, Permission};
use crate::domain::currency::Currency;
use crate::domain::ids::{AffiliateId, EnrollmentId, LedgerTransactionId, LineId, PayoutItemId};
use crate::pipeline;
use crate::store::ledger_view::{self, TransactionView};
use crate::store::{affiliates, enrollments};

/// What an account sums to, over all enrollments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct TrialAccount {
    /// `expense`, `pending`, `held`, `payable`, `in_transit`, `cleared:{rail}`.
    pub account: String,
    pub currency: Currency,
    #[serde(rename = "amount")]
    pub amount_minor: i64,
    pub entries: i64,
}

/// What all accounts of a currency sum to; zero, or the books are broken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct TrialTotal {
    pub currency: Currency,
    #[serde(rename = "amount")]
    pub amount_minor: i64,
}

/// The trial balance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct TrialBalance {
    pub data: Vec<TrialAccount>,
    pub totals: Vec<TrialTotal>,
    pub balanced: bool,
}

/// One signed entry, minor units.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct LedgerEntry {
    pub account: String,
    pub currency: String,
    #[serde(rename = "amount")]
    pub amount_minor: i64,
}

/// A ledger transaction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct LedgerTransaction {
    pub id: LedgerTransactionId,
    pub enrollment: EnrollmentId,
    /// Its place in the enrollment's chain, from 1.
    pub seq: i64,
    pub kind: String,
    pub cause: String,
    pub commission: Option<LineId>,
    pub payout_item: Option<PayoutItemId>,
    pub entries: Vec<LedgerEntry>,
    /// SHA-256 of its content and the hash before it, hexadecimal.
    pub hash: String,
    /// When it was posted.
    pub created_at: DateTime<Utc>,
}

/// Every account's sum, per currency.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::Internal`] when a sum leaves the range of an amount.
pub async fn trial_balance(engine: &Engine, actor: &Actor) -> Result<TrialBalance> {
    actor.require(Permission::Read)?;
    let mut conn = engine.pool.acquire().await?;
    let mut data = Vec::new();
    let mut totals: Vec<TrialTotal> = Vec::new();
    for row in ledger_view::trial_balance(&mut conn).await? {
        let amount_minor: i64 = row.total.parse().map_err(|error| Error::Internal(Box::new(error)))?;
        match totals.iter_mut().find(|total| total.currency == row.currency) {
            Some(total) => total.amount_minor = crate::domain::money::add(total.amount_minor, amount_minor)?,
            None => totals.push(TrialTotal { currency: row.currency, amount_minor }),
        }
        data.push(TrialAccount { account: row.account, currency: row.currency, amount_minor, entries: row.entries });
    }
    let balanced = totals.iter().all(|total| total.amount_minor == 0);
    Ok(TrialBalance { data, totals, balanced })
}

/// Transactions, newest first; of one affiliate when asked.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::Invalid`] for the filter or the cursor.
pub async fn transactions(
    engine: &Engine,
    actor: &Actor,
    affiliate: Option<AffiliateId>,
    page: &PageRequest,
) -> Result<Page<LedgerTransaction>> {
    actor.require(Permission::Read)?;
    let before = page.before::<LedgerTransactionId>()?;
    let mut conn = engine.pool.acquire().await?;
    let enrolled: Option<Vec<Uuid>> = match affiliate {
        None => None,
        Some(id) => {
            affiliates::find(&mut conn, id).await?.ok_or(Error::NotFound("affiliate"))?;
            let rows = enrollments::of_affiliates(&mut conn, &[id.0]).await?;
            Some(rows.into_iter().map(|row| row.id.0).collect())
        }
    };
    let rows = ledger_view::transactions(&mut conn, enrolled.as_deref(), before, page.fetch()).await?;
    Ok(page.page(rows.into_iter().map(LedgerTransaction::from).collect(), |transaction| transaction.id))
}

/// What proves the books, check by check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Proof {
    /// Whether every check holds.
    pub ok: bool,
    pub checks: Vec<ProofCheck>,
    /// The first thing found wrong.
    pub discrepancy: Option<FoundDiscrepancy>,
}

/// One check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ProofCheck {
    /// What must hold.
    pub check: String,
    pub holds: bool,
}

/// Something that disagrees.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FoundDiscrepancy {
    pub id: String,
    pub check: String,
    pub found: String,
}

/// Proves the books, as they are at one moment.
///
/// # Errors
/// [`Error::Forbidden`]; a discrepancy is an answer, not an error.
pub async fn verify(engine: &Engine, actor: &Actor) -> Result<Proof> {
    actor.require(Permission::Read)?;
    let report = pipeline::verify::verify(&engine.pool).await?;
    Ok(Proof {
        ok: report.holds(),
        checks: report
            .checks
            .iter()
            .map(|(check, holds)| ProofCheck { check: check.sentence().to_owned(), holds: *holds })
            .collect(),
        discrepancy: report.first.map(|first| FoundDiscrepancy {
            id: first.id,
            check: first.check.sentence().to_owned(),
            found: first.found,
        }),
    })
}

impl From<TransactionView> for LedgerTransaction {
    fn from(row: TransactionView) -> Self {
        let named = row.accounts.into_iter().zip(row.currencies).zip(row.amounts);
        LedgerTransaction {
            id: row.id,
            enrollment: row.enrollment_id,
            seq: row.seq,
            kind: row.kind,
            cause: row.cause,
            commission: row.line_id,
            payout_item: row.item_id,
            entries: named
                .map(|((account, currency), amount_minor)| LedgerEntry { account, currency, amount_minor })
                .collect(),
            hash: hex::encode(row.hash),
            created_at: row.posted_at,
        }
    }
}
