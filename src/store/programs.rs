//! Programs: an affiliate program's settings.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::domain::currency::Currency;
use crate::domain::ids::ProgramId;
use crate::domain::program::Cadence;

/// A program as stored; amounts in minor units of its currency.
#[derive(Debug, Clone)]
pub struct ProgramRow {
    pub id: ProgramId,
    pub slug: String,
    pub name: String,
    pub currency: Currency,
    pub site_url: String,
    pub hold_days: i32,
    pub auto_credit: bool,
    pub min_payout_minor: i64,
    pub cadence: Cadence,
    pub refund_rate_threshold: Option<Decimal>,
    pub refund_amount_threshold_minor: Option<i64>,
    pub four_eyes_above_minor: Option<i64>,
    pub cookie_days: i32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

pub async fn insert(conn: &mut PgConnection, program: &ProgramRow) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into programs
            (id, slug, name, currency, site_url, hold_days, auto_credit, min_payout_minor, cadence, refund_rate_threshold,
             refund_amount_threshold_minor, four_eyes_above_minor, cookie_days, created_at, updated_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
        program.id.0,
        program.slug,
        program.name,
        program.currency.as_str(),
        program.site_url,
        program.hold_days,
        program.auto_credit,
        program.min_payout_minor,
        program.cadence.as_str(),
        program.refund_rate_threshold,
        program.refund_amount_threshold_minor,
        program.four_eyes_above_minor,
        program.cookie_days,
        program.created_at,
        program.updated_at,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Writes every setting but the currency, which never changes.
pub async fn update(conn: &mut PgConnection, program: &ProgramRow) -> sqlx::Result<()> {
    sqlx::query!(
        "update programs set slug = $2, name = $3, site_url = $4, hold_days = $5, auto_credit = $6, min_payout_minor = $7,
            cadence = $8, refund_rate_threshold = $9, refund_amount_threshold_minor = $10, four_eyes_above_minor = $11,
            cookie_days = $12, updated_at = $13
        where id = $1",
        program.id.0,
        program.slug,
        program.name,
        program.site_url,
        program.hold_days,
        program.auto_credit,
        program.min_payout_minor,
        program.cadence.as_str(),
        program.refund_rate_threshold,
        program.refund_amount_threshold_minor,
        program.four_eyes_above_minor,
        program.cookie_days,
        program.updated_at,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The program, locked for a change.
pub async fn lock(conn: &mut PgConnection, id: ProgramId) -> sqlx::Result<Option<ProgramRow>> {
    sqlx::query_as!(
        ProgramRow,
        r#"select id as "id: ProgramId", slug, name, currency as "currency: Currency", site_url, hold_days, auto_credit,
            min_payout_minor, cadence as "cadence: Cadence", refund_rate_threshold, refund_amount_threshold_minor,
            four_eyes_above_minor, cookie_days, created_at, updated_at
        from programs where id = $1 for update"#,
        id.0,
    )
    .fetch_optional(conn)
    .await
}

pub async fn find(conn: &mut PgConnection, id: ProgramId) -> sqlx::Result<Option<ProgramRow>> {
    sqlx::query_as!(
        ProgramRow,
        r#"select id as "id: ProgramId", slug, name, currency as "currency: Currency", site_url, hold_days, auto_credit,
            min_payout_minor, cadence as "cadence: Cadence", refund_rate_threshold, refund_amount_threshold_minor,
            four_eyes_above_minor, cookie_days, created_at, updated_at
        from programs where id = $1"#,
        id.0,
    )
    .fetch_optional(conn)
    .await
}

pub async fn id_by_slug(conn: &mut PgConnection, slug: &str) -> sqlx::Result<Option<ProgramId>> {
    sqlx::query_scalar!(r#"select id as "id: ProgramId" from programs where slug = $1"#, slug)
        .fetch_optional(conn)
        .await
}

/// Newest first.
pub async fn list(conn: &mut PgConnection, before: Option<Uuid>, limit: i64) -> sqlx::Result<Vec<ProgramRow>> {
    sqlx::query_as!(
        ProgramRow,
        r#"select id as "id: ProgramId", slug, name, currency as "currency: Currency", site_url, hold_days, auto_credit,
            min_payout_minor, cadence as "cadence: Cadence", refund_rate_threshold, refund_amount_threshold_minor,
            four_eyes_above_minor, cookie_days, created_at, updated_at
        from programs where ($1::uuid is null or id < $1) order by id desc limit $2"#,
        before,
        limit,
    )
    .fetch_all(conn)
    .await
}
