//! What a lead's customer paid before the customer id was set: which of it would be the affiliate's, and crediting it. The
//! preview carries everything out and takes it back again, so that it says to the cent what applying does.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgConnection;
use utoipa::ToSchema;

use crate::desk::{Error, Result};
use crate::domain::actor::Actor;
use crate::domain::attribution::EvidenceKind;
use crate::domain::currency::Currency;
use crate::domain::finding::Finding;
use crate::domain::ids::{AffiliateId, EnrollmentId, SaleId};
use crate::domain::line::LineStatus;
use crate::domain::money::{self, Money};
use crate::pipeline::attribute::{ManualError, attribute_by};
use crate::store::leads_by_hand::{self, LeadRow, PastSale};
use crate::store::{conversions, ledger};

/// Most past payments of one customer that are credited at once.
const MOST_SALES: usize = 200;

/// Whether past payments are only looked at or credited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Retroactive {
    Preview,
    Apply,
}

/// What becomes of one past payment. Amounts in minor units of `currency`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct PastPayment {
    pub sale: SaleId,
    pub paid_at: DateTime<Utc>,
    #[serde(rename = "amount_paid")]
    pub paid_minor: i64,
    pub currency: Currency,
    /// `credited` to the lead's affiliate, `kept` by whom it is credited to already, or `not_credited`.
    pub outcome: &'static str,
    /// Who has it after that.
    pub affiliate: Option<AffiliateId>,
    /// The commission that it earns the lead's affiliate; null unless credited.
    #[serde(rename = "commission")]
    pub commission_minor: Option<i64>,
    /// In words.
    pub message: String,
}

/// What becomes, or became, of the customer's past payments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct PastPayments {
    /// False: nothing was changed.
    pub applied: bool,
    pub sales: Vec<PastPayment>,
    pub credited: usize,
    /// Payments that stay with the affiliate they are credited to already.
    pub kept: usize,
    pub commissions: Vec<Money>,
}

/// Credits the past payments of the lead's customer that nobody is credited with.
pub(super) async fn credit(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    actor: &Actor,
    lead: &LeadRow,
) -> Result<Vec<PastPayment>> {
    let Some(customer) = &lead.stripe_customer_id else {
        return Err(Error::invalid(
            "stripe_customer_id",
            "`stripe_customer_id` must be set: past payments are found by it.",
        ));
    };
    let limit = i64::try_from(MOST_SALES).unwrap_or(i64::MAX).saturating_add(1);
    let sales = leads_by_hand::past_sales(conn, customer, limit).await?;
    if sales.len() > MOST_SALES {
        let message = format!("This customer has more than {MOST_SALES} past payments; credit them one by one.");
        return Err(Error::invalid("retroactive", message));
    }
    let by = Finding {
        lead: Some(lead.id),
        at: lead.customer_id_set_at,
        ..Finding::of(EvidenceKind::LeadCustomer, customer)
    };
    let mut payments = Vec::with_capacity(sales.len());
    for sale in sales {
        payments.push(one(conn, now, actor, lead.affiliate_id, &sale, by.clone()).await?);
    }
    Ok(payments)
}

async fn one(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    actor: &Actor,
    affiliate: AffiliateId,
    sale: &PastSale,
    by: Finding,
) -> Result<PastPayment> {
    let told = |outcome, affiliate, commission_minor, message: &str| PastPayment {
        sale: sale.id,
        paid_at: sale.paid_at,
        paid_minor: sale.paid_minor,
        currency: sale.currency,
        outcome,
        affiliate,
        commission_minor,
        message: message.to_owned(),
    };
    if let Some(owner) = sale.affiliate_id {
        return Ok(told("kept", Some(owner), None, "It is credited already and stays with that affiliate."));
    }
    match attribute_by(conn, now, &actor.audit_name(), sale.id, affiliate, by).await {
        Ok(_) => {
            let earned = commission(conn, sale.id, sale.currency).await?;
            Ok(told("credited", Some(affiliate), Some(earned), "It is credited to the lead's affiliate."))
        }
        Err(ManualError::CreditedElsewhere) => {
            Ok(told("kept", None, None, "It is credited already and stays with that affiliate."))
        }
        Err(ManualError::Failed(error)) => Err(error.into()),
        Err(refused) => Ok(told("not_credited", None, None, &format!("It can't be credited: {refused}"))),
    }
}

/// What the sale's lines sum to, minor units.
async fn commission(conn: &mut PgConnection, sale_id: SaleId, currency: Currency) -> Result<i64> {
    let Some(conversion) = conversions::of_sale(conn, sale_id).await? else { return Ok(0) };
    let lines = ledger::lines_of_sale(conn, EnrollmentId(conversion.enrollment_id), sale_id).await?;
    let counts = lines
        .iter()
        .filter(|line| line.status != LineStatus::Cancelled && line.amount.currency == currency)
        .map(|line| line.amount.amount_minor);
    Ok(money::sum(counts)?)
}

/// The payments with their sums.
pub(super) fn summed(sales: Vec<PastPayment>, applied: bool) -> Result<PastPayments> {
    let count = |outcome: &str| sales.iter().filter(|sale| sale.outcome == outcome).count();
    let (credited, kept) = (count("credited"), count("kept"));
    let mut commissions: Vec<Money> = Vec::new();
    for (currency, minor) in sales.iter().filter_map(|sale| Some((sale.currency, sale.commission_minor?))) {
        match commissions.iter_mut().find(|sum| sum.currency == currency) {
            Some(sum) => sum.amount_minor = money::add(sum.amount_minor, minor)?,
            None => commissions.push(Money::new(minor, currency)),
        }
    }
    Ok(PastPayments { applied, sales, credited, kept, commissions })
}
