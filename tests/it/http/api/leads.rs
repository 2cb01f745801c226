//! Leads over the API: a customer id for future payments, past ones looked at and credited, many leads at once.

use futures::future::join_all;
use purser::desk::leads::imports;
use purser::domain::actor::Scope;
use purser::domain::program::RowStatus;
use serde_json::{Value, json};

use crate::harness::events::Purchase;
use crate::harness::{ADMIN, Company};

const MONTH: i64 = 30 * 86_400;

/// Two payments of one customer that nobody is credited with.
async fn two_payments(company: &Company) -> String {
    let first = Purchase::new(1);
    let mut second = Purchase { at: first.at + MONTH, ..Purchase::new(2) };
    second.customer = first.customer.clone();
    company.take_in(&[first.session(), second.renewal(9)]).await;
    first.customer.unwrap()
}

#[tokio::test]
async fn a_customer_id_counts_for_future_payments_and_for_past_ones_when_that_is_asked_for() {
    let company = Company::new().await;
    let (ada, key) = (company.partner("ada").await, company.api(Scope::Write).await);
    let customer = two_payments(&company).await;
    let made = key.post("/leads", json!({ "email": "kim@elsewhere.example.com", "affiliate": "ADA" })).await.ok();
    assert_eq!(made["affiliate"], json!(ada.affiliate), "an affiliate is named by a code too");
    let path = format!("/leads/{}", made["id"].as_str().unwrap());
    let body = json!({ "stripe_customer_id": customer });

    let shown = key.patch(&format!("{path}?retroactive=preview"), body.clone()).await.ok();
    let past = &shown["retroactive"];
    assert_eq!((&past["applied"], &past["credited"], &past["kept"]), (&json!(false), &json!(2), &json!(0)));
    assert_eq!(past["commissions"], json!([{ "amount": 4_000, "currency": "usd" }]));
    assert_eq!((&past["sales"][0]["outcome"], &past["sales"][0]["commission"]), (&json!("credited"), &json!(2_000)));
    assert_eq!(company.lines(ada).await, [], "a preview changes nothing");
    assert_eq!(key.get("/leads").await.ok()["data"][0]["stripe_customer_id"], Value::Null);

    let set = key.patch(&path, body.clone()).await.ok();
    assert_eq!((&set["stripe_customer_id"], set.get("retroactive")), (&json!(customer), None));
    assert_eq!(company.lines(ada).await, [], "set by hand it counts for future payments only");

    let applied = key.patch(&format!("{path}?retroactive=apply"), json!({})).await.ok();
    assert_eq!(applied["retroactive"]["applied"], json!(true));
    assert_eq!(applied["retroactive"]["sales"], past["sales"], "it does what the preview said");
    assert_eq!(company.lines(ada).await.len(), 2);
    let again = key.patch(&format!("{path}?retroactive=apply"), json!({})).await.ok();
    assert_eq!((&again["retroactive"]["credited"], &again["retroactive"]["kept"]), (&json!(0), &json!(2)));
    key.patch(&format!("{path}?retroactive=perhaps"), json!({})).await.refused(
        422,
        "invalid_param",
        Some("retroactive"),
    );
    company.prove_books().await;
}

