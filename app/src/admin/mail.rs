//! One mail as text, with its links.

use leptos::prelude::*;
use purser::desk::outgoing_mail::{self, OutgoingMail};

use super::mails::status_badge;
use crate::components::{Banner, Crumb, PageHead, Section, Tone, moment};
use crate::visit::{Visit, page};

pub fn show() -> AnyView {
    page(|visit: Visit| async move {
        let mail = outgoing_mail::get(&visit.engine, visit.actor()?, visit.id().parse()?).await?;
        Ok(body(mail))
    })
}

fn body(mail: OutgoingMail) -> AnyView {
    let error = mail.error.clone().map(|error| view! { <Banner tone=Tone::Bad title=error /> });
    let text = linked(&mail.text_body);
    view! {
        <PageHead title=mail.subject.clone() context=format!("To {}", mail.to_email) crumbs=vec![Crumb::new("/admin/mail", "Outgoing mail")] badge=status_badge(&mail.status) />
        {error}
        <p class="hint">"Written " {moment(mail.created_at)} {mail.sent_at.map(|at| view! { ", sent " {moment(at)} })}</p>
        <Section title="Text">
            <pre>{text}</pre>
        </Section>
    }
    .into_any()
}

/// The text with its addresses as links; everything else stays text.
fn linked(text: &str) -> Vec<AnyView> {
    text.split_inclusive(char::is_whitespace)
        .map(|word| {
            let address = word.trim_end();
            if address.starts_with("http://") || address.starts_with("https://") {
                let after = word[address.len()..].to_owned();
                view! { <a href=address.to_owned() rel="noreferrer">{address.to_owned()}</a>{after} }.into_any()
            } else {
                word.to_owned().into_any()
            }
        })
        .collect()
}
