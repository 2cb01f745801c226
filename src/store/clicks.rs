//! Visits through referral links, and what a referral code leads to.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::domain::ids::{CampaignId, ClickId, EnrollmentId};

/// A visit to be kept.
#[derive(Debug, Clone)]
pub struct NewClick<'a> {
    pub id: ClickId,
    pub code: &'a str,
    pub enrollment_id: EnrollmentId,
    pub campaign_id: Option<CampaignId>,
    pub at: DateTime<Utc>,
    pub referrer: Option<&'a str>,
    pub user_agent: Option<&'a str>,
}

/// Keeps a visit.
///
/// # Errors
/// From the database.
pub async fn insert(conn: &mut PgConnection, click: &NewClick<'_>) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into clicks (id, code, enrollment_id, campaign_id, at, referrer, user_agent)
        values ($1, $2, $3, $4, $5, $6, $7)",
        click.id.0,
        click.code,
        click.enrollment_id.0,
        click.campaign_id.map(|id| id.0) as Option<Uuid>,
        click.at,
        click.referrer,
        click.user_agent,
    )
    .execute(conn)
    .await
    .map(drop)
}

/// Where a referral code leads.
#[derive(Debug, Clone)]
pub struct Landing {
    pub enrollment_id: Uuid,
    /// The campaign that the code itself names.
    pub campaign_id: Option<Uuid>,
    /// The page of the campaign that is on, or the program's site.
    pub url: String,
    pub cookie_days: i32,
}

/// Where the code leads at `now`, if somebody has it. A code without a campaign follows the program's newest that is on.
///
/// # Errors
/// From the database.
pub async fn landing(conn: &mut PgConnection, code: &str, now: DateTime<Utc>) -> Result<Option<Landing>, sqlx::Error> {
    sqlx::query_as!(
        Landing,
        r#"select r.enrollment_id, r.campaign_id, p.cookie_days,
            coalesce((
                select c.landing_url from campaigns c
                where c.program_id = p.id and (r.campaign_id is null or c.id = r.campaign_id) and c.active
                    and (c.starts_at is null or c.starts_at <= $2) and (c.ends_at is null or c.ends_at > $2)
                order by c.starts_at desc nulls last, c.id desc limit 1
            ), p.site_url) as "url!"
        from referral_codes r join enrollments e on e.id = r.enrollment_id join programs p on p.id = e.program_id
        where r.code = $1"#,
        code,
        now,
    )
    .fetch_optional(conn)
    .await
}

/// The site of the oldest program, where codes lead that nobody has.
///
/// # Errors
/// From the database.
pub async fn default_site(conn: &mut PgConnection) -> Result<Option<String>, sqlx::Error> {
    sqlx::query_scalar!("select site_url from programs order by id limit 1").fetch_optional(conn).await
}
