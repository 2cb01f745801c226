//! Weighs what ties a sale to an affiliate: looks every piece of evidence up, keeps what each leads to or why it is passed
//! over, and lets `domain::finding` say which counts. Evidence for two programs is told apart there: each program's order
//! decides inside it. What was found once stays as it was then; only what follows from other sales is looked up anew.
//! Writes nothing but learnt promotion ids.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgConnection;

use super::Error;
use crate::domain::attribution::{EvidenceKind, UnattributedReason};
use crate::domain::finding::{self, Finding, Preference};
use crate::domain::ids::{AffiliateId, CampaignId, ClickId, EnrollmentId, LeadId, ProgramId, RuleVersionId, SaleId};
use crate::domain::program::{AffiliateStatus, EnrollmentStatus};
use crate::domain::sale::{Payment, SaleEvidence, SaleState};
use crate::store::attribution::{self, Dates, Named, Standing};
use crate::store::buyers::{self, Tie};
use crate::store::conversions::Credit;
use crate::store::leads::Buyer;
use crate::store::sales::SaleRow;

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
    Nobody { reason: UnattributedReason, considered: Vec<Finding> },
}

/// Whom the sale is credited to, as of when it was paid. `kept` is what was weighed for it before.
///
/// # Errors
/// [`Error::UnknownPromotions`] when Stripe must be asked first, else from the database.
pub async fn weigh(
    conn: &mut PgConnection,
    sale: &SaleRow,
    payment: &Payment,
    promotions: &Promotions,
    kept: Vec<Finding>,
) -> Result<Verdict, Error> {
    let evidence = sale.evidence();
    let still_counts = |finding: &Finding| finding.sale.is_none() && is_told(&evidence, finding.kind, &finding.value);
    let kept = kept.into_iter().filter(still_counts).collect();
    let mut search = Search::new(payment, kept);
    search.promotions(conn, &evidence, promotions).await?;
    search.marks(conn, &evidence).await?;
    search.buyer(conn, sale.id, &sale.state).await?;
    search.still_kept(conn).await?;
    if search.found.is_empty() {
        search.near_lead(conn, &sale.state).await?;
    }
    Ok(search.verdict())
}

/// Whether a piece that was found in the purchase is still there: it isn't when it stood in a payment that was only believed
/// to be the invoice's. What stands elsewhere needn't be in the purchase.
pub fn is_told(evidence: &SaleEvidence, kind: EvidenceKind, value: &str) -> bool {
    let stands_in_the_purchase = matches!(
        kind,
        EvidenceKind::PromotionCode | EvidenceKind::Click | EvidenceKind::ReferralCode | EvidenceKind::Metadata
    );
    !stands_in_the_purchase || evidence.names(value)
}

/// What a person's own choice comes to: the affiliate's enrollment whose campaign was on when the sale was paid. `kept` is
/// what was weighed and passed over before.
///
/// # Errors
/// From the database.
pub async fn chosen(
    conn: &mut PgConnection,
    affiliate_id: AffiliateId,
    payment: &Payment,
    by: Finding,
    kept: Vec<Finding>,
) -> Result<Verdict, Error> {
    let mut search = Search::new(payment, Vec::new());
    search.owned(conn, by, affiliate_id, None).await?;
    let verdict = search.verdict();
    Ok(match verdict {
        Verdict::Credited(credit) => {
            let considered = credit.considered.iter().cloned().chain(kept).collect();
            Verdict::Credited(Credit { considered, ..credit })
        }
        nobody => nobody,
    })
}

struct Search<'a> {
    payment: &'a Payment,
    /// What was found for the sale before.
    kept: Vec<Finding>,
    found: Vec<Finding>,
    preferences: BTreeMap<ProgramId, Preference>,
}

impl<'a> Search<'a> {
    fn new(payment: &'a Payment, kept: Vec<Finding>) -> Self {
        Self { payment, kept, found: Vec::new(), preferences: BTreeMap::new() }
    }

