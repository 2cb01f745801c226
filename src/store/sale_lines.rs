//! The lines of sales as they are read, and which sales wait for theirs to be asked for. They are written with the sale.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::domain::ids::SaleId;
use crate::domain::sale_line::SaleLines;

/// What is known of what was bought.
#[derive(Debug, Clone)]
pub struct Known {
    pub lines: Option<SaleLines>,
    /// Whether Stripe is to be asked.
    pub wanted: bool,
    pub out_of_band: bool,
}

/// # Errors
/// From the database, and [`sqlx::Error::Decode`] when the lines can't be read.
pub async fn of_sale(conn: &mut PgConnection, sale_id: SaleId) -> Result<Option<Known>, sqlx::Error> {
    let row = sqlx::query!(
        r#"select lines, lines_wanted_at is not null as "wanted!", out_of_band from sales where id = $1"#,
        sale_id.0,
    )
    .fetch_optional(conn)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let lines =
        row.lines.map(serde_json::from_value).transpose().map_err(|error| sqlx::Error::Decode(Box::new(error)))?;
    Ok(Some(Known { lines, wanted: row.wanted, out_of_band: row.out_of_band }))
}

/// Lets the sale wait for its lines: somebody asks for them when it is `at`, unless somebody is to already.
///
/// # Errors
/// From the database.
pub async fn want(conn: &mut PgConnection, sale_id: SaleId, at: DateTime<Utc>) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update sales set lines_wanted_at = $2 where id = $1 and lines_wanted_at is null and not lines_unknown",
        sale_id.0,
        at,
    )
    .execute(conn)
    .await
    .map(drop)
}

/// A sale whose lines are to be asked for, with the ids under which Stripe knows it.
#[derive(Debug, Clone)]
pub struct Wanted {
    pub sale_id: SaleId,
    pub aliases: Vec<String>,
}

/// Takes the sale that waits longest, and lets it wait until `again` in case that nobody comes back with its lines.
///
/// # Errors
/// From the database.
pub async fn take_next(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    again: DateTime<Utc>,
) -> Result<Option<Wanted>, sqlx::Error> {
    sqlx::query_as!(
        Wanted,
        r#"update sales s set lines_wanted_at = $2
        where s.id = (
            select id from sales where lines_wanted_at <= $1 order by lines_wanted_at, id limit 1 for update skip locked
        )
        returning s.id as "sale_id: SaleId",
            array(select alias from sale_aliases x where x.sale_id = s.id order by alias) as "aliases!""#,
        now,
        again,
    )
    .fetch_optional(conn)
    .await
}

/// Nobody has to ask any more: the lines are there, or `unknown`, because Stripe has none.
///
/// # Errors
/// From the database.
pub async fn answered(conn: &mut PgConnection, sale_id: SaleId, unknown: bool) -> Result<(), sqlx::Error> {
    sqlx::query!("update sales set lines_wanted_at = null, lines_unknown = $2 where id = $1", sale_id.0, unknown,)
        .execute(conn)
        .await
        .map(drop)
}
