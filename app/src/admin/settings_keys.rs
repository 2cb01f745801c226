//! API keys: which are in force, making one, ending one. A key is shown once; the list knows its end only.

use leptos::prelude::*;
use purser::desk::Error;
use purser::desk::api_keys::{self, ApiKey};
use purser::domain::actor::Scope;

use crate::components::{Column, Empty, Field, Select, Table, Tone, badge, confirm, day, moment};
use crate::visit::Visit;

const COLUMNS: &[Column] = &[
    Column::text("Name"),
    Column::text("Scope"),
    Column::text("Key"),
    Column::text("Made"),
    Column::text("Last used"),
    Column::wrap("Status"),
];

pub async fn section(visit: &Visit) -> Result<AnyView, Error> {
    let keys = api_keys::list(&visit.engine, visit.actor()?).await?;
    let list = if keys.is_empty() {
        let teaches = "With a key, a program of yours reads sales and commissions, keeps leads, or runs payouts.";
        view! { <Empty title="No API keys yet" teaches=teaches><a href="/api/docs">"Read what the API can do"</a></Empty> }.into_any()
    } else {
        let rows = keys.iter().map(row).collect();
        view! { <Table caption="API keys" columns=COLUMNS rows=rows /> }.into_any()
    };
    Ok(view! { {list} {make(visit)} }.into_any())
}

fn row(key: &ApiKey) -> Vec<AnyView> {
    let status = match key.revoked_at {
        Some(at) => view! { <div>{badge(Tone::Quiet, "Revoked")} <span class="sub">{day(at)}</span></div> }.into_any(),
        None => revoke(key),
    };
    vec![
        key.name.clone().into_any(),
        scope_word(key.scope).into_any(),
        view! { <span class="id">{format!("…{}", key.last_four)}</span> }.into_any(),
        day(key.created_at),
        key.last_used_at.map_or_else(|| "never".into_any(), moment),
        status,
    ]
}

fn revoke(key: &ApiKey) -> AnyView {
    let form = view! {
        <p>{format!("Programs that use {} are refused from the next call on. It can't be undone.", key.name)}</p>
        <form method="post" action="/admin/do/revoke-api-key">
            <input type="hidden" name="id" value=key.id.to_string() />
            <button class="danger">{format!("Revoke {}", key.name)}</button>
        </form>
    };
    confirm("Revoke…", false, form.into_any())
}

fn make(visit: &Visit) -> AnyView {
    let open = visit.error_of("name").is_some();
    let scopes = Scope::ALL.iter().map(|scope| (scope.as_str().to_owned(), scope_word(*scope).to_owned())).collect();
    let form = view! {
        <form class="form" method="post" action="/admin/do/create-api-key">
            <Field label="Name" name="name" autocomplete="off" value=visit.typed("name", "") error=visit.error_of("name") hint="Which program uses it." />
            <Select label="Scope" name="scope" options=scopes value=visit.typed("scope", "read") error=visit.error_of("scope") />
            <div class="actions">
                <button class="primary">"Make the key"</button>
            </div>
        </form>
    };
    confirm("Make an API key…", open, form.into_any())
}

fn scope_word(scope: Scope) -> &'static str {
    match scope {
        Scope::Read => "Read",
        Scope::Write => "Read and write",
        Scope::Payouts => "Read, write and payouts",
    }
}
