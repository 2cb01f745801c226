//! Signing in and out: e-mail and password in one of two realms, throttled; and who a signed-in user is now. Holds no
//! session itself: `http::session` puts the user's id into the browser's session and asks [`actor_of`] on every request.

use std::net::IpAddr;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use super::{Error, Result, password};
use crate::Engine;
use crate::domain::actor::Actor;
use crate::domain::ids::UserId;
use crate::domain::program::AffiliateStatus;
use crate::store::{audit, sessions, sign_in_throttle, users};

/// Tries for one e-mail before it has to wait.
pub const TRIES_PER_EMAIL: i32 = 5;
/// Tries from one address before it has to wait.
pub const TRIES_PER_ADDRESS: i32 = 20;
const WINDOW_MINUTES: i64 = 15;

/// Which portal somebody signs in to; one e-mail may have a user in each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Realm {
    Company,
    Affiliate,
}

impl Realm {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Realm::Company => "company",
            Realm::Affiliate => "affiliate",
        }
    }
}

/// A user and what they may do at this moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedIn {
    pub user_id: UserId,
    pub email: String,
    pub actor: Actor,
}

/// How e-mail addresses are compared and kept.
pub fn normalized_email(email: &str) -> String {
    email.trim().to_lowercase()
}

/// Checks e-mail and password. Every refusal reads the same and takes the time of one password check, so that nobody
/// learns which e-mails exist.
///
/// # Errors
/// [`Error::TooManyTries`] after five tries for the e-mail or twenty from the address within 15 minutes;
/// [`Error::Invalid`] without telling which of the two was wrong.
pub async fn authenticate(
    engine: &Engine,
    now: DateTime<Utc>,
    realm: Realm,
    email: &str,
    password: &str,
    address: Option<IpAddr>,
) -> Result<SignedIn> {
    let email = normalized_email(email);
    let keys = ThrottleKeys::new(realm, &email, address);
    keys.count_try(engine, now).await?;

    let mut conn = engine.pool.acquire().await?;
    let user = match realm {
        Realm::Company => users::by_email_of_company(&mut conn, &email).await?,
        Realm::Affiliate => users::by_email_of_affiliate(&mut conn, &email).await?,
    };
    drop(conn);
    let hash = user.as_ref().and_then(|user| user.password_hash.clone());
    let right = password::verify(password.to_owned(), hash).await?;
    let refused = || Error::invalid("password", "This e-mail and password don't belong together.");
    let user = user.filter(|_| right).ok_or_else(refused)?;
    let signed_in = actor_of(engine, user.id).await?.ok_or_else(refused)?;

    let mut tx = engine.pool.begin().await?;
    keys.succeeded(&mut tx).await?;
    users::note_sign_in(&mut tx, user.id, now).await?;
    audit::record(&mut tx, now, &signed_in.actor, "user.signed_in", ("user", user.id.to_string()), json!({})).await?;
    tx.commit().await?;
    Ok(signed_in)
}

/// Who the user is now; `None` when they are gone, disabled, or their affiliate is suspended.
///
/// # Errors
/// From the database.
pub async fn actor_of(engine: &Engine, user_id: UserId) -> Result<Option<SignedIn>> {
    let mut conn = engine.pool.acquire().await?;
    let Some(user) = users::now(&mut conn, user_id).await? else { return Ok(None) };
    if user.disabled_at.is_some() || user.affiliate_status == Some(AffiliateStatus::Suspended) {
        return Ok(None);
    }
    let actor = match user.affiliate_id {
        Some(id) => Actor::Affiliate { id },
        None => {
            let role = user.role.parse().map_err(|unknown| Error::Internal(Box::new(unknown)))?;
            Actor::User { id: user_id, role }
        }
    };
    Ok(Some(SignedIn { user_id, email: user.email, actor }))
}

/// Ends all of the user's sessions, this one too. Returns how many there were.
///
/// # Errors
/// From the database.
pub async fn sign_out_everywhere(engine: &Engine, now: DateTime<Utc>, who: &SignedIn) -> Result<u64> {
    let mut tx = engine.pool.begin().await?;
    let ended = sessions::delete_of_user(&mut tx, who.user_id).await?;
    let object = ("user", who.user_id.to_string());
    audit::record(&mut tx, now, &who.actor, "user.signed_out_everywhere", object, json!({ "sessions": ended })).await?;
    tx.commit().await?;
    Ok(ended)
}

/// What tries are counted under.
pub(super) struct ThrottleKeys {
    email: String,
    address: Option<String>,
}

impl ThrottleKeys {
    pub(super) fn new(realm: Realm, email: &str, address: Option<IpAddr>) -> Self {
        Self {
            email: format!("email:{}:{email}", realm.as_str()),
            address: address.map(|address| format!("address:{address}")),
        }
    }

    /// Counts before the password is looked at, so that tries at the same moment can't slip by. The counts are committed
    /// whatever becomes of the try.
    pub(super) async fn count_try(&self, engine: &Engine, now: DateTime<Utc>) -> Result<()> {
        let window = TimeDelta::minutes(WINDOW_MINUTES);
        let mut conn = engine.pool.acquire().await?;
        let mut limits = vec![(&self.email, TRIES_PER_EMAIL)];
        limits.extend(self.address.as_ref().map(|address| (address, TRIES_PER_ADDRESS)));
        for (key, allowed) in limits {
            let (tries, started_at) = sign_in_throttle::count(&mut conn, key, now, now - window).await?;
            if tries > allowed {
                let retry_after_seconds = (started_at + window - now).num_seconds().max(1);
                return Err(Error::TooManyTries { retry_after_seconds });
            }
        }
        Ok(())
    }

    async fn succeeded(&self, conn: &mut sqlx::PgConnection) -> Result<()> {
        sign_in_throttle::forget(conn, &self.email).await?;
        if let Some(address) = &self.address {
            sign_in_throttle::uncount(conn, address).await?;
        }
        Ok(())
    }
}
