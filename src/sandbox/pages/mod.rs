//! What people see of the sandbox in a browser: the shop, its payment links, the payment page of a checkout session, and the hosted
//! onboarding of connected accounts. Everything works without JavaScript.

mod html;
mod onboarding;
mod pay;
mod payment_link;
mod shop;

use axum::Router;
use axum::routing::get;

use super::Sandbox;

pub(super) fn routes() -> Router<Sandbox> {
    Router::new()
        .route("/", get(shop::show).post(shop::buy))
        .route("/thanks/{session}", get(shop::thanks))
        .route("/buy/{product}", get(payment_link::show).post(payment_link::pay))
        .route("/pay/{session}", get(pay::show).post(pay::pay))
        .route("/connect/onboarding/{token}", get(onboarding::show).post(onboarding::submit))
        .route("/connect/express/{account}", get(onboarding::dashboard))
}
