//! Words of the domain as the company's pages show them.

use purser::desk::audit::Names;
use purser::domain::attribution::EvidenceKind;

/// `below_minimum` as `Below minimum`.
pub fn capitalized(word: &str) -> String {
    let spaced = word.replace('_', " ");
    let mut letters = spaced.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// Who did something, from the audit name: people by their kind, schedules by theirs.
pub fn actor_words(audit_name: &str) -> String {
    match audit_name.split_once(':') {
        Some(("user", _)) => "A colleague".to_owned(),
        Some(("api_key", _)) => "The API".to_owned(),
        Some(("affiliate", _)) => "The affiliate".to_owned(),
        Some(("system", what)) => format!("Purser ({})", what.replace('_', " ")),
        _ => audit_name.to_owned(),
    }
}

/// As [`actor_words`], with the name where it is known.
pub fn named_words(names: &Names, audit_name: &str) -> String {
    match (names.of(audit_name), audit_name.split_once(':')) {
        (Some(name), Some(("api_key", _))) => format!("The API key “{name}”"),
        (Some(name), _) => name.to_owned(),
        (None, _) => actor_words(audit_name),
    }
}

/// What credited a sale: `Click: clk_…`, `By hand: kim@example.com`.
pub fn evidence_words(names: &Names, kind: &str, value: &str) -> String {
    if kind == EvidenceKind::Manual.as_str() {
        return format!("By hand: {}", named_words(names, value));
    }
    format!("{}: {value}", capitalized(kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_words_read_as_words() {
        assert_eq!(capitalized("below_minimum"), "Below minimum");
        assert_eq!(actor_words("system:maturity"), "Purser (maturity)");
        assert_eq!(actor_words("user:usr_1"), "A colleague");
        assert_eq!(named_words(&Names::default(), "user:usr_1"), "A colleague");
    }
}
