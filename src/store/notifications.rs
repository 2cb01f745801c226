//! What affiliates are told in the portal, written in the transaction of what happened.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::domain::ids::{AffiliateId, NotificationId};
use crate::domain::notification::NotificationKind;

/// A notification to be written. The same `dedupe_key` is told once.
#[derive(Debug, Clone)]
pub struct NewNotification<'a> {
    pub affiliate_id: AffiliateId,
    pub kind: NotificationKind,
    pub title: &'a str,
    pub body: &'a str,
    /// A path of the portal.
    pub link: Option<&'a str>,
    pub dedupe_key: &'a str,
}

/// A notification as the portal shows it.
#[derive(Debug, Clone)]
pub struct NotificationRow {
    pub id: NotificationId,
    pub kind: String,
    pub title: String,
    pub body: String,
    pub link: Option<String>,
    pub created_at: DateTime<Utc>,
    pub read_at: Option<DateTime<Utc>>,
}

/// Whether it is new; what was told before is not told again.
pub async fn tell(conn: &mut PgConnection, now: DateTime<Utc>, new: &NewNotification<'_>) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "insert into notifications (id, affiliate_id, kind, title, body, link, dedupe_key, created_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (dedupe_key) do nothing",
        NotificationId::new(now).0,
        new.affiliate_id.0,
        new.kind.as_str(),
        new.title,
        new.body,
        new.link,
        new.dedupe_key,
        now,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// The affiliate's notifications, newest first.
pub async fn list(
    conn: &mut PgConnection,
    affiliate_id: AffiliateId,
    before: Option<uuid::Uuid>,
    limit: i64,
) -> sqlx::Result<Vec<NotificationRow>> {
    sqlx::query_as!(
        NotificationRow,
        r#"select id as "id: _", kind, title, body, link, created_at, read_at from notifications
        where affiliate_id = $1 and ($2::uuid is null or id < $2) order by id desc limit $3"#,
        affiliate_id.0,
        before,
        limit,
    )
    .fetch_all(conn)
    .await
}

pub async fn unread(conn: &mut PgConnection, affiliate_id: AffiliateId) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"select count(*) as "unread!" from notifications where affiliate_id = $1 and read_at is null"#,
        affiliate_id.0,
    )
    .fetch_one(conn)
    .await
}

/// Marks one, or with `None` all of the affiliate's, as read. Returns how many were found, for one read before too.
pub async fn mark_read(
    conn: &mut PgConnection,
    affiliate_id: AffiliateId,
    id: Option<NotificationId>,
    now: DateTime<Utc>,
) -> sqlx::Result<u64> {
    let done = sqlx::query!(
        "update notifications set read_at = coalesce(read_at, $3)
        where affiliate_id = $1 and ($2::uuid is null or id = $2) and ($2::uuid is not null or read_at is null)",
        affiliate_id.0,
        id.map(|id| id.0) as Option<uuid::Uuid>,
        now,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}
