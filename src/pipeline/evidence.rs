//! Weighs what ties a sale to an affiliate: looks each piece of evidence up, the strongest first, and takes the first one
//! whose affiliate and campaign may earn. When none may, it says why. Writes nothing but learnt promotion ids.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgConnection;

use super::Error;
use crate::domain::attribution::{EvidenceKind, UnattributedReason};
use crate::domain::ids::{AffiliateId, CampaignId, ClickId, EnrollmentId, RuleVersionId};
use crate::domain::program::{AffiliateStatus, EnrollmentStatus};
use crate::domain::sale::SaleState;
use crate::store::attribution::{self, Dates, Named};
use crate::store::conversions::Credit;
use crate::store::leads::{self, LeadOwner};

/// What is known of promotion codes that the database doesn't know: Stripe was asked before the transaction began.
#[derive(Debug, Clone, Default)]
pub struct Promotions {
    /// By id; the text that customers type, or none when Stripe has no such code.
    answers: BTreeMap<String, Option<String>>,
    may_ask: bool,
}

impl Promotions {
    /// Nobody can be asked.
    pub fn unasked() -> Self {
        Self::default()
    }

    /// Stripe can be asked for what turns out to be unknown.
    pub fn askable() -> Self {
        Self { answers: BTreeMap::new(), may_ask: true }
    }

    /// Keeps an answer: the code's text, or that there is none.
    pub fn learn(&mut self, promotion_id: String, text: Option<String>) {
        self.answers.insert(promotion_id, text.map(|text| text.trim().to_lowercase()));
    }
}

/// What the evidence comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    Credited(Credit),
    Nobody(UnattributedReason),
}

/// Whom the sale is credited to, as of `paid_at`.
///
/// # Errors
/// [`Error::UnknownPromotions`] when Stripe must be asked first, else from the database.
pub async fn weigh(
    conn: &mut PgConnection,
    sale: &SaleState,
    paid_at: DateTime<Utc>,
    promotions: &Promotions,
) -> Result<Verdict, Error> {
    let mut search = Search { paid_at, reasons: Vec::new() };
    let found = match search.by_promotion(conn, sale, promotions).await? {
        Some(credit) => Some(credit),
        None => match search.by_marks(conn, sale).await? {
            Some(credit) => Some(credit),
            None => search.by_buyer(conn, sale).await?,
        },
    };
    Ok(match found {
        Some(credit) => Verdict::Credited(credit),
        None => Verdict::Nobody(search.reason()),
    })
}

/// What an admin's own choice comes to: the affiliate's enrollment whose campaign was on when the sale was paid.
///
/// # Errors
/// From the database.
pub async fn chosen(
    conn: &mut PgConnection,
    affiliate_id: AffiliateId,
    paid_at: DateTime<Utc>,
    by: &str,
) -> Result<Verdict, Error> {
    let mut search = Search { paid_at, reasons: Vec::new() };
    let owner = LeadOwner { affiliate_id: affiliate_id.0, enrollment_id: None };
    let found = search.owned(conn, EvidenceKind::Manual, by, owner).await?;
    Ok(found.map_or_else(|| Verdict::Nobody(search.reason()), Verdict::Credited))
}

struct Search {
    paid_at: DateTime<Utc>,
    /// Why evidence that was there didn't count, the strongest first.
    reasons: Vec<UnattributedReason>,
}

impl Search {
    /// The first reason that names something known; that a code is unknown says least.
    fn reason(&self) -> UnattributedReason {
        let telling = self.reasons.iter().find(|reason| **reason != UnattributedReason::UnknownCode);
        telling.or(self.reasons.first()).copied().unwrap_or(UnattributedReason::NoCode)
    }

    async fn by_promotion(
        &mut self,
        conn: &mut PgConnection,
        sale: &SaleState,
        promotions: &Promotions,
    ) -> Result<Option<Credit>, Error> {
        for text in &sale.evidence.promotion_texts {
            let named = attribution::by_coupon(conn, text).await?;
            if let Some(credit) = self.named(conn, EvidenceKind::PromotionCode, text, named).await? {
                return Ok(Some(credit));
            }
        }
        let mut unknown = Vec::new();
        for id in &sale.evidence.promotion_ids {
            let mut named = attribution::by_promotion(conn, id).await?;
            match (named, promotions.answers.get(id)) {
                (None, Some(Some(text))) => {
                    attribution::learn_promotion(conn, text, id).await?;
                    named = attribution::by_coupon(conn, text).await?;
                }
                // A code whose text is there needs no question.
                (None, None) if promotions.may_ask && sale.evidence.promotion_texts.is_empty() => {
                    unknown.push(id.clone());
                }
                _ => {}
            }
            if let Some(credit) = self.named(conn, EvidenceKind::PromotionCode, id, named).await? {
                return Ok(Some(credit));
            }
        }
        if !unknown.is_empty() {
            return Err(Error::UnknownPromotions(unknown));
        }
        for coupon in &sale.evidence.coupons {
            // A coupon that several codes share names nobody, and is no unknown code.
            if let Some(named) = attribution::by_coupon(conn, coupon).await?
                && let Some(credit) = self.named(conn, EvidenceKind::PromotionCode, coupon, Some(named)).await?
            {
                return Ok(Some(credit));
            }
        }
        Ok(None)
    }

