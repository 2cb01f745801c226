//! Where a rehearsal is played: a database that is made for it and goes away with it, on the configured server or on an embedded
//! one of its own, and a folder for state and logs. Refuses to begin where money is real.

use std::path::PathBuf;

use uuid::Uuid;

use super::{Error, Place, Program};
use crate::config::{Config, StripeMode};
use crate::embedded::Embedded;
use crate::store::server;

/// A place that is taken down again.
#[derive(Debug)]
pub struct Venue {
    pub place: Place,
    /// The server and the name of the database that was made there.
    made: Option<(String, String)>,
    embedded: Option<Embedded>,
}

/// Whether a rehearsal may be played beside this configuration.
///
/// # Errors
/// [`Error::Refused`] with a live key, or with an address that isn't a sandbox's.
pub async fn may_rehearse(config: &Config) -> Result<(), Error> {
    if config.stripe.mode() == Some(StripeMode::Live) {
        return Err(Error::Refused("STRIPE_SECRET_KEY is a live key; rehearse where no money is real".to_owned()));
    }
    let Some(base) = &config.stripe.api_base else { return Ok(()) };
    let client = reqwest::Client::builder().no_proxy().timeout(super::stage::ANSWER_WITHIN).build()?;
    let answer = client.get(format!("{base}/sandbox/clock")).send().await;
    if answer.is_ok_and(|answer| answer.status().is_success()) {
        return Ok(());
    }
    Err(Error::Refused(format!("STRIPE_API_BASE is {base}, where no Stripe sandbox answers")))
}

impl Venue {
    /// Makes the database on the server that the configuration names, or starts an embedded one, and the folder.
    ///
    /// # Errors
    /// When the server can't be reached or doesn't let us make a database, or the embedded one can't be started.
    pub async fn open(database_url: Option<&str>, program: Program) -> Result<Self, Error> {
        let name = format!("purser_rehearsal_{}", Uuid::now_v7().simple());
        let folder = std::env::temp_dir().join(&name);
        std::fs::create_dir_all(&folder).map_err(|error| Error::Folder { folder: folder.clone(), error })?;
        let Some(server) = database_url else {
            let embedded = Embedded::start(&folder).await?;
            let place = Place { program, database_url: embedded.url().to_owned(), folder };
            return Ok(Self { place, made: None, embedded: Some(embedded) });
        };
        server::ensure_database(server, &name).await?;
        let database_url = server::address_of(server, &name)?;
        let place = Place { program, database_url, folder };
        Ok(Self { place, made: Some((server.to_owned(), name)), embedded: None })
    }

    /// Removes everything that was made.
    ///
    /// # Errors
    /// When something can't be removed.
    pub async fn close(self) -> Result<(), Error> {
        if let Some((server, name)) = self.made {
            server::drop_database(&server, &name).await?;
        }
        if let Some(embedded) = self.embedded {
            embedded.stop().await?;
        }
        remove(self.place.folder)
    }
}

fn remove(folder: PathBuf) -> Result<(), Error> {
    // The embedded database of root lies elsewhere, behind a link.
    if let Ok(elsewhere) = std::fs::read_link(folder.join("postgres")) {
        std::fs::remove_dir_all(&elsewhere).map_err(|error| Error::Folder { folder: elsewhere, error })?;
    }
    std::fs::remove_dir_all(&folder).map_err(|error| Error::Folder { folder, error })
}
