//! `purser serve`: the portals, the API and the webhooks on one address, with the worker beside them unless told not to.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use axum::{Router, middleware};
use purser::Engine;
use purser::config::Config;
use purser::http::{api, health, referral, webhooks};
use purser::jobs::Worker;
use tokio::net::TcpListener;
use tower_http::compression::CompressionLayer;

use super::session::Session;
use super::stop::{self, Stop};
use super::{Answer, Failure};
use crate::assets;

/// How long answers that have begun may take to finish once the process is asked to stop.
const FINISH_WITHIN: Duration = Duration::from_secs(10);

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Leave the worker to `purser work`
    #[arg(long)]
    no_worker: bool,
}

pub async fn run(args: Args) -> Answer {
    let config = Config::from_env()?;
    purser::telemetry::start(&config.log, "info");
    let stop = stop::on_signals()?;
    let listener = listen(config.bind).await?;
    let session = Session::open(config).await?;
    println!("Purser is at {}", session.engine.config.public_url);
    let served = serve(&session.engine, listener, !args.no_worker, stop).await;
    session.close().await;
    served.map(|()| ExitCode::SUCCESS)
}

/// Takes the address that the configuration names.
pub async fn listen(bind: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(bind)
        .await
        .map_err(|error| Failure::new(format!("{bind} can't be used ({error}): set PURSER_BIND to another address")))
}

/// Serves until `stop` asks, then lets what has begun finish.
pub async fn serve(engine: &Engine, listener: TcpListener, worker: bool, stop: Stop) -> Result<(), Failure> {
    let worker = if worker { Some(Worker::start(engine).await?) } else { None };
    let service = router(engine).into_make_service_with_connect_info::<SocketAddr>();
    let server = axum::serve(listener, service).with_graceful_shutdown(stop::asked(stop.clone()));
    let late = async {
        stop::asked(stop.clone()).await;
        tokio::time::sleep(FINISH_WITHIN).await;
    };
    let served = tokio::select! {
        served = server.into_future() => served,
        () = late => {
            tracing::warn!("an answer didn't finish in time and was cut off");
            Ok(())
        }
    };
    if let Some(worker) = worker {
        worker.stop().await;
    }
    Ok(served?)
}

/// Every door on one address.
pub fn router(engine: &Engine) -> Router {
    purser::telemetry::start_metrics();
    purser_app::server::router(engine.clone())
        .merge(assets::routes())
        .merge(health::routes(engine.clone()))
        .merge(webhooks::router(engine.clone()))
        .merge(referral::router(engine.clone()))
        .merge(api::router(engine))
        .layer(CompressionLayer::new())
        .layer(middleware::from_fn_with_state(engine.clone(), purser::http::see_through_proxies))
        .layer(middleware::from_fn(purser::http::observe))
}
