//! Each proof of the books finds the tampering that it is there for, and names what was tampered with.

use std::slice::from_mut;

use purser::domain::batch::Rail;
use purser::domain::currency::Currency;
use purser::domain::line::{LineKind, LineStatus};
use purser::domain::money::Money;
use purser::domain::posting::Posting;
use purser::store::ledger::{self, Check, Discrepancy, ItemRef};
use sqlx::PgConnection;

use super::books::{ACTOR, Books, found};
use crate::harness::TestDb;

/// Books with a paid item, a failed one whose lines wait, an open one, and pending, held and cancelled lines.
pub async fn filled(conn: &mut PgConnection) -> (Books, Vec<ItemRef>) {
    let mut books = found(conn, "2026-01-01T00:00:00Z".parse().unwrap()).await;
    let mut lock = ledger::lock_enrollment(conn, books.enrollment).await.unwrap();
    let mut items = Vec::new();
    for outcome in ["posted", "failed", "open"] {
        for _ in 0..2 {
            books.steps += 1;
            let line = books.line(700, LineKind::Commission, Posting::accrue(700), LineStatus::Pending);
            books.lines.extend(ledger::add_line(conn, &mut lock, books.now, &ACTOR, &line).await.unwrap());
        }
        let later = books.now + chrono::Duration::days(31);
        ledger::mature_due_lines(conn, from_mut(&mut lock), later, &ACTOR).await.unwrap();
        let (total, _) = ledger::payable_lines_total(conn, &lock, Currency::EUR, Default::default()).await.unwrap();
        let item = books.insert_item(conn, Money::new(total, Currency::EUR), None).await;
        books.finalize(conn, &lock, later, item).await;
        ledger::reserve(conn, &mut lock, later, item).await.unwrap();
        match outcome {
            "posted" => {
                books.set_item(conn, item, "posted", Some("tr_1".into())).await;
                ledger::settle(conn, &mut lock, later, &ACTOR, item, Rail::StripeConnect, "tr_1").await.unwrap();
            }
            "failed" => {
                books.set_item(conn, item, "failed", None).await;
                ledger::give_back(conn, &mut lock, later, &ACTOR, item, "Refused").await.unwrap();
            }
            _ => {}
        }
        items.push(item);
    }
    for to in [LineStatus::Pending, LineStatus::OnHold, LineStatus::Cancelled] {
        books.steps += 1;
        let line = books.line(500, LineKind::Commission, Posting::accrue(500), LineStatus::Pending);
        let id = ledger::add_line(conn, &mut lock, books.now, &ACTOR, &line).await.unwrap().unwrap();
        let key = format!("move:{id}");
        ledger::move_line(conn, &mut lock, books.now, &ACTOR, id, to, "because", &key).await.unwrap();
        books.lines.push(id);
    }
    (books, items)
}

/// What the check says after `statement` was run behind the triggers' back.
async fn found_after(
    check: Check,
    statement: impl Fn(&Books, &[ItemRef]) -> String,
) -> (Discrepancy, Books, Vec<ItemRef>) {
    let db = TestDb::new().await;
    let mut conn = db.pool.acquire().await.unwrap();
    let (books, items) = filled(&mut conn).await;
    for &check in Check::ALL {
        assert_eq!(ledger::first_discrepancy(&mut conn, check).await.unwrap(), None, "before the tampering");
    }
    sqlx::query("set session_replication_role = replica").execute(&mut *conn).await.unwrap();
    let changed = sqlx::raw_sql(sqlx::AssertSqlSafe(statement(&books, &items))).execute(&mut *conn).await.unwrap();
    assert!(changed.rows_affected() > 0, "the tampering changed something");
    let found = ledger::first_discrepancy(&mut conn, check).await.unwrap();
    let found = found.unwrap_or_else(|| panic!("{check:?} did not see it"));
    assert_eq!(found.check, check);
    (found, books, items)
}

#[tokio::test]
async fn a_transaction_that_does_not_sum_to_zero_is_found() {
    for change in [
        "update ledger_entries set amount_minor = amount_minor + 1 where seq = 3 and n = 1",
        "delete from ledger_entries where seq = 3",
    ] {
        let (found, ..) = found_after(Check::TransactionsSumToZero, |_, _| change.to_owned()).await;
        assert!(found.id.starts_with("ltx_"), "{found}");
    }
}

#[tokio::test]
async fn a_balance_that_was_raised_is_found() {
    let (found, books, _) =
        found_after(Check::BalancesEqualEntries, |_, _| "update balances set payable_minor = payable_minor + 1".into())
            .await;
    assert_eq!(found.id, books.enrollment.to_string());
}

