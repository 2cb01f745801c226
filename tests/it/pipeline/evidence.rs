//! Which evidence counts: the program's order and click rule, two programs, and that the same facts credit the same
//! affiliate in whatever order they come in.

use chrono::DateTime;
use purser::domain::ids::{ClickId, EnrollmentId, ProgramId};
use serde_json::{Value, json};

use crate::harness::events::Purchase;
use crate::harness::{Company, Partner};

/// Seconds of a day.
const DAY: i64 = 86_400;

async fn click(company: &Company, partner: Partner, at: i64) -> String {
    let id = ClickId::new(DateTime::from_timestamp(at, 0).unwrap());
    let enrollment = partner.enrollment.0;
    company
        .run(format!(
            "insert into clicks (id, code, enrollment_id, at) values ('{}', 'x', '{enrollment}', to_timestamp({at}))",
            id.0
        ))
        .await;
    id.to_string()
}

async fn lead(company: &Company, partner: Partner, email: &str) {
    company
        .run(format!(
            "insert into leads (id, affiliate_id, email, source, created_at, updated_at)
            values (gen_random_uuid(), '{}', '{email}', 'api', now(), now())",
            partner.affiliate.0
        ))
        .await;
}

async fn order(company: &Company, order: &[&str]) {
    let order = order.join(",");
    company.run(format!("update programs set attribution_order = string_to_array('{order}', ',')")).await;
}

/// Who is credited with each sale, in the order in which they were paid, with the evidence: `ada:click`, or the reason.
async fn credits(company: &Company) -> Vec<String> {
    let told = company
        .text(
            "select string_agg(coalesce(a.name || ':' || c.evidence_kind, s.unattributed_reason), ' ' order by s.paid_at, a.name)
            from sales s left join conversions c on c.sale_id = s.id left join enrollments e on e.id = c.enrollment_id
                left join affiliates a on a.id = e.affiliate_id
            where s.status = 'paid'",
        )
        .await;
    told.unwrap_or_default().split(' ').map(str::to_owned).collect()
}

#[tokio::test]
async fn the_program_s_order_decides_between_kinds_of_evidence() {
    for (sources, expected) in [
        (["promotion_code", "click", "code", "lead_customer", "lead_email"], "ada:promotion_code"),
        (["click", "promotion_code", "code", "lead_customer", "lead_email"], "ben:click"),
        (["code", "promotion_code", "click", "lead_customer", "lead_email"], "cyd:metadata"),
        (["lead_email", "promotion_code", "click", "code", "lead_customer"], "dan:lead_email"),
    ] {
        let company = Company::new().await;
        let mut partners = Vec::new();
        for name in ["ada", "ben", "cyd", "dan"] {
            partners.push(company.partner(name).await);
        }
        order(&company, &sources).await;
        lead(&company, partners[3], "kim1@buyers.example.com").await;
        let purchase = Purchase::new(1);
        let clicked = click(&company, partners[1], purchase.at - 60).await;
        let purchase = Purchase {
            metadata: json!({ "via": "cyd" }),
            discounts: json!([{ "coupon": { "id": "ADA20" } }]),
            ..purchase.referred(&clicked)
        };
        company.take_in(&[purchase.session()]).await;
        assert_eq!(credits(&company).await, [expected], "{sources:?}");
        let considered = company.text("select jsonb_array_length(considered)::text from conversions").await;
        assert_eq!(considered.as_deref(), Some("4"), "the weaker evidence is kept with the conversion");
        company.prove_books().await;
    }
}

