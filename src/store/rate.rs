//! Token buckets that all processes share, so that the rail's limits are kept by all of them together. Time here is the
//! database's clock (design §8, point 6).

use std::time::Duration;

use sqlx::PgConnection;

/// How much of the configured rate comes back per second after it was lowered.
const RECOVERY_PER_SECOND: f64 = 0.05;

/// The bucket holds what comes in this part of a second, so that no second sees more than the rate and this part of it: the
/// default of 20 a second stays within the 25 that Stripe takes.
const HELD_SECONDS: f64 = 0.25;

/// What a bucket has to give.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Allowance {
    /// Whole tokens.
    pub tokens: i64,
    /// How long it takes until there is another one.
    pub next: Duration,
}

/// Fills the bucket up to now and locks it until the transaction ends: whoever takes tokens does so one after the other.
pub async fn allowance(conn: &mut PgConnection, name: &str, per_second: u32) -> sqlx::Result<Allowance> {
    let bucket = sqlx::query!(
        r#"insert into rate_buckets as b (name, tokens, per_second, refilled_at)
        values ($1, greatest(1, $2::float8 * $4::float8), $2, clock_timestamp())
        on conflict (name) do update set
            per_second = least($2, b.per_second + $2 * $3::float8 * greatest(0, extract(epoch from clock_timestamp() - b.refilled_at)::float8)),
            tokens = least(
                greatest(1, b.per_second * $4),
                b.tokens + b.per_second * greatest(0, extract(epoch from clock_timestamp() - b.refilled_at)::float8)
            ),
            refilled_at = clock_timestamp()
        returning floor(tokens)::bigint as "tokens!", (floor(tokens) + 1 - tokens) / per_second as "next_seconds!""#,
        name,
        f64::from(per_second),
        RECOVERY_PER_SECOND,
        HELD_SECONDS,
    )
    .fetch_one(conn)
    .await?;
    let next = Duration::try_from_secs_f64(bucket.next_seconds).unwrap_or_default();
    Ok(Allowance { tokens: bucket.tokens.max(0), next })
}

/// Takes tokens out of the bucket that [`allowance`] locked.
pub async fn spend(conn: &mut PgConnection, name: &str, tokens: i64) -> sqlx::Result<()> {
    sqlx::query!("update rate_buckets set tokens = tokens - $2::bigint::float8 where name = $1", name, tokens)
        .execute(conn)
        .await?;
    Ok(())
}

/// Halves the rate, down to one in two seconds, and empties the bucket: the rail said that calls come too fast. The calls that
/// were under way together are told so together, and count once.
pub async fn slow_down(conn: &mut PgConnection, name: &str) -> sqlx::Result<()> {
    sqlx::query!(
        "update rate_buckets
        set per_second = greatest(0.5, per_second / 2), tokens = least(tokens, 0), slowed_at = clock_timestamp()
        where name = $1 and (slowed_at is null or slowed_at < clock_timestamp() - interval '1 second')",
        name,
    )
    .execute(conn)
    .await?;
    Ok(())
}
