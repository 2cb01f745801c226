//! Removing what has served its time. Only rows that nothing else refers to, and that nobody is owed.

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgPool;

/// How long a password link that can't be used any more is kept.
const LINKS: TimeDelta = TimeDelta::days(30);
const TRIES: TimeDelta = TimeDelta::days(1);
/// Stripe keeps its answers for a day; ours are kept as long.
const ANSWERS: TimeDelta = TimeDelta::days(1);

/// Forgets expired sessions and links, old counts of sign-in tries, and answers that no repeated request can want.
///
/// # Errors
/// When the database doesn't answer; what was removed before stays removed.
pub async fn forget_what_is_over(pool: &PgPool, now: DateTime<Utc>) -> sqlx::Result<()> {
    // Sessions age in real time: a business clock that leaps a month must not sign everybody out.
    sqlx::query!("delete from sessions where expires_at <= now()").execute(pool).await?;
    sqlx::query!("delete from password_tokens where expires_at <= $1", now - LINKS).execute(pool).await?;
    sqlx::query!("delete from sign_in_throttle where window_started_at <= $1", now - TRIES).execute(pool).await?;
    sqlx::query!("delete from api_idempotency where created_at <= $1", now - ANSWERS).execute(pool).await?;
    Ok(())
}
