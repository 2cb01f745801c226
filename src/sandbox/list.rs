//! Stripe's lists: newest first, `limit` up to 100, pages by `starting_after` and `ending_before`.

use serde_json::{Value, json};

use super::error::ApiError;
use super::params::Params;
use super::state::{Read, State};

const DEFAULT_LIMIT: i64 = 10;

/// Whether a time in Unix seconds lies in the range given as `created`, `created[gte]`, ….
pub(super) fn in_range(params: &Params, name: &str, at: i64) -> bool {
    let bound = |kind: &str| params.int(&format!("{name}.{kind}"));
    params.int(name).is_none_or(|exact| exact == at)
        && bound("gt").is_none_or(|bound| at > bound)
        && bound("gte").is_none_or(|bound| at >= bound)
        && bound("lt").is_none_or(|bound| at < bound)
        && bound("lte").is_none_or(|bound| at <= bound)
}

/// Whether each parameter that was given among `names` equals the row's field of the same name.
pub(super) fn same(params: &Params, names: &[&str], row: &Value) -> bool {
    names.iter().all(|name| params.text(name).is_none_or(|wanted| row.text(name) == wanted))
}

/// One page of a table's rows that satisfy `keep`.
pub(super) fn page(
    state: &State,
    table: &str,
    url: &str,
    params: &Params,
    keep: impl Fn(&Value) -> bool,
) -> Result<Value, ApiError> {
    let limit = limit(params)?;
    for cursor in ["starting_after", "ending_before"] {
        if let Some(id) = params.text(cursor)
            && state.get(table, id).is_none()
        {
            return Err(ApiError::invalid(Some("resource_missing"), cursor, format!("No such object: '{id}'")));
        }
    }
    let created = |row: &Value| in_range(params, "created", row.int("created"));
    let mut rows: Vec<&Value> = Vec::new();
    let wanted = usize::try_from(limit).unwrap_or(1) + 1;
    if let Some(before) = params.text("ending_before") {
        let newer = state.newest(table).take_while(|(id, _)| *id != before).map(|(_, row)| row);
        rows = newer.filter(|row| created(row) && keep(row)).collect();
        let surplus = rows.len().saturating_sub(wanted);
        rows.drain(..surplus);
        let has_more = rows.len() == wanted;
        if has_more {
            rows.remove(0);
        }
        return Ok(json!({ "object": "list", "data": rows, "has_more": has_more, "url": url }));
    }
    let mut reached = params.text("starting_after").is_none();
    for (id, row) in state.newest(table) {
        if reached && created(row) && keep(row) {
            rows.push(row);
            if rows.len() == wanted {
                break;
            }
        }
        reached = reached || params.text("starting_after") == Some(id);
    }
    let has_more = rows.len() == wanted;
    rows.truncate(wanted - 1);
    Ok(json!({ "object": "list", "data": rows, "has_more": has_more, "url": url }))
}

/// How many rows of a list Stripe writes into the object that has it.
const WRITTEN_OUT: usize = 10;

/// A list as it is written into the object that has it: its first ten.
pub(super) fn written_out(url: &str, mut data: Vec<Value>) -> Value {
    let has_more = data.len() > WRITTEN_OUT;
    data.truncate(WRITTEN_OUT);
    let mut list = whole(url, data);
    list["has_more"] = json!(has_more);
    list
}

/// One page of a list that is a part of another object, oldest first.
pub(super) fn page_of(rows: &[Value], url: &str, params: &Params) -> Result<Value, ApiError> {
    let limit = usize::try_from(limit(params)?).unwrap_or(1);
    let place = |cursor: &str| match params.text(cursor) {
        None => Ok(None),
        Some(id) => rows
            .iter()
            .position(|row| row.text("id") == id)
            .map(Some)
            .ok_or_else(|| ApiError::invalid(Some("resource_missing"), cursor, format!("No such object: '{id}'"))),
    };
    let (after, before) = (place("starting_after")?, place("ending_before")?);
    let (page, has_more) = match before {
        Some(before) => (&rows[before.saturating_sub(limit)..before], before > limit),
        None => {
            let rest = &rows[after.map_or(0, |after| after + 1)..];
            (&rest[..limit.min(rest.len())], rest.len() > limit)
        }
    };
    Ok(json!({ "object": "list", "data": page, "has_more": has_more, "url": url }))
}

fn limit(params: &Params) -> Result<i64, ApiError> {
    let limit = params.int("limit").unwrap_or(DEFAULT_LIMIT);
    if !(1..=100).contains(&limit) {
        let message = "Invalid integer: limit must be between 1 and 100.";
        return Err(ApiError::invalid(None, "limit", message));
    }
    Ok(limit)
}

/// A list that is a part of another object, whole.
pub(super) fn whole(url: &str, data: Vec<Value>) -> Value {
    let mut list = json!({ "object": "list", "data": [], "has_more": false, "url": url });
    list["data"] = Value::Array(data);
    list
}
