//! What Stripe says of an affiliate's connected account, kept with the payment method. Answers to our questions and events
//! meet here; what is older than what is kept changes nothing.

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use serde_json::{Value, json};
use sqlx::PgConnection;

use super::{Error, Outcome, tell};
use crate::domain::ids::PaymentMethodId;
use crate::domain::onboarding;
use crate::domain::program::PaymentMethodStatus;
use crate::store::payment_methods::{self, PaymentMethodRow};
use crate::stripe::client::Account;

/// Keeps what the account was at `as_of`, and tells the affiliate when it became ready or stopped being it. `None`: the
/// account belongs to no payment method of ours.
///
/// # Errors
/// See [`Error`].
pub async fn apply_account(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    as_of: DateTime<Utc>,
    account: &Account,
) -> Result<Option<PaymentMethodId>, Error> {
    let Some(method) = lock_method(conn, account).await? else { return Ok(None) };
    if method.checked_at.is_some_and(|checked| whole_seconds(checked) > whole_seconds(as_of)) {
        return Ok(Some(method.id));
    }
    let status = status_of(account, &method);
    payment_methods::record_check(conn, method.id, &account.id, status, &details_of(account), as_of).await?;
    if status != method.status {
        tell_change(conn, now, &method, status, account).await?;
    }
    Ok(Some(method.id))
}

/// Takes in `account.updated`; `created_at` is when Stripe made the event. Events tell their time in seconds only, so what
/// one of the same second as the last thing known says is not believed when it differs.
///
/// # Errors
/// [`Error::Unreadable`] when the object is no account; [`Error::UnclearAccount`] when Stripe must be asked.
pub async fn on_account_updated(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    created_at: DateTime<Utc>,
    object: &Value,
) -> Result<Outcome, Error> {
    let account: Account = serde_json::from_value(object.clone())
        .map_err(|error| Error::Unreadable(format!("the account can't be read: {error}")))?;
    if let Some(method) = lock_method(conn, &account).await?
        && method.checked_at.is_some_and(|checked| whole_seconds(checked) == whole_seconds(created_at))
        && status_of(&account, &method) != method.status
    {
        return Err(Error::UnclearAccount(account.id));
    }
    take_in(conn, now, created_at, &account).await
}

/// Takes in what Stripe answered about an account that its events left unclear.
///
/// # Errors
/// See [`Error`].
pub async fn on_account_asked(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    account: &Account,
) -> Result<Outcome, Error> {
    take_in(conn, now, now, account).await
}

async fn take_in(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    as_of: DateTime<Utc>,
    account: &Account,
) -> Result<Outcome, Error> {
    let known = apply_account(conn, now, as_of, account).await?;
    Ok(if known.is_some() { Outcome::Processed } else { Outcome::Ignored })
}

async fn lock_method(conn: &mut PgConnection, account: &Account) -> Result<Option<PaymentMethodRow>, Error> {
    let named = account.metadata.as_ref().and_then(|marks| marks.get("payment_method_id")?.parse().ok());
    Ok(payment_methods::lock_by_account(conn, &account.id, named).await?)
}

/// Events tell their time in seconds.
fn whole_seconds(time: DateTime<Utc>) -> DateTime<Utc> {
    time.duration_trunc(TimeDelta::seconds(1)).unwrap_or(time)
}

/// Only an active transfers capability is payable. An account that was payable, or whose owner has answered everything and
/// is refused, is restricted; one that is still being filled in or verified is pending.
fn status_of(account: &Account, method: &PaymentMethodRow) -> PaymentMethodStatus {
    if account.takes_transfers() {
        return PaymentMethodStatus::Verified;
    }
    let requirements = account.requirements.clone().unwrap_or_default();
    let is_due = requirements.past_due.is_some_and(|due| !due.is_empty())
        || requirements.currently_due.is_some_and(|due| !due.is_empty());
    let was_verified = method.verified_at.is_some();
    let submitted = account.details_submitted == Some(true);
    let refused = requirements.disabled_reason.is_some_and(|reason| reason.starts_with("rejected"));
    if was_verified || refused || (submitted && is_due) {
        PaymentMethodStatus::Restricted
    } else {
        PaymentMethodStatus::Pending
    }
}

fn details_of(account: &Account) -> Value {
    let transfers = account.capabilities.as_ref().and_then(|all| all.transfers.clone());
    json!({
        "transfers": transfers,
        "payouts_enabled": account.payouts_enabled,
        "details_submitted": account.details_submitted,
        "requirements": account.requirements,
        "country": account.country,
        "default_currency": account.default_currency,
    })
}

async fn tell_change(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    method: &PaymentMethodRow,
    status: PaymentMethodStatus,
    account: &Account,
) -> Result<(), Error> {
    match status {
        PaymentMethodStatus::Verified => tell::method_verified(conn, now, method.affiliate_id, &account.id).await,
        PaymentMethodStatus::Restricted => {
            let requirements = account.requirements.clone().unwrap_or_default();
            let needed: Vec<String> = requirements
                .past_due
                .into_iter()
                .chain(requirements.currently_due)
                .flatten()
                .map(|name| onboarding::requirement_words(&name))
                .collect();
            let needed = onboarding::needed_sentence(&needed);
            tell::method_restricted(conn, now, method.affiliate_id, &account.id, &needed).await
        }
        PaymentMethodStatus::Pending => Ok(()),
    }
}
