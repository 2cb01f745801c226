//! Credits a paid sale to an affiliate, or writes why nobody is credited, and remembers whose the buyer is. The commission
//! itself is `accrue`'s.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::evidence::{self, Verdict};
use super::{Error, accrue, given_back, signs};
use crate::domain::actor::Actor;
use crate::domain::attribution::{EvidenceKind, UnattributedReason};
use crate::domain::finding::Finding;
use crate::domain::ids::{AffiliateId, CampaignId, ConversionId, EnrollmentId, RuleVersionId, SaleId};
use crate::domain::sale::{SaleState, SaleStatus};
use crate::store::attribution;
use crate::store::buyers;
use crate::store::conversions::{self, Credit, Priceable};
use crate::store::leads::{self, Buyer, Owner};
use crate::store::ledger;
use crate::store::sales::{self, SaleRow};
use crate::store::zero_earnings;

pub use super::evidence::Promotions;

const NOT_ITS_EVIDENCE: &str = "What named the affiliate turned out to belong to another payment";

/// What surrounds the taking in of a fact.
#[derive(Debug, Clone, Copy)]
pub struct Intake<'a> {
    pub now: DateTime<Utc>,
    /// Names the fact: an event id, or who did it.
    pub cause: &'a str,
    pub promotions: &'a Promotions,
}

fn buyer(state: &SaleState) -> Buyer<'_> {
    Buyer { customer: state.customer.as_deref(), email: state.email.as_deref() }
}

/// One buyer's payments are numbered one after the other.
pub(super) async fn lock_buyer(conn: &mut PgConnection, state: &SaleState) -> Result<(), Error> {
    Ok(sales::lock_names(conn, &buyer_locks(state)).await?)
}

/// The buyer's names. They are taken before any of the buyer's sales: who credits one looks at the others too.
pub(super) fn buyer_locks(state: &SaleState) -> Vec<String> {
    names_of(state.customer.as_deref(), state.email.as_deref())
}

/// As [`buyer_locks`], of a buyer whose sale isn't read yet.
pub(super) fn names_of(customer: Option<&str>, email: Option<&str>) -> Vec<String> {
    let customer = customer.map(|customer| format!("customer:{customer}"));
    customer.into_iter().chain(email.map(|email| format!("email:{email}"))).collect()
}

/// Takes the sale's row, after its buyer's names; none when there is no such sale. Nobody may be waited for with the row in
/// hand, so the names are looked up until they are those of the sale. Who changes the buyer of a sale holds its names, or, as
/// long as it has none, its aliases.
pub(super) async fn lock_sale(conn: &mut PgConnection, sale_id: SaleId) -> Result<Option<SaleRow>, Error> {
    let mut held = Vec::new();
    loop {
        let Some(sale) = sales::read(conn, sale_id).await? else { return Ok(None) };
        let mut names = buyer_locks(&sale.state);
        if names.is_empty() {
            names = sales::aliases_of(conn, sale_id).await?.iter().map(|alias| format!("alias:{alias}")).collect();
        }
        if names.iter().all(|name| held.contains(name)) {
            return Ok(sales::lock(conn, sale_id).await?);
        }
        sales::lock_names(conn, &names).await?;
        held.extend(names);
    }
}

/// Credits the sale by what is known of it now, and brings its commission to what it should be; then the buyer's later
/// sales, as far as whose they are follows from it. What was credited before stays, unless evidence has come that counts
/// more by the program's order.
///
/// # Errors
/// See [`Error`].
pub async fn credit(conn: &mut PgConnection, intake: &Intake<'_>, sale: &SaleRow) -> Result<(), Error> {
    let credited = settle_credit(conn, intake, sale).await?;
    if credited == Credited::AsBefore {
        accrue::bring_to_target(conn, intake, sale.id).await?;
    }
    if credited == Credited::Nobody {
        return Ok(());
    }
    signs::look(conn, intake, sale.id).await?;
    follow(conn, intake, sale).await
}

