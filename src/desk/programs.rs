//! Programs: how an affiliate program holds, credits and pays. The currency is chosen once, because balances belong to it.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sqlx::PgConnection;
use utoipa::ToSchema;

use super::field::{self, nullable};
use super::{Error, Page, PageRequest, Result};
use crate::Engine;
use crate::domain::actor::{Actor, Permission};
use crate::domain::currency::Currency;
use crate::domain::ids::ProgramId;
use crate::domain::program::Cadence;
use crate::store::programs::{self, ProgramRow};
use crate::store::{audit, violated_constraint};

const DEFAULT_HOLD_DAYS: i32 = 30;
const DEFAULT_COOKIE_DAYS: i32 = 60;
const DEFAULT_MIN_PAYOUT_MINOR: i64 = 1000;
const MOST_DAYS: i32 = 3650;

/// An affiliate program. Amounts in minor units of `currency`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Program {
    pub id: ProgramId,
    pub name: String,
    pub slug: String,
    pub currency: Currency,
    /// Where visitors of unknown codes go.
    pub site_url: String,
    /// Days before a commission can be approved.
    pub hold_days: i32,
    /// Commissions are approved by themselves when their hold window is over.
    pub auto_credit: bool,
    #[serde(rename = "min_payout")]
    pub min_payout_minor: i64,
    pub cadence: Cadence,
    /// Percent of an affiliate's sales that may be refunded before payouts stop; text, or null for no limit.
    #[schema(value_type = Option<String>)]
    pub refund_rate_threshold: Option<Decimal>,
    #[serde(rename = "refund_amount_threshold")]
    pub refund_amount_threshold_minor: Option<i64>,
    /// Batches above this need a second person's approval; null for none.
    #[serde(rename = "four_eyes_above")]
    pub four_eyes_above_minor: Option<i64>,
    /// Days that a click counts.
    pub cookie_days: i32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// A program to be made. What is left out takes its default.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewProgram {
    pub name: String,
    /// Lower-case letters, digits and dashes; made from the name when it is left out.
    #[serde(default)]
    pub slug: Option<String>,
    pub currency: Currency,
    /// An http or https address.
    pub site_url: String,
    pub hold_days: Option<i32>,
    pub auto_credit: Option<bool>,
    pub min_payout: Option<i64>,
    pub cadence: Option<Cadence>,
    /// Percent, as text or number.
    #[schema(value_type = Option<String>)]
    pub refund_rate_threshold: Option<Decimal>,
    pub refund_amount_threshold: Option<i64>,
    pub four_eyes_above: Option<i64>,
    pub cookie_days: Option<i32>,
}

/// Changes of a program: what is left out stays, null takes a limit away.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProgramPatch {
    pub name: Option<String>,
    pub slug: Option<String>,
    /// May be given only as it is: a program's currency never changes.
    pub currency: Option<Currency>,
    pub site_url: Option<String>,
    pub hold_days: Option<i32>,
    pub auto_credit: Option<bool>,
    pub min_payout: Option<i64>,
    pub cadence: Option<Cadence>,
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<String>)]
    pub refund_rate_threshold: Option<Option<Decimal>>,
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<i64>)]
    pub refund_amount_threshold: Option<Option<i64>>,
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<i64>)]
    pub four_eyes_above: Option<Option<i64>>,
    pub cookie_days: Option<i32>,
}