    fn verdict(mut self) -> Verdict {
        let counts = finding::strongest(&self.found, &self.preferences);
        let credit = counts.and_then(|counts| {
            Some(Credit {
                enrollment_id: counts.enrollment?,
                campaign_id: counts.campaign?,
                rule_version_id: counts.rule_version?,
                evidence_kind: counts.kind,
                evidence_value: counts.value.clone(),
                inherited: counts.sale.is_some(),
                considered: Vec::new(),
            })
        });
        self.found
            .sort_by(|a, b| (a.kind, &a.value, a.enrollment, a.sale).cmp(&(b.kind, &b.value, b.enrollment, b.sale)));
        match credit {
            Some(credit) => Verdict::Credited(Credit { considered: self.found, ..credit }),
            None => {
                let reason = finding::reason_for_nobody(&self.found);
                Verdict::Nobody { reason, considered: self.found }
            }
        }
    }

    /// Takes what was found for the piece before, if it was.
    fn recalls(&mut self, kind: EvidenceKind, value: &str) -> bool {
        let is_it = |finding: &Finding| finding.kind == kind && finding.value == value;
        let before = self.found.len();
        self.found.extend(self.kept.iter().filter(|finding| is_it(finding)).cloned());
        self.kept.retain(|finding| !is_it(finding));
        self.found.len() > before
    }

    /// What was found before counts even when it isn't there any more: a lead may have been changed since.
    async fn still_kept(&mut self, conn: &mut PgConnection) -> Result<(), Error> {
        self.found.append(&mut self.kept);
        for finding in &self.found {
            if let (Some(program), Some(enrollment)) = (finding.program, finding.enrollment)
                && !self.preferences.contains_key(&program)
            {
                self.preferences.insert(program, preference(&attribution::standing(conn, enrollment).await?));
            }
        }
        Ok(())
    }

    fn pass_over(&mut self, finding: Finding, reason: UnattributedReason) {
        self.found.push(Finding { passed_over: Some(reason), ..finding });
    }

    async fn promotions(
        &mut self,
        conn: &mut PgConnection,
        evidence: &SaleEvidence,
        promotions: &Promotions,
    ) -> Result<(), Error> {
        let kind = EvidenceKind::PromotionCode;
        for text in &evidence.promotion_texts {
            let named = attribution::by_coupon(conn, text).await?;
            self.named(conn, Finding::of(kind, text), named).await?;
        }
        let mut unknown = Vec::new();
        for id in &evidence.promotion_ids {
            let mut named = attribution::by_promotion(conn, id).await?;
            match (named, promotions.answers.get(id)) {
                (None, Some(Some(text))) => {
                    attribution::learn_promotion(conn, text, id).await?;
                    named = attribution::by_coupon(conn, text).await?;
                }
                // A code whose text is there needs no question, and neither does one that was weighed before.
                (None, None)
                    if promotions.may_ask
                        && evidence.promotion_texts.is_empty()
                        && !self.kept.iter().any(|finding| finding.value == *id) =>
                {
                    unknown.push(id.clone());
                }
                _ => {}
            }
            self.named(conn, Finding::of(kind, id), named).await?;
        }
        if !unknown.is_empty() {
            return Err(Error::UnknownPromotions(unknown));
        }
        for coupon in &evidence.coupons {
            // A coupon that several codes share names nobody, and is no unknown code.
            if let Some(named) = attribution::by_coupon(conn, coupon).await? {
                self.named(conn, Finding::of(kind, coupon), Some(named)).await?;
            }
        }
        Ok(())
    }

    /// Clicks wherever they are written, and codes in the checkout's reference and in metadata.
    async fn marks(&mut self, conn: &mut PgConnection, evidence: &SaleEvidence) -> Result<(), Error> {
        for (kind, texts) in
            [(EvidenceKind::ReferralCode, &evidence.references), (EvidenceKind::Metadata, &evidence.marks)]
        {
            for text in texts {
                match text.parse::<ClickId>() {
                    Ok(click_id) => self.click(conn, text, click_id).await?,
                    Err(_) => {
                        let named = attribution::by_referral_code(conn, text).await?;
                        self.named(conn, Finding::of(kind, text), named).await?;
                    }
                }
            }
        }
        Ok(())
    }

