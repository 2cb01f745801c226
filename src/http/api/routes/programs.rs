//! `/programs`.

use axum::Json;
use axum::extract::{Path, State};

use super::super::Answer;
use super::super::caller::{Reader, Writer};
use super::super::input::{Body, PageQuery, Query};
use crate::Engine;
use crate::desk::Page;
use crate::desk::programs::{self, NewProgram, Program, ProgramPatch};

/// Lists programs, newest first.
#[utoipa::path(get, path = "/programs", tag = "Programs", params(PageQuery), security(("key" = ["read"])),
    responses((status = 200, body = Page<Program>)))]
pub async fn list(State(engine): State<Engine>, by: Reader, Query(query): Query<PageQuery>) -> Answer<Page<Program>> {
    Ok(Json(programs::list(&engine, &by.actor, &query.page()?).await?))
}

/// Makes a program.
#[utoipa::path(post, path = "/programs", tag = "Programs", security(("key" = ["write"])), request_body = NewProgram,
    responses((status = 200, body = Program)))]
pub async fn create(State(engine): State<Engine>, by: Writer, Body(new): Body<NewProgram>) -> Answer<Program> {
    Ok(Json(programs::create(&engine, &by.actor, by.now, new).await?))
}

/// Reads a program, by id or slug.
#[utoipa::path(get, path = "/programs/{id}", tag = "Programs", params(("id" = String, Path, description = "Id or slug.")),
    security(("key" = ["read"])), responses((status = 200, body = Program)))]
pub async fn get(State(engine): State<Engine>, by: Reader, Path(id): Path<String>) -> Answer<Program> {
    Ok(Json(programs::get(&engine, &by.actor, &id).await?))
}

/// Changes a program; the currency stays.
#[utoipa::path(patch, path = "/programs/{id}", tag = "Programs", params(("id" = String, Path, description = "Id or slug.")),
    security(("key" = ["write"])), request_body = ProgramPatch, responses((status = 200, body = Program)))]
pub async fn update(
    State(engine): State<Engine>,
    by: Writer,
    Path(id): Path<String>,
    Body(patch): Body<ProgramPatch>,
) -> Answer<Program> {
    Ok(Json(programs::update(&engine, &by.actor, by.now, &id, patch).await?))
}
