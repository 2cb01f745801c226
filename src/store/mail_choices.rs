//! Which mails an affiliate wants, by topic. Without a choice they are mailed.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::domain::ids::AffiliateId;
use crate::domain::notification::MailTopic;

pub async fn is_wanted(conn: &mut PgConnection, affiliate: AffiliateId, topic: MailTopic) -> sqlx::Result<bool> {
    let wanted = sqlx::query_scalar!(
        "select wanted from mail_choices where affiliate_id = $1 and topic = $2",
        affiliate.0,
        topic.as_str(),
    )
    .fetch_optional(conn)
    .await?;
    Ok(wanted.unwrap_or(true))
}

/// The topics that the affiliate doesn't want mailed.
pub async fn unwanted(conn: &mut PgConnection, affiliate: AffiliateId) -> sqlx::Result<Vec<MailTopic>> {
    sqlx::query_scalar!(
        r#"select topic as "topic: MailTopic" from mail_choices where affiliate_id = $1 and not wanted order by topic"#,
        affiliate.0,
    )
    .fetch_all(conn)
    .await
}

/// Returns whether it wasn't so before.
pub async fn choose(
    conn: &mut PgConnection,
    affiliate: AffiliateId,
    topic: MailTopic,
    wanted: bool,
    now: DateTime<Utc>,
) -> sqlx::Result<bool> {
    if is_wanted(conn, affiliate, topic).await? == wanted {
        return Ok(false);
    }
    sqlx::query!(
        "insert into mail_choices (affiliate_id, topic, wanted, changed_at) values ($1, $2, $3, $4)
        on conflict (affiliate_id, topic) do update set wanted = excluded.wanted, changed_at = excluded.changed_at",
        affiliate.0,
        topic.as_str(),
        wanted,
        now,
    )
    .execute(conn)
    .await?;
    Ok(true)
}
