//! The proof of the books (design §4): everything that is kept beside the entries is held against them, or against what else
//! was written of the same thing. Each check returns the first row that disagrees.
//!
//! Callers run it in one read-only, repeatable-read transaction, so that it judges one moment of a working database.

mod batches;
mod chain;
mod items;
mod lines;
mod reversals;
mod sums;

use sqlx::PgConnection;

use super::LedgerError;

/// What `purser verify` proves, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Check {
    TransactionsSumToZero,
    BalancesEqualEntries,
    LinesAgreeWithEntries,
    LinesAgreeWithHistory,
    PeriodsAgreeWithLines,
    ItemsAgreeWithLines,
    ItemsAgreeWithEntries,
    OneTransferPerItem,
    OneKeyPerItem,
    ReversalsAgreeWithLines,
    ReversalsAgreeWithRequests,
    BatchesAgreeWithItems,
    ManifestsAgreeWithItems,
    ChainUnbroken,
}

impl Check {
    pub const ALL: &'static [Check] = &[
        Check::TransactionsSumToZero,
        Check::BalancesEqualEntries,
        Check::LinesAgreeWithEntries,
        Check::LinesAgreeWithHistory,
        Check::PeriodsAgreeWithLines,
        Check::ItemsAgreeWithLines,
        Check::ItemsAgreeWithEntries,
        Check::OneTransferPerItem,
        Check::OneKeyPerItem,
        Check::ReversalsAgreeWithLines,
        Check::ReversalsAgreeWithRequests,
        Check::BatchesAgreeWithItems,
        Check::ManifestsAgreeWithItems,
        Check::ChainUnbroken,
    ];

    /// What holds when the check passes.
    pub fn sentence(self) -> &'static str {
        match self {
            Check::TransactionsSumToZero => "every ledger transaction sums to zero",
            Check::BalancesEqualEntries => "balances equal the sum of their entries",
            Check::LinesAgreeWithEntries => "commission lines and entries agree by status",
            Check::LinesAgreeWithHistory => "every line stands where its history ends",
            Check::PeriodsAgreeWithLines => "every finalized period is the lines that were locked with it",
            Check::ItemsAgreeWithLines => "every payout item pays its lines, and no line is paid twice",
            Check::ItemsAgreeWithEntries => "every posted item has exactly one settled transfer",
            Check::OneTransferPerItem => "every transfer belongs to one item",
            Check::OneKeyPerItem => "every payout item keeps the key made from its id",
            Check::ReversalsAgreeWithLines => "what was taken back of transfers is due again, once",
            Check::ReversalsAgreeWithRequests => "every reversal is the one that was asked for",
            Check::BatchesAgreeWithItems => "every payout batch stands where its items do",
            Check::ManifestsAgreeWithItems => "every payout batch pays what its manifest says",
            Check::ChainUnbroken => "the hash chain of every enrollment is unbroken",
        }
    }
}

/// The first thing found wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Discrepancy {
    pub check: Check,
    /// The id of what disagrees, as shown outside.
    pub id: String,
    pub found: String,
}

impl std::fmt::Display for Discrepancy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {} (it must hold that {})", self.id, self.found, self.check.sentence())
    }
}

/// Runs one check; `None` means that it holds.
///
/// # Errors
/// From the database only; a discrepancy is an answer, not an error.
pub async fn first_discrepancy(conn: &mut PgConnection, check: Check) -> Result<Option<Discrepancy>, LedgerError> {
    let found = match check {
        Check::TransactionsSumToZero => sums::unbalanced_transaction(conn).await?,
        Check::BalancesEqualEntries => sums::wrong_balance(conn).await?,
        Check::LinesAgreeWithEntries => sums::lines_against_entries(conn).await?,
        Check::LinesAgreeWithHistory => lines::line_against_history(conn).await?,
        Check::PeriodsAgreeWithLines => lines::period_against_lines(conn).await?,
        Check::ItemsAgreeWithLines => items::item_against_lines(conn).await?,
        Check::ItemsAgreeWithEntries => items::item_against_entries(conn).await?,
        Check::OneTransferPerItem => items::shared_transfer(conn).await?,
        Check::OneKeyPerItem => batches::item_against_key(conn).await?,
        Check::ReversalsAgreeWithLines => reversals::item_against_reversals(conn).await?,
        Check::ReversalsAgreeWithRequests => reversals::reversal_against_request(conn).await?,
        Check::BatchesAgreeWithItems => batches::batch_against_items(conn).await?,
        Check::ManifestsAgreeWithItems => batches::manifest_against_items(conn).await?,
        Check::ChainUnbroken => chain::broken_chain(conn).await?,
    };
    Ok(found.map(|(id, found)| Discrepancy { check, id, found }))
}

/// The id of the first thing that disagrees, and what was found.
type Found = Result<Option<(String, String)>, LedgerError>;
