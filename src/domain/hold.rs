//! Holds: how far a stop reaches, and what the affiliate is told of it. Evidence stays with the company: an affiliate reads that
//! a commission waits and what comes next, never what was found about other people.

use super::program::HoldReason;
use super::text_enum::text_enum;

text_enum! {
    /// What a hold stops while it is open.
    HoldScope, "hold scope" {
        /// The lines that it was placed on, and corrections that come beside them.
        Lines = "lines",
        /// Every line of one sale, those too that come later.
        Sale = "sale",
        /// Every unpaid line of the enrollment, those too that come later.
        Enrollment = "enrollment",
    }
}

text_enum! {
    /// What somebody makes of a hold.
    Decision, "decision" {
        /// The lines go back to where they were.
        Approve = "approve",
        /// The lines are cancelled; what is final is taken back.
        Reject = "reject",
    }
}

impl HoldReason {
    /// Why a commission waits, as a sentence for the affiliate.
    pub fn told(self) -> &'static str {
        match self {
            HoldReason::RefundThreshold => {
                "Several payments were refunded lately, so the company reviews your commissions before it pays them."
            }
            HoldReason::Dispute => {
                "The customer disputes this payment with their bank. The commission waits until that is settled."
            }
            HoldReason::FraudSign => "The company reviews this purchase before it is paid.",
            HoldReason::Manual => "The company reviews this commission before it is paid.",
        }
    }
}
