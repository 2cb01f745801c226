//! Stripe's requirement names in words that an affiliate can act on. Names that are not known are shown as they read.

/// What the requirement asks for: `individual.verification.document` is "an identity document".
pub fn requirement_words(name: &str) -> String {
    let last = name.rsplit('.').next().unwrap_or(name);
    let known = match name {
        "external_account" => "a bank account for your money",
        "tos_acceptance.date" | "tos_acceptance.ip" => "your agreement to Stripe's terms",
        "business_type" => "whether you are a person or a company",
        "business_profile.url" => "your website",
        "business_profile.mcc" => "what your business does",
        "business_profile.product_description" => "a description of what you do",
        _ if name.contains("verification.additional_document") => "a document that shows your address",
        _ if name.contains("verification.document") => "an identity document",
        _ if name.contains(".dob.") || last == "dob" => "your date of birth",
        _ if name.contains(".address.") || last == "address" => "your address",
        _ if last == "first_name" || last == "last_name" => "your name",
        _ => match last {
            "email" => "your e-mail address",
            "phone" => "your phone number",
            "id_number" => "your identity or tax number",
            "ssn_last_4" => "the last four digits of your social security number",
            "tax_id" => "your company's tax number",
            "name" => "your company's name",
            _ => return name.replace(['.', '_'], " "),
        },
    };
    known.to_owned()
}

/// One sentence for what is still needed; each thing once.
pub fn needed_sentence(words: &[String]) -> String {
    let mut once: Vec<&str> = Vec::new();
    for word in words {
        if !once.contains(&word.as_str()) {
            once.push(word);
        }
    }
    match once.as_slice() {
        [] => "Open your payment method to see what Stripe asks for.".to_owned(),
        [one] => format!("Stripe still needs {one}."),
        [rest @ .., last] => format!("Stripe still needs {} and {last}.", rest.join(", ")),
    }
}

/// Why Stripe has stopped an account, in words.
pub fn disabled_words(reason: &str) -> &'static str {
    match reason {
        "requirements.past_due" | "action_required.requested_capabilities" => {
            "Stripe is waiting for information from you."
        }
        "requirements.pending_verification" | "under_review" => {
            "Stripe is checking what you sent; this can take a few days."
        }
        _ if reason.starts_with("rejected") => "Stripe has refused this account. Contact Stripe's support.",
        _ => "Stripe has stopped this account for now.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requirements_read_as_things_to_do() {
        for (name, words) in [
            ("external_account", "a bank account for your money"),
            ("individual.verification.document", "an identity document"),
            ("individual.dob.year", "your date of birth"),
            ("individual.first_name", "your name"),
            ("person_1.id_number", "your identity or tax number"),
            ("company.some_new_thing", "company some new thing"),
        ] {
            assert_eq!(requirement_words(name), words);
        }
    }

    #[test]
    fn each_thing_is_named_once() {
        let words: Vec<String> = ["individual.dob.day", "individual.dob.year", "individual.email", "external_account"]
            .into_iter()
            .map(requirement_words)
            .collect();
        let sentence = "Stripe still needs your date of birth, your e-mail address and a bank account for your money.";
        assert_eq!(needed_sentence(&words), sentence);
    }
}
