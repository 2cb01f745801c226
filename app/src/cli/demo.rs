//! `purser demo`: everything of a demo company in one process: database, Stripe sandbox, worker and portals. The sandbox stands in
//! for Stripe whatever the environment says, so that no real key is ever used here. Stopped and started again, it goes on where it
//! was: the sandbox keeps its state beside the database.

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::process::ExitCode;

use chrono::Utc;
use purser::clock::Clock;
use purser::config::{Config, Secret};
use purser::demo::{self, DemoSummary, Scenario};
use purser::sandbox::{self, Endpoint, Options, Sandbox};
use purser::store::demo_mark;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use super::session::{Database, Session};
use super::stop::{self, Stop};
use super::{Answer, Failure, serve};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Which company to show
    #[arg(long, value_name = "NAME")]
    scenario: Option<String>,
    /// Port of the Stripe sandbox and its shop on 127.0.0.1; 0 takes a free one
    #[arg(long, default_value_t = 12111)]
    sandbox_port: u16,
    /// Print addresses and logins as one line of JSON
    #[arg(long)]
    json: bool,
}

pub async fn run(args: Args) -> Answer {
    let scenario = demo::scenario(args.scenario.as_deref()).ok_or_else(no_such_scenario)?;
    let stop = stop::on_signals()?;
    let secrets = [Secret::random(), Secret::random()];
    let sandbox_listener = listen_for_sandbox(args.sandbox_port).await?;
    let sandbox_url = format!("http://{}", sandbox_listener.local_addr()?);
    let config = configuration(&sandbox_url, &secrets)?;
    // What the client library says of a refused call, Purser tells in its own words.
    purser::telemetry::start(&config.log, "warn,stripe=off");
    let listener = serve::listen(config.bind).await?;
    let app_url = format!("http://{}", listener.local_addr()?);

    let database = Database::open(&config).await?;
    let database_url = database.url.clone();
    let sandbox = match prepare(&config, &database_url, scenario, &secrets, &app_url).await {
        Ok(sandbox) => sandbox,
        Err(failure) => {
            database.close().await;
            return Err(failure);
        }
    };
    let (ended, end) = oneshot::channel::<()>();
    let clock = Clock::Own(sandbox.clone());
    let serving = tokio::spawn(sandbox.serve(sandbox_listener, async { end.await.unwrap_or_default() }));

    let mut session = Session::over(database, config).await?;
    session.engine.clock = clock;
    let engine = session.engine.clone();
    let done = tokio::try_join!(
        serve::serve(&engine, listener, true, stop.clone()),
        show(play(&session, &app_url, scenario, stop), &database_url, args.json)
    );
    session.close().await;
    drop(ended);
    serving.await.map_err(std::io::Error::other)??;
    done.map(|_| ExitCode::SUCCESS)
}

async fn listen_for_sandbox(port: u16) -> Result<TcpListener, Failure> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(|error| {
        Failure::new(format!("port {port} can't be used for the sandbox ({error}): choose another with --sandbox-port"))
    })
}

/// Readies the database, and a sandbox that keeps its state beside it and begins anew when the story does.
async fn prepare(
    config: &Config,
    database_url: &str,
    scenario: &Scenario,
    secrets: &[Secret; 2],
    app_url: &str,
) -> Result<Sandbox, Failure> {
    let state = config.data_dir.join("sandbox.json");
    if demo_mark::begin(database_url).await.map_err(database_refused)? && state.exists() {
        std::fs::remove_file(&state)?;
    }
    let [account, connect] = secrets
        .clone()
        .map(|secret| vec![Endpoint { url: format!("{app_url}/webhooks/stripe"), secret: secret.expose().to_owned() }]);
    Ok(Sandbox::new(Options {
        seed: Some(demo::SEED),
        state_file: Some(state),
        start_at: Some(scenario.starts_at(Utc::now())),
        webhooks: account,
        connect_webhooks: connect,
        ..Options::default()
    })?)
}

fn database_refused(error: impl std::fmt::Display) -> Failure {
    Failure::new(format!("the database can't be readied for the demo: {error}"))
}

/// The environment, with the sandbox in Stripe's place.
fn configuration(sandbox_url: &str, secrets: &[Secret; 2]) -> Result<Config, Failure> {
    let [account, connect] = secrets;
    let ours: HashMap<&str, String> = HashMap::from([
        ("STRIPE_SECRET_KEY", sandbox::SECRET_KEY.to_owned()),
        ("STRIPE_API_BASE", sandbox_url.to_owned()),
        ("STRIPE_WEBHOOK_SECRETS", format!("{},{}", account.expose(), connect.expose())),
        ("PURSER_CLOCK", "sandbox".to_owned()),
    ]);
    Ok(Config::read(&|name| ours.get(name).cloned().or_else(|| std::env::var(name).ok()))?)
}

/// Plays the scenario through the doors that are being served, unless it is asked to stop first.
async fn play(
    session: &Session,
    app_url: &str,
    scenario: &'static Scenario,
    stop: Stop,
) -> Result<Option<DemoSummary>, Failure> {
    tokio::select! {
        summary = demo::play(&session.engine, app_url, scenario) => Ok(Some(summary?)),
        () = stop::asked(stop) => Ok(None),
    }
}

/// Prints where everything is and how to sign in, once it is there.
async fn show(
    played: impl Future<Output = Result<Option<DemoSummary>, Failure>>,
    database_url: &str,
    json: bool,
) -> Result<(), Failure> {
    let Some(summary) = played.await? else { return Ok(()) };
    demo_mark::complete(database_url).await.map_err(database_refused)?;
    let told = if json { serde_json::to_string(&summary).map_err(std::io::Error::from)? } else { in_words(&summary) };
    println!("{told}");
    Ok(())
}

fn in_words(summary: &DemoSummary) -> String {
    let mut lines = vec![format!("{} (scenario {})", summary.company, summary.scenario), String::new()];
    lines.extend(summary.addresses.iter().map(|address| format!("  {}\n      {}", address.what, address.url)));
    lines.push(String::new());
    lines.extend(
        summary
            .logins
            .iter()
            .map(|login| format!("  {}\n      {}  {}  password {}", login.who, login.url, login.email, login.password)),
    );
    lines.push("\nReady. Ctrl-C stops all of it.".to_owned());
    lines.join("\n")
}

fn no_such_scenario() -> Failure {
    let known: Vec<String> = demo::scenarios().iter().map(|one| format!("{} ({})", one.name, one.summary)).collect();
    Failure::new(format!("there is no such scenario; --scenario takes one of: {}", known.join(", ")))
}
