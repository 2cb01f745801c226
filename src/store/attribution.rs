//! Looks up what evidence leads to: codes, coupons, clicks and earlier payments, and how the affiliate, the campaign and
//! its rules stand. Which of it counts is decided by the stage.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::domain::attribution::{AttributionOrder, ClickRule};
use crate::domain::ids::{AffiliateId, CampaignId, ClickId, EnrollmentId, ProgramId};

/// Whom a code, coupon or click names.
#[derive(Debug, Clone, Copy)]
pub struct Named {
    pub enrollment_id: Uuid,
    /// The campaign it belongs to; none follows the program's.
    pub campaign_id: Option<Uuid>,
}

/// Whom a referral code names; `code` in lower case.
///
/// # Errors
/// From the database.
pub async fn by_referral_code(conn: &mut PgConnection, code: &str) -> Result<Option<Named>, sqlx::Error> {
    sqlx::query_as!(Named, "select enrollment_id, campaign_id from referral_codes where code = $1", code)
        .fetch_optional(conn)
        .await
}

/// Whom a promotion code's text names; `code` in lower case.
///
/// # Errors
/// From the database.
pub async fn by_coupon(conn: &mut PgConnection, code: &str) -> Result<Option<Named>, sqlx::Error> {
    sqlx::query_as!(Named, "select enrollment_id, campaign_id from coupons where code = $1", code)
        .fetch_optional(conn)
        .await
}

/// Whom Stripe's id of a promotion code names, if the id is known.
///
/// # Errors
/// From the database.
pub async fn by_promotion(conn: &mut PgConnection, promotion_id: &str) -> Result<Option<Named>, sqlx::Error> {
    sqlx::query_as!(
        Named,
        "select enrollment_id, campaign_id from coupons where stripe_promotion_code = $1",
        promotion_id,
    )
    .fetch_optional(conn)
    .await
}

/// Remembers Stripe's id of a coupon, unless it has one.
///
/// # Errors
/// From the database.
pub async fn learn_promotion(conn: &mut PgConnection, code: &str, promotion_id: &str) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update coupons set stripe_promotion_code = $2 where code = $1 and stripe_promotion_code is null
            and not exists (select 1 from coupons where stripe_promotion_code = $2)",
        code,
        promotion_id,
    )
    .execute(conn)
    .await
    .map(drop)
}

/// A click and how long it counts.
#[derive(Debug, Clone, Copy)]
pub struct Click {
    pub enrollment_id: Uuid,
    pub campaign_id: Option<Uuid>,
    pub at: DateTime<Utc>,
    pub cookie_days: i32,
}

/// The click with the id.
///
/// # Errors
/// From the database.
pub async fn click(conn: &mut PgConnection, click_id: ClickId) -> Result<Option<Click>, sqlx::Error> {
    sqlx::query_as!(
        Click,
        "select c.enrollment_id, c.campaign_id, c.at, p.cookie_days
        from clicks c join enrollments e on e.id = c.enrollment_id join programs p on p.id = e.program_id
        where c.id = $1",
        click_id.0,
    )
    .fetch_optional(conn)
    .await
}

/// How an affiliate stands in a program, and how the program weighs evidence.
#[derive(Debug, Clone)]
pub struct Standing {
    pub affiliate_id: AffiliateId,
    pub affiliate_status: String,
    pub program_id: ProgramId,
    pub status: String,
    pub attribution_order: AttributionOrder,
    pub click_rule: ClickRule,
    pub count_out_of_band: bool,
}

/// How the enrollment stands.
///
/// # Errors
/// From the database; [`sqlx::Error::RowNotFound`] when there is none.
pub async fn standing(conn: &mut PgConnection, enrollment_id: EnrollmentId) -> Result<Standing, sqlx::Error> {
    sqlx::query_as!(
        Standing,
        r#"select e.affiliate_id, a.status as affiliate_status, e.program_id, e.status,
            p.attribution_order as "attribution_order: AttributionOrder", p.click_rule as "click_rule: ClickRule",
            p.count_out_of_band
        from enrollments e join affiliates a on a.id = e.affiliate_id join programs p on p.id = e.program_id
        where e.id = $1"#,
        enrollment_id.0,
    )
    .fetch_one(conn)
    .await
}

/// The enrollments of an affiliate, oldest first.
///
/// # Errors
/// From the database.
pub async fn enrollments_of(
    conn: &mut PgConnection,
    affiliate_id: AffiliateId,
) -> Result<Vec<EnrollmentId>, sqlx::Error> {
    let ids = sqlx::query_scalar!(
        "select id from enrollments where affiliate_id = $1 order by joined_at, id",
        affiliate_id.0,
    )
    .fetch_all(conn)
    .await?;
    Ok(ids.into_iter().map(EnrollmentId).collect())
}

/// When a campaign is on.
#[derive(Debug, Clone)]
pub struct Dates {
    pub id: CampaignId,
    pub active: bool,
    pub starts_at: Option<DateTime<Utc>>,
    pub ends_at: Option<DateTime<Utc>>,
}

/// The campaigns of a program, or the one that is asked for, the newest start first.
///
/// # Errors
/// From the database.
pub async fn campaigns(
    conn: &mut PgConnection,
    program_id: ProgramId,
    only: Option<CampaignId>,
    paid_at: DateTime<Utc>,
) -> Result<Vec<Dates>, sqlx::Error> {
    sqlx::query_as!(
        Dates,
        "select id, active, starts_at, ends_at from campaigns
        where program_id = $1 and ($2::uuid is null or id = $2)
        order by (starts_at is not null or exists (
                select 1 from standing_rule_versions v
                where v.campaign_id = campaigns.id and date_trunc('second', v.effective_from) <= $3)) desc,
            starts_at desc nulls last, id desc",
        program_id.0,
        only.map(|id| id.0) as Option<Uuid>,
        paid_at,
    )
    .fetch_all(conn)
    .await
}

/// The campaign's rule version that was in force at `paid_at`, or its first.
///
/// # Errors
/// From the database.
pub async fn rule_version(
    conn: &mut PgConnection,
    campaign_id: CampaignId,
    paid_at: DateTime<Utc>,
) -> Result<Option<Uuid>, sqlx::Error> {
    // Stripe's times are whole seconds, so a rule counts from the second in which it was made.
    sqlx::query_scalar!(
        r#"select id as "id!" from standing_rule_versions where campaign_id = $1
        order by (date_trunc('second', effective_from) <= $2) desc,
            case when date_trunc('second', effective_from) <= $2 then effective_from end desc,
            case when date_trunc('second', effective_from) <= $2 then version end desc,
            effective_from, version
        limit 1"#,
        campaign_id.0,
        paid_at,
    )
    .fetch_optional(conn)
    .await
}
