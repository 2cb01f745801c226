//! Programs: how an affiliate program holds, credits and pays. The currency is chosen once, because balances belong to it.

mod fields;

use chrono::{DateTime, Utc};
use serde_json::json;
use sqlx::PgConnection;

pub use self::fields::{NewProgram, Program, ProgramPatch};
use super::{Error, Page, PageRequest, Result, field};
use crate::Engine;
use crate::domain::actor::{Actor, Permission};
use crate::domain::ids::ProgramId;
use crate::store::{audit, programs, violated_constraint};

/// Makes a program.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::Invalid`] naming the field; [`Error::Conflict`] when the slug is taken.
pub async fn create(engine: &Engine, actor: &Actor, now: DateTime<Utc>, new: NewProgram) -> Result<Program> {
    actor.require(Permission::Write)?;
    let row = fields::made(new, now);
    fields::check(&row)?;
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
    let mut row = fields::patched(before.clone(), patch);
    row.updated_at = now;
    if row.schedule() != before.schedule() {
        // A new schedule begins now: it owes nothing for slots that it would have had before.
        row.schedule_from = now;
    }
    fields::check(&row)?;
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

fn slug_taken(error: sqlx::Error, slug: &str) -> Error {
    match violated_constraint(&error) {
        Some("programs_slug_key") => Error::conflict("slug_taken", format!("Another program has the slug `{slug}`.")),
        _ => error.into(),
    }
}
