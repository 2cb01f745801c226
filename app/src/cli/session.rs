//! A command's database: the one that `DATABASE_URL` names, else the embedded one, brought to this version, and left in order.

use purser::Engine;
use purser::config::Config;
use purser::embedded::Embedded;

use super::Failure;

/// A database that answers, not yet brought to this version.
pub struct Database {
    pub url: String,
    embedded: Option<Embedded>,
}

/// An engine over a database at this version.
pub struct Session {
    pub engine: Engine,
    database: Database,
}

impl Database {
    /// The configured database, or the embedded one, which is started.
    pub async fn open(config: &Config) -> Result<Self, Failure> {
        let Some(url) = &config.database_url else {
            let embedded = Embedded::start(&config.data_dir).await?;
            return Ok(Self { url: embedded.url().to_owned(), embedded: Some(embedded) });
        };
        Ok(Self { url: url.expose().to_owned(), embedded: None })
    }

    /// Leaves the embedded database, which stops when nobody else uses it.
    pub async fn close(self) {
        if let Some(embedded) = self.embedded
            && let Err(error) = embedded.stop().await
        {
            eprintln!("purser: {error}");
        }
    }
}

impl Session {
    /// For a command that answers and ends: logs only what goes wrong, unless `PURSER_LOG` says otherwise.
    pub async fn for_command() -> Result<Self, Failure> {
        let config = Config::from_env()?;
        purser::telemetry::start(&config.log, "warn");
        Self::open(config).await
    }

    /// Connects, starting the embedded database when no other is configured, and brings the schema to this version.
    pub async fn open(config: Config) -> Result<Self, Failure> {
        let database = Database::open(&config).await?;
        Self::over(database, config).await
    }

    /// Brings the schema of `database` to this version.
    pub async fn over(database: Database, config: Config) -> Result<Self, Failure> {
        match connect(config, &database.url).await {
            Ok(engine) => Ok(Self { engine, database }),
            Err(failure) => {
                database.close().await;
                Err(failure)
            }
        }
    }

    /// Writes what still waits, gives the connections back and leaves the embedded database.
    pub async fn close(self) {
        self.engine.clicks.flush().await;
        self.engine.pool.close().await;
        self.database.close().await;
    }
}

async fn connect(config: Config, url: &str) -> Result<Engine, Failure> {
    let engine = Engine::connect(config, url)
        .await
        .map_err(|error| Failure::new(format!("the database doesn't answer ({error}): see DATABASE_URL")))?;
    purser::store::migrate(&engine.pool)
        .await
        .map_err(|error| Failure::new(format!("the database can't be brought to this version: {error}")))?;
    Ok(engine)
}
