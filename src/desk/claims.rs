//! Claims: an affiliate says that a purchase is theirs, and the company credits it or says why not. What the company knows
//! of the purchase stays with the company: the affiliate reads their own words back, and the decision.

use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::sales::Sale;
use super::users::checked_email;
use super::{Error, Page, PageRequest, Result, sales};
use crate::Engine;
use crate::domain::actor::{Actor, Permission};
use crate::domain::claim::{ClaimStatus, Likeness, NEAR_DAYS};
use crate::domain::ids::{AffiliateId, ClaimId, LineId, SaleId};
use crate::pipeline::attribute::attribute_manually;
use crate::pipeline::retry::retrying;
use crate::pipeline::tell;
use crate::store::claims::{self, ClaimFilter, ClaimRow, Decision};
use crate::store::{audit, violated_constraint};

const MOST_CLAIMS_A_DAY: i64 = 20;
const MOST_MATCHES: i64 = 20;
const LONGEST_REFERENCE: usize = 255;
const LONGEST_TEXT: usize = 1_000;

/// A claim, as the company reads it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Claim {
    pub id: ClaimId,
    pub affiliate: AffiliateId,
    pub affiliate_name: String,
    /// The customer's, as the affiliate knows it.
    pub email: Option<String>,
    /// An id at Stripe or an order number, as the affiliate gave it.
    pub reference: Option<String>,
    pub bought_on: NaiveDate,
    pub note: String,
    pub status: ClaimStatus,
    /// The sale that was credited.
    pub sale: Option<SaleId>,
    /// Why it was declined.
    pub reason: Option<String>,
    pub created_at: DateTime<Utc>,
    pub decided_at: Option<DateTime<Utc>>,
    pub decided_by: Option<String>,
}

/// A claim, as the affiliate who made it reads it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct MyClaim {
    pub id: ClaimId,
    pub email: Option<String>,
    pub reference: Option<String>,
    pub bought_on: NaiveDate,
    pub note: String,
    pub status: ClaimStatus,
    /// Why it was declined.
    pub reason: Option<String>,
    /// What the sale earned, once the claim was accepted.
    pub commission: Option<LineId>,
    pub created_at: DateTime<Utc>,
    pub decided_at: Option<DateTime<Utc>>,
}

/// A claim to be made: the customer's e-mail, an order reference, or both.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewClaim {
    pub email: Option<String>,
    /// An id at Stripe (`cs_…`, `in_…`, `pi_…`, `ch_…`, `sub_…`, `cus_…`) or an order number.
    pub reference: Option<String>,
    /// The day of the purchase, `2026-11-21`.
    pub bought_on: NaiveDate,
    pub note: Option<String>,
}

/// A sale that may be the one that is claimed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct MatchedSale {
    #[serde(flatten)]
    pub sale: Sale,
    /// Why it may be the one, in words.
    pub why: String,
}

/// Claims a sale for the affiliate who asks. The answer says nothing of whether there is such a sale.
///
/// # Errors
/// [`Error::Forbidden`] for everyone who is no affiliate; [`Error::Invalid`] naming the field; [`Error::Conflict`] with
/// `already_claimed` while their claim of the same purchase is open; [`Error::TooManyTries`].
pub async fn make(engine: &Engine, actor: &Actor, now: DateTime<Utc>, new: NewClaim) -> Result<MyClaim> {
    let affiliate = actor.own_affiliate()?;
    let new = checked(new, now.date_naive())?;
    let id = ClaimId::new(now);
    let mut tx = engine.pool.begin().await?;
    throttle(claims::made_since(&mut tx, affiliate, now - TimeDelta::days(1)).await?, now)?;
    let row = claims::NewClaim {
        id,
        affiliate_id: affiliate,
        email: new.email.as_deref(),
        reference: new.reference.as_deref(),
        bought_on: new.bought_on,
        note: new.note.as_deref().unwrap_or_default(),
    };
    claims::insert(&mut tx, now, &row).await.map_err(claimed_before)?;
    let details = json!({ "email": new.email, "reference": new.reference, "bought_on": new.bought_on });
    audit::record(&mut tx, now, actor, "claim.made", ("claim", id.to_string()), details).await?;
    let made = claims::find(&mut tx, id).await?.ok_or(Error::NotFound("claim"))?;
    tx.commit().await?;
    Ok(made.into())
}