#[tokio::test]
async fn what_is_credited_already_stays_with_whom_it_is() {
    let company = Company::new().await;
    let (ada, ben) = (company.partner("ada").await, company.partner("ben").await);
    let key = company.api(Scope::Write).await;
    company.take_in(&[Purchase { at: 1_700_000_000, ..Purchase::new(1).referred("ben") }.session()]).await;
    let made =
        key.post("/leads", json!({ "email": "kim@elsewhere.example.com", "affiliate": ada.affiliate })).await.ok();
    let path = format!("/leads/{}?retroactive=apply", made["id"].as_str().unwrap());
    let applied = key.patch(&path, json!({ "stripe_customer_id": "cus_1" })).await.ok();
    let sale = &applied["retroactive"]["sales"][0];
    assert_eq!((&sale["outcome"], &sale["affiliate"]), (&json!("kept"), &json!(ben.affiliate)));
    assert!(sale["message"].as_str().unwrap().contains("stays"));
    assert_eq!((company.lines(ada).await.len(), company.lines(ben).await.len()), (0, 1));

    // From now on the customer is whose the person said.
    let mut later = Purchase { at: 2_000_000_000, ..Purchase::new(2) };
    later.customer = Some("cus_1".into());
    company.take_in(&[later.renewal(9)]).await;
    assert_eq!((company.lines(ada).await.len(), company.lines(ben).await.len()), (1, 1));
    let nothing = key.post("/leads", json!({ "email": "lee@example.com", "affiliate": "ada" })).await.ok();
    let path = format!("/leads/{}?retroactive=preview", nothing["id"].as_str().unwrap());
    key.patch(&path, json!({})).await.refused(422, "invalid_param", Some("stripe_customer_id"));
}

#[tokio::test]
async fn each_of_many_leads_has_its_outcome() {
    let company = Company::new().await;
    let (ada, key) = (company.partner("ada").await, company.api(Scope::Write).await);
    key.post("/leads", json!({ "email": "kim@example.com", "affiliate": "ada" })).await.ok();
    let rows = json!([
        { "email": "Kim@Example.com", "stripe_customer_id": "cus_9", "affiliate": "ada@partners.example.org" },
        { "email": "lee@example.com", "affiliate": ada.affiliate },
        { "email": "not an address", "affiliate": "ada" },
        { "email": "mo@example.com", "affiliate": "nobody" },
        { "email": "no@example.com", "affiliate": "ada", "colour": "green" },
        { "affiliate": "ada" },
    ]);
    let told = key.post("/leads/bulk", json!({ "leads": rows })).await.ok();
    let statuses: Vec<&str> =
        told["data"].as_array().unwrap().iter().map(|row| row["status"].as_str().unwrap()).collect();
    assert_eq!(statuses, ["updated", "created", "failed", "failed", "failed", "failed"]);
    assert_eq!((&told["created"], &told["updated"], &told["failed"]), (&json!(1), &json!(1), &json!(4)));
    let params: Vec<&Value> = told["data"].as_array().unwrap().iter().map(|row| &row["error"]["param"]).collect();
    assert_eq!(params[2..], [&json!("email"), &json!("affiliate"), &json!("colour"), &json!("email")]);
    assert_eq!((&told["data"][0]["row"], &told["data"][0]["lead"]["stripe_customer_id"]), (&json!(1), &json!("cus_9")));
    assert_eq!(company.count("leads").await, 2);

    let bare = key.post("/leads/bulk", json!([{ "email": "po@example.com", "affiliate": "ada" }])).await.ok();
    assert_eq!(bare["created"], json!(1), "a list alone is understood too");
}

#[tokio::test]
async fn all_or_nothing_enters_nothing_when_a_row_is_wrong() {
    let company = Company::new().await;
    company.partner("ada").await;
    let key = company.api(Scope::Write).await;
    let rows = json!([{ "email": "lee@example.com", "affiliate": "ada" }, { "email": "mo@example.com", "affiliate": "nobody" }]);
    let refused = key.post("/leads/bulk?atomic=true", json!({ "leads": rows })).await;
    refused.refused(422, "invalid_rows", Some("leads[1]"));
    assert_eq!((&refused.json["data"][0]["row"], &refused.json["failed"]), (&json!(2), &json!(1)));
    assert_eq!(company.count("leads").await, 0);
    let good = key.post("/leads/bulk?atomic=true", json!({ "leads": [rows[0]] })).await.ok();
    assert_eq!((&good["created"], &good["failed"]), (&json!(1), &json!(0)));
}

