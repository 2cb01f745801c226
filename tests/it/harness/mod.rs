//! What integration tests stand on: a database of their own, made from a migrated template on the test server that `make test`
//! starts. Every helper that more than one folder needs lives here.

mod company;
mod db;
mod engine;
pub mod events;
mod mail_server;
mod payer;
pub mod story;
mod wire;
mod worker;

pub use company::{Company, Line, OLD_SECRET, Partner, SECRET};
pub use db::TestDb;
pub use engine::{engine, eventually};
pub use mail_server::{MailServer, Mood};
pub use payer::{ADMIN, OTHER_ADMIN, Payer, actor_of};
pub use wire::Wire;
pub use worker::WorkerProcess;