    async fn click(&mut self, conn: &mut PgConnection, text: &str, id: ClickId) -> Result<(), Error> {
        let kind = EvidenceKind::Click;
        // The same click may stand in the reference and in metadata.
        if self.found.iter().any(|found| found.kind == kind && found.value == text) || self.recalls(kind, text) {
            return Ok(());
        }
        let finding = Finding::of(kind, text);
        let Some(click) = attribution::click(conn, id).await? else {
            self.pass_over(finding, UnattributedReason::UnknownCode);
            return Ok(());
        };
        let finding = Finding { at: Some(click.at), ..finding };
        let counts_until = click.at.checked_add_signed(TimeDelta::days(i64::from(click.cookie_days)));
        let named = Named { enrollment_id: click.enrollment_id, campaign_id: click.campaign_id };
        if counts_until.is_some_and(|until| self.payment.paid_at > until) {
            let standing = attribution::standing(conn, EnrollmentId(named.enrollment_id)).await?;
            self.pass_over(led(finding, &standing, named), UnattributedReason::ClickExpired);
            return Ok(());
        }
        self.named(conn, finding, Some(named)).await
    }

    /// Leads and earlier sales of the buyer.
    async fn buyer(&mut self, conn: &mut PgConnection, sale_id: SaleId, sale: &SaleState) -> Result<(), Error> {
        if sale.customer.is_none() && sale.email.is_none() && sale.subscription.is_none() {
            return Ok(());
        }
        let (subscription, paid_at) = (sale.subscription.as_deref(), self.payment.paid_at);
        for tie in buyers::ties(conn, sale_id, buyer(sale), subscription, paid_at).await? {
            self.tie(conn, tie).await?;
        }
        Ok(())
    }

    async fn tie(&mut self, conn: &mut PgConnection, tie: Tie) -> Result<(), Error> {
        let finding = Finding {
            at: Some(tie.at),
            sale: tie.sale_id.map(SaleId),
            lead: tie.lead_id.map(LeadId),
            ..Finding::of(tie.kind, &tie.value)
        };
        if let Some(affiliate_id) = tie.affiliate_id {
            return self.owned(conn, finding, AffiliateId(affiliate_id), tie.enrollment_id.map(EnrollmentId)).await;
        }
        let Some(enrollment_id) = tie.enrollment_id else { return Ok(()) };
        self.named(conn, finding, Some(Named { enrollment_id, campaign_id: tie.campaign_id })).await
    }

    /// Evidence that names an affiliate: it counts in each of their programs, or in the one that is told.
    async fn owned(
        &mut self,
        conn: &mut PgConnection,
        finding: Finding,
        affiliate_id: AffiliateId,
        enrollment_id: Option<EnrollmentId>,
    ) -> Result<(), Error> {
        if self.recalls(finding.kind, &finding.value) {
            return Ok(());
        }
        let enrollments = match enrollment_id {
            Some(enrollment) => vec![enrollment],
            None => attribution::enrollments_of(conn, affiliate_id).await?,
        };
        if enrollments.is_empty() {
            let finding = Finding { affiliate: Some(affiliate_id), ..finding.clone() };
            self.pass_over(finding, UnattributedReason::LeftProgram);
        }
        for enrollment in enrollments {
            let named = Named { enrollment_id: enrollment.0, campaign_id: None };
            self.look_up(conn, finding.clone(), named).await?;
        }
        Ok(())
    }

    /// Evidence that names an enrollment, or nobody.
    async fn named(&mut self, conn: &mut PgConnection, finding: Finding, named: Option<Named>) -> Result<(), Error> {
        if finding.sale.is_none() && self.recalls(finding.kind, &finding.value) {
            return Ok(());
        }
        match named {
            Some(named) => self.look_up(conn, finding, named).await,
            None => {
                self.pass_over(finding, UnattributedReason::UnknownCode);
                Ok(())
            }
        }
    }

