//! Affiliates: partners of the company.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::domain::ids::{AffiliateId, ProgramId};
use crate::domain::program::AffiliateStatus;

/// An affiliate as stored.
#[derive(Debug, Clone)]
pub struct AffiliateRow {
    pub id: AffiliateId,
    pub email: String,
    pub name: String,
    pub status: AffiliateStatus,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// What narrows a list of affiliates.
#[derive(Debug, Clone, Default)]
pub struct AffiliateFilter {
    /// Part of the name, the e-mail or a code.
    pub search: Option<String>,
    pub status: Option<AffiliateStatus>,
    pub program: Option<ProgramId>,
}

pub async fn insert(conn: &mut PgConnection, affiliate: &AffiliateRow) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into affiliates (id, email, name, status, created_at, updated_at) values ($1, $2, $3, $4, $5, $6)",
        affiliate.id.0,
        affiliate.email,
        affiliate.name,
        affiliate.status.as_str(),
        affiliate.created_at,
        affiliate.updated_at,
    )
    .execute(conn)
    .await?;
    Ok(())
}

pub async fn update(conn: &mut PgConnection, affiliate: &AffiliateRow) -> sqlx::Result<()> {
    sqlx::query!(
        "update affiliates set email = $2, name = $3, status = $4, updated_at = $5 where id = $1",
        affiliate.id.0,
        affiliate.email,
        affiliate.name,
        affiliate.status.as_str(),
        affiliate.updated_at,
    )
    .execute(conn)
    .await?;
    Ok(())
}

pub async fn set_status(
    conn: &mut PgConnection,
    id: AffiliateId,
    status: AffiliateStatus,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!("update affiliates set status = $2, updated_at = $3 where id = $1", id.0, status.as_str(), now)
        .execute(conn)
        .await?;
    Ok(())
}

pub async fn find(conn: &mut PgConnection, id: AffiliateId) -> sqlx::Result<Option<AffiliateRow>> {
    sqlx::query_as!(
        AffiliateRow,
        r#"select id as "id: AffiliateId", email, name, status as "status: AffiliateStatus", created_at, updated_at
        from affiliates where id = $1"#,
        id.0,
    )
    .fetch_optional(conn)
    .await
}

/// The affiliate whom an e-mail address or a referral code names; `text` in lower case.
pub async fn find_named(conn: &mut PgConnection, text: &str) -> sqlx::Result<Option<AffiliateRow>> {
    sqlx::query_as!(
        AffiliateRow,
        r#"select id as "id: AffiliateId", email, name, status as "status: AffiliateStatus", created_at, updated_at
        from affiliates
        where email = $1 or id = (select e.affiliate_id from referral_codes c join enrollments e on e.id = c.enrollment_id
            where c.code = $1)
        order by (email = $1) desc limit 1"#,
        text,
    )
    .fetch_optional(conn)
    .await
}

/// The affiliate, locked for a change.
pub async fn lock(conn: &mut PgConnection, id: AffiliateId) -> sqlx::Result<Option<AffiliateRow>> {
    sqlx::query_as!(
        AffiliateRow,
        r#"select id as "id: AffiliateId", email, name, status as "status: AffiliateStatus", created_at, updated_at
        from affiliates where id = $1 for update"#,
        id.0,
    )
    .fetch_optional(conn)
    .await
}

/// Newest first. A search looks into names, e-mails and codes.
pub async fn list(
    conn: &mut PgConnection,
    filter: &AffiliateFilter,
    before: Option<Uuid>,
    limit: i64,
) -> sqlx::Result<Vec<AffiliateRow>> {
    sqlx::query_as!(
        AffiliateRow,
        r#"select a.id as "id: AffiliateId", a.email, a.name, a.status as "status: AffiliateStatus", a.created_at, a.updated_at
        from affiliates a
        where ($1::text is null or strpos(lower(a.name), lower($1)) > 0 or strpos(a.email, lower($1)) > 0 or exists (
                select 1 from enrollments e join referral_codes c on c.enrollment_id = e.id
                where e.affiliate_id = a.id and strpos(c.code, lower($1)) > 0))
            and ($2::text is null or a.status = $2)
            and ($3::uuid is null or exists (select 1 from enrollments e where e.affiliate_id = a.id and e.program_id = $3))
            and ($4::uuid is null or a.id < $4)
        order by a.id desc limit $5"#,
        filter.search,
        filter.status.map(AffiliateStatus::as_str),
        filter.program.map(|id| id.0) as Option<Uuid>,
        before,
        limit,
    )
    .fetch_all(conn)
    .await
}
