//! Calls at the rail as people read them: those of an item, and what the last ones tell of why a batch's items are not paid yet.
//! Reads only.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::domain::currency::Currency;
use crate::domain::ids::{BatchId, PayoutItemId};
use crate::domain::money::Money;

/// Why items of a batch were not taken by the rail when they were last tried.
#[derive(Debug, Clone)]
pub struct Trouble {
    /// As [`super::item_views::ItemView::error_code`].
    pub code: String,
    pub items: i64,
    /// The most calls that one of them has made.
    pub tries: i32,
    pub next_try_at: Option<DateTime<Utc>>,
}

/// What keeps the items of an executing or paused batch from being paid, the most frequent first; a short balance is told with
/// the batch.
pub async fn troubles(conn: &mut PgConnection, batch_id: BatchId) -> sqlx::Result<Vec<Trouble>> {
    sqlx::query_as!(
        Trouble,
        r#"select error_code as "code!", count(*) as "items!", max(attempts) as "tries!",
            min(next_attempt_at) filter (where next_attempt_at < 'infinity') as next_try_at
        from payout_items
        where batch_id = $1 and status in ('pending', 'sending', 'unresolved') and error_code is not null
            and funds_at is null and attempts > 0
        group by error_code order by count(*) desc, error_code"#,
        batch_id.0,
    )
    .fetch_all(conn)
    .await
}

/// What the batch's items that stand aside until the rail's balance covers them sum to, by currency.
pub async fn waiting_for_funds(conn: &mut PgConnection, batch_id: BatchId) -> sqlx::Result<Vec<Money>> {
    sqlx::query_as!(
        Money,
        r#"select sum(amount_minor)::bigint as "amount_minor!", currency as "currency: Currency" from payout_items
        where batch_id = $1 and status = 'pending' and funds_at is not null group by currency order by currency"#,
        batch_id.0,
    )
    .fetch_all(conn)
    .await
}

/// One call at the rail.
#[derive(Debug, Clone)]
pub struct AttemptView {
    pub n: i32,
    pub started_at: DateTime<Utc>,
    /// `None`: nobody saw the call end.
    pub finished_at: Option<DateTime<Utc>>,
    pub outcome: Option<String>,
    pub http_status: Option<i16>,
    pub error_code: Option<String>,
    pub error_message: Option<String>,
}

/// The item's calls, oldest first.
pub async fn attempts(conn: &mut PgConnection, item_id: PayoutItemId) -> sqlx::Result<Vec<AttemptView>> {
    sqlx::query_as!(
        AttemptView,
        "select a.n, a.started_at, a.finished_at, a.outcome, a.http_status, a.error_code, a.error_message
        from payout_items i join transfer_attempts a on a.enrollment_id = i.enrollment_id and a.item_id = i.id
        where i.id = $1 order by a.n",
        item_id.0,
    )
    .fetch_all(conn)
    .await
}
