//! The hash chain of each enrollment, walked from its first transaction to its head.

use chrono::{DateTime, Utc};
use futures::TryStreamExt;
use sqlx::PgConnection;
use uuid::Uuid;

use super::Found;
use crate::domain::ids::{EnrollmentId, LedgerTransactionId};
use crate::store::ledger::{Content, GENESIS, content_hash};

struct ChainState {
    enrollment_id: Uuid,
    seq: i64,
    head: [u8; 32],
}

pub(super) async fn broken_chain(conn: &mut PgConnection) -> Found {
    let mut state: Option<ChainState> = None;
    {
        let mut rows = sqlx::query_as!(
            ChainRow,
            r#"select t.enrollment_id, t.seq, t.id, t.kind, t.cause, t.idempotency_key, t.line_id, t.item_id, t.posted_at,
                t.prev_hash, t.hash, coalesce(e.accounts, '{}') as "accounts!", coalesce(e.currencies, '{}') as "currencies!",
                coalesce(e.amounts, '{}') as "amounts!"
            from ledger_transactions t left join (
                select enrollment_id, seq, array_agg(account order by n) as accounts,
                    array_agg(currency order by n) as currencies, array_agg(amount_minor order by n) as amounts
                from ledger_entries group by enrollment_id, seq
            ) e using (enrollment_id, seq)
            order by t.enrollment_id, t.seq"#,
        )
        .fetch(&mut *conn);
        while let Some(row) = rows.try_next().await? {
            let before = match state.take() {
                Some(before) if before.enrollment_id == row.enrollment_id => before,
                _ => ChainState { enrollment_id: row.enrollment_id, seq: 0, head: GENESIS },
            };
            if let Some(found) = row.breaks(&before) {
                return Ok(Some((LedgerTransactionId(row.id).to_string(), found)));
            }
            let head = row.computed_hash(&before.head);
            state = Some(ChainState { enrollment_id: row.enrollment_id, seq: row.seq, head });
        }
    }
    wrong_head(conn).await
}

/// Each enrollment with transactions has a head that is its last one.
async fn wrong_head(conn: &mut PgConnection) -> Found {
    let row = sqlx::query!(
        r#"select c.enrollment_id, c.seq, coalesce(t.seq, 0) as "last!", t.id as "id?" from ledger_chains c
        left join lateral (
            select seq, hash, id from ledger_transactions where enrollment_id = c.enrollment_id order by seq desc limit 1
        ) t on true
        where c.seq <> coalesce(t.seq, 0) or (t.hash is not null and t.hash <> c.hash)
        order by c.enrollment_id limit 1"#,
    )
    .fetch_optional(&mut *conn)
    .await?;
    if let Some(row) = row {
        let found = match row.id {
            Some(id) if row.seq == row.last => {
                format!("its chain's hash is not the one of its last transaction, {}", LedgerTransactionId(id))
            }
            _ => format!("its chain ends at {} and its transactions at {}", row.seq, row.last),
        };
        return Ok(Some((EnrollmentId(row.enrollment_id).to_string(), found)));
    }
    let headless = sqlx::query_scalar!(
        "select t.enrollment_id from ledger_transactions t
        where t.seq = 1 and not exists (select 1 from ledger_chains c where c.enrollment_id = t.enrollment_id)
        order by t.enrollment_id limit 1",
    )
    .fetch_optional(conn)
    .await?;
    Ok(headless.map(|id| (EnrollmentId(id).to_string(), "it has transactions and its chain has no end".to_owned())))
}

struct ChainRow {
    enrollment_id: Uuid,
    seq: i64,
    id: Uuid,
    kind: String,
    cause: String,
    idempotency_key: String,
    line_id: Option<Uuid>,
    item_id: Option<Uuid>,
    posted_at: DateTime<Utc>,
    prev_hash: Vec<u8>,
    hash: Vec<u8>,
    accounts: Vec<String>,
    currencies: Vec<String>,
    amounts: Vec<i64>,
}

impl ChainRow {
    fn computed_hash(&self, prev_hash: &[u8; 32]) -> [u8; 32] {
        let named = self.accounts.iter().zip(&self.currencies).zip(&self.amounts);
        let content = Content {
            enrollment_id: self.enrollment_id,
            seq: self.seq,
            id: self.id,
            kind: &self.kind,
            cause: &self.cause,
            idempotency_key: &self.idempotency_key,
            line_id: self.line_id,
            item_id: self.item_id,
            posted_at: self.posted_at,
            entries: named
                .map(|((account, currency), &amount)| (account.as_str(), currency.as_str(), amount))
                .collect(),
        };
        content_hash(prev_hash, &content)
    }

    /// How the row fails to follow the one before it.
    fn breaks(&self, before: &ChainState) -> Option<String> {
        if self.seq != before.seq + 1 {
            Some(format!("it is number {} and follows number {}", self.seq, before.seq))
        } else if self.prev_hash != before.head {
            Some("it does not name the hash of the transaction before it".to_owned())
        } else if self.hash != self.computed_hash(&before.head) {
            Some("its content does not have its hash".to_owned())
        } else {
            None
        }
    }
}
