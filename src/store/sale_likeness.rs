//! Invoices and payments that don't name each other, found by what they have in common. That two are the same is the stage's
//! decision; here is only what it needs to see, and how it is written down.

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgConnection;
use sqlx::postgres::types::PgInterval;

use crate::domain::ids::SaleId;

fn interval(delta: TimeDelta) -> Result<PgInterval, sqlx::Error> {
    PgInterval::try_from(delta).map_err(sqlx::Error::Encode)
}

/// What an invoice and a payment that don't name each other have in common.
#[derive(Debug, Clone)]
pub struct Likeness<'a> {
    pub customer: &'a str,
    pub currency: &'a str,
    pub paid_minor: i64,
    pub paid_at: DateTime<Utc>,
    /// How far apart in time they may be.
    pub within: TimeDelta,
}

/// A paid invoice that no payment is known of, like the payment; the nearest in time.
///
/// # Errors
/// From the database.
pub async fn invoice_without_payment(
    conn: &mut PgConnection,
    like: &Likeness<'_>,
) -> Result<Option<SaleId>, sqlx::Error> {
    let found = sqlx::query_scalar!(
        r"select s.id from sales s
        where s.stripe_customer_id = $1 and s.kind = 'invoice' and s.status = 'paid' and not s.out_of_band
            and s.currency = $2 and s.paid_minor = $3
            and s.paid_at between $4::timestamptz - $5::interval and $4::timestamptz + $5::interval
            and not exists (select 1 from sale_aliases a where a.sale_id = s.id and a.alias ~ '^(pi|ch|py)_')
            and not exists (select 1 from sales m where m.merged_into = s.id and m.kind = 'payment')
        order by abs(extract(epoch from s.paid_at - $4::timestamptz)), s.id limit 1",
        like.customer,
        like.currency,
        like.paid_minor,
        like.paid_at,
        interval(like.within)?,
    )
    .fetch_optional(conn)
    .await?;
    Ok(found.map(SaleId))
}

/// A payment that counts as a sale of its own, like the invoice; the nearest in time. None when the invoice's payment is
/// known.
///
/// # Errors
/// From the database.
pub async fn payment_without_invoice(
    conn: &mut PgConnection,
    invoice: SaleId,
    like: &Likeness<'_>,
) -> Result<Option<SaleId>, sqlx::Error> {
    let found = sqlx::query_scalar!(
        r"select s.id from sales s
        where s.stripe_customer_id = $1 and s.kind = 'payment' and s.status = 'paid'
            and s.currency = $2 and s.paid_minor = $3
            and s.paid_at between $4::timestamptz - $5::interval and $4::timestamptz + $5::interval
            and not exists (select 1 from sale_aliases a where a.sale_id = $6 and a.alias ~ '^(pi|ch|py)_')
            and not exists (select 1 from sales m where m.merged_into = $6 and m.kind = 'payment')
        order by abs(extract(epoch from s.paid_at - $4::timestamptz)), s.id limit 1",
        like.customer,
        like.currency,
        like.paid_minor,
        like.paid_at,
        interval(like.within)?,
        invoice.0,
    )
    .fetch_optional(conn)
    .await?;
    Ok(found.map(SaleId))
}
