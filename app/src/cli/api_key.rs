//! `purser api-key create`: makes a key for a program of the company's and prints it, the only time it can be seen.

use std::process::ExitCode;

use clap::Subcommand;
use purser::desk::api_keys;
use purser::domain::actor::{Actor, Scope};

use super::Answer;
use super::session::Session;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a key and print it once
    Create(Create),
}

#[derive(Debug, clap::Args)]
pub struct Create {
    /// What the key is for, as the console shows it
    #[arg(long)]
    name: String,
    /// read, write or payouts; each may do what the one before it may
    #[arg(long)]
    scope: Scope,
}

pub async fn run(command: Command) -> Answer {
    let Command::Create(args) = command;
    let session = Session::for_command().await?;
    let now = session.engine.clock.now().await;
    let actor = Actor::System("command line");
    let created = api_keys::create(&session.engine, &actor, now, &args.name, args.scope).await;
    session.close().await;
    println!("{}", created?.key);
    Ok(ExitCode::SUCCESS)
}
