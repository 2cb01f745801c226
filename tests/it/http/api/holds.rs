//! Holds over the API: placed on lines or on all that is unpaid, read with what they stop, and decided one by one or together.

use purser::domain::actor::Scope;
use serde_json::{Value, json};

use crate::harness::Payer;

fn statuses(lines: Vec<crate::harness::Line>) -> Vec<String> {
    lines.into_iter().map(|line| line.status).collect()
}

#[tokio::test]
async fn several_holds_are_decided_together_and_each_says_what_became_of_it() {
    let payer = Payer::deaf().await;
    let (ada, ben, cy) =
        (payer.company.partner("ada").await, payer.company.partner("ben").await, payer.company.partner("cy").await);
    let key = payer.company.api(Scope::Payouts).await;
    let mut holds: Vec<Value> = Vec::new();
    for partner in [ada, ben, cy] {
        payer.earn(partner, 2_000, "usd").await;
        let new = json!({ "affiliate": partner.affiliate, "program": "partners", "reason": "Looks odd" });
        holds.push(key.post("/holds", new).await.ok()["id"].clone());
    }
    let path = format!("/holds/{}/approve", holds[1].as_str().unwrap());
    key.post(&path, json!({ "reason": "Looked at it" })).await.ok();

    let many = |reason: &str| json!({ "holds": [holds[0], holds[1], holds[2], holds[0]], "decision": "reject", "reason": reason });
    key.post("/holds/decide", many(" ")).await.refused(422, "invalid_param", Some("reason"));
    let none = json!({ "holds": [], "decision": "reject", "reason": "No" });
    key.post("/holds/decide", none).await.refused(422, "invalid_param", Some("holds"));
    let outcomes = key.post("/holds/decide", many("Made up")).await.ok()["data"].clone();
    let told: Vec<_> =
        outcomes.as_array().unwrap().iter().map(|one| (&one["hold"]["status"], &one["error"]["code"])).collect();
    let (rejected, before) = (json!("rejected"), json!("already_decided"));
    assert_eq!(told, [(&rejected, &Value::Null), (&Value::Null, &before), (&rejected, &Value::Null)]);
    for (partner, status) in [(ada, "cancelled"), (ben, "approved"), (cy, "cancelled")] {
        assert_eq!(statuses(payer.company.lines(partner).await), [status]);
    }
    let audited = payer.company.count("audit_log where action = 'hold.rejected'").await;
    assert_eq!(audited, 2, "each has its own row");
    assert_eq!(payer.company.count("notifications where kind = 'hold_rejected'").await, 2);
    payer.company.prove_books().await;
}

#[tokio::test]
async fn a_hold_on_named_lines_stops_these_alone_and_says_what_it_stops() {
    let payer = Payer::deaf().await;
    let (ada, ben) = (payer.ready_partner("ada").await, payer.company.partner("ben").await);
    payer.company.run("update programs set min_payout_minor = 1".to_owned()).await;
    let key = payer.company.api(Scope::Payouts).await;
    let (first, second) = (payer.earn(ada, 2_000, "usd").await, payer.earn(ada, 300, "usd").await);
    let other = payer.earn(ben, 500, "usd").await;
    let on = |lines: Value| json!({ "lines": lines, "reason": "Looks odd" });
    key.post("/holds", on(json!([first, other]))).await.refused(422, "invalid_param", Some("lines"));
    key.post("/holds", json!({ "reason": "Looks odd" })).await.refused(422, "invalid_param", Some("affiliate"));
    assert_eq!(payer.company.count("holds").await, 0, "nothing is half-written");

    let placed = key.post("/holds", on(json!([first]))).await.ok();
    assert_eq!((&placed["scope"], &placed["reason_kind"]), (&json!("lines"), &json!("manual")));
    assert_eq!(placed["amounts"], json!([{ "amount": 2_000, "currency": "usd" }]));
    let read = key.get(&format!("/holds/{}", placed["id"].as_str().unwrap())).await.ok();
    assert_eq!((&read["held"][0]["id"], &read["held"][0]["amount"]), (&json!(first), &json!(2_000)));
    assert_eq!(statuses(payer.company.lines(ada).await), ["on_hold", "approved"]);
    payer.earn(ada, 40, "usd").await;
    let listed = key.get(&format!("/holds?affiliate={}&status=open&program=partners", ada.affiliate)).await.ok();
    assert_eq!((listed["data"][0]["id"].clone(), listed["data"].as_array().unwrap().len()), (placed["id"].clone(), 1));
    assert_eq!(key.get("/holds?reason_kind=dispute").await.ok()["data"], json!([]));

    key.post("/payout-batches", json!({ "program": "partners" })).await.ok();
    key.post("/holds", on(json!([second]))).await.refused(409, "nothing_to_hold", None);
}
