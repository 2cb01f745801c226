//! Programs: an affiliate program's settings.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use sqlx::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

use crate::domain::attribution::{AttributionOrder, ClickRule, EvidenceSource};
use crate::domain::currency::Currency;
use crate::domain::ids::ProgramId;
use crate::domain::minimum::MinPayouts;
use crate::domain::period::PeriodKind;
use crate::domain::program::{Cadence, SignAction};
use crate::domain::schedule::Schedule;

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
    /// In other currencies, in their minor units.
    pub min_payouts: Json<MinPayouts>,
    pub cadence: Cadence,
    /// Monday is 1.
    pub payout_weekday: i16,
    pub payout_day: i16,
    /// Scheduled batches are paid at once, without a review.
    pub auto_execute: bool,
    /// Slots before this time never count.
    pub schedule_from: DateTime<Utc>,
    pub commission_period: PeriodKind,
    pub refund_rate_threshold: Option<Decimal>,
    pub refund_amount_threshold_minor: Option<i64>,
    pub four_eyes_above_minor: Option<i64>,
    pub cookie_days: i32,
    pub attribution_order: AttributionOrder,
    pub click_rule: ClickRule,
    pub count_out_of_band: bool,
    pub self_referral: SignAction,
    pub velocity_sign: SignAction,
    pub velocity_per_hour: i32,
    pub shared_buyer_sign: SignAction,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl ProgramRow {
    pub fn schedule(&self) -> Schedule {
        schedule(self.cadence, self.payout_weekday, self.payout_day)
    }
}

/// The schedule of stored settings.
pub fn schedule(cadence: Cadence, weekday: i16, day: i16) -> Schedule {
    Schedule { cadence, weekday: weekday.unsigned_abs().into(), day: day.unsigned_abs().into() }
}

/// Writes the program with its minimums.
pub async fn insert(conn: &mut PgConnection, program: &ProgramRow) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into programs
            (id, slug, name, currency, site_url, hold_days, auto_credit, min_payout_minor, cadence, refund_rate_threshold,
             refund_amount_threshold_minor, four_eyes_above_minor, cookie_days, created_at, updated_at, attribution_order,
             click_rule, count_out_of_band, self_referral, velocity_sign, velocity_per_hour, shared_buyer_sign,
             payout_weekday, payout_day, auto_execute, schedule_from, commission_period)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22,
            $23, $24, $25, $26, $27)",
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
        &order_words(&program.attribution_order),
        program.click_rule.as_str(),
        program.count_out_of_band,
        program.self_referral.as_str(),
        program.velocity_sign.as_str(),
        program.velocity_per_hour,
        program.shared_buyer_sign.as_str(),
        program.payout_weekday,
        program.payout_day,
        program.auto_execute,
        program.schedule_from,
        program.commission_period.as_str(),
    )
    .execute(&mut *conn)
    .await?;
    set_min_payouts(conn, program).await
}

/// Makes the stored minimums of other currencies the program's.
async fn set_min_payouts(conn: &mut PgConnection, program: &ProgramRow) -> sqlx::Result<()> {
    let currencies: Vec<String> = program.min_payouts.keys().map(Currency::to_string).collect();
    let amounts: Vec<i64> = program.min_payouts.values().copied().collect();
    sqlx::query!(
        "delete from program_min_payouts where program_id = $1 and not currency = any($2)",
        program.id.0,
        &currencies,
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        "insert into program_min_payouts (program_id, currency, amount_minor)
        select $1, currency, amount_minor from unnest($2::text[], $3::bigint[]) as named (currency, amount_minor)
        on conflict (program_id, currency) do update set amount_minor = excluded.amount_minor",
        program.id.0,
        &currencies,
        &amounts,
    )
    .execute(conn)
    .await?;
    Ok(())
}

fn order_words(order: &AttributionOrder) -> Vec<String> {
    order.sources().iter().map(EvidenceSource::to_string).collect()
}

