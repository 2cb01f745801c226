use super::*;
use serde_json::json;

#[test]
fn the_rules_of_the_contract_read_back_as_written() {
    for (rule, summary) in [
        (json!({"type": "percent", "rate": "20"}), "20 % of the first payment"),
        (
            json!({"type": "percent", "rate": "12.5", "recurring": {"months": 12}}),
            "12.5 % of each payment for 12 months",
        ),
        (
            json!({"type": "flat", "amount": 1000, "currency": "usd", "recurring": {"payments": 3}}),
            "10.00 USD of the first 3 payments",
        ),
        (
            json!({"type": "percent", "rate": "30", "recurring": "forever", "cap": {"amount": 5000, "per": "sale"}}),
            "30 % of each payment, capped per sale",
        ),
        (
            json!({"type": "percent", "rate": "20", "cap": {"amount": 50_000, "per": "month"}, "products": ["prod_1"], "tiers": [
                {"metric": "revenue", "window": "month", "at_least": 500_000, "rate": "30"},
                {"metric": "revenue", "window": "month", "at_least": 100_000, "rate": 25},
            ]}),
            "20 % of the first payment, 30 % with enough sales, capped per month, for one product",
        ),
        (
            json!({"type": "flat", "amount": 1000, "currency": "eur", "cap": {"amount": 3000, "per": "customer"}, "tiers": [
                {"metric": "conversions", "window": "all_time", "at_least": 10, "amount": 1500},
            ]}),
            "10.00 EUR of the first payment, 15.00 EUR with enough sales, capped per customer",
        ),
    ] {
        let read = Rule::from_json(&rule).unwrap();
        assert_eq!(read.summary(), summary);
        assert_eq!(Rule::from_json(&read.to_json()), Ok(read));
    }
}

fn tier(at_least: i64, rate: &str) -> serde_json::Value {
    json!({"metric": "conversions", "window": "month", "at_least": at_least, "rate": rate})
}

fn with_tiers(tiers: serde_json::Value) -> serde_json::Value {
    json!({"type": "percent", "rate": "20", "tiers": tiers})
}

#[test]
fn a_wrong_field_is_named() {
    for (rule, param) in [
        (json!([]), "rule"),
        (json!({"type": "half"}), "rule.type"),
        (json!({"type": "percent"}), "rule.rate"),
        (json!({"type": "percent", "rate": "0"}), "rule.rate"),
        (json!({"type": "percent", "rate": "100.1"}), "rule.rate"),
        (json!({"type": "percent", "rate": "20", "amount": 5}), "rule.amount"),
        (json!({"type": "flat", "amount": 10.5, "currency": "usd"}), "rule.amount"),
        (json!({"type": "flat", "amount": 10, "currency": "dollars"}), "rule.currency"),
        (json!({"type": "percent", "rate": "20", "recurring": {"months": 0}}), "rule.recurring"),
        (json!({"type": "percent", "rate": "20", "recurring": "weekly"}), "rule.recurring"),
        (json!({"type": "percent", "rate": "20", "cap": {"amount": 0, "per": "sale"}}), "rule.cap.amount"),
        (json!({"type": "percent", "rate": "20", "expansion": "all"}), "rule.expansion"),
        (json!({"type": "percent", "rate": "20", "exclude_tax": "yes"}), "rule.exclude_tax"),
        (json!({"type": "percent", "rate": "20", "tiers": [{"at_least": 3}]}), "rule.tiers[0].metric"),
        (json!({"type": "percent", "rate": "20", "bonus": 3}), "rule.bonus"),
        (json!({"type": "percent", "rate": "20", "cap": {"amount": 5, "per": "year"}}), "rule.cap.per"),
        (json!({"type": "percent", "rate": "20", "cap": 5}), "rule.cap"),
        (json!({"type": "percent", "rate": "20", "products": ["sku_1"]}), "rule.products[0]"),
        (json!({"type": "percent", "rate": "20", "tiers": {}}), "rule.tiers"),
        (with_tiers(json!([{"metric": "sales"}])), "rule.tiers[0].metric"),
        (with_tiers(json!([{"metric": "revenue", "window": "day"}])), "rule.tiers[0].window"),
        (with_tiers(json!([tier(0, "25")])), "rule.tiers[0].at_least"),
        (with_tiers(json!([tier(5, "125")])), "rule.tiers[0].rate"),
        (with_tiers(json!([tier(5, "25"), tier(5, "30")])), "rule.tiers[1].at_least"),
        (
            with_tiers(json!([{"metric": "revenue", "window": "month", "at_least": 5, "amount": 7}])),
            "rule.tiers[0].amount",
        ),
    ] {
        assert_eq!(Rule::from_json(&rule).unwrap_err().param, param, "{rule}");
    }
}

#[test]
fn the_summary_names_the_best_tier_whichever_comes_last() {
    let tier =
        |at_least: i64, rate: &str| json!({"metric": "revenue", "window": "month", "at_least": at_least, "rate": rate});
    let summary = |tiers: Vec<serde_json::Value>| {
        Rule::from_json(&json!({"type": "percent", "rate": "20", "tiers": tiers})).unwrap().summary()
    };
    assert_eq!(summary(vec![tier(1, "30"), tier(2, "25")]), "20 % of the first payment, 30 % with enough sales");
    assert_eq!(summary(vec![tier(1, "9"), tier(2, "15")]), "20 % of the first payment");
}
