//! What Stripe pays from connected accounts to their banks, as far as it says so. It moves nothing in the books.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::domain::ids::AffiliateId;
use crate::domain::money::Money;
use crate::domain::reversal::BankPayoutStatus;

/// A bank payout as Stripe told of it.
#[derive(Debug, Clone)]
pub struct Told<'a> {
    pub affiliate_id: AffiliateId,
    pub id: &'a str,
    pub stripe_account: &'a str,
    pub amount: Money,
    pub status: BankPayoutStatus,
    pub failure_code: Option<&'a str>,
    pub failure_message: Option<&'a str>,
}

/// Keeps what was told. Returns whether it was news: a failure stays one, whatever arrives later.
pub async fn record(conn: &mut PgConnection, told_at: DateTime<Utc>, told: &Told<'_>) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "insert into bank_payouts as b
            (affiliate_id, id, stripe_account, currency, amount_minor, status, failure_code, failure_message, told_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        on conflict (affiliate_id, id) do update
            set status = excluded.status, failure_code = excluded.failure_code, failure_message = excluded.failure_message,
                told_at = excluded.told_at
            where b.status = 'paid' and excluded.status = 'failed'",
        told.affiliate_id.0,
        told.id,
        told.stripe_account,
        told.amount.currency.as_str(),
        told.amount.amount_minor,
        told.status.as_str(),
        told.failure_code,
        told.failure_message,
        told_at,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Whose connected account it is, also when the method was removed since.
pub async fn affiliate_of(conn: &mut PgConnection, stripe_account: &str) -> sqlx::Result<Option<AffiliateId>> {
    sqlx::query_scalar!(
        r#"select affiliate_id as "id: AffiliateId" from payment_methods where stripe_account = $1"#,
        stripe_account,
    )
    .fetch_optional(conn)
    .await
}

/// A failed bank payout that no later one of the account made good.
#[derive(Debug, Clone)]
pub struct FailedView {
    pub affiliate_id: AffiliateId,
    pub affiliate_name: String,
    pub id: String,
    pub stripe_account: String,
    pub amount: Money,
    pub failure_code: Option<String>,
    pub failure_message: Option<String>,
    pub told_at: DateTime<Utc>,
}

/// The newest failures that still stand, at most `limit`.
pub async fn failed(conn: &mut PgConnection, limit: i64) -> sqlx::Result<Vec<FailedView>> {
    let rows = sqlx::query!(
        r#"select b.affiliate_id as "affiliate_id: AffiliateId", a.name, b.id, b.stripe_account, b.amount_minor,
            b.currency as "currency: crate::domain::currency::Currency", b.failure_code, b.failure_message, b.told_at
        from bank_payouts b join affiliates a on a.id = b.affiliate_id
        where b.status = 'failed' and not exists (
            select 1 from bank_payouts later
            where later.affiliate_id = b.affiliate_id and later.stripe_account = b.stripe_account
                and later.status = 'paid' and later.told_at > b.told_at)
        order by b.told_at desc limit $1"#,
        limit,
    )
    .fetch_all(conn)
    .await?;
    let view = rows.into_iter().map(|row| FailedView {
        affiliate_id: row.affiliate_id,
        affiliate_name: row.name,
        id: row.id,
        stripe_account: row.stripe_account,
        amount: Money::new(row.amount_minor, row.currency),
        failure_code: row.failure_code,
        failure_message: row.failure_message,
        told_at: row.told_at,
    });
    Ok(view.collect())
}
