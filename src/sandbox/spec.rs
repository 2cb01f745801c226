//! What each call takes, declared in one line per parameter, and the check that refuses everything else before the
//! call is executed: unknown names, missing ones, values of the wrong kind.
//!
//! A declaration is `name kind`, with `!` after the name when it is required: `amount! int`, `type! a|b` (one of),
//! `metadata map`, `expand list`, `created range`, `line_items[].quantity int`. Without a kind it is text.

use super::error::ApiError;
use super::params::Params;

enum Kind {
    Text,
    Int,
    Number,
    Flag,
    List,
    Map,
    Range,
    OneOf(&'static str),
}

struct Declared {
    name: &'static str,
    required: bool,
    kind: Kind,
}

fn declared(line: &'static str) -> Declared {
    let (name, kind) = line.split_once(' ').unwrap_or((line, ""));
    let kind = match kind {
        "" => Kind::Text,
        "int" => Kind::Int,
        "number" => Kind::Number,
        "flag" => Kind::Flag,
        "list" => Kind::List,
        "map" => Kind::Map,
        "range" => Kind::Range,
        options => Kind::OneOf(options),
    };
    Declared { name: name.trim_end_matches('!'), required: name.ends_with('!'), kind }
}

/// The parameter's name in a declaration.
pub(super) fn name_of(line: &'static str) -> &'static str {
    declared(line).name
}

/// `a.b` as Stripe writes it: `a[b]`.
fn bracketed(name: &str) -> String {
    let mut parts = name.split('.');
    let head = parts.next().unwrap_or_default().to_owned();
    parts.fold(head, |out, part| format!("{out}[{part}]"))
}

/// Whether a given name falls under a declared one; `[]` stands for any position.
fn covers(declared: &Declared, given: &str) -> bool {
    let mut parts = given.split('.');
    for want in declared.name.split('.') {
        let (want, listed) = want.strip_suffix("[]").map_or((want, false), |name| (name, true));
        if parts.next() != Some(want) || (listed && parts.next().is_none_or(|at| at.parse::<usize>().is_err())) {
            return false;
        }
    }
    let rest: Vec<&str> = parts.collect();
    match (&declared.kind, rest.as_slice()) {
        (Kind::Map, _) => !rest.is_empty(),
        (_, []) => true,
        (Kind::List, [at]) => at.parse::<usize>().is_ok(),
        (Kind::Range, [bound]) => ["gt", "gte", "lt", "lte"].contains(bound),
        _ => false,
    }
}

fn fits(kind: &Kind, name: &str, value: &str) -> Result<(), ApiError> {
    let param = bracketed(name);
    match kind {
        Kind::Int | Kind::Range if value.parse::<i64>().is_err() => {
            Err(ApiError::invalid(Some("parameter_invalid_integer"), &param, format!("Invalid integer: {value}")))
        }
        Kind::Number if value.parse::<rust_decimal::Decimal>().is_err() => {
            Err(ApiError::invalid(None, &param, format!("Invalid decimal: {value}")))
        }
        Kind::Flag if !["true", "false"].contains(&value) => {
            Err(ApiError::invalid(None, &param, format!("Invalid boolean: {value}")))
        }
        Kind::OneOf(options) if !options.split('|').any(|option| option == value) => {
            let listed: Vec<&str> = options.split('|').collect();
            let message = format!("Invalid {param}: must be one of {}", listed.join(", "));
            Err(ApiError::invalid(None, &param, message))
        }
        _ => Ok(()),
    }
}

/// Refuses parameters that the call does not take, misses, or cannot read. Nothing has been executed at this point.
pub(super) fn check(lines: &[&'static str], params: &Params) -> Result<(), ApiError> {
    let known: Vec<Declared> = lines.iter().map(|line| declared(line)).collect();
    for (given, value) in params.iter() {
        let Some(declared) = known.iter().find(|declared| covers(declared, given)) else {
            let param = bracketed(given);
            let message = format!("Received unknown parameter: {param}");
            return Err(ApiError::invalid(Some("parameter_unknown"), &param, message));
        };
        if !value.is_empty() {
            fits(&declared.kind, given, value)?;
        } else if declared.required {
            let param = bracketed(given);
            let message = format!(
                "You passed an empty string for '{param}'. We assume empty values are an attempt to unset a parameter; \
                 however '{param}' cannot be unset."
            );
            return Err(ApiError::invalid(Some("parameter_invalid_empty"), &param, message));
        }
    }
    for declared in known.iter().filter(|declared| declared.required && !declared.name.contains("[]")) {
        if !params.has(declared.name) {
            let param = bracketed(declared.name);
            let message = format!("Missing required param: {param}.");
            return Err(ApiError::invalid(Some("parameter_missing"), &param, message));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use axum::http::Uri;

    use super::*;

    const LINES: &[&str] =
        &["amount! int", "kind fixed|loose", "metadata map", "expand list", "items[].price", "created range"];

    fn outcome(body: &str) -> Option<(Option<&'static str>, Option<String>)> {
        let params = Params::read(&Uri::from_static("/v1/x"), body.as_bytes()).unwrap();
        check(LINES, &params).err().map(|error| (error.code, error.param))
    }

    #[test]
    fn what_is_declared_passes() {
        assert_eq!(
            outcome("amount=5&kind=fixed&metadata[a.b]=c&expand[]=x&items[0][price]=p&created[gte]=1&created=2"),
            None
        );
    }

    #[test]
    fn what_is_not_declared_missing_or_unreadable_is_named() {
        assert_eq!(outcome("amount=5&odd=1"), Some((Some("parameter_unknown"), Some("odd".into()))));
        assert_eq!(
            outcome("amount=5&items[0][cost]=1"),
            Some((Some("parameter_unknown"), Some("items[0][cost]".into())))
        );
        assert_eq!(outcome("kind=fixed"), Some((Some("parameter_missing"), Some("amount".into()))));
        assert_eq!(outcome("amount=5.5"), Some((Some("parameter_invalid_integer"), Some("amount".into()))));
        assert_eq!(outcome("amount=5&kind=soft"), Some((None, Some("kind".into()))));
    }
}
