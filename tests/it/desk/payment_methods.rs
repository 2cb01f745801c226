//! Connecting a Stripe account, and what Stripe still asks for.

use purser::desk::{Error, payment_methods, payouts};
use purser::domain::program::PaymentMethodStatus;
use purser::store::notifications;
use serde_json::json;

use crate::harness::{Partner, Payer, actor_of};

async fn told(payer: &Payer, partner: Partner) -> Vec<String> {
    let mut conn = payer.engine().pool.acquire().await.unwrap();
    let notes = notifications::list(&mut conn, partner.affiliate, None, 10).await.unwrap();
    notes.into_iter().map(|note| note.kind).collect()
}

async fn accounts_made(payer: &Payer) -> usize {
    let url = format!("{}/v1/accounts?limit=100", payer.sandbox.url());
    let request = payer.company.http.get(url).bearer_auth(purser::sandbox::SECRET_KEY);
    let list: serde_json::Value = request.send().await.unwrap().json().await.unwrap();
    list["data"].as_array().unwrap().len()
}

#[tokio::test]
async fn onboarding_goes_from_pending_to_verified_and_is_told() {
    let payer = Payer::deaf().await;
    let ada = payer.company.partner("ada").await;
    let account = payer.connect(ada).await;
    let (actor, now) = (actor_of(ada), payer.now().await);
    let methods = payment_methods::list(&actor, payer.engine(), now).await.unwrap();
    assert_eq!((methods.len(), methods[0].status), (1, PaymentMethodStatus::Pending));
    assert!(!methods[0].requirements.is_empty(), "{methods:?}");
    assert!(methods[0].requirements.iter().all(|needed| !needed.words.contains('.')), "{methods:?}");
    payer.set_account(&account, json!({ "state": "active" })).await;
    let method = payment_methods::refresh(&actor, payer.engine(), now, methods[0].id).await.unwrap();
    assert_eq!(method.status, PaymentMethodStatus::Verified);
    assert_eq!(told(&payer, ada).await, ["payment_method_verified"]);
    let link = payment_methods::login_link(&actor, payer.engine(), method.id).await.unwrap();
    assert!(link.starts_with("http"), "{link}");
}

#[tokio::test]
async fn the_event_of_an_account_changes_the_method_and_an_older_event_does_not() {
    let payer = Payer::new().await;
    let ada = payer.ready_partner("ada").await;
    let account = payer.connect(ada).await;
    payer.set_account(&account, json!({ "state": "restricted", "due": ["individual.verification.document"] })).await;
    payer.take_events().await;
    let actor = actor_of(ada);
    let method = payment_methods::list(&actor, payer.engine(), payer.now().await).await.unwrap().remove(0);
    assert_eq!(method.status, PaymentMethodStatus::Restricted);
    assert_eq!(method.requirements[0].words, "an identity document");
    assert!(told(&payer, ada).await.contains(&"payment_method_restricted".to_owned()));

    let stale = json!({
        "id": "evt_stale", "type": "account.updated", "created": 1_000_000_000, "account": account,
        "data": { "object": { "id": account, "object": "account", "capabilities": { "transfers": "active" } } },
    });
    payer.company.take_in(&[stale]).await;
    let method = payment_methods::list(&actor, payer.engine(), payer.now().await).await.unwrap().remove(0);
    assert_eq!(method.status, PaymentMethodStatus::Restricted);
}

#[tokio::test]
async fn events_of_one_second_that_disagree_are_settled_by_asking_stripe() {
    let payer = Payer::new().await;
    let ada = payer.ready_partner("ada").await;
    let account = payer.connect(ada).await;
    payer.set_account(&account, json!({ "state": "restricted", "due": ["external_account"] })).await;
    payer.take_events().await;
    let actor = actor_of(ada);
    let known = payment_methods::list(&actor, payer.engine(), payer.now().await).await.unwrap().remove(0);
    let late = json!({
        "id": "evt_same_second", "type": "account.updated", "created": known.checked_at.unwrap().timestamp(), "account": account,
        "data": { "object": { "id": account, "object": "account", "capabilities": { "transfers": "active" } } },
    });
    payer.company.take_in(&[late]).await;
    let method = payment_methods::list(&actor, payer.engine(), payer.now().await).await.unwrap().remove(0);
    assert_eq!(method.status, PaymentMethodStatus::Restricted);
}

#[tokio::test]
async fn connecting_twice_at_once_and_after_a_lost_answer_makes_one_account() {
    let payer = Payer::deaf().await;
    let ada = payer.company.partner("ada").await;
    let orders =
        json!([{ "match": { "method": "POST", "path": "/v1/accounts" }, "times": 4, "fault": "timeout_after" }]);
    payer.control("faults", orders).await;
    let urls = payment_methods::OnboardingUrls {
        refresh_url: "https://partners.example.com/again".to_owned(),
        return_url: "https://partners.example.com/back".to_owned(),
    };
    let (actor, now) = (actor_of(ada), payer.now().await);
    let lost = payment_methods::connect_stripe(&actor, payer.engine(), now, &urls).await;
    assert!(matches!(lost, Err(Error::Unavailable { .. })), "{lost:?}");
    let (first, second) = tokio::join!(payer.connect(ada), payer.connect(ada));
    assert_eq!(first, second);
    assert_eq!(accounts_made(&payer).await, 1);
    assert_eq!(payer.company.count("payment_methods").await, 1);
}

#[tokio::test]
async fn another_affiliate_s_method_is_not_there() {
    let payer = Payer::deaf().await;
    let (ada, ben) = (payer.ready_partner("ada").await, payer.company.partner("ben").await);
    let id = payer.method_id(ada).await;
    let (stranger, now) = (actor_of(ben), payer.now().await);
    let refused = payment_methods::refresh(&stranger, payer.engine(), now, id).await;
    assert!(matches!(refused, Err(Error::NotFound(_))), "{refused:?}");
    let refused = payment_methods::remove(&stranger, payer.engine(), now, id).await;
    assert!(matches!(refused, Err(Error::NotFound(_))), "{refused:?}");
    let refused = payment_methods::login_link(&stranger, payer.engine(), id).await;
    assert!(matches!(refused, Err(Error::NotFound(_))), "{refused:?}");
}

#[tokio::test]
async fn a_removed_method_is_not_paid_and_can_not_be_removed_while_money_is_on_its_way() {
    let payer = Payer::deaf().await;
    let ada = payer.ready_partner("ada").await;
    payer.earn(ada, 5_000, "usd").await;
    let (actor, id, now) = (actor_of(ada), payer.method_id(ada).await, payer.now().await);
    let batch = payer.process_now().await;
    let refused = payment_methods::remove(&actor, payer.engine(), now, id).await;
    assert!(matches!(refused, Err(Error::Conflict { code: "payout_under_way", .. })), "{refused:?}");
    payer.work_until(batch, purser::domain::batch::BatchStatus::Completed).await;
    payment_methods::remove(&actor, payer.engine(), now, id).await.unwrap();
    payer.earn(ada, 5_000, "usd").await;
    let none = payouts::process_now(&crate::harness::ADMIN, payer.engine(), now, None).await.unwrap();
    assert!(none.done.is_empty());
    let connected = payer.connect(ada).await;
    assert!(connected.starts_with("acct_"));
    assert_eq!(accounts_made(&payer).await, 2);
}
