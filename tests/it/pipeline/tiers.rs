//! Tiers and caps look back on the sales before: whatever arrives late, moves or goes, every sale ends at what the rule
//! makes of it at its place in the order of payments.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::harness::events::Purchase;
use crate::harness::{Company, Partner};

const DAY: i64 = 86_400;

/// A purchase of 100.00 without tax on the n-th day of January 2027, or later.
fn on_day(n: u32) -> Purchase {
    let at = 1_798_761_600 + i64::from(n - 1) * DAY;
    Purchase { paid: 10_000, tax: 0, at, ..Purchase::new(n) }.referred("ada")
}

fn by(n: u32, customer: &str) -> Purchase {
    Purchase { customer: Some(customer.to_owned()), email: format!("{customer}@buyers.example.com"), ..on_day(n) }
}

fn tier(metric: &str, window: &str, at_least: i64, rate: &str) -> Value {
    json!({ "metric": metric, "window": window, "at_least": at_least, "rate": rate })
}

fn tiered(tiers: Value) -> Value {
    json!({ "type": "percent", "rate": "10", "recurring": "forever", "tiers": tiers })
}

fn capped(amount: i64, per: &str) -> Value {
    json!({ "type": "percent", "rate": "10", "recurring": "forever", "cap": { "amount": amount, "per": per } })
}

/// What each purchase earns, by its number.
async fn earned(company: &Company, partner: Partner) -> BTreeMap<u32, i64> {
    let rows: Vec<(String, i64)> = sqlx::query_as(
        "select (select min(alias) from sale_aliases a where a.sale_id = l.sale_id), sum(amount_minor)::bigint
        from commissions_ledger l where enrollment_id = $1 and status <> 'cancelled' group by sale_id",
    )
    .bind(partner.enrollment.0)
    .fetch_all(&company.engine.pool)
    .await
    .unwrap();
    rows.into_iter().map(|(alias, sum)| (alias.rsplit('_').next().unwrap().parse().unwrap(), sum)).collect()
}

/// Takes the purchases in, in that order, and says what each earns.
async fn play(rule: Value, purchases: &[Purchase]) -> Vec<(u32, i64)> {
    let company = Company::with(rule, &[]).await;
    let ada = company.partner("ada").await;
    for purchase in purchases {
        company.take_in(&[purchase.session()]).await;
    }
    company.prove_books().await;
    earned(&company, ada).await.into_iter().collect()
}

#[tokio::test]
async fn a_tier_counts_for_the_sale_that_reaches_it_and_those_after() {
    let rule = tiered(json!([tier("conversions", "month", 3, "20"), tier("conversions", "month", 4, "30")]));
    let sales: Vec<Purchase> = [1, 2, 3, 4, 5].map(on_day).into();
    let expected = [(1, 1_000), (2, 1_000), (3, 2_000), (4, 3_000), (5, 3_000)];
    assert_eq!(play(rule.clone(), &sales).await, expected);
    let reversed: Vec<Purchase> = sales.iter().rev().cloned().collect();
    assert_eq!(play(rule, &reversed).await, expected);
}

#[tokio::test]
async fn a_month_begins_anew_and_all_time_does_not() {
    let sales: Vec<Purchase> = [30, 31, 32, 33].map(on_day).into();
    let of = |window| tiered(json!([tier("revenue", window, 20_000, "20")]));
    assert_eq!(play(of("month"), &sales).await, [(30, 1_000), (31, 2_000), (32, 1_000), (33, 2_000)]);
    assert_eq!(play(of("all_time"), &sales).await, [(30, 1_000), (31, 2_000), (32, 2_000), (33, 2_000)]);
}

#[tokio::test]
async fn sales_of_one_second_are_ordered_by_what_stripe_calls_them() {
    let rule = tiered(json!([tier("conversions", "all_time", 2, "20")]));
    let sales = [1, 2, 3].map(|n| Purchase { at: on_day(1).at, ..on_day(n) });
    let expected = [(1, 1_000), (2, 2_000), (3, 2_000)];
    assert_eq!(play(rule.clone(), &sales).await, expected);
    let [first, second, third] = sales;
    assert_eq!(play(rule, &[third, first, second]).await, expected);
}

