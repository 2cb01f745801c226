//! Leads: people known to be an affiliate's before they buy, entered by hand or by a program of the company. A customer id
//! that is set by hand counts for payments from then on.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sqlx::PgConnection;
use utoipa::ToSchema;

use super::field::{self, nullable};
use super::sign_in::normalized_email;
use super::users::checked_email;
use super::{Error, Page, PageRequest, Result};
use crate::Engine;
use crate::domain::actor::{Actor, Permission};
use crate::domain::ids::{AffiliateId, LeadId};
use crate::store::leads_by_hand::{self, LeadRow};
use crate::store::{affiliates, audit, violated_constraint};

const LONGEST_CUSTOMER_ID: usize = 255;

/// A person known to be an affiliate's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Lead {
    pub id: LeadId,
    pub affiliate: AffiliateId,
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
    /// The affiliate's id.
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

/// Enters a lead.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::Invalid`] naming the field; [`Error::Conflict`] when the customer is another lead's.
pub async fn create(engine: &Engine, actor: &Actor, now: DateTime<Utc>, new: NewLead) -> Result<Lead> {
    actor.require(Permission::Write)?;
    let mut tx = engine.pool.begin().await?;
    let customer = checked_customer(new.stripe_customer_id)?;
    let row = LeadRow {
        id: LeadId::new(now),
        affiliate_id: affiliate_of(&mut tx, &new.affiliate).await?,
        email: new.email.as_deref().map(checked_email).transpose()?,
        customer_id_set_at: customer.as_ref().map(|_| now),
        customer_by_hand: customer.is_some(),
        stripe_customer_id: customer,
        source: source_of(actor).to_owned(),
        created_at: now,
        updated_at: now,
    };
    check(&row)?;
    leads_by_hand::insert(&mut tx, &row).await.map_err(customer_taken)?;
    let lead = Lead::from(row);
    audit::record(&mut tx, now, actor, "lead.created", ("lead", lead.id.to_string()), json!(lead)).await?;
    tx.commit().await?;
    Ok(lead)
}

/// Changes a lead.
///
/// # Errors
/// As [`create`], and [`Error::NotFound`].
pub async fn update(engine: &Engine, actor: &Actor, now: DateTime<Utc>, id: LeadId, patch: LeadPatch) -> Result<Lead> {
    actor.require(Permission::Write)?;
    let mut tx = engine.pool.begin().await?;
    let before = leads_by_hand::lock(&mut tx, id).await?.ok_or(Error::NotFound("lead"))?;
    let mut row = LeadRow { updated_at: now, ..before.clone() };
    if let Some(affiliate) = &patch.affiliate {
        row.affiliate_id = affiliate_of(&mut tx, affiliate).await?;
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
    leads_by_hand::update(&mut tx, &row).await.map_err(customer_taken)?;
    let (before, after) = (Lead::from(before), Lead::from(row));
    let details = field::changes(&json!(before), &json!(after));
    audit::record(&mut tx, now, actor, "lead.updated", ("lead", id.to_string()), details).await?;
    tx.commit().await?;
    Ok(after)
}

/// Leads, newest first.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::Invalid`] for the cursor.
pub async fn list(
    engine: &Engine,
    actor: &Actor,
    affiliate: Option<AffiliateId>,
    email: Option<&str>,
    page: &PageRequest,
) -> Result<Page<Lead>> {
    actor.require(Permission::Read)?;
    let before = page.before::<LeadId>()?;
    let email = email.map(normalized_email);
    let mut conn = engine.pool.acquire().await?;
    let rows = leads_by_hand::list(&mut conn, affiliate, email.as_deref(), before, page.fetch()).await?;
    Ok(page.page(rows.into_iter().map(Lead::from).collect(), |lead| lead.id))
}

async fn affiliate_of(conn: &mut PgConnection, affiliate: &str) -> Result<AffiliateId> {
    let unknown =
        || Error::invalid("affiliate", format!("`affiliate` must be an affiliate's id; `{affiliate}` is none."));
    let id = affiliate.parse::<AffiliateId>().map_err(|_| unknown())?;
    Ok(affiliates::find(conn, id).await?.ok_or_else(unknown)?.id)
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
            email: row.email,
            stripe_customer_id: row.stripe_customer_id,
            customer_id_set_at: row.customer_id_set_at,
            source: row.source,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}
