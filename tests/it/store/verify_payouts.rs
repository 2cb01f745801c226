//! The proofs find what was done behind the triggers' back to payouts that were really made: drafted, left out, paid, failed,
//! tried again and taken back at a sandbox. Each tampering is named by the id of what it touched.

use purser::desk::{payout_reversals, payout_review, payouts};
use purser::domain::batch::{BatchStatus, ItemStatus};
use purser::domain::ids::{BatchId, PayoutItemId, ReversalId};
use purser::store::ledger::{Check, Discrepancy, first_discrepancy};
use sqlx::AssertSqlSafe;

use crate::harness::{ADMIN, Payer};

/// What was paid, and what waits.
struct Paid {
    payer: Payer,
    /// It holds `posted`, and an item that failed.
    completed: BatchId,
    posted: PayoutItemId,
    failed: PayoutItemId,
    /// Posted in the failed one's place, in a batch of its own.
    retried: PayoutItemId,
    retried_in: BatchId,
    /// A part of `posted`.
    reversal: ReversalId,
    /// Of a period that was finalized, with an item that waits and one that was left out.
    draft: BatchId,
    waiting: PayoutItemId,
}

impl Paid {
    async fn found() -> Paid {
        let payer = Payer::starting("2026-01-10T00:00:00Z").await;
        for (name, amount_minor) in [("ada", 3_000), ("ben", 5_000)] {
            payer.earn(payer.ready_partner(name).await, amount_minor, "usd").await;
        }
        payer.fault("account_disabled", 1).await;
        let completed = payer.process_now().await;
        payer.work_until(completed, BatchStatus::Completed).await;
        let items = payer.items(completed).await;
        let of = |status| items.iter().find(|item| item.status == status).unwrap();
        let (posted, failed) = (of(ItemStatus::Posted).id, of(ItemStatus::Failed).id);
        let (now, engine) = (payer.now().await, payer.engine());
        let retried = payouts::retry(&ADMIN, engine, now, failed).await.unwrap();
        payer.work_until(retried.batch_id, BatchStatus::Completed).await;
        let reversal = ReversalId::new(now);
        let part = (reversal, Some(1_200), "Paid by mistake");
        payout_reversals::reverse(&ADMIN, engine, now, posted, part).await.unwrap();
        payer.take_events().await;
        payer.earn(payer.ready_partner("cy").await, 7_000, "usd").await;
        payer.advance_hours(24 * 31).await;
        let (now, program) = (payer.now().await, payer.company.program);
        let drafted = payouts::draft(&ADMIN, engine, now, program, Some("2026-01")).await.unwrap();
        let draft = drafted.batch_id.unwrap();
        let (waiting, left) = match &payer.items(draft).await[..] {
            [one, other] => (one.id, other.id),
            others => panic!("who was taken back from and who earned are due: {others:?}"),
        };
        payout_review::leave_out(&ADMIN, engine, now, left, "Later").await.unwrap();
        payer.company.prove_books().await;
        let (retried, retried_in) = (retried.id, retried.batch_id);
        Paid { completed, posted, failed, retried, retried_in, reversal, draft, waiting, payer }
    }

    /// What the check says of each statement, run alone behind the triggers' back.
    async fn after(&self, check: Check, statement: &str) -> Discrepancy {
        let mut tx = self.payer.engine().pool.begin().await.unwrap();
        sqlx::query("set local session_replication_role = replica").execute(&mut *tx).await.unwrap();
        let changed = sqlx::query(AssertSqlSafe(statement.to_owned())).execute(&mut *tx).await.unwrap();
        assert!(changed.rows_affected() > 0, "{statement}: it changed something");
        let found = first_discrepancy(&mut tx, check).await.unwrap();
        found.unwrap_or_else(|| panic!("{statement}: {check:?} did not see it"))
    }

    /// The check finds each of these changes, and names that id.
    async fn finds(&self, check: Check, id: impl std::fmt::Display, statements: &[String]) {
        for statement in statements {
            let found = self.after(check, statement).await;
            assert_eq!(found.id, id.to_string(), "{statement}: {found}");
        }
    }
}

fn set_item(id: PayoutItemId, what: &str) -> String {
    format!("update payout_items set {what} where id = '{}'", id.0)
}

fn set_batch(id: BatchId, what: &str) -> String {
    format!("update payout_batches set {what} where id = '{}'", id.0)
}

#[tokio::test]
async fn a_posted_item_with_another_transfer_currency_or_rail_than_was_settled_is_found() {
    let paid = Paid::found().await;
    for (item, change, words) in [
        (paid.posted, "transfer_id = 'tr_other'", "it names tr_other, and tr_"),
        (paid.posted, "currency = 'eur'", "it has 1 `reserve` postings of "),
        (paid.retried, "rail = 'wire'", "its `settle` posting goes to cleared:stripe_connect, expected cleared:wire"),
        (paid.failed, "transfer_id = 'tr_other'", "it names tr_other and was never settled"),
        (paid.waiting, "transfer_id = 'tr_other'", "it names tr_other and was never settled"),
    ] {
        let found = paid.after(Check::ItemsAgreeWithEntries, &set_item(item, change)).await;
        assert_eq!(found.id, item.to_string(), "{change}: {found}");
        assert!(found.found.starts_with(words), "{change}: {found}");
    }
}

#[tokio::test]
async fn an_item_with_another_key_is_found() {
    let paid = Paid::found().await;
    for item in [paid.posted, paid.waiting] {
        paid.finds(Check::OneKeyPerItem, item, &[set_item(item, "idempotency_key = 'transfer:again'")]).await;
    }
}

