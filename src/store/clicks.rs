//! Visits through referral links, and what a referral code leads to.

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgExecutor};
use uuid::Uuid;

use crate::domain::attribution::ClickRule;
use crate::domain::ids::{CampaignId, ClickId, EnrollmentId};

/// A visit to be kept.
#[derive(Debug, Clone)]
pub struct NewClick {
    pub id: ClickId,
    pub code: String,
    pub enrollment_id: EnrollmentId,
    pub campaign_id: Option<CampaignId>,
    pub at: DateTime<Utc>,
    pub referrer: Option<String>,
    pub user_agent: Option<String>,
}

/// Keeps visits, all in one statement; those that are there already stay as they are.
///
/// # Errors
/// From the database; then none of them is kept.
pub async fn insert(db: impl PgExecutor<'_>, clicks: &[NewClick]) -> Result<(), sqlx::Error> {
    let ids: Vec<Uuid> = clicks.iter().map(|click| click.id.0).collect();
    let codes: Vec<&str> = clicks.iter().map(|click| click.code.as_str()).collect();
    let enrollments: Vec<Uuid> = clicks.iter().map(|click| click.enrollment_id.0).collect();
    let campaigns: Vec<Option<Uuid>> = clicks.iter().map(|click| click.campaign_id.map(|id| id.0)).collect();
    let times: Vec<DateTime<Utc>> = clicks.iter().map(|click| click.at).collect();
    let referrers: Vec<Option<&str>> = clicks.iter().map(|click| click.referrer.as_deref()).collect();
    let agents: Vec<Option<&str>> = clicks.iter().map(|click| click.user_agent.as_deref()).collect();
    sqlx::query!(
        "insert into clicks (id, code, enrollment_id, campaign_id, at, referrer, user_agent)
        select * from unnest($1::uuid[], $2::text[], $3::uuid[], $4::uuid[], $5::timestamptz[], $6::text[], $7::text[])
        on conflict (id) do nothing",
        &ids,
        &codes as &[&str],
        &enrollments,
        &campaigns as &[Option<Uuid>],
        &times,
        &referrers as &[Option<&str>],
        &agents as &[Option<&str>],
    )
    .execute(db)
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
    /// The program's site, whose pages may tell of visits too.
    pub site_url: String,
    pub cookie_days: i32,
    pub click_rule: ClickRule,
}

/// Where the code leads at `now`, if somebody has it. A code without a campaign follows the program's newest that is on.
///
/// # Errors
/// From the database.
pub async fn landing(conn: &mut PgConnection, code: &str, now: DateTime<Utc>) -> Result<Option<Landing>, sqlx::Error> {
    sqlx::query_as!(
        Landing,
        r#"select r.enrollment_id, r.campaign_id, p.site_url, p.cookie_days,
            p.click_rule as "click_rule: ClickRule",
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

/// How a site's script keeps referrals.
#[derive(Debug, Clone)]
pub struct Tracking {
    pub cookie_days: i32,
    pub click_rule: ClickRule,
}

/// What the program with the slug wants of the script, or the oldest program when none is named.
///
/// # Errors
/// From the database.
pub async fn tracking(db: impl PgExecutor<'_>, slug: Option<&str>) -> Result<Option<Tracking>, sqlx::Error> {
    sqlx::query_as!(
        Tracking,
        r#"select cookie_days, click_rule as "click_rule: ClickRule" from programs
        where $1::text is null or slug = $1 order by id limit 1"#,
        slug,
    )
    .fetch_optional(db)
    .await
}
