//! Where affiliates are paid. An affiliate connects a Stripe account through Stripe's hosted onboarding, sees what Stripe
//! still asks for, and may remove the method; the company may look.

use chrono::{DateTime, Utc};
use serde_json::json;

use super::{Error, Result};
use crate::Engine;
use crate::domain::actor::{Actor, Permission};
use crate::domain::batch::Rail;
use crate::domain::ids::{AffiliateId, PaymentMethodId};
use crate::domain::onboarding;
use crate::domain::program::PaymentMethodStatus;
use crate::pipeline::payment_method;
use crate::store::payment_methods::{self as store, PaymentMethodRow};
use crate::store::{affiliates, audit};
use crate::stripe::Client;
use crate::stripe::client::{AccountOrder, CallError, Requirements};

/// Something that Stripe still asks for.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Requirement {
    /// Stripe's name: `individual.verification.document`.
    pub name: String,
    /// What it asks for, in words.
    pub words: String,
    pub past_due: bool,
}

/// A payment method as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentMethodView {
    pub id: PaymentMethodId,
    pub affiliate_id: AffiliateId,
    pub rail: Rail,
    pub status: PaymentMethodStatus,
    pub account: Option<String>,
    pub details_submitted: bool,
    pub payouts_enabled: bool,
    pub requirements: Vec<Requirement>,
    /// Why Stripe has stopped the account, in words.
    pub disabled: Option<String>,
    /// When Stripe stops the account unless it gets what is due.
    pub deadline: Option<DateTime<Utc>>,
    /// Stripe is checking what was sent.
    pub is_being_verified: bool,
    pub created_at: DateTime<Utc>,
    pub checked_at: Option<DateTime<Utc>>,
}

impl From<PaymentMethodRow> for PaymentMethodView {
    fn from(row: PaymentMethodRow) -> Self {
        let flag = |name: &str| row.details.get(name).and_then(serde_json::Value::as_bool).unwrap_or(false);
        let asked = row.details.get("requirements").cloned().unwrap_or_default();
        let asked: Requirements = serde_json::from_value(asked).unwrap_or_default();
        let past_due = asked.past_due.unwrap_or_default();
        let mut names = past_due.clone();
        names.extend(asked.currently_due.unwrap_or_default().into_iter().filter(|name| !past_due.contains(name)));
        let requirements = names.into_iter().map(|name| Requirement {
            words: onboarding::requirement_words(&name),
            past_due: past_due.contains(&name),
            name,
        });
        PaymentMethodView {
            id: row.id,
            affiliate_id: row.affiliate_id,
            rail: row.rail,
            status: row.status,
            details_submitted: flag("details_submitted"),
            payouts_enabled: flag("payouts_enabled"),
            requirements: requirements.collect(),
            disabled: asked.disabled_reason.as_deref().map(|reason| onboarding::disabled_words(reason).to_owned()),
            deadline: asked.current_deadline.and_then(|seconds| DateTime::from_timestamp(seconds, 0)),
            is_being_verified: asked.pending_verification.is_some_and(|names| !names.is_empty()),
            account: row.stripe_account,
            created_at: row.created_at,
            checked_at: row.checked_at,
        }
    }
}

/// Where Stripe sends the affiliate: back when done, and to a page that makes a new link when a link has expired. Full
/// addresses.
#[derive(Debug, Clone)]
pub struct OnboardingUrls {
    pub refresh_url: String,
    pub return_url: String,
}

/// Connects a Stripe account: makes it when there is none, and gives the address of Stripe's onboarding. Asking twice, or
/// twice at once, makes one account.
///
/// # Errors
/// [`Error::Forbidden`] for anybody but an affiliate, [`Error::Unavailable`] when Stripe doesn't answer.
pub async fn connect_stripe(
    actor: &Actor,
    engine: &Engine,
    now: DateTime<Utc>,
    urls: &OnboardingUrls,
) -> Result<(PaymentMethodView, String)> {
    let affiliate_id = actor.own_affiliate()?;
    let client = connected(engine)?;
    let mut tx = engine.pool.begin().await?;
    let affiliate = affiliates::find(&mut tx, affiliate_id).await?.ok_or(Error::NotFound("affiliate"))?;
    let method = store::find_or_start_connect(&mut tx, now, affiliate_id, PaymentMethodId::new(now)).await?;
    tx.commit().await?;
    let account_id = match &method.stripe_account {
        Some(account) => account.clone(),
        None => {
            let order = AccountOrder { email: affiliate.email, affiliate_id, payment_method_id: method.id };
            let account = client.create_account(&order, &method.account_key).await.map_err(unavailable)?;
            let mut tx = engine.pool.begin().await?;
            payment_method::apply_account(&mut tx, now, now, &account).await?;
            let object = ("payment_method", method.id.to_string());
            let details = json!({ "account": account.id });
            audit::record(&mut tx, now, actor, "payment_method.connected", object, details).await?;
            tx.commit().await?;
            account.id
        }
    };
    let link = client.onboarding_link(&account_id, &urls.refresh_url, &urls.return_url).await.map_err(unavailable)?;
    Ok((own(engine, affiliate_id, method.id).await?.into(), link))
}

