//! `purser sandbox`: the Stripe stand-in as a process of its own, for rehearsals and tests.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use purser::config::LogConfig;
use purser::sandbox::{Endpoint, Options};
use tokio::net::TcpListener;

use super::{Answer, Failure, stop};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Port on 127.0.0.1; 0 takes a free one
    #[arg(long, default_value_t = 12111)]
    port: u16,
    /// The same seed gives the same ids
    #[arg(long)]
    seed: Option<u64>,
    /// Keep the state in this file, over restarts
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// Faults to begin with: a JSON list as for POST /sandbox/faults
    #[arg(long, value_name = "FILE")]
    faults: Option<PathBuf>,
    /// Send the account's events here, signed with the secret; may be given again
    #[arg(long = "webhook", value_name = "URL=SECRET")]
    webhooks: Vec<Endpoint>,
    /// Send connected accounts' events here; may be given again
    #[arg(long = "connect-webhook", value_name = "URL=SECRET")]
    connect_webhooks: Vec<Endpoint>,
}

pub async fn run(args: Args) -> Answer {
    let filter = std::env::var("PURSER_LOG").ok().filter(|filter| !filter.is_empty());
    purser::telemetry::start(&LogConfig { filter, json: false }, "info");
    let stop = stop::on_signals()?;
    let address = SocketAddr::from(([127, 0, 0, 1], args.port));
    let listener = TcpListener::bind(address).await.map_err(|error| {
        Failure::new(format!("port {} can't be used ({error}): choose another with --port", args.port))
    })?;
    println!("The Stripe sandbox is at http://{}", listener.local_addr()?);
    let options = Options {
        seed: args.seed,
        state_file: args.state,
        faults_file: args.faults,
        webhooks: args.webhooks,
        connect_webhooks: args.connect_webhooks,
        start_at: None,
    };
    purser::sandbox::serve(listener, options, stop::asked(stop)).await?;
    Ok(ExitCode::SUCCESS)
}