/// Writes every setting but the currency, which never changes.
pub async fn update(conn: &mut PgConnection, program: &ProgramRow) -> sqlx::Result<()> {
    sqlx::query!(
        "update programs set slug = $2, name = $3, site_url = $4, hold_days = $5, auto_credit = $6, min_payout_minor = $7,
            cadence = $8, refund_rate_threshold = $9, refund_amount_threshold_minor = $10, four_eyes_above_minor = $11,
            cookie_days = $12, updated_at = $13, attribution_order = $14, click_rule = $15, count_out_of_band = $16,
            self_referral = $17, velocity_sign = $18, velocity_per_hour = $19, shared_buyer_sign = $20,
            payout_weekday = $21, payout_day = $22, auto_execute = $23, schedule_from = $24,
            commission_period = $25
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
        &order_words(&program.attribution_order),
        program.click_rule.as_str(),
        program.count_out_of_band,
        program.self_referral.as_str(),
        program.velocity_sign.as_str(),
        program.velocity_per_hour,
        program.shared_buyer_sign.as_str(),
        program.payout_weekday,
        program.payout_day,
        program.auto_execute,
        program.schedule_from,
        program.commission_period.as_str(),
    )
    .execute(&mut *conn)
    .await?;
    set_min_payouts(conn, program).await
}

/// The program, locked for a change.
pub async fn lock(conn: &mut PgConnection, id: ProgramId) -> sqlx::Result<Option<ProgramRow>> {
    sqlx::query_as!(
        ProgramRow,
        r#"select id as "id: ProgramId", slug, name, currency as "currency: Currency", site_url, hold_days, auto_credit,
            min_payout_minor, other_min_payouts(id) as "min_payouts!: Json<MinPayouts>", cadence as "cadence: Cadence", refund_rate_threshold, refund_amount_threshold_minor,
            four_eyes_above_minor, cookie_days, attribution_order as "attribution_order: AttributionOrder",
            click_rule as "click_rule: ClickRule", count_out_of_band, self_referral as "self_referral: SignAction",
            velocity_sign as "velocity_sign: SignAction", velocity_per_hour,
            shared_buyer_sign as "shared_buyer_sign: SignAction", payout_weekday, payout_day,
            auto_execute, schedule_from, commission_period as "commission_period: PeriodKind", created_at, updated_at
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
            min_payout_minor, other_min_payouts(id) as "min_payouts!: Json<MinPayouts>", cadence as "cadence: Cadence", refund_rate_threshold, refund_amount_threshold_minor,
            four_eyes_above_minor, cookie_days, attribution_order as "attribution_order: AttributionOrder",
            click_rule as "click_rule: ClickRule", count_out_of_band, self_referral as "self_referral: SignAction",
            velocity_sign as "velocity_sign: SignAction", velocity_per_hour,
            shared_buyer_sign as "shared_buyer_sign: SignAction", payout_weekday, payout_day,
            auto_execute, schedule_from, commission_period as "commission_period: PeriodKind", created_at, updated_at
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
            min_payout_minor, other_min_payouts(id) as "min_payouts!: Json<MinPayouts>", cadence as "cadence: Cadence", refund_rate_threshold, refund_amount_threshold_minor,
            four_eyes_above_minor, cookie_days, attribution_order as "attribution_order: AttributionOrder",
            click_rule as "click_rule: ClickRule", count_out_of_band, self_referral as "self_referral: SignAction",
            velocity_sign as "velocity_sign: SignAction", velocity_per_hour,
            shared_buyer_sign as "shared_buyer_sign: SignAction", payout_weekday, payout_day,
            auto_execute, schedule_from, commission_period as "commission_period: PeriodKind", created_at, updated_at
        from programs where ($1::uuid is null or id < $1) order by id desc limit $2"#,
        before,
        limit,
    )
    .fetch_all(conn)
    .await
}
