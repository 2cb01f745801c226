//! People who may sign in: the company's own, and one user for each affiliate. Only hashes of passwords and of one-time
//! links are here.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::domain::actor::Role;
use crate::domain::ids::{AffiliateId, UserId};
use crate::domain::program::AffiliateStatus;

/// What sign-in needs of a user.
#[derive(Debug, Clone)]
pub struct UserForSignIn {
    pub id: UserId,
    pub password_hash: Option<String>,
    pub disabled_at: Option<DateTime<Utc>>,
    pub affiliate_status: Option<AffiliateStatus>,
}

/// Who a user is now: read on every request, so that a disabled user is out at once.
#[derive(Debug, Clone)]
pub struct UserNow {
    pub email: String,
    /// `owner`, `finance`, `viewer` or `affiliate`.
    pub role: String,
    pub affiliate_id: Option<AffiliateId>,
    pub affiliate_status: Option<AffiliateStatus>,
    pub disabled_at: Option<DateTime<Utc>>,
}

/// A person of the company, for the list of users.
#[derive(Debug, Clone)]
pub struct CompanyUser {
    pub id: UserId,
    pub email: String,
    pub role: Role,
    pub created_at: DateTime<Utc>,
    pub disabled_at: Option<DateTime<Utc>>,
    pub last_signed_in_at: Option<DateTime<Utc>>,
}

pub async fn by_email_of_company(conn: &mut PgConnection, email: &str) -> sqlx::Result<Option<UserForSignIn>> {
    sqlx::query_as!(
        UserForSignIn,
        r#"select id as "id: UserId", password_hash, disabled_at, null as "affiliate_status: AffiliateStatus"
        from users where email = $1 and role <> 'affiliate'"#,
        email,
    )
    .fetch_optional(conn)
    .await
}

pub async fn by_email_of_affiliate(conn: &mut PgConnection, email: &str) -> sqlx::Result<Option<UserForSignIn>> {
    sqlx::query_as!(
        UserForSignIn,
        r#"select u.id as "id: UserId", u.password_hash, u.disabled_at, a.status as "affiliate_status: AffiliateStatus"
        from users u join affiliates a on a.id = u.affiliate_id where u.email = $1 and u.role = 'affiliate'"#,
        email,
    )
    .fetch_optional(conn)
    .await
}

pub async fn now(conn: &mut PgConnection, id: UserId) -> sqlx::Result<Option<UserNow>> {
    sqlx::query_as!(
        UserNow,
        r#"select u.email, u.role, u.affiliate_id as "affiliate_id: AffiliateId",
            a.status as "affiliate_status?: AffiliateStatus", u.disabled_at
        from users u left join affiliates a on a.id = u.affiliate_id where u.id = $1"#,
        id.0,
    )
    .fetch_optional(conn)
    .await
}

pub async fn password_hash(conn: &mut PgConnection, id: UserId) -> sqlx::Result<Option<String>> {
    let row = sqlx::query_scalar!("select password_hash from users where id = $1", id.0).fetch_optional(conn).await?;
    Ok(row.flatten())
}

/// `affiliate_id`: the user is that affiliate's sign-in, with role `affiliate`.
pub async fn insert(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    id: UserId,
    email: &str,
    role: &str,
    affiliate_id: Option<AffiliateId>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into users (id, email, role, affiliate_id, created_at) values ($1, $2, $3, $4, $5)",
        id.0,
        email,
        role,
        affiliate_id.map(|id| id.0) as Option<Uuid>,
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

pub async fn of_affiliate(conn: &mut PgConnection, affiliate_id: AffiliateId) -> sqlx::Result<Option<UserId>> {
    sqlx::query_scalar!(r#"select id as "id: UserId" from users where affiliate_id = $1"#, affiliate_id.0)
        .fetch_optional(conn)
        .await
}

pub async fn set_email_of_affiliate(
    conn: &mut PgConnection,
    affiliate_id: AffiliateId,
    email: &str,
) -> sqlx::Result<()> {
    sqlx::query!("update users set email = $2 where affiliate_id = $1", affiliate_id.0, email).execute(conn).await?;
    Ok(())
}

pub async fn set_password(conn: &mut PgConnection, id: UserId, password_hash: &str) -> sqlx::Result<()> {
    sqlx::query!("update users set password_hash = $2 where id = $1", id.0, password_hash).execute(conn).await?;
    Ok(())
}

pub async fn note_sign_in(conn: &mut PgConnection, id: UserId, now: DateTime<Utc>) -> sqlx::Result<()> {
    sqlx::query!("update users set last_signed_in_at = $2 where id = $1", id.0, now).execute(conn).await?;
    Ok(())
}

/// Returns whether the user was there and not disabled before.
pub async fn disable(conn: &mut PgConnection, id: UserId, now: DateTime<Utc>) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "update users set disabled_at = $2 where id = $1 and role <> 'affiliate' and disabled_at is null",
        id.0,
        now,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}

pub async fn of_company(conn: &mut PgConnection) -> sqlx::Result<Vec<CompanyUser>> {
    sqlx::query_as!(
        CompanyUser,
        r#"select id as "id: UserId", email, role as "role: Role", created_at, disabled_at, last_signed_in_at
        from users where role <> 'affiliate' order by email"#,
    )
    .fetch_all(conn)
    .await
}

pub async fn active_owners(conn: &mut PgConnection) -> sqlx::Result<i64> {
    sqlx::query_scalar!(r#"select count(*) as "n!" from users where role = 'owner' and disabled_at is null"#)
        .fetch_one(conn)
        .await
}

pub async fn insert_password_token(
    conn: &mut PgConnection,
    token_hash: &[u8],
    user_id: UserId,
    now: DateTime<Utc>,
    expires_at: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into password_tokens (token_hash, user_id, created_at, expires_at) values ($1, $2, $3, $4)",
        token_hash,
        user_id.0,
        now,
        expires_at,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The e-mail of the user whose link is unused and not expired.
pub async fn email_of_password_token(
    conn: &mut PgConnection,
    token_hash: &[u8],
    now: DateTime<Utc>,
) -> sqlx::Result<Option<String>> {
    sqlx::query_scalar!(
        "select u.email from password_tokens t join users u on u.id = t.user_id
        where t.token_hash = $1 and t.used_at is null and t.expires_at > $2 and u.disabled_at is null",
        token_hash,
        now,
    )
    .fetch_optional(conn)
    .await
}

/// Uses up the link, and every other open link of its user: one of two requests that race gets the user.
pub async fn use_password_token(
    conn: &mut PgConnection,
    token_hash: &[u8],
    now: DateTime<Utc>,
) -> sqlx::Result<Option<UserId>> {
    let user = sqlx::query_scalar!(
        r#"update password_tokens t set used_at = $2 from users u
        where t.token_hash = $1 and t.used_at is null and t.expires_at > $2 and u.id = t.user_id and u.disabled_at is null
        returning t.user_id as "user_id: UserId""#,
        token_hash,
        now,
    )
    .fetch_optional(&mut *conn)
    .await?;
    if let Some(user) = user {
        sqlx::query!("update password_tokens set used_at = $2 where user_id = $1 and used_at is null", user.0, now)
            .execute(conn)
            .await?;
    }
    Ok(user)
}
