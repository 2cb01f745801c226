//! The one shape of Purser's mails: a few sentences, at most one link, the same in plain text and in HTML.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::store::outgoing_mail::{self, NewMail};

/// A mail in words; `enqueue` lays it out.
#[derive(Debug, Clone)]
pub struct Letter<'a> {
    pub subject: &'a str,
    /// A name, or empty for no greeting.
    pub to_name: &'a str,
    /// Sentences before the link, a paragraph each.
    pub paragraphs: &'a [&'a str],
    /// What the link does, and its address.
    pub link: Option<(&'a str, &'a str)>,
    /// The last paragraph; may be empty.
    pub closing: &'a str,
}

/// Queues the letter in the caller's transaction. The same `dedupe_key` is mailed once.
///
/// # Errors
/// From the database.
pub async fn enqueue(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    letter: &Letter<'_>,
    to_email: &str,
    dedupe_key: &str,
) -> sqlx::Result<()> {
    let (text_body, html_body) = (letter.text(), letter.html());
    let mail = NewMail { to_email, subject: letter.subject, text_body: &text_body, html_body: &html_body, dedupe_key };
    outgoing_mail::queue(conn, now, &mail).await.map(drop)
}

impl Letter<'_> {
    fn greeting(&self) -> Option<String> {
        (!self.to_name.is_empty()).then(|| format!("Hello {},", self.to_name))
    }

    fn text(&self) -> String {
        let link = self.link.map(|(label, url)| format!("{label}:\n{url}"));
        let parts = self.greeting().into_iter().chain(self.paragraphs.iter().map(|part| (*part).to_owned()));
        let closing = (!self.closing.is_empty()).then(|| self.closing.to_owned());
        parts.chain(link).chain(closing).collect::<Vec<_>>().join("\n\n") + "\n"
    }

    fn html(&self) -> String {
        let paragraph = |text: &str| format!("<p style=\"margin:0 0 16px\">{}</p>", escaped(text));
        let link = self.link.map(|(label, url)| {
            format!(
                "<p style=\"margin:0 0 16px\"><a href=\"{0}\" style=\"display:inline-block;padding:10px 16px;border-radius:8px;\
                 background:#0b6b5e;color:#ffffff;text-decoration:none\">{1}</a></p>",
                escaped(url),
                escaped(label)
            )
        });
        let mut body: String = self.greeting().iter().map(|text| paragraph(text)).collect();
        body.extend(self.paragraphs.iter().map(|text| paragraph(text)));
        body.extend(link);
        if !self.closing.is_empty() {
            body.push_str(&paragraph(self.closing));
        }
        format!(
            "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>{}</title></head>\
             <body style=\"margin:0;padding:24px;font:15px/1.5 system-ui,sans-serif;color:#1b1f1e\">\
             <div style=\"max-width:560px\">{body}</div></body></html>",
            escaped(self.subject)
        )
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    const LETTER: Letter<'_> = Letter {
        subject: "You were paid <12.00 USD>",
        to_name: "Ada & Co",
        paragraphs: &["We sent 12.00 USD to your account."],
        link: Some(("See the payout", "https://partners.example.com/portal/payouts?a=1&b=2")),
        closing: "",
    };

    #[test]
    fn the_text_reads_from_the_greeting_to_the_link() {
        insta::assert_snapshot!(LETTER.text(), @r"
        Hello Ada & Co,

        We sent 12.00 USD to your account.

        See the payout:
        https://partners.example.com/portal/payouts?a=1&b=2
        ");
    }

    #[test]
    fn the_html_says_the_same_and_escapes_what_people_wrote() {
        let html = LETTER.html();
        assert!(html.contains("Hello Ada &amp; Co,") && html.contains("We sent 12.00 USD to your account."));
        assert!(html.contains(r#"href="https://partners.example.com/portal/payouts?a=1&amp;b=2""#));
        assert!(html.contains("<title>You were paid &lt;12.00 USD&gt;</title>"));
    }
}
