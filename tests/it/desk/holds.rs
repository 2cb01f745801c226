//! What holds stop, as the console tells it before and after a decision.

use purser::desk::{PageRequest, hold_file, holds};
use purser::domain::currency::Currency;
use purser::domain::line::LineStatus;
use purser::domain::money::Money;
use purser::domain::program::HoldStatus;

use crate::harness::{ADMIN, Payer};

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
    let listed = hold_file::list(engine, &ADMIN, Some(HoldStatus::Open), &PageRequest::default()).await.unwrap();
    assert_eq!(listed.data[0].amounts, [euros, dollars]);

    holds::approve(&ADMIN, engine, now, id, "Checked").await.unwrap();
    let (case, lines) = hold_file::get(engine, &ADMIN, id).await.unwrap();
    assert!(case.amounts.is_empty());
    assert_eq!(lines.len(), 3);
    assert!(lines.iter().all(|line| line.status == LineStatus::Approved), "{lines:?}");
}