#[tokio::test]
async fn a_bulk_that_is_no_list_or_too_long_is_refused() {
    let company = Company::new().await;
    let key = company.api(Scope::Write).await;
    for body in [json!({}), json!({ "leads": "kim" }), json!({ "leads": [] }), json!([])] {
        key.post("/leads/bulk", body).await.refused(422, "invalid_param", Some("leads"));
    }
    key.post("/leads/bulk", json!({ "leads": [], "more": 1 })).await.refused(422, "invalid_param", Some("more"));
    let many: Vec<Value> =
        (0..1001).map(|n| json!({ "email": format!("b{n}@example.com"), "affiliate": "ada" })).collect();
    key.post("/leads/bulk", json!(many)).await.refused(422, "invalid_param", Some("leads"));
    let reader = company.api(Scope::Read).await;
    reader.post("/leads/bulk", json!([])).await.refused(403, "forbidden", None);
}

#[tokio::test]
async fn an_e_mail_that_is_another_affiliate_s_lead_is_refused_wherever_it_is_entered() {
    let company = Company::new().await;
    company.partner("ada").await;
    company.partner("ben").await;
    let key = company.api(Scope::Write).await;
    key.post("/leads", json!({ "email": "kim@example.com", "affiliate": "ada" })).await.ok();
    let bens = key.post("/leads", json!({ "email": "lee@example.com", "affiliate": "ben" })).await.ok();
    let bens = format!("/leads/{}", bens["id"].as_str().unwrap());

    let refused = key.post("/leads", json!({ "email": "Kim@Example.com", "affiliate": "ben" })).await;
    refused.refused(409, "email_taken", None);
    assert!(!refused.json.to_string().contains("ada"), "whose it is stays unsaid: {}", refused.json);
    key.patch(&bens, json!({ "email": "kim@example.com" })).await.refused(409, "email_taken", None);
    key.patch(&bens, json!({ "email": "lee@example.com", "stripe_customer_id": "cus_7" })).await.ok();

    let rows =
        json!([{ "email": "kim@example.com", "affiliate": "ben" }, { "email": "mo@example.com", "affiliate": "ben" }]);
    let told = key.post("/leads/bulk", json!({ "leads": rows })).await.ok();
    assert_eq!((&told["created"], &told["failed"]), (&json!(1), &json!(1)));
    let message = told["data"][0]["error"]["message"].as_str().unwrap();
    assert!(message.contains("another affiliate's lead"), "{message}");

    let (now, file) = (company.engine.clock.now().await, "email,affiliate\nkim@example.com,ben\nkim@example.com,ada\n");
    let id = imports::upload(&company.engine, &ADMIN, now, file).await.unwrap();
    let preview = imports::get(&company.engine, &ADMIN, now, id).await.unwrap().outcome;
    let statuses: Vec<RowStatus> = preview.rows.iter().map(|row| row.status).collect();
    assert_eq!(statuses, [RowStatus::Failed, RowStatus::Updated]);
    assert!(preview.rows[0].message.as_ref().unwrap().contains("another affiliate's lead"));
    assert_eq!(company.count("leads where email = 'kim@example.com'").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_people_entered_for_two_affiliates_at_once_become_one_lead_each() {
    let company = Company::new().await;
    company.partner("ada").await;
    company.partner("ben").await;
    let key = company.api(Scope::Write).await;
    let rows = |affiliate: &str, backwards: bool| {
        let mut people: Vec<Value> = (0..40)
            .map(|n| {
                json!({ "email": format!("p{n}@example.com"), "stripe_customer_id": format!("cus_P{n}"),
                    "affiliate": affiliate })
            })
            .collect();
        if backwards {
            people.reverse();
        }
        json!({ "leads": people })
    };
    let bodies: Vec<Value> = (0..6).map(|n| rows(if n % 2 == 0 { "ada" } else { "ben" }, n % 3 == 0)).collect();
    let told = join_all(bodies.into_iter().map(|body| key.post("/leads/bulk", body))).await;
    let created: i64 = told.into_iter().map(|answer| answer.ok()["created"].as_i64().unwrap()).sum();
    assert_eq!(created, 40);
    assert_eq!((company.count("leads").await, company.count("leads where email is not null").await), (40, 40));
}