fn checked(new: NewClaim, today: NaiveDate) -> Result<NewClaim> {
    let given = |text: Option<String>| text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    let email = given(new.email).as_deref().map(checked_email).transpose()?;
    let reference = given(new.reference);
    if email.is_none() && reference.is_none() {
        return Err(Error::invalid(
            "email",
            "Give the customer's e-mail or an order reference, so that it can be found.",
        ));
    }
    if reference.as_ref().is_some_and(|text| text.len() > LONGEST_REFERENCE || text.chars().any(char::is_control)) {
        let message = format!("`reference` must have at most {LONGEST_REFERENCE} characters on one line.");
        return Err(Error::invalid("reference", message));
    }
    // Where the customer bought, it may be tomorrow already.
    if today.checked_add_days(Days::new(1)).is_some_and(|tomorrow| new.bought_on > tomorrow) {
        return Err(Error::invalid(
            "bought_on",
            "The purchase can't be in the future: give the day on which it was made.",
        ));
    }
    let note = given(new.note);
    if note.as_ref().is_some_and(|text| text.chars().count() > LONGEST_TEXT) {
        return Err(Error::invalid("note", format!("`note` must have at most {LONGEST_TEXT} characters.")));
    }
    Ok(NewClaim { email, reference, note, bought_on: new.bought_on })
}

fn throttle((made, first): (i64, Option<DateTime<Utc>>), now: DateTime<Utc>) -> Result<()> {
    if made < MOST_CLAIMS_A_DAY {
        return Ok(());
    }
    let free_at = first.unwrap_or(now) + TimeDelta::days(1);
    Err(Error::TooManyTries { retry_after_seconds: (free_at - now).num_seconds().max(1) })
}

fn claimed_before(error: sqlx::Error) -> Error {
    match violated_constraint(&error) {
        Some("claims_open_reference_key" | "claims_open_purchase_key") => {
            let message = "You have claimed this purchase already. The claim waits for a decision.";
            Error::conflict("already_claimed", message)
        }
        _ => error.into(),
    }
}

/// The affiliate's own claims, newest first.
///
/// # Errors
/// [`Error::Forbidden`] for everyone who is no affiliate; [`Error::Invalid`] for the cursor.
pub async fn mine(engine: &Engine, actor: &Actor, page: &PageRequest) -> Result<Page<MyClaim>> {
    let affiliate = actor.own_affiliate()?;
    let own = ClaimFilter { affiliate: Some(affiliate), ..ClaimFilter::default() };
    let before = page.before::<ClaimId>()?;
    let mut conn = engine.pool.acquire().await?;
    let rows = claims::list(&mut conn, own, before, page.fetch()).await?;
    Ok(page.page(rows.into_iter().map(MyClaim::from).collect(), |claim| claim.id))
}

/// Claims, newest first.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::Invalid`] for the cursor.
pub async fn list(
    engine: &Engine,
    actor: &Actor,
    status: Option<ClaimStatus>,
    affiliate: Option<AffiliateId>,
    page: &PageRequest,
) -> Result<Page<Claim>> {
    actor.require(Permission::Read)?;
    let before = page.before::<ClaimId>()?;
    let mut conn = engine.pool.acquire().await?;
    let filter = ClaimFilter { affiliate, status, id: None };
    let rows = claims::list(&mut conn, filter, before, page.fetch()).await?;
    Ok(page.page(rows.into_iter().map(Claim::from).collect(), |claim| claim.id))
}

/// How many claims wait for a decision.
///
/// # Errors
/// [`Error::Forbidden`].
pub async fn open(engine: &Engine, actor: &Actor) -> Result<i64> {
    actor.require(Permission::Read)?;
    let mut conn = engine.pool.acquire().await?;
    Ok(claims::open(&mut conn).await?)
}

/// A claim with the sales that may be meant, the likeliest first.
///
/// # Errors
/// [`Error::Forbidden`], [`Error::NotFound`].
pub async fn get(engine: &Engine, actor: &Actor, id: ClaimId) -> Result<(Claim, Vec<MatchedSale>)> {
    actor.require(Permission::Read)?;
    let mut conn = engine.pool.acquire().await?;
    let claim = claims::find(&mut conn, id).await?.ok_or(Error::NotFound("claim"))?;
    let mut alike = Vec::new();
    for row in claims::matches(&mut conn, &claim, NEAR_DAYS, MOST_MATCHES).await? {
        let likeness = Likeness::of(row.same_reference, row.same_email, claim.bought_on, row.paid_on);
        alike.extend(likeness.map(|likeness| (likeness, row.sale_id)));
    }
    alike.sort_by_key(|(likeness, _)| *likeness);
    let mut matched = Vec::with_capacity(alike.len());
    for (likeness, sale) in alike {
        let sale = sales::read(&mut conn, sale).await?;
        matched.push(MatchedSale { sale, why: likeness.sentence() });
    }
    Ok((claim.into(), matched))
}

