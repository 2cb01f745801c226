//! Whom a sale is credited to: each kind of evidence, their order, the reasons for nobody, and what the first sale means
//! for the payments after it.

use chrono::{DateTime, TimeDelta};
use purser::domain::actor::Actor;
use purser::domain::ids::{CampaignId, ClickId, SaleId};
use purser::pipeline::attribute::{ManualError, attribute_manually};
use serde_json::{Value, json};

use crate::harness::events::Purchase;
use crate::harness::{Company, Partner};

async fn evidence(company: &Company) -> Option<String> {
    company.text("select evidence_kind from conversions order by created_at desc, id desc limit 1").await
}

async fn reason(company: &Company) -> Option<String> {
    company.text("select unattributed_reason from sales").await
}

async fn click(company: &Company, partner: Partner, at: i64) -> String {
    let id = ClickId::new(DateTime::from_timestamp(at, 0).unwrap());
    company
        .run(format!(
            "insert into clicks (id, code, enrollment_id, at) values ('{}', 'ada', '{}', to_timestamp({at}))",
            id.0, partner.enrollment.0
        ))
        .await;
    id.to_string()
}

async fn lead(company: &Company, partner: Partner, email: &str, customer: Option<&str>, set_at: i64) {
    let by_hand = customer.is_some();
    let customer = customer.map_or("null".to_owned(), |customer| format!("'{customer}'"));
    company
        .run(format!(
            "insert into leads (id, affiliate_id, email, stripe_customer_id, customer_id_set_at, customer_by_hand, source, created_at,
                updated_at)
            values (gen_random_uuid(), '{}', '{email}', {customer}, to_timestamp({set_at}), {by_hand}, 'api', now(), now())",
            partner.affiliate.0
        ))
        .await;
}

/// A purchase by a stranger, changed by `with`, credits Ada for the given evidence.
async fn credits(with: impl AsyncFnOnce(&Company, Partner, Purchase) -> Purchase, kind: &str) {
    let company = Company::new().await;
    let ada = company.partner("ada").await;
    let purchase = with(&company, ada, Purchase::new(1)).await;
    company.take_in(&[purchase.session()]).await;
    assert_eq!(evidence(&company).await.as_deref(), Some(kind));
    assert_eq!(company.lines(ada).await.len(), 1);
    assert_eq!(reason(&company).await, None);
}

#[tokio::test]
async fn a_referral_code_in_the_reference_credits_its_affiliate() {
    credits(async |_, _, purchase| purchase.referred(" ADA "), "referral_code").await;
}

#[tokio::test]
async fn a_click_in_the_reference_credits_its_affiliate() {
    credits(
        async |company, ada, p| {
            let at = p.at;
            p.referred(&click(company, ada, at - 60).await)
        },
        "click",
    )
    .await;
}

#[tokio::test]
async fn a_click_in_the_metadata_credits_its_affiliate() {
    let with = async |company: &Company, ada, p: Purchase| {
        let metadata = json!({ "purser_click": click(company, ada, p.at - 60).await });
        Purchase { metadata, ..p }
    };
    credits(with, "click").await;
}

#[tokio::test]
async fn each_metadata_key_credits_its_affiliate() {
    for key in ["purser_code", "referral", "via", "affiliate"] {
        credits(async |_, _, p| Purchase { metadata: json!({ key: "Ada" }), ..p }, "metadata").await;
    }
}

#[tokio::test]
async fn a_promotion_code_credits_its_affiliate_in_every_shape() {
    for discount in [
        json!({ "promotion_code": { "id": "promo_1", "object": "promotion_code", "code": "ADA20" } }),
        json!({ "promotion_code": null, "coupon": { "id": "ADA20" } }),
        json!({ "promotion_code": null, "source": { "type": "coupon", "coupon": "ADA20" } }),
    ] {
        credits(async |_, _, p| Purchase { discounts: json!([discount]), ..p }, "promotion_code").await;
    }
    let known = async |company: &Company, _, p: Purchase| {
        company.run("update coupons set stripe_promotion_code = 'promo_9'".to_owned()).await;
        Purchase { discounts: json!([{ "promotion_code": "promo_9" }, "di_1"]), ..p }
    };
    credits(known, "promotion_code").await;
}

#[tokio::test]
async fn a_lead_credits_its_affiliate_by_customer_and_by_e_mail() {
    let by_customer = async |company: &Company, ada, p: Purchase| {
        lead(company, ada, "other@example.com", p.customer.as_deref(), p.at - 60).await;
        p
    };
    credits(by_customer, "lead_customer").await;
    let by_email = async |company: &Company, ada, p: Purchase| {
        lead(company, ada, "kim1@buyers.example.com", None, p.at).await;
        p
    };
    credits(by_email, "lead_email").await;
}

