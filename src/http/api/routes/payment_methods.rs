//! `/me/payment-methods`.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::Answer;
use super::super::caller::Own;
use super::super::input::{Body, Id};
use super::super::problem::Problem;
use crate::Engine;
use crate::desk::payment_methods::{self, OnboardingUrls, PaymentMethodView};
use crate::desk::{self, Page};
use crate::domain::batch::Rail;
use crate::domain::ids::PaymentMethodId;
use crate::domain::program::PaymentMethodStatus;

/// A payment method to be connected.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPaymentMethod {
    /// `stripe_connect`.
    #[serde(rename = "type")]
    rail: Rail,
}

/// Something that Stripe still asks for.
#[derive(Debug, Serialize, ToSchema)]
pub struct StripeRequirement {
    /// Stripe's name of the field.
    name: String,
    message: String,
    past_due: bool,
}

/// Where the affiliate is paid.
#[derive(Debug, Serialize, ToSchema)]
pub struct PaymentMethod {
    id: PaymentMethodId,
    #[serde(rename = "type")]
    rail: Rail,
    status: PaymentMethodStatus,
    /// The connected account at Stripe.
    account: Option<String>,
    /// Where the affiliate gives Stripe what it asks for; single use, only in the answer of POST.
    onboarding_url: Option<String>,
    requirements: Vec<StripeRequirement>,
    details_submitted: bool,
    payouts_enabled: bool,
    /// Why Stripe has stopped the account.
    disabled_reason: Option<String>,
    created_at: DateTime<Utc>,
    checked_at: Option<DateTime<Utc>>,
}

/// Lists the affiliate's payment methods; pending ones are read again at Stripe.
#[utoipa::path(get, path = "/me/payment-methods", tag = "Me", security(("affiliate" = [])),
    responses((status = 200, body = Page<PaymentMethod>)))]
pub async fn list(State(engine): State<Engine>, by: Own) -> Answer<Page<PaymentMethod>> {
    let methods = payment_methods::list(&by.actor, &engine, by.now).await?;
    Ok(Json(Page::whole(methods).map(PaymentMethod::from)))
}

/// Connects a Stripe account, or goes on with the one that is there.
#[utoipa::path(post, path = "/me/payment-methods", tag = "Me", security(("affiliate" = [])), request_body = NewPaymentMethod,
    responses((status = 200, body = PaymentMethod), (status = 503)))]
pub async fn create(State(engine): State<Engine>, by: Own, Body(new): Body<NewPaymentMethod>) -> Answer<PaymentMethod> {
    if new.rail != Rail::StripeConnect {
        return Err(
            desk::Error::invalid("type", "`type` must be `stripe_connect`; other ways to be paid come later.").into()
        );
    }
    let (method, onboarding_url) =
        payment_methods::connect_stripe(&by.actor, &engine, by.now, &onboarding_urls(&engine)).await?;
    Ok(Json(PaymentMethod { onboarding_url: Some(onboarding_url), ..method.into() }))
}

/// Reads the account at Stripe again; while Stripe asks for something, the answer has a new onboarding address.
#[utoipa::path(post, path = "/me/payment-methods/{id}/verify", tag = "Me", params(("id" = PaymentMethodId, Path)),
    security(("affiliate" = [])), responses((status = 200, body = PaymentMethod), (status = 503)))]
pub async fn verify(State(engine): State<Engine>, by: Own, Id(id): Id<PaymentMethodId>) -> Answer<PaymentMethod> {
    let method = payment_methods::refresh(&by.actor, &engine, by.now, id).await?;
    let onboarding_url = if method.status == PaymentMethodStatus::Verified {
        None
    } else {
        payment_methods::onboarding_link(&by.actor, &engine, id, &onboarding_urls(&engine)).await.ok()
    };
    Ok(Json(PaymentMethod { onboarding_url, ..method.into() }))
}

/// Removes a payment method: payouts that were not drafted yet no longer use it.
#[utoipa::path(delete, path = "/me/payment-methods/{id}", tag = "Me", params(("id" = PaymentMethodId, Path)),
    security(("affiliate" = [])), responses((status = 204)))]
pub async fn remove(State(engine): State<Engine>, by: Own, Id(id): Id<PaymentMethodId>) -> Result<StatusCode, Problem> {
    payment_methods::remove(&by.actor, &engine, by.now, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Both lead to the portal's page, which reads the account again and offers a new link.
fn onboarding_urls(engine: &Engine) -> OnboardingUrls {
    let page = format!("{}/settings/payment-method", engine.config.public_url);
    OnboardingUrls { refresh_url: page.clone(), return_url: page }
}

impl From<PaymentMethodView> for PaymentMethod {
    fn from(view: PaymentMethodView) -> Self {
        let requirements = view.requirements.into_iter().map(|requirement| StripeRequirement {
            name: requirement.name,
            message: requirement.words,
            past_due: requirement.past_due,
        });
        PaymentMethod {
            id: view.id,
            rail: view.rail,
            status: view.status,
            account: view.account,
            onboarding_url: None,
            requirements: requirements.collect(),
            details_submitted: view.details_submitted,
            payouts_enabled: view.payouts_enabled,
            disabled_reason: view.disabled,
            created_at: view.created_at,
            checked_at: view.checked_at,
        }
    }
}
