//! Signs of life of the company's integration: what came last, and whether sales name anybody. Reading only; each figure is
//! answered by an index, whatever the tables' sizes.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

/// Sales of a time, and how many of them carried nothing that names an affiliate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SalesRow {
    pub sales: i64,
    pub without_code: i64,
}

/// When the last event of Stripe's arrived.
pub async fn last_webhook(conn: &mut PgConnection) -> sqlx::Result<Option<DateTime<Utc>>> {
    sqlx::query_scalar!("select received_at from inbox_events order by received_at desc, id desc limit 1")
        .fetch_optional(conn)
        .await
}

/// When the last click was counted. Ids sort by time.
pub async fn last_click(conn: &mut PgConnection) -> sqlx::Result<Option<DateTime<Utc>>> {
    sqlx::query_scalar!("select at from clicks order by id desc limit 1").fetch_optional(conn).await
}

/// Paid sales that were first heard of at `since` or later.
pub async fn sales_since(conn: &mut PgConnection, since: DateTime<Utc>) -> sqlx::Result<SalesRow> {
    sqlx::query_as!(
        SalesRow,
        r#"select count(*) as "sales!", count(*) filter (where unattributed_reason = 'no_code') as "without_code!"
        from sales where id >= $1 and status = 'paid' and paid_minor > 0"#,
        first_id(since),
    )
    .fetch_one(conn)
    .await
}

/// No id of this time or later is smaller: the first 48 bits of a UUIDv7 are its milliseconds.
fn first_id(at: DateTime<Utc>) -> Uuid {
    Uuid::from_u128(u128::try_from(at.timestamp_millis()).unwrap_or(0) << 80)
}

#[cfg(test)]
mod tests {
    use super::first_id;
    use crate::domain::ids::uuid_at;
    use chrono::{DateTime, TimeDelta, Utc};

    #[test]
    fn ids_of_a_time_are_not_before_its_first() {
        let noon: DateTime<Utc> = "2026-11-21T12:00:00Z".parse().unwrap();
        // In this order, because ids of one process never go back in time.
        assert!(uuid_at(noon - TimeDelta::milliseconds(1)) < first_id(noon));
        assert!(first_id(noon) <= uuid_at(noon));
    }
}
