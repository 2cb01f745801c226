//! Leads: people known to be an affiliate's before they buy, entered by hand or by a program of the company. A customer id
//! that is set by hand counts for payments from then on; past ones are credited when that is asked for. An e-mail is one
//! affiliate's: the first lead counts, so a second one for somebody else is refused.

pub mod bulk;
pub mod csv;
pub mod imports;
mod past;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sqlx::PgConnection;
use utoipa::ToSchema;

pub use self::past::{PastPayment, PastPayments, Retroactive};
use super::field::{self, nullable};
use super::sign_in::normalized_email;
use super::users::checked_email;
use super::{Error, Page, PageRequest, Result};
use crate::Engine;
use crate::domain::actor::{Actor, Permission};
use crate::domain::ids::{AffiliateId, LeadId};
use crate::pipeline::retry::retrying;
use crate::store::affiliates::AffiliateRow;
use crate::store::leads_by_hand::{self, LeadFilter, LeadRow};
use crate::store::{affiliates, audit, violated_constraint};

const LONGEST_CUSTOMER_ID: usize = 255;

/// A person known to be an affiliate's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Lead {
    pub id: LeadId,
    pub affiliate: AffiliateId,
    pub affiliate_name: String,
    pub email: Option<String>,
    pub stripe_customer_id: Option<String>,
    /// Payments from here on are the affiliate's by the customer id.
    pub customer_id_set_at: Option<DateTime<Utc>>,
    /// `api`, `portal` or `sale`.
    pub source: String,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// A lead to be entered; an e-mail, a customer id, or both.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewLead {
    pub email: Option<String>,
    pub stripe_customer_id: Option<String>,
    /// The affiliate's id, e-mail or referral code.
    pub affiliate: String,
}

/// Changes of a lead: what is left out stays, null takes it away.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LeadPatch {
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<String>)]
    pub email: Option<Option<String>>,
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<String>)]
    pub stripe_customer_id: Option<Option<String>>,
    pub affiliate: Option<String>,
}

/// A lead, with what became of its customer's past payments when that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ChangedLead {
    #[serde(flatten)]
    pub lead: Lead,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retroactive: Option<PastPayments>,
}

/// Enters a lead.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::Invalid`] naming the field; [`Error::Conflict`] when the customer is another lead's, or the
/// e-mail another affiliate's lead.
pub async fn create(engine: &Engine, actor: &Actor, now: DateTime<Utc>, new: NewLead) -> Result<Lead> {
    actor.require(Permission::Write)?;
    let mut tx = engine.pool.begin().await?;
    let row = new_row(&mut tx, actor, now, new).await?;
    leads_by_hand::lock_people(&mut tx, people(&row)).await?;
    let lead = entered(&mut tx, actor, now, row).await?;
    tx.commit().await?;
    Ok(lead)
}

/// Changes a lead. With `retroactive`, says what becomes of its customer's past payments, and for [`Retroactive::Apply`]
/// credits them; for [`Retroactive::Preview`] nothing at all is changed.
///
/// # Errors
/// As [`create`], and [`Error::NotFound`].
pub async fn update(
    engine: &Engine,
    actor: &Actor,
    now: DateTime<Utc>,
    id: LeadId,
    patch: LeadPatch,
    retroactive: Option<Retroactive>,
) -> Result<ChangedLead> {
    actor.require(Permission::Write)?;
    retrying(|| update_once(engine, actor, now, id, patch.clone(), retroactive)).await
}

