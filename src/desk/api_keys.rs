//! Keys for programs: the company's API keys with a scope, and affiliates' own tokens for `/me`. A key is shown once; what
//! is kept is its SHA-256.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::{Error, Result, field, secret_token};
use crate::Engine;
use crate::domain::actor::{Actor, Permission, Scope};
use crate::domain::ids::{AffiliateId, ApiKeyId};
use crate::domain::program::AffiliateStatus;
use crate::store::{affiliates, api_keys, audit};

const KEY_PREFIX: &str = "pk_";
const TOKEN_PREFIX: &str = "pat_";

/// A key, without its secret.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ApiKey {
    pub id: ApiKeyId,
    pub name: String,
    pub scope: Scope,
    /// The end of the key, to tell keys apart.
    pub last_four: String,
    pub created_at: DateTime<Utc>,
    pub last_used_at: Option<DateTime<Utc>>,
    pub revoked_at: Option<DateTime<Utc>>,
}

/// A new key with its secret, which can't be seen again.
#[derive(Debug, Clone)]
pub struct NewApiKey {
    pub id: ApiKeyId,
    pub key: String,
}

/// Makes a key.
///
/// # Errors
/// [`Error::Forbidden`] unless the actor manages the company; [`Error::Invalid`] for `name`.
pub async fn create(engine: &Engine, actor: &Actor, now: DateTime<Utc>, name: &str, scope: Scope) -> Result<NewApiKey> {
    actor.require(Permission::Manage)?;
    field::name("name", name)?;
    let (id, key) = (ApiKeyId::new(now), secret_token::generate(KEY_PREFIX));
    let last_four = key.get(key.len() - 4..).unwrap_or_default();
    let mut tx = engine.pool.begin().await?;
    api_keys::insert(&mut tx, now, id, name.trim(), scope, &secret_token::hash(&key), last_four).await?;
    let details = json!({ "name": name, "scope": scope });
    audit::record(&mut tx, now, actor, "api_key.created", ("api_key", id.to_string()), details).await?;
    tx.commit().await?;
    Ok(NewApiKey { id, key })
}

/// All keys, newest first.
///
/// # Errors
/// [`Error::Forbidden`] unless the actor manages the company.
pub async fn list(engine: &Engine, actor: &Actor) -> Result<Vec<ApiKey>> {
    actor.require(Permission::Manage)?;
    let mut conn = engine.pool.acquire().await?;
    let rows = api_keys::list(&mut conn).await?;
    Ok(rows
        .into_iter()
        .map(|row| ApiKey {
            id: row.id,
            name: row.name,
            scope: row.scope,
            last_four: row.last_four,
            created_at: row.created_at,
            last_used_at: row.last_used_at,
            revoked_at: row.revoked_at,
        })
        .collect())
}

/// Ends a key at once.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::NotFound`] when there is no such key in force.
pub async fn revoke(engine: &Engine, actor: &Actor, now: DateTime<Utc>, id: ApiKeyId) -> Result<()> {
    actor.require(Permission::Manage)?;
    let mut tx = engine.pool.begin().await?;
    if !api_keys::revoke(&mut tx, id, now).await? {
        return Err(Error::NotFound("API key"));
    }
    audit::record(&mut tx, now, actor, "api_key.revoked", ("api_key", id.to_string()), json!({})).await?;
    tx.commit().await?;
    Ok(())
}

/// Makes a token with which the affiliate's own programs reach `/me`, and nothing else.
///
/// # Errors
/// [`Error::Forbidden`], [`Error::NotFound`].
pub async fn create_affiliate_token(
    engine: &Engine,
    actor: &Actor,
    now: DateTime<Utc>,
    affiliate: AffiliateId,
) -> Result<String> {
    actor.require(Permission::Write)?;
    let token = secret_token::generate(TOKEN_PREFIX);
    let mut tx = engine.pool.begin().await?;
    affiliates::find(&mut tx, affiliate).await?.ok_or(Error::NotFound("affiliate"))?;
    api_keys::insert_affiliate_token(&mut tx, now, &secret_token::hash(&token), affiliate).await?;
    let object = ("affiliate", affiliate.to_string());
    audit::record(&mut tx, now, actor, "affiliate.token_created", object, json!({})).await?;
    tx.commit().await?;
    Ok(token)
}

/// Who shows this key or token; `None` when it is unknown or revoked, or its affiliate suspended.
///
/// # Errors
/// From the database.
pub async fn bearer(engine: &Engine, now: DateTime<Utc>, secret: &str) -> Result<Option<Actor>> {
    let hash = secret_token::hash(secret);
    let mut conn = engine.pool.acquire().await?;
    if secret.starts_with(TOKEN_PREFIX) {
        let affiliate = api_keys::affiliate_by_token(&mut conn, &hash).await?;
        let reachable = affiliate.filter(|(_, status)| *status != AffiliateStatus::Suspended);
        return Ok(reachable.map(|(id, _)| Actor::Affiliate { id }));
    }
    let Some((id, scope)) = api_keys::by_hash(&mut conn, &hash).await? else { return Ok(None) };
    api_keys::note_use(&mut conn, id, now).await?;
    Ok(Some(Actor::ApiKey { id, scope }))
}