/// Makes a program.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::Invalid`] naming the field; [`Error::Conflict`] when the slug is taken.
pub async fn create(engine: &Engine, actor: &Actor, now: DateTime<Utc>, new: NewProgram) -> Result<Program> {
    actor.require(Permission::Write)?;
    let slug = new.slug.clone().unwrap_or_else(|| field::slug_of(&new.name));
    let row = ProgramRow {
        id: ProgramId::new(now),
        slug,
        name: new.name.trim().to_owned(),
        currency: new.currency,
        site_url: new.site_url,
        hold_days: new.hold_days.unwrap_or(DEFAULT_HOLD_DAYS),
        auto_credit: new.auto_credit.unwrap_or(true),
        min_payout_minor: new.min_payout.unwrap_or(DEFAULT_MIN_PAYOUT_MINOR),
        cadence: new.cadence.unwrap_or(Cadence::Monthly),
        refund_rate_threshold: new.refund_rate_threshold,
        refund_amount_threshold_minor: new.refund_amount_threshold,
        four_eyes_above_minor: new.four_eyes_above,
        cookie_days: new.cookie_days.unwrap_or(DEFAULT_COOKIE_DAYS),
        created_at: now,
        updated_at: now,
    };
    check(&row)?;
    let mut tx = engine.pool.begin().await?;
    programs::insert(&mut tx, &row).await.map_err(|error| slug_taken(error, &row.slug))?;
    let details = json!({ "slug": row.slug, "currency": row.currency });
    audit::record(&mut tx, now, actor, "program.created", ("program", row.id.to_string()), details).await?;
    tx.commit().await?;
    Ok(row.into())
}

/// Changes a program's settings.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::NotFound`]; [`Error::Invalid`] naming the field; [`Error::Conflict`] when the slug is taken.
pub async fn update(
    engine: &Engine,
    actor: &Actor,
    now: DateTime<Utc>,
    program: &str,
    patch: ProgramPatch,
) -> Result<Program> {
    actor.require(Permission::Write)?;
    let mut tx = engine.pool.begin().await?;
    let id = resolve(&mut tx, program).await?;
    let before = programs::lock(&mut tx, id).await?.ok_or(Error::NotFound("program"))?;
    if patch.currency.is_some_and(|currency| currency != before.currency) {
        return Err(Error::invalid("currency", "A program's currency can't change: make another program for it."));
    }
    let mut row = patched(before.clone(), patch);
    row.updated_at = now;
    check(&row)?;
    programs::update(&mut tx, &row).await.map_err(|error| slug_taken(error, &row.slug))?;
    let (before, after) = (Program::from(before), Program::from(row));
    let details = field::changes(&json!(before), &json!(after));
    audit::record(&mut tx, now, actor, "program.updated", ("program", id.to_string()), details).await?;
    tx.commit().await?;
    Ok(after)
}

/// The program with this id or slug.
///
/// # Errors
/// [`Error::Forbidden`], [`Error::NotFound`].
pub async fn get(engine: &Engine, actor: &Actor, program: &str) -> Result<Program> {
    actor.require(Permission::Read)?;
    let mut conn = engine.pool.acquire().await?;
    let id = resolve(&mut conn, program).await?;
    Ok(programs::find(&mut conn, id).await?.ok_or(Error::NotFound("program"))?.into())
}

/// All programs, newest first.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::Invalid`] for the cursor.
pub async fn list(engine: &Engine, actor: &Actor, page: &PageRequest) -> Result<Page<Program>> {
    actor.require(Permission::Read)?;
    let before = page.before::<ProgramId>()?;
    let mut conn = engine.pool.acquire().await?;
    let rows = programs::list(&mut conn, before, page.fetch()).await?;
    Ok(page.page(rows.into_iter().map(Program::from).collect(), |program| program.id))
}

/// The id of the program that a filter or a field `program` names by id or slug; `None` when it names none.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::Invalid`] when there is no such program.
pub async fn id_param(engine: &Engine, actor: &Actor, program: Option<&str>) -> Result<Option<ProgramId>> {
    actor.require(Permission::Read)?;
    let Some(program) = program else { return Ok(None) };
    let mut conn = engine.pool.acquire().await?;
    Ok(Some(resolve_param(&mut conn, "program", program).await?))
}

