use super::*;
use crate::domain::currency::Currency;
use crate::domain::explanation::Reader;
use crate::domain::money::Money;
use proptest::prelude::*;
use serde_json::json;

fn rule(json: serde_json::Value) -> Rule {
    Rule::from_json(&json).unwrap()
}

fn day(text: &str) -> DateTime<Utc> {
    format!("{text}T00:00:00Z").parse().unwrap()
}

fn first() -> PaymentPlace {
    let at = day("2026-01-31");
    PaymentPlace {
        payment_number: 1,
        first_paid_at: at,
        paid_at: at,
        is_expansion: false,
        standing: 1,
        cap_left_minor: None,
    }
}

fn eur(paid_minor: i64, refunded_minor: i64) -> Collected {
    Collected { refunded_minor, ..Collected::plain(Money::new(paid_minor, Currency::EUR)) }
}

fn target(rule: &Rule, collected: &Collected, place: &PaymentPlace) -> i64 {
    commission_for(rule, collected, place).unwrap().target_minor
}

proptest! {
    /// Refunds in any number and order end at the rule applied to what is kept, and never take more than was earned.
    #[test]
    fn refunds_in_any_order_end_on_the_same_target(
        paid in 1i64..10_000_000, tax_share in 0i64..40, rate in 1u32..10_000, cuts in prop::collection::vec(1i64..1_000_000, 0..8), seed: u64,
    ) {
        let rule = rule(json!({"type": "percent", "rate": Decimal::new(rate.into(), 2).to_string()}));
        let with = |refunded| Collected { tax_minor: paid * tax_share / 100, ..eur(paid, refunded) };
        let run = |cuts: &[i64]| {
            let (mut refunded, mut posted, mut lines) = (0, target(&rule, &with(0), &first()), 0);
            let earned = posted;
            for cut in cuts {
                refunded += cut;
                let step = target(&rule, &with(refunded), &first()) - posted;
                assert!(step <= 0, "a refund never adds");
                posted += step;
                lines += step;
            }
            assert!(posted >= 0 && -lines <= earned);
            posted
        };
        let mut shuffled = cuts.clone();
        let len = shuffled.len().max(1);
        shuffled.rotate_left(usize::try_from(seed % len as u64).unwrap());
        prop_assert_eq!(run(&cuts), run(&shuffled));
    }

    #[test]
    fn what_is_earned_never_exceeds_what_is_kept(paid in 0i64..1_000_000, refunded in 0i64..2_000_000, rate in 1u32..=10_000) {
        let rule = rule(json!({"type": "percent", "rate": Decimal::new(rate.into(), 2).to_string()}));
        let earned = target(&rule, &eur(paid, refunded), &first());
        prop_assert!(earned >= 0 && earned <= (paid - refunded).max(0));
    }
}

#[test]
fn three_refunds_of_a_third_take_back_to_the_cent() {
    let rule = rule(json!({"type": "percent", "rate": "20"}));
    let targets: Vec<i64> = [0, 3333, 6666, 10000].iter().map(|&r| target(&rule, &eur(10000, r), &first())).collect();
    let steps: Vec<i64> = targets.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert_eq!((targets[0], steps), (2000, vec![-667, -666, -667]));
}

#[test]
fn tax_and_shipping_count_only_if_the_rule_says_so() {
    let collected = Collected { tax_minor: 1900, shipping_minor: 500, ..eur(12400, 0) };
    let excluding = rule(json!({"type": "percent", "rate": "10"}));
    let including = rule(json!({"type": "percent", "rate": "10", "exclude_tax": false, "exclude_shipping": false}));
    assert_eq!(target(&excluding, &collected, &first()), 1000);
    assert_eq!(target(&including, &collected, &first()), 1240);
}

