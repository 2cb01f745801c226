//! Reasons for crediting nobody, as short words for lists and filters, and what mends each.

use purser::domain::attribution::UnattributedReason;

pub fn reason_word(reason: UnattributedReason) -> &'static str {
    match reason {
        UnattributedReason::NoCode => "No code",
        UnattributedReason::UnknownCode => "Unknown code",
        UnattributedReason::CampaignInactive => "Campaign inactive",
        UnattributedReason::OutsideDates => "Outside the dates",
        UnattributedReason::AffiliateInactive => "Affiliate inactive",
        UnattributedReason::LeftProgram => "Affiliate left",
        UnattributedReason::ClickExpired => "Click expired",
        UnattributedReason::EmailMismatch => "E-mail mismatch",
        UnattributedReason::SelfReferral => "Self-referral",
        UnattributedReason::PaidOutOfBand => "Paid outside of Stripe",
        UnattributedReason::NothingCollected => "Nothing collected",
        UnattributedReason::AwaitingDetails => "Just in",
    }
}

pub fn how_to_mend(reason: UnattributedReason) -> &'static str {
    match reason {
        UnattributedReason::NoCode => "Nothing, if nobody sent the customer. Else credit it by hand, or enter a lead.",
        UnattributedReason::UnknownCode => "Give the code to the affiliate it was meant for, then look again.",
        UnattributedReason::CampaignInactive => "Switch the campaign on, then look again.",
        UnattributedReason::OutsideDates => "Change the campaign's dates if the sale should earn, then look again.",
        UnattributedReason::AffiliateInactive => "Make the affiliate active again, then look again.",
        UnattributedReason::LeftProgram => "Let the affiliate join the program again, then look again.",
        UnattributedReason::ClickExpired => "Lengthen the program's cookie window, or credit it by hand.",
        UnattributedReason::EmailMismatch => "Set the customer id of the lead and apply it to past payments.",
        UnattributedReason::SelfReferral => "Credit it by hand if the affiliate may earn from it.",
        UnattributedReason::PaidOutOfBand => "Let the program count such invoices, then look again.",
        UnattributedReason::NothingCollected => "Nothing: the first payment afterwards is credited.",
        UnattributedReason::AwaitingDetails => "Wait a moment for what Stripe says next.",
    }
}
