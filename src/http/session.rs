//! Browser sessions: the store behind `tower-sessions`, and who is signed in. The cookie carries a random id; the database
//! has its SHA-256 and the user's id. Sessions age in real time, also when the business clock is a sandbox's, which may
//! jump a month while somebody is signed in.

use std::time::SystemTime;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde_json::Value;
use sha2::{Digest, Sha256};
use sqlx::PgPool;
use tower_sessions::cookie::SameSite;
use tower_sessions::cookie::time::{Duration, OffsetDateTime};
use tower_sessions::session::{Id, Record};
use tower_sessions::session_store::{Error as StoreError, Result as StoreResult};
use tower_sessions::{Expiry, Session, SessionManagerLayer, SessionStore};

use crate::Engine;
use crate::desk;
use crate::desk::sign_in::{SignedIn, actor_of};
use crate::domain::ids::UserId;
use crate::store::sessions;

const COOKIE: &str = "purser_session";
const USER: &str = "user";
const IDLE_DAYS: i64 = 14;

/// Sessions in PostgreSQL.
#[derive(Debug, Clone)]
pub struct Sessions {
    pool: PgPool,
}

/// The layer that gives every request its [`Session`]: `Lax`, because `Strict` would drop the session on the way back
/// from Stripe's onboarding.
pub fn layer(engine: &Engine) -> SessionManagerLayer<Sessions> {
    SessionManagerLayer::new(Sessions { pool: engine.pool.clone() })
        .with_name(COOKIE)
        .with_secure(engine.config.public_url_is_https())
        .with_same_site(SameSite::Lax)
        .with_http_only(true)
        .with_expiry(Expiry::OnInactivity(Duration::days(IDLE_DAYS)))
}

/// Signs the browser in, under a new session id, so that an id known before is worth nothing.
///
/// # Errors
/// From the database.
pub async fn sign_in(session: &Session, who: &SignedIn) -> desk::Result<()> {
    session.cycle_id().await.map_err(internal)?;
    session.insert(USER, who.user_id).await.map_err(internal)
}

/// Ends the browser's session.
///
/// # Errors
/// From the database.
pub async fn sign_out(session: &Session) -> desk::Result<()> {
    session.flush().await.map_err(internal)
}

/// Who is signed in, read from the database at this moment: a disabled user is nobody.
///
/// # Errors
/// From the database.
pub async fn signed_in(session: &Session, engine: &Engine) -> desk::Result<Option<SignedIn>> {
    match session.get::<UserId>(USER).await.map_err(internal)? {
        Some(user_id) => actor_of(engine, user_id).await,
        None => Ok(None),
    }
}

fn internal(error: tower_sessions::session::Error) -> desk::Error {
    desk::Error::Internal(Box::new(error))
}

fn id_hash(id: Id) -> [u8; 32] {
    Sha256::digest(id.0.to_be_bytes()).into()
}

fn real_now() -> DateTime<Utc> {
    SystemTime::now().into()
}

fn user_of(record: &Record) -> Option<UserId> {
    record.data.get(USER)?.as_str()?.parse().ok()
}

fn data_of(record: &Record) -> StoreResult<Value> {
    serde_json::to_value(&record.data).map_err(|error| StoreError::Encode(error.to_string()))
}

fn ends_at(record: &Record) -> StoreResult<DateTime<Utc>> {
    let seconds = record.expiry_date.unix_timestamp();
    DateTime::from_timestamp(seconds, 0).ok_or_else(|| StoreError::Encode("an end out of range".to_owned()))
}

fn backend(error: sqlx::Error) -> StoreError {
    StoreError::Backend(error.to_string())
}

#[async_trait]
impl SessionStore for Sessions {
    async fn create(&self, record: &mut Record) -> StoreResult<()> {
        let mut conn = self.pool.acquire().await.map_err(backend)?;
        loop {
            let (data, until) = (data_of(record)?, ends_at(record)?);
            let hash = id_hash(record.id);
            let user = user_of(record);
            if sessions::insert(&mut conn, &hash, user, &data, real_now(), until).await.map_err(backend)? {
                return Ok(());
            }
            record.id = Id::default();
        }
    }

    async fn save(&self, record: &Record) -> StoreResult<()> {
        let mut conn = self.pool.acquire().await.map_err(backend)?;
        let (data, until) = (data_of(record)?, ends_at(record)?);
        sessions::update(&mut conn, &id_hash(record.id), user_of(record), &data, until).await.map_err(backend)
    }

    async fn load(&self, id: &Id) -> StoreResult<Option<Record>> {
        let mut conn = self.pool.acquire().await.map_err(backend)?;
        let Some(row) = sessions::load(&mut conn, &id_hash(*id), real_now()).await.map_err(backend)? else {
            return Ok(None);
        };
        let data = serde_json::from_value(row.data).map_err(|error| StoreError::Decode(error.to_string()))?;
        let expiry_date = OffsetDateTime::from_unix_timestamp(row.expires_at.timestamp())
            .map_err(|error| StoreError::Decode(error.to_string()))?;
        Ok(Some(Record { id: *id, data, expiry_date }))
    }

    async fn delete(&self, id: &Id) -> StoreResult<()> {
        let mut conn = self.pool.acquire().await.map_err(backend)?;
        sessions::delete(&mut conn, &id_hash(*id)).await.map_err(backend)
    }
}
