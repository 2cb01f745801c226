//! Gaps that webhooks left, found in the sandbox's list of events.

use chrono::TimeDelta;
use purser::pipeline::backfill::{self, Backfilled, backfill};
use purser::sandbox::{Options, Sandbox};
use serde_json::json;

use crate::harness::Company;

#[tokio::test]
async fn a_purchase_whose_webhooks_never_arrived_is_taken_in_once() {
    // No endpoint is configured: nothing is ever delivered.
    let sandbox = Sandbox::start(Options::default(), ([127, 0, 0, 1], 0).into()).await.unwrap();
    let environment =
        [("STRIPE_API_BASE", sandbox.url()), ("STRIPE_SECRET_KEY", purser::sandbox::SECRET_KEY.to_owned())];
    let company = Company::with(json!({ "type": "percent", "rate": "20" }), &environment).await;
    let ada = company.partner("ada").await;
    let purchase = json!({ "email": "buyer@example.com", "amount": 10_000, "currency": "usd", "referral": "ada", "mode": "payment" });
    let bought =
        company.http.post(format!("{}/sandbox/purchases", sandbox.url())).json(&purchase).send().await.unwrap();
    assert_eq!(bought.status(), 200);

    let now = company.engine.clock.now().await;
    let first = backfill(&company.engine, now, now - TimeDelta::days(1)).await.unwrap();
    assert!(first.new > 0 && first.new == first.seen, "{first:?}");
    company.drain().await;
    assert_eq!(company.count("sales").await, 1);
    assert_eq!(company.lines(ada).await.len(), 1);

    let again = backfill(&company.engine, now, now - TimeDelta::days(1)).await.unwrap();
    assert_eq!(again, Backfilled { seen: first.seen, new: 0 });
    sandbox.stop().await.unwrap();
}

#[tokio::test]
async fn without_a_key_there_is_nothing_to_ask() {
    let company = Company::new().await;
    let now = company.engine.clock.now().await;
    let refused = backfill(&company.engine, now, now).await.unwrap_err();
    assert!(matches!(refused, backfill::Error::NotConnected), "{refused}");
}