/// The id of the program that is named by id or slug.
pub(super) async fn resolve(conn: &mut PgConnection, program: &str) -> Result<ProgramId> {
    if let Ok(id) = program.parse::<ProgramId>() {
        return programs::find(conn, id).await?.map(|row| row.id).ok_or(Error::NotFound("program"));
    }
    programs::id_by_slug(conn, program).await?.ok_or(Error::NotFound("program"))
}

/// As [`resolve`], for a filter or a field: what names no program is a wrong `param`.
pub(super) async fn resolve_param(conn: &mut PgConnection, param: &str, program: &str) -> Result<ProgramId> {
    match resolve(conn, program).await {
        Err(Error::NotFound(_)) => Err(Error::invalid(
            param,
            format!("`{param}` must be the id or the slug of a program; `{program}` is none."),
        )),
        other => other,
    }
}

fn patched(row: ProgramRow, patch: ProgramPatch) -> ProgramRow {
    ProgramRow {
        slug: patch.slug.unwrap_or(row.slug),
        name: patch.name.map_or(row.name, |name| name.trim().to_owned()),
        site_url: patch.site_url.unwrap_or(row.site_url),
        hold_days: patch.hold_days.unwrap_or(row.hold_days),
        auto_credit: patch.auto_credit.unwrap_or(row.auto_credit),
        min_payout_minor: patch.min_payout.unwrap_or(row.min_payout_minor),
        cadence: patch.cadence.unwrap_or(row.cadence),
        refund_rate_threshold: patch.refund_rate_threshold.unwrap_or(row.refund_rate_threshold),
        refund_amount_threshold_minor: patch.refund_amount_threshold.unwrap_or(row.refund_amount_threshold_minor),
        four_eyes_above_minor: patch.four_eyes_above.unwrap_or(row.four_eyes_above_minor),
        cookie_days: patch.cookie_days.unwrap_or(row.cookie_days),
        ..row
    }
}

fn check(row: &ProgramRow) -> Result<()> {
    field::name("name", &row.name)?;
    field::slug("slug", &row.slug)?;
    field::url("site_url", &row.site_url)?;
    for (param, days) in [("hold_days", row.hold_days), ("cookie_days", row.cookie_days)] {
        if !(0..=MOST_DAYS).contains(&days) {
            return Err(Error::invalid(param, format!("`{param}` must be from 0 to {MOST_DAYS} days.")));
        }
    }
    for (param, amount) in [
        ("min_payout", Some(row.min_payout_minor)),
        ("refund_amount_threshold", row.refund_amount_threshold_minor),
        ("four_eyes_above", row.four_eyes_above_minor),
    ] {
        if amount.is_some_and(|amount| amount < 0) {
            return Err(Error::invalid(
                param,
                format!("`{param}` must be 0 or more, in minor units (1000 is 10.00 USD)."),
            ));
        }
    }
    if row.refund_rate_threshold.is_some_and(|rate| rate < Decimal::ZERO || rate > Decimal::ONE_HUNDRED) {
        return Err(Error::invalid(
            "refund_rate_threshold",
            "`refund_rate_threshold` must be a percentage from 0 to 100.",
        ));
    }
    Ok(())
}

fn slug_taken(error: sqlx::Error, slug: &str) -> Error {
    match violated_constraint(&error) {
        Some("programs_slug_key") => Error::conflict("slug_taken", format!("Another program has the slug `{slug}`.")),
        _ => error.into(),
    }
}

impl From<ProgramRow> for Program {
    fn from(row: ProgramRow) -> Self {
        Program {
            id: row.id,
            name: row.name,
            slug: row.slug,
            currency: row.currency,
            site_url: row.site_url,
            hold_days: row.hold_days,
            auto_credit: row.auto_credit,
            min_payout_minor: row.min_payout_minor,
            cadence: row.cadence,
            refund_rate_threshold: row.refund_rate_threshold.map(|rate| rate.normalize()),
            refund_amount_threshold_minor: row.refund_amount_threshold_minor,
            four_eyes_above_minor: row.four_eyes_above_minor,
            cookie_days: row.cookie_days,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}
