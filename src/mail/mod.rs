//! Mails: how a letter looks, and how it leaves. A letter is written into the outgoing mail in the transaction of what it tells, and
//! sent later by any process that works; without a mail server it is kept for the admin console. Never sends inside a transaction.

mod delivery;
mod letter;

pub use delivery::{Error, Mailer, deliver_due};
pub use letter::{Letter, addressed, enqueue, in_portal};