#[tokio::test]
async fn a_cap_per_customer_and_one_per_month_are_used_up_in_the_order_of_payment() {
    let sales = [by(1, "cus_a"), by(2, "cus_b"), by(3, "cus_a"), by(4, "cus_a"), by(32, "cus_b")];
    let shuffled = [3, 1, 4, 0, 2].map(|n| sales[n].clone());
    let per_customer = [(1, 1_000), (2, 1_000), (3, 500), (32, 500)];
    let per_month = [(1, 1_000), (2, 500), (32, 1_000)];
    for order in [&sales, &shuffled] {
        let earned = async |per| play(capped(1_500, per), order).await.into_iter().filter(|(_, sum)| *sum != 0);
        assert_eq!(earned("customer").await.collect::<Vec<_>>(), per_customer);
        assert_eq!(earned("month").await.collect::<Vec<_>>(), per_month);
    }
}

#[tokio::test]
async fn a_late_sale_corrects_what_was_paid_out_by_new_lines_only() {
    let company = Company::with(tiered(json!([tier("conversions", "month", 2, "20")])), &[]).await;
    let ada = company.partner("ada").await;
    company.take_in(&[on_day(5).session()]).await;
    company
        .run(
            "update commissions_ledger set status = 'approved';
            update commissions_ledger set status = 'finalized'"
                .to_owned(),
        )
        .await;
    company.take_in(&[on_day(2).session()]).await;
    let told: Vec<(String, i64, String)> =
        sqlx::query_as("select kind, amount_minor, reason from commissions_ledger order by id")
            .fetch_all(&company.engine.pool)
            .await
            .unwrap();
    let told: Vec<_> = told.iter().map(|(kind, amount, reason)| (kind.as_str(), *amount, reason.as_str())).collect();
    assert!(told.contains(&("recredit", 1_000, "Corrected: the sales that count before it changed")), "{told:?}");
    assert_eq!(earned(&company, ada).await.into_values().collect::<Vec<_>>(), [1_000, 2_000]);
}

#[tokio::test]
async fn a_sale_that_is_another_affiliate_s_leaves_the_count() {
    let company = Company::with(tiered(json!([tier("conversions", "month", 2, "20")])), &[]).await;
    let (ada, bob) = (company.partner("ada").await, company.partner("bob").await);
    company.take_in(&[on_day(1).session(), on_day(2).session()]).await;
    assert_eq!(earned(&company, ada).await, BTreeMap::from([(1, 1_000), (2, 2_000)]));
    // Stronger evidence comes with another event of the first purchase.
    let mut again = on_day(1).session();
    again["id"] = json!("evt_again");
    again["data"]["object"]["discounts"] = json!([{ "promotion_code": { "id": "promo_1", "code": "bob20" } }]);
    company.take_in(&[again]).await;
    assert_eq!(earned(&company, ada).await, BTreeMap::from([(2, 1_000)]));
    assert_eq!(earned(&company, bob).await, BTreeMap::from([(1, 1_000)]));
    company.prove_books().await;
}

#[tokio::test]
async fn two_sales_that_are_one_count_once() {
    let company = Company::with(tiered(json!([tier("conversions", "all_time", 3, "20")])), &[]).await;
    let ada = company.partner("ada").await;
    let twice = on_day(1);
    let mut intent = twice.intent();
    intent["data"]["object"]["metadata"] = json!({ "purser_code": "ada" });
    intent["created"] = json!(twice.at - 1_200);
    company.take_in(&[twice.invoice("subscription_create"), twice.subscribing(), intent]).await;
    company.take_in(&[on_day(2).session()]).await;
    assert_eq!(earned(&company, ada).await[&2], 2_000);
    company.take_in(&[twice.link()]).await;
    assert_eq!(earned(&company, ada).await, BTreeMap::from([(1, 1_000), (2, 1_000)]));
    company.prove_books().await;
}

#[tokio::test]
async fn a_rule_that_begins_to_count_counts_what_was_sold_before_it() {
    let plain = json!({ "type": "percent", "rate": "10", "recurring": "forever" });
    let company = Company::with(plain, &[]).await;
    let ada = company.partner("ada").await;
    company.take_in(&[on_day(1).session(), on_day(2).session()]).await;
    assert_eq!(company.count("conversions where tally is not null").await, 0);
    let counting = tiered(json!([tier("conversions", "all_time", 3, "20")]));
    company.add_rule_from(company.campaign, 2, "2027-01-03", counting).await;
    company.take_in(&[on_day(4).session(), on_day(3).session()]).await;
    assert_eq!(earned(&company, ada).await, BTreeMap::from([(1, 1_000), (2, 1_000), (3, 2_000), (4, 2_000)]));
    company.prove_books().await;
}
