//! What a person may do: the commands and read models behind the portals and the REST API, one file per area. Every
//! function takes the [`Actor`](crate::domain::actor::Actor) who asks and checks it first, business time is an argument
//! wherever something is written, and every change leaves a row in the audit log.

mod error;
mod field;
mod page;
mod password;
mod schema;
mod secret_token;

pub mod adjustments;
pub mod affiliates;
pub mod api_keys;
pub mod audit;
pub mod campaigns;
pub mod claims;
pub mod commissions;
pub mod debts;
pub mod draft_replay;
pub mod enrollments;
pub mod given_back;
pub mod held;
pub mod hold_file;
pub mod holds;
pub mod home;
pub mod integration;
pub mod leads;
pub mod ledger;
pub mod line_story;
pub mod mail_choices;
pub mod me;
pub mod outgoing_mail;
pub mod parked;
pub mod password_link;
pub mod payment_methods;
pub mod payout_reversals;
pub mod payout_review;
pub mod payout_waits;
pub mod payouts;
pub mod periods;
pub mod programs;
pub mod rehearsals;
pub mod replay;
pub mod rule_versions;
pub mod runs;
pub mod sale_refunds;
pub mod sale_story;
pub mod sales;
pub mod sign_in;
pub mod signs;
pub mod unattributed;
pub mod users;
pub mod webhook_events;
pub mod zero_earnings;

pub use error::Error;
pub use page::{DEFAULT_LIMIT, MAX_LIMIT, Page, PageRequest};
pub use password::check_policy as check_password_policy;

/// What a command answers.
pub type Result<T> = std::result::Result<T, Error>;
