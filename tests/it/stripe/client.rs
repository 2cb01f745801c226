//! The client over the wire against the sandbox, which refuses every parameter that Stripe doesn't know: each call, and
//! what each way of going wrong says about the money.

use std::path::PathBuf;
use std::time::Duration;

use chrono::{TimeDelta, Utc};
use purser::config::{Secret, StripeConfig};
use purser::domain::ids::{AffiliateId, BatchId, PaymentMethodId, PayoutItemId};
use purser::domain::money::Money;
use purser::sandbox::{Options, Running, SECRET_KEY, Sandbox};
use purser::stripe::Client;
use purser::stripe::client::{AccountOrder, CallError, NotExecuted, TransferOrder};
use serde_json::{Value, json};

struct Stripe {
    sandbox: Running,
    client: Client,
    http: reqwest::Client,
}

impl Stripe {
    async fn new() -> Self {
        let sandbox = Sandbox::start(Options::default(), ([127, 0, 0, 1], 0).into()).await.unwrap();
        let client = client_of(&sandbox.url(), SECRET_KEY);
        Self { sandbox, client, http: reqwest::Client::builder().no_proxy().build().unwrap() }
    }

    async fn control(&self, path: &str, body: Value) {
        let url = format!("{}/sandbox/{path}", self.sandbox.url());
        assert_eq!(self.http.post(url).json(&body).send().await.unwrap().status(), 200, "{path}");
    }

    async fn log(&self) -> Vec<Value> {
        let url = format!("{}/sandbox/log", self.sandbox.url());
        let log: Value = self.http.get(url).send().await.unwrap().json().await.unwrap();
        log["data"].as_array().unwrap().clone()
    }

    async fn account(&self, state: &str) -> String {
        let account = self.client.create_account(&account_order(), &format!("account:{}", fresh())).await.unwrap();
        self.control(&format!("accounts/{}", account.id), json!({ "state": state })).await;
        account.id
    }
}

fn client_of(base: &str, key: &str) -> Client {
    let config = StripeConfig {
        secret_key: Some(Secret::new(key)),
        api_base: Some(base.to_owned()),
        webhook_secrets: Vec::new(),
        timeout: Duration::from_millis(300),
        transfers_per_second: 1000,
        absent_after: TimeDelta::zero(),
    };
    Client::of(&config).unwrap()
}

fn fresh() -> PayoutItemId {
    PayoutItemId::new(Utc::now())
}

fn account_order() -> AccountOrder {
    let now = Utc::now();
    AccountOrder {
        email: "ada@partners.example.org".to_owned(),
        affiliate_id: AffiliateId::new(now),
        payment_method_id: PaymentMethodId::new(now),
    }
}

fn transfer_order(destination: &str) -> TransferOrder {
    let now = Utc::now();
    TransferOrder {
        amount: Money::new(4_000, "usd".parse().unwrap()),
        destination: destination.to_owned(),
        item_id: PayoutItemId::new(now),
        batch_id: BatchId::new(now),
        affiliate_id: AffiliateId::new(now),
    }
}

