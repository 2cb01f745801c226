//! Which affiliate a sale is credited to: the order of evidence, and the reasons for crediting nobody.
//!
//! The stage of the pipeline looks each piece of evidence up; this module says which counts.

use serde::{Deserialize, Serialize};

use super::explanation::Reader;
use super::text_enum::text_enum;

text_enum! {
    /// A kind of evidence that a program ranks in its order. `code` is a referral code in the checkout's reference or in
    /// metadata.
    EvidenceSource, "kind of evidence" {
        PromotionCode = "promotion_code",
        Click = "click",
        Code = "code",
        LeadCustomer = "lead_customer",
        LeadEmail = "lead_email",
    }
}

text_enum! {
    /// Which of a visitor's clicks counts, when there are several inside the cookie window.
    ClickRule, "click rule" {
        First = "first",
        Last = "last",
    }
}

/// A program's order of evidence, the strongest first: every source exactly once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<EvidenceSource>", into = "Vec<EvidenceSource>")]
pub struct AttributionOrder(Vec<EvidenceSource>);

/// A list of sources that is no order: one is missing or named twice.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidOrder {
    #[error("`{0}` is there twice; each kind of evidence has one place")]
    Twice(EvidenceSource),
    #[error("`{0}` is missing; each kind of evidence has one place")]
    Missing(EvidenceSource),
}

impl AttributionOrder {
    pub fn sources(&self) -> &[EvidenceSource] {
        &self.0
    }
}

impl Default for AttributionOrder {
    fn default() -> Self {
        AttributionOrder(EvidenceSource::ALL.to_vec())
    }
}

impl TryFrom<Vec<EvidenceSource>> for AttributionOrder {
    type Error = InvalidOrder;

    fn try_from(sources: Vec<EvidenceSource>) -> Result<Self, InvalidOrder> {
        for (at, source) in sources.iter().enumerate() {
            if sources[..at].contains(source) {
                return Err(InvalidOrder::Twice(*source));
            }
        }
        match EvidenceSource::ALL.iter().find(|source| !sources.contains(source)) {
            Some(missing) => Err(InvalidOrder::Missing(*missing)),
            None => Ok(AttributionOrder(sources)),
        }
    }
}

impl From<AttributionOrder> for Vec<EvidenceSource> {
    fn from(order: AttributionOrder) -> Self {
        order.0
    }
}

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
        EmailMismatch = "email_mismatch",
        SelfReferral = "self_referral",
        PaidOutOfBand = "paid_out_of_band",
        NothingCollected = "nothing_collected",
        AwaitingDetails = "awaiting_details",
    }
}

impl EvidenceKind {
    /// Whether the affiliate may read what matched: a code or a click is their own, but who the customer is and who of the
    /// company decided is the company's business.
    pub fn is_told(self) -> bool {
        !matches!(self, EvidenceKind::LeadCustomer | EvidenceKind::LeadEmail | EvidenceKind::Manual)
    }

    /// Where a program ranks it; none for what a person decided, which stands whatever the order.
    pub fn source(self) -> Option<EvidenceSource> {
        match self {
            EvidenceKind::PromotionCode => Some(EvidenceSource::PromotionCode),
            EvidenceKind::Click => Some(EvidenceSource::Click),
            EvidenceKind::ReferralCode | EvidenceKind::Metadata => Some(EvidenceSource::Code),
            EvidenceKind::LeadCustomer => Some(EvidenceSource::LeadCustomer),
            EvidenceKind::LeadEmail => Some(EvidenceSource::LeadEmail),
            EvidenceKind::Manual => None,
        }
    }

    /// Words for an explanation: "credited to you because …".
    pub fn sentence(self, reader: Reader) -> &'static str {
        match (self, reader) {
            (EvidenceKind::PromotionCode, Reader::Affiliate) => "the customer used your promotion code",
            (EvidenceKind::PromotionCode, Reader::Company) => "the customer used the affiliate's promotion code",
            (EvidenceKind::Click, Reader::Affiliate) => "the customer came through your referral link",
            (EvidenceKind::Click, Reader::Company) => "the customer came through the affiliate's referral link",
            (EvidenceKind::ReferralCode, Reader::Affiliate) => "the purchase carried your referral code",
            (EvidenceKind::ReferralCode, Reader::Company) => "the purchase carried the affiliate's referral code",
            (EvidenceKind::Metadata, Reader::Affiliate) => "the purchase was marked with your referral code",
            (EvidenceKind::Metadata, Reader::Company) => "the purchase was marked with the affiliate's referral code",
            (EvidenceKind::LeadCustomer, Reader::Affiliate) => "the customer is yours from an earlier purchase or lead",
            (EvidenceKind::LeadCustomer, Reader::Company) => {
                "the customer is the affiliate's from an earlier purchase or lead"
            }
            (EvidenceKind::LeadEmail, Reader::Affiliate) => "the customer's e-mail is one of your leads",
            (EvidenceKind::LeadEmail, Reader::Company) => "the customer's e-mail is one of the affiliate's leads",
            (EvidenceKind::Manual, Reader::Affiliate) => "an admin credited the sale to you",
            (EvidenceKind::Manual, Reader::Company) => "an admin credited the sale by hand",
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
            UnattributedReason::EmailMismatch => {
                "A lead looks like this buyer, but its e-mail address or customer id is not quite the same."
            }
            UnattributedReason::SelfReferral => "It was upheld as the affiliate's own purchase, which earns nothing.",
            UnattributedReason::PaidOutOfBand => {
                "It was paid outside of Stripe, and the program doesn't count such invoices."
            }
            UnattributedReason::NothingCollected => "Nothing was collected, so nothing is earned.",
            UnattributedReason::AwaitingDetails => "A payment that a checkout or an invoice may still describe.",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_has_every_source_once() {
        let order: Vec<EvidenceSource> = EvidenceSource::ALL.iter().rev().copied().collect();
        assert_eq!(AttributionOrder::try_from(order.clone()).map(Vec::from), Ok(order.clone()));
        let missing = order[1..].to_vec();
        assert_eq!(AttributionOrder::try_from(missing), Err(InvalidOrder::Missing(EvidenceSource::LeadEmail)));
        let twice = [order.clone(), order].concat();
        assert_eq!(AttributionOrder::try_from(twice), Err(InvalidOrder::Twice(EvidenceSource::LeadEmail)));
    }
}
