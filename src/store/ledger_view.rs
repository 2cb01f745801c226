//! The double entry as the API shows it: transactions with their entries, and the trial balance. Reading only.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::domain::currency::Currency;
use crate::domain::ids::{EnrollmentId, LedgerTransactionId, LineId, PayoutItemId};

/// What an account sums to, over all enrollments.
#[derive(Debug, Clone)]
pub struct TrialRow {
    pub account: String,
    pub currency: Currency,
    /// As text: a sum over everything may leave the range of an amount.
    pub total: String,
    pub entries: i64,
}

/// A ledger transaction with its entries.
#[derive(Debug, Clone)]
pub struct TransactionView {
    pub id: LedgerTransactionId,
    pub enrollment_id: EnrollmentId,
    pub seq: i64,
    pub kind: String,
    pub cause: String,
    pub line_id: Option<LineId>,
    pub item_id: Option<PayoutItemId>,
    pub posted_at: DateTime<Utc>,
    pub hash: Vec<u8>,
    pub accounts: Vec<String>,
    pub currencies: Vec<String>,
    pub amounts: Vec<i64>,
}

pub async fn trial_balance(conn: &mut PgConnection) -> sqlx::Result<Vec<TrialRow>> {
    sqlx::query_as!(
        TrialRow,
        r#"select account, currency as "currency: Currency", sum(amount_minor)::text as "total!", count(*) as "entries!"
        from ledger_entries group by account, currency order by currency, account"#,
    )
    .fetch_all(conn)
    .await
}

/// Newest first.
pub async fn transactions(
    conn: &mut PgConnection,
    enrollments: Option<&[Uuid]>,
    before: Option<Uuid>,
    limit: i64,
) -> sqlx::Result<Vec<TransactionView>> {
    sqlx::query_as!(
        TransactionView,
        r#"select t.id as "id: LedgerTransactionId", t.enrollment_id as "enrollment_id: EnrollmentId", t.seq, t.kind, t.cause,
            t.line_id as "line_id: LineId", t.item_id as "item_id: PayoutItemId", t.posted_at, t.hash,
            array(select account from ledger_entries e where e.enrollment_id = t.enrollment_id and e.seq = t.seq order by n) as "accounts!",
            array(select currency from ledger_entries e where e.enrollment_id = t.enrollment_id and e.seq = t.seq order by n) as "currencies!",
            array(select amount_minor from ledger_entries e where e.enrollment_id = t.enrollment_id and e.seq = t.seq order by n) as "amounts!"
        from ledger_transactions t
        where ($1::uuid[] is null or t.enrollment_id = any($1)) and ($2::uuid is null or t.id < $2)
        order by t.id desc limit $3"#,
        enrollments,
        before,
        limit,
    )
    .fetch_all(conn)
    .await
}