/// Weighs the buyer's later sales again, in the order in which they were paid: each at most once, because it follows from
/// earlier ones only.
async fn follow(conn: &mut PgConnection, intake: &Intake<'_>, from: &SaleRow) -> Result<(), Error> {
    let mut seen = BTreeSet::from([from.id]);
    let mut waiting = BTreeSet::from_iter(later_sales(conn, from).await?);
    while let Some((_, sale_id)) = waiting.pop_first() {
        if !seen.insert(sale_id) {
            continue;
        }
        let Some(sale) = sales::lock(conn, sale_id).await? else { continue };
        if sale.state.status == SaleStatus::Paid && settle_credit(conn, intake, &sale).await? == Credited::Anew {
            look_at_credited(conn, intake, sale_id).await?;
            waiting.extend(later_sales(conn, &sale).await?);
        }
    }
    Ok(())
}

/// Stops what a sale that was just credited must not pay: it may have been disputed or refunded before.
async fn look_at_credited(conn: &mut PgConnection, intake: &Intake<'_>, sale_id: SaleId) -> Result<(), Error> {
    signs::look(conn, intake, sale_id).await?;
    given_back::stop_credited(conn, intake, sale_id).await
}

async fn later_sales(conn: &mut PgConnection, sale: &SaleRow) -> Result<Vec<(DateTime<Utc>, SaleId)>, Error> {
    let Some(payment) = &sale.state.payment else { return Ok(Vec::new()) };
    let subscription = sale.state.subscription.as_deref();
    Ok(buyers::later_sales(conn, sale.id, buyer(&sale.state), subscription, payment.paid_at).await?)
}

/// What became of a sale's credit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Credited {
    Nobody,
    AsBefore,
    /// To somebody for the first time, or to somebody else; its lines are written.
    Anew,
}

async fn settle_credit(conn: &mut PgConnection, intake: &Intake<'_>, sale: &SaleRow) -> Result<Credited, Error> {
    let Some(payment) = &sale.state.payment else {
        return Err(Error::Unreadable(format!("{} is paid without an amount", sale.id)));
    };
    lock_buyer(conn, &sale.state).await?;
    signs::lock_cards(conn, sale.id).await?;
    let Some(before) = conversions::of_sale(conn, sale.id).await? else {
        return match evidence::weigh(conn, sale, payment, intake.promotions, Vec::new()).await? {
            // It earns nothing and is no payment, but it tells whose the buyer is: a trial is paid later.
            Verdict::Credited(credit) if payment.paid_minor == 0 => {
                remember(conn, intake, sale, credit.enrollment_id).await?;
                sales::set_brought_by(conn, sale.id, credit.enrollment_id, credit.campaign_id).await?;
                let reason = UnattributedReason::NothingCollected;
                sales::set_considered(conn, sale.id, reason, &credit.considered).await?;
                accrue::keep_nothing_collected(conn, intake.now, sale, &credit).await?;
                Ok(Credited::Anew)
            }
            Verdict::Credited(credit) => {
                credit_new(conn, intake, sale, &credit).await?;
                Ok(Credited::Anew)
            }
            Verdict::Nobody { reason, considered } => {
                let reason = if payment.paid_minor == 0 { UnattributedReason::NothingCollected } else { reason };
                sales::set_considered(conn, sale.id, reason, &considered).await?;
                zero_earnings::clear(conn, sale.id).await?;
                Ok(Credited::Nobody)
            }
        };
    };
    let kind: EvidenceKind = before.evidence_kind.parse().map_err(|error| Error::Unreadable(format!("{error}")))?;
    // What a person decided stays, also while the sale was counted as another.
    if kind.source().is_none() {
        if before.retired {
            restore_credit(conn, intake, sale, &before).await?;
            return Ok(Credited::Anew);
        }
    } else {
        let kept = conversions::considered(conn, sale.id).await?;
        match evidence::weigh(conn, sale, payment, intake.promotions, kept.clone()).await? {
            Verdict::Credited(credit)
                if before.retired
                    || credit.enrollment_id.0 != before.enrollment_id
                    || credit.campaign_id.0 != before.campaign_id =>
            {
                move_credit(conn, intake, sale, &before, &credit).await?;
                return Ok(Credited::Anew);
            }
            Verdict::Credited(credit) if credit.considered != kept => {
                // Who counts the enrollment's sales writes to their conversions; the lock comes first for all.
                ledger::lock_enrollment(conn, credit.enrollment_id).await?;
                let rule_version_id = RuleVersionId(before.rule_version_id);
                conversions::credit_anew(conn, sale.id, &Credit { rule_version_id, ..credit }).await?;
            }
            // It was credited by what stood in a payment that turned out not to be its own.
            Verdict::Nobody { reason, considered }
                if before.retired || !evidence::is_told(&sale.evidence(), kind, &before.evidence_value) =>
            {
                accrue::retire(conn, intake, sale.id, NOT_ITS_EVIDENCE).await?;
                sales::set_considered(conn, sale.id, reason, &considered).await?;
                return Ok(Credited::Nobody);
            }
            _ => {}
        }
    }
    // Who bought may have become known only now; whose they are was decided then.
    if !leads::is_known(conn, buyer(&sale.state)).await? {
        remember(conn, intake, sale, EnrollmentId(before.enrollment_id)).await?;
    }
    if before.position_at != Some(payment.paid_at) {
        keep_rule_of(conn, sale.id, &before, payment.paid_at).await?;
    }
    Ok(Credited::AsBefore)
}

