//! The pure rules of Purser: money, ids, commission rules, states and postings.
//!
//! Nothing here does IO, reads a clock, uses a float or awaits: `now` and every fact are arguments. The engine's
//! stages ask these functions what should happen and write the answer; the browser build compiles this module alone.

pub mod actor;
pub mod attribution;
pub mod batch;
pub mod calculation;
pub mod claim;
pub mod collected;
pub mod commission;
pub mod currency;
pub mod explained_refund;
pub mod explanation;
pub mod finding;
pub mod fraud;
pub mod funds;
pub mod given_back;
pub mod hold;
pub mod ids;
pub mod line;
pub mod manifest;
pub mod minimum;
pub mod money;
pub mod notification;
pub mod numbering;
pub mod onboarding;
pub mod payout;
pub mod period;
pub mod posting;
pub mod program;
pub mod refund_limits;
pub mod replay;
pub mod reversal;
pub mod rule;
pub mod sale;
pub mod sale_line;
pub mod schedule;
pub mod tally;
pub mod text_enum;
pub mod twins;
