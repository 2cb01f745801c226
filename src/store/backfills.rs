//! How far the comparisons with Stripe's own list of events came.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

/// The time up to which nothing that Stripe told is missing; none before the first comparison.
///
/// # Errors
/// From the database.
pub async fn complete_until(conn: &mut PgConnection) -> Result<Option<DateTime<Utc>>, sqlx::Error> {
    sqlx::query_scalar!("select complete_until from event_comparisons").fetch_optional(conn).await
}

/// The last comparison that came to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    pub at: DateTime<Utc>,
    pub since: DateTime<Utc>,
    /// How many events Stripe listed.
    pub seen: i64,
    /// How many of them had never arrived.
    pub missing: i64,
}

/// # Errors
/// From the database.
pub async fn last(conn: &mut PgConnection) -> Result<Option<Comparison>, sqlx::Error> {
    sqlx::query_as!(Comparison, "select at, since, seen, missing from event_comparisons").fetch_optional(conn).await
}

/// Writes down a comparison over `since` to `now`. One that begins after the last one's end leaves a gap between them, so the
/// end of what is complete stays where it was.
///
/// # Errors
/// From the database.
pub async fn write_down(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    since: DateTime<Utc>,
    (seen, missing): (usize, usize),
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into event_comparisons (complete_until, at, since, seen, missing) values ($1, $1, $2, $3, $4)
        on conflict (only_one) do update set at = $1, since = $2, seen = $3, missing = $4,
            complete_until = case
                when $2 <= event_comparisons.complete_until then greatest($1, event_comparisons.complete_until)
                else event_comparisons.complete_until end",
        now,
        since,
        i64::try_from(seen).unwrap_or(i64::MAX),
        i64::try_from(missing).unwrap_or(i64::MAX),
    )
    .execute(conn)
    .await
    .map(drop)
}
