//! What went back, from tellings in any order.

use proptest::prelude::*;

use super::*;

fn at(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000 + second, 0).unwrap()
}

fn of_charge() -> PaymentRef {
    PaymentRef { charge: Some("ch_1".into()), payment_intent: Some("pi_1".into()) }
}

fn refund(id: &str, amount_minor: i64, made: i64, status: RefundStatus, told: i64) -> Refund {
    Refund {
        id: id.into(),
        payment: of_charge(),
        currency: Currency::EUR,
        amount_minor,
        status,
        reason: None,
        failure_reason: None,
        made_at: at(made),
        failed_at: (!status.counts()).then(|| at(told)),
        told_at: at(told),
    }
}

fn charge(captured_minor: i64, refunded: Option<(i64, i64)>) -> Charge {
    Charge {
        id: "ch_1".into(),
        payment_intent: Some("pi_1".into()),
        currency: Currency::EUR,
        amount_minor: 10_000,
        captured_minor,
        refunded: refunded.map(|(sum, told)| (sum, at(told))),
    }
}

fn dispute(status: DisputeStatus, amount_minor: i64, told: i64) -> Dispute {
    Dispute {
        id: "dp_1".into(),
        payment: of_charge(),
        currency: Currency::EUR,
        amount_minor,
        status,
        reason: None,
        opened_at: at(1),
        closed_at: status.is_over().then(|| at(told)),
        funds_withdrawn_at: None,
        funds_reinstated_at: None,
        told_at: at(told),
    }
}

fn came_to(known: Known) -> i64 {
    total(&given_back(Currency::EUR, 10_000, &known).unwrap()).unwrap()
}

fn refunds(refunds: Vec<Refund>, refunded: Option<(i64, i64)>) -> i64 {
    came_to(Known { charges: vec![charge(10_000, refunded)], refunds, ..Known::default() })
}

#[test]
fn a_refund_counts_from_the_beginning_until_it_fails() {
    use RefundStatus::{Canceled, Failed, Pending, RequiresAction, Succeeded};
    for (status, counts) in
        [(Pending, true), (RequiresAction, true), (Succeeded, true), (Failed, false), (Canceled, false)]
    {
        let came = refunds(vec![refund("re_1", 4_000, 1, status, 2)], None);
        assert_eq!(came, if counts { 4_000 } else { 0 }, "{status}");
    }
}

#[test]
fn the_running_sum_counts_only_beyond_the_refunds_that_it_has_in_it() {
    use RefundStatus::{Failed, Succeeded};
    let one = |status, told| refund("re_1", 4_000, 1, status, told);
    assert_eq!(refunds(vec![], Some((4_000, 1))), 4_000, "nothing else is told");
    assert_eq!(refunds(vec![one(Succeeded, 1)], Some((4_000, 1))), 4_000, "both tell the same");
    assert_eq!(refunds(vec![one(Succeeded, 1)], Some((6_000, 2))), 6_000, "another refund is told by the sum alone");
    let later = refund("re_2", 1_000, 5, Succeeded, 5);
    assert_eq!(refunds(vec![one(Succeeded, 1), later], Some((4_000, 2))), 5_000, "one was made after the sum");
    assert_eq!(refunds(vec![one(Failed, 3)], Some((4_000, 1))), 0, "it failed after the sum");
    assert_eq!(refunds(vec![one(Failed, 1)], Some((4_000, 1))), 0, "it failed in the second of the sum");
    let again = refund("re_2", 4_000, 5, Succeeded, 5);
    assert_eq!(refunds(vec![one(Failed, 3), again.clone()], Some((4_000, 5))), 4_000, "and was made again");
    assert_eq!(refunds(vec![one(Failed, 3)], Some((4_000, 5))), 4_000, "of which only the sum is told yet");
}

#[test]
fn a_payment_never_gives_back_more_than_it_collected() {
    let known = Known {
        charges: vec![charge(8_000, None)],
        refunds: vec![refund("re_1", 5_000, 1, RefundStatus::Succeeded, 1)],
        disputes: vec![dispute(DisputeStatus::Lost, 8_000, 9)],
    };
    let parts = given_back(Currency::EUR, 10_000, &known).unwrap();
    let told: Vec<(&str, i64)> = parts.iter().map(|part| (part.id.as_str(), part.amount_minor)).collect();
    assert_eq!(told, [("re_1", 5_000), ("dp_1", 3_000)]);
    assert_eq!(came_to(Known { charges: vec![], ..known }), 10_000, "and a sale no more than was paid for it");
}

#[test]
fn what_of_an_authorization_was_never_taken_is_no_refund() {
    assert_eq!(came_to(Known { charges: vec![charge(8_000, Some((2_000, 1)))], ..Known::default() }), 0);
    assert_eq!(came_to(Known { charges: vec![charge(8_000, Some((2_500, 1)))], ..Known::default() }), 500);
    assert_eq!(came_to(Known { charges: vec![charge(0, Some((10_000, 1)))], ..Known::default() }), 0);
}

