//! A PostgreSQL of Purser's own, for when no `DATABASE_URL` is given: found on the machine, kept in the data directory, started
//! on a loopback port with a password that only the data directory knows. Several processes may use it at once; the last one to
//! leave stops it. Nothing else in the engine knows whether its database is this one.

mod account;
mod cluster;
mod programs;
mod server;
mod users;

use std::io;
use std::path::Path;

use account::Account;
use cluster::Cluster;
use server::Server;
use users::Users;

const DATABASE: &str = "purser";

/// Why there is no embedded database; each text is one line that says what to do.
#[derive(Debug, thiserror::Error)]
pub enum EmbeddedError {
    #[error(
        "PostgreSQL 15 or newer isn't installed: install it (Debian and Ubuntu: `apt install postgresql`; Fedora: `dnf install \
         postgresql-server`; macOS: `brew install postgresql@17`), or set DATABASE_URL to a server that runs already"
    )]
    NotInstalled,
    #[error(
        "the embedded database in {dir} was made by PostgreSQL {made_by}, which isn't installed: install that version, or move \
         the data with pg_dump"
    )]
    OtherVersion { dir: String, made_by: u32 },
    #[error(
        "PostgreSQL refuses to run as root, and this machine has neither a `postgres` nor a `nobody` account: add one"
    )]
    NoAccount,
    #[error("the embedded database can't use {path} ({error}): free it, or set PURSER_DATA_DIR to another directory")]
    Directory { path: String, error: io::Error },
    #[error("`{program}` failed: {said}")]
    Program { program: &'static str, said: String },
    #[error("the embedded database didn't start, see {log}: {said}")]
    NotStarted { log: String, said: String },
    #[error("the embedded database refused: {0}")]
    Refused(#[from] sqlx::Error),
}

impl EmbeddedError {
    fn at(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.display().to_string();
        move |error| Self::Directory { path, error }
    }
}

/// A running embedded database that this process uses.
#[derive(Debug)]
pub struct Embedded {
    server: Server,
    users: Users,
    url: String,
}

impl Embedded {
    /// Starts the database kept under `data_dir`, or joins the one that already runs there; makes it when there is none. A server
    /// that was left behind by a killed process is taken over.
    ///
    /// # Errors
    /// When PostgreSQL is missing, or can't be started in this directory.
    pub async fn start(data_dir: &Path) -> Result<Self, EmbeddedError> {
        let account = Account::for_server()?;
        let home = cluster::place(data_dir, account)?;
        let users = Users::of(&home)?;
        let turn = users.take_turn().await?;
        let cluster = Cluster::open(&home, account).await?;
        let server = Server::running(&cluster).await?;
        users.join(&turn)?;
        let maintenance = server.url(&cluster, "postgres");
        crate::store::server::ensure_database(&maintenance, DATABASE).await?;
        drop(turn);
        let url = server.url(&cluster, DATABASE);
        Ok(Self { server, users, url })
    }

    /// The address of Purser's database in it, with its password.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Leaves the database, and stops it when no other process uses it.
    ///
    /// # Errors
    /// When it doesn't stop.
    pub async fn stop(self) -> Result<(), EmbeddedError> {
        let turn = self.users.take_turn().await?;
        if self.users.was_last(&turn)? { self.server.stop().await } else { Ok(()) }
    }
}
