//! Lists in pages: a walk sees every row once, newest first, also while rows arrive.

use std::collections::BTreeSet;

use purser::domain::actor::Scope;
use serde_json::{Value, json};

use super::Caller;
use crate::harness::Company;
use crate::harness::events::Purchase;

/// All rows, `limit` at a time.
pub async fn walk(caller: &Caller<'_>, path: &str, limit: usize) -> Vec<Value> {
    let mut rows = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = caller.get(&format!("{path}?limit={limit}&cursor={cursor}")).await.ok();
        let data = page["data"].as_array().unwrap();
        assert!(data.len() <= limit);
        rows.extend(data.iter().cloned());
        match page["next_cursor"].as_str() {
            Some(next) => {
                assert_eq!(data.len(), limit, "only the last page is short");
                cursor = next.to_owned();
            }
            None => return rows,
        }
    }
}

#[tokio::test]
async fn a_walk_sees_every_row_of_every_list_once() {
    let company = Company::new().await;
    company.partner("ada").await;
    let caller = company.api(Scope::Write).await;
    for n in 0..7 {
        let body = json!({ "name": format!("P{n}"), "currency": "usd", "site_url": "https://shop.example.com" });
        caller.post("/programs", body).await.ok();
        let body = json!({ "program": "partners", "name": "C", "rule": { "type": "percent", "rate": "5" } });
        caller.post("/campaigns", body).await.ok();
        let body =
            json!({ "email": format!("p{n}@example.com"), "name": "P", "enrollments": [{ "program": "partners" }] });
        let affiliate = caller.post("/affiliates", body).await.ok();
        let body = json!({ "email": format!("l{n}@example.org"), "affiliate": affiliate["id"] });
        caller.post("/leads", body).await.ok();
        company.take_in(&Purchase::new(n).referred("ada").one_time()).await;
    }
    for (path, rows) in [
        ("/programs", 8),
        ("/campaigns", 8),
        ("/affiliates", 8),
        ("/sales", 7),
        ("/commissions", 7),
        ("/webhook-events", 21),
        ("/ledger/transactions", 7),
    ] {
        let seen = walk(&caller, path, 3).await;
        let ids: BTreeSet<&str> = seen.iter().map(|row| row["id"].as_str().unwrap()).collect();
        assert_eq!((seen.len(), ids.len()), (rows, rows), "{path}");
        let at_once = caller.get(&format!("{path}?limit=100")).await.ok();
        assert_eq!(at_once["data"].as_array().unwrap(), &seen, "{path} in pages and at once");
    }
}

#[tokio::test]
async fn rows_that_arrive_during_a_walk_change_nothing_behind_it() {
    let company = Company::new().await;
    let caller = company.api(Scope::Write).await;
    let new = async |n: usize| {
        let body = json!({ "name": format!("P{n}"), "currency": "usd", "site_url": "https://shop.example.com" });
        caller.post("/programs", body).await.ok()
    };
    for n in 0..4 {
        new(n).await;
    }
    let first = caller.get("/programs?limit=2").await.ok();
    new(9).await;
    let rest = caller.get(&format!("/programs?cursor={}", first["next_cursor"].as_str().unwrap())).await.ok();
    let names: Vec<&str> = rest["data"].as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["P1", "P0", "Partners"]);
}
