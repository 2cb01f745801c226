//! The hash chain: each ledger transaction's SHA-256 over its content and the hash before it (design §4).

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// The hash before an enrollment's first transaction.
pub const GENESIS: [u8; 32] = [0; 32];

/// All that a ledger transaction says. Times count in whole microseconds, as the database keeps them.
#[derive(Debug, Clone)]
pub struct Content<'a> {
    pub enrollment_id: Uuid,
    pub seq: i64,
    pub id: Uuid,
    pub kind: &'a str,
    pub cause: &'a str,
    pub idempotency_key: &'a str,
    pub line_id: Option<Uuid>,
    pub item_id: Option<Uuid>,
    pub posted_at: DateTime<Utc>,
    /// Account, currency, signed minor units; in order.
    pub entries: Vec<(&'a str, &'a str, i64)>,
}

/// SHA-256 of the previous hash and the content, every field with its length before it, so that no two contents read
/// as the same bytes.
pub fn content_hash(prev_hash: &[u8; 32], content: &Content<'_>) -> [u8; 32] {
    let mut hasher = Sha256::new();
    let mut field = |bytes: &[u8]| {
        hasher.update((bytes.len() as u64).to_be_bytes());
        hasher.update(bytes);
    };
    field(b"purser ledger transaction 1");
    field(prev_hash);
    field(content.enrollment_id.as_bytes());
    field(&content.seq.to_be_bytes());
    field(content.id.as_bytes());
    field(content.kind.as_bytes());
    field(content.cause.as_bytes());
    field(content.idempotency_key.as_bytes());
    field(content.line_id.as_ref().map_or(&[][..], |id| id.as_bytes()));
    field(content.item_id.as_ref().map_or(&[][..], |id| id.as_bytes()));
    field(&content.posted_at.timestamp_micros().to_be_bytes());
    for (account, currency, amount_minor) in &content.entries {
        field(account.as_bytes());
        field(currency.as_bytes());
        field(&amount_minor.to_be_bytes());
    }
    hasher.finalize().into()
}
