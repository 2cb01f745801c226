//! Mails that Purser wrote: without a mail server they are kept, and this is where they are read.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::sign_in::normalized_email;
use super::{Error, Page, PageRequest, Result};
use crate::Engine;
use crate::domain::actor::{Actor, Permission};
use crate::domain::ids::MailId;
use crate::mail::addressed;
use crate::store::outgoing_mail::{self, MailRow};

/// A mail on its way, sent, or kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OutgoingMail {
    pub id: MailId,
    pub to_email: String,
    pub subject: String,
    pub text_body: String,
    pub html_body: String,
    /// `queued`, `kept` (no mail server is set), `sent` or `failed`.
    pub status: String,
    pub attempts: i32,
    pub error: Option<String>,
    pub created_at: DateTime<Utc>,
    pub sent_at: Option<DateTime<Utc>>,
}

/// The statuses that a mail can have; `kept` ones are read here, because no mail server is set.
pub const STATUSES: &[&str] = &["queued", "kept", "sent", "failed"];

/// What narrows a list of mails.
#[derive(Debug, Clone, Default)]
pub struct MailQuery {
    /// One of [`STATUSES`].
    pub status: Option<String>,
    pub to_email: Option<String>,
}

/// Mails, newest first. They carry sign-in links, so only who manages the company reads them.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::Invalid`] for the cursor.
pub async fn list(engine: &Engine, actor: &Actor, query: &MailQuery, page: &PageRequest) -> Result<Page<OutgoingMail>> {
    actor.require(Permission::Manage)?;
    let before = page.before::<MailId>()?;
    let mut conn = engine.pool.acquire().await?;
    let to_email = query.to_email.as_deref().map(normalized_email);
    let (status, to_email) = (query.status.as_deref(), to_email.as_deref());
    let rows = outgoing_mail::matching(&mut conn, status, to_email, before, page.fetch()).await?;
    let read = |row| OutgoingMail::read(engine, row);
    Ok(page.page(rows.into_iter().map(read).collect(), |mail| mail.id))
}

/// # Errors
/// [`Error::Forbidden`], [`Error::NotFound`].
pub async fn get(engine: &Engine, actor: &Actor, id: MailId) -> Result<OutgoingMail> {
    actor.require(Permission::Manage)?;
    let mut conn = engine.pool.acquire().await?;
    let row = outgoing_mail::find(&mut conn, id).await?.ok_or(Error::NotFound("mail"))?;
    Ok(OutgoingMail::read(engine, row))
}

impl OutgoingMail {
    /// As it is sent: with the portal's address.
    fn read(engine: &Engine, row: MailRow) -> Self {
        OutgoingMail {
            id: row.id,
            to_email: row.to_email,
            subject: row.subject,
            text_body: addressed(&row.text_body, &engine.config.public_url),
            html_body: addressed(&row.html_body, &engine.config.public_url),
            status: row.status,
            attempts: row.attempts,
            error: row.error,
            created_at: row.created_at,
            sent_at: row.sent_at,
        }
    }
}
