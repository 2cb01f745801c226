//! The mails that Purser wrote. Without a mail server they are kept here instead of being sent.

use leptos::prelude::*;
use purser::desk::outgoing_mail::{self, MailQuery, OutgoingMail, STATUSES};
use purser::domain::actor::Permission;

use crate::components::{
    Banner, Column, Empty, Field, PageHead, Pager, Select, Table, Tone, badge, barred, choices, filters, moment,
};
use crate::visit::{Visit, page};

const COLUMNS: &[Column] =
    &[Column::text("Written"), Column::wrap("Subject"), Column::text("To"), Column::text("Status")];

pub fn show() -> AnyView {
    page(|visit: Visit| async move {
        if !visit.may(Permission::Manage) {
            let barred = barred("read mails, because they carry links that sign their reader in");
            return Ok(view! { <PageHead title="Outgoing mail" context="Every mail that Purser wrote, and whether it left." /> {barred} }.into_any());
        }
        let status = visit.query("status").filter(|status| STATUSES.contains(&status.as_str()));
        let query = MailQuery { status, to_email: visit.query("to") };
        let list = outgoing_mail::list(&visit.engine, visit.actor()?, &query, &visit.page_request()?).await?;
        let narrowing = narrowing(query);
        let kept = visit.engine.config.mail.smtp_url.is_none();
        let empty = list.data.is_empty();
        let rows = list.data.into_iter().map(row).collect();
        let shown = if empty {
            view! { <Empty title="No mails yet" teaches="Invitations, password links and payout messages appear here." /> }.into_any()
        } else {
            view! { <Table caption="Mails, newest first" columns=COLUMNS rows=rows /> }.into_any()
        };
        Ok(view! {
            <PageHead title="Outgoing mail" context="Every mail that Purser wrote, and whether it left." />
            {kept.then(|| view! { <Banner tone=Tone::Info title="No mail server is set (SMTP_URL), so mails are kept here instead of being sent." /> })}
            {narrowing}
            {shown}
            <Pager here=visit.address_with(&["status", "to"]) next_cursor=list.next_cursor started=visit.query("cursor").is_some() />
        }
        .into_any())
    })
}

fn narrowing(query: MailQuery) -> AnyView {
    let statuses = STATUSES.iter().map(|status| ((*status).to_owned(), status_word(status).to_owned()));
    let narrowed = query.status.is_some() || query.to_email.is_some();
    let fields = view! {
        <Select label="Status" name="status" options=choices("All", statuses) value=query.status.unwrap_or_default() />
        <Field label="To" name="to" kind="email" value=query.to_email.unwrap_or_default() optional=true />
    };
    filters("/admin/mail", narrowed, fields.into_any())
}

fn row(mail: OutgoingMail) -> Vec<AnyView> {
    vec![
        moment(mail.created_at),
        view! { <a href=format!("/admin/mail/{}", mail.id)>{mail.subject}</a> }.into_any(),
        mail.to_email.into_any(),
        status_badge(&mail.status),
    ]
}

fn status_word(status: &str) -> &'static str {
    match status {
        "queued" => "On its way",
        "kept" => "Kept here",
        "sent" => "Sent",
        _ => "Failed",
    }
}

pub fn status_badge(status: &str) -> AnyView {
    let tone = match status {
        "queued" => Tone::Info,
        "kept" => Tone::Quiet,
        "sent" => Tone::Good,
        _ => Tone::Bad,
    };
    badge(tone, status_word(status))
}
