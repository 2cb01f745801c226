//! Ways in and out of both portals: sign in, set and ask for a password, sign out here and everywhere. The forms of the two
//! portals differ in where they post, because each portal has a session of its own.

use leptos::prelude::*;
use purser::desk::sign_in::Realm;
use purser::desk::{Error, password_link, sign_in as desk};
use purser::http::session;

use super::{Asked, Done, answer};
use crate::guard::{AFFILIATES, COMPANY, Gate, safe_next};
use crate::visit::escaped;

#[server(prefix = "/do", endpoint = "sign-in")]
pub async fn sign_in(email: String, password: String, #[server(default)] next: String) -> Result<(), ServerFnError> {
    sign_in_at(AFFILIATES, &email, &password, &next).await
}

#[server(prefix = "/admin/do", endpoint = "sign-in")]
pub async fn admin_sign_in(
    email: String,
    password: String,
    #[server(default)] next: String,
) -> Result<(), ServerFnError> {
    sign_in_at(COMPANY, &email, &password, &next).await
}

async fn sign_in_at(gate: Gate, email: &str, password: &str, next: &str) -> Result<(), ServerFnError> {
    let asked = Asked::current()?;
    let outcome = async {
        let now = asked.now().await;
        let who = desk::authenticate(&asked.engine, now, gate.realm, email, password, asked.address()).await?;
        session::sign_in(asked.session()?, &who).await?;
        Ok(Done::go(safe_next(gate, next)))
    };
    let form =
        if next.is_empty() { gate.sign_in.to_owned() } else { format!("{}?next={}", gate.sign_in, escaped(next)) };
    answer(outcome.await, &form, &[("email", email)]);
    Ok(())
}

#[server(prefix = "/do", endpoint = "set-password")]
pub async fn set_password(token: String, password: String) -> Result<(), ServerFnError> {
    let asked = Asked::current()?;
    let outcome = async {
        let now = asked.now().await;
        let who = password_link::set_password(&asked.engine, now, &token, &password).await?;
        let gate = if who.actor.own_affiliate().is_ok() { AFFILIATES } else { COMPANY };
        Ok(Done::saying(gate.sign_in, "Your password is set. Sign in with it."))
    };
    answer(outcome.await, &format!("/set-password?token={}", escaped(&token)), &[]);
    Ok(())
}

#[server(prefix = "/do", endpoint = "forgot-password")]
pub async fn forgot_password(email: String) -> Result<(), ServerFnError> {
    forgot_password_at(AFFILIATES, &email).await
}

#[server(prefix = "/admin/do", endpoint = "forgot-password")]
pub async fn admin_forgot_password(email: String) -> Result<(), ServerFnError> {
    forgot_password_at(COMPANY, &email).await
}

async fn forgot_password_at(gate: Gate, email: &str) -> Result<(), ServerFnError> {
    let asked = Asked::current()?;
    let outcome = async {
        password_link::forgot_password(&asked.engine, asked.now().await, gate.realm, email, asked.address()).await?;
        Ok(Done::saying(
            gate.sign_in,
            "If this e-mail can sign in here, a link to set a new password is on its way to it.",
        ))
    };
    let form = if gate.realm == Realm::Company { "/admin/forgot-password" } else { "/forgot-password" };
    answer(outcome.await, form, &[("email", email)]);
    Ok(())
}

#[server(prefix = "/do", endpoint = "sign-out")]
pub async fn sign_out() -> Result<(), ServerFnError> {
    sign_out_at(AFFILIATES, false).await
}

#[server(prefix = "/admin/do", endpoint = "sign-out")]
pub async fn admin_sign_out() -> Result<(), ServerFnError> {
    sign_out_at(COMPANY, false).await
}

#[server(prefix = "/do", endpoint = "sign-out-everywhere")]
pub async fn sign_out_everywhere() -> Result<(), ServerFnError> {
    sign_out_at(AFFILIATES, true).await
}

#[server(prefix = "/admin/do", endpoint = "sign-out-everywhere")]
pub async fn admin_sign_out_everywhere() -> Result<(), ServerFnError> {
    sign_out_at(COMPANY, true).await
}

async fn sign_out_at(gate: Gate, everywhere: bool) -> Result<(), ServerFnError> {
    let asked = Asked::current()?;
    let outcome = async {
        if everywhere {
            desk::sign_out_everywhere(&asked.engine, asked.now().await, asked.who()?).await?;
        }
        session::sign_out(asked.session()?).await?;
        let message = if everywhere { "You are signed out on every device." } else { "You are signed out." };
        Ok::<_, Error>(Done::saying(gate.sign_in, message))
    };
    answer(outcome.await, gate.home, &[]);
    Ok(())
}
