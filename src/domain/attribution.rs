//! Which affiliate a sale is credited to: the order of evidence, and the reasons for crediting nobody.
//!
//! The stage of the pipeline looks each piece of evidence up; this module says which counts.

use super::text_enum::text_enum;

text_enum! {
    /// What tied a sale to an affiliate, strongest first.
    EvidenceKind, "evidence" {
        PromotionCode = "promotion_code",
        Click = "click",
        ReferralCode = "referral_code",
        Metadata = "metadata",
        LeadCustomer = "lead_customer",
        LeadEmail = "lead_email",
        Manual = "manual",
    }
}

text_enum! {
    /// Why a sale is credited to nobody.
    UnattributedReason, "unattributed reason" {
        NoCode = "no_code",
        UnknownCode = "unknown_code",
        CampaignInactive = "campaign_inactive",
        OutsideDates = "outside_dates",
        AffiliateInactive = "affiliate_inactive",
        LeftProgram = "left_program",
        ClickExpired = "click_expired",
        NothingCollected = "nothing_collected",
        AwaitingDetails = "awaiting_details",
    }
}

impl EvidenceKind {
    /// Words for the affiliate's explanation: "credited to you because …".
    pub fn sentence(self) -> &'static str {
        match self {
            EvidenceKind::PromotionCode => "the customer used your promotion code",
            EvidenceKind::Click => "the customer came through your referral link",
            EvidenceKind::ReferralCode => "the purchase carried your referral code",
            EvidenceKind::Metadata => "the purchase was marked with your referral code",
            EvidenceKind::LeadCustomer => "the customer is yours from an earlier purchase or lead",
            EvidenceKind::LeadEmail => "the customer's e-mail is one of your leads",
            EvidenceKind::Manual => "an admin credited the sale to you",
        }
    }
}

impl UnattributedReason {
    /// Words for the admin's list of unattributed sales.
    pub fn sentence(self) -> &'static str {
        match self {
            UnattributedReason::NoCode => "Nothing in the purchase names an affiliate.",
            UnattributedReason::UnknownCode => "The code in the purchase belongs to no affiliate.",
            UnattributedReason::CampaignInactive => "The affiliate's campaign is not active.",
            UnattributedReason::OutsideDates => "The sale is outside the campaign's dates.",
            UnattributedReason::AffiliateInactive => "The affiliate is not active.",
            UnattributedReason::LeftProgram => "The affiliate left the program.",
            UnattributedReason::ClickExpired => "The click is older than the program's cookie window.",
            UnattributedReason::NothingCollected => "Nothing was collected, so nothing is earned.",
            UnattributedReason::AwaitingDetails => "A payment that a checkout or an invoice may still describe.",
        }
    }
}