#[test]
fn only_a_lost_dispute_takes_money_and_not_when_it_comes_back() {
    for &status in DisputeStatus::ALL {
        let came = came_to(Known { disputes: vec![dispute(status, 4_000, 3)], ..Known::default() });
        assert_eq!(came, if status == DisputeStatus::Lost { 4_000 } else { 0 }, "{status}");
    }
    let lost = Dispute { funds_withdrawn_at: Some(at(1)), ..dispute(DisputeStatus::Lost, 4_000, 3) };
    let back = Dispute { funds_reinstated_at: Some(at(8)), ..lost.clone() };
    let taken_again = Dispute { funds_withdrawn_at: Some(at(9)), ..back.clone() };
    for (dispute, minor) in [(lost, 4_000), (back, 0), (taken_again, 4_000)] {
        assert_eq!(came_to(Known { disputes: vec![dispute], ..Known::default() }), minor);
    }
}

#[test]
fn payments_of_one_sale_are_bounded_each_for_itself() {
    let second = PaymentRef { charge: Some("ch_2".into()), payment_intent: None };
    let other = Charge { id: "ch_2".into(), payment_intent: None, ..charge(3_000, None) };
    let known = Known {
        charges: vec![charge(7_000, None), other],
        refunds: vec![
            refund("re_1", 1_000, 1, RefundStatus::Succeeded, 1),
            Refund { payment: second, ..refund("re_2", 9_000, 2, RefundStatus::Succeeded, 2) },
        ],
        ..Known::default()
    };
    assert_eq!(came_to(known), 4_000);
}

#[test]
fn a_payment_in_another_currency_gives_back_its_share_of_the_sale() {
    let usd = |row: Charge| Charge { currency: Currency::USD, ..row };
    let half = Refund { currency: Currency::USD, ..refund("re_1", 4_000, 1, RefundStatus::Succeeded, 1) };
    let known = Known { charges: vec![usd(charge(8_000, None))], refunds: vec![half], ..Known::default() };
    assert_eq!(came_to(known), 5_000);
}

fn tellings() -> Vec<Refund> {
    let mut failed = refund("re_1", 4_000, 1, RefundStatus::Failed, 7);
    failed.failure_reason = Some("expired_card".into());
    let mut told_again = refund("re_1", 4_000, 1, RefundStatus::Failed, 9);
    told_again.payment.charge = None;
    vec![
        refund("re_1", 4_000, 1, RefundStatus::Pending, 1),
        refund("re_1", 4_000, 1, RefundStatus::Succeeded, 1),
        refund("re_1", 4_000, 1, RefundStatus::Succeeded, 5),
        failed,
        told_again,
    ]
}

proptest! {
    #[test]
    fn the_order_of_tellings_of_a_refund_makes_no_difference(
        order in Just((0..10usize).map(|n| n % 5).collect::<Vec<_>>()).prop_shuffle(),
    ) {
        let all = tellings();
        let joined = order.iter().map(|&n| all[n].clone()).reduce(Refund::join).unwrap();
        prop_assert_eq!((joined.status, joined.failed_at), (RefundStatus::Failed, Some(at(7))));
        prop_assert_eq!(joined.payment, of_charge());
        prop_assert_eq!(joined.failure_reason.as_deref(), Some("expired_card"));
    }

    #[test]
    fn the_order_of_tellings_of_a_dispute_and_a_charge_makes_no_difference(
        order in Just((0..8usize).map(|n| n % 4).collect::<Vec<_>>()).prop_shuffle(),
    ) {
        let disputes = [
            dispute(DisputeStatus::NeedsResponse, 4_000, 1),
            Dispute { funds_withdrawn_at: Some(at(1)), ..dispute(DisputeStatus::NeedsResponse, 4_000, 1) },
            dispute(DisputeStatus::Won, 4_000, 6),
            Dispute { funds_reinstated_at: Some(at(6)), ..dispute(DisputeStatus::Won, 4_000, 6) },
        ];
        let joined = order.iter().map(|&n| disputes[n].clone()).reduce(Dispute::join).unwrap();
        prop_assert!(!joined.is_open() && !joined.is_lost());
        prop_assert_eq!((joined.closed_at, joined.funds_withdrawn_at), (Some(at(6)), Some(at(1))));

        let charges = [charge(0, None), charge(8_000, Some((2_000, 1))), charge(8_000, Some((3_000, 1))), charge(8_000, Some((2_500, 4)))];
        let joined = order.iter().map(|&n| charges[n].clone()).reduce(Charge::join).unwrap();
        prop_assert_eq!((joined.captured_minor, joined.refunded), (8_000, Some((2_500, at(4)))));
    }
}
