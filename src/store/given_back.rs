//! What went back of a sale, as it was worked out last, and what of it the sale's lines have followed.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use sqlx::types::Json;

use crate::domain::given_back::{GivenBackPart, Known};
use crate::domain::ids::SaleId;

/// Whether there is anything to work out for the sale.
#[derive(Debug, Clone, Copy)]
pub struct Traces {
    /// A refund, a dispute or a running sum of one of its payments is known, or was counted before.
    pub given_back: bool,
    /// An event about one of its payments waits for it.
    pub waited_for: bool,
}

/// Looks for traces under the names of the sale and of those that went into it.
///
/// # Errors
/// From the database.
pub async fn traces(conn: &mut PgConnection, sale_id: SaleId) -> sqlx::Result<Traces> {
    sqlx::query_as!(
        Traces,
        r#"with recursive family (id) as (
            select $1::uuid union select s.id from sales s join family f on s.merged_into = f.id
        ), names as (
            select alias from sale_aliases where sale_id in (select id from family)
        )
        select exists (select 1 from refunds r join names n on r.payment_intent = n.alias)
            or exists (select 1 from refunds r join names n on r.charge = n.alias)
            or exists (select 1 from disputes d join names n on d.payment_intent = n.alias)
            or exists (select 1 from disputes d join names n on d.charge = n.alias)
            or exists (select 1 from charges c join names n on c.id = n.alias where c.refunded_told_at is not null)
            or exists (select 1 from charges c join names n on c.payment_intent = n.alias
                where c.refunded_told_at is not null)
            or exists (select 1 from sales s where s.id = $1 and (s.refunded_minor > 0 or s.given_back <> '[]'))
                as "given_back!",
            exists (select 1 from parked_events p join names n on p.name = n.alias)
                or exists (select 1 from charges c join names n on c.payment_intent = n.alias
                    join parked_events p on p.name = c.id) as "waited_for!""#,
        sale_id.0,
    )
    .fetch_one(conn)
    .await
}

/// Every name of the sale and of those that went into it.
///
/// # Errors
/// From the database.
pub async fn names(conn: &mut PgConnection, sale_id: SaleId) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar!(
        "with recursive family (id) as (
            select $1::uuid union select s.id from sales s join family f on s.merged_into = f.id
        )
        select alias from sale_aliases where sale_id in (select id from family) order by alias",
        sale_id.0,
    )
    .fetch_all(conn)
    .await
}

/// Writes what went back of the sale, minor units of its currency, and which refunds and disputes are its own. Returns
/// whether that is another than before.
///
/// # Errors
/// From the database.
pub async fn keep(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    sale_id: SaleId,
    (refunded_minor, parts): (i64, &[GivenBackPart]),
    known: &Known,
) -> sqlx::Result<bool> {
    let refunds: Vec<&str> = known.refunds.iter().map(|refund| refund.id.as_str()).collect();
    let disputes: Vec<&str> = known.disputes.iter().map(|dispute| dispute.id.as_str()).collect();
    sqlx::query!(
        "with refunded as (
            update refunds set sale_id = $1 where id = any($2) and sale_id is distinct from $1
        )
        update disputes set sale_id = $1 where id = any($3) and sale_id is distinct from $1",
        sale_id.0,
        &refunds as &[&str],
        &disputes as &[&str],
    )
    .execute(&mut *conn)
    .await?;
    let changed = sqlx::query!(
        "update sales set refunded_minor = $2, given_back = $3, updated_at = $4
        where id = $1 and (refunded_minor, given_back) is distinct from ($2, $3)",
        sale_id.0,
        refunded_minor,
        Json(parts) as _,
        now,
    )
    .execute(conn)
    .await?;
    Ok(changed.rows_affected() == 1)
}

/// What went back of the sale by now, and what of that its lines have followed.
#[derive(Debug, Clone)]
pub struct Followed {
    pub now: Vec<GivenBackPart>,
    pub before: Vec<GivenBackPart>,
}

/// # Errors
/// From the database.
pub async fn followed(conn: &mut PgConnection, sale_id: SaleId) -> sqlx::Result<Followed> {
    let row = sqlx::query!(
        r#"select s.given_back as "now: Json<Vec<GivenBackPart>>", c.given_back as "before: Json<Vec<GivenBackPart>>"
        from sales s join conversions c on c.sale_id = s.id where s.id = $1"#,
        sale_id.0,
    )
    .fetch_one(conn)
    .await?;
    Ok(Followed { now: row.now.0, before: row.before.0 })
}

/// The sale's lines have followed what went back.
///
/// # Errors
/// From the database.
pub async fn set_followed(conn: &mut PgConnection, sale_id: SaleId, parts: &[GivenBackPart]) -> sqlx::Result<()> {
    sqlx::query!(
        "update conversions set given_back = $2 where sale_id = $1 and given_back is distinct from $2",
        sale_id.0,
        Json(parts) as _,
    )
    .execute(conn)
    .await
    .map(drop)
}
