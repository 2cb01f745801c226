//! Sales that nobody is credited with: the reason and what was weighed, filters, and looking again after a mend.

use purser::domain::actor::Scope;
use serde_json::{Value, json};

use super::Caller;
use crate::harness::Company;
use crate::harness::events::Purchase;

async fn nobody(key: &Caller<'_>, more: &str) -> Vec<Value> {
    let list = key.get(&format!("/sales?attributed=false{more}")).await.ok();
    list["data"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_sale_of_nobody_tells_its_reason_and_what_was_weighed() {
    let company = Company::new().await;
    let ada = company.partner("ada").await;
    company.run("update campaigns set active = false".to_owned()).await;
    let both = Purchase { metadata: json!({ "via": "typo" }), ..Purchase::new(1).referred("ada") };
    company.take_in(&[both.session(), Purchase::new(2).session()]).await;
    let key = company.api(Scope::Read).await;
    let sales = nobody(&key, "&reason=campaign_inactive").await;
    assert_eq!((sales.len(), &sales[0]["reason"]), (1, &json!("campaign_inactive")));
    assert!(sales[0]["reason_message"].as_str().unwrap().contains("campaign"));
    let weighed = sales[0]["considered"].as_array().unwrap();
    let told: Vec<(&Value, &Value, &Value)> =
        weighed.iter().map(|piece| (&piece["value"], &piece["reason"], &piece["affiliate"])).collect();
    assert_eq!(
        told,
        [
            (&json!("ada"), &json!("campaign_inactive"), &json!(ada.affiliate)),
            (&json!("typo"), &json!("unknown_code"), &Value::Null),
        ]
    );
    assert_eq!(nobody(&key, "&program=partners").await.len(), 1, "the other sale leads into no program");
    assert_eq!(nobody(&key, "&reason=no_code").await.len(), 1);
    key.get("/sales?reason=bad_luck").await.refused(422, "invalid_param", Some("reason"));
}

#[tokio::test]
async fn looking_again_credits_what_was_mended_and_nothing_else() {
    let company = Company::new().await;
    let ada = company.partner("ada").await;
    company.run("update campaigns set active = false".to_owned()).await;
    let first = Purchase::new(1).referred("ada");
    company.take_in(&[first.session(), Purchase::new(2).referred("ada").session(), Purchase::new(3).session()]).await;
    let key = company.api(Scope::Write).await;
    let id = nobody(&key, "&reason=campaign_inactive").await[0]["id"].as_str().unwrap().to_owned();
    let path = format!("/sales/{id}/look-again");
    assert_eq!(key.post(&path, json!({})).await.ok()["attributed"], json!(false), "nothing was mended yet");
    company.run("update campaigns set active = true".to_owned()).await;
    let credited = key.post(&path, json!({})).await.ok();
    assert_eq!((&credited["affiliate"], &credited["reason"]), (&json!(ada.affiliate), &Value::Null));
    assert_eq!(credited["considered"][0]["counted"], json!(true));
    assert_eq!(key.post(&path, json!({})).await.ok()["affiliate"], json!(ada.affiliate), "again changes nothing");
    let all = key.post("/sales/look-again", json!({ "reason": "campaign_inactive" })).await.ok();
    assert_eq!(all, json!({ "looked_at": 1, "credited": 1, "more": false }));
    let left = key.post("/sales/look-again", json!({ "reason": "no_code" })).await.ok();
    assert_eq!(left, json!({ "looked_at": 1, "credited": 0, "more": false }));
    assert_eq!(company.lines(ada).await.len(), 2);
    key.post("/sales/look-again", json!({ "reason": "rain" })).await.refused(422, "invalid_param", Some("reason"));
    let reader = company.api(Scope::Read).await;
    reader.post(&path, json!({})).await.refused(403, "forbidden", None);
    company.prove_books().await;
}

#[tokio::test]
async fn a_code_that_is_given_to_an_affiliate_afterwards_credits_the_sales_that_carried_it() {
    let company = Company::new().await;
    let ada = company.partner("ada").await;
    company.take_in(&[Purchase::new(1).referred("spring").session()]).await;
    let key = company.api(Scope::Write).await;
    let sale = nobody(&key, "&reason=unknown_code").await.remove(0);
    assert_eq!(sale["considered"][0]["value"], "spring");
    let path = format!("/affiliates/{}", ada.affiliate);
    key.patch(&path, json!({ "enrollments": [{ "program": "partners", "code": "spring" }] })).await.ok();
    let all = key.post("/sales/look-again", json!({ "reason": "unknown_code" })).await.ok();
    assert_eq!(all["credited"], json!(1));
    assert_eq!(company.lines(ada).await.len(), 1);
}

#[tokio::test]
async fn crediting_a_first_payment_by_hand_takes_the_renewals_along() {
    let company = Company::new().await;
    let ada = company.partner("ada").await;
    let first = Purchase::new(1);
    let mut renewal = Purchase { at: first.at + 30 * 86_400, ..Purchase::new(2) };
    renewal.customer = first.customer.clone();
    company.take_in(&[first.session(), renewal.renewal(9)]).await;
    let key = company.api(Scope::Write).await;
    let sales = nobody(&key, "").await;
    let path = format!("/sales/{}/attribute", sales[1]["id"].as_str().unwrap());
    key.post(&path, json!({ "affiliate": ada.affiliate })).await.ok();
    assert_eq!(nobody(&key, "").await.len(), 0);
    assert_eq!(company.lines(ada).await.len(), 2);
    company.prove_books().await;
}