#[tokio::test]
async fn a_balance_that_is_gone_is_found() {
    let (found, books, _) = found_after(Check::BalancesEqualEntries, |_, _| "delete from balances".into()).await;
    assert_eq!(found.id, books.enrollment.to_string());
    let words = "its eur balance (pending, held, payable, in transit, paid) is missing and its entries sum to 500 500 ";
    assert!(found.found.starts_with(words), "{found}");
}

#[tokio::test]
async fn a_line_that_differs_from_its_entries_is_found() {
    for change in [
        "update commissions_ledger set amount_minor = amount_minor + 100 where status = 'pending'",
        "update commissions_ledger set status = 'approved' where status = 'pending'",
        "delete from commissions_ledger where status = 'on_hold'",
    ] {
        let (found, books, _) = found_after(Check::LinesAgreeWithEntries, |_, _| change.to_owned()).await;
        assert_eq!(found.id, books.enrollment.to_string(), "{change}");
    }
}

#[tokio::test]
async fn a_line_whose_history_was_cut_is_found() {
    let (found, books, _) = found_after(Check::LinesAgreeWithHistory, |books, _| {
        let line = books.lines.last().unwrap();
        format!("delete from commission_line_history where line_id = '{}' and to_status = 'cancelled'", line.0)
    })
    .await;
    assert_eq!(found.id, books.lines.last().unwrap().to_string());
}

#[tokio::test]
async fn an_item_that_pays_something_else_than_its_lines_is_found() {
    for change in [
        "update payout_items set amount_minor = amount_minor + 1 where id = ",
        "delete from payout_item_lines where item_id = ",
    ] {
        let (found, _, items) =
            found_after(Check::ItemsAgreeWithLines, |_, items| format!("{change} '{}'", items[0].id.0)).await;
        assert_eq!(found.id, items[0].id.to_string(), "{change}");
    }
}

#[tokio::test]
async fn a_line_that_a_posted_item_lists_but_another_pays_is_found() {
    let (found, _, items) = found_after(Check::ItemsAgreeWithLines, |_, items| {
        let (paid, open) = (items[0].id.0, items[2].id.0);
        format!("update commissions_ledger set payout_item_id = '{open}' where payout_item_id = '{paid}'")
    })
    .await;
    assert_eq!(found.id, items[0].id.to_string());
}

#[tokio::test]
async fn an_item_whose_state_and_postings_differ_is_found() {
    for (item, change) in [
        (2, "update payout_items set status = 'posted', transfer_id = 'tr_9' where id = "),
        (0, "delete from ledger_transactions where kind = 'settle' and item_id = "),
        (1, "delete from ledger_transactions where kind = 'return' and item_id = "),
        (0, "update payout_items set status = 'unresolved' where id = "),
    ] {
        let (found, _, items) =
            found_after(Check::ItemsAgreeWithEntries, |_, items| format!("{change} '{}'", items[item].id.0)).await;
        assert_eq!(found.id, items[item].id.to_string(), "{change}");
    }
}

#[tokio::test]
async fn a_transfer_that_two_items_name_is_found() {
    let (found, ..) = found_after(Check::OneTransferPerItem, |_, items| {
        format!("update payout_items set transfer_id = 'tr_1' where id = '{}'", items[2].id.0)
    })
    .await;
    assert_eq!(found.id, "tr_1");
}

#[tokio::test]
async fn a_break_in_the_chain_is_found() {
    for change in [
        "update ledger_transactions set cause = 'something else' where seq = 4",
        "update ledger_transactions set posted_at = posted_at - interval '1 day' where seq = 4",
        "update ledger_transactions set hash = sha256('x') where seq = 4",
        "update ledger_entries set account = 'held' where seq = 4 and account = 'payable'",
        "delete from ledger_transactions where seq = 4",
        "delete from ledger_transactions where seq = (select max(seq) from ledger_transactions)",
        "update ledger_chains set hash = sha256('x')",
        "delete from ledger_chains",
    ] {
        let (found, books, _) = found_after(Check::ChainUnbroken, |_, _| change.to_owned()).await;
        assert!(found.id.starts_with("ltx_") || found.id == books.enrollment.to_string(), "{change}: {found}");
    }
}

#[tokio::test]
async fn a_head_that_another_hash_took_the_place_of_is_told_from_one_that_is_elsewhere() {
    for (change, words) in [
        ("hash = sha256('x')", "its chain's hash is not the one of its last transaction, ltx_"),
        ("seq = seq - 1", "its chain ends at "),
    ] {
        let (found, books, _) =
            found_after(Check::ChainUnbroken, |_, _| format!("update ledger_chains set {change}")).await;
        assert_eq!(found.id, books.enrollment.to_string());
        assert!(found.found.starts_with(words), "{found}");
    }
}
