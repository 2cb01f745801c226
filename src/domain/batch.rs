//! Payout batches, items and transfer attempts: their states and the only ways they may move (design §5), and how an
//! answer of a rail decides what becomes of an item.

use super::money::Money;
use super::text_enum::text_enum;

text_enum! {
    BatchStatus, "batch status" {
        Draft = "draft",
        Approved = "approved",
        Executing = "executing",
        Paused = "paused",
        Completed = "completed",
        Cancelled = "cancelled",
    }
}

text_enum! {
    ItemStatus, "payout item status" {
        Pending = "pending",
        Sending = "sending",
        Posted = "posted",
        Failed = "failed",
        Processing = "processing",
        Unresolved = "unresolved",
        Reversed = "reversed",
        /// Taken out of its draft by an admin.
        LeftOut = "left_out",
    }
}

text_enum! {
    Rail, "rail" {
        StripeConnect = "stripe_connect",
        Paypal = "paypal",
        Ach = "ach",
        Wire = "wire",
        External = "external",
    }
}

text_enum! {
    /// Why an enrollment is not in a batch.
    SkipReason, "skip reason" {
        BelowMinimum = "below_minimum",
        NoPaymentMethod = "no_payment_method",
        OnboardingIncomplete = "onboarding_incomplete",
        OnHold = "on_hold",
        NegativeBalance = "negative_balance",
        CoolingOff = "cooling_off",
        AffiliateInactive = "affiliate_inactive",
        LeftOut = "left_out",
    }
}

impl BatchStatus {
    /// Whether design §5 has an arrow from here to `to`.
    pub fn may_become(self, to: BatchStatus) -> bool {
        use BatchStatus::{Approved, Cancelled, Completed, Draft, Executing, Paused};
        matches!(
            (self, to),
            (Draft, Approved | Cancelled)
                | (Approved, Executing | Cancelled)
                | (Executing, Paused | Completed)
                | (Paused, Executing)
        )
    }

    /// What to do instead, where there is no arrow from here to `to`: a sentence.
    pub fn instead(self, to: BatchStatus) -> &'static str {
        use BatchStatus::{Approved, Cancelled, Completed, Draft, Executing, Paused};
        match (self, to) {
            (Draft, Executing) => "Approve it first.",
            (Draft | Approved, Paused) => "Nothing moves yet; cancel it if it must not be paid.",
            (Executing, Cancelled) => "Stop it first, then leave out who must not be paid.",
            (Paused, Cancelled) => "Leave out who must not be paid, then let it go on.",
            (Executing | Paused | Completed, _) => "It was approved and started before.",
            (Cancelled, _) => "Its money is due again: draft a new batch.",
            (Draft | Approved, _) => "See where it stands, then decide again.",
        }
    }

    pub fn label(self) -> &'static str {
        match self {
            BatchStatus::Draft => "Draft",
            BatchStatus::Approved => "Approved",
            BatchStatus::Executing => "Executing",
            BatchStatus::Paused => "Paused",
            BatchStatus::Completed => "Completed",
            BatchStatus::Cancelled => "Cancelled",
        }
    }
}

impl ItemStatus {
    /// Whether an item may move from here to `to`. `sending → pending` is the step back of a try at which nothing moved
    /// (the rail's balance was short, or it did not take the call).
    pub fn may_become(self, to: ItemStatus) -> bool {
        use ItemStatus::{Failed, LeftOut, Pending, Posted, Processing, Reversed, Sending, Unresolved};
        matches!(
            (self, to),
            (Pending, Sending | LeftOut)
                | (Sending, Pending | Posted | Failed | Processing | Unresolved)
                | (Processing | Unresolved, Posted | Failed)
                | (Posted, Reversed)
        )
    }

    /// The item still has a claim on its lines' money: it may be, or become, a transfer.
    pub fn is_live(self) -> bool {
        !matches!(self, ItemStatus::Failed | ItemStatus::Posted | ItemStatus::Reversed | ItemStatus::LeftOut)
    }

    pub fn label(self) -> &'static str {
        match self {
            ItemStatus::Pending => "Pending",
            ItemStatus::Sending => "Sending",
            ItemStatus::Posted => "Posted",
            ItemStatus::Failed => "Failed",
            ItemStatus::Processing => "Processing",
            ItemStatus::Unresolved => "Needs a look",
            ItemStatus::Reversed => "Reversed",
            ItemStatus::LeftOut => "Left out",
        }
    }
}

impl SkipReason {
    /// The reason in words, for the admin's review. `minimum`: what a balance is below, where that is known.
    pub fn sentence(self, minimum: Option<Money>) -> String {
        let words = match (self, minimum) {
            (SkipReason::BelowMinimum, Some(minimum)) => return format!("Below the minimum payout of {minimum}."),
            (reason, _) => reason.words(),
        };
        words.to_owned()
    }

    fn words(self) -> &'static str {
        match self {
            SkipReason::BelowMinimum => "The balance is below the program's minimum payout.",
            SkipReason::NoPaymentMethod => "The affiliate has not connected a payment method.",
            SkipReason::OnboardingIncomplete => "Stripe still needs information before this account can be paid.",
            SkipReason::OnHold => "The commission is on hold until somebody decides.",
            SkipReason::NegativeBalance => "More was taken back than earned; the next commissions are netted first.",
            SkipReason::CoolingOff => "The payment method was changed a short time ago.",
            SkipReason::AffiliateInactive => "The affiliate is not active.",
            SkipReason::LeftOut => "An admin left this affiliate out.",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn posted_and_failed_items_never_go_back() {
        for &to in ItemStatus::ALL {
            assert!(!ItemStatus::Failed.may_become(to), "failed -> {to}");
            assert_eq!(ItemStatus::Posted.may_become(to), to == ItemStatus::Reversed, "posted -> {to}");
        }
    }

    #[test]
    fn an_unresolved_item_ends_only_as_posted_or_failed() {
        for &to in ItemStatus::ALL {
            let allowed = matches!(to, ItemStatus::Posted | ItemStatus::Failed);
            assert_eq!(ItemStatus::Unresolved.may_become(to), allowed, "unresolved -> {to}");
        }
    }

    #[test]
    fn only_drafts_and_approved_batches_can_be_cancelled() {
        for &from in BatchStatus::ALL {
            let allowed = matches!(from, BatchStatus::Draft | BatchStatus::Approved);
            assert_eq!(from.may_become(BatchStatus::Cancelled), allowed, "{from}");
        }
    }
}
