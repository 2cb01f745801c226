//! A Stripe stand-in for the demo, rehearsals and tests: the part of Stripe's API that Purser and a shop use, signed
//! webhooks, a clock that can be moved, and faults on request. It never sees a real key and never talks to Stripe.
//! Calls come in through `call`, change the `state`, and leave as an answer and as events that `delivery` sends.

mod api;
mod call;
mod controls;
mod delivery;
mod error;
mod event;
mod expand;
mod faults;
mod idempotency;
mod journal;
mod list;
mod log;
mod pages;
mod params;
mod play;
mod queue;
mod spec;
mod state;
mod wire;

use std::future::Future;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use chrono::{DateTime, Utc};
use tokio::net::TcpListener;
use tokio::sync::{Notify, watch};

pub use api::accepted_parameters;
pub use delivery::signature;
pub use faults::is_of_webhooks as fault_is_of_webhooks;
use state::{Configured, State};
use wire::{CuttableListener, Wire};

/// The only secret key that the sandbox takes.
pub const SECRET_KEY: &str = "sk_test_sandbox";

/// Where events are sent, and the secret that signs them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    pub url: String,
    pub secret: String,
}

/// `URL=SECRET`, as on the command line. The secret follows the last `=`.
impl FromStr for Endpoint {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.rsplit_once('=') {
            Some((url, secret)) if !secret.is_empty() && url.starts_with("http") => {
                Ok(Self { url: url.to_owned(), secret: secret.to_owned() })
            }
            _ => Err(format!("`{text}` is not URL=SECRET, such as http://127.0.0.1:3000/webhooks/stripe=whsec_test")),
        }
    }
}

/// How a sandbox starts. The default is an empty one, in memory, at the present time, with ids nobody else has.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The same seed gives the same ids; none takes a random one.
    pub seed: Option<u64>,
    /// Where the state is kept; none keeps it in memory.
    pub state_file: Option<PathBuf>,
    /// A JSON list of faults as for `POST /sandbox/faults`.
    pub faults_file: Option<PathBuf>,
    pub webhooks: Vec<Endpoint>,
    pub connect_webhooks: Vec<Endpoint>,
    /// What the sandbox's clock shows at first; none for the real time.
    pub start_at: Option<DateTime<Utc>>,
}

/// Why a sandbox cannot start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the sandbox cannot use its state file: {0}")]
    State(#[source] std::io::Error),
    #[error("the sandbox cannot read its faults file {path}: {reason}")]
    Faults { path: PathBuf, reason: String },
    #[error("the sandbox cannot serve: {0}")]
    Serve(#[source] std::io::Error),
}

/// One sandbox; clones share it.
#[derive(Clone)]
pub struct Sandbox {
    state: Arc<Mutex<State>>,
    due: Arc<Notify>,
    idle: Arc<Notify>,
    stop: Arc<watch::Sender<bool>>,
}

impl std::fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sandbox").finish_non_exhaustive()
    }
}

impl Sandbox {
    /// Makes a sandbox, or takes up the one that the state file holds. Serve it to make it deliver webhooks.
    pub fn new(options: Options) -> Result<Self, Error> {
        let seed = options.seed.unwrap_or_else(rand::random);
        let mut state = State::open(seed, options.start_at, options.state_file.as_deref()).map_err(Error::State)?;
        for (endpoints, connect) in [(options.webhooks, false), (options.connect_webhooks, true)] {
            for endpoint in endpoints {
                state.endpoints.push(Configured::new(state.endpoints.len(), endpoint, connect));
            }
        }
        if let Some(path) = options.faults_file {
            let failed = |reason: String| Error::Faults { path: path.clone(), reason };
            let text = std::fs::read(&path).map_err(|error| failed(error.to_string()))?;
            let orders = serde_json::from_slice(&text).map_err(|error| failed(error.to_string()))?;
            faults::clear(&mut state);
            faults::add(&mut state, orders);
        }
        delivery::resume(&mut state);
        Ok(Self {
            state: Arc::new(Mutex::new(state)),
            due: Arc::default(),
            idle: Arc::default(),
            stop: Arc::new(watch::Sender::new(false)),
        })
    }

    /// Everything the sandbox answers: Stripe's API, the controls, the shop and the onboarding pages.
    pub fn router(&self) -> Router {
        Router::new().merge(call::routes()).merge(controls::routes()).merge(pages::routes()).with_state(self.clone())
    }

    /// Serves on `listener` and delivers webhooks until `shutdown` completes or `stop` is called.
    pub async fn serve(
        self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> Result<(), Error> {
        let client =
            reqwest::Client::builder().no_proxy().build().map_err(|e| Error::Serve(std::io::Error::other(e)))?;
        let deliveries = tokio::spawn(delivery::run(self.clone(), client));
        let (mut stopped, stopping) = (self.stopped(), self.clone());
        let until_stopped = async move {
            tokio::select! {
                () = shutdown => {}
                _ = stopped.wait_for(|stopped| *stopped) => {}
            }
            stopping.stop();
        };
        let service = self.router().into_make_service_with_connect_info::<Wire>();
        let served = axum::serve(CuttableListener(listener), service).with_graceful_shutdown(until_stopped).await;
        let _ = deliveries.await;
        served.map_err(Error::Serve)
    }

    /// Binds an address (port 0 takes a free one) and serves in the background.
    pub async fn start(options: Options, bind: SocketAddr) -> Result<Running, Error> {
        let sandbox = Self::new(options)?;
        let listener = TcpListener::bind(bind).await.map_err(Error::Serve)?;
        let addr = listener.local_addr().map_err(Error::Serve)?;
        let task = tokio::spawn(sandbox.clone().serve(listener, std::future::pending()));
        Ok(Running { sandbox, addr, task })
    }

    /// Ends `serve`, hanging calls included.
    pub fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// Adds an endpoint for as long as this process lives.
    pub fn add_webhook(&self, endpoint: Endpoint, connect: bool) {
        let mut state = self.lock();
        let configured = Configured::new(state.endpoints.len(), endpoint, connect);
        state.endpoints.push(configured);
    }

    /// The sandbox's clock.
    pub fn now(&self) -> DateTime<Utc> {
        self.lock().now()
    }

    /// Waits until every webhook has been delivered, at most `within`; says whether they were.
    pub async fn settle(&self, within: Duration) -> bool {
        delivery::settled(self, within).await
    }

    // A thread that panicked while it held the state leaves it as it was between two changes: good enough to go on.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stopped(&self) -> watch::Receiver<bool> {
        self.stop.subscribe()
    }

    fn wake(&self) {
        self.due.notify_one();
        self.idle.notify_waiters();
    }

    async fn woken(&self) {
        self.due.notified().await;
    }
}

/// Serves a new sandbox on `listener` until `shutdown` completes.
pub async fn serve(
    listener: TcpListener,
    options: Options,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), Error> {
    Sandbox::new(options)?.serve(listener, shutdown).await
}

/// A sandbox that is being served in the background.
pub struct Running {
    pub sandbox: Sandbox,
    pub addr: SocketAddr,
    task: tokio::task::JoinHandle<Result<(), Error>>,
}

impl Running {
    /// The base address, without a slash at the end: what `STRIPE_API_BASE` takes.
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Stops serving and waits until the port is free again.
    pub async fn stop(self) -> Result<(), Error> {
        self.sandbox.stop();
        self.task.await.map_err(|error| Error::Serve(std::io::Error::other(error)))?
    }
}
