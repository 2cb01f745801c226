//! One sale over the API: what was bought, and the sales that turned out to be the same.

use purser::domain::actor::Scope;
use serde_json::json;

use crate::harness::Company;
use crate::harness::events::Shape;
use crate::harness::story::{Story, after, but, listing};

fn story() -> Story {
    Story { tag: "ada".to_owned(), shape: Shape::New }
}

fn numbered(events: Vec<serde_json::Value>) -> Vec<serde_json::Value> {
    let id = |(n, mut event): (usize, serde_json::Value)| {
        event["id"] = json!(format!("evt_{n}"));
        event
    };
    events.into_iter().enumerate().map(id).collect()
}

#[tokio::test]
async fn a_sale_that_was_told_as_two_shows_both_and_why_they_are_one() {
    let company = Company::new().await;
    let ada = company.partner("ada").await;
    let s = story();
    let marked = json!({ "metadata": { "purser_code": "ada" } });
    // Far apart in time, so that only the link makes them one.
    let mut events = vec![but(s.invoice(1, "manual"), marked.clone())];
    events.extend(s.paying(1, 1, 12_000));
    events[1] = but(events[1].clone(), marked);
    events[1]["created"] = json!(1_800_000_000 - 3_600);
    company.take_in(&numbered(events)).await;

    let reader = company.api(Scope::Read).await;
    let listed = reader.get("/sales").await.ok();
    assert_eq!(listed["data"].as_array().unwrap().len(), 1, "{listed}");
    let kept = listed["data"][0]["id"].as_str().unwrap();
    let shown = reader.get(&format!("/sales/{kept}")).await.ok();
    let merge = &shown["merges"][0];
    assert_eq!((&merge["into"], &merge["reason"]), (&json!(kept), &json!("linked")));
    assert!(merge["cause"].as_str().unwrap().starts_with("evt_"), "{merge}");
    assert!(merge["stripe_ids"].as_array().is_some_and(|ids| !ids.is_empty()), "{merge}");
    let ids: Vec<&str> = shown["stripe_ids"].as_array().unwrap().iter().filter_map(|id| id.as_str()).collect();
    assert!(ids.contains(&"in_adax1") && ids.contains(&"pi_adax1"), "{ids:?}");

    let other = reader.get(&format!("/sales/{}", merge["sale"].as_str().unwrap())).await.ok();
    assert_eq!((&other["merged_into"], &other["status"]), (&json!(kept), &json!("merged")));
    let open = company.lines(ada).await.into_iter().filter(|line| line.status != "cancelled");
    assert_eq!(open.map(|line| line.amount_minor).sum::<i64>(), 2_000);
    company.prove_books().await;
}

#[tokio::test]
async fn a_payment_that_was_taken_for_an_invoice_s_says_so_and_why_it_no_longer_is() {
    let company = Company::new().await;
    company.partner("ada").await;
    let s = story();
    let invoice = but(s.invoice(1, "manual"), json!({ "metadata": { "purser_code": "ada" } }));
    let events = numbered(vec![invoice, after(60, s.intent(2, 12_000)), s.link(1, 1)]);
    company.take_in(&events[..2]).await;
    let later = company.engine.clock.now().await + chrono::TimeDelta::minutes(1);
    purser::pipeline::sale::settle_provisional(&company.engine, later).await.unwrap();
    let reader = company.api(Scope::Read).await;
    let listed = reader.get("/sales").await.ok();
    assert_eq!(listed["data"].as_array().unwrap().len(), 1, "counted once: {listed}");
    let invoice_sale = listed["data"][0]["id"].as_str().unwrap().to_owned();
    let before = reader.get(&format!("/sales/{invoice_sale}")).await.ok();
    assert_eq!((&before["merges"][0]["reason"], &before["releases"]), (&json!("alike"), &json!([])));

    company.take_in(&events[2..]).await;
    let listed = reader.get("/sales").await.ok();
    assert_eq!(listed["data"].as_array().unwrap().len(), 2, "{listed}");
    let payment = before["merges"][0]["sale"].as_str().unwrap();
    for sale in [&invoice_sale, payment] {
        let shown = reader.get(&format!("/sales/{sale}")).await.ok();
        assert_eq!((&shown["merges"], &shown["merged_into"]), (&json!([]), &json!(null)));
        let release = &shown["releases"][0];
        assert_eq!((&release["payment"], &release["invoice"]), (&json!(payment), &json!(invoice_sale)));
        assert_eq!((&release["reason"], &release["cause"]), (&json!("other_payment"), &json!("evt_2")));
    }
    company.prove_books().await;
}

#[tokio::test]
async fn a_sale_tells_its_lines_with_their_part_of_what_was_paid() {
    let company = Company::with(json!({ "type": "percent", "rate": "20", "products": ["prod_pro"] }), &[]).await;
    company.partner("ada").await;
    let s = story();
    let lines = vec![s.line("pro", 6_400, (0, 1_600), false), s.line("setup", 3_600, (0, 400), false)];
    let invoice = but(listing(s.invoice(1, "manual"), lines), json!({ "metadata": { "purser_code": "ada" } }));
    company.take_in(&numbered(vec![invoice])).await;
    let reader = company.api(Scope::Read).await;
    let listed = reader.get("/sales").await.ok();
    let shown = reader.get(&format!("/sales/{}", listed["data"][0]["id"].as_str().unwrap())).await.ok();
    let told: Vec<_> = shown["lines"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| (&line["product"], &line["amount_paid"], &line["counts"]))
        .collect();
    assert_eq!(
        told,
        [(&json!("prod_pro"), &json!(8_000), &json!(true)), (&json!("prod_setup"), &json!(4_000), &json!(false)),]
    );
    assert_eq!((&shown["lines_message"], &shown["paid_out_of_band"]), (&json!(null), &json!(false)));
}

#[tokio::test]
async fn a_sale_of_which_nobody_knows_the_products_says_so() {
    let company = Company::with(json!({ "type": "percent", "rate": "20", "products": ["prod_pro"] }), &[]).await;
    company.partner("ada").await;
    let s = story();
    let payment = but(s.intent(1, 12_000), json!({ "metadata": { "purser_code": "ada" } }));
    company.take_in(&numbered(vec![payment])).await;
    let reader = company.api(Scope::Read).await;
    let listed = reader.get("/sales").await.ok();
    let shown = reader.get(&format!("/sales/{}", listed["data"][0]["id"].as_str().unwrap())).await.ok();
    assert!(shown["lines_message"].as_str().unwrap().contains("nobody knows what was bought"), "{shown}");
}
