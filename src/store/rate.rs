//! Token buckets that all processes share, so that the rail's limits are kept by all of them together. Time here is the
//! database's clock (design §8, point 6).

use std::time::Duration;

use sqlx::PgConnection;

/// How much of the configured rate comes back per second after it was lowered.
const RECOVERY_PER_SECOND: f64 = 0.05;

/// Takes a token, on credit when there is none: the wait until it may be used. The bucket holds one second's worth.
pub async fn reserve(conn: &mut PgConnection, name: &str, per_second: u32) -> sqlx::Result<Duration> {
    let wait_seconds = sqlx::query_scalar!(
        r#"insert into rate_buckets as b (name, tokens, per_second, refilled_at)
        values ($1, $2::float8 - 1, $2, clock_timestamp())
        on conflict (name) do update set
            per_second = least($2, b.per_second + $2 * $3::float8 * greatest(0, extract(epoch from clock_timestamp() - b.refilled_at)::float8)),
            tokens = least(
                b.per_second,
                b.tokens + b.per_second * greatest(0, extract(epoch from clock_timestamp() - b.refilled_at)::float8)
            ) - 1,
            refilled_at = clock_timestamp()
        returning greatest(0, -tokens / per_second) as "wait_seconds!""#,
        name,
        f64::from(per_second),
        RECOVERY_PER_SECOND,
    )
    .fetch_one(conn)
    .await?;
    Ok(Duration::try_from_secs_f64(wait_seconds).unwrap_or_default())
}

/// Halves the rate, down to one in two seconds, and empties the bucket: the rail said that calls come too fast.
pub async fn slow_down(conn: &mut PgConnection, name: &str) -> sqlx::Result<()> {
    sqlx::query!(
        "update rate_buckets set per_second = greatest(0.5, per_second / 2), tokens = least(tokens, 0) where name = $1",
        name,
    )
    .execute(conn)
    .await?;
    Ok(())
}
