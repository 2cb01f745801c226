//! Sends what is due, one mail at a time: claimed and committed, then handed to the mail server, then marked. A process that dies in
//! between leaves a mail that is sent again, with the same message id, so that most mailboxes show it once.

use chrono::{DateTime, TimeDelta, Utc};
use lettre::message::{Mailbox, MultiPart};
use lettre::transport::smtp;
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use tokio::sync::watch;

use super::letter::addressed;
use crate::Engine;
use crate::config::MailConfig;
use crate::store::outgoing_mail::{self, ClaimedMail};

/// How long a try may take before another process takes the mail up.
const LEASE: TimeDelta = TimeDelta::minutes(5);

/// The wait after each failed try, in minutes; after the last one the mail is given up.
const WAITS_MINUTES: [i64; 7] = [1, 5, 15, 60, 180, 360, 720];

/// Why mails can't be sent at all.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("SMTP_URL can't be used: {0}")]
    Server(#[from] smtp::Error),
    #[error("PURSER_MAIL_FROM is not a sender: {0}")]
    Sender(#[from] lettre::address::AddressError),
    #[error(transparent)]
    Store(#[from] sqlx::Error),
}

/// The mail server, if there is one, and who mails come from.
#[derive(Debug, Clone)]
pub struct Mailer {
    server: Option<AsyncSmtpTransport<Tokio1Executor>>,
    from: Mailbox,
}

/// What became of one try.
enum Tried {
    Sent,
    /// The server, or the address, will not change its mind.
    Refused(String),
    /// Later may be different.
    NotNow(String),
}

impl Mailer {
    /// # Errors
    /// [`Error::Server`], [`Error::Sender`].
    pub fn new(config: &MailConfig) -> Result<Self, Error> {
        let server = match &config.smtp_url {
            None => None,
            Some(url) => Some(AsyncSmtpTransport::<Tokio1Executor>::from_url(url.expose())?.build()),
        };
        Ok(Self { server, from: config.from.parse()? })
    }

    async fn send(&self, server: &AsyncSmtpTransport<Tokio1Executor>, mail: &ClaimedMail) -> Tried {
        let message = match self.message(mail) {
            Ok(message) => message,
            Err(reason) => return Tried::Refused(reason),
        };
        match server.send(message).await {
            Ok(_) => Tried::Sent,
            Err(error) if error.is_permanent() => Tried::Refused(error.to_string()),
            Err(error) => Tried::NotNow(error.to_string()),
        }
    }

    fn message(&self, mail: &ClaimedMail) -> Result<Message, String> {
        let to: Mailbox = mail.to_email.parse().map_err(|error| format!("not an address: {error}"))?;
        Message::builder()
            .from(self.from.clone())
            .to(to)
            .subject(&mail.subject)
            .message_id(Some(format!("<{}@{}>", mail.id, self.from.email.domain())))
            .multipart(MultiPart::alternative_plain_html(mail.text_body.clone(), mail.html_body.clone()))
            .map_err(|error| error.to_string())
    }
}

/// Sends every mail that is due, or keeps them all when there is no mail server. Returns how many were sent or kept. When
/// `stop` becomes true the rest is left for later: after a large batch of payouts the mails take hours.
///
/// # Errors
/// [`Error::Store`]; a mail server that refuses or doesn't answer is noted on the mail, not returned.
pub async fn deliver_due(
    engine: &Engine,
    mailer: &Mailer,
    now: DateTime<Utc>,
    stop: &watch::Receiver<bool>,
) -> Result<u64, Error> {
    let mut conn = engine.pool.acquire().await?;
    let Some(server) = &mailer.server else { return Ok(outgoing_mail::keep_queued(&mut conn).await?) };
    let mut sent = 0;
    while !*stop.borrow()
        && let Some(mut mail) = outgoing_mail::claim_due(&mut conn, now, now + LEASE).await?
    {
        mail.text_body = addressed(&mail.text_body, &engine.config.public_url);
        mail.html_body = addressed(&mail.html_body, &engine.config.public_url);
        match mailer.send(server, &mail).await {
            Tried::Sent => {
                outgoing_mail::mark_sent(&mut conn, mail.id, now).await?;
                sent += 1;
            }
            Tried::Refused(reason) => outgoing_mail::mark_refused(&mut conn, mail.id, &reason, None).await?,
            Tried::NotNow(reason) => {
                let again_at = wait_after(mail.attempts).map(|wait| now + wait);
                outgoing_mail::mark_refused(&mut conn, mail.id, &reason, again_at).await?;
            }
        }
    }
    Ok(sent)
}

/// How long to wait after the try of this number, or None to give up.
fn wait_after(attempts: i32) -> Option<TimeDelta> {
    let at = usize::try_from(attempts).ok()?.checked_sub(1)?;
    WAITS_MINUTES.get(at).map(|minutes| TimeDelta::minutes(*minutes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_end() {
        assert_eq!(wait_after(1), Some(TimeDelta::minutes(1)));
        assert_eq!(wait_after(7), Some(TimeDelta::hours(12)));
        assert_eq!(wait_after(8), None);
    }
}
