//! Sales that nobody is credited with, as people go through them: figures by reason, and which to look at again.

use sqlx::PgConnection;
use uuid::Uuid;

use crate::domain::attribution::UnattributedReason;
use crate::domain::currency::Currency;
use crate::domain::ids::SaleId;

/// How many sales nobody is credited with for one reason in one currency, and what they came to.
#[derive(Debug, Clone)]
pub struct ReasonFigure {
    pub reason: UnattributedReason,
    pub currency: Option<Currency>,
    pub sales: i64,
    pub paid_minor: i64,
}

/// By reason and currency, the most sales first.
pub async fn figures(conn: &mut PgConnection) -> sqlx::Result<Vec<ReasonFigure>> {
    sqlx::query_as!(
        ReasonFigure,
        r#"select unattributed_reason as "reason!: UnattributedReason", currency as "currency: Currency",
            count(*) as "sales!", coalesce(sum(paid_minor), 0)::bigint as "paid_minor!"
        from sales where unattributed_reason is not null and status <> 'merged'
        group by unattributed_reason, currency order by count(*) desc, unattributed_reason, currency"#,
    )
    .fetch_all(conn)
    .await
}

/// How many sales have a reason that somebody can mend, counted no further than `most`.
pub async fn to_mend(conn: &mut PgConnection, most: i64) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"select count(*) as "count!" from (
            select 1 from sales
            where unattributed_reason is not null
                and unattributed_reason not in ('no_code', 'nothing_collected', 'awaiting_details')
            limit $1) as counted"#,
        most,
    )
    .fetch_one(conn)
    .await
}

/// Paid sales that nobody is credited with for the reason, oldest payment first. `program`: only those whose evidence leads
/// into it; JSON as [`containing`] makes it.
pub async fn of_reason(
    conn: &mut PgConnection,
    reason: UnattributedReason,
    program: Option<serde_json::Value>,
    limit: i64,
) -> sqlx::Result<Vec<SaleId>> {
    let ids: Vec<Uuid> = sqlx::query_scalar!(
        "select id from sales
        where unattributed_reason = $1 and status = 'paid' and ($2::jsonb is null or considered @> $2)
        order by paid_at, id limit $3",
        reason.as_str(),
        program,
        limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(ids.into_iter().map(SaleId).collect())
}

/// What the considered evidence contains when some of it leads into the program.
pub fn containing(program: crate::domain::ids::ProgramId) -> serde_json::Value {
    serde_json::json!([{ "program": program }])
}
