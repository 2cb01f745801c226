//! What every door and job is handed: the database, the clock, the configuration and Stripe. Holds no state of its own but
//! clicks that are on their way to the database, so that any number of processes can run against one (design §11).

use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::PgPoolOptions;
use sqlx::{Connection, PgPool};

use crate::clock::Clock;
use crate::config::Config;
use crate::pipeline::click::Recorder;
use crate::stripe::Client;

const CONNECTIONS: u32 = 16;
const CONNECT_WITHIN: Duration = Duration::from_secs(10);

/// For how long an idle connection is taken to be alive.
const TRUSTED_FOR: Duration = Duration::from_secs(1);

/// Cheap to clone; clones share the pool.
#[derive(Debug, Clone)]
pub struct Engine {
    pub pool: PgPool,
    pub clock: Clock,
    pub config: Arc<Config>,
    /// None without a key: pages then say that Stripe isn't connected.
    pub stripe: Option<Client>,
    /// Whoever ends the process flushes it before the pool is closed.
    pub clicks: Recorder,
}

impl Engine {
    /// The engine over a pool that is already there.
    pub fn new(config: Config, pool: PgPool) -> Self {
        let clicks = Recorder::over(pool.clone());
        Self { pool, clock: Clock::of(&config), stripe: Client::of(&config.stripe), config: Arc::new(config), clicks }
    }

    /// The engine over a new pool for the database at `url`.
    ///
    /// # Errors
    /// When the database doesn't answer within ten seconds, or refuses.
    pub async fn connect(config: Config, url: &str) -> Result<Self, sqlx::Error> {
        Ok(Self::new(config, Self::pool_options().connect(url).await?))
    }

    /// How a process keeps its connections to the database.
    pub fn pool_options() -> PgPoolOptions {
        PgPoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(CONNECT_WITHIN)
            .test_before_acquire(false)
            .before_acquire(|connection, about| {
                Box::pin(async move {
                    // A round trip that connections in steady use don't need.
                    if about.idle_for > TRUSTED_FOR {
                        connection.ping().await?;
                    }
                    Ok(true)
                })
            })
    }
}
