//! Where a one-time link leads, an affiliate's or a colleague's: setting the password.

use leptos::prelude::*;
use leptos_meta::Title;
use purser::desk::password_link;

use crate::components::Field;
use crate::visit::{Visit, lone_page};

pub fn show() -> AnyView {
    lone_page(|visit| async move {
        let token = visit.query("token").unwrap_or_default();
        let now = visit.engine.clock.now().await;
        Ok(match password_link::email_for(&visit.engine, now, &token).await? {
            Some(email) => form(&visit, &email, token),
            None => used_up(),
        })
    })
}

fn form(visit: &Visit, email: &str, token: String) -> AnyView {
    view! {
        <Title text="Set your password · Purser" />
        <div class="prose">
            <h1>"Set your password"</h1>
            <p>{format!("For {email}. Afterwards you sign in with it.")}</p>
        </div>
        <form class="form" method="post" action="/do/set-password">
            <input type="hidden" name="token" value=token />
            <input type="hidden" name="username" autocomplete="username" value=email.to_owned() />
            <Field
                label="New password"
                name="password"
                kind="password"
                autocomplete="new-password"
                hint="At least 12 characters. A few words do well."
                error=visit.error_of("password")
                focused=true
                minlength="12"
            />
            <button class="primary">"Set password"</button>
        </form>
    }
    .into_any()
}

fn used_up() -> AnyView {
    view! {
        <Title text="This link is used up · Purser" />
        <div class="prose">
            <h1>"This link is used up"</h1>
            <p>"It was used already, or it is too old. Ask for a new one with your e-mail."</p>
        </div>
        <div class="actions">
            <a class="button primary" href="/forgot-password">"Ask for a new link"</a>
            <a class="button" href="/sign-in">"Sign in"</a>
        </div>
    }
    .into_any()
}
