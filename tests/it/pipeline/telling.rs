//! What affiliates are told when something is taken off their lines, put back, stopped or released: one message for one thing
//! that happened, with the amount and the reason.

use purser::desk::{self, holds, line_story};
use purser::domain::actor::Scope;
use purser::domain::ids::LineId;
use serde_json::json;

use crate::harness::events::Purchase;
use crate::harness::{ADMIN, Company, actor_of};

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

#[tokio::test]
async fn a_hold_on_several_lines_and_its_end_are_one_message_each() {
    let company = Company::new().await;
    let ada = company.partner("ada").await;
    for n in 1..=2 {
        company.take_in(&Purchase::new(n).referred("ada").one_time()).await;
    }
    let now = company.engine.clock.now().await;
    let hold =
        holds::place(&ADMIN, &company.engine, now, ada.enrollment, "We check the orders of this week").await.unwrap();
    assert_eq!(
        told(&company, "commission_held").await,
        ["40.00 USD is on hold | We check the orders of this week. It is neither paid nor lost until the \
          company has decided; you don't have to do anything. | /earnings?status=on_hold"]
    );
    // What comes while it is open waits as well, and needs no message of its own.
    company.take_in(&Purchase::new(3).referred("ada").one_time()).await;
    assert_eq!(told(&company, "commission_held").await.len(), 1);

    holds::approve(&ADMIN, &company.engine, now, hold.id, "All fine").await.unwrap();
    assert_eq!(
        told(&company, "commission_released").await,
        ["60.00 USD is no longer on hold | All fine. It goes on its way to your payout from where it \
          was. | /earnings"]
    );
    let again = holds::place(&ADMIN, &company.engine, now, ada.enrollment, "One more look").await.unwrap();
    holds::reject(&ADMIN, &company.engine, now, again.id, "Bought by yourself.").await.unwrap();
    assert_eq!(
        told(&company, "hold_rejected").await,
        ["60.00 USD that was on hold was cancelled | Bought by yourself. It is not paid. | \
          /earnings?status=cancelled"]
    );
    assert_eq!(company.count("outgoing_mail").await, 4);
    company.prove_books().await;
}

#[tokio::test]
async fn the_story_of_a_line_says_what_happened_and_what_the_sale_earns() {
    let company = Company::new().await;
    let (ada, ben) = (company.partner("ada").await, company.partner("ben").await);
    let told = Purchase::new(1).referred("ada");
    company.take_in(&told.one_time()).await;
    let now = company.engine.clock.now().await;
    let hold = holds::place(&ADMIN, &company.engine, now, ada.enrollment, "A look").await.unwrap();
    holds::reject(&ADMIN, &company.engine, now, hold.id, "Your own").await.unwrap();
    let key = company.api(Scope::Read).await;
    let lines = key.get("/commissions").await.ok();
    assert_eq!((&lines["data"][0]["amount"], &lines["data"][0]["sale_net"]), (&json!(2_000), &json!(0)));
    let id: LineId = lines["data"][0]["id"].as_str().unwrap().parse().unwrap();

    let (mine, theirs) = (actor_of(ada), actor_of(ben));
    let story = line_story::mine(&company.engine, &mine, id).await.unwrap();
    let steps: Vec<(&str, Option<i64>, i64, &str)> = story
        .events
        .iter()
        .map(|event| (&*event.what, event.change.map(|change| change.amount_minor), event.net.amount_minor, &*event.by))
        .collect();
    assert_eq!(
        steps,
        [
            ("Credited", Some(2_000), 2_000, "Purser"),
            ("Put on hold", None, 2_000, "The company"),
            ("Cancelled", Some(-2_000), 0, "The company")
        ]
    );
    assert_eq!(story.net, [], "cancelled lines don't count");
    assert!(matches!(line_story::mine(&company.engine, &theirs, id).await, Err(desk::Error::NotFound(_))));
}
