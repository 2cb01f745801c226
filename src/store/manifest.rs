//! The manifest of a batch as one hash: what was reviewed and approved is what is paid. It is made from what is stored, item
//! after item, so that it takes no memory whatever the batch's size.

use futures::TryStreamExt;
use sha2::{Digest, Sha256};
use sqlx::PgConnection;

use crate::domain::ids::{BatchId, EnrollmentId, PayoutItemId};

/// An item as the manifest names it, in the words of the database.
#[derive(Debug, Clone)]
pub struct ManifestLine {
    pub id: PayoutItemId,
    pub enrollment_id: EnrollmentId,
    pub currency: String,
    pub amount_minor: i64,
    pub rail: String,
    pub destination: String,
}

/// The hash of the batch's items as they are stored: those that it was drafted with and that were not left out.
///
/// # Errors
/// From the database.
pub async fn stored(conn: &mut PgConnection, batch_id: BatchId) -> sqlx::Result<[u8; 32]> {
    let mut hash = ManifestHash::default();
    let mut lines = sqlx::query_as!(
        ManifestLine,
        r#"select id as "id!: _", enrollment_id as "enrollment_id!: _", currency as "currency!",
            amount_minor as "amount_minor!", rail as "rail!", destination as "destination!"
        from manifest_items where batch_id = $1 order by id"#,
        batch_id.0,
    )
    .fetch(conn);
    while let Some(line) = lines.try_next().await? {
        hash.add(&line);
    }
    Ok(hash.finish())
}

/// The first batch whose items, as they are stored, are not those of its manifest. Reads every item once.
///
/// # Errors
/// From the database.
pub async fn first_changed(conn: &mut PgConnection) -> sqlx::Result<Option<BatchId>> {
    let mut open: Option<(BatchId, Vec<u8>, ManifestHash)> = None;
    let mut rows = sqlx::query!(
        r#"select b.id as "batch_id: BatchId", b.manifest_hash, i.id as "id?: PayoutItemId",
            i.enrollment_id as "enrollment_id?: EnrollmentId", i.currency as "currency?",
            i.amount_minor as "amount_minor?", i.rail as "rail?", i.destination as "destination?"
        from payout_batches b left join manifest_items i on i.batch_id = b.id
        order by b.id, i.id"#,
    )
    .fetch(conn);
    while let Some(row) = rows.try_next().await? {
        let begins = open.as_ref().is_none_or(|(batch, ..)| *batch != row.batch_id);
        if begins && let Some(changed) = open.take().and_then(changed) {
            return Ok(Some(changed));
        }
        let (_, _, hash) = open.get_or_insert_with(|| (row.batch_id, row.manifest_hash, ManifestHash::default()));
        let named = (row.id.zip(row.enrollment_id), row.currency.zip(row.amount_minor), row.rail.zip(row.destination));
        if let (Some((id, enrollment_id)), Some((currency, amount_minor)), Some((rail, destination))) = named {
            hash.add(&ManifestLine { id, enrollment_id, currency, amount_minor, rail, destination });
        }
    }
    Ok(open.and_then(changed))
}

fn changed((batch, manifest, hash): (BatchId, Vec<u8>, ManifestHash)) -> Option<BatchId> {
    (hash.finish()[..] != manifest[..]).then_some(batch)
}

/// SHA-256 over items in the order of their ids, every field on a line of its own.
#[derive(Default)]
pub struct ManifestHash(Sha256);

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
