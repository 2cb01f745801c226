//! Where a person sees an object in Stripe's dashboard. A test key's objects stand under `test/`.

use crate::config::StripeMode;

/// The dispute `dp_…`.
pub fn dispute_url(mode: Option<StripeMode>, dispute: &str) -> String {
    let test = if mode == Some(StripeMode::Live) { "" } else { "test/" };
    format!("https://dashboard.stripe.com/{test}disputes/{dispute}")
}