/// Accepts a claim: credits the sale to the affiliate, unless it is credited to them already.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::NotFound`]; [`Error::Conflict`] with `already_decided`, or when the sale is credited to
/// somebody else or not paid; [`Error::Invalid`] when the affiliate can't earn from it.
pub async fn accept(engine: &Engine, actor: &Actor, now: DateTime<Utc>, id: ClaimId, sale: SaleId) -> Result<Claim> {
    actor.require(Permission::Write)?;
    retrying(|| accept_once(engine, actor, now, id, sale)).await
}

async fn accept_once(engine: &Engine, actor: &Actor, now: DateTime<Utc>, id: ClaimId, sale: SaleId) -> Result<Claim> {
    let mut tx = engine.pool.begin().await?;
    let claim = claims::find(&mut tx, id).await?.ok_or(Error::NotFound("claim"))?;
    if !claims::decide(&mut tx, id, Decision::Accepted(sale), now, &actor.audit_name()).await.map_err(no_such_sale)? {
        return Err(decided_before());
    }
    attribute_manually(&mut tx, now, actor, sale, claim.affiliate_id).await?;
    tell::claim_accepted(&mut tx, now, claim.affiliate_id, id, &what(&claim)).await?;
    let details = json!({ "sale": sale, "affiliate": claim.affiliate_id });
    audit::record(&mut tx, now, actor, "claim.accepted", ("claim", id.to_string()), details).await?;
    let details = json!({ "affiliate": claim.affiliate_id, "claim": id });
    audit::record(&mut tx, now, actor, "sale.attributed", ("sale", sale.to_string()), details).await?;
    let accepted = claims::find(&mut tx, id).await?.ok_or(Error::NotFound("claim"))?;
    tx.commit().await?;
    Ok(accepted.into())
}

/// Declines a claim, with a reason that the affiliate reads.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::NotFound`]; [`Error::Invalid`] without a reason; [`Error::Conflict`] with
/// `already_decided`.
pub async fn decline(engine: &Engine, actor: &Actor, now: DateTime<Utc>, id: ClaimId, reason: &str) -> Result<Claim> {
    actor.require(Permission::Write)?;
    let reason = reason.trim();
    if reason.is_empty() || reason.chars().count() > LONGEST_TEXT {
        let message = format!("Say why in at most {LONGEST_TEXT} characters: the affiliate reads it.");
        return Err(Error::invalid("reason", message));
    }
    let mut tx = engine.pool.begin().await?;
    let claim = claims::find(&mut tx, id).await?.ok_or(Error::NotFound("claim"))?;
    if !claims::decide(&mut tx, id, Decision::Declined(reason), now, &actor.audit_name()).await? {
        return Err(decided_before());
    }
    tell::claim_declined(&mut tx, now, claim.affiliate_id, id, (&what(&claim), reason)).await?;
    let details = json!({ "reason": reason });
    audit::record(&mut tx, now, actor, "claim.declined", ("claim", id.to_string()), details).await?;
    let declined = claims::find(&mut tx, id).await?.ok_or(Error::NotFound("claim"))?;
    tx.commit().await?;
    Ok(declined.into())
}

fn decided_before() -> Error {
    Error::conflict("already_decided", "This claim was decided before.")
}

fn no_such_sale(error: sqlx::Error) -> Error {
    match violated_constraint(&error) {
        Some("claims_sale_id_fkey") => Error::invalid("sale", "`sale` must be the id of a sale."),
        _ => error.into(),
    }
}

/// The purchase in the affiliate's own words.
fn what(claim: &ClaimRow) -> String {
    let name = claim.reference.as_deref().or(claim.email.as_deref()).unwrap_or_default();
    format!("{name}, {}", claim.bought_on.format("%-d %b %Y"))
}

impl From<ClaimRow> for Claim {
    fn from(row: ClaimRow) -> Self {
        Claim {
            id: row.id,
            affiliate: row.affiliate_id,
            affiliate_name: row.affiliate_name,
            email: row.email,
            reference: row.reference,
            bought_on: row.bought_on,
            note: row.note,
            status: row.status,
            sale: row.sale_id,
            reason: row.decision_reason,
            created_at: row.created_at,
            decided_at: row.decided_at,
            decided_by: row.decided_by,
        }
    }
}

impl From<ClaimRow> for MyClaim {
    fn from(row: ClaimRow) -> Self {
        MyClaim {
            id: row.id,
            email: row.email,
            reference: row.reference,
            bought_on: row.bought_on,
            note: row.note,
            status: row.status,
            reason: row.decision_reason,
            commission: row.line_id,
            created_at: row.created_at,
            decided_at: row.decided_at,
        }
    }
}