#[tokio::test]
async fn every_call_is_taken_and_its_answer_read() {
    let stripe = Stripe::new().await;
    let order = account_order();
    let account = stripe.client.create_account(&order, "account:1").await.unwrap();
    assert!(!account.takes_transfers());
    let again = stripe.client.create_account(&order, "account:1").await.unwrap();
    assert_eq!(again.id, account.id, "one key makes one account");
    let link = stripe.client.onboarding_link(&account.id, "https://a.example.com/r", "https://a.example.com/b").await;
    assert!(link.unwrap().starts_with("http"));
    stripe.control(&format!("accounts/{}", account.id), json!({ "state": "active" })).await;
    assert!(stripe.client.account(&account.id).await.unwrap().takes_transfers());
    assert!(stripe.client.login_link(&account.id).await.unwrap().starts_with("http"));

    let order = transfer_order(&account.id);
    let transfer = stripe.client.create_transfer(&order, "transfer:1").await.unwrap();
    assert_eq!((transfer.amount, transfer.item()), (4_000, Some(order.item_id)));
    assert_eq!(stripe.client.transfer(&transfer.id).await.unwrap(), transfer);
    let listed = stripe.client.transfers_of_group(&order.batch_id.to_string(), &account.id).await.unwrap();
    assert_eq!(listed, [transfer]);
    let available = stripe.client.available_balance().await.unwrap();
    assert!(available.iter().any(|part| part.currency.as_str() == "usd" && part.amount_minor > 0));
    let events = stripe.client.events_since(Utc::now() - TimeDelta::hours(1), None).await.unwrap();
    assert!(events.data.iter().any(|event| event["type"] == "transfer.created"), "{events:?}");
    let missing = stripe.client.promotion_code("promo_none").await;
    assert!(matches!(missing, Err(CallError::Definite { .. })), "{missing:?}");
}

#[tokio::test]
async fn a_long_list_of_transfers_is_read_to_its_last_page() {
    let stripe = Stripe::new().await;
    let account = stripe.account("active").await;
    let first = transfer_order(&account);
    for n in 0..103 {
        let order = TransferOrder { item_id: fresh(), ..first.clone() };
        stripe.client.create_transfer(&order, &format!("transfer:{n}")).await.unwrap();
    }
    let listed = stripe.client.transfers_of_group(&first.batch_id.to_string(), &account).await.unwrap();
    assert_eq!(listed.len(), 103);
    let items: std::collections::BTreeSet<_> = listed.iter().map(|transfer| transfer.item()).collect();
    assert_eq!(items.len(), 103, "each once");
}

/// Whether the error means what it should.
type Meaning = fn(&CallError) -> bool;

#[tokio::test]
async fn each_fault_says_what_it_says_about_the_money() {
    let stripe = Stripe::new().await;
    let account = stripe.account("active").await;
    let cases: &[(&str, Meaning)] = &[
        ("timeout_before", |e| matches!(e, CallError::Unknown { http_status: None, .. })),
        ("timeout_after", |e| matches!(e, CallError::Unknown { http_status: None, .. })),
        ("reset_after", |e| matches!(e, CallError::Unknown { .. })),
        ("html_502", |e| matches!(e, CallError::Unknown { .. })),
        ("garbled_200", |e| matches!(e, CallError::Unknown { .. })),
        ("500", |e| matches!(e, CallError::Unknown { http_status: Some(500), .. })),
        ("500_after", |e| matches!(e, CallError::Unknown { http_status: Some(500), .. })),
        ("429", |e| matches!(e, CallError::NotExecuted { why: NotExecuted::RateLimited, .. })),
        ("409", |e| matches!(e, CallError::NotExecuted { why: NotExecuted::KeyInUse, .. })),
        ("balance_insufficient", |e| matches!(e, CallError::BalanceInsufficient { .. })),
        ("account_disabled", |e| matches!(e, CallError::Definite { code, .. } if code == "transfers_not_allowed")),
    ];
    for (fault, is_right) in cases {
        let orders = json!([{ "match": { "method": "POST", "path": "/v1/transfers" }, "times": 1, "fault": fault }]);
        stripe.control("faults", orders).await;
        let error = stripe.client.create_transfer(&transfer_order(&account), fault).await.unwrap_err();
        assert!(is_right(&error), "{fault}: {error:?}");
    }
    let calls = stripe.log().await.iter().filter(|call| call["path"] == "/v1/transfers").count();
    assert_eq!(calls, cases.len(), "a transfer is never repeated by the client itself");
}

