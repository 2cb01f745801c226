//! What an affiliate was told, newest first, and how much of it is unread.

use leptos::prelude::*;
use purser::desk::me::{self, Notification};

use crate::components::{Empty, PageHead, Pager, moment};
use crate::visit::{Visit, page};

pub fn show() -> AnyView {
    page(|visit: Visit| async move {
        let list = me::notifications(&visit.engine, visit.actor()?, &visit.page_request()?).await?;
        let some_unread = list.data.iter().any(|note| note.read_at.is_none());
        let started = visit.query("cursor").is_some();
        let notes: Vec<AnyView> = list.data.iter().map(note).collect();
        let shown = if notes.is_empty() { nothing() } else { view! { <ul class="notes">{notes}</ul> }.into_any() };
        Ok(view! {
            <PageHead title="Notifications" context="What happened to your commissions and payouts.">
                <a class="button" href="/settings/notifications">"Choose your mails"</a>
                {some_unread.then(|| view! {
                    <form method="post" action="/do/mark-all-read">
                        <button>"Mark all as read"</button>
                    </form>
                })}
            </PageHead>
            {shown}
            <Pager here="/notifications" next_cursor=list.next_cursor started=started />
        }
        .into_any())
    })
}

/// How many notifications the signed-in affiliate hasn't read; none for the company.
pub async fn unread(visit: &Visit) -> i64 {
    let Ok(actor) = visit.actor() else { return 0 };
    if actor.own_affiliate().is_err() {
        return 0;
    }
    me::unread_notifications(&visit.engine, actor).await.unwrap_or(0)
}

fn note(note: &Notification) -> AnyView {
    let unread = note.read_at.is_none();
    let mark = unread.then(|| {
        view! {
            <form method="post" action="/do/mark-read">
                <input type="hidden" name="id" value=note.id.to_string() />
                <button class="plain">"Mark as read"</button>
            </form>
        }
    });
    let title = match note.link.clone() {
        Some(link) => view! { <a href=link>{note.title.clone()}</a> }.into_any(),
        None => note.title.clone().into_any(),
    };
    view! {
        <li class:unread=unread>
            <strong>{title}{unread.then(|| view! { <span class="visually-hidden">" (unread)"</span> })}</strong>
            <p>{note.body.clone()}</p>
            <span class="actions">{moment(note.created_at)}{mark}</span>
        </li>
    }
    .into_any()
}

fn nothing() -> AnyView {
    view! { <Empty title="Nothing yet" teaches="When a commission is credited, a payout is sent, or your payment method needs something, it is said here." /> }
        .into_any()
}
