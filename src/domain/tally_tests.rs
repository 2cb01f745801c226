use super::*;
use crate::domain::money::Money;
use proptest::prelude::*;
use serde_json::json;

fn at(text: &str) -> DateTime<Utc> {
    format!("{text}T12:00:00Z").parse().unwrap()
}

fn paid(day: &str) -> PaymentPlace {
    let at = at(day);
    PaymentPlace {
        payment_number: 1,
        first_paid_at: at,
        paid_at: at,
        is_expansion: false,
        standing: 0,
        cap_left_minor: None,
    }
}

fn collected(currency: Currency, paid_minor: i64) -> Collected {
    Collected::plain(Money::new(paid_minor, currency))
}

fn rule(more: serde_json::Value) -> Rule {
    let mut rule = json!({ "type": "percent", "rate": "10", "recurring": "forever", "expansion": "recurring" });
    rule.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    Rule::from_json(&rule).unwrap()
}

fn tiers(metric: &str, window: &str) -> Rule {
    rule(json!({ "tiers": [{ "metric": metric, "window": window, "at_least": 2, "rate": "20" }] }))
}

fn count(tally: &Tally, rule: &Rule, sale: &Collected, payment: PaymentPlace) -> Counted {
    tally.count(rule, Currency::USD, sale, payment, 0).unwrap()
}

#[test]
fn a_month_is_utc_s_and_starts_at_nothing() {
    let by_month = tiers("conversions", "month");
    let sale = collected(Currency::USD, 1_000);
    let last = PaymentPlace { paid_at: "2026-01-31T23:59:59Z".parse().unwrap(), ..paid("2026-01-31") };
    let january = count(&Tally::default(), &by_month, &sale, last);
    let february = count(&january.tally, &by_month, &sale, paid("2026-02-01"));
    assert_eq!((january.place.standing, february.place.standing), (1, 1));
    assert_eq!(february.tally.all_time.conversions, 2);
}

#[test]
fn revenue_is_the_program_s_currency_and_an_upgrade_is_no_conversion() {
    let by_revenue = tiers("revenue", "all_time");
    let usd = count(&Tally::default(), &by_revenue, &collected(Currency::USD, 700), paid("2026-01-01"));
    let eur = count(&usd.tally, &by_revenue, &collected(Currency::EUR, 900), paid("2026-01-02"));
    let upgrade = PaymentPlace { is_expansion: true, ..paid("2026-01-03") };
    let upgrade = count(&eur.tally, &by_revenue, &collected(Currency::USD, 50), upgrade);
    assert_eq!(upgrade.tally.all_time, Sold { conversions: 2, revenue_minor: 750 });
}

#[test]
fn what_is_paid_back_stays_counted_and_stays_used() {
    let by_month = rule(json!({ "cap": { "amount": 150, "per": "month" } }));
    let refunded = Collected { refunded_minor: 1_000, ..collected(Currency::USD, 1_000) };
    let first = count(&Tally::default(), &by_month, &refunded, paid("2026-01-01"));
    assert_eq!(first.allowed_minor, 100);
    let second = count(&first.tally, &by_month, &collected(Currency::USD, 1_000), paid("2026-01-02"));
    assert_eq!((second.place.cap_left_minor, second.allowed_minor), (Some(50), 50));
    let euros = count(&second.tally, &by_month, &collected(Currency::EUR, 1_000), paid("2026-01-03"));
    assert_eq!(euros.place.cap_left_minor, Some(150));
}

#[test]
fn a_cap_that_was_lowered_leaves_nothing_rather_than_less() {
    let per_customer = rule(json!({ "cap": { "amount": 150, "per": "customer" } }));
    let sale = collected(Currency::USD, 1_000);
    let counted = Tally::default().count(&per_customer, Currency::USD, &sale, paid("2026-01-01"), 200).unwrap();
    assert_eq!((counted.place.cap_left_minor, counted.allowed_minor), (Some(0), 0));
}

#[test]
fn a_tally_is_kept_as_it_was() {
    let counted = count(&Tally::default(), &rule(json!({})), &collected(Currency::JPY, 900), paid("2026-01-01"));
    let kept = serde_json::to_value(&counted.tally).unwrap();
    assert_eq!(serde_json::from_value::<Tally>(kept).unwrap(), counted.tally);
}

proptest! {
    /// However the amounts fall, a month's cap is never exceeded and never left unused while something was refused.
    #[test]
    fn a_cap_per_month_is_used_up_exactly(cap in 1i64..5_000, sales in prop::collection::vec(0i64..20_000, 1..20)) {
        let by_month = rule(json!({ "cap": { "amount": cap, "per": "month" } }));
        let (mut tally, mut allowed, mut wanted) = (Tally::default(), 0, 0);
        for paid_minor in sales {
            let sale = collected(Currency::USD, paid_minor);
            let counted = count(&tally, &by_month, &sale, paid("2026-01-01"));
            allowed += counted.allowed_minor;
            wanted += commission::commission_for(&rule(json!({})), &sale, &paid("2026-01-01")).unwrap().target_minor;
            tally = counted.tally;
        }
        prop_assert_eq!(allowed, wanted.min(cap));
    }

    /// The standing rises by one with every sale that counts, so a rate never falls within a window.
    #[test]
    fn within_a_month_the_rate_never_falls(sales in prop::collection::vec(0i64..2_000, 1..12), at_least in 1i64..8) {
        let by_count = rule(json!({ "tiers": [
            { "metric": "conversions", "window": "month", "at_least": at_least, "rate": "20" },
            { "metric": "conversions", "window": "month", "at_least": at_least + 2, "rate": "30" },
        ] }));
        let (mut tally, mut before, mut paid_sales) = (Tally::default(), 0, 0);
        for paid_minor in sales {
            let counted = count(&tally, &by_count, &collected(Currency::USD, paid_minor), paid("2026-01-01"));
            paid_sales += i64::from(paid_minor > 0);
            prop_assert_eq!(counted.place.standing, paid_sales);
            prop_assert!(counted.place.standing >= before);
            before = counted.place.standing;
            tally = counted.tally;
        }
    }
}
