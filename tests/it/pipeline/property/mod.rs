//! For any sequence of purchases, in whatever order their events come, how often, and however many workers take them in:
//! what a sale's lines sum to is the rule applied to what was collected. `model` says what that is, in its own words.

pub(super) mod model;

use std::collections::BTreeMap;

use purser::pipeline::inbox;
use rand::rngs::StdRng;
use rand::seq::{IndexedRandom, SliceRandom};
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};

use crate::harness::events::Purchase;
use crate::harness::{Company, Partner};
use model::{Metric, Rule, Sale};

const ROUNDS: usize = 4;
const SALES: u32 = 14;
const HOUR: i64 = 3_600;
/// 2027-01-01.
const BEGIN: i64 = 1_798_761_600;
const PARTNERS: [&str; 2] = ["ada", "bob"];

#[tokio::test(flavor = "multi_thread")]
async fn the_lines_of_every_sale_sum_to_the_rule_applied_to_what_was_collected() {
    let seed = std::env::var("PURSER_TEST_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(rand::random);
    eprintln!("PURSER_TEST_SEED={seed}");
    let mut rng = StdRng::seed_from_u64(seed);
    let mut seen = Seen::default();
    for _ in 0..ROUNDS {
        round(&mut rng, &mut seen).await;
    }
    assert!(seen.earning > SALES as usize, "hardly anything earned: {seen:?}");
}

/// That the rounds were not about nothing.
#[derive(Debug, Default)]
struct Seen {
    earning: usize,
}

async fn round(rng: &mut StdRng, seen: &mut Seen) {
    let rules = rules(rng);
    let company = Company::with(rules[0].1.json.clone(), &[]).await;
    for (version, (day, rule)) in (2i32..).zip(&rules[1..]) {
        let from = format!("2027-{:02}-{:02}", 1 + day / 28, 1 + day % 28);
        company.add_rule_from(company.campaign, version, &from, rule.json.clone()).await;
    }
    let partners = [company.partner(PARTNERS[0]).await, company.partner(PARTNERS[1]).await];
    let (sales, mut events) = purchases(rng);
    let twice: Vec<Value> = events.iter().filter(|_| rng.random_ratio(1, 3)).cloned().collect();
    events.extend(twice);
    events.shuffle(rng);
    let workers = rng.random_range(1..=4);
    let (first, second) = events.split_at(events.len() / 2);
    for part in [first, second] {
        for event in part {
            assert_eq!(company.send(event).await.status(), 200);
        }
        work(&company, workers).await;
    }
    let failed = company.text("select string_agg(id || ': ' || error, ', ') from inbox_events where status = 'failed'");
    assert_eq!(failed.await, None);
    let rules: Vec<(i64, Rule)> =
        rules.into_iter().map(|(day, rule)| (model::unix(2027, 1 + day / 28, 1 + day % 28), rule)).collect();
    let expected = model::earned(&rules, &sales);
    let mut came = BTreeMap::new();
    for partner in partners {
        came.extend(sums(&company, partner).await);
    }
    for sale in &sales {
        let (came, expected) = (came.get(&sale.key).copied().unwrap_or(0), expected[&sale.key].kept);
        assert_eq!(came, expected, "{}, {workers} workers, {sales:#?}, {rules:#?}", sale.key);
        seen.earning += usize::from(expected > 0);
    }
    company.prove_books().await;
}

async fn work(company: &Company, workers: usize) {
    let now = company.engine.clock.now().await + chrono::TimeDelta::seconds(5);
    let running: Vec<_> = (0..workers)
        .map(|_| {
            let engine = company.engine.clone();
            tokio::spawn(async move { while inbox::process_next(&engine, now).await.unwrap() {} })
        })
        .collect();
    for worker in running {
        worker.await.unwrap();
    }
    while inbox::process_next(&company.engine, now).await.unwrap() {}
}

/// What the lines of each sale sum to, by the smallest of its ids at Stripe.
async fn sums(company: &Company, partner: Partner) -> Vec<(String, i64)> {
    sqlx::query_as(
        r#"select (select min(alias collate "C") from sale_aliases a where a.sale_id = l.sale_id),
            sum(amount_minor)::bigint
        from commissions_ledger l where enrollment_id = $1 and status <> 'cancelled' group by sale_id"#,
    )
    .bind(partner.enrollment.0)
    .fetch_all(&company.engine.pool)
    .await
    .unwrap()
}

/// The versions of the rule, with the day from which each prices; the first since ever.
fn rules(rng: &mut StdRng) -> Vec<(u32, Rule)> {
    let mut days: Vec<u32> = (0..rng.random_range(0..3)).map(|_| rng.random_range(0..84)).collect();
    days.sort();
    days.dedup();
    days.insert(0, 0);
    days.into_iter().map(|day| (day, rule(rng))).collect()
}

pub(super) fn rule(rng: &mut StdRng) -> Rule {
    let is_flat = rng.random_ratio(1, 4);
    let rate = |rng: &mut StdRng| if is_flat { rng.random_range(300..3_000) } else { rng.random_range(5..600) };
    // A rate is in tenths of a percent.
    let written = |rate: i64| {
        if is_flat { json!({ "amount": rate }) } else { json!({ "rate": format!("{}.{}", rate / 10, rate % 10) }) }
    };
    let base = rate(rng);
    let mut json = written(base);
    json["type"] = json!(if is_flat { "flat" } else { "percent" });
    if is_flat {
        json["currency"] = json!("usd");
    }
    let (months, payments) = (rng.random_range(1..3), rng.random_range(1..4));
    let forever = (json!("forever"), None, None);
    let recurring = [
        (json!(null), None, Some(1)),
        (json!({ "months": months }), Some(months), None),
        (json!({ "payments": payments }), None, Some(payments)),
        forever.clone(),
        forever,
    ];
    let (recurs, months, payments) = recurring.choose(rng).unwrap().clone();
    json["recurring"] = recurs;
    let metric = if rng.random() { Metric::Conversions } else { Metric::Revenue };
    let by_month = rng.random();
    let mut tiers = Vec::new();
    if rng.random_ratio(2, 3) {
        let unit = if metric == Metric::Conversions { 1 } else { 9_000 };
        for step in 1..=rng.random_range(1..=2) {
            tiers.push((step * unit * rng.random_range(1..4) + step, rate(rng)));
        }
        tiers.dedup_by_key(|tier| tier.0);
        let all = tiers.iter().map(|(at_least, rate)| {
            let mut tier = written(*rate);
            tier["metric"] = json!(if metric == Metric::Conversions { "conversions" } else { "revenue" });
            tier["window"] = json!(if by_month { "month" } else { "all_time" });
            tier["at_least"] = json!(at_least);
            tier
        });
        json["tiers"] = all.collect();
        tiers.sort();
    }
    let cap = ["sale", "customer", "month", "none"].choose(rng).map(|per| (*per, rng.random_range(400..6_000)));
    let cap = cap.filter(|(per, _)| *per != "none");
    if let Some((per, amount)) = cap {
        json["cap"] = json!({ "amount": amount, "per": per });
    }
    let expansion = *["none", "recurring", "one_time"].choose(rng).unwrap();
    json["expansion"] = json!(expansion);
    let exclude_tax = rng.random();
    json["exclude_tax"] = json!(exclude_tax);
    Rule { json, is_flat, base, months, payments, metric, by_month, tiers, cap, expansion, exclude_tax }
}

/// Purchases by few customers over three months, and everything that Stripe sends of them.
fn purchases(rng: &mut StdRng) -> (Vec<Sale>, Vec<Value>) {
    let (mut sales, mut events) = (Vec::new(), Vec::new());
    for n in 1..=SALES {
        let customer = rng.random_range(1..=4);
        let partner = *PARTNERS.choose(rng).unwrap();
        let paid = rng.random_range(50..30_000);
        let tax = if rng.random() { paid / 6 } else { 0 };
        // Sales of two customers may be of one second, those of one customer are not.
        let at = BEGIN + rng.random_range(0..350) * 6 * HOUR + i64::from(n % 3) * HOUR;
        let mut purchase = Purchase { paid, tax, at, metadata: json!({ "purser_code": partner }), ..Purchase::new(n) };
        purchase.customer = Some(format!("cus_{customer}"));
        purchase.email = format!("kim{}@buyers.example.com", customer % 3);
        let mut is_expansion = false;
        let (key, told) = match rng.random_range(0..6) {
            0 => {
                purchase.customer = None;
                (format!("cs_{n}"), vec![purchase.session()])
            }
            1 => (format!("ch_{n}"), purchase.one_time()),
            2 => (format!("ch_{n}"), purchase.subscription()),
            3 => (format!("in_{n}"), vec![purchase.renewal(100 + customer)]),
            4 => {
                is_expansion = true;
                (format!("in_{n}"), vec![purchase.invoice("subscription_update")])
            }
            _ => (format!("cs_{n}"), vec![purchase.session()]),
        };
        let currency = if rng.random_ratio(1, 6) { "eur" } else { "usd" };
        events.extend(told.into_iter().map(|mut event| {
            event["data"]["object"]["currency"] = json!(currency);
            event
        }));
        let email = purchase.email.clone();
        let customer = purchase.customer.clone();
        sales.push(Sale { key, partner, customer, email, at, paid, tax, refunded: 0, currency, is_expansion });
    }
    (sales, events)
}