async fn update_once(
    engine: &Engine,
    actor: &Actor,
    now: DateTime<Utc>,
    id: LeadId,
    patch: LeadPatch,
    retroactive: Option<Retroactive>,
) -> Result<ChangedLead> {
    let mut tx = engine.pool.begin().await?;
    let known = leads_by_hand::find(&mut tx, id).await?.ok_or(Error::NotFound("lead"))?;
    let row = patched(&mut tx, actor, now, &known, patch.clone()).await?;
    leads_by_hand::lock_people(&mut tx, people(&row)).await?;
    let before = leads_by_hand::lock(&mut tx, id).await?.ok_or(Error::NotFound("lead"))?;
    let row = patched(&mut tx, actor, now, &before, patch).await?;
    let lead = changed(&mut tx, actor, now, before, row.clone()).await?;
    let Some(asked) = retroactive else {
        tx.commit().await?;
        return Ok(ChangedLead { lead, retroactive: None });
    };
    let applied = asked == Retroactive::Apply;
    let sales = past::credit(&mut tx, now, actor, &row).await?;
    let payments = past::summed(sales, applied)?;
    if applied {
        let credited: Vec<&PastPayment> = payments.sales.iter().filter(|sale| sale.outcome == "credited").collect();
        let details = json!({ "credited": credited });
        audit::record(&mut tx, now, actor, "lead.applied_retroactively", ("lead", id.to_string()), details).await?;
        tx.commit().await?;
    } else {
        tx.rollback().await?;
    }
    Ok(ChangedLead { lead, retroactive: Some(payments) })
}

/// # Errors
/// [`Error::Forbidden`], [`Error::NotFound`].
pub async fn get(engine: &Engine, actor: &Actor, id: LeadId) -> Result<Lead> {
    actor.require(Permission::Read)?;
    let mut conn = engine.pool.acquire().await?;
    Ok(leads_by_hand::find(&mut conn, id).await?.ok_or(Error::NotFound("lead"))?.into())
}

async fn new_row(conn: &mut PgConnection, actor: &Actor, now: DateTime<Utc>, new: NewLead) -> Result<LeadRow> {
    let customer = checked_customer(new.stripe_customer_id)?;
    let affiliate = affiliate_of(conn, &new.affiliate).await?;
    let row = LeadRow {
        id: LeadId::new(now),
        affiliate_id: affiliate.id,
        affiliate_name: affiliate.name,
        email: new.email.as_deref().map(checked_email).transpose()?,
        customer_id_set_at: customer.as_ref().map(|_| now),
        customer_by_hand: customer.is_some(),
        stripe_customer_id: customer,
        source: source_of(actor).to_owned(),
        created_at: now,
        updated_at: now,
    };
    check(&row)?;
    Ok(row)
}

async fn patched(
    conn: &mut PgConnection,
    actor: &Actor,
    now: DateTime<Utc>,
    before: &LeadRow,
    patch: LeadPatch,
) -> Result<LeadRow> {
    let mut row = LeadRow { updated_at: now, ..before.clone() };
    if let Some(affiliate) = &patch.affiliate {
        let affiliate = affiliate_of(conn, affiliate).await?;
        (row.affiliate_id, row.affiliate_name) = (affiliate.id, affiliate.name);
    }
    if let Some(email) = patch.email {
        row.email = email.as_deref().map(checked_email).transpose()?;
    }
    if let Some(customer) = patch.stripe_customer_id {
        row.stripe_customer_id = checked_customer(customer)?;
    }
    // What a person says from now on counts for what is paid from now on.
    if (&row.stripe_customer_id, row.affiliate_id) != (&before.stripe_customer_id, before.affiliate_id) {
        row.customer_id_set_at = row.stripe_customer_id.as_ref().map(|_| now);
        row.customer_by_hand = row.stripe_customer_id.is_some();
        row.source = source_of(actor).to_owned();
    }
    check(&row)?;
    Ok(row)
}

/// Who the lead is, to be locked before it is looked whose they are.
fn people(row: &LeadRow) -> impl Iterator<Item = &str> + Send {
    row.email.as_deref().into_iter().chain(row.stripe_customer_id.as_deref())
}

async fn check_whose(conn: &mut PgConnection, row: &LeadRow) -> Result<()> {
    if leads_by_hand::is_anothers(conn, row).await? {
        let message = "This e-mail is already another affiliate's lead, and the first lead counts. \
             Change that lead if the person is this affiliate's.";
        return Err(Error::conflict("email_taken", message));
    }
    Ok(())
}

async fn entered(conn: &mut PgConnection, actor: &Actor, now: DateTime<Utc>, row: LeadRow) -> Result<Lead> {
    check_whose(conn, &row).await?;
    if let Some(customer) = &row.stripe_customer_id {
        leads_by_hand::release_customer(conn, customer, row.id).await?;
    }
    leads_by_hand::insert(conn, &row).await.map_err(customer_taken)?;
    let lead = Lead::from(row);
    audit::record(conn, now, actor, "lead.created", ("lead", lead.id.to_string()), json!(lead)).await?;
    Ok(lead)
}

