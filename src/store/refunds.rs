//! Refunds by Stripe's ids, as the newest event told of each. Who writes holds the payment's names.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::domain::currency::Currency;
use crate::domain::given_back::{PaymentRef, Refund, RefundStatus};
use crate::domain::ids::SaleId;

struct RawRefund {
    id: String,
    charge: Option<String>,
    payment_intent: Option<String>,
    currency: Currency,
    amount_minor: i64,
    status: RefundStatus,
    reason: Option<String>,
    failure_reason: Option<String>,
    made_at: DateTime<Utc>,
    failed_at: Option<DateTime<Utc>>,
    told_at: DateTime<Utc>,
}

impl From<RawRefund> for Refund {
    fn from(raw: RawRefund) -> Refund {
        Refund {
            id: raw.id,
            payment: PaymentRef { charge: raw.charge, payment_intent: raw.payment_intent },
            currency: raw.currency,
            amount_minor: raw.amount_minor,
            status: raw.status,
            reason: raw.reason,
            failure_reason: raw.failure_reason,
            made_at: raw.made_at,
            failed_at: raw.failed_at,
            told_at: raw.told_at,
        }
    }
}

/// The refund, if an event told of it.
///
/// # Errors
/// From the database.
pub async fn find(conn: &mut PgConnection, id: &str) -> sqlx::Result<Option<Refund>> {
    let found = sqlx::query_as!(
        RawRefund,
        r#"select id, charge, payment_intent, currency as "currency: Currency", amount_minor,
            status as "status: RefundStatus", reason, failure_reason, made_at, failed_at, told_at
        from refunds where id = $1"#,
        id,
    )
    .fetch_optional(conn)
    .await?;
    Ok(found.map(Refund::from))
}

/// Keeps the refund as it is now known. `cause` is the event that told of it.
///
/// # Errors
/// From the database.
pub async fn keep(conn: &mut PgConnection, now: DateTime<Utc>, refund: &Refund, cause: &str) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into refunds (id, charge, payment_intent, currency, amount_minor, status, reason, failure_reason, made_at,
            failed_at, told_at, cause, created_at, updated_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $13)
        on conflict (id) do update set charge = excluded.charge, payment_intent = excluded.payment_intent,
            amount_minor = excluded.amount_minor, status = excluded.status, reason = excluded.reason,
            failure_reason = excluded.failure_reason, made_at = excluded.made_at, failed_at = excluded.failed_at,
            told_at = excluded.told_at, cause = excluded.cause, updated_at = excluded.updated_at",
        refund.id,
        refund.payment.charge,
        refund.payment.payment_intent,
        refund.currency.as_str(),
        refund.amount_minor,
        refund.status.as_str(),
        refund.reason,
        refund.failure_reason,
        refund.made_at,
        refund.failed_at,
        refund.told_at,
        cause,
        now,
    )
    .execute(conn)
    .await
    .map(drop)
}

/// The refunds of a sale's payments. One whose payment intent leads to another sale is that one's.
///
/// # Errors
/// From the database.
pub async fn of_names(conn: &mut PgConnection, names: &[String]) -> sqlx::Result<Vec<Refund>> {
    let found = sqlx::query_as!(
        RawRefund,
        r#"select id, charge, payment_intent, currency as "currency: Currency", amount_minor,
            status as "status: RefundStatus", reason, failure_reason, made_at, failed_at, told_at
        from refunds r
        where r.payment_intent = any($1) or (r.charge = any($1)
            and not exists (select 1 from sale_aliases a where a.alias = r.payment_intent))
        order by made_at, id"#,
        names,
    )
    .fetch_all(conn)
    .await?;
    Ok(found.into_iter().map(Refund::from).collect())
}

/// The refunds that are counted for the sale, oldest first.
///
/// # Errors
/// From the database.
pub async fn of_sale(conn: &mut PgConnection, sale_id: SaleId) -> sqlx::Result<Vec<Refund>> {
    let found = sqlx::query_as!(
        RawRefund,
        r#"select id, charge, payment_intent, currency as "currency: Currency", amount_minor,
            status as "status: RefundStatus", reason, failure_reason, made_at, failed_at, told_at
        from refunds where sale_id = $1 order by made_at, id"#,
        sale_id.0,
    )
    .fetch_all(conn)
    .await?;
    Ok(found.into_iter().map(Refund::from).collect())
}
