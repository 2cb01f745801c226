//! A table of what Stripe tells of purchases, and what must become of it: one row per sequence of events, with the sales,
//! conversions and commissions that it comes to. Each row is taken in in order, and again shuffled, doubled and told anew by other
//! events, in old and new shapes; the outcome is the same.

mod checkouts;
mod invoices;
mod payments;
mod pricing;
mod refunds;
mod subscriptions;
mod twins;

use chrono::TimeDelta;
use purser::domain::ids::{AffiliateId, CampaignId, EnrollmentId, ProgramId, RuleVersionId};
use purser::pipeline::sale;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};

use crate::harness::Company;
use crate::harness::events::Shape;
use crate::harness::story::Story;

/// A row of the table.
struct Sequence {
    name: &'static str,
    rule: Value,
    count_out_of_band: bool,
    /// Whether bare payments are settled in between too. What has waited too long is a sale of its own until more is told.
    settles_early: bool,
    events: fn(&Story) -> Vec<Value>,
    /// One text per sale, in the order in which they were paid: what it is and what was paid; then who is credited for the
    /// how-manieth payment and what it earns, or why nobody is.
    sales: &'static [&'static str],
}

fn row(name: &'static str, events: fn(&Story) -> Vec<Value>, sales: &'static [&'static str]) -> Sequence {
    let rule = json!({ "type": "percent", "rate": "20", "recurring": "forever" });
    Sequence { name, rule, count_out_of_band: true, settles_early: true, events, sales }
}

impl Sequence {
    /// With more fields of the rule, or others.
    fn rule(mut self, fields: Value) -> Self {
        self.rule.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        self
    }
}

/// What became of a story, a text per sale as in the table.
const OUTCOME: &str = "select string_agg(told, E'\\n' order by paid_at nulls last, told) from (
    select s.paid_at, s.kind || case
        when s.status <> 'paid' then ' not paid'
        else ' ' || s.currency || ' ' || s.paid_minor
            || case when s.tax_minor > 0 then ' tax ' || s.tax_minor else '' end
            || case when s.shipping_minor > 0 then ' shipping ' || s.shipping_minor else '' end
            || ': ' || coalesce(
                '#' || c.payment_number || case when c.is_expansion then ' upgrade' else '' end || ' earns ' || (
                    select coalesce(sum(amount_minor), 0) from commissions_ledger l
                    where l.sale_id = s.id and l.status <> 'cancelled'
                ), s.unattributed_reason, 'nobody') end as told
    from sales s left join conversions c on c.sale_id = s.id and not c.retired
    where s.status <> 'merged'
        and exists (select 1 from sale_aliases a where a.sale_id = s.id and a.alias like '%\\_' || $TAG || 'x%')
) as sales";

/// A program of the story's own, with an affiliate whose referral code is the tag and whose promotion code is `{tag}20`.
async fn prepare(company: &Company, tag: &str, row: &Sequence) {
    let now = company.engine.clock.now().await;
    let (program, campaign) = (ProgramId::new(now).0, CampaignId::new(now).0);
    let (affiliate, enrollment, rule) = (AffiliateId::new(now).0, EnrollmentId::new(now).0, RuleVersionId::new(now).0);
    for statement in [
        format!(
            "insert into programs (id, slug, name, currency, site_url, count_out_of_band, created_at, updated_at) values
            ('{program}', '{tag}', '{tag}', 'usd', 'https://shop.example.com', {}, now(), now())",
            row.count_out_of_band
        ),
        format!(
            "insert into campaigns (id, program_id, name, created_at, updated_at) values
            ('{campaign}', '{program}', 'Spring', now(), now())"
        ),
        format!(
            "insert into rule_versions (id, campaign_id, version, rule, effective_from, created_at, created_by) values
            ('{rule}', '{campaign}', 1, '{}', '2020-01-01', now(), 'test')",
            row.rule
        ),
        format!(
            "insert into affiliates (id, email, name, status, created_at, updated_at) values
            ('{affiliate}', '{tag}@partners.example.org', '{tag}', 'active', now(), now())"
        ),
        format!(
            "insert into enrollments (id, affiliate_id, program_id, status, joined_at) values
            ('{enrollment}', '{affiliate}', '{program}', 'active', now())"
        ),
        format!("insert into referral_codes (code, enrollment_id, created_at) values ('{tag}', '{enrollment}', now())"),
        format!("insert into coupons (code, enrollment_id, created_at) values ('{tag}20', '{enrollment}', now())"),
    ] {
        company.run(statement).await;
    }
}

