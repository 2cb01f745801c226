//! Every line of SQL, one file per aggregate, as free functions over a connection. Nothing here decides anything: stages
//! and commands ask, decide with `domain`, and write back in the transaction they hold.

pub mod affiliates;
pub mod api_idempotency;
pub mod api_keys;
pub mod attribution;
pub mod audit;
pub mod backfills;
pub mod bank_payouts;
pub mod batch_items;
pub mod batch_views;
pub mod buyers;
pub mod campaigns;
pub mod charges;
pub mod claims;
pub mod clicks;
pub mod conversions;
pub mod demo_mark;
pub mod disputes;
pub mod enrollments;
pub mod figures;
pub mod funds;
pub mod given_back;
pub mod held_view;
pub mod hold_lines_view;
pub mod holds;
pub mod home_view;
pub mod inbox;
pub mod inbox_view;
pub mod integration_view;
pub mod item_views;
pub mod lead_imports;
pub mod leads;
pub mod leads_by_hand;
pub mod ledger;
pub mod ledger_view;
pub mod lines_view;
pub mod mail_choices;
pub mod manifest;
pub mod me_view;
pub mod notifications;
pub mod outgoing_mail;
pub mod parked;
pub mod payment_methods;
pub mod payout_batches;
pub mod payout_calls;
pub mod payout_claims;
pub mod payout_items;
pub mod periods;
pub mod programs;
pub mod rate;
pub mod refund_limits;
pub mod refunds;
pub mod rehearsals;
pub mod replay;
pub mod reversals;
pub mod rule_versions;
pub mod runs;
pub mod sale_likeness;
pub mod sale_lines;
pub mod sale_merges;
pub mod sales;
pub mod sales_view;
pub mod series;
pub mod server;
pub mod sessions;
pub mod sign_in_throttle;
pub mod signs;
mod types;
pub mod unattributed_view;
pub mod upkeep;
pub mod users;
pub mod zero_earnings;

use sqlx::PgPool;

/// The migrations, embedded in the binary.
pub static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!("./migrations");

/// Brings the database to this version; several processes may do it at once.
///
/// # Errors
/// When the database can't be reached, or has migrations that this version doesn't know.
pub async fn migrate(pool: &PgPool) -> Result<(), sqlx::migrate::MigrateError> {
    MIGRATOR.run(pool).await
}

/// Whether the transaction lost a race (serialization failure, deadlock) and will succeed when it is run again.
pub fn is_retryable(error: &sqlx::Error) -> bool {
    error.as_database_error().and_then(|db| db.code()).is_some_and(|code| code == "40001" || code == "40P01")
}

/// Whether the database could not be reached or cut the statement off; nothing is wrong with the statement.
pub fn is_unreachable(error: &sqlx::Error) -> bool {
    let cut_off = |code: &str| code.starts_with("08") || code.starts_with("57P") || code.starts_with("53");
    match error {
        sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed => true,
        error => error.as_database_error().and_then(|db| db.code()).is_some_and(|code| cut_off(&code)),
    }
}

/// Whether the database will never take what was written, however often it is tried: a value or a reference is wrong.
pub fn is_refused(error: &sqlx::Error) -> bool {
    let refused = |code: &str| code.starts_with("22") || code.starts_with("23");
    error.as_database_error().and_then(|db| db.code()).is_some_and(|code| refused(&code))
}

/// The constraint that a statement ran into, if that is why it failed.
pub fn violated_constraint(error: &sqlx::Error) -> Option<&str> {
    error.as_database_error().and_then(|db| db.constraint())
}
