//! `purser work`: the worker alone. Any number of them may run against one database.

use std::process::ExitCode;

use purser::config::Config;
use purser::jobs::Worker;

use super::session::Session;
use super::stop::{self, Stop};
use super::{Answer, Failure};

pub async fn run() -> Answer {
    let config = Config::from_env()?;
    purser::telemetry::start(&config.log, "info");
    let stop = stop::on_signals()?;
    let session = Session::open(config).await?;
    let worked = work(&session, stop).await;
    session.close().await;
    worked.map(|()| ExitCode::SUCCESS)
}

async fn work(session: &Session, stop: Stop) -> Result<(), Failure> {
    let worker = Worker::start(&session.engine).await?;
    println!("The worker runs.");
    stop::asked(stop).await;
    worker.stop().await;
    Ok(())
}
