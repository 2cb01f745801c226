//! What affiliates are told when something is taken off their lines, put back, stopped or released: one message for one thing
//! that happened, with the amount and the reason.

use purser::domain::ids::LineId;
use serde_json::json;

use crate::harness::Company;
use crate::harness::events::Purchase;

/// Title, body and link of what was told, oldest first.
async fn told(company: &Company, kind: &str) -> Vec<String> {
    let query = format!(
        "select string_agg(title || ' | ' || body || ' | ' || link, '\n' order by id) from notifications where kind = '{kind}'"
    );
    company.text(&query).await.map(|text| text.lines().map(str::to_owned).collect()).unwrap_or_default()
}

#[tokio::test]
async fn whose_sale_turns_out_to_be_another_affiliate_s_is_told_once() {
    let company = Company::new().await;
    let (ada, _ben) = (company.partner("ada").await, company.partner("ben").await);
    let first = Purchase::new(1).referred("ada");
    company.take_in(&first.one_time()).await;
    let line = company.text("select id::text from commissions_ledger").await.unwrap();
    let discount = json!([{ "promotion_code": { "id": "promo_1", "object": "promotion_code", "code": "BEN20" } }]);
    let again = Purchase { discounts: discount, ..first }.session();
    for id in ["evt_told_again", "evt_and_again"] {
        let mut event = again.clone();
        event["id"] = json!(id);
        company.take_in(&[event]).await;
    }
    assert_eq!(company.lines(ada).await[0].status, "cancelled");
    let said = told(&company, "commission_cancelled").await;
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(
        said[0].starts_with(
            "20.00 USD of your commission was cancelled | The purchase turned out to be another affiliate's. 20.00 USD that \
             was not paid yet is cancelled. | /earnings/"
        ),
        "{said:?}"
    );
    assert_eq!(company.count("outgoing_mail where to_email like 'ada@%'").await, 1);
    let linked: LineId = said[0].rsplit('/').next().unwrap().parse().unwrap();
    assert_eq!(linked.0.to_string(), line);
    company.prove_books().await;
}
