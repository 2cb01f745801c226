//! `purser user create`: adds a person of the company and prints the one-time link that sets their password, or sets the
//! password that a script gives on standard input.

use std::io::Read;
use std::process::ExitCode;

use clap::Subcommand;
use purser::desk::{self, users};
use purser::domain::actor::{Actor, Role};

use super::session::Session;
use super::{Answer, Failure};

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Add a person of the company
    Create(Create),
}

#[derive(Debug, clap::Args)]
pub struct Create {
    /// owner, finance or viewer
    #[arg(long)]
    role: Role,
    #[arg(long)]
    email: String,
    /// Set the password that standard input holds, instead of printing a link that does
    #[arg(long)]
    password_stdin: bool,
}

pub async fn run(command: Command) -> Answer {
    let Command::Create(args) = command;
    let password = args.password_stdin.then(read_password).transpose()?;
    if let Some(password) = &password {
        desk::check_password_policy(password)?;
    }
    let session = Session::for_command().await?;
    let created = create(&session, &args, password).await;
    session.close().await;
    println!("{}", created?);
    Ok(ExitCode::SUCCESS)
}

async fn create(session: &Session, args: &Create, password: Option<String>) -> Result<String, Failure> {
    let (engine, actor) = (&session.engine, Actor::System("command line"));
    let now = engine.clock.now().await;
    let user = users::create(engine, &actor, now, &args.email, args.role).await?;
    match password {
        None => Ok(user.set_password_url),
        Some(password) => {
            users::set_password(engine, &actor, now, user.id, &password).await?;
            Ok(user.id.to_string())
        }
    }
}

fn read_password() -> Result<String, Failure> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text)?;
    let password = text.trim_end_matches(['\r', '\n']).to_owned();
    if password.is_empty() {
        return Err(Failure::new("--password-stdin takes a password on standard input, and there was none"));
    }
    Ok(password)
}
