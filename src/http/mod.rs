//! Doors of the engine that speak HTTP: health, webhooks, referral links with the script of the company's site, sessions for
//! the portals and the REST API. Each hands on to `desk` or to a stage and turns the answer into a response; none decides
//! anything about money.

pub mod api;
mod caller;
pub mod health;
mod observe;
mod rate;
pub mod referral;
pub mod session;
pub mod webhooks;

pub use caller::see_through_proxies;
pub use observe::observe;