/// Reads the account again: arriving back from Stripe proves nothing by itself.
///
/// # Errors
/// [`Error::NotFound`] also for another affiliate's method, [`Error::Unavailable`] when Stripe doesn't answer.
pub async fn refresh(
    actor: &Actor,
    engine: &Engine,
    now: DateTime<Utc>,
    id: PaymentMethodId,
) -> Result<PaymentMethodView> {
    let affiliate_id = actor.own_affiliate()?;
    let method = own(engine, affiliate_id, id).await?;
    let Some(account_id) = &method.stripe_account else { return Ok(method.into()) };
    let account = connected(engine)?.account(account_id).await.map_err(unavailable)?;
    let mut tx = engine.pool.begin().await?;
    payment_method::apply_account(&mut tx, now, now, &account).await?;
    tx.commit().await?;
    Ok(own(engine, affiliate_id, id).await?.into())
}

/// The affiliate's own methods. Pending ones are read again at Stripe first; while Stripe doesn't answer they are shown as
/// they were.
///
/// # Errors
/// [`Error::Forbidden`] for anybody but an affiliate.
pub async fn list(actor: &Actor, engine: &Engine, now: DateTime<Utc>) -> Result<Vec<PaymentMethodView>> {
    let affiliate_id = actor.own_affiliate()?;
    let known = store::list(&mut *engine.pool.acquire().await?, affiliate_id).await?;
    for method in known.iter().filter(|method| method.status == PaymentMethodStatus::Pending) {
        if let Err(error) = refresh(actor, engine, now, method.id).await {
            tracing::warn!(method = %method.id, %error, "a pending payment method can't be read again");
        }
    }
    let rows = store::list(&mut *engine.pool.acquire().await?, affiliate_id).await?;
    Ok(rows.into_iter().map(PaymentMethodView::from).collect())
}

/// An affiliate's methods, for the company.
///
/// # Errors
/// [`Error::Forbidden`].
pub async fn of_affiliate(actor: &Actor, engine: &Engine, affiliate_id: AffiliateId) -> Result<Vec<PaymentMethodView>> {
    actor.require(Permission::Read)?;
    let rows = store::list(&mut *engine.pool.acquire().await?, affiliate_id).await?;
    Ok(rows.into_iter().map(PaymentMethodView::from).collect())
}

/// A fresh onboarding address for a method whose link has expired or whose account needs more.
///
/// # Errors
/// [`Error::NotFound`], [`Error::Unavailable`].
pub async fn onboarding_link(
    actor: &Actor,
    engine: &Engine,
    id: PaymentMethodId,
    urls: &OnboardingUrls,
) -> Result<String> {
    let method = own(engine, actor.own_affiliate()?, id).await?;
    let account = method.stripe_account.ok_or_else(not_connected_yet)?;
    connected(engine)?.onboarding_link(&account, &urls.refresh_url, &urls.return_url).await.map_err(unavailable)
}

/// The address of the affiliate's Stripe dashboard; it works once.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Conflict`] before onboarding is complete; [`Error::Unavailable`].
pub async fn login_link(actor: &Actor, engine: &Engine, id: PaymentMethodId) -> Result<String> {
    let method = own(engine, actor.own_affiliate()?, id).await?;
    let account = method.stripe_account.ok_or_else(not_connected_yet)?;
    match connected(engine)?.login_link(&account).await {
        Err(CallError::Definite { .. }) => Err(not_connected_yet()),
        answer => answer.map_err(unavailable),
    }
}

/// Removes the method: payouts that were not drafted yet no longer use it.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Conflict`] with `payout_under_way` while money may be on its way there.
pub async fn remove(actor: &Actor, engine: &Engine, now: DateTime<Utc>, id: PaymentMethodId) -> Result<()> {
    let method = own(engine, actor.own_affiliate()?, id).await?;
    let mut tx = engine.pool.begin().await?;
    if store::has_live_items(&mut tx, method.id).await? {
        let message = "A payout to this account is under way. Remove it when the payout is finished.";
        return Err(Error::conflict("payout_under_way", message));
    }
    store::remove(&mut tx, method.id, now).await?;
    let object = ("payment_method", method.id.to_string());
    audit::record(&mut tx, now, actor, "payment_method.removed", object, json!({})).await?;
    tx.commit().await?;
    Ok(())
}

async fn own(engine: &Engine, affiliate_id: AffiliateId, id: PaymentMethodId) -> Result<PaymentMethodRow> {
    let mut conn = engine.pool.acquire().await?;
    store::find_own(&mut conn, affiliate_id, id).await?.ok_or(Error::NotFound("payment method"))
}

fn connected(engine: &Engine) -> Result<&Client> {
    let message = "Stripe isn't connected yet. Ask the company that runs this program.".to_owned();
    engine.stripe.as_ref().ok_or(Error::Unavailable { message })
}

fn not_connected_yet() -> Error {
    Error::conflict("onboarding_incomplete", "Finish connecting your Stripe account first.")
}

fn unavailable(error: CallError) -> Error {
    tracing::warn!(code = error.code(), %error, "Stripe did not do what was asked");
    Error::Unavailable {
        message: "Stripe doesn't answer as expected. Nothing was lost; try again in a minute.".to_owned(),
    }
}
