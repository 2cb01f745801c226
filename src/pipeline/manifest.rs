//! The manifest of a batch as one hash: what was reviewed and approved is what is paid. It is made from what is stored, item
//! after item, so that it takes no memory whatever the batch's size.

use futures::TryStreamExt;
use sha2::{Digest, Sha256};
use sqlx::PgConnection;

use crate::domain::ids::BatchId;
use crate::store::batch_items::{self, ManifestLine};

/// The hash of the batch's items as they are stored: those that it was drafted with and that were not left out.
///
/// # Errors
/// From the database.
pub(super) async fn stored(conn: &mut PgConnection, batch_id: BatchId) -> sqlx::Result<[u8; 32]> {
    let mut hash = ManifestHash::default();
    let mut lines = batch_items::manifest(conn, batch_id);
    while let Some(line) = lines.try_next().await? {
        hash.add(&line);
    }
    Ok(hash.finish())
}

/// SHA-256 over items in the order of their ids, every field on a line of its own.
#[derive(Default)]
pub(super) struct ManifestHash(Sha256);

impl ManifestHash {
    pub fn add(&mut self, line: &ManifestLine) {
        let ManifestLine { id, enrollment_id, currency, amount_minor, rail, destination } = line;
        let text = format!("{id}\n{enrollment_id}\n{amount_minor}\n{currency}\n{rail}\n{destination}\n\n");
        self.0.update(text.as_bytes());
    }

    pub fn finish(self) -> [u8; 32] {
        self.0.finalize().into()
    }
}
