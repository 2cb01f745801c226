//! People of the company: who they are, with which role, and how they get in.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::json;

use super::sign_in::normalized_email;
use super::{Error, Result, password, password_link};
use crate::Engine;
use crate::domain::actor::{Actor, Permission, Role};
use crate::domain::ids::UserId;
use crate::mail::{self, Letter};
use crate::store::{audit, sessions, users, violated_constraint};

/// A person of the company.
#[derive(Debug, Clone, Serialize)]
pub struct User {
    pub id: UserId,
    pub email: String,
    pub role: Role,
    pub created_at: DateTime<Utc>,
    pub disabled_at: Option<DateTime<Utc>>,
    pub last_signed_in_at: Option<DateTime<Utc>>,
}

/// A new person and the way in, shown once.
#[derive(Debug, Clone)]
pub struct NewUser {
    pub id: UserId,
    /// A link that sets the password; works once, for 72 hours.
    pub set_password_url: String,
}

/// Whether the text looks like an address mail can go to: something, an `@`, and a domain with a dot or a local name.
pub(super) fn checked_email(email: &str) -> Result<String> {
    let email = normalized_email(email);
    let well_formed = email.split_once('@').is_some_and(|(local, domain)| {
        !local.is_empty()
            && !domain.is_empty()
            && !domain.contains('@')
            && !domain.starts_with('.')
            && !domain.ends_with('.')
    });
    if well_formed
        && email.len() <= 254
        && !email.chars().any(|c| c.is_whitespace() || c.is_control() || c == '<' || c == '>')
    {
        Ok(email)
    } else {
        Err(Error::invalid("email", "`email` must be an e-mail address such as ada@example.com."))
    }
}

/// Adds a person and mails them a link that sets their password.
///
/// # Errors
/// [`Error::Forbidden`] unless the actor manages the company; [`Error::Invalid`] for `email`; [`Error::Conflict`] when
/// the e-mail has a user.
pub async fn create(engine: &Engine, actor: &Actor, now: DateTime<Utc>, email: &str, role: Role) -> Result<NewUser> {
    actor.require(Permission::Manage)?;
    let email = checked_email(email)?;
    let mut tx = engine.pool.begin().await?;
    let id = UserId::new(now);
    let inserted = users::insert(&mut tx, now, id, &email, role.as_str(), None).await;
    inserted.map_err(|error| match violated_constraint(&error) {
        Some("users_company_email_key") => Error::conflict("email_taken", format!("{email} has a user already.")),
        _ => error.into(),
    })?;
    let set_password_url = password_link::make(&mut tx, engine, now, id).await?;
    let letter = Letter {
        subject: "You can sign in to Purser",
        to_name: "",
        paragraphs: &["You were given access to the affiliate payouts of your company."],
        link: Some(("Set your password", &set_password_url)),
        closing: "The link works once, for 72 hours.",
        choices: None,
    };
    mail::enqueue(&mut tx, now, &letter, &email, &format!("user_invited:{id}")).await?;
    let details = json!({ "email": email, "role": role });
    audit::record(&mut tx, now, actor, "user.created", ("user", id.to_string()), details).await?;
    tx.commit().await?;
    Ok(NewUser { id, set_password_url })
}

/// Sets a person's password directly, for set-up by script.
///
/// # Errors
/// [`Error::Forbidden`], [`Error::Invalid`] (policy), [`Error::NotFound`].
pub async fn set_password(engine: &Engine, actor: &Actor, now: DateTime<Utc>, id: UserId, new: &str) -> Result<()> {
    actor.require(Permission::Manage)?;
    password::check_policy(new)?;
    let hash = password::hash(new.to_owned()).await?;
    let mut tx = engine.pool.begin().await?;
    users::now(&mut tx, id).await?.ok_or(Error::NotFound("user"))?;
    users::set_password(&mut tx, id, &hash).await?;
    sessions::delete_of_user(&mut tx, id).await?;
    audit::record(&mut tx, now, actor, "user.password_set", ("user", id.to_string()), json!({})).await?;
    tx.commit().await?;
    Ok(())
}

/// Everybody of the company, by e-mail.
///
/// # Errors
/// [`Error::Forbidden`] unless the actor manages the company.
pub async fn list(engine: &Engine, actor: &Actor) -> Result<Vec<User>> {
    actor.require(Permission::Manage)?;
    let mut conn = engine.pool.acquire().await?;
    let rows = users::of_company(&mut conn).await?;
    Ok(rows
        .into_iter()
        .map(|row| User {
            id: row.id,
            email: row.email,
            role: row.role,
            created_at: row.created_at,
            disabled_at: row.disabled_at,
            last_signed_in_at: row.last_signed_in_at,
        })
        .collect())
}

/// Takes a person's access away at once. Doing it again changes nothing.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::NotFound`]; [`Error::Conflict`] for the last owner, who would lock everybody out.
pub async fn disable(engine: &Engine, actor: &Actor, now: DateTime<Utc>, id: UserId) -> Result<()> {
    actor.require(Permission::Manage)?;
    let mut tx = engine.pool.begin().await?;
    let user = users::now(&mut tx, id).await?.filter(|user| user.affiliate_id.is_none());
    let user = user.ok_or(Error::NotFound("user"))?;
    if !users::disable(&mut tx, id, now).await? {
        return Ok(());
    }
    if user.role == Role::Owner.as_str() && users::active_owners(&mut tx).await? == 0 {
        return Err(Error::conflict("last_owner", "This is the only owner. Make another person an owner first."));
    }
    sessions::delete_of_user(&mut tx, id).await?;
    audit::record(&mut tx, now, actor, "user.disabled", ("user", id.to_string()), json!({})).await?;
    tx.commit().await?;
    Ok(())
}
