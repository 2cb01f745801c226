//! What Purser really says to PostgreSQL for one piece of work, as a pgbench script: the statements are taken from the server's
//! log while Purser does it, so the script is the code's own whatever becomes of the code. Values that belong to the piece, and
//! its ids, are made anew by every transaction; where Purser uses what a statement answered, so does the script.

use std::collections::BTreeSet;
use std::time::Duration;

use purser::Engine;
use sqlx::{AssertSqlSafe, PgConnection};
use uuid::Uuid;

use super::names::{self, Names};
use super::pgbench::Script;

/// Where the recorded affiliate's chain stands meanwhile: a number that nothing else has.
pub const HEAD: i64 = 777_000_000;

/// Ids that are made meanwhile are of kinds from here on.
const NEW_KINDS: usize = 0x200;

/// Ends the part of the log that is read.
const END: &str = "select 'the recording ends here'";

/// One statement and what was sent with it.
#[derive(Debug)]
pub struct Said {
    sql: String,
    parameters: Vec<Option<String>>,
}

/// Begins to record what `engine` says, whose pool has one connection.
pub async fn begin(engine: &Engine, enrollments: &[Uuid]) {
    let mut conn = engine.pool.acquire().await.unwrap();
    sqlx::query("update ledger_chains set seq = $1 where enrollment_id = any($2)")
        .bind(HEAD)
        .bind(enrollments)
        .execute(&mut *conn)
        .await
        .unwrap();
    sqlx::raw_sql("set log_statement = 'all'").execute(&mut *conn).await.unwrap();
}

/// What was said since [`begin`].
pub async fn end(engine: &Engine) -> Vec<Said> {
    let mut conn = engine.pool.acquire().await.unwrap();
    sqlx::raw_sql(END).execute(&mut *conn).await.unwrap();
    sqlx::raw_sql("set log_statement = 'none'").execute(&mut *conn).await.unwrap();
    read_log(&mut conn).await
}

async fn read_log(conn: &mut PgConnection) -> Vec<Said> {
    let pid: i32 = sqlx::query_scalar("select pg_backend_pid()").fetch_one(&mut *conn).await.unwrap();
    for _ in 0..50 {
        let log: String = sqlx::query_scalar("select pg_read_file(pg_current_logfile('jsonlog'))")
            .fetch_one(&mut *conn)
            .await
            .expect("the server keeps no jsonlog; `make bench` starts one that does");
        let lines = log.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
        let mine: Vec<_> = lines.filter(|line| line["pid"] == pid).collect();
        if let Some(end) = mine.iter().position(|line| line["message"].as_str().is_some_and(|said| said.contains(END)))
        {
            return mine[..end].iter().filter_map(said).collect();
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the server's log doesn't show what was recorded");
}

fn said(line: &serde_json::Value) -> Option<Said> {
    let message = line["message"].as_str()?;
    if let Some(sql) = message.strip_prefix("statement: ") {
        return (!sql.starts_with("set log_statement")).then(|| Said { sql: sql.to_owned(), parameters: Vec::new() });
    }
    let (_, sql) = message.strip_prefix("execute ")?.split_once(": ")?;
    let detail = line["detail"].as_str().unwrap_or_default();
    let parameters = detail.split_once("arameters: ").map(|(_, list)| parameters(list)).unwrap_or_default();
    Some(Said { sql: sql.to_owned(), parameters })
}

/// Reads `$1 = 'it''s', $2 = NULL`.
fn parameters(list: &str) -> Vec<Option<String>> {
    let (mut values, mut rest) = (Vec::new(), list);
    while let Some((_, after)) = rest.split_once(" = ") {
        if let Some(after) = after.strip_prefix("NULL") {
            values.push(None);
            rest = after;
            continue;
        }
        let (mut value, mut chars) = (String::new(), after.char_indices().skip(1).peekable());
        let mut end = after.len();
        while let Some((at, next)) = chars.next() {
            if next == '\'' && chars.next_if(|(_, next)| *next == '\'').is_none() {
                end = at + 1;
                break;
            }
            value.push(next);
        }
        values.push(Some(value));
        rest = &after[end..];
    }
    values
}

/// Adds what was said to the script. `names` says what stands for the piece's own texts; ids that are not `known` were made
/// for it, and are made anew.
pub async fn add(
    conn: &mut PgConnection,
    script: &mut Script,
    mut names: Names,
    known: &BTreeSet<Uuid>,
    said: &[Said],
) {
    let values = said.iter().flat_map(|statement| statement.parameters.iter().flatten());
    let mentioned: BTreeSet<Uuid> = values.flat_map(|value| names::ids_in(value).collect::<Vec<_>>()).collect();
    for (at, id) in mentioned.difference(known).enumerate() {
        names.add_id(*id, NEW_KINDS + at, ":unique");
    }
    for statement in said {
        let types = types_of(conn, statement).await;
        let sql = statement_sql(script, &names, statement, &types);
        let line = if answer_is_used(&sql) { format!("{} \\gset", plain_columns(&sql)) } else { format!("{sql};") };
        script.line(&line);
    }
    assert!(script.text().contains(":seq"), "the recording doesn't show how the chain goes on:\n{}", script.text());
    assert!(script.text().contains(":id"), "the recording doesn't show what was claimed:\n{}", script.text());
}

/// What an answer is used for: what was claimed, and where the affiliate's chain stands.
fn answer_is_used(sql: &str) -> bool {
    let sql = sql.to_lowercase();
    sql.contains("skip locked") || (sql.contains("ledger_chains") && sql.contains("for update"))
}

/// `as "id!: ItemId"` tells a type to Rust; pgbench takes the name alone.
fn plain_columns(sql: &str) -> String {
    let (mut plain, mut rest) = (String::new(), sql);
    while let Some((before, after)) = rest.split_once(" as \"") {
        let (name, after) = after.split_once('"').expect("a quoted name ends");
        let name = name.split(['!', '?', ':']).next().unwrap_or(name);
        plain.push_str(&format!("{before} as \"{name}\""));
        rest = after;
    }
    plain + rest
}

async fn types_of(conn: &mut PgConnection, statement: &Said) -> Vec<String> {
    if statement.parameters.is_empty() {
        return Vec::new();
    }
    sqlx::raw_sql(AssertSqlSafe(format!("prepare recorded as {}", statement.sql))).execute(&mut *conn).await.unwrap();
    let types = "select parameter_types::text[] from pg_prepared_statements where name = 'recorded'";
    let types = sqlx::query_scalar(types).fetch_one(&mut *conn).await.unwrap();
    sqlx::raw_sql("deallocate recorded").execute(conn).await.unwrap();
    types
}

/// The statement with its `$1` filled in: as variables that pgbench sends, so that as much goes over the wire.
fn statement_sql(script: &mut Script, names: &Names, statement: &Said, types: &[String]) -> String {
    let mut sql = statement.sql.trim().trim_end_matches(';').to_owned();
    for (at, value) in statement.parameters.iter().enumerate().rev() {
        let kind = &types[at];
        let value = match value {
            None => format!("null::{kind}"),
            Some(value) if kind == "bigint" && value.parse() == Ok(HEAD + 1) => "((:seq)::bigint + 1)".to_owned(),
            Some(value) => match names.sql(value) {
                Some(own) => format!("({own})::{kind}"),
                None => format!("(:{})::{kind}", script.variable(value)),
            },
        };
        sql = sql.replace(&format!("${}", at + 1), &value);
    }
    sql
}
