//! Affiliates in programs, with their referral codes, coupons and balances.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::domain::currency::Currency;
use crate::domain::ids::{AffiliateId, EnrollmentId, ProgramId};
use crate::domain::program::EnrollmentStatus;

/// An enrollment with what it is known by.
#[derive(Debug, Clone)]
pub struct EnrollmentRow {
    pub id: EnrollmentId,
    pub affiliate_id: AffiliateId,
    pub program_id: ProgramId,
    pub program_slug: String,
    pub program_name: String,
    pub program_currency: Currency,
    pub status: EnrollmentStatus,
    pub joined_at: DateTime<Utc>,
    /// Oldest first.
    pub codes: Vec<String>,
    pub coupons: Vec<String>,
}

/// A balance of an enrollment; minor units of `currency`.
#[derive(Debug, Clone)]
pub struct BalanceRow {
    pub enrollment_id: EnrollmentId,
    pub affiliate_id: AffiliateId,
    pub program_id: ProgramId,
    pub currency: Currency,
    pub pending_minor: i64,
    pub held_minor: i64,
    pub payable_minor: i64,
    pub in_transit_minor: i64,
    pub paid_minor: i64,
}

pub async fn insert(
    conn: &mut PgConnection,
    id: EnrollmentId,
    affiliate_id: AffiliateId,
    program_id: ProgramId,
    now: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into enrollments (id, affiliate_id, program_id, status, joined_at) values ($1, $2, $3, 'active', $4)",
        id.0,
        affiliate_id.0,
        program_id.0,
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

pub async fn set_status(conn: &mut PgConnection, id: EnrollmentId, status: EnrollmentStatus) -> sqlx::Result<()> {
    sqlx::query!("update enrollments set status = $2 where id = $1", id.0, status.as_str()).execute(conn).await?;
    Ok(())
}

/// Returns whether the code was free.
pub async fn insert_code(
    conn: &mut PgConnection,
    code: &str,
    id: EnrollmentId,
    now: DateTime<Utc>,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "insert into referral_codes (code, enrollment_id, created_at) values ($1, $2, $3) on conflict (code) do nothing",
        code,
        id.0,
        now,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Returns whether the coupon was free. `stripe_promotion_code`: its `promo_…` id, when it is known.
pub async fn insert_coupon(
    conn: &mut PgConnection,
    code: &str,
    stripe_promotion_code: Option<&str>,
    id: EnrollmentId,
    now: DateTime<Utc>,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "insert into coupons (code, enrollment_id, stripe_promotion_code, created_at) values ($1, $2, $3, $4)
        on conflict do nothing",
        code,
        id.0,
        stripe_promotion_code,
        now,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}

pub async fn delete_coupons_except(conn: &mut PgConnection, id: EnrollmentId, kept: &[String]) -> sqlx::Result<()> {
    sqlx::query!("delete from coupons where enrollment_id = $1 and not (code = any($2))", id.0, kept)
        .execute(conn)
        .await?;
    Ok(())
}

pub async fn of_affiliates(conn: &mut PgConnection, affiliates: &[Uuid]) -> sqlx::Result<Vec<EnrollmentRow>> {
    sqlx::query_as!(
        EnrollmentRow,
        r#"select e.id as "id: EnrollmentId", e.affiliate_id as "affiliate_id: AffiliateId",
            e.program_id as "program_id: ProgramId", p.slug as program_slug, p.name as program_name,
            p.currency as "program_currency: Currency", e.status as "status: EnrollmentStatus", e.joined_at,
            array(select code from referral_codes c where c.enrollment_id = e.id order by c.created_at, code) as "codes!",
            array(select code from coupons c where c.enrollment_id = e.id order by c.created_at, code) as "coupons!"
        from enrollments e join programs p on p.id = e.program_id
        where e.affiliate_id = any($1) order by e.id"#,
        affiliates,
    )
    .fetch_all(conn)
    .await
}

pub async fn balances_of_affiliates(conn: &mut PgConnection, affiliates: &[Uuid]) -> sqlx::Result<Vec<BalanceRow>> {
    sqlx::query_as!(
        BalanceRow,
        r#"select e.id as "enrollment_id: EnrollmentId", e.affiliate_id as "affiliate_id: AffiliateId",
            e.program_id as "program_id: ProgramId", b.currency as "currency: Currency",
            b.pending_minor, b.held_minor, b.payable_minor, b.in_transit_minor, b.paid_minor
        from enrollments e join balances b on b.enrollment_id = e.id
        where e.affiliate_id = any($1) order by e.id, b.currency"#,
        affiliates,
    )
    .fetch_all(conn)
    .await
}
