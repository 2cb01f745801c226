//! The only code that knows Stripe: its calls and what their answers mean, the check of webhook signatures and the tolerant
//! reading of events. Nothing here touches the database or decides what becomes of money; callers get small types of our
//! own, and one error that says whether anything happened.

pub mod client;
pub mod dashboard;
pub mod event;
pub mod signature;

pub use client::Client;
