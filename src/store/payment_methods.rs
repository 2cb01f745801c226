//! Payment methods: where an affiliate is paid, and what the rail last said about it.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;

use crate::domain::batch::Rail;
use crate::domain::ids::{AffiliateId, PaymentMethodId};
use crate::domain::program::PaymentMethodStatus;

/// A payment method that was not removed.
#[derive(Debug, Clone)]
pub struct PaymentMethodRow {
    pub id: PaymentMethodId,
    pub affiliate_id: AffiliateId,
    pub rail: Rail,
    pub status: PaymentMethodStatus,
    pub stripe_account: Option<String>,
    pub account_key: String,
    pub details: Value,
    pub created_at: DateTime<Utc>,
    /// The business time that `details` describe.
    pub checked_at: Option<DateTime<Utc>>,
    pub verified_at: Option<DateTime<Utc>>,
}

/// The affiliate's Stripe method, made with `account_key` when there is none yet. The key is stored before any account is
/// made, so that a lost answer never makes two accounts; two requests at once get the same row.
pub async fn find_or_start_connect(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    affiliate_id: AffiliateId,
    id: PaymentMethodId,
) -> sqlx::Result<PaymentMethodRow> {
    sqlx::query!(
        "insert into payment_methods (id, affiliate_id, type, status, account_key, created_at)
        values ($1, $2, 'stripe_connect', 'pending', $3, $4)
        on conflict (affiliate_id) where type = 'stripe_connect' and removed_at is null do nothing",
        id.0,
        affiliate_id.0,
        format!("account:{id}"),
        now,
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query_as!(
        PaymentMethodRow,
        r#"select id as "id: _", affiliate_id as "affiliate_id: _", type as "rail: _", status as "status: _", stripe_account,
            account_key, details, created_at, checked_at, verified_at
        from payment_methods where affiliate_id = $1 and type = 'stripe_connect' and removed_at is null"#,
        affiliate_id.0,
    )
    .fetch_one(conn)
    .await
}

/// The method, if it is the affiliate's and was not removed.
pub async fn find_own(
    conn: &mut PgConnection,
    affiliate_id: AffiliateId,
    id: PaymentMethodId,
) -> sqlx::Result<Option<PaymentMethodRow>> {
    sqlx::query_as!(
        PaymentMethodRow,
        r#"select id as "id: _", affiliate_id as "affiliate_id: _", type as "rail: _", status as "status: _", stripe_account,
            account_key, details, created_at, checked_at, verified_at
        from payment_methods where affiliate_id = $1 and id = $2 and removed_at is null"#,
        affiliate_id.0,
        id.0,
    )
    .fetch_optional(conn)
    .await
}

/// The affiliate's methods, oldest first.
pub async fn list(conn: &mut PgConnection, affiliate_id: AffiliateId) -> sqlx::Result<Vec<PaymentMethodRow>> {
    sqlx::query_as!(
        PaymentMethodRow,
        r#"select id as "id: _", affiliate_id as "affiliate_id: _", type as "rail: _", status as "status: _", stripe_account,
            account_key, details, created_at, checked_at, verified_at
        from payment_methods where affiliate_id = $1 and removed_at is null order by id"#,
        affiliate_id.0,
    )
    .fetch_all(conn)
    .await
}

/// The method of a connected account, locked for what follows; or, while the account of a method is not known yet, the
/// method that the account's metadata names.
pub async fn lock_by_account(
    conn: &mut PgConnection,
    stripe_account: &str,
    named: Option<PaymentMethodId>,
) -> sqlx::Result<Option<PaymentMethodRow>> {
    sqlx::query_as!(
        PaymentMethodRow,
        r#"select id as "id: _", affiliate_id as "affiliate_id: _", type as "rail: _", status as "status: _", stripe_account,
            account_key, details, created_at, checked_at, verified_at
        from payment_methods
        where removed_at is null and (stripe_account = $1 or (stripe_account is null and id = $2))
        for update"#,
        stripe_account,
        named.map(|id| id.0),
    )
    .fetch_optional(conn)
    .await
}

/// Keeps what the rail says of the account; `as_of` is when it said so. The first known account of a method stays.
pub async fn record_check(
    conn: &mut PgConnection,
    id: PaymentMethodId,
    stripe_account: &str,
    status: PaymentMethodStatus,
    details: &Value,
    as_of: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "update payment_methods set stripe_account = coalesce(stripe_account, $2), status = $3, details = $4,
            checked_at = $5, verified_at = case when $3 = 'verified' then coalesce(verified_at, $5) else verified_at end
        where id = $1",
        id.0,
        stripe_account,
        status.as_str(),
        details,
        as_of,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Whether money may still be on its way to the method.
pub async fn has_live_items(conn: &mut PgConnection, id: PaymentMethodId) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"select exists (
            select 1 from payout_items i join payout_batches b on b.id = i.batch_id
            where i.payment_method_id = $1 and i.status in ('pending', 'sending', 'processing', 'unresolved')
                and b.status <> 'cancelled'
        ) as "live!""#,
        id.0,
    )
    .fetch_one(conn)
    .await
}

pub async fn remove(conn: &mut PgConnection, id: PaymentMethodId, now: DateTime<Utc>) -> sqlx::Result<()> {
    sqlx::query!("update payment_methods set removed_at = $2 where id = $1", id.0, now).execute(conn).await?;
    Ok(())
}