#[tokio::test]
async fn of_several_clicks_the_first_or_the_last_inside_the_window_counts() {
    for (rule, expected) in [("first", "ben:click"), ("last", "cyd:click")] {
        let company = Company::new().await;
        let (ada, ben, cyd) =
            (company.partner("ada").await, company.partner("ben").await, company.partner("cyd").await);
        company.run(format!("update programs set click_rule = '{rule}'")).await;
        let purchase = Purchase::new(1);
        let too_old = click(&company, ada, purchase.at - 61 * DAY).await;
        let (early, late) =
            (click(&company, ben, purchase.at - 3 * DAY).await, click(&company, cyd, purchase.at - DAY).await);
        let metadata = json!({ "purser_click": late, "via": early, "referral": too_old });
        company.take_in(&[Purchase { metadata, ..purchase }.session()]).await;
        assert_eq!(credits(&company).await, [expected], "{rule}");
    }
}

/// The order of events that tell of one sale, and of two, makes no difference to who is credited.
#[tokio::test]
async fn the_same_evidence_in_any_order_credits_the_same_affiliate() {
    for (sources, expected) in [
        (["promotion_code", "click", "code", "lead_customer", "lead_email"], "ada:referral_code"),
        (["lead_email", "promotion_code", "click", "code", "lead_customer"], "ben:lead_email"),
    ] {
        for turn in 0..3 {
            let company = Company::new().await;
            let (_ada, ben) = (company.partner("ada").await, company.partner("ben").await);
            order(&company, &sources).await;
            lead(&company, ben, "kim1@buyers.example.com").await;
            let purchase = Purchase::new(1).referred("ada");
            let mut events = vec![purchase.subscribing(), purchase.invoice("subscription_create"), purchase.link()];
            events.rotate_left(turn);
            company.take_in(&events).await;
            assert_eq!(credits(&company).await, [expected], "{sources:?} {turn}");
            company.prove_books().await;
        }
    }
}

fn renewal(first: &Purchase, n: u32) -> Purchase {
    let mut renewal = Purchase { at: first.at + i64::from(n) * 30 * DAY, ..Purchase::new(n) };
    renewal.customer = first.customer.clone();
    renewal
}

fn permutations(events: &[Value]) -> Vec<Vec<Value>> {
    if events.len() < 2 {
        return vec![events.to_vec()];
    }
    let mut all = Vec::new();
    for at in 0..events.len() {
        let mut rest = events.to_vec();
        let first = rest.remove(at);
        all.extend(permutations(&rest).into_iter().map(|tail| [vec![first.clone()], tail].concat()));
    }
    all
}

#[tokio::test]
async fn a_buyer_s_later_sales_follow_from_earlier_ones_whichever_comes_in_first() {
    let first = Purchase::new(1).referred("ada");
    let second = renewal(&first, 2);
    // Another affiliate's code in between: what is paid after it is theirs.
    let third = renewal(&first, 3).referred("ben");
    let fourth = renewal(&first, 4);
    let told = [first.session(), second.renewal(1), third.session(), fourth.renewal(9)];
    for events in permutations(&told).into_iter().step_by(5) {
        let company = Company::new().await;
        company.partner("ada").await;
        company.partner("ben").await;
        company.take_in(&events).await;
        let expected = ["ada:referral_code", "ada:lead_customer", "ben:referral_code", "ben:lead_customer"];
        let came: Vec<&str> = events.iter().map(|event| event["data"]["object"]["id"].as_str().unwrap()).collect();
        assert_eq!(credits(&company).await, expected, "{came:?}");
        company.prove_books().await;
    }
}

/// A partner of the first program who is also in another, or a new one there.
async fn other_program(company: &Company, settings: &str) -> ProgramId {
    let now = DateTime::from_timestamp(1, 0).unwrap();
    let program = ProgramId::new(now);
    company
        .run(format!(
            "insert into programs (id, slug, name, currency, site_url, created_at, updated_at)
            values ('{0}', 'second', 'Second', 'usd', 'https://second.example.com', now(), now());
            insert into campaigns (id, program_id, name, created_at, updated_at) values ('{0}', '{0}', 'Other', now(), now());
            insert into rule_versions (id, campaign_id, version, rule, effective_from, created_at, created_by)
            values ('{0}', '{0}', 1, '{{\"type\": \"percent\", \"rate\": \"10\"}}', '2020-01-01', now(), 'test');
            update programs set {settings} where id = '{0}'",
            program.0
        ))
        .await;
    program
}

