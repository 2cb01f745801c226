//! One sale with all that a person may ask of it: what was bought and which of it counts, and the sales that turned out to be the
//! same purchase.

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use super::commissions::LineExplanation;
use super::given_back::{self, Dispute, Refund};
use super::sales::{self, Sale};
use super::{Error, Result, zero_earnings};
use crate::Engine;
use crate::domain::actor::Actor;
use crate::domain::commission::Collected;
use crate::domain::ids::SaleId;
use crate::domain::money::MoneyError;
use crate::domain::rule::Rule;
use crate::domain::sale::{MergeReason, Payment, ReleaseReason};
use crate::domain::sale_line::{SaleLines, Share};
use crate::store::sale_merges::{self, MergeView, ReleaseView};
use crate::store::{conversions, sale_lines};

/// A sale, what it was for, and what became one with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct SaleStory {
    #[serde(flatten)]
    pub sale: Sale,
    /// An invoice that somebody marked as paid: the money didn't pass through Stripe.
    pub paid_out_of_band: bool,
    /// The sale that this one turned out to be.
    pub merged_into: Option<SaleId>,
    /// The sales that turned out to be this one, and this one if it went into another.
    pub merges: Vec<SaleMerge>,
    /// Payments that were taken for an invoice's for a while, of which this sale is the one or the other.
    pub releases: Vec<SaleRelease>,
    /// What was bought, as far as Stripe told.
    pub lines: Vec<SoldLine>,
    /// What is missing about the lines, if the rule asks for them.
    pub lines_message: Option<String>,
    /// What the customer got back, oldest first: `amount_refunded` is what that comes to.
    pub refunds: Vec<Refund>,
    pub disputes: Vec<Dispute>,
    /// Why it earns nothing, when it does not.
    pub earns_nothing: Option<LineExplanation>,
}

/// Two sales that turned out to be one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct SaleMerge {
    /// The one that is no sale of its own any more.
    pub sale: SaleId,
    pub into: SaleId,
    /// `checkout`, `invoice` or `payment`.
    pub kind: String,
    /// Under which of Stripe's ids it was known.
    pub stripe_ids: Vec<String>,
    pub merged_at: Option<DateTime<Utc>>,
    pub reason: Option<MergeReason>,
    pub reason_message: Option<String>,
    /// The event by which it came out.
    pub cause: Option<String>,
}

/// A payment that was counted as an invoice's because the two were alike, until more was told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct SaleRelease {
    pub payment: SaleId,
    pub invoice: SaleId,
    pub merged_at: DateTime<Utc>,
    pub released_at: DateTime<Utc>,
    pub reason: ReleaseReason,
    pub reason_message: String,
    /// The event by which it came out.
    pub cause: String,
}

/// One line of an invoice or checkout; amounts in minor units of the sale's currency, negative for a credit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct SoldLine {
    /// Stripe's id of the line.
    pub id: String,
    pub description: String,
    pub product: Option<String>,
    pub price: Option<String>,
    /// Before discounts.
    #[serde(rename = "amount")]
    pub amount_minor: i64,
    #[serde(rename = "discount")]
    pub discount_minor: i64,
    #[serde(rename = "tax")]
    pub tax_minor: i64,
    /// Its part of what was paid, with tax and shipping.
    #[serde(rename = "amount_paid")]
    pub paid_minor: i64,
    /// Charged or credited because a subscription changed within a period.
    pub proration: bool,
    /// Whether the rule pays for its product; null when nobody is credited.
    pub counts: Option<bool>,
}

/// # Errors
/// [`Error::Forbidden`], [`Error::NotFound`].
pub async fn get(engine: &Engine, actor: &Actor, id: SaleId) -> Result<SaleStory> {
    let sale = sales::get(engine, actor, id).await?;
    let mut conn = engine.pool.acquire().await?;
    let known = sale_lines::of_sale(&mut conn, id).await?.ok_or(Error::NotFound("sale"))?;
    let rule = match conversions::of_sale(&mut conn, id).await? {
        // A rule that can't be read is somebody else's news; here it only leaves the question open.
        Some(conversion) => Rule::from_json(&conversion.rule).ok(),
        None => None,
    };
    let lines = match &known.lines {
        Some(lines) => sold(&sale, lines, rule.as_ref())?,
        None => Vec::new(),
    };
    let limited = rule.as_ref().is_some_and(|rule| !rule.products.is_empty());
    let complete = known.lines.as_ref().is_some_and(|lines| lines.complete);
    let lines_message = (limited && !complete).then(|| missing(known.wanted).to_owned());
    let merges: Vec<SaleMerge> = sale_merges::around(&mut conn, id).await?.into_iter().map(SaleMerge::from).collect();
    let merged_into = merges.iter().find(|merge| merge.sale == id).map(|merge| merge.into);
    let releases = sale_merges::releases_around(&mut conn, id).await?.into_iter().map(SaleRelease::from).collect();
    let (refunds, disputes) = given_back::of_sale(&mut conn, id).await?;
    drop(conn);
    let earns_nothing = zero_earnings::of_sale(engine, actor, id).await?.map(|found| found.explanation);
    let paid_out_of_band = known.out_of_band;
    Ok(SaleStory {
        sale,
        paid_out_of_band,
        merged_into,
        merges,
        releases,
        lines,
        lines_message,
        refunds,
        disputes,
        earns_nothing,
    })
}

fn missing(wanted: bool) -> &'static str {
    if wanted {
        "The campaign pays for some products only, and Stripe is being asked what was bought."
    } else {
        "The campaign pays for some products only, and nobody knows what was bought, so the sale earns nothing."
    }
}

fn sold(sale: &Sale, lines: &SaleLines, rule: Option<&Rule>) -> std::result::Result<Vec<SoldLine>, MoneyError> {
    let payment = sale.currency.zip(sale.paid_at).map(|(currency, paid_at)| Payment {
        currency,
        paid_minor: sale.paid_minor,
        tax_minor: sale.tax_minor,
        shipping_minor: sale.shipping_minor,
        discount_minor: sale.discount_minor,
        paid_at,
        out_of_band: false,
    });
    let parts = match &payment {
        Some(payment) => lines.parts(payment)?,
        None => vec![Share::default(); lines.lines.len()],
    };
    let told = lines.lines.iter().zip(parts).map(|((id, line), part)| SoldLine {
        id: id.clone(),
        description: line.name().to_owned(),
        product: line.product.clone(),
        price: line.price.clone(),
        amount_minor: line.amount_minor,
        discount_minor: line.discount_minor,
        tax_minor: line.tax_minor,
        paid_minor: part.paid_minor,
        proration: line.proration,
        counts: rule.map(|rule| Collected::counts(rule, line)),
    });
    Ok(told.collect())
}

impl From<ReleaseView> for SaleRelease {
    fn from(row: ReleaseView) -> Self {
        SaleRelease {
            payment: row.payment,
            invoice: row.invoice,
            merged_at: row.merged_at,
            released_at: row.released_at,
            reason: row.reason,
            reason_message: row.reason.sentence().to_owned(),
            cause: row.cause,
        }
    }
}

impl From<MergeView> for SaleMerge {
    fn from(row: MergeView) -> Self {
        SaleMerge {
            sale: row.id,
            into: row.into,
            kind: row.kind,
            stripe_ids: row.aliases,
            merged_at: row.merged_at,
            reason: row.reason,
            reason_message: row.reason.map(|reason| reason.sentence().to_owned()),
            cause: row.cause,
        }
    }
}
