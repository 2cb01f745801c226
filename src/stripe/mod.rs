//! The only code that knows Stripe: its calls and what their answers mean, the check of webhook signatures and the tolerant
//! reading of events. Nothing here touches the database or decides what becomes of money; callers get small types of our
//! own, and one error that says whether anything happened.

pub mod client;
pub mod dashboard;
pub mod event;
pub mod signature;

pub use client::Client;

use crate::config::StripeMode;

/// Where a person sees an object in Stripe's dashboard; `page` is the dashboard's word: `payments`, `disputes`.
pub fn dashboard_page(mode: Option<StripeMode>, page: &str, id: &str) -> String {
    let test = if mode == Some(StripeMode::Live) { "" } else { "test/" };
    format!("https://dashboard.stripe.com/{test}{page}/{id}")
}
