//! Sales: what customers paid, who was credited, and why nobody was.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::json;
use sqlx::PgConnection;
use utoipa::ToSchema;

use super::signs::{self, Sign};
use super::{Error, Page, PageRequest, Result, programs};
use crate::Engine;
use crate::domain::actor::{Actor, Permission};
use crate::domain::attribution::{EvidenceKind, UnattributedReason};
use crate::domain::currency::Currency;
use crate::domain::finding::Finding;
use crate::domain::ids::{AffiliateId, CampaignId, ConversionId, LeadId, ProgramId, SaleId};
use crate::pipeline::attribute::{ManualError, attribute_manually};
use crate::pipeline::retry::retrying;
use crate::store::sales_view::{self, SaleFilter, SaleView};
use crate::store::{affiliates, audit};

/// A sale. Amounts in minor units of `currency`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Sale {
    pub id: SaleId,
    /// `checkout`, `invoice` or `payment`: what describes it at Stripe.
    pub kind: String,
    /// `paid`, `waiting` (described, not paid) or `provisional` (paid, not described yet).
    pub status: String,
    pub email: Option<String>,
    pub stripe_customer_id: Option<String>,
    pub subscription: Option<String>,
    pub billing_reason: Option<String>,
    pub currency: Option<Currency>,
    /// Really paid, with tax and shipping, after discounts.
    #[serde(rename = "amount_paid")]
    pub paid_minor: i64,
    #[serde(rename = "amount_tax")]
    pub tax_minor: i64,
    #[serde(rename = "amount_shipping")]
    pub shipping_minor: i64,
    #[serde(rename = "amount_discount")]
    pub discount_minor: i64,
    #[serde(rename = "amount_refunded")]
    pub refunded_minor: i64,
    /// Its ids at Stripe.
    pub stripe_ids: Vec<String>,
    /// What its invoices are called for the customer.
    pub invoice_numbers: Vec<String>,
    pub attributed: bool,
    pub conversion: Option<ConversionId>,
    pub affiliate: Option<AffiliateId>,
    pub affiliate_name: Option<String>,
    pub program: Option<ProgramId>,
    pub campaign: Option<CampaignId>,
    /// What tied the sale to the affiliate. Everything that was weighed is in `considered`.
    pub evidence: Option<SaleEvidence>,
    /// Why nobody is credited.
    pub reason: Option<UnattributedReason>,
    pub reason_message: Option<String>,
    /// Every piece of evidence that was weighed, and why it was passed over.
    pub considered: Vec<ConsideredEvidence>,
    /// Signs of fraud on its conversion.
    pub signs: Vec<Sign>,
    pub paid_at: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
}

/// What tied a sale to an affiliate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct SaleEvidence {
    pub kind: String,
    pub value: String,
}

/// A piece of evidence that was weighed, and what it leads to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ConsideredEvidence {
    pub kind: EvidenceKind,
    pub value: String,
    pub affiliate: Option<AffiliateId>,
    pub program: Option<ProgramId>,
    pub campaign: Option<CampaignId>,
    /// The earlier sale of the buyer that it follows from.
    pub sale: Option<SaleId>,
    pub lead: Option<LeadId>,
    /// Whether it is what the sale is credited by.
    pub counted: bool,
    /// Why it doesn't count at all; null for evidence that is only weaker.
    pub reason: Option<UnattributedReason>,
    pub reason_message: Option<String>,
}

/// What narrows a list of sales. `program` is an id or a slug.
#[derive(Debug, Clone, Default)]
pub struct SaleQuery {
    /// Only those credited to somebody, or only those credited to nobody.
    pub attributed: Option<bool>,
    pub affiliate: Option<AffiliateId>,
    pub reason: Option<UnattributedReason>,
    pub program: Option<String>,
    /// Only those with signs of fraud, or only those without.
    pub flagged: Option<bool>,
}

/// Sales, newest first.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::Invalid`] for the cursor or the program.
pub async fn list(engine: &Engine, actor: &Actor, query: &SaleQuery, page: &PageRequest) -> Result<Page<Sale>> {
    actor.require(Permission::Read)?;
    let before = page.before::<SaleId>()?;
    let program = programs::id_param(engine, actor, query.program.as_deref()).await?;
    let &SaleQuery { attributed, affiliate, reason, flagged, .. } = query;
    let filter = SaleFilter { attributed, affiliate, reason, program, flagged };
    let mut conn = engine.pool.acquire().await?;
    let rows = sales_view::list(&mut conn, &filter, before, page.fetch()).await?;
    let mut page = page.page(rows.into_iter().map(Sale::from).collect(), |sale: &Sale| sale.id);
    signs::add(&mut conn, &mut page.data).await?;
    Ok(page)
}

