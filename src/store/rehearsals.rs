//! Rehearsals that were asked for in the console, and how they ended.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;

use crate::domain::ids::RehearsalId;

/// A rehearsal as stored.
#[derive(Debug, Clone)]
pub struct RehearsalRow {
    pub id: RehearsalId,
    pub started_at: DateTime<Utc>,
    pub started_by: String,
    pub items: i32,
    pub kills: i32,
    pub seed: i64,
    pub finished_at: Option<DateTime<Utc>>,
    pub report: Option<Value>,
    pub error: Option<String>,
}

/// Writes a rehearsal that begins; the constraint `rehearsals_under_way_key` refuses a second one.
pub async fn insert(conn: &mut PgConnection, row: &RehearsalRow) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into rehearsals (id, started_at, started_by, items, kills, seed) values ($1, $2, $3, $4, $5, $6)",
        row.id.0,
        row.started_at,
        row.started_by,
        row.items,
        row.kills,
        row.seed,
    )
    .execute(conn)
    .await
    .map(drop)
}

/// Ends those that began before a time and never said how they ended.
pub async fn give_up_before(conn: &mut PgConnection, before: DateTime<Utc>, now: DateTime<Utc>) -> sqlx::Result<()> {
    sqlx::query!(
        "update rehearsals set finished_at = $2, error = 'the process that played it was ended'
        where finished_at is null and started_at < $1",
        before,
        now,
    )
    .execute(conn)
    .await
    .map(drop)
}

pub async fn finish(
    conn: &mut PgConnection,
    id: RehearsalId,
    now: DateTime<Utc>,
    ending: Result<&Value, &str>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "update rehearsals set finished_at = $2, report = $3, error = $4 where id = $1 and finished_at is null",
        id.0,
        now,
        ending.ok(),
        ending.err(),
    )
    .execute(conn)
    .await
    .map(drop)
}

pub async fn find(conn: &mut PgConnection, id: RehearsalId) -> sqlx::Result<Option<RehearsalRow>> {
    sqlx::query_as!(
        RehearsalRow,
        r#"select id as "id: _", started_at, started_by, items, kills, seed, finished_at, report, error
        from rehearsals where id = $1"#,
        id.0,
    )
    .fetch_optional(conn)
    .await
}

/// The newest, without their reports' details but whether there is one.
pub async fn newest(conn: &mut PgConnection, limit: i64) -> sqlx::Result<Vec<RehearsalRow>> {
    sqlx::query_as!(
        RehearsalRow,
        r#"select id as "id: _", started_at, started_by, items, kills, seed, finished_at,
            jsonb_build_object('holds', report -> 'holds') as "report", error
        from rehearsals order by id desc limit $1"#,
        limit,
    )
    .fetch_all(conn)
    .await
}