async fn credit_new(
    conn: &mut PgConnection,
    intake: &Intake<'_>,
    sale: &SaleRow,
    credit: &Credit,
) -> Result<ConversionId, Error> {
    let placed = accrue::placed(&sale.state)
        .ok_or_else(|| Error::Unreadable(format!("{} is paid without an amount", sale.id)))?;
    let conversion = conversions::insert(conn, intake.now, sale.id, credit, &placed).await?;
    sales::set_unattributed(conn, sale.id, None).await?;
    remember(conn, intake, sale, credit.enrollment_id).await?;
    accrue::bring_to_target(conn, intake, sale.id).await?;
    Ok(conversion)
}

/// The sale's own events named a better-evidenced affiliate after another was credited: the first one's lines go, the
/// second one's come.
async fn move_credit(
    conn: &mut PgConnection,
    intake: &Intake<'_>,
    sale: &SaleRow,
    before: &Priceable,
    credit: &Credit,
) -> Result<(), Error> {
    accrue::hand_over(conn, intake, sale, before, credit).await?;
    sales::set_unattributed(conn, sale.id, None).await?;
    remember(conn, intake, sale, credit.enrollment_id).await?;
    accrue::bring_to_target(conn, intake, sale.id).await
}

/// Credits a sale again as a person decided, after it was counted as another one for a while.
async fn restore_credit(
    conn: &mut PgConnection,
    intake: &Intake<'_>,
    sale: &SaleRow,
    before: &Priceable,
) -> Result<(), Error> {
    ledger::lock_enrollment(conn, EnrollmentId(before.enrollment_id)).await?;
    conversions::restore(conn, sale.id).await?;
    sales::set_unattributed(conn, sale.id, None).await?;
    remember(conn, intake, sale, EnrollmentId(before.enrollment_id)).await?;
    accrue::bring_to_target(conn, intake, sale.id).await
}

async fn remember(
    conn: &mut PgConnection,
    intake: &Intake<'_>,
    sale: &SaleRow,
    enrollment_id: EnrollmentId,
) -> Result<(), Error> {
    let affiliate_id = attribution::standing(conn, enrollment_id).await?.affiliate_id;
    let paid_at = sale.state.payment.as_ref().map_or(intake.now, |payment| payment.paid_at);
    let owner = Owner { affiliate_id, enrollment_id };
    Ok(leads::remember(conn, intake.now, buyer(&sale.state), owner, paid_at).await?)
}

