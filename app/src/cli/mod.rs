//! The commands, one file each: each reads its options, opens what it needs, calls the engine, and prints the answer. Answers go to
//! standard output, everything else to standard error; a failure is one line that says what to do.

mod api_key;
mod backfill;
mod demo;
mod migrate;
mod payouts;
mod rehearse;
mod sandbox;
mod serve;
mod session;
mod stop;
mod user;
mod verify;
mod work;

use std::fmt;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use purser::config::ConfigError;
use purser::embedded::EmbeddedError;

/// Keeps a company's affiliate commissions and pays them out
#[derive(Debug, Parser)]
#[command(name = "purser", version, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the portals, the API and the webhooks, and run the worker
    Serve(serve::Args),
    /// Run the worker alone; any number may run at once
    Work,
    /// Bring the database to this version
    Migrate,
    /// Run everything with a demo company: database, Stripe sandbox, worker and portals
    Demo(demo::Args),
    /// Run the Stripe sandbox alone
    Sandbox(sandbox::Args),
    /// People of the company
    #[command(subcommand)]
    User(user::Command),
    /// Keys of the REST API
    #[command(subcommand)]
    ApiKey(api_key::Command),
    /// Payouts, for schedules and scripts
    #[command(subcommand)]
    Payouts(payouts::Command),
    /// Pay a made-up batch through the sandbox while calls fail and workers are killed, and prove that nothing is paid twice
    Rehearse(rehearse::Args),
    /// Prove the books: exit status 0, or 1 with the first discrepancy
    Verify,
    /// Ask Stripe for events and take in those that never arrived
    Backfill(backfill::Args),
}

/// Why a command failed, in words for whoever typed it.
#[derive(Debug)]
struct Failure(String);

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Failure {
    fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

macro_rules! failures {
    ($($error:ty),+ $(,)?) => {$(
        impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                Self(error.to_string())
            }
        }
    )+};
}

failures!(
    ConfigError,
    EmbeddedError,
    purser::demo::Error,
    purser::jobs::Error,
    purser::pipeline::backfill::Error,
    purser::rehearsal::Error,
    purser::sandbox::Error,
    std::io::Error,
);

impl From<purser::desk::Error> for Failure {
    fn from(error: purser::desk::Error) -> Self {
        Self(told(&error))
    }
}

/// Unlike a page, the command line tells its administrator what the database said.
fn told(error: &purser::desk::Error) -> String {
    match std::error::Error::source(error).filter(|_| error.is_our_fault()) {
        Some(source) => format!("{error} ({source})"),
        None => error.to_string(),
    }
}

type Answer = Result<ExitCode, Failure>;

/// Runs the command that was typed.
pub fn run() -> ExitCode {
    let command = Cli::parse().command;
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return report(&Failure::new(format!("no threads to run on: {error}"))),
    };
    runtime.block_on(answer(command)).unwrap_or_else(|failure| report(&failure))
}

async fn answer(command: Command) -> Answer {
    match command {
        Command::Serve(args) => serve::run(args).await,
        Command::Work => work::run().await,
        Command::Migrate => migrate::run().await,
        Command::Demo(args) => demo::run(args).await,
        Command::Sandbox(args) => sandbox::run(args).await,
        Command::User(command) => user::run(command).await,
        Command::ApiKey(command) => api_key::run(command).await,
        Command::Payouts(command) => payouts::run(command).await,
        Command::Rehearse(args) => rehearse::run(args).await,
        Command::Verify => verify::run().await,
        Command::Backfill(args) => backfill::run(args).await,
    }
}

fn report(failure: &Failure) -> ExitCode {
    eprintln!("purser: {failure}");
    ExitCode::from(2)
}
