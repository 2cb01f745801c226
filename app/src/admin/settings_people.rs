//! The people of the company: who may sign in with which role, inviting one, taking access away.

use leptos::prelude::*;
use purser::desk::Error;
use purser::desk::users::{self, User};
use purser::domain::actor::Role;

use crate::components::{Column, Field, Select, Table, Tone, badge, confirm, day};
use crate::visit::Visit;

const COLUMNS: &[Column] = &[
    Column::text("E-mail"),
    Column::text("Role"),
    Column::text("Last signed in"),
    Column::text("Status"),
    Column::wrap("Access"),
];

pub async fn section(visit: &Visit) -> Result<AnyView, Error> {
    let people = users::list(&visit.engine, visit.actor()?).await?;
    let own = visit.who.as_ref().map(|who| who.user_id);
    let rows = people.iter().map(|user| row(user, own == Some(user.id))).collect();
    Ok(view! {
        <Table caption="People of the company" columns=COLUMNS rows=rows />
        {invite(visit)}
    }
    .into_any())
}

fn row(user: &User, is_reader: bool) -> Vec<AnyView> {
    let status = if user.disabled_at.is_some() { badge(Tone::Bad, "Disabled") } else { badge(Tone::Good, "Active") };
    let access = if user.disabled_at.is_some() {
        ().into_any()
    } else if is_reader {
        view! { <span class="hint">"This is you"</span> }.into_any()
    } else {
        disable(user)
    };
    vec![
        user.email.clone().into_any(),
        role_word(user.role).into_any(),
        user.last_signed_in_at.map_or_else(|| "never".into_any(), day),
        status,
        access,
    ]
}

fn disable(user: &User) -> AnyView {
    let form = view! {
        <p>{format!("{} is signed out at once and can't sign in again.", user.email)}</p>
        <form method="post" action="/admin/do/disable-colleague">
            <input type="hidden" name="id" value=user.id.to_string() />
            <button class="danger">{format!("Disable {}", user.email)}</button>
        </form>
    };
    confirm("Disable…", false, form.into_any())
}

fn invite(visit: &Visit) -> AnyView {
    let open = visit.error_of("email").is_some();
    let roles = Role::ALL.iter().map(|role| (role.as_str().to_owned(), role_word(*role).to_owned())).collect();
    let form = view! {
        <form class="form" method="post" action="/admin/do/invite-colleague">
            <Field label="E-mail" name="email" kind="email" autocomplete="off" value=visit.typed("email", "") error=visit.error_of("email") />
            <Select label="Role" name="role" options=roles value=visit.typed("role", "viewer") error=visit.error_of("role") />
            <div class="actions">
                <button class="primary">"Invite"</button>
            </div>
        </form>
    };
    confirm("Invite a colleague…", open, form.into_any())
}

fn role_word(role: Role) -> &'static str {
    match role {
        Role::Owner => "Owner",
        Role::Finance => "Finance",
        Role::Viewer => "Viewer",
    }
}
