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
    /// Where the reader chooses which of these mails to get, if they can do without them.
    pub choices: Option<&'a str>,
}

/// Stands for the portal's address in mails that are written where nobody knows it; [`addressed`] puts the address in.
const PORTAL: &str = "https://portal.invalid";

/// The address of a page of the portal, for a letter's links.
pub fn in_portal(path: &str) -> String {
    format!("{PORTAL}{path}")
}

/// A mail's text with the portal's address as it is now.
pub fn addressed(body: &str, public_url: &str) -> String {
    body.replace(PORTAL, public_url)
}

const CHOICES: &str = "You choose in your portal which mails you get";

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
        let choices = self.choices.map(|url| format!("{CHOICES}:\n{url}"));
        parts.chain(link).chain(closing).chain(choices).collect::<Vec<_>>().join("\n\n") + "\n"
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
        body.extend(self.choices.map(|url| {
            format!(
                "<p style=\"margin:24px 0 0;font-size:13px\"><a href=\"{}\" style=\"color:#0b6b5e\">{CHOICES}</a></p>",
                escaped(url)
            )
        }));
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
        choices: None,
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

    #[test]
    fn a_mail_that_one_can_do_without_leads_to_the_choice() {
        let (page, choices) = (in_portal("/earnings"), in_portal("/settings/notifications"));
        let letter = Letter { link: Some(("See it", &page)), choices: Some(&choices), ..LETTER };
        let expected =
            "You choose in your portal which mails you get:\nhttps://partners.example.com/settings/notifications\n";
        let text = addressed(&letter.text(), "https://partners.example.com");
        assert!(
            text.contains("See it:\nhttps://partners.example.com/earnings\n") && text.ends_with(expected),
            "{text}"
        );
        let html = addressed(&letter.html(), "https://partners.example.com");
        assert!(html.contains(r#"href="https://partners.example.com/settings/notifications""#), "{html}");
    }
}