async fn changed(
    conn: &mut PgConnection,
    actor: &Actor,
    now: DateTime<Utc>,
    before: LeadRow,
    row: LeadRow,
) -> Result<Lead> {
    if (&row.email, row.affiliate_id) != (&before.email, before.affiliate_id) {
        check_whose(conn, &row).await?;
    }
    if let Some(customer) = &row.stripe_customer_id {
        leads_by_hand::release_customer(conn, customer, row.id).await?;
    }
    leads_by_hand::update(conn, &row).await.map_err(customer_taken)?;
    let (before, after) = (Lead::from(before), Lead::from(row));
    let details = field::changes(&json!(before), &json!(after));
    audit::record(conn, now, actor, "lead.updated", ("lead", after.id.to_string()), details).await?;
    Ok(after)
}

/// What narrows a list of leads. `search` looks into e-mails, customer ids and the names of affiliates.
#[derive(Debug, Clone, Default)]
pub struct LeadQuery {
    pub affiliate: Option<AffiliateId>,
    pub email: Option<String>,
    pub search: Option<String>,
}

/// Leads, newest first.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::Invalid`] for the cursor.
pub async fn list(engine: &Engine, actor: &Actor, query: &LeadQuery, page: &PageRequest) -> Result<Page<Lead>> {
    actor.require(Permission::Read)?;
    let before = page.before::<LeadId>()?;
    let email = query.email.as_deref().map(normalized_email);
    let search = query.search.as_deref().map(str::trim).filter(|text| !text.is_empty());
    let filter = LeadFilter { affiliate: query.affiliate, email: email.as_deref(), search };
    let mut conn = engine.pool.acquire().await?;
    let rows = leads_by_hand::list(&mut conn, &filter, before, page.fetch()).await?;
    Ok(page.page(rows.into_iter().map(Lead::from).collect(), |lead| lead.id))
}

/// The affiliate whom an id, an e-mail address or a referral code names.
async fn affiliate_of(conn: &mut PgConnection, text: &str) -> Result<AffiliateRow> {
    let found = match text.trim().parse::<AffiliateId>() {
        Ok(id) => affiliates::find(conn, id).await?,
        Err(_) => affiliates::find_named(conn, &normalized_email(text)).await?,
    };
    found.ok_or_else(|| {
        let message = format!("`affiliate` must be an affiliate's id, e-mail or referral code; `{text}` is none.");
        Error::invalid("affiliate", message)
    })
}

fn checked_customer(customer: Option<String>) -> Result<Option<String>> {
    let Some(text) = customer else { return Ok(None) };
    let plain = text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    if !plain || !text.starts_with("cus_") || text.len() > LONGEST_CUSTOMER_ID {
        return Err(Error::invalid(
            "stripe_customer_id",
            "`stripe_customer_id` must be Stripe's id of a customer, `cus_…`.",
        ));
    }
    Ok(Some(text))
}

fn check(row: &LeadRow) -> Result<()> {
    if row.email.is_none() && row.stripe_customer_id.is_none() {
        return Err(Error::invalid("email", "A lead needs `email` or `stripe_customer_id`."));
    }
    Ok(())
}

fn source_of(actor: &Actor) -> &'static str {
    if matches!(actor, Actor::ApiKey { .. }) { "api" } else { "portal" }
}

fn customer_taken(error: sqlx::Error) -> Error {
    match violated_constraint(&error) {
        Some("leads_customer_key") => Error::conflict("customer_taken", "This customer belongs to another lead."),
        _ => error.into(),
    }
}

impl From<LeadRow> for Lead {
    fn from(row: LeadRow) -> Self {
        Lead {
            id: row.id,
            affiliate: row.affiliate_id,
            affiliate_name: row.affiliate_name,
            email: row.email,
            stripe_customer_id: row.stripe_customer_id,
            customer_id_set_at: row.customer_id_set_at,
            source: row.source,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}
