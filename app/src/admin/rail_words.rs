//! What Stripe's error codes mean for the person who pays, and what to do next.

use chrono::{DateTime, Utc};
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

/// Why a payout that is not final was not taken when it was last tried. `None`: nothing that a person needs to know.
pub fn wait_words(code: &str) -> Option<&'static str> {
    match code {
        "unreachable" => Some("Stripe can't be reached"),
        "unknown" => Some("Stripe gives no clear answer"),
        "rate_limit" | "lock_timeout" => Some("Stripe is too busy"),
        "idempotency_key_in_use" => Some("Stripe is still at the call before"),
        "unauthorized" => Some("Stripe doesn't accept our key"),
        "not_connected" => Some("Stripe isn't connected"),
        _ => None,
    }
}

/// `tried 5 times, next at 14:03:20 UTC`.
pub fn tries(calls: i32, next: Option<DateTime<Utc>>) -> String {
    let next = next.map(|at| at.format(", next at %H:%M:%S UTC").to_string()).unwrap_or_default();
    match calls {
        1 => format!("tried once{next}"),
        calls => format!("tried {calls} times{next}"),
    }
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