/// # Errors
/// [`Error::Forbidden`], [`Error::NotFound`].
pub async fn get(engine: &Engine, actor: &Actor, id: SaleId) -> Result<Sale> {
    actor.require(Permission::Read)?;
    let mut conn = engine.pool.acquire().await?;
    read(&mut conn, id).await
}

/// Credits a sale that nobody was credited with. The same affiliate again changes nothing.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::NotFound`]; [`Error::Invalid`] when the affiliate can't earn from it;
/// [`Error::Conflict`] when it is not paid, or credited to somebody else.
pub async fn attribute(
    engine: &Engine,
    actor: &Actor,
    now: DateTime<Utc>,
    id: SaleId,
    affiliate: AffiliateId,
) -> Result<Sale> {
    actor.require(Permission::Write)?;
    retrying(|| attribute_once(engine, actor, now, id, affiliate)).await
}

async fn attribute_once(
    engine: &Engine,
    actor: &Actor,
    now: DateTime<Utc>,
    id: SaleId,
    affiliate: AffiliateId,
) -> Result<Sale> {
    let mut tx = engine.pool.begin().await?;
    if affiliates::find(&mut tx, affiliate).await?.is_none() {
        return Err(Error::invalid("affiliate", "`affiliate` must be an affiliate's id."));
    }
    attribute_manually(&mut tx, now, actor, id, affiliate).await?;
    let details = json!({ "affiliate": affiliate });
    audit::record(&mut tx, now, actor, "sale.attributed", ("sale", id.to_string()), details).await?;
    let sale = read(&mut tx, id).await?;
    tx.commit().await?;
    Ok(sale)
}

/// The sale with its signs of fraud.
pub(super) async fn read(conn: &mut PgConnection, id: SaleId) -> Result<Sale> {
    let mut sale = [Sale::from(sales_view::find(conn, id).await?.ok_or(Error::NotFound("sale"))?)];
    signs::add(conn, &mut sale).await?;
    let [sale] = sale;
    Ok(sale)
}

impl From<ManualError> for Error {
    fn from(error: ManualError) -> Self {
        let message = format!("This can't be done: {error}.");
        match error {
            ManualError::NoSuchSale => Error::NotFound("sale"),
            ManualError::NotPaid => Error::conflict("sale_not_paid", message),
            ManualError::CreditedElsewhere => Error::conflict("already_attributed", message),
            ManualError::NothingCollected => Error::conflict("nothing_collected", message),
            ManualError::MayNotEarn(reason) => Error::invalid("affiliate", reason.sentence()),
            ManualError::Failed(error) => error.into(),
        }
    }
}

/// What was weighed for the sale. What can't be read is left out: it explains, and decides nothing.
fn considered(row: &SaleView) -> Vec<ConsideredEvidence> {
    let findings: Vec<Finding> = serde_json::from_value(row.considered.clone()).unwrap_or_default();
    let counts = |finding: &Finding| {
        row.evidence_kind.as_deref() == Some(finding.kind.as_str())
            && row.evidence_value.as_ref() == Some(&finding.value)
            && finding.passed_over.is_none()
            && finding.affiliate == row.affiliate_id
    };
    let shown = |finding: Finding| ConsideredEvidence {
        counted: counts(&finding),
        kind: finding.kind,
        value: finding.value,
        affiliate: finding.affiliate,
        program: finding.program,
        campaign: finding.campaign,
        sale: finding.sale,
        lead: finding.lead,
        reason: finding.passed_over,
        reason_message: finding.passed_over.map(|reason| reason.sentence().to_owned()),
    };
    findings.into_iter().map(shown).collect()
}

impl From<SaleView> for Sale {
    fn from(row: SaleView) -> Self {
        let considered = considered(&row);
        Sale {
            considered,
            id: row.id,
            kind: row.kind,
            status: row.status,
            email: row.email,
            stripe_customer_id: row.stripe_customer_id,
            subscription: row.subscription,
            billing_reason: row.billing_reason,
            currency: row.currency,
            paid_minor: row.paid_minor,
            tax_minor: row.tax_minor,
            shipping_minor: row.shipping_minor,
            discount_minor: row.discount_minor,
            refunded_minor: row.refunded_minor,
            stripe_ids: row.aliases,
            invoice_numbers: row.invoice_numbers,
            attributed: row.conversion_id.is_some() && row.unattributed_reason.is_none(),
            conversion: row.conversion_id,
            affiliate: row.affiliate_id,
            affiliate_name: row.affiliate_name,
            program: row.program_id,
            campaign: row.campaign_id,
            evidence: row.evidence_kind.zip(row.evidence_value).map(|(kind, value)| SaleEvidence { kind, value }),
            reason: row.unattributed_reason,
            reason_message: row.unattributed_reason.map(|reason| reason.sentence().to_owned()),
            signs: Vec::new(),
            paid_at: row.paid_at,
            created_at: row.created_at,
        }
    }
}
