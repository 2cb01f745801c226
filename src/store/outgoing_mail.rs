//! Mails on their way: written in the transaction of what they tell, sent by the mailer later, kept for the admin console.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::domain::ids::MailId;

/// A mail to be queued. The same `dedupe_key` is mailed once.
#[derive(Debug, Clone)]
pub struct NewMail<'a> {
    pub to_email: &'a str,
    pub subject: &'a str,
    pub text_body: &'a str,
    pub html_body: &'a str,
    pub dedupe_key: &'a str,
}

/// A mail as the admin console shows it.
#[derive(Debug, Clone)]
pub struct MailRow {
    pub id: MailId,
    pub to_email: String,
    pub subject: String,
    pub text_body: String,
    pub html_body: String,
    pub status: String,
    pub attempts: i32,
    pub error: Option<String>,
    pub created_at: DateTime<Utc>,
    pub sent_at: Option<DateTime<Utc>>,
}

/// Queues the mail. `None`: it was queued before.
pub async fn queue(conn: &mut PgConnection, now: DateTime<Utc>, mail: &NewMail<'_>) -> sqlx::Result<Option<MailId>> {
    let id = MailId::new(now);
    let done = sqlx::query!(
        "insert into outgoing_mail
            (id, to_email, subject, text_body, html_body, dedupe_key, status, created_at, next_attempt_at)
        values ($1, $2, $3, $4, $5, $6, 'queued', $7, $7) on conflict (dedupe_key) do nothing",
        id.0,
        mail.to_email,
        mail.subject,
        mail.text_body,
        mail.html_body,
        mail.dedupe_key,
        now,
    )
    .execute(conn)
    .await?;
    Ok((done.rows_affected() > 0).then_some(id))
}

/// Newest first.
pub async fn list(conn: &mut PgConnection, before: Option<Uuid>, limit: i64) -> sqlx::Result<Vec<MailRow>> {
    sqlx::query_as!(
        MailRow,
        r#"select id as "id: MailId", to_email, subject, text_body, html_body, status, attempts, error, created_at, sent_at
        from outgoing_mail where ($1::uuid is null or id < $1) order by id desc limit $2"#,
        before,
        limit,
    )
    .fetch_all(conn)
    .await
}

/// As [`list`], narrowed to a status and an address.
pub async fn matching(
    conn: &mut PgConnection,
    status: Option<&str>,
    to_email: Option<&str>,
    before: Option<Uuid>,
    limit: i64,
) -> sqlx::Result<Vec<MailRow>> {
    sqlx::query_as!(
        MailRow,
        r#"select id as "id: MailId", to_email, subject, text_body, html_body, status, attempts, error, created_at, sent_at
        from outgoing_mail
        where ($1::text is null or status = $1) and ($2::text is null or to_email = $2) and ($3::uuid is null or id < $3)
        order by id desc limit $4"#,
        status,
        to_email,
        before,
        limit,
    )
    .fetch_all(conn)
    .await
}

pub async fn find(conn: &mut PgConnection, id: MailId) -> sqlx::Result<Option<MailRow>> {
    sqlx::query_as!(
        MailRow,
        r#"select id as "id: MailId", to_email, subject, text_body, html_body, status, attempts, error, created_at, sent_at
        from outgoing_mail where id = $1"#,
        id.0,
    )
    .fetch_optional(conn)
    .await
}

/// A mail that this process may try to send now.
#[derive(Debug, Clone)]
pub struct ClaimedMail {
    pub id: MailId,
    pub to_email: String,
    pub subject: String,
    pub text_body: String,
    pub html_body: String,
    /// This try included.
    pub attempts: i32,
}

/// Claims the mail that waits longest, until `again_at`: a process that dies meanwhile leaves it to another after that.
pub async fn claim_due(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    again_at: DateTime<Utc>,
) -> sqlx::Result<Option<ClaimedMail>> {
    sqlx::query_as!(
        ClaimedMail,
        r#"update outgoing_mail set attempts = attempts + 1, next_attempt_at = $2
        where id = (
            select id from outgoing_mail where status = 'queued' and next_attempt_at <= $1
            order by next_attempt_at limit 1 for update skip locked
        )
        returning id as "id: MailId", to_email, subject, text_body, html_body, attempts"#,
        now,
        again_at,
    )
    .fetch_optional(conn)
    .await
}

pub async fn mark_sent(conn: &mut PgConnection, id: MailId, now: DateTime<Utc>) -> sqlx::Result<()> {
    sqlx::query!("update outgoing_mail set status = 'sent', sent_at = $2, error = null where id = $1", id.0, now)
        .execute(conn)
        .await?;
    Ok(())
}

/// Keeps the reason; tried again at `again_at`, or never when that is `None`.
pub async fn mark_refused(
    conn: &mut PgConnection,
    id: MailId,
    reason: &str,
    again_at: Option<DateTime<Utc>>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "update outgoing_mail set error = $2, next_attempt_at = coalesce($3, next_attempt_at),
            status = case when $3::timestamptz is null then 'failed' else 'queued' end
        where id = $1",
        id.0,
        reason,
        again_at,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Without a mail server: what waits is kept for the console. Returns how many.
pub async fn keep_queued(conn: &mut PgConnection) -> sqlx::Result<u64> {
    let done = sqlx::query!("update outgoing_mail set status = 'kept' where status = 'queued'").execute(conn).await?;
    Ok(done.rows_affected())
}
