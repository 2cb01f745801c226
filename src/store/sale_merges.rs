//! Sales that turned out to be one: how that is written down, and what a person can read of it.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::domain::ids::SaleId;
use crate::domain::sale::{MergeReason, ReleaseReason};

/// Why two sales are one.
#[derive(Debug, Clone, Copy)]
pub struct Why<'a> {
    pub reason: MergeReason,
    /// Names the fact: an event id, or who did it.
    pub cause: &'a str,
}

/// Makes one sale of two that Stripe itself links: everything that knew `merged` leads to `kept`.
///
/// # Errors
/// From the database.
pub async fn merge(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    (merged, kept): (SaleId, SaleId),
    cause: &str,
) -> Result<(), sqlx::Error> {
    write_down(conn, now, (merged, kept), Why { reason: MergeReason::Linked, cause }).await?;
    sqlx::query!("update sale_aliases set sale_id = $2 where sale_id = $1", merged.0, kept.0)
        .execute(&mut *conn)
        .await?;
    // What was taken for the one's payment is taken for the other's.
    sqlx::query!(
        "update sales set merged_into = $2 where merged_into = $1 and merged_because = 'alike'",
        merged.0,
        kept.0,
    )
    .execute(conn)
    .await
    .map(drop)
}

/// Counts a payment as that of an invoice which doesn't name its payments, with reasons to believe so but without a link: the
/// payment keeps its own aliases, so that a link that comes later still leads to the right invoice.
///
/// # Errors
/// From the database.
pub async fn absorb(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    (payment, invoice): (SaleId, SaleId),
    cause: &str,
) -> Result<(), sqlx::Error> {
    write_down(conn, now, (payment, invoice), Why { reason: MergeReason::Alike, cause }).await
}

/// Writes down that the payment was taken for an invoice's by mistake, before it becomes a sale of its own or part of another
/// one.
///
/// # Errors
/// From the database.
pub async fn record_release(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    payment: SaleId,
    (because, cause): (ReleaseReason, &str),
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into sale_releases (payment_id, invoice_id, merged_at, merged_cause, released_at, released_because,
            released_cause)
        select id, merged_into, coalesce(merged_at, $2), coalesce(merged_cause, ''), $2, $3, $4
        from sales where id = $1 and merged_because = 'alike'",
        payment.0,
        now,
        because.as_str(),
        cause,
    )
    .execute(conn)
    .await
    .map(drop)
}

/// Makes a payment that was taken for an invoice's a sale of its own again, with everything that was told of it meanwhile.
///
/// # Errors
/// From the database.
pub async fn release(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    payment: SaleId,
    why: (ReleaseReason, &str),
) -> Result<(), sqlx::Error> {
    record_release(conn, now, payment, why).await?;
    sqlx::query!(
        "update sales set status = 'paid', merged_into = null, merged_at = null, merged_because = null,
            merged_cause = null, merged_aliases = '{}', updated_at = $2
        where id = $1 and merged_because = 'alike'",
        payment.0,
        now,
    )
    .execute(conn)
    .await
    .map(drop)
}

async fn write_down(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    (merged, kept): (SaleId, SaleId),
    why: Why<'_>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update sales set status = 'merged', merged_into = $2, settles_at = null, unattributed_reason = null,
            lines_wanted_at = null, merged_at = $3, merged_because = $4, merged_cause = $5,
            merged_aliases = (
                select coalesce(array_agg(alias order by alias), merged_aliases) from sale_aliases where sale_id = $1
            ),
            updated_at = $3
        where id = $1",
        merged.0,
        kept.0,
        now,
        why.reason.as_str(),
        why.cause,
    )
    .execute(conn)
    .await
    .map(drop)
}

/// A sale that went into another one.
#[derive(Debug, Clone)]
pub struct MergeView {
    pub id: SaleId,
    pub into: SaleId,
    pub kind: String,
    /// Under which of Stripe's ids it was known.
    pub aliases: Vec<String>,
    pub merged_at: Option<DateTime<Utc>>,
    pub reason: Option<MergeReason>,
    pub cause: Option<String>,
}

/// What went into the sale, and what the sale itself went into; the earliest first.
///
/// # Errors
/// From the database.
pub async fn around(conn: &mut PgConnection, sale_id: SaleId) -> Result<Vec<MergeView>, sqlx::Error> {
    sqlx::query_as!(
        MergeView,
        r#"select id as "id: SaleId", merged_into as "into!: SaleId", kind, merged_aliases as aliases, merged_at,
            merged_because as "reason: MergeReason", merged_cause as cause
        from sales where merged_into is not null and (merged_into = $1 or id = $1) order by merged_at, id"#,
        sale_id.0,
    )
    .fetch_all(conn)
    .await
}

/// A payment that was taken for an invoice's for a while.
#[derive(Debug, Clone)]
pub struct ReleaseView {
    pub payment: SaleId,
    pub invoice: SaleId,
    pub merged_at: DateTime<Utc>,
    pub released_at: DateTime<Utc>,
    pub reason: ReleaseReason,
    /// Names the fact by which it came out.
    pub cause: String,
}

/// The payments that were taken for the sale's by mistake, and the invoices whose payment the sale was taken to be; the
/// earliest first.
///
/// # Errors
/// From the database.
pub async fn releases_around(conn: &mut PgConnection, sale_id: SaleId) -> Result<Vec<ReleaseView>, sqlx::Error> {
    sqlx::query_as!(
        ReleaseView,
        r#"select payment_id as "payment: SaleId", invoice_id as "invoice: SaleId", merged_at, released_at,
            released_because as "reason: ReleaseReason", released_cause as cause
        from sale_releases where payment_id = $1 or invoice_id = $1 order by released_at, payment_id"#,
        sale_id.0,
    )
    .fetch_all(conn)
    .await
}