#[tokio::test]
async fn a_lead_known_by_e_mail_gets_the_customer_id_and_keeps_it() {
    let company = Company::new().await;
    let ada = company.partner("ada").await;
    lead(&company, ada, "kim1@buyers.example.com", None, 0).await;
    let first = Purchase::new(1);
    let renewal =
        Purchase { customer: first.customer.clone(), email: "new@buyers.example.com".into(), ..Purchase::new(2) };
    company.take_in(&[first.session(), renewal.renewal(1)]).await;
    assert_eq!(evidence(&company).await.as_deref(), Some("lead_customer"));
    assert_eq!(company.text("select stripe_customer_id from leads").await.as_deref(), Some("cus_1"));
    assert_eq!(company.count("leads").await, 1);
}

#[tokio::test]
async fn a_customer_id_set_later_counts_for_later_payments_only() {
    let company = Company::new().await;
    let ada = company.partner("ada").await;
    let first = Purchase::new(1);
    lead(&company, ada, "other@example.com", Some("cus_1"), first.at + 60).await;
    company.take_in(&[first.session()]).await;
    assert_eq!(reason(&company).await.as_deref(), Some("email_mismatch"));
    let mut second = Purchase { at: first.at + 120, ..Purchase::new(2) };
    second.customer = Some("cus_1".into());
    company.take_in(&[second.session()]).await;
    assert_eq!(evidence(&company).await.as_deref(), Some("lead_customer"));
}

#[tokio::test]
async fn stronger_evidence_wins_and_what_may_not_earn_gives_way() {
    let company = Company::new().await;
    let (ada, ben) = (company.partner("ada").await, company.partner("ben").await);
    let both = |n| Purchase { discounts: json!([{ "coupon": { "id": "ben20" } }]), ..Purchase::new(n).referred("ada") };
    company.take_in(&[both(1).session()]).await;
    assert_eq!((company.lines(ada).await.len(), company.lines(ben).await.len()), (0, 1));
    company.run(format!("update affiliates set status = 'suspended' where id = '{}'", ben.affiliate.0)).await;
    company.take_in(&[both(2).session()]).await;
    assert_eq!((company.lines(ada).await.len(), company.lines(ben).await.len()), (1, 1));
}

#[tokio::test]
async fn nobody_is_credited_for_a_reason() {
    for (change, reference, expected) in [
        ("", None, "no_code"),
        ("", Some("nobody"), "unknown_code"),
        ("update campaigns set active = false", Some("ada"), "campaign_inactive"),
        ("update campaigns set starts_at = '2040-01-01'", Some("ada"), "outside_dates"),
        ("update campaigns set ends_at = '2020-01-01'", Some("ada"), "outside_dates"),
        ("update affiliates set status = 'suspended'", Some("ada"), "affiliate_inactive"),
        ("update enrollments set status = 'left'", Some("ada"), "left_program"),
        ("update enrollments set status = 'paused'", Some("ada"), "affiliate_inactive"),
    ] {
        let company = Company::new().await;
        let ada = company.partner("ada").await;
        company.run(change.to_owned()).await;
        let purchase = Purchase { reference: reference.map(str::to_owned), ..Purchase::new(1) };
        company.take_in(&[purchase.session()]).await;
        assert_eq!(reason(&company).await.as_deref(), Some(expected), "{change} {reference:?}");
        assert_eq!(company.lines(ada).await, []);
    }
}

#[tokio::test]
async fn a_click_counts_as_long_as_the_program_s_cookie() {
    for (days, expected) in [(60, None), (61, Some("click_expired"))] {
        let company = Company::new().await;
        let ada = company.partner("ada").await;
        let purchase = Purchase::new(1);
        let at = purchase.at - TimeDelta::days(days).num_seconds();
        company.take_in(&[purchase.referred(&click(&company, ada, at).await).session()]).await;
        assert_eq!(reason(&company).await.as_deref(), expected);
    }
}

