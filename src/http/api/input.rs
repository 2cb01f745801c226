//! Reading requests: JSON bodies, query strings and ids in paths. Whatever can't be read is answered with the name of the
//! field, and an unknown field is an error, because a mistyped one would be ignored in silence.

use std::str::FromStr;

use axum::RequestPartsExt;
use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Path, Query as RawQuery, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};
use utoipa::IntoParams;

use super::problem::Problem;
use crate::desk::{self, PageRequest};
use crate::domain::ids::InvalidId;

/// The JSON body; an empty one reads as `{}`.
pub struct Body<T>(pub T);

/// A body that is a list, or an object that has one; its rows are read one by one, so that one can be wrong alone.
pub struct Rows(Value);

impl Rows {
    /// The list, which the object has under `name`.
    pub fn list(self, name: &str) -> Result<Vec<Value>, desk::Error> {
        match self.0 {
            Value::Array(rows) => Ok(rows),
            Value::Object(mut object) => match (object.remove(name), object.keys().next()) {
                (_, Some(other)) => {
                    Err(desk::Error::invalid(other, format!("`{other}` is not a field here: expected `{name}`.")))
                }
                (Some(Value::Array(rows)), None) => Ok(rows),
                _ => Err(desk::Error::invalid(name, format!("`{name}` must be a list."))),
            },
            _ => Err(desk::Error::invalid(name, format!("The body must have a list `{name}`, or be one."))),
        }
    }
}

impl<S: Send + Sync> FromRequest<S> for Rows {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        Ok(Rows(json(request, state).await?))
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let json = json(request, state).await?;
        if !json.is_object() {
            let message = "The body must be a JSON object.";
            return Err(Problem::door(StatusCode::BAD_REQUEST, "invalid_json", message));
        }
        Ok(Body(read(json)?))
    }
}

/// The body as JSON; an empty one reads as `{}`.
async fn json<S: Send + Sync>(request: Request, state: &S) -> Result<Value, Problem> {
    let bytes = Bytes::from_request(request, state)
        .await
        .map_err(|rejection| Problem::door(rejection.status(), "unreadable_body", rejection.body_text()))?;
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Ok(Value::Object(Map::new()));
    }
    serde_json::from_slice(&bytes).map_err(|error| {
        let message = format!("The body is not JSON: {error}.");
        Problem::door(StatusCode::BAD_REQUEST, "invalid_json", message)
    })
}

/// The query string; empty values count as left out.
pub struct Query<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        let pairs = RawQuery::<Vec<(String, String)>>::try_from_uri(&parts.uri)
            .map_err(|rejection| Problem::door(StatusCode::BAD_REQUEST, "unreadable_query", rejection.body_text()))?;
        let given = pairs.0.into_iter().filter(|(_, value)| !value.is_empty());
        let fields: Map<String, Value> = given.map(|(name, value)| (name, Value::String(value))).collect();
        Ok(Query(read(Value::Object(fields))?))
    }
}

/// The id in the path; what is no id of the kind is an object that isn't there.
pub struct Id<T>(pub T);

impl<S: Send + Sync, T: FromStr<Err = InvalidId>> FromRequestParts<S> for Id<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        let Path(text) = parts
            .extract::<Path<String>>()
            .await
            .map_err(|rejection| Problem::door(rejection.status(), "not_found", rejection.body_text()))?;
        Ok(Id(text.parse::<T>().map_err(desk::Error::from)?))
    }
}

/// `limit` and `cursor`, for lists without a filter.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// Rows of the page, 1 to 100; 25 when it is left out.
    #[serde(default, deserialize_with = "from_text")]
    pub limit: Option<i64>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
}

impl PageQuery {
    pub fn page(self) -> Result<PageRequest, Problem> {
        Ok(PageRequest::new(self.limit, self.cursor)?)
    }
}

/// A number or a flag in a query string.
pub fn from_text<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr,
    T::Err: std::fmt::Display,
{
    let text = Option::<String>::deserialize(deserializer)?;
    text.map(|text| {
        text.parse::<T>().map_err(|error| serde::de::Error::custom(format!("`{text}` is not understood ({error})")))
    })
    .transpose()
}

/// Reads the value, naming the field that can't be.
pub fn read<T: DeserializeOwned>(json: Value) -> Result<T, desk::Error> {
    serde_path_to_error::deserialize(json).map_err(|error| {
        let path = error.path().to_string();
        let message = error.into_inner().to_string();
        let param = named_field(&message).map_or_else(
            || path.clone(),
            |field| {
                let parent = path.strip_suffix(field).unwrap_or(&path).trim_end_matches('.');
                if parent.is_empty() { field.to_owned() } else { format!("{parent}.{field}") }
            },
        );
        let message = match message.split_once(" at line ") {
            Some((message, _)) => message.to_owned(),
            None => message,
        };
        let message = without_types(message);
        let message = match (message.starts_with("missing field"), message.starts_with("unknown field")) {
            (true, _) => format!("`{param}` is missing."),
            (_, true) => {
                format!("`{param}` is not a field here: {}.", message.split_once(", ").map_or("", |(_, rest)| rest))
            }
            _ => format!("`{param}`: {message}."),
        };
        desk::Error::invalid(param, message)
    })
}

/// Callers don't know our number types.
fn without_types(message: String) -> String {
    match message.rsplit_once("expected ") {
        Some((before, "i64" | "u64" | "i32" | "u32" | "i16" | "u16" | "u8" | "usize")) => {
            format!("{before}expected a whole number")
        }
        _ => message,
    }
}

/// The field that serde names in "missing field `x`" and "unknown field `x`".
fn named_field(message: &str) -> Option<&str> {
    let rest = message.strip_prefix("missing field `").or_else(|| message.strip_prefix("unknown field `"))?;
    rest.split('`').next()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Outer {
        #[expect(dead_code, reason = "only its reading is tested")]
        name: String,
        #[serde(default)]
        #[expect(dead_code, reason = "only its reading is tested")]
        inner: Vec<Inner>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        #[expect(dead_code, reason = "only its reading is tested")]
        days: i32,
    }

    #[test]
    fn what_cannot_be_read_is_named_by_its_path() {
        for (body, param) in [
            (json!({}), "name"),
            (json!({"name": 3}), "name"),
            (json!({"name": "a", "nmae": 1}), "nmae"),
            (json!({"name": "a", "inner": [{"days": 1}, {"days": "x"}]}), "inner[1].days"),
            (json!({"name": "a", "inner": [{}]}), "inner[0].days"),
            (json!({"name": "a", "inner": [{"days": 1, "hours": 2}]}), "inner[0].hours"),
        ] {
            let refused = read::<Outer>(body.clone()).unwrap_err();
            assert_eq!(refused.param(), Some(param), "{body}: {refused}");
        }
    }
}