/// The sale turned out to be paid at another time: it is priced by the rule that was in force then.
async fn keep_rule_of(
    conn: &mut PgConnection,
    sale_id: SaleId,
    before: &Priceable,
    paid_at: DateTime<Utc>,
) -> Result<(), Error> {
    match attribution::rule_version(conn, CampaignId(before.campaign_id), paid_at).await? {
        Some(version) if version != before.rule_version_id => {
            ledger::lock_enrollment(conn, EnrollmentId(before.enrollment_id)).await?;
            Ok(conversions::set_rule_version(conn, sale_id, version).await?)
        }
        _ => Ok(()),
    }
}

/// Why an admin's choice was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum ManualError {
    #[error("there is no such sale")]
    NoSuchSale,
    #[error("the sale is not paid yet; credit it when it is")]
    NotPaid,
    #[error("the sale is credited to another affiliate already")]
    CreditedElsewhere,
    #[error("nothing was collected for the sale, so there is nothing to credit")]
    NothingCollected,
    /// The affiliate can't earn from it.
    #[error("{}", .0.sentence())]
    MayNotEarn(UnattributedReason),
    #[error(transparent)]
    Failed(#[from] Error),
}

/// Credits a sale to the affiliate whom an admin chose, and the buyer's later sales that follow from it. Crediting the same
/// affiliate again changes nothing.
///
/// # Errors
/// See [`ManualError`].
pub async fn attribute_manually(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    actor: &Actor,
    sale_id: SaleId,
    affiliate_id: AffiliateId,
) -> Result<ConversionId, ManualError> {
    let by = actor.audit_name();
    attribute_by(conn, now, &by, sale_id, affiliate_id, Finding::of(EvidenceKind::Manual, &by)).await
}

/// As [`attribute_manually`], with what a person said of the buyer as the evidence. `cause` says who did it.
///
/// # Errors
/// See [`ManualError`].
pub async fn attribute_by(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    cause: &str,
    sale_id: SaleId,
    affiliate_id: AffiliateId,
    evidence: Finding,
) -> Result<ConversionId, ManualError> {
    let sale = lock_sale(conn, sale_id).await?.ok_or(ManualError::NoSuchSale)?;
    let before = conversions::of_sale(conn, sale_id).await.map_err(Error::from)?;
    if let Some(before) = before.as_ref().filter(|before| !before.retired) {
        let same = before.affiliate_id == affiliate_id.0 && sale.state.status == SaleStatus::Paid;
        let is_own = sales::unattributed_reason(conn, sale_id).await.map_err(Error::from)?
            == Some(UnattributedReason::SelfReferral);
        match (same, is_own) {
            (true, true) => return Err(ManualError::MayNotEarn(UnattributedReason::SelfReferral)),
            (true, false) => return Ok(ConversionId(before.id)),
            (false, true) => {}
            (false, false) => return Err(ManualError::CreditedElsewhere),
        }
    }
    let payment = match (sale.state.status, &sale.state.payment) {
        (SaleStatus::Paid, Some(payment)) if payment.paid_minor == 0 => return Err(ManualError::NothingCollected),
        (SaleStatus::Paid, Some(payment)) => payment,
        (SaleStatus::Merged, _) => return Err(ManualError::NoSuchSale),
        _ => return Err(ManualError::NotPaid),
    };
    signs::lock_cards(conn, sale_id).await?;
    let kept = sales::considered(conn, sale_id).await.map_err(Error::from)?;
    match evidence::chosen(conn, affiliate_id, payment, evidence, kept).await? {
        Verdict::Nobody { reason, .. } => Err(ManualError::MayNotEarn(reason)),
        Verdict::Credited(credit) => {
            let promotions = Promotions::unasked();
            let intake = Intake { now, cause, promotions: &promotions };
            let conversion = match &before {
                None => credit_new(conn, &intake, &sale, &credit).await?,
                Some(before) => {
                    move_credit(conn, &intake, &sale, before, &credit).await?;
                    ConversionId(before.id)
                }
            };
            look_at_credited(conn, &intake, sale_id).await?;
            follow(conn, &intake, &sale).await?;
            Ok(conversion)
        }
    }
}
