//! The handlers, one file per noun of the path.

pub mod affiliates;
pub mod campaigns;
pub mod claims;
pub mod commission_periods;
pub mod commissions;
pub mod holds;
pub mod leads;
pub mod ledger;
pub mod mails;
pub mod me;
pub mod payment_methods;
pub mod payout_batches;
pub mod payout_items;
pub mod programs;
pub mod runs;
pub mod sales;
pub mod webhook_events;
