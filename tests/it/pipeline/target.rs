//! The target rule after the first line: whatever became of the commission meanwhile, its sale's lines end at what the
//! purchase came to. The purchase is told first by a bare payment of 120.00, then by its checkout with 20.00 tax.

use serde_json::json;

use crate::harness::events::Purchase;
use crate::harness::{Company, Line, Partner};

fn line(kind: &str, status: &str, amount_minor: i64) -> Line {
    Line { kind: kind.into(), status: status.into(), amount_minor }
}

async fn told_by_its_payment() -> (Company, Partner, Purchase) {
    let company = Company::new().await;
    let ada = company.partner("ada").await;
    let purchase = Purchase::new(1);
    let mut intent = purchase.intent();
    intent["data"]["object"]["metadata"] = json!({ "purser_code": "ada" });
    company.take_in(&[intent]).await;
    assert_eq!(company.lines(ada).await, [line("commission", "pending", 2_400)]);
    (company, ada, purchase)
}

async fn mature(company: &Company, partner: Partner) {
    use purser::domain::actor::Actor;
    use purser::store::ledger;
    let mut tx = company.engine.pool.begin().await.unwrap();
    let mut lock = ledger::lock_enrollment(&mut tx, partner.enrollment).await.unwrap();
    let later = chrono::DateTime::from_timestamp(1_900_000_000, 0).unwrap();
    ledger::mature_due_lines(&mut tx, std::slice::from_mut(&mut lock), later, &Actor::System("test")).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn a_pending_commission_is_corrected_beside_it() {
    let (company, ada, purchase) = told_by_its_payment().await;
    company.take_in(&[purchase.session()]).await;
    assert_eq!(company.lines(ada).await, [line("commission", "pending", 2_400), line("correction", "pending", -400)]);
    let told: Option<String> =
        company.text("select explanation->>'already_posted' from commissions_ledger where kind = 'correction'").await;
    assert_eq!(told.as_deref(), Some("2400"));
    company.prove_books().await;
}

#[tokio::test]
async fn an_approved_commission_is_corrected_in_the_payable_balance() {
    let (company, ada, purchase) = told_by_its_payment().await;
    mature(&company, ada).await;
    company.take_in(&[purchase.session()]).await;
    assert_eq!(company.lines(ada).await, [line("commission", "approved", 2_400), line("correction", "approved", -400)]);
    let payable = company.text("select payable_minor::text from balances").await;
    assert_eq!(payable.as_deref(), Some("2000"));
    company.prove_books().await;
}

#[tokio::test]
async fn a_held_commission_s_correction_is_held_by_the_same_hold() {
    use purser::domain::actor::Actor;
    use purser::domain::ids::{HoldId, LineId};
    use purser::domain::line::LineStatus;
    use purser::domain::program::HoldReason;
    use purser::store::holds::{self, NewHold, Reach};
    use purser::store::ledger;

    let (company, ada, purchase) = told_by_its_payment().await;
    let now = company.engine.clock.now().await;
    let id = LineId(company.text("select id::text from commissions_ledger").await.unwrap().parse().unwrap());
    let mut tx = company.engine.pool.begin().await.unwrap();
    let mut lock = ledger::lock_enrollment(&mut tx, ada.enrollment).await.unwrap();
    let actor = Actor::System("test");
    ledger::move_line(&mut tx, &mut lock, now, &actor, id, LineStatus::OnHold, "Looked at", "hold:1").await.unwrap();
    let hold = NewHold {
        id: HoldId::new(now),
        enrollment_id: ada.enrollment,
        reason_kind: HoldReason::Manual,
        reason: "Looked at",
        placed_by: "test",
        evidence: serde_json::json!({}),
        reach: Reach::Lines,
    };
    holds::insert(&mut tx, now, &hold).await.unwrap();
    holds::add_lines(&mut tx, ada.enrollment, hold.id, &[id]).await.unwrap();
    tx.commit().await.unwrap();

    company.take_in(&[purchase.session()]).await;
    assert_eq!(company.lines(ada).await, [line("commission", "on_hold", 2_400), line("correction", "on_hold", -400)]);
    assert_eq!(company.count("hold_lines").await, 2);
    company.prove_books().await;
}

#[tokio::test]
async fn after_finalization_the_difference_is_taken_back_by_a_clawback() {
    let (company, ada, purchase) = told_by_its_payment().await;
    mature(&company, ada).await;
    company.run("update commissions_ledger set status = 'finalized', finalized_at = now()".to_owned()).await;
    company.take_in(&[purchase.session()]).await;
    assert_eq!(company.lines(ada).await, [line("commission", "finalized", 2_400), line("clawback", "approved", -400)]);
    let payable = company.text("select payable_minor::text from balances").await;
    assert_eq!(payable.as_deref(), Some("2000"));
}

#[tokio::test]
async fn what_was_paid_out_for_a_payment_is_taken_back_with_it_and_credited_again_when_it_is_told_apart() {
    let (company, ada, purchase) = told_by_its_payment().await;
    mature(&company, ada).await;
    company.run("update commissions_ledger set status = 'finalized', finalized_at = now()".to_owned()).await;
    let metadata = json!({ "purser_code": "ada" });
    let billed = Purchase { customer: purchase.customer.clone(), metadata, ..Purchase::new(2) };
    let sorted = async || {
        let mut lines = company.lines(ada).await;
        lines.sort_by(|a, b| (&a.kind, &a.status).cmp(&(&b.kind, &b.status)));
        lines
    };
    company.take_in(&[billed.invoice("manual")]).await;
    let taken_for_the_invoice = [
        line("clawback", "approved", -2_400),
        line("commission", "finalized", 2_400),
        line("commission", "pending", 2_000),
    ];
    assert_eq!(sorted().await, taken_for_the_invoice);
    // The invoice was paid by another payment.
    company.take_in(&[billed.link()]).await;
    assert_eq!(sorted().await, [&taken_for_the_invoice[..], &[line("recredit", "approved", 2_400)]].concat());
    assert_eq!(company.count("sales where status = 'paid'").await, 2);
}

#[tokio::test]
async fn a_purchase_that_earns_nothing_after_all_cancels_its_lines() {
    let (company, ada, purchase) = told_by_its_payment().await;
    company.take_in(&[Purchase { tax: 12_000, ..purchase }.session()]).await;
    assert_eq!(company.lines(ada).await, [line("commission", "cancelled", 2_400)]);
    company.prove_books().await;
}

#[tokio::test]
async fn what_a_rejected_hold_took_away_is_not_earned_again_by_a_late_event() {
    use purser::desk::holds;

    use crate::harness::ADMIN;
    let (company, ada, purchase) = told_by_its_payment().await;
    let now = chrono::DateTime::from_timestamp(1_900_000_000, 0).unwrap();
    let hold = holds::place(&ADMIN, &company.engine, now, ada.enrollment, "Bought from themselves").await.unwrap();
    holds::reject(&ADMIN, &company.engine, now, hold.id, "They did").await.unwrap();
    company.take_in(&[purchase.charge(), purchase.session()]).await;
    assert_eq!(company.lines(ada).await, [line("commission", "cancelled", 2_400)]);
    company.prove_books().await;
}

#[tokio::test]
async fn amounts_of_two_currencies_never_net() {
    let (company, ada, purchase) = told_by_its_payment().await;
    let mut session = purchase.session();
    session["data"]["object"]["currency"] = json!("eur");
    company.take_in(&[session]).await;
    assert_eq!(company.lines(ada).await, [line("commission", "cancelled", 2_400), line("recredit", "pending", 2_000)]);
    let currency = company.text("select currency from commissions_ledger where kind = 'recredit'").await;
    assert_eq!(currency.as_deref(), Some("eur"));
    company.prove_books().await;
}
