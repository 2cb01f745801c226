//! The desk's messages as people read them. The desk names fields as the API has them, in backticks; on a page they are words.

/// Fields whose name as words would not be understood.
const WORDS: &[(&str, &str)] = &[
    ("starts_at", "start"),
    ("ends_at", "end"),
    ("effective_from", "time from which it counts"),
    ("min_payout", "smallest payout"),
    ("site_url", "site"),
    ("landing_url", "landing page"),
    ("hold_days", "hold window"),
    ("stripe_customer_id", "customer id"),
    ("four_eyes_above", "amount for a second person"),
    ("from", "beginning"),
    ("to", "end"),
];

/// The message without backticks: fields as words, values in quotation marks.
pub fn words(message: &str) -> String {
    let mut told = String::with_capacity(message.len());
    for (n, part) in message.split('`').enumerate() {
        let is_quoted = n % 2 == 1;
        if !is_quoted {
            told.push_str(part);
        } else if is_field(part) {
            let begins = told.trim_end().is_empty() || told.trim_end().ends_with(['.', '!', '?']);
            let field = part.rsplit('.').next().unwrap_or(part);
            let word = WORDS.iter().find(|(name, _)| *name == field).map(|(_, word)| (*word).to_owned());
            let word = word.unwrap_or_else(|| field.replace('_', " "));
            let has_article = ["the ", "The "].iter().any(|article| told.ends_with(article));
            told.push_str(match (has_article, begins) {
                (true, _) => "",
                (false, true) => "The ",
                (false, false) => "the ",
            });
            told.push_str(&word);
        } else {
            told.push_str(&format!("“{part}”"));
        }
    }
    told
}

/// Whether it is a name of the API, such as `starts_at` or `rule.rate`, and no value that somebody typed.
pub fn is_field(text: &str) -> bool {
    const FIELDS: &[&str] = &[
        "affiliate",
        "email",
        "name",
        "note",
        "kind",
        "amount",
        "currency",
        "program",
        "reason",
        "rule",
        "leads",
        "sale",
        "period",
        "limit",
        "cursor",
        "from",
        "to",
        "slug",
        "status",
        "code",
        "coupons",
        "order",
        "password",
        "role",
        "rate",
        "cap",
        "tiers",
        "products",
        "recurring",
        "expansion",
    ];
    let is_name = !text.is_empty() && text.chars().all(|c| c.is_ascii_lowercase() || c == '_' || c == '.');
    is_name && (text.contains('_') || FIELDS.contains(&text.rsplit('.').next().unwrap_or(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_become_words_and_values_are_quoted() {
        for (message, expected) in [
            ("`ends_at` must be later than `starts_at`.", "The end must be later than the start."),
            ("A lead needs `email` or `stripe_customer_id`.", "A lead needs the email or the customer id."),
            ("`spring20` belongs to the campaign Spring.", "“spring20” belongs to the campaign Spring."),
            ("`rule.rate` must be above 0.", "The rate must be above 0."),
            ("Nothing is quoted here.", "Nothing is quoted here."),
        ] {
            assert_eq!(words(message), expected);
        }
    }
}
