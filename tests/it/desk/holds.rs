//! What holds stop, as the console tells it before and after a decision.

use purser::desk::adjustments::{self, NewAdjustment};
use purser::desk::hold_file::{self, HoldQuery};
use purser::desk::{PageRequest, holds};
use purser::domain::currency::Currency;
use purser::domain::line::{LineKind, LineStatus};
use purser::domain::money::Money;
use purser::domain::program::HoldStatus;

use crate::harness::events::Purchase;
use crate::harness::{ADMIN, Partner, Payer};

#[tokio::test]
async fn a_hold_says_how_much_it_would_stop_then_how_much_it_stops_and_nothing_once_it_is_decided() {
    let payer = Payer::deaf().await;
    let ada = payer.ready_partner("ada").await;
    payer.earn(ada, 5_000, "usd").await;
    payer.earn(ada, 700, "usd").await;
    payer.earn(ada, 300, "eur").await;
    let (engine, now) = (payer.engine(), payer.now().await);

    let (open, stoppable) = hold_file::of_affiliate(engine, &ADMIN, ada.affiliate).await.unwrap();
    assert!(open.is_empty());
    let stoppable: Vec<_> = stoppable.iter().map(|stop| (stop.lines, stop.amount)).collect();
    let (euros, dollars) = (Money::new(300, Currency::EUR), Money::new(5_700, Currency::USD));
    assert_eq!(stoppable, [(1, euros), (2, dollars)]);

    let id = holds::place(&ADMIN, engine, now, ada.enrollment, "Looks odd").await.unwrap().id;
    let (open, stoppable) = hold_file::of_affiliate(engine, &ADMIN, ada.affiliate).await.unwrap();
    assert_eq!(open[0].amounts, [euros, dollars]);
    assert!(stoppable.is_empty(), "{stoppable:?}");
    let listed = hold_file::list(
        engine,
        &ADMIN,
        &HoldQuery { status: Some(HoldStatus::Open), ..HoldQuery::default() },
        &PageRequest::default(),
    )
    .await
    .unwrap();
    assert_eq!(listed.data[0].amounts, [euros, dollars]);

    holds::approve(&ADMIN, engine, now, id, "Checked").await.unwrap();
    let (case, lines) = hold_file::get(engine, &ADMIN, id).await.unwrap();
    assert!(case.amounts.is_empty());
    assert_eq!(lines.len(), 3);
    assert!(lines.iter().all(|line| line.status == LineStatus::Approved), "{lines:?}");
}

#[tokio::test]
async fn what_an_affiliate_earns_under_a_hold_of_all_that_is_unpaid_waits_with_it() {
    let payer = Payer::deaf().await;
    let (company, ada) = (&payer.company, payer.ready_partner("ada").await);
    payer.earn(ada, 5_000, "usd").await;
    let (engine, now) = (payer.engine(), payer.now().await);
    let id = holds::place(&ADMIN, engine, now, ada.enrollment, "Looks odd").await.unwrap().id;

    company.take_in(&Purchase::new(1).referred("ada").one_time()).await;
    let taken = adjustment(ada, -700);
    adjustments::add(&ADMIN, engine, now, &taken, "one").await.unwrap();
    adjustments::add(&ADMIN, engine, now, &adjustment(ada, 300), "two").await.unwrap();
    let statuses: Vec<_> = company.lines(ada).await.into_iter().map(|line| (line.amount_minor, line.status)).collect();
    let held = "on_hold".to_owned();
    // What the affiliate owes is no part of it: rejected, the hold would forgive it.
    let owed = (-700, "approved".to_owned());
    assert_eq!(statuses, [(5_000, held.clone()), (2_000, held.clone()), owed.clone(), (300, held)]);

    holds::reject(&ADMIN, engine, now, id, "All of it was made up").await.unwrap();
    company.take_in(&Purchase::new(2).referred("ada").one_time()).await;
    let statuses: Vec<_> = company.lines(ada).await.into_iter().map(|line| line.status).collect();
    assert_eq!(statuses, ["cancelled", "cancelled", "approved", "cancelled", "pending"]);
    company.prove_books().await;
}

fn adjustment(partner: Partner, amount_minor: i64) -> NewAdjustment {
    NewAdjustment {
        affiliate: partner.affiliate,
        program: "partners".to_owned(),
        kind: LineKind::Adjustment,
        amount_minor,
        currency: Currency::USD,
        reason: "By hand".to_owned(),
    }
}
