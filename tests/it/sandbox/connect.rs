//! Connected accounts and the money sent to them.

use reqwest::StatusCode;
use serde_json::json;

use super::support::Stand;

#[tokio::test]
async fn a_new_account_cannot_be_paid_before_it_is_active() {
    let stand = Stand::new().await;
    let account = stand.post("/v1/accounts", "capabilities[transfers][requested]=true&email=ada@example.com").await;
    assert_eq!(account.body["capabilities"]["transfers"], "inactive");
    assert!(!account.body["requirements"]["currently_due"].as_array().unwrap().is_empty());

    let form = format!("amount=500&currency=usd&destination={}", account.id());
    let refused = stand.post("/v1/transfers", &form).await;
    assert_eq!((refused.status, refused.code()), (StatusCode::BAD_REQUEST, "insufficient_capabilities_for_transfer"));

    stand.control(&format!("/sandbox/accounts/{}", account.id()), json!({ "state": "active" })).await;
    let paid = stand.post("/v1/transfers", &form).await;
    assert_eq!(paid.body["amount"], 500);
}

#[tokio::test]
async fn a_transfer_takes_its_amount_from_the_balance_or_is_refused() {
    let stand = Stand::new().await;
    let account = stand.active_account().await;
    stand.control("/sandbox/balance", json!({ "currency": "eur", "available": 1000 })).await;
    let form = |amount: i64| format!("amount={amount}&currency=eur&destination={account}&transfer_group=bat_1");

    assert_eq!(stand.post("/v1/transfers", &form(1001)).await.code(), "balance_insufficient");
    stand.post("/v1/transfers", &form(600)).await.id();
    assert_eq!(stand.post("/v1/transfers", &form(401)).await.code(), "balance_insufficient");

    let balance = stand.get("/v1/balance").await.body;
    let euros = balance["available"].as_array().unwrap().iter().find(|row| row["currency"] == "eur").unwrap().clone();
    assert_eq!(euros["amount"], 400);
    let listed = stand.get("/v1/transfers?transfer_group=bat_1").await.body;
    assert_eq!(listed["data"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_transfer_to_nobody_or_to_a_disabled_account_is_refused() {
    let stand = Stand::new().await;
    let refused = stand.post("/v1/transfers", "amount=5&currency=usd&destination=acct_none").await;
    assert_eq!((refused.code(), &refused.body["error"]["param"]), ("resource_missing", &json!("destination")));

    let account = stand.active_account().await;
    stand.control(&format!("/sandbox/accounts/{account}"), json!({ "state": "disabled" })).await;
    let refused = stand.post("/v1/transfers", &format!("amount=5&currency=usd&destination={account}")).await;
    assert_eq!(refused.code(), "transfers_not_allowed");
}

#[tokio::test]
async fn reversals_add_up_to_the_transfer_and_no_further() {
    let stand = Stand::new().await;
    let account = stand.active_account().await;
    let form = format!("amount=900&currency=usd&destination={account}&metadata[payout_item_id]=pit_1");
    let transfer = stand.post("/v1/transfers", &form).await.id();
    let path = format!("/v1/transfers/{transfer}/reversals");

    stand.post(&path, "amount=300").await.id();
    assert_eq!(stand.post(&path, "amount=601").await.status, StatusCode::BAD_REQUEST);
    stand.post(&path, "").await.id();
    assert_eq!(stand.post(&path, "amount=1").await.status, StatusCode::BAD_REQUEST);

    let after = stand.get(&format!("/v1/transfers/{transfer}")).await.body;
    assert_eq!((&after["amount_reversed"], &after["reversed"]), (&json!(900), &json!(true)));
    let row = json!({
        "destination": account, "payout_item_id": "pit_1", "currency": "usd", "transfers": 1, "amount": 900, "reversed": 900
    });
    assert_eq!(stand.summary().await, [row]);
    let events = stand.get("/v1/events?types[]=transfer.reversed&types[]=transfer.created").await.body;
    assert_eq!(events["data"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn lists_are_paged_newest_first() {
    let stand = Stand::new().await;
    let mut ids = Vec::new();
    for n in 0..5 {
        ids.insert(0, stand.post("/v1/accounts", &format!("metadata[n]={n}")).await.id());
    }
    let first = stand.get("/v1/accounts?limit=2").await.body;
    assert_eq!((&first["data"][0]["id"], &first["data"][1]["id"]), (&json!(ids[0]), &json!(ids[1])));
    assert_eq!(first["has_more"], true);
    let last = stand.get(&format!("/v1/accounts?limit=2&starting_after={}", ids[3])).await.body;
    assert_eq!((&last["data"][0]["id"], &last["has_more"]), (&json!(ids[4]), &json!(false)));
    let before = stand.get(&format!("/v1/accounts?limit=2&ending_before={}", ids[3])).await.body;
    assert_eq!((&before["data"][0]["id"], &before["has_more"]), (&json!(ids[1]), &json!(true)));
}

#[tokio::test]
async fn an_account_link_is_on_the_sandbox_itself() {
    let stand = Stand::new().await;
    let account = stand.active_account().await;
    let form = format!(
        "account={account}&type=account_onboarding&return_url=http://app.test/back&refresh_url=http://app.test/again"
    );
    let link = stand.post("/v1/account_links", &form).await.body;
    assert!(link["url"].as_str().unwrap().starts_with(&format!("{}/connect/onboarding/", stand.running.url())));
    let login = stand.post(&format!("/v1/accounts/{account}/login_links"), "").await;
    assert_eq!(login.body["object"], "login_link");
}
