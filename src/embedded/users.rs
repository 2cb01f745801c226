//! Which processes use one embedded database, kept as file locks, which the system drops when a process dies in whatever way.
//! Starting and stopping happen in turns; a process that uses the server holds a shared lock for as long as it does.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

use super::EmbeddedError;

/// This process's place among those that use the database in a directory.
#[derive(Debug)]
pub(super) struct Users {
    path: PathBuf,
    using: File,
}

/// The right to start or stop the server, until it is dropped.
#[derive(Debug)]
pub(super) struct Turn {
    _lock: File,
}

impl Users {
    pub(super) fn of(home: &Path) -> Result<Self, EmbeddedError> {
        let path = home.join("users.lock");
        let using = open(&path)?;
        Ok(Self { path, using })
    }

    /// Waits for other processes that are starting or stopping the server.
    pub(super) async fn take_turn(&self) -> Result<Turn, EmbeddedError> {
        let path = self.path.with_file_name("turn.lock");
        let failed = EmbeddedError::at(&path);
        let lock = open(&path)?;
        let locked = tokio::task::spawn_blocking(move || lock.lock().map(|()| lock)).await;
        let lock = locked.unwrap_or_else(|stopped| Err(std::io::Error::other(stopped))).map_err(failed)?;
        Ok(Turn { _lock: lock })
    }

    /// Counts this process among the users, until it leaves or dies.
    pub(super) fn join(&self, _turn: &Turn) -> Result<(), EmbeddedError> {
        self.using.lock_shared().map_err(EmbeddedError::at(&self.path))
    }

    /// Leaves, and tells whether no other process uses the server.
    pub(super) fn was_last(&self, _turn: &Turn) -> Result<bool, EmbeddedError> {
        self.using.unlock().map_err(EmbeddedError::at(&self.path))?;
        match self.using.try_lock() {
            Ok(()) => Ok(true),
            Err(TryLockError::WouldBlock) => Ok(false),
            Err(TryLockError::Error(error)) => Err(EmbeddedError::at(&self.path)(error)),
        }
    }
}

fn open(path: &Path) -> Result<File, EmbeddedError> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path).map_err(EmbeddedError::at(path))
}