#[tokio::test]
async fn nothing_collected_earns_nothing_but_the_buyer_is_remembered() {
    let company = Company::new().await;
    let ada = company.partner("ada").await;
    let trial = Purchase { paid: 0, tax: 0, ..Purchase::new(1) }.referred("ada");
    company.take_in(&[trial.subscribing(), trial.invoice("subscription_create")]).await;
    assert_eq!(reason(&company).await.as_deref(), Some("nothing_collected"));
    assert_eq!(company.lines(ada).await, []);

    let mut paid = Purchase { at: trial.at + 86_400 * 14, ..Purchase::new(2) };
    paid.customer = trial.customer;
    company.take_in(&[paid.renewal(1)]).await;
    assert_eq!(company.lines(ada).await.len(), 1);
    assert_eq!(company.text("select payment_number::text from conversions").await.as_deref(), Some("1"));
}

#[tokio::test]
async fn renewals_are_credited_by_customer_and_numbered_whatever_their_order() {
    let rule = json!({ "type": "percent", "rate": "20", "recurring": { "payments": 2 } });
    let company = Company::with(rule, &[]).await;
    let ada = company.partner("ada").await;
    let first = Purchase::new(1).referred("ada");
    let renewal = |n: u32| {
        let mut renewal = Purchase { at: first.at + i64::from(n) * 86_400 * 30, ..Purchase::new(n) };
        renewal.customer = first.customer.clone();
        renewal.renewal(1)
    };
    company.take_in(&first.subscription()).await;
    company.take_in(&[renewal(4), renewal(3), renewal(2)]).await;
    let numbers: Option<String> = company
        .text("select string_agg(payment_number::text, ' ' order by s.paid_at) from conversions c join sales s on s.id = c.sale_id")
        .await;
    assert_eq!(numbers.as_deref(), Some("1 2 3 4"));
    let open: Vec<i64> = company
        .lines(ada)
        .await
        .iter()
        .filter(|line| line.status != "cancelled")
        .map(|line| line.amount_minor)
        .collect();
    assert_eq!(open, [2_000, 2_000], "the first two payments earn");
    company.prove_books().await;
}

#[tokio::test]
async fn evidence_that_comes_later_moves_the_sale_to_its_affiliate() {
    let company = Company::new().await;
    let (ada, ben) = (company.partner("ada").await, company.partner("ben").await);
    lead(&company, ada, "kim1@buyers.example.com", None, 0).await;
    let purchase = Purchase::new(1).referred("ben");
    company.take_in(&[purchase.invoice("subscription_create")]).await;
    assert_eq!(company.lines(ada).await.len(), 1);
    company.take_in(&[purchase.subscribing()]).await;
    assert_eq!(company.lines(ada).await[0].status, "cancelled");
    assert_eq!(company.lines(ben).await.len(), 1);
    company.prove_books().await;
}

#[tokio::test]
async fn an_admin_credits_a_sale_once() {
    let company = Company::new().await;
    let (ada, ben) = (company.partner("ada").await, company.partner("ben").await);
    company.take_in(&[Purchase::new(1).session()]).await;
    let id = company.text("select id::text from sales").await.unwrap();
    let sale = SaleId(id.parse().unwrap());
    let now = company.engine.clock.now().await;
    let attribute = async |partner: Partner| {
        let mut tx = company.engine.pool.begin().await.unwrap();
        let outcome = attribute_manually(&mut tx, now, &Actor::System("test"), sale, partner.affiliate).await;
        tx.commit().await.unwrap();
        outcome
    };
    let first = attribute(ada).await.unwrap();
    assert_eq!(attribute(ada).await.unwrap(), first);
    assert!(matches!(attribute(ben).await, Err(ManualError::CreditedElsewhere)));
    assert_eq!(evidence(&company).await.as_deref(), Some("manual"));
    assert_eq!(company.lines(ada).await.len(), 1);
    let explanation = company.text("select explanation::text from commissions_ledger").await.unwrap();
    let explanation: Value = serde_json::from_str(&explanation).unwrap();
    assert_eq!((&explanation["basis"], &explanation["evidence"]["kind"]), (&json!(10_000), &json!("manual")));
}

#[tokio::test]
async fn a_campaign_that_was_made_after_the_payment_does_not_price_it() {
    let company = Company::new().await;
    let ada = company.partner("ada").await;
    let purchase = Purchase::new(1).referred("ada");
    let later = CampaignId::new(DateTime::from_timestamp(purchase.at + 86_400, 0).unwrap());
    company
        .run(format!(
            "insert into campaigns (id, program_id, name, created_at, updated_at) values ('{}', '{}', 'Later', now(), now())",
            later.0, company.program.0
        ))
        .await;
    company.add_rule_from(later, 1, "2027-06-01", json!({ "type": "percent", "rate": "50" })).await;
    company.take_in(&purchase.one_time()).await;
    assert_eq!(company.lines(ada).await[0].amount_minor, 2_000, "by the campaign that ran then");
}