#[test]
fn recurring_rules_end_where_they_say() {
    let at = |number, paid_at| PaymentPlace { payment_number: number, paid_at: day(paid_at), ..first() };
    let earns = |recurring: serde_json::Value, place: PaymentPlace| {
        let rule = rule(json!({"type": "percent", "rate": "10", "recurring": recurring}));
        target(&rule, &eur(1000, 0), &place) > 0
    };
    assert!(!earns(json!(null), at(2, "2026-02-28")));
    assert!(earns(json!({"payments": 3}), at(3, "2026-03-31")) && !earns(json!({"payments": 3}), at(4, "2026-04-30")));
    assert!(earns(json!({"months": 1}), at(2, "2026-02-27")) && !earns(json!({"months": 1}), at(2, "2026-02-28")));
    assert!(earns(json!("forever"), at(400, "2036-02-28")));
}

#[test]
fn an_upgrade_earns_as_the_rule_expands() {
    let upgrade = PaymentPlace { payment_number: 2, is_expansion: true, ..first() };
    let earned = |expansion: &str| {
        target(&rule(json!({"type": "percent", "rate": "10", "expansion": expansion})), &eur(1000, 0), &upgrade)
    };
    assert_eq!((earned("none"), earned("recurring"), earned("one_time")), (0, 0, 100));
}

#[test]
fn a_flat_rule_pays_in_its_currency_while_anything_is_kept() {
    let rule = rule(json!({"type": "flat", "amount": 1000, "currency": "eur"}));
    assert_eq!(target(&rule, &eur(5000, 4999), &first()), 1000);
    assert_eq!(target(&rule, &eur(5000, 5000), &first()), 0);
    assert_eq!(target(&rule, &eur(0, 0), &first()), 0);
    assert_eq!(target(&rule, &Collected { currency: Currency::USD, ..eur(5000, 0) }, &first()), 0);
}

#[test]
fn the_explanation_tells_the_arithmetic() {
    let rule = rule(json!({"type": "percent", "rate": "20", "cap": {"amount": 1500, "per": "sale"}}));
    let collected = Collected { tax_minor: 2000, ..eur(12000, 0) };
    let priced = commission_for(&rule, &collected, &first()).unwrap();
    let source = RuleSource { campaign: "Spring", version: 3, evidence: None, currency: Currency::EUR };
    let explanation = explain(&priced, &rule, &collected, &first(), 0, source).unwrap();
    assert_eq!(
        explanation.sentences(Reader::Affiliate),
        [
            "The customer paid 120.00 EUR.",
            "20.00 EUR of it was tax and doesn't count.",
            "Spring (rule version 3): 20 % on 100.00 EUR is 20.00 EUR.",
            "The rule caps a sale's commission at 15.00 EUR.",
        ]
    );
}

#[test]
fn the_explanation_tells_tier_cap_and_rounding() {
    let rule = rule(json!({"type": "percent", "rate": "20", "cap": {"amount": 5000, "per": "month"}, "tiers": [
        {"metric": "conversions", "window": "month", "at_least": 2, "rate": "25"},
        {"metric": "conversions", "window": "month", "at_least": 10, "rate": "30"},
    ]}));
    let place = PaymentPlace { standing: 2, cap_left_minor: Some(1_000), ..first() };
    let collected = eur(9_999, 0);
    let priced = commission_for(&rule, &collected, &place).unwrap();
    let source = RuleSource { campaign: "Spring", version: 3, evidence: None, currency: Currency::EUR };
    let explanation = explain(&priced, &rule, &collected, &place, 0, source).unwrap();
    assert_eq!(
        explanation.sentences(Reader::Affiliate),
        [
            "The customer paid 99.99 EUR.",
            "Spring (rule version 3): 25 % on 99.99 EUR is 25.00 EUR.",
            "That is 24.9975 EUR, rounded.",
            "With it you have 2 sales in January 2026; from 2 sales on, 25 % applies.",
            "After it, 8 more sales in January 2026 and 30 % applies to the sale that reaches it and those after it.",
            "The rule pays at most 50.00 EUR in a month; sales before this one used 40.00 EUR of it.",
            "So this sale earns 10.00 EUR.",
        ]
    );
    let mut old = serde_json::to_value(&explanation).unwrap();
    for later in ["tiers", "cap", "lines"] {
        old.as_object_mut().unwrap().remove(later);
    }
    assert!(serde_json::from_value::<Explanation>(old).is_ok(), "an explanation from before tiers still reads");
}
