//! Disputes by Stripe's ids, as the newest event told of each. Who writes holds the payment's names.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::domain::currency::Currency;
use crate::domain::given_back::{Dispute, DisputeStatus, PaymentRef};
use crate::domain::ids::SaleId;

struct RawDispute {
    id: String,
    charge: Option<String>,
    payment_intent: Option<String>,
    currency: Currency,
    amount_minor: i64,
    status: DisputeStatus,
    reason: Option<String>,
    opened_at: DateTime<Utc>,
    closed_at: Option<DateTime<Utc>>,
    funds_withdrawn_at: Option<DateTime<Utc>>,
    funds_reinstated_at: Option<DateTime<Utc>>,
    told_at: DateTime<Utc>,
}

impl From<RawDispute> for Dispute {
    fn from(raw: RawDispute) -> Dispute {
        Dispute {
            id: raw.id,
            payment: PaymentRef { charge: raw.charge, payment_intent: raw.payment_intent },
            currency: raw.currency,
            amount_minor: raw.amount_minor,
            status: raw.status,
            reason: raw.reason,
            opened_at: raw.opened_at,
            closed_at: raw.closed_at,
            funds_withdrawn_at: raw.funds_withdrawn_at,
            funds_reinstated_at: raw.funds_reinstated_at,
            told_at: raw.told_at,
        }
    }
}

/// The dispute, if an event told of it.
///
/// # Errors
/// From the database.
pub async fn find(conn: &mut PgConnection, id: &str) -> sqlx::Result<Option<Dispute>> {
    let found = sqlx::query_as!(
        RawDispute,
        r#"select id, charge, payment_intent, currency as "currency: Currency", amount_minor,
            status as "status: DisputeStatus", reason, opened_at, closed_at, funds_withdrawn_at, funds_reinstated_at,
            told_at
        from disputes where id = $1"#,
        id,
    )
    .fetch_optional(conn)
    .await?;
    Ok(found.map(Dispute::from))
}

/// Keeps the dispute as it is now known. `cause` is the event that told of it.
///
/// # Errors
/// From the database.
pub async fn keep(conn: &mut PgConnection, now: DateTime<Utc>, dispute: &Dispute, cause: &str) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into disputes (id, charge, payment_intent, currency, amount_minor, status, reason, opened_at, closed_at,
            funds_withdrawn_at, funds_reinstated_at, told_at, cause, created_at, updated_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $14)
        on conflict (id) do update set charge = excluded.charge, payment_intent = excluded.payment_intent,
            amount_minor = excluded.amount_minor, status = excluded.status, reason = excluded.reason,
            opened_at = excluded.opened_at, closed_at = excluded.closed_at,
            funds_withdrawn_at = excluded.funds_withdrawn_at, funds_reinstated_at = excluded.funds_reinstated_at,
            told_at = excluded.told_at, cause = excluded.cause, updated_at = excluded.updated_at",
        dispute.id,
        dispute.payment.charge,
        dispute.payment.payment_intent,
        dispute.currency.as_str(),
        dispute.amount_minor,
        dispute.status.as_str(),
        dispute.reason,
        dispute.opened_at,
        dispute.closed_at,
        dispute.funds_withdrawn_at,
        dispute.funds_reinstated_at,
        dispute.told_at,
        cause,
        now,
    )
    .execute(conn)
    .await
    .map(drop)
}

/// The disputes of a sale's payments. One whose payment intent leads to another sale is that one's.
///
/// # Errors
/// From the database.
pub async fn of_names(conn: &mut PgConnection, names: &[String]) -> sqlx::Result<Vec<Dispute>> {
    let found = sqlx::query_as!(
        RawDispute,
        r#"select id, charge, payment_intent, currency as "currency: Currency", amount_minor,
            status as "status: DisputeStatus", reason, opened_at, closed_at, funds_withdrawn_at, funds_reinstated_at,
            told_at
        from disputes d
        where d.payment_intent = any($1) or (d.charge = any($1)
            and not exists (select 1 from sale_aliases a where a.alias = d.payment_intent))
        order by opened_at, id"#,
        names,
    )
    .fetch_all(conn)
    .await?;
    Ok(found.into_iter().map(Dispute::from).collect())
}

/// The disputes that are counted for the sale, oldest first.
///
/// # Errors
/// From the database.
pub async fn of_sale(conn: &mut PgConnection, sale_id: SaleId) -> sqlx::Result<Vec<Dispute>> {
    let found = sqlx::query_as!(
        RawDispute,
        r#"select id, charge, payment_intent, currency as "currency: Currency", amount_minor,
            status as "status: DisputeStatus", reason, opened_at, closed_at, funds_withdrawn_at, funds_reinstated_at,
            told_at
        from disputes where sale_id = $1 order by opened_at, id"#,
        sale_id.0,
    )
    .fetch_all(conn)
    .await?;
    Ok(found.into_iter().map(Dispute::from).collect())
}
