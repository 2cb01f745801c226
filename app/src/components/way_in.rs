//! The forms for people who aren't signed in: the same for both portals but for the address they post to and their words.

use leptos::prelude::*;
use leptos_meta::Title;

use super::Field;
use crate::visit::Visit;

#[component]
pub fn SignInForm(
    visit: Visit,
    #[prop(into)] title: String,
    #[prop(into)] context: String,
    action: &'static str,
    forgot: &'static str,
) -> impl IntoView {
    let next = visit.query("next").unwrap_or_default();
    view! {
        <Title text=format!("{title} · Purser") />
        <div class="prose">
            <h1>{title}</h1>
            <p>{context}</p>
        </div>
        <form class="form" method="post" action=action>
            <input type="hidden" name="next" value=next />
            <Field label="E-mail" name="email" kind="email" autocomplete="username" value=visit.typed("email", "") error=visit.error_of("email") focused=true />
            <Field label="Password" name="password" kind="password" autocomplete="current-password" error=visit.error_of("password") />
            <button class="primary">"Sign in"</button>
        </form>
        <p class="hint">
            <a href=forgot>"Set a new password"</a>
        </p>
    }
    .into_any()
}

#[component]
pub fn ForgotPasswordForm(visit: Visit, action: &'static str, back: &'static str) -> impl IntoView {
    view! {
        <Title text="Set a new password · Purser" />
        <div class="prose">
            <h1>"Set a new password"</h1>
            <p>"Give your e-mail. If it can sign in here, we send it a link that works once."</p>
        </div>
        <form class="form" method="post" action=action>
            <Field label="E-mail" name="email" kind="email" autocomplete="username" value=visit.typed("email", "") error=visit.error_of("email") focused=true />
            <button class="primary">"Send the link"</button>
        </form>
        <p class="hint">
            <a href=back>"Back to sign-in"</a>
        </p>
    }
    .into_any()
}
