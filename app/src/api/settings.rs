//! Inviting and disabling colleagues, making and revoking API keys. What may be seen once is handed to the next page only.

use leptos::prelude::*;
use purser::desk::{Error, api_keys, users};
use purser::domain::actor::{Role, Scope};

use super::{Asked, Done, answer};
use crate::shown_once::ShownOnce;

const PAGE: &str = "/admin/settings";

#[server(prefix = "/admin/do", endpoint = "invite-colleague")]
pub async fn invite_colleague(email: String, role: String) -> Result<(), ServerFnError> {
    let asked = Asked::current()?;
    let outcome = async {
        let role: Role = role.parse().map_err(|_| Error::invalid("role", "Choose a role."))?;
        let made = users::create(&asked.engine, asked.actor()?, asked.now().await, &email, role).await;
        let made = made.map_err(at_its_field)?;
        let what = format!("Link with which {} sets a password; it works once, for 72 hours", email.trim());
        ShownOnce { what, secret: made.set_password_url }.hand_over(&asked.engine);
        Ok(Done::saying(PAGE, "They are invited by mail. You can also hand them the link yourself."))
    };
    answer(outcome.await, PAGE, &[("email", &email), ("role", &role)]);
    Ok(())
}

#[server(prefix = "/admin/do", endpoint = "disable-colleague")]
pub async fn disable_colleague(id: String) -> Result<(), ServerFnError> {
    let asked = Asked::current()?;
    let outcome = async {
        users::disable(&asked.engine, asked.actor()?, asked.now().await, id.parse()?).await?;
        Ok::<_, Error>(Done::saying(PAGE, "Disabled, and signed out everywhere."))
    };
    answer(outcome.await, PAGE, &[]);
    Ok(())
}

#[server(prefix = "/admin/do", endpoint = "create-api-key")]
pub async fn create_api_key(name: String, scope: String) -> Result<(), ServerFnError> {
    let asked = Asked::current()?;
    let outcome = async {
        let scope: Scope = scope.parse().map_err(|_| Error::invalid("scope", "Choose a scope."))?;
        let made = api_keys::create(&asked.engine, asked.actor()?, asked.now().await, &name, scope).await?;
        ShownOnce { what: format!("API key {}", name.trim()), secret: made.key }.hand_over(&asked.engine);
        Ok::<_, Error>(Done::go(PAGE))
    };
    answer(outcome.await, PAGE, &[("name", &name), ("scope", &scope)]);
    Ok(())
}

#[server(prefix = "/admin/do", endpoint = "revoke-api-key")]
pub async fn revoke_api_key(id: String) -> Result<(), ServerFnError> {
    let asked = Asked::current()?;
    let outcome = async {
        api_keys::revoke(&asked.engine, asked.actor()?, asked.now().await, id.parse()?).await?;
        Ok::<_, Error>(Done::saying(PAGE, "Revoked: the key is refused from now on."))
    };
    answer(outcome.await, PAGE, &[]);
    Ok(())
}

/// A taken e-mail is shown at its field.
fn at_its_field(error: Error) -> Error {
    match error {
        Error::Conflict { code: "email_taken", message } => Error::invalid("email", message),
        other => other,
    }
}
