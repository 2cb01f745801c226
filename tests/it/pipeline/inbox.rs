//! What becomes of stored events: applied with their mark or not at all, failed with a reason, replayed.

use purser::pipeline::inbox;
use serde_json::json;

use crate::harness::Company;
use crate::harness::events::Purchase;

async fn status(company: &Company, id: &str) -> String {
    company.text(&format!("select status from inbox_events where id = '{id}'")).await.unwrap()
}

#[tokio::test]
async fn an_event_that_cannot_be_read_fails_with_its_reason_and_can_be_replayed() {
    let company = Company::new().await;
    let ada = company.partner("ada").await;
    let mut event = Purchase::new(1).referred("ada").session();
    let id = event["id"].as_str().unwrap().to_owned();
    event["data"]["object"]["amount_total"] = json!("a lot");
    company.take_in(&[event]).await;
    assert_eq!(status(&company, &id).await, "failed");
    let error = company.text("select error from inbox_events").await.unwrap();
    assert!(error.contains("a lot"), "{error}");
    assert_eq!(company.count("sales").await, 0);

    // As if this version of the program had learnt to read it.
    company.run("update inbox_events set payload = replace(payload, '\"a lot\"', '12000')".to_owned()).await;
    let now = company.engine.clock.now().await;
    let mut conn = company.engine.pool.acquire().await.unwrap();
    assert!(inbox::replay(&mut conn, now, &id).await.unwrap());
    assert!(!inbox::replay(&mut conn, now, &id).await.unwrap(), "it waits already");
    company.drain().await;
    assert_eq!(status(&company, &id).await, "processed");
    assert_eq!(company.lines(ada).await.len(), 1);
}

#[tokio::test]
async fn an_event_whose_effects_fail_half_way_leaves_none_of_them() {
    let company = Company::new().await;
    let ada = company.partner("ada").await;
    // The last step of intake, the ledger's posting, is refused.
    company.run("alter table ledger_entries add constraint refused check (false) not valid".to_owned()).await;
    company.take_in(&[Purchase::new(1).referred("ada").session()]).await;
    assert_eq!(company.count("inbox_events where status = 'failed' and error like '%refused%'").await, 1);
    for table in ["sales", "sale_aliases", "conversions", "leads", "commissions_ledger", "ledger_transactions"] {
        assert_eq!(company.count(table).await, 0, "{table}");
    }
    company.run("alter table ledger_entries drop constraint refused".to_owned()).await;
    let now = company.engine.clock.now().await;
    let id = company.text("select id from inbox_events").await.unwrap();
    inbox::replay(&mut company.engine.pool.acquire().await.unwrap(), now, &id).await.unwrap();
    company.drain().await;
    assert_eq!(company.lines(ada).await.len(), 1);
}

#[tokio::test]
async fn what_nobody_needs_is_ignored_and_so_are_sales_of_connected_accounts() {
    let company = Company::new().await;
    company.partner("ada").await;
    let mut theirs = Purchase::new(1).referred("ada").session();
    theirs["account"] = json!("acct_partner");
    let unknown = json!({ "id": "evt_u", "type": "something.new", "data": { "object": { "id": "x_1" } } });
    let mut setup = Purchase::new(2).session();
    setup["data"]["object"]["mode"] = json!("setup");
    company.take_in(&[theirs, unknown, setup]).await;
    assert_eq!(company.count("inbox_events where status = 'ignored'").await, 3);
    assert_eq!(company.count("sales").await, 0);
}

#[tokio::test]
async fn workers_take_events_up_when_the_door_knocks() {
    let company = Company::new().await;
    let ada = company.partner("ada").await;
    let (tell, stop) = tokio::sync::watch::channel(false);
    let worker = tokio::spawn(purser::jobs::inbox::run(company.engine.clone(), stop));
    company.send(&Purchase::new(1).referred("ada").session()).await;
    let credited = async {
        while company.lines(ada).await.is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(2), credited).await.expect("a commission within 2 s");
    tell.send_replace(true);
    worker.await.unwrap();
}
