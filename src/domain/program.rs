//! A program's settings that decide something: cadence and status words, and the statuses of people in it.

use super::text_enum::text_enum;

text_enum! {
    /// How often a program pays.
    Cadence, "cadence" {
        Daily = "daily",
        Weekly = "weekly",
        Monthly = "monthly",
        Manual = "manual",
    }
}

text_enum! {
    /// What a sign of fraud does to a conversion that shows it: nothing, a mark for the admin, or a hold on its line.
    SignAction, "action on a sign" {
        Off = "off",
        Flag = "flag",
        Hold = "hold",
    }
}

text_enum! {
    AffiliateStatus, "affiliate status" {
        Invited = "invited",
        Active = "active",
        Suspended = "suspended",
    }
}

text_enum! {
    EnrollmentStatus, "enrollment status" {
        Active = "active",
        Paused = "paused",
        Left = "left",
    }
}

text_enum! {
    PaymentMethodStatus, "payment method status" {
        Pending = "pending",
        Verified = "verified",
        Restricted = "restricted",
    }
}

impl PaymentMethodStatus {
    pub fn can_be_paid(self) -> bool {
        self == PaymentMethodStatus::Verified
    }
}

text_enum! {
    HoldStatus, "hold status" {
        Open = "open",
        /// Released: the lines went back to where they were.
        Approved = "approved",
        /// Upheld: the lines were cancelled.
        Rejected = "rejected",
        /// What it waited for ended by itself; what that left of the lines went back to where it was.
        Ended = "ended",
    }
}

text_enum! {
    /// Why lines were stopped.
    HoldReason, "hold reason" {
        RefundThreshold = "refund_threshold",
        Dispute = "dispute",
        FraudSign = "fraud_sign",
        Manual = "manual",
    }
}

text_enum! {
    /// Where an event of the inbox is on its way. `ignored` is an event of a type that Purser has no use for.
    InboxStatus, "webhook event status" {
        Received = "received",
        Processed = "processed",
        Parked = "parked",
        Failed = "failed",
        Ignored = "ignored",
    }
}

text_enum! {
    /// What became of one row of many that were entered at once.
    RowStatus, "row status" {
        Created = "created",
        Updated = "updated",
        Failed = "failed",
    }
}
