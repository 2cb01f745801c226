//! Money on its way back, and money on its way on: the states of a transfer that an admin takes back, and of what Stripe pays
//! from a connected account to its bank.

use super::text_enum::text_enum;

text_enum! {
    /// Where taking a transfer back stands. `unresolved`: nobody knows yet; the same call is repeated with the same key.
    ReversalStatus, "reversal status" {
        Unresolved = "unresolved",
        Done = "done",
        Failed = "failed",
    }
}

text_enum! {
    /// What became of a bank payout at the affiliate's end. A failed one can follow a paid one, never the other way round.
    BankPayoutStatus, "bank payout status" {
        Paid = "paid",
        Failed = "failed",
    }
}
