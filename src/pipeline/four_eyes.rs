//! Four eyes: above the program's amount, who drafted a batch doesn't approve it. What counts is what it was drafted with, so that
//! leaving somebody out doesn't bring it under the amount.

use sqlx::PgConnection;

use super::approve::Refusal;
use crate::domain::currency::Currency;
use crate::domain::ids::BatchId;
use crate::domain::money::Money;
use crate::store::payout_batches::{self, LockedBatch};
use crate::store::{audit, batch_items};

/// Why a batch is approved by somebody else than who drafted it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FourEyes {
    pub above: Money,
    /// What it was drafted with, by currency.
    pub drafted: Vec<Money>,
    /// Some of that was left out since.
    pub left_out: bool,
}

impl FourEyes {
    /// The reason for people.
    pub fn sentence(&self) -> String {
        let drafted: Vec<String> = self.drafted.iter().map(Money::to_string).collect();
        let left_out = if self.left_out { " What was left out of it since counts too." } else { "" };
        format!(
            "Batches above {}, or in another currency, are approved by somebody else than who drafted them. This one was drafted \
             with {}.{left_out}",
            self.above,
            drafted.join(", "),
        )
    }
}

/// Whether amounts need another pair of eyes. Nothing says what an amount in another currency is worth in the program's.
pub(super) fn asks_for_four_eyes(amounts: &[Money], above_minor: i64, currency: Currency) -> bool {
    amounts.iter().any(|amount| amount.currency != currency || amount.amount_minor > above_minor)
}

/// Why the batch needs another pair of eyes than its drafter's. `None`: it doesn't, or there is no such batch.
///
/// # Errors
/// When the database doesn't answer.
pub async fn of_batch(conn: &mut PgConnection, id: BatchId) -> sqlx::Result<Option<FourEyes>> {
    let Some(above) = payout_batches::four_eyes_above(conn, id).await? else { return Ok(None) };
    let drafted = batch_items::drafted(conn, id).await?;
    if !asks_for_four_eyes(&drafted, above.amount_minor, above.currency) {
        return Ok(None);
    }
    let left_out = batch_items::totals(conn, id).await? != drafted;
    Ok(Some(FourEyes { above, drafted, left_out }))
}

/// Refuses a batch to the person who drafted it, where it needs another.
pub(super) async fn check(conn: &mut PgConnection, batch: &LockedBatch, audit_name: &str) -> Result<(), Refusal> {
    let Some(why) = of_batch(conn, batch.id).await? else { return Ok(()) };
    if person_behind(conn, &batch.drafted_by).await? == person_behind(conn, audit_name).await? {
        return Err(Refusal::conflict("four_eyes", why.sentence()));
    }
    Ok(())
}

/// Who acts under a name of the audit log: behind an API key stands who made it, so that a person with a key of their own is
/// still one pair of eyes.
async fn person_behind(conn: &mut PgConnection, audit_name: &str) -> Result<String, Refusal> {
    let maker = match audit_name.strip_prefix("api_key:") {
        Some(key) => audit::actor_of(conn, ("api_key", key), "api_key.created").await?,
        None => None,
    };
    Ok(maker.unwrap_or_else(|| audit_name.to_owned()))
}
