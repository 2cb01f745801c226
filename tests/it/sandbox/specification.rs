//! The sandbox against Stripe's published shapes and parameters. The project carries no copy of them: without the
//! folder these tests say that they skip.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::support::Stand;

/// A file of the specification, from `PURSER_STRIPE_SPEC` or the folder beside the checkout.
fn specification(file: &str) -> Option<Value> {
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/stripe");
    let folder = std::env::var_os("PURSER_STRIPE_SPEC").map_or(beside, PathBuf::from);
    match std::fs::read(folder.join(file)) {
        Ok(text) => Some(serde_json::from_slice(&text).unwrap()),
        Err(_) => {
            println!("skipped: {file} of Stripe's specification is not there");
            None
        }
    }
}

fn keys(object: &Value) -> BTreeSet<&str> {
    object.as_object().unwrap().keys().map(String::as_str).collect()
}

/// Fields that Stripe shows only when asked to or in some conditions, by object.
const SOMETIMES: &[(&str, &[&str])] = &[
    ("account", &["groups", "company", "individual", "future_requirements"]),
    ("charge", &["refunds", "source", "transfer_data", "fraud_details"]),
    ("checkout.session", &["integration_identifier", "managed_payments", "after_expiration"]),
    ("customer", &["discount", "sources", "subscriptions", "tax_ids"]),
    ("dispute", &["enhanced_eligibility_types"]),
    ("event", &["account", "context"]),
    ("invoice", &["subscription", "payments"]),
    ("line_item", &["subscription"]),
    ("payment_intent", &["managed_payments", "client_secret"]),
    ("refund", &["customer", "customer_account", "payment_method", "failure_reason"]),
    ("subscription", &["managed_payments", "billing_schedules", "discount"]),
    ("subscription_item", &["plan"]),
];

/// Holds an answer against the fixture of its kind.
fn compare(fixtures: &Value, kind: &str, answer: &Value, wrong: &mut Vec<String>) {
    assert!(answer.is_object(), "{kind}: {answer}");
    let fixture = &fixtures["resources"][kind];
    let sometimes: BTreeSet<&str> =
        SOMETIMES.iter().filter(|(name, _)| *name == kind).flat_map(|(_, fields)| fields.iter().copied()).collect();
    for extra in keys(answer).difference(&keys(fixture)).filter(|name| !sometimes.contains(*name)) {
        wrong.push(format!("{kind} has {extra}, which Stripe's has not"));
    }
    for missing in keys(fixture).difference(&keys(answer)).filter(|name| !sometimes.contains(*name)) {
        wrong.push(format!("{kind} lacks {missing}"));
    }
}

/// One object of every kind, made through the sandbox's doors.
async fn one_of_each(stand: &Stand) -> Vec<(&'static str, Value)> {
    let account = stand.active_account().await;
    let link =
        format!("account={account}&type=account_onboarding&return_url=http://a.test/&refresh_url=http://a.test/r");
    let transfer = stand.post("/v1/transfers", &format!("amount=100&currency=usd&destination={account}")).await.id();
    let coupon = stand.post("/v1/coupons", "percent_off=10&duration=forever").await.body;
    let code = format!("promotion[type]=coupon&promotion[coupon]={}&code=TEN", coupon["id"].as_str().unwrap());
    let promotion_code = stand.post("/v1/promotion_codes", &code).await.body;
    let order = json!({
        "email": "kim@example.com", "amount": 1000, "currency": "usd", "mode": "subscription", "tax": 100,
        "promotion_code": "TEN"
    });
    let sale = stand.control("/sandbox/purchases", order).await;
    let refund = stand.post("/v1/refunds", &format!("charge={}&amount=1", sale["charge"].as_str().unwrap())).await.body;
    stand.control("/sandbox/disputes", json!({ "charge": sale["charge"] })).await;
    let mut objects = vec![
        ("account_link", stand.post("/v1/account_links", &link).await.body),
        ("login_link", stand.post(&format!("/v1/accounts/{account}/login_links"), "").await.body),
        ("transfer_reversal", stand.post(&format!("/v1/transfers/{transfer}/reversals"), "amount=1").await.body),
        ("balance", stand.get("/v1/balance").await.body),
        ("coupon", coupon),
        ("promotion_code", promotion_code),
        ("refund", refund),
        ("event", stand.get("/v1/events").await.body["data"][0].clone()),
        ("invoice_payment", stand.get("/v1/invoice_payments").await.body["data"][0].clone()),
        ("dispute", stand.get("/v1/disputes").await.body["data"][0].clone()),
        ("setup_intent", stand.post("/v1/setup_intents", "").await.body),
        ("product", stand.get("/v1/products").await.body["data"][0].clone()),
        ("price", stand.get("/v1/prices").await.body["data"][0].clone()),
        ("account", stand.get(&format!("/v1/accounts/{account}")).await.body),
        ("transfer", stand.get(&format!("/v1/transfers/{transfer}")).await.body),
    ];
    for (kind, path) in [
        ("customer", "customers"),
        ("subscription", "subscriptions"),
        ("invoice", "invoices"),
        ("payment_intent", "payment_intents"),
        ("charge", "charges"),
        ("checkout.session", "checkout/sessions"),
    ] {
        objects.push((kind, stand.get(&format!("/v1/{path}")).await.body["data"][0].clone()));
    }
    objects
}

#[tokio::test]
async fn answers_have_the_fields_of_stripes_objects() {
    let Some(fixtures) = specification("fixtures3.json") else { return };
    let stand = Stand::new().await;
    let mut wrong = Vec::new();
    for (kind, answer) in one_of_each(&stand).await {
        compare(&fixtures, kind, &answer, &mut wrong);
        if kind == "invoice" {
            compare(&fixtures, "line_item", &answer["lines"]["data"][0], &mut wrong);
        }
        if kind == "subscription" {
            compare(&fixtures, "subscription_item", &answer["items"]["data"][0], &mut wrong);
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn every_parameter_taken_is_one_of_stripes() {
    let Some(operations) = specification("operations.json") else { return };
    let plain = |path: &str| {
        let part = |part: &str| if part.starts_with('{') { "{}".to_owned() } else { part.to_owned() };
        path.split('/').map(part).collect::<Vec<_>>().join("/")
    };
    let mut wrong = Vec::new();
    for (method, path, name) in purser::sandbox::accepted_parameters() {
        let known: Vec<&Value> = operations
            .as_array()
            .unwrap()
            .iter()
            .filter(|operation| operation["method"] == method && plain(operation["path"].as_str().unwrap()) == path)
            .collect();
        // The file leaves out maps, lists of objects, objects in queries and what every call takes.
        let left_out = ["expand", "metadata"].iter().any(|word| name.ends_with(word))
            || name.contains("[]")
            || (method == "GET" && name.contains('.'));
        if !known.is_empty() && !left_out && !known.iter().any(|operation| !operation["params"][name].is_null()) {
            wrong.push(format!("{method} {path}: {name}"));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}
