//! Setting and changing passwords: one-time links that last 72 hours, of which only the hash is kept, and the change by
//! somebody who knows the present one. A new password ends the user's sessions.

use std::net::IpAddr;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use sqlx::PgConnection;

use super::sign_in::{Realm, SignedIn, ThrottleKeys, normalized_email};
use super::{Error, Result, password, secret_token};
use crate::Engine;
use crate::domain::actor::Actor;
use crate::domain::ids::UserId;
use crate::domain::program::AffiliateStatus;
use crate::mail::{self, Letter};
use crate::store::{affiliates, audit, sessions, users};

const LINK_HOURS: i64 = 72;

/// Makes a link and returns its address: the only time it can be seen.
pub(super) async fn make(
    conn: &mut PgConnection,
    engine: &Engine,
    now: DateTime<Utc>,
    user_id: UserId,
) -> Result<String> {
    let token = secret_token::generate("");
    let expires_at = now + TimeDelta::hours(LINK_HOURS);
    users::insert_password_token(conn, &secret_token::hash(&token), user_id, now, expires_at).await?;
    Ok(format!("{}/set-password?token={token}", engine.config.public_url))
}

/// The e-mail for whom an open link sets a password, to greet them; `None` when the link is used or too old.
///
/// # Errors
/// From the database.
pub async fn email_for(engine: &Engine, now: DateTime<Utc>, token: &str) -> Result<Option<String>> {
    let mut conn = engine.pool.acquire().await?;
    Ok(users::email_of_password_token(&mut conn, &secret_token::hash(token), now).await?)
}

/// Sets the password through a link, which is then used up. An invited affiliate becomes active.
///
/// # Errors
/// [`Error::Invalid`] for `password` (policy) and for `token` (used or too old).
pub async fn set_password(engine: &Engine, now: DateTime<Utc>, token: &str, password: &str) -> Result<SignedIn> {
    password::check_policy(password)?;
    let token_hash = secret_token::hash(token);
    let gone = || Error::invalid("token", "This link was used or is too old. Ask for a new one.");
    if email_for(engine, now, token).await?.is_none() {
        return Err(gone());
    }
    let password_hash = password::hash(password.to_owned()).await?;
    let mut tx = engine.pool.begin().await?;
    let user_id = users::use_password_token(&mut tx, &token_hash, now).await?.ok_or_else(gone)?;
    users::set_password(&mut tx, user_id, &password_hash).await?;
    sessions::delete_of_user(&mut tx, user_id).await?;
    let user = users::now(&mut tx, user_id).await?.ok_or_else(gone)?;
    if let (Some(affiliate), Some(AffiliateStatus::Invited)) = (user.affiliate_id, user.affiliate_status) {
        affiliates::set_status(&mut tx, affiliate, AffiliateStatus::Active, now).await?;
    }
    let object = ("user", user_id.to_string());
    audit::record(&mut tx, now, &Actor::System("password_link"), "user.password_set", object, json!({})).await?;
    tx.commit().await?;
    super::sign_in::actor_of(engine, user_id).await?.ok_or_else(gone)
}

/// Mails a link to the user of that e-mail, if there is one. The answer never tells whether there is.
///
/// # Errors
/// [`Error::TooManyTries`] when it is asked for too often.
pub async fn forgot_password(
    engine: &Engine,
    now: DateTime<Utc>,
    realm: Realm,
    email: &str,
    address: Option<IpAddr>,
) -> Result<()> {
    let email = normalized_email(email);
    ThrottleKeys::new(realm, &format!("forgot:{email}"), address).count_try(engine, now).await?;
    let mut tx = engine.pool.begin().await?;
    let user = match realm {
        Realm::Company => users::by_email_of_company(&mut tx, &email).await?,
        Realm::Affiliate => users::by_email_of_affiliate(&mut tx, &email).await?,
    };
    let usable = |user: &users::UserForSignIn| {
        user.disabled_at.is_none() && user.affiliate_status != Some(AffiliateStatus::Suspended)
    };
    if let Some(user) = user.filter(usable) {
        let url = make(&mut tx, engine, now, user.id).await?;
        let letter = Letter {
            subject: "Set a new password",
            to_name: "",
            paragraphs: &["Somebody, probably you, asked for a new password."],
            link: Some(("Set a new password", &url)),
            closing: "The link works once, for 72 hours. If it wasn't you, there is nothing to do.",
            choices: None,
        };
        let dedupe_key = format!("forgot_password:{}:{}", user.id, now.timestamp_micros());
        mail::enqueue(&mut tx, now, &letter, &email, &dedupe_key).await?;
    }
    tx.commit().await?;
    Ok(())
}

/// Changes the password of somebody who is signed in and knows the present one; ends all their sessions.
///
/// # Errors
/// [`Error::Invalid`] for `current_password` and for `password` (policy).
pub async fn change_password(
    engine: &Engine,
    now: DateTime<Utc>,
    who: &SignedIn,
    current_password: &str,
    new_password: &str,
) -> Result<()> {
    password::check_policy(new_password)?;
    let realm = if matches!(who.actor, Actor::Affiliate { .. }) { Realm::Affiliate } else { Realm::Company };
    ThrottleKeys::new(realm, &who.email, None).count_try(engine, now).await?;
    let mut conn = engine.pool.acquire().await?;
    let hash = users::password_hash(&mut conn, who.user_id).await?;
    drop(conn);
    if !password::verify(current_password.to_owned(), hash).await? {
        return Err(Error::invalid("current_password", "This is not your present password."));
    }
    let password_hash = password::hash(new_password.to_owned()).await?;
    let mut tx = engine.pool.begin().await?;
    users::set_password(&mut tx, who.user_id, &password_hash).await?;
    sessions::delete_of_user(&mut tx, who.user_id).await?;
    let object = ("user", who.user_id.to_string());
    audit::record(&mut tx, now, &who.actor, "user.password_changed", object, json!({})).await?;
    tx.commit().await?;
    Ok(())
}