    /// Clicks wherever they are written, then codes: the checkout's reference before metadata.
    async fn by_marks(&mut self, conn: &mut PgConnection, sale: &SaleState) -> Result<Option<Credit>, Error> {
        let marks = || sale.evidence.references.iter().chain(&sale.evidence.marks);
        for (text, click_id) in marks().filter_map(|text| Some((text, text.parse::<ClickId>().ok()?))) {
            if let Some(credit) = self.click(conn, text, click_id).await? {
                return Ok(Some(credit));
            }
        }
        for (kind, texts) in
            [(EvidenceKind::ReferralCode, &sale.evidence.references), (EvidenceKind::Metadata, &sale.evidence.marks)]
        {
            for text in texts.iter().filter(|text| text.parse::<ClickId>().is_err()) {
                let named = attribution::by_referral_code(conn, text).await?;
                if let Some(credit) = self.named(conn, kind, text, named).await? {
                    return Ok(Some(credit));
                }
            }
        }
        Ok(None)
    }

    async fn click(&mut self, conn: &mut PgConnection, text: &str, id: ClickId) -> Result<Option<Credit>, Error> {
        let Some(click) = attribution::click(conn, id).await? else {
            self.reasons.push(UnattributedReason::UnknownCode);
            return Ok(None);
        };
        let counts_until = click.at.checked_add_signed(TimeDelta::days(i64::from(click.cookie_days)));
        if counts_until.is_some_and(|until| self.paid_at > until) {
            self.reasons.push(UnattributedReason::ClickExpired);
            return Ok(None);
        }
        let named = Named { enrollment_id: click.enrollment_id, campaign_id: click.campaign_id };
        self.named(conn, EvidenceKind::Click, text, Some(named)).await
    }

    /// An earlier payment of the subscription, then leads.
    async fn by_buyer(&mut self, conn: &mut PgConnection, sale: &SaleState) -> Result<Option<Credit>, Error> {
        if let Some(subscription) = &sale.subscription
            && let Some(enrollment_id) = attribution::by_subscription(conn, subscription, self.paid_at).await?
        {
            let named = Named { enrollment_id, campaign_id: None };
            let value = sale.customer.as_ref().unwrap_or(subscription);
            if let Some(credit) = self.named(conn, EvidenceKind::LeadCustomer, value, Some(named)).await? {
                return Ok(Some(credit));
            }
        }
        if let Some(customer) = &sale.customer
            && let Some(owner) = leads::by_customer(conn, customer, self.paid_at).await?
            && let Some(credit) = self.owned(conn, EvidenceKind::LeadCustomer, customer, owner).await?
        {
            return Ok(Some(credit));
        }
        if let Some(email) = &sale.email
            && let Some(owner) = leads::by_email(conn, email).await?
        {
            return self.owned(conn, EvidenceKind::LeadEmail, email, owner).await;
        }
        Ok(None)
    }

    async fn owned(
        &mut self,
        conn: &mut PgConnection,
        kind: EvidenceKind,
        value: &str,
        owner: LeadOwner,
    ) -> Result<Option<Credit>, Error> {
        let enrollments = match owner.enrollment_id {
            Some(enrollment) => vec![EnrollmentId(enrollment)],
            None => attribution::enrollments_of(conn, AffiliateId(owner.affiliate_id)).await?,
        };
        if enrollments.is_empty() {
            self.reasons.push(UnattributedReason::LeftProgram);
        }
        for enrollment in enrollments {
            let named = Named { enrollment_id: enrollment.0, campaign_id: None };
            if let Some(credit) = self.named(conn, kind, value, Some(named)).await? {
                return Ok(Some(credit));
            }
        }
        Ok(None)
    }

    /// The credit that the evidence earns, if the affiliate and a campaign may earn at the time of payment.
    async fn named(
        &mut self,
        conn: &mut PgConnection,
        kind: EvidenceKind,
        value: &str,
        named: Option<Named>,
    ) -> Result<Option<Credit>, Error> {
        let Some(named) = named else {
            self.reasons.push(UnattributedReason::UnknownCode);
            return Ok(None);
        };
        let enrollment_id = EnrollmentId(named.enrollment_id);
        let standing = attribution::standing(conn, enrollment_id).await?;
        // Who was invited has codes and earns; only who was stopped doesn't.
        if standing.affiliate_status == AffiliateStatus::Suspended.as_str() {
            self.reasons.push(UnattributedReason::AffiliateInactive);
            return Ok(None);
        }
        if standing.status != EnrollmentStatus::Active.as_str() {
            self.reasons.push(if standing.status == EnrollmentStatus::Left.as_str() {
                UnattributedReason::LeftProgram
            } else {
                UnattributedReason::AffiliateInactive
            });
            return Ok(None);
        }
        let own = named.campaign_id.map(CampaignId);
        let campaigns = attribution::campaigns(conn, standing.program_id, own).await?;
        let campaign_id = match campaign_on(&campaigns, self.paid_at) {
            Ok(campaign_id) => campaign_id,
            Err(reason) => {
                self.reasons.push(reason);
                return Ok(None);
            }
        };
        let Some(rule_version) = attribution::rule_version(conn, campaign_id, self.paid_at).await? else {
            self.reasons.push(UnattributedReason::CampaignInactive);
            return Ok(None);
        };
        Ok(Some(Credit {
            enrollment_id,
            campaign_id,
            rule_version_id: RuleVersionId(rule_version),
            evidence_kind: kind,
            evidence_value: value.to_owned(),
        }))
    }
}

/// The first campaign that is active and whose dates hold the time, the newest start first.
fn campaign_on(campaigns: &[Dates], at: DateTime<Utc>) -> Result<CampaignId, UnattributedReason> {
    let mut active = campaigns.iter().filter(|campaign| campaign.active).peekable();
    if active.peek().is_none() {
        return Err(UnattributedReason::CampaignInactive);
    }
    active
        .find(|campaign| {
            campaign.starts_at.is_none_or(|start| start <= at) && campaign.ends_at.is_none_or(|end| at < end)
        })
        .map(|campaign| campaign.id)
        .ok_or(UnattributedReason::OutsideDates)
}