#[tokio::test]
async fn evidence_for_two_programs_is_told_apart_by_the_usual_order() {
    let company = Company::new().await;
    let (_ada, ben) = (company.partner("ada").await, company.partner("ben").await);
    // Ben's program trusts leads most, but that says nothing about the other program's codes.
    let second = other_program(
        &company,
        "attribution_order = array['lead_email', 'promotion_code', 'click', 'code', 'lead_customer']",
    )
    .await;
    company.run(format!("update enrollments set program_id = '{}' where id = '{}'", second.0, ben.enrollment.0)).await;
    lead(&company, ben, "kim1@buyers.example.com").await;
    company.take_in(&[Purchase::new(1).referred("ada").session()]).await;
    assert_eq!(credits(&company).await, ["ada:referral_code"]);
}

#[tokio::test]
async fn a_renewal_stays_with_the_campaign_that_won_the_customer() {
    let company = Company::new().await;
    let ada = company.partner("ada").await;
    let first = Purchase::new(1).referred("ada");
    company.take_in(&[first.session()]).await;
    let ended = first.at + DAY;
    company.run(format!("update campaigns set ends_at = to_timestamp({ended})")).await;
    company
        .take_in(&[
            renewal(&first, 2).renewal(1),
            Purchase { at: ended + DAY, ..Purchase::new(7).referred("ada") }.session(),
        ])
        .await;
    let told = credits(&company).await;
    assert!(told.contains(&"ada:lead_customer".to_owned()) && told.contains(&"outside_dates".to_owned()), "{told:?}");
    assert_eq!(company.lines(ada).await.len(), 2);
}

#[tokio::test]
async fn an_invoice_paid_outside_of_stripe_counts_if_the_program_says_so() {
    for (counts, expected) in [(true, "ada:metadata"), (false, "paid_out_of_band")] {
        let company = Company::new().await;
        company.partner("ada").await;
        company.run(format!("update programs set count_out_of_band = {counts}")).await;
        let mut event = Purchase { metadata: json!({ "via": "ada" }), ..Purchase::new(1) }
            .shape(crate::harness::events::Shape::Old)
            .invoice("manual");
        let object = &mut event["data"]["object"];
        object["paid_out_of_band"] = json!(true);
        object["payment_intent"] = Value::Null;
        object["charge"] = Value::Null;
        company.take_in(&[event]).await;
        assert_eq!(credits(&company).await, [expected]);
    }
}

#[tokio::test]
async fn a_lead_that_is_almost_the_buyer_is_named_as_the_reason() {
    let company = Company::new().await;
    let ada = company.partner("ada").await;
    lead(&company, ada, "kim1+offers@buyers.example.com").await;
    company.take_in(&[Purchase::new(1).session()]).await;
    assert_eq!(credits(&company).await, ["email_mismatch"]);
    let named = company.text("select considered -> 0 ->> 'value' from sales").await;
    assert_eq!(named.as_deref(), Some("kim1+offers@buyers.example.com"));
}

#[tokio::test]
async fn what_a_person_entered_stays_the_affiliate_s_whatever_is_bought_later() {
    let company = Company::new().await;
    let (ada, _ben) = (company.partner("ada").await, company.partner("ben").await);
    lead(&company, ada, "kim1@buyers.example.com").await;
    company.take_in(&[Purchase::new(1).referred("ben").session()]).await;
    assert_eq!(credits(&company).await, ["ben:referral_code"]);
    let owner = company.text("select affiliate_id::text from leads where source = 'api'").await;
    assert_eq!(owner, Some(ada.affiliate.0.to_string()));
    let enrollment = EnrollmentId(ada.enrollment.0);
    assert_eq!(company.count(&format!("conversions where enrollment_id = '{}'", enrollment.0)).await, 0);
}
