//! What an affiliate can be told, and which of it is mailed. The portal shows all of it; of the mails the affiliate chooses
//! topics, but for what only they can mend: a payment method that can't be paid, a payout that was refused.

use super::text_enum::text_enum;

text_enum! {
    /// What happened.
    NotificationKind, "notification kind" {
        PayoutPaid = "payout_paid",
        PayoutFailed = "payout_failed",
        PayoutReversed = "payout_reversed",
        /// The way from the affiliate's Stripe balance to their bank.
        BankPayoutFailed = "bank_payout_failed",
        PaymentMethodVerified = "payment_method_verified",
        PaymentMethodRestricted = "payment_method_restricted",
        LineAddedByHand = "line_added_by_hand",
        ClaimAccepted = "claim_accepted",
        ClaimDeclined = "claim_declined",
        CommissionCancelled = "commission_cancelled",
        /// Less is earned, by a sale that wasn't paid out yet.
        CommissionReduced = "commission_reduced",
        /// Less is earned, by a sale that was paid out.
        CommissionTakenBack = "commission_taken_back",
        CommissionCreditedBack = "commission_credited_back",
        /// Several of these at once.
        CommissionsChanged = "commissions_changed",
        CommissionHeld = "commission_held",
        CommissionReleased = "commission_released",
        HoldRejected = "hold_rejected",
    }
}

text_enum! {
    /// A group of mails that an affiliate can do without.
    MailTopic, "mail topic" {
        Payouts = "payouts",
        Corrections = "corrections",
        Holds = "holds",
        ByHand = "by_hand",
        Claims = "claims",
        PaymentMethod = "payment_method",
    }
}

impl NotificationKind {
    /// The topic it is mailed under; none for what is mailed to everybody.
    pub fn topic(self) -> Option<MailTopic> {
        use NotificationKind as Kind;
        match self {
            Kind::PayoutFailed | Kind::BankPayoutFailed | Kind::PaymentMethodRestricted => None,
            Kind::PayoutPaid | Kind::PayoutReversed => Some(MailTopic::Payouts),
            Kind::PaymentMethodVerified => Some(MailTopic::PaymentMethod),
            Kind::LineAddedByHand => Some(MailTopic::ByHand),
            Kind::ClaimAccepted | Kind::ClaimDeclined => Some(MailTopic::Claims),
            Kind::CommissionCancelled
            | Kind::CommissionReduced
            | Kind::CommissionTakenBack
            | Kind::CommissionCreditedBack
            | Kind::CommissionsChanged => Some(MailTopic::Corrections),
            Kind::CommissionHeld | Kind::CommissionReleased | Kind::HoldRejected => Some(MailTopic::Holds),
        }
    }
}

impl MailTopic {
    pub fn label(self) -> &'static str {
        match self {
            MailTopic::Payouts => "Payouts",
            MailTopic::Corrections => "Refunds and disputes",
            MailTopic::Holds => "Holds",
            MailTopic::ByHand => "Bonuses and adjustments",
            MailTopic::Claims => "Claims",
            MailTopic::PaymentMethod => "Payment method",
        }
    }

    /// What is mailed under it.
    pub fn sentence(self) -> &'static str {
        match self {
            MailTopic::Payouts => "Money was sent to you, or a transfer was taken back.",
            MailTopic::Corrections => {
                "A customer got money back, so a commission was cancelled, reduced or taken back; or it was credited again."
            }
            MailTopic::Holds => "The company looks at a commission before it is paid, and what it decided.",
            MailTopic::ByHand => "The company added something to your balance or took something off it.",
            MailTopic::Claims => "The company answered about a purchase that you missed.",
            MailTopic::PaymentMethod => "Your account is ready to be paid.",
        }
    }
}
