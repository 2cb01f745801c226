//! Words of the domain as the company's pages show them.

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

/// What credited a sale: `Click: clk_…`, `By hand: a colleague`.
pub fn evidence_words(kind: &str, value: &str) -> String {
    if kind == EvidenceKind::Manual.as_str() {
        return format!("By hand: {}", actor_words(value).to_lowercase());
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
    }
}