/// Takes the deliveries in, settling what waits where `settles` says so and at the end, and returns what became of them.
async fn outcome(company: &Company, tag: &str, deliveries: &[Value], mut settles: impl FnMut() -> bool) -> Vec<String> {
    let later = company.engine.clock.now().await + TimeDelta::hours(1);
    for event in deliveries {
        assert_eq!(company.send(event).await.status(), 200);
        company.drain().await;
        if settles() {
            sale::settle_provisional(&company.engine, later).await.unwrap();
        }
    }
    sale::settle_provisional(&company.engine, later).await.unwrap();
    let failed = format!(
        "select string_agg(type || ': ' || error, '; ') from inbox_events where status = 'failed' and id like '%{tag}x%'"
    );
    assert_eq!(company.text(&failed).await, None, "{tag}");
    let parked = format!("inbox_events where status = 'parked' and id like '%{tag}x%'");
    assert_eq!(company.count(&parked).await, 0, "{tag} still waits for something");
    let told = company.text(&OUTCOME.replace("$TAG", &format!("'{tag}'"))).await.unwrap_or_default();
    told.lines().map(str::to_owned).collect()
}

fn named(tag: &str, events: Vec<Value>, again: &str) -> Vec<Value> {
    let name = |(n, mut event): (usize, Value)| {
        event["id"] = json!(format!("evt_{tag}x{n}{again}"));
        event
    };
    events.into_iter().enumerate().map(name).collect()
}

async fn in_order(company: &Company, row: &Sequence, shape: Shape, n: usize) {
    let tag = format!("{}o{n}", if shape == Shape::Old { "old" } else { "new" });
    prepare(company, &tag, row).await;
    let events = named(&tag, (row.events)(&Story { tag: tag.clone(), shape }), "");
    assert_eq!(outcome(company, &tag, &events, || false).await, row.sales, "{}, {shape:?}, in order", row.name);
}

/// Every event twice as it is and once more under another id, in any order, with bare payments settled in between.
async fn shuffled(company: &Company, row: &Sequence, shape: Shape, n: usize, seed: u64) {
    let tag = format!("{}s{n}", if shape == Shape::Old { "old" } else { "new" });
    prepare(company, &tag, row).await;
    let events = (row.events)(&Story { tag: tag.clone(), shape });
    let mut deliveries =
        [named(&tag, events.clone(), ""), named(&tag, events.clone(), ""), named(&tag, events, "again")].concat();
    let mut rng = StdRng::seed_from_u64(seed.wrapping_add(n as u64));
    deliveries.shuffle(&mut rng);
    let order: Vec<String> =
        deliveries.iter().map(|event| format!("{} {}", event["type"], event["data"]["object"]["id"])).collect();
    let came = outcome(company, &tag, &deliveries, || row.settles_early && rng.random_bool(0.2)).await;
    assert_eq!(came, row.sales, "{}, {shape:?}, PURSER_TEST_SEED={seed}, {order:#?}", row.name);
}

async fn all_end_as_the_table_says(rows: Vec<Sequence>) {
    let seed = std::env::var("PURSER_TEST_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(rand::random);
    eprintln!("PURSER_TEST_SEED={seed}");
    let company = Company::new().await;
    for (n, row) in rows.iter().enumerate() {
        for shape in [Shape::Old, Shape::New] {
            in_order(&company, row, shape, n).await;
            shuffled(&company, row, shape, n, seed).await;
        }
    }
    company.prove_books().await;
}

#[test]
fn the_table_has_at_least_forty_sequences_each_named_once() {
    let tables = [
        checkouts::table(),
        payments::table(),
        invoices::table(),
        subscriptions::table(),
        pricing::table(),
        refunds::table(),
        twins::table(),
    ];
    let names: std::collections::BTreeSet<&str> = tables.iter().flatten().map(|row| row.name).collect();
    assert_eq!(names.len(), tables.iter().map(Vec::len).sum::<usize>());
    assert!(names.len() >= 40, "{}", names.len());
}