    /// Keeps what the evidence leads to: the rule by which the affiliate earns as of the payment, or why they don't.
    async fn look_up(&mut self, conn: &mut PgConnection, finding: Finding, named: Named) -> Result<(), Error> {
        let standing = attribution::standing(conn, EnrollmentId(named.enrollment_id)).await?;
        self.preferences.insert(standing.program_id, preference(&standing));
        let finding = led(finding, &standing, named);
        if let Some(reason) = barred(&standing, self.payment) {
            self.pass_over(finding, reason);
            return Ok(());
        }
        let campaigns =
            attribution::campaigns(conn, standing.program_id, finding.campaign, self.payment.paid_at).await?;
        // Who was won while a campaign was on is paid for by its rule afterwards, whatever its dates.
        let was_won = finding.sale.is_some() && finding.campaign.is_some();
        let campaign_id = match campaign_on(&campaigns, self.payment.paid_at, was_won) {
            Ok(campaign_id) => campaign_id,
            Err(reason) => {
                self.pass_over(finding, reason);
                return Ok(());
            }
        };
        let finding = Finding { campaign: Some(campaign_id), ..finding };
        match attribution::rule_version(conn, campaign_id, self.payment.paid_at).await? {
            Some(version) => self.found.push(Finding { rule_version: Some(RuleVersionId(version)), ..finding }),
            None => self.pass_over(finding, UnattributedReason::CampaignInactive),
        }
        Ok(())
    }

    async fn near_lead(&mut self, conn: &mut PgConnection, sale: &SaleState) -> Result<(), Error> {
        let Some(lead) = buyers::near_lead(conn, buyer(sale)).await? else { return Ok(()) };
        let same_customer = lead.stripe_customer_id.is_some() && lead.stripe_customer_id == sale.customer;
        let (kind, value) = match (lead.stripe_customer_id, lead.email) {
            (Some(customer), _) if same_customer => (EvidenceKind::LeadCustomer, customer),
            (customer, email) => (EvidenceKind::LeadEmail, email.or(customer).unwrap_or_default()),
        };
        let affiliate = Some(AffiliateId(lead.affiliate_id));
        let finding = Finding { affiliate, lead: Some(LeadId(lead.id)), ..Finding::of(kind, &value) };
        self.pass_over(finding, UnattributedReason::EmailMismatch);
        Ok(())
    }
}

/// The campaign that prices a sale of the program that is paid at `at`, unless its coupon or an earlier sale belongs to
/// another one.
///
/// # Errors
/// From the database.
pub(crate) async fn pricing_campaign(
    conn: &mut PgConnection,
    program_id: ProgramId,
    at: DateTime<Utc>,
) -> Result<Option<CampaignId>, sqlx::Error> {
    let campaigns = attribution::campaigns(conn, program_id, None, at).await?;
    Ok(campaign_on(&campaigns, at, false).ok())
}

fn buyer(sale: &SaleState) -> Buyer<'_> {
    Buyer { customer: sale.customer.as_deref(), email: sale.email.as_deref() }
}

fn preference(standing: &Standing) -> Preference {
    Preference { order: standing.attribution_order.clone(), click_rule: standing.click_rule }
}

fn led(finding: Finding, standing: &Standing, named: Named) -> Finding {
    Finding {
        affiliate: Some(standing.affiliate_id),
        enrollment: Some(EnrollmentId(named.enrollment_id)),
        program: Some(standing.program_id),
        campaign: named.campaign_id.map(CampaignId),
        ..finding
    }
}

/// Why the affiliate can't earn from the payment, whatever the campaign. Who was invited has codes and earns; only who was
/// stopped doesn't.
fn barred(standing: &Standing, payment: &Payment) -> Option<UnattributedReason> {
    if standing.affiliate_status == AffiliateStatus::Suspended.as_str() {
        return Some(UnattributedReason::AffiliateInactive);
    }
    if standing.status == EnrollmentStatus::Left.as_str() {
        return Some(UnattributedReason::LeftProgram);
    }
    if standing.status != EnrollmentStatus::Active.as_str() {
        return Some(UnattributedReason::AffiliateInactive);
    }
    (payment.out_of_band && !standing.count_out_of_band).then_some(UnattributedReason::PaidOutOfBand)
}

/// The first campaign that is active and whose dates hold the time, the newest start first; `was_won` when the dates were
/// kept by an earlier sale.
fn campaign_on(campaigns: &[Dates], at: DateTime<Utc>, was_won: bool) -> Result<CampaignId, UnattributedReason> {
    let mut active = campaigns.iter().filter(|campaign| campaign.active).peekable();
    if active.peek().is_none() {
        return Err(UnattributedReason::CampaignInactive);
    }
    active
        .find(|campaign| {
            was_won
                || (campaign.starts_at.is_none_or(|start| start <= at) && campaign.ends_at.is_none_or(|end| at < end))
        })
        .map(|campaign| campaign.id)
        .ok_or(UnattributedReason::OutsideDates)
}