#[tokio::test]
async fn an_item_that_says_something_else_of_what_was_taken_back_is_found() {
    let paid = Paid::found().await;
    let line = "commissions_ledger set reversed_item_id = ";
    let changes = [
        set_item(paid.posted, "reversed_minor = reversed_minor + 100"),
        set_item(paid.posted, "reversed_minor = 0"),
        set_item(paid.posted, "status = 'reversed'"),
        set_item(paid.posted, "status = 'reversed', reversed_minor = amount_minor"),
        format!("update {line} null where reversed_item_id = '{}'", paid.posted.0),
        format!("delete from commissions_ledger where reversed_item_id = '{}'", paid.posted.0),
        "update transfer_reversals set amount_minor = amount_minor + 1".to_owned(),
    ];
    paid.finds(Check::ReversalsAgreeWithLines, paid.posted, &changes).await;
    let elsewhere = format!("update {line} '{}' where reversed_item_id = '{}'", paid.retried.0, paid.posted.0);
    let found = paid.after(Check::ReversalsAgreeWithLines, &elsewhere).await;
    assert!([paid.posted.to_string(), paid.retried.to_string()].contains(&found.id), "{found}");
}

#[tokio::test]
async fn a_reversal_of_something_else_than_was_asked_for_is_found() {
    let paid = Paid::found().await;
    let changes = ["amount_minor = 5", "amount_minor = amount_minor + 1", "idempotency_key = 'reversal:again'"]
        .map(|change| format!("update transfer_reversals set {change}"));
    paid.finds(Check::ReversalsAgreeWithRequests, paid.reversal, &changes).await;
    let unasked = "delete from audit_log where action = 'payout_item.reversal_requested'".to_owned();
    paid.finds(Check::ReversalsAgreeWithRequests, paid.reversal, &[unasked]).await;
}

#[tokio::test]
async fn a_batch_that_stands_elsewhere_than_its_items_is_found() {
    let paid = Paid::found().await;
    let completed = [
        "status = 'draft'",
        "status = 'approved'",
        "status = 'executing'",
        "status = 'cancelled'",
        "status = 'draft', approved_at = null, executed_at = null, completed_at = null",
        "completed_at = null",
    ]
    .map(|change| set_batch(paid.completed, change));
    paid.finds(Check::BatchesAgreeWithItems, paid.completed, &completed).await;
    let draft = [
        "status = 'completed'",
        "status = 'completed', approved_at = now(), executed_at = now(), completed_at = now()",
        "status = 'executing'",
        "status = 'approved'",
        "status = 'cancelled'",
    ]
    .map(|change| set_batch(paid.draft, change));
    paid.finds(Check::BatchesAgreeWithItems, paid.draft, &draft).await;
    let sent = set_item(paid.waiting, "status = 'unresolved'");
    paid.finds(Check::BatchesAgreeWithItems, paid.draft, &[sent]).await;
    let live = set_item(paid.posted, "status = 'unresolved'");
    paid.finds(Check::BatchesAgreeWithItems, paid.completed, &[live]).await;
}

#[tokio::test]
async fn a_batch_that_pays_something_else_than_its_manifest_says_is_found() {
    let paid = Paid::found().await;
    for (batch, item) in [(paid.completed, paid.posted), (paid.draft, paid.waiting)] {
        let changes = [
            set_item(item, "destination = 'acct_other'"),
            set_item(item, "amount_minor = amount_minor + 1"),
            set_item(item, "status = 'left_out'"),
            format!("delete from payout_items where id = '{}'", item.0),
            set_batch(batch, "manifest_hash = sha256('x')"),
        ];
        paid.finds(Check::ManifestsAgreeWithItems, batch, &changes).await;
    }
}

#[tokio::test]
async fn an_item_that_pays_another_account_than_its_method_is_found() {
    let paid = Paid::found().await;
    let method = format!(
        "update payment_methods set stripe_account = 'acct_other'
        where id = (select payment_method_id from payout_items where id = '{}')",
        paid.waiting.0
    );
    let found = paid.after(Check::ManifestsAgreeWithItems, &method).await;
    assert!(found.id.starts_with("pit_") && found.found.ends_with("its payment method is acct_other"), "{found}");
    // In the batch of the one that it tries again an item is in no manifest.
    let moved = set_item(paid.retried, &format!("destination = 'acct_other', batch_id = '{}'", paid.completed.0));
    let emptied = format!("update payout_batches set manifest_hash = sha256('') where id = '{}'", paid.retried_in.0);
    let both = format!("with moved as ({moved}) {emptied}");
    paid.finds(Check::ManifestsAgreeWithItems, paid.retried, &[both]).await;
}

#[tokio::test]
async fn a_period_whose_record_is_not_the_sum_of_its_lines_is_found() {
    let paid = Paid::found().await;
    let id = format!("{} 2026-01", paid.payer.company.program);
    let changes = [
        "update commission_period_totals set amount_minor = amount_minor + 5 where status = 'finalized'",
        "update commission_period_totals set lines = lines + 1 where status = 'finalized'",
        "delete from commission_period_totals",
        "delete from commission_periods",
        "update commissions_ledger set finalized_with = null where kind = 'bonus' and finalized_with is not null",
    ]
    .map(str::to_owned);
    paid.finds(Check::PeriodsAgreeWithLines, id, &changes).await;
}
