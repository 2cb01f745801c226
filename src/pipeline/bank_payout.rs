//! What Stripe says of the way from an affiliate's Stripe balance to their bank. A failed bank payout puts the money back on
//! that balance: the affiliate is told what to do, the admin sees it, and nothing of ours is reopened.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::Value;
use sqlx::PgConnection;

use super::{Error, Outcome, tell};
use crate::domain::currency::Currency;
use crate::domain::money::Money;
use crate::domain::reversal::BankPayoutStatus;
use crate::store::bank_payouts::{self, Told};

#[derive(Deserialize)]
struct BankPayout {
    id: String,
    amount: i64,
    currency: Currency,
    failure_code: Option<String>,
    failure_message: Option<String>,
}

/// Takes in `payout.paid` and `payout.failed` of a connected account, in any order: a failure stays one.
///
/// # Errors
/// [`Error::Unreadable`] when the payout can't be read.
pub async fn on_bank_payout(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    created_at: DateTime<Utc>,
    (account, status): (&str, BankPayoutStatus),
    object: &Value,
) -> Result<Outcome, Error> {
    let unreadable = |error| Error::Unreadable(format!("the bank payout can't be read: {error}"));
    let payout: BankPayout = serde_json::from_value(object.clone()).map_err(unreadable)?;
    let Some(affiliate_id) = bank_payouts::affiliate_of(conn, account).await? else { return Ok(Outcome::Ignored) };
    let amount = Money::new(payout.amount, payout.currency);
    let told = Told {
        affiliate_id,
        id: &payout.id,
        stripe_account: account,
        amount,
        status,
        failure_code: payout.failure_code.as_deref(),
        failure_message: payout.failure_message.as_deref(),
    };
    let is_news = bank_payouts::record(conn, created_at, &told).await?;
    if is_news && status == BankPayoutStatus::Failed {
        tell::bank_payout_failed(conn, now, affiliate_id, (&payout.id, amount), payout.failure_message.as_deref())
            .await?;
    }
    Ok(Outcome::Processed)
}
