//! The books under random histories: whatever the order of steps, every proof holds after each of them, and nothing is
//! posted twice.

use purser::domain::currency::Currency;
use purser::domain::line::{LineKind, LineStatus};
use purser::domain::posting::{Account, Balances, Posting};
use purser::store::ledger::{self, Check};
use rand::SeedableRng;
use rand::rngs::StdRng;
use sqlx::{AssertSqlSafe, PgConnection};

use super::books::{ACTOR, found};
use super::verify::filled;
use crate::harness::TestDb;

async fn prove(conn: &mut PgConnection, context: &str) {
    for &check in Check::ALL {
        let found = ledger::first_discrepancy(conn, check).await.unwrap();
        assert!(found.is_none(), "{context}: {}", found.unwrap());
    }
}

#[tokio::test]
async fn every_proof_holds_after_every_step_of_random_histories() {
    let seed: u64 = std::env::var("PURSER_TEST_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(20_261_121);
    println!("seed {seed} (set PURSER_TEST_SEED to repeat another)");
    let db = TestDb::new().await;
    let mut rng = StdRng::seed_from_u64(seed);
    let mut conn = db.pool.acquire().await.unwrap();
    let mut books = found(&mut conn, "2026-01-01T00:00:00Z".parse().unwrap()).await;
    for step in 0..250 {
        sqlx::query("begin").execute(&mut *conn).await.unwrap();
        books.step(&mut conn, &mut rng).await;
        sqlx::query("commit").execute(&mut *conn).await.unwrap();
        prove(&mut conn, &format!("seed {seed}, step {step}")).await;
    }
    assert!(
        books.lines.len() > 20 && books.seen.iter().all(|&times| times > 0),
        "the history is too thin: {:?}",
        books.seen
    );
}

#[tokio::test]
async fn postings_of_one_enrollment_from_many_connections_make_one_chain() {
    let db = TestDb::new().await;
    let mut conn = db.pool.acquire().await.unwrap();
    let books = found(&mut conn, "2026-01-01T00:00:00Z".parse().unwrap()).await;
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..8 {
        let pool = db.pool.clone();
        let mut line = books.line(100, LineKind::Commission, Posting::accrue(100), LineStatus::Pending);
        let (enrollment, now) = (books.enrollment, books.now);
        tasks.spawn(async move {
            for n in 0..20 {
                // Half of the keys are shared by all tasks: each of those posts once.
                line.idempotency_key = if n % 2 == 0 { format!("shared:{n}") } else { format!("own:{task}:{n}") };
                let mut tx = pool.begin().await.unwrap();
                let mut lock = ledger::lock_enrollment(&mut tx, enrollment).await.unwrap();
                ledger::add_line(&mut tx, &mut lock, now, &ACTOR, &line).await.unwrap();
                tx.commit().await.unwrap();
            }
        });
    }
    tasks.join_all().await;
    let balances = ledger::balances(&mut conn, books.enrollment).await.unwrap();
    let pending_minor = 100 * (10 + 8 * 10);
    assert_eq!(balances, [(Currency::EUR, Balances { pending_minor, ..Balances::default() })]);
    prove(&mut conn, "eight connections").await;
}

/// Runs what the triggers must refuse, and gives their words.
async fn refusal(conn: &mut PgConnection, statement: String) -> String {
    let refused = sqlx::query(AssertSqlSafe(statement.clone())).execute(conn).await;
    let refused = refused.err().unwrap_or_else(|| panic!("taken: {statement}"));
    assert_eq!(refused.as_database_error().and_then(|e| e.code()).as_deref(), Some("23000"), "{refused}");
    refused.to_string()
}

#[tokio::test]
async fn entries_that_do_not_sum_to_zero_or_belong_to_nothing_are_refused() {
    let db = TestDb::new().await;
    let mut conn = db.pool.acquire().await.unwrap();
    let (books, _) = filled(&mut conn).await;
    for (entries, words) in [
        ("(1, 3, 'pending', 'eur', 5)", "leave 5 over"),
        ("(1, 3, 'pending', 'eur', 5), (1, 4, 'expense', 'eur', -4)", "leave 1 over"),
        // Two currencies never make up for each other.
        ("(1, 3, 'pending', 'eur', 5), (1, 4, 'expense', 'usd', -5)", "over"),
        ("(99, 1, 'pending', 'eur', 5), (99, 2, 'expense', 'eur', -5)", "have no transaction"),
    ] {
        let statement = format!(
            "insert into ledger_entries (enrollment_id, seq, n, account, currency, amount_minor)
            select '{}', e.* from (values {entries}) as e",
            books.enrollment.0
        );
        let refused = refusal(&mut conn, statement).await;
        assert!(refused.contains(words), "{entries}: {refused}");
    }
    prove(&mut conn, "after what was refused").await;
}

#[tokio::test]
async fn a_payout_lists_only_lines_that_exist_with_their_own_amount_and_currency() {
    let db = TestDb::new().await;
    let mut conn = db.pool.acquire().await.unwrap();
    let (books, items) = filled(&mut conn).await;
    let (enrollment, item, line) = (books.enrollment.0, items[0].id.0, books.lines.last().unwrap().0);
    let nobody = uuid::Uuid::nil();
    for (item, line, amount) in [(nobody, line, 500), (item, nobody, 500), (item, line, 499)] {
        let statement = format!("insert into payout_item_lines values ('{enrollment}', '{item}', '{line}', {amount})");
        let refused = refusal(&mut conn, statement).await;
        assert!(refused.contains("can't pay line"), "{refused}");
    }
    let other = format!("update payout_items set currency = 'usd' where id = '{item}'");
    sqlx::raw_sql("set session_replication_role = replica").execute(&mut *conn).await.unwrap();
    sqlx::query(AssertSqlSafe(other)).execute(&mut *conn).await.unwrap();
    sqlx::raw_sql("reset session_replication_role").execute(&mut *conn).await.unwrap();
    refusal(&mut conn, format!("insert into payout_item_lines values ('{enrollment}', '{item}', '{line}', 500)")).await;
}

#[tokio::test]
async fn ledger_rows_refuse_update_delete_and_truncate() {
    let db = TestDb::new().await;
    let mut conn = db.pool.acquire().await.unwrap();
    let books = found(&mut conn, "2026-01-01T00:00:00Z".parse().unwrap()).await;
    let mut tx = db.pool.begin().await.unwrap();
    let mut lock = ledger::lock_enrollment(&mut tx, books.enrollment).await.unwrap();
    let line = books.line(500, LineKind::Commission, Posting::accrue_into(Account::Pending, 500), LineStatus::Pending);
    ledger::add_line(&mut tx, &mut lock, books.now, &ACTOR, &line).await.unwrap();
    tx.commit().await.unwrap();
    for statement in [
        "update ledger_entries set amount_minor = 1",
        "delete from ledger_entries",
        "truncate ledger_entries",
        "update ledger_transactions set cause = 'x'",
        "delete from ledger_transactions",
        "truncate ledger_transactions cascade",
        "update commissions_ledger set amount_minor = 1",
        "update commissions_ledger set currency = 'usd'",
        "update commissions_ledger set status = 'paid'",
        "delete from commissions_ledger",
        "truncate commissions_ledger cascade",
        "update commission_line_history set why = 'x'",
        "delete from commission_line_history",
    ] {
        let refused = sqlx::query(statement).execute(&mut *conn).await.unwrap_err();
        let code = refused.as_database_error().and_then(|e| e.code()).unwrap_or_default().into_owned();
        assert_eq!(code, "23000", "{statement}: {refused}");
    }
}
