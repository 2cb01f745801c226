//! What Stripe's error codes mean for the person who pays, and what to do next.

use purser::domain::batch::Rail;

pub fn method_words(rail: Rail) -> &'static str {
    match rail {
        Rail::StripeConnect => "Stripe account",
        Rail::Paypal => "PayPal",
        Rail::Ach => "Bank account (ACH)",
        Rail::Wire => "Bank account (wire)",
        Rail::External => "Paid outside",
    }
}

/// Why it failed, and the next step. Stripe's own sentence is shown for codes that aren't known here.
pub fn error_words(code: Option<&str>, message: Option<&str>) -> (String, &'static str) {
    let known = match code {
        Some("account_invalid" | "account_closed") => (
            "The affiliate's Stripe account is closed or no longer connected.",
            "Ask the affiliate to connect again, then retry.",
        ),
        Some(
            "insufficient_capabilities_for_transfer"
            | "transfers_not_allowed"
            | "payouts_not_allowed"
            | "account_disabled"
            | "capability_not_active",
        ) => (
            "Stripe doesn't allow transfers to this account now.",
            "Stripe asks the affiliate for what is missing; retry when the account is ready.",
        ),
        Some("balance_insufficient") => ("The Stripe balance was too low.", "Add funds in Stripe, then retry."),
        Some("not_executed" | "absent" | "no_transfer") => ("Stripe never made this transfer.", "Retry."),
        Some("rate_limit" | "lock_timeout") => ("Stripe was too busy.", "Retry."),
        Some("idempotency_error") => (
            "The key of this payout was used for something else.",
            "Don't retry before somebody has looked: see the attempts.",
        ),
        _ => {
            return (
                message.unwrap_or("Stripe refused the transfer.").to_owned(),
                "See the attempts, put right what Stripe names, then retry.",
            );
        }
    };
    (known.0.to_owned(), known.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_code_is_told_in_the_rails_own_words() {
        let (why, _) = error_words(Some("brand_new"), Some("Transfers to this country are off."));
        assert_eq!(why, "Transfers to this country are off.");
        assert!(error_words(None, None).0.contains("refused"));
    }
}
