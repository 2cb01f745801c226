//! What the inbox says to PostgreSQL for one event, up to its commission, as a pgbench script.

use std::collections::BTreeSet;

use purser::{Engine, pipeline};
use sqlx::PgConnection;
use uuid::Uuid;

use super::database::{Original, receive};
use super::names::{self, AFFILIATES, Names};
use super::pgbench::Script;
use super::recording;

/// The affiliate whose event is recorded.
const AFFILIATE: usize = 500;
const EVENT: &str = "evt_recorded";

/// Processes one event over `engine`, whose pool has one connection, and writes the script of it.
pub async fn record(engine: &Engine, original: &Original) -> Script {
    let now = engine.clock.now().await;
    let mut conn = engine.pool.acquire().await.unwrap();
    receive(&mut conn, EVENT, &names::code(AFFILIATE), now).await;
    drop(conn);
    let of_affiliate = original.ids_of_affiliate(AFFILIATE as u64);
    let ids: Vec<Uuid> = of_affiliate.iter().map(|(id, _)| *id).collect();
    recording::begin(engine, &ids).await;
    assert!(pipeline::inbox::process_next(engine, now).await.unwrap(), "the event to record was not there");
    let said = recording::end(engine).await;

    let mut names = Names::default();
    names.add(EVENT, "(:id)::text");
    names.add(names::code(AFFILIATE), names::code_sql(":k"));
    for (id, kind) in of_affiliate {
        names.add_id(id, kind, ":k");
    }
    let mut conn = engine.pool.acquire().await.unwrap();
    let known: BTreeSet<Uuid> = ids.into_iter().chain(founding_ids(&mut conn).await).collect();
    let mut script = Script::new();
    script.line(&format!(r"\set k random(0, {})", AFFILIATES - 1));
    recording::add(&mut conn, &mut script, names, &known, &said).await;
    script
}

async fn founding_ids(conn: &mut PgConnection) -> Vec<Uuid> {
    sqlx::query_scalar(
        "select id from programs union all select id from campaigns union all select id from rule_versions",
    )
    .fetch_all(conn)
    .await
    .unwrap()
}