#[tokio::test]
async fn an_account_that_can_not_be_paid_and_a_reused_key_are_told_apart() {
    let stripe = Stripe::new().await;
    let pending = stripe.account("pending").await;
    let refused = stripe.client.create_transfer(&transfer_order(&pending), "a").await.unwrap_err();
    assert_eq!(refused.code(), "insufficient_capabilities_for_transfer");
    let missing = stripe.client.create_transfer(&transfer_order("acct_none"), "b").await.unwrap_err();
    assert!(matches!(missing, CallError::Definite { .. }), "{missing:?}");
    let active = stripe.account("active").await;
    stripe.client.create_transfer(&transfer_order(&active), "c").await.unwrap();
    let reused = stripe.client.create_transfer(&transfer_order(&active), "c").await.unwrap_err();
    assert!(matches!(reused, CallError::IdempotencyMismatch { .. }), "{reused:?}");
}

#[tokio::test]
async fn nobody_there_is_not_executed_and_a_wrong_secret_key_is_not_shown() {
    let nobody = client_of("http://127.0.0.1:9", SECRET_KEY);
    let error = nobody.create_transfer(&transfer_order("acct_1"), "a").await.unwrap_err();
    assert!(matches!(error, CallError::NotExecuted { why: NotExecuted::Unreachable, .. }), "{error:?}");
    let stripe = Stripe::new().await;
    let stranger = client_of(&stripe.sandbox.url(), "sk_test_stranger");
    let error = stranger.create_transfer(&transfer_order("acct_1"), "a").await.unwrap_err();
    assert!(matches!(error, CallError::Unauthorized { .. }), "{error:?}");
    assert!(!format!("{error:?} {stranger:?}").contains("sk_test_stranger"));
}

#[tokio::test]
async fn a_read_is_repeated_while_its_outcome_is_unknown() {
    let stripe = Stripe::new().await;
    let orders = json!([{ "match": { "path": "/v1/balance" }, "times": 2, "fault": "html_502" }]);
    stripe.control("faults", orders).await;
    assert!(stripe.client.available_balance().await.is_ok());
}

/// Stripe's published operations, from `PURSER_STRIPE_SPEC` or the folder beside the checkout.
fn operations() -> Option<Value> {
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/stripe");
    let folder = std::env::var_os("PURSER_STRIPE_SPEC").map_or(beside, PathBuf::from);
    let text = std::fs::read(folder.join("operations.json")).ok()?;
    Some(serde_json::from_slice(&text).unwrap())
}

/// `{"a": {"b": 1}}` as the specification names it: `a.b`. Maps are left out there.
fn names(params: &Value, prefix: &str, out: &mut Vec<String>) {
    match params.as_object() {
        _ if prefix.starts_with("metadata") => {}
        Some(object) => {
            for (name, value) in object {
                let full = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
                names(value, &full, out);
            }
        }
        None => out.push(prefix.to_owned()),
    }
}

#[tokio::test]
async fn what_the_client_sends_is_what_stripe_publishes() {
    let Some(operations) = operations() else {
        println!("skipped: Stripe's specification is not there");
        return;
    };
    let stripe = Stripe::new().await;
    let account = stripe.account("active").await;
    stripe.client.onboarding_link(&account, "https://a.example.com/r", "https://a.example.com/b").await.unwrap();
    let order = transfer_order(&account);
    stripe.client.create_transfer(&order, "transfer:1").await.unwrap();
    stripe.client.transfers_of_group(&order.batch_id.to_string(), &account).await.unwrap();
    for path in ["/v1/accounts", "/v1/account_links", "/v1/transfers"] {
        for call in stripe.log().await.iter().filter(|call| call["path"] == path) {
            let published = operations
                .as_array()
                .unwrap()
                .iter()
                .find(|operation| operation["path"] == path && operation["method"] == call["method"])
                .unwrap();
            let mut sent = Vec::new();
            names(&call["params"], "", &mut sent);
            for name in sent {
                assert!(published["params"][&name].is_object(), "{path}: {name}");
            }
        }
    }
}
