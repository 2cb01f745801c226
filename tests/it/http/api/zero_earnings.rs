//! Credited sales that earn nothing: the company and the affiliate read why, and each credited sale is told once, as a line or
//! as the reason for none.

use purser::domain::actor::Scope;
use serde_json::{Value, json};

use crate::harness::events::{Purchase, Shape};
use crate::harness::story::{Story, but, later, listing};
use crate::harness::{Company, Partner};

const DAY: i64 = 86_400;

fn story() -> Story {
    Story { tag: "ada".to_owned(), shape: Shape::New }
}

fn numbered(events: Vec<Value>) -> Vec<Value> {
    let id = |(n, mut event): (usize, Value)| {
        event["id"] = json!(format!("evt_{n}"));
        event
    };
    events.into_iter().enumerate().map(id).collect()
}

/// A purchase of 100.00 without tax by Kim, on the n-th day.
fn by_kim(n: u32) -> Purchase {
    let at = 1_798_761_600 + i64::from(n - 1) * DAY;
    let (customer, email) = (Some("cus_kim".to_owned()), "kim@buyers.example.com".to_owned());
    Purchase { paid: 10_000, tax: 0, at, customer, email, ..Purchase::new(n) }.referred("ada")
}

fn percent(more: Value) -> Value {
    let mut rule = json!({ "type": "percent", "rate": "10", "recurring": "forever" });
    rule.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    rule
}

fn free(discount: i64) -> Value {
    json!({ "payment_status": "no_payment_required", "amount_total": 0, "payment_intent": null,
        "total_details": { "amount_tax": 0, "amount_discount": discount } })
}

fn marked() -> Value {
    json!({ "metadata": { "purser_code": "ada" } })
}

/// What the affiliate reads of the sales that earn nothing.
async fn nothing(company: &Company, partner: Partner) -> Vec<Value> {
    let earnings = company.as_affiliate(partner.affiliate).await.get("/me/earnings").await.ok();
    earnings["earns_nothing"].as_array().unwrap().clone()
}

fn reasons(of: &[Value]) -> Vec<&str> {
    of.iter().map(|one| one["reason"].as_str().unwrap()).collect()
}

/// A rule, what is sold under it, and why the last sale earns nothing.
fn cases() -> Vec<(Value, Vec<Value>, &'static str)> {
    let s = story();
    let setup = || vec![s.line("setup", 10_000, (0, 2_000), false)];
    let eur = json!({ "type": "flat", "amount": 1_000, "currency": "eur" });
    let upgrade = but(later(3, s.invoice(2, "subscription_update")), marked());
    vec![
        (
            percent(json!({ "cap": { "amount": 1_000, "per": "month" } })),
            vec![by_kim(1).session(), by_kim(2).session()],
            "The rule pays at most 10.00 USD in a month, and the sales before it used all of it.",
        ),
        (
            percent(json!({ "cap": { "amount": 1_000, "per": "customer" } })),
            vec![by_kim(1).session(), by_kim(40).session()],
            "The rule pays at most 10.00 USD for all payments of one customer, and those before it used all of it.",
        ),
        (
            percent(json!({ "recurring": null })),
            vec![by_kim(1).session(), by_kim(2).session()],
            "The rule pays for the first payment only.",
        ),
        (
            percent(json!({ "products": ["prod_pro"] })),
            vec![but(listing(s.invoice(1, "manual"), setup()), marked())],
            "None of the products that were bought is in the campaign.",
        ),
        (
            percent(json!({ "products": ["prod_pro"] })),
            vec![but(s.intent(1, 12_000), marked())],
            "Nobody knows which products were bought, and the rule is limited to some.",
        ),
        (
            percent(json!({ "expansion": "none" })),
            vec![but(s.invoice(1, "subscription_create"), marked()), upgrade],
            "The rule does not pay for upgrades.",
        ),
        (percent(json!({})), vec![but(s.session(1), free(10_000))], "A discount took off the whole price."),
        (percent(json!({})), vec![but(s.free_invoice(1, "subscription_create"), marked())], "Nothing was collected."),
        (eur, vec![s.session(1)], "The rule's amount is in EUR and the sale in USD."),
        (
            percent(json!({})),
            vec![Purchase { tax: 12_000, ..Purchase::new(1).referred("ada") }.session()],
            "Nothing that counts was collected.",
        ),
        (
            percent(json!({})),
            vec![Purchase { paid: 4, tax: 0, ..Purchase::new(1).referred("ada") }.session()],
            "Its commission is less than the smallest amount there is.",
        ),
    ]
}

#[tokio::test]
async fn every_reason_for_earning_nothing_is_told_to_the_affiliate_and_to_the_company() {
    for (rule, events, reason) in cases() {
        let company = Company::with(rule, &[]).await;
        let ada = company.partner("ada").await;
        let before = company.as_affiliate(ada.affiliate).await;
        assert_eq!(before.get("/me/earnings").await.ok()["earns_nothing"], json!([]), "nothing was sold yet");
        company.take_in(&numbered(events)).await;
        let told = nothing(&company, ada).await;
        assert_eq!(reasons(&told), [reason]);
        let one = &told[0];
        assert_eq!(
            (&one["amount"], &one["currency"], &one["affiliate"]),
            (&json!(0), &json!("usd"), &json!(ada.affiliate))
        );
        let figures = &one["explanation"]["figures"];
        assert_eq!((&figures["amount"], &figures["campaign"]), (&json!(0), &json!("Spring")), "{figures}");
        let sentences = one["explanation"]["sentences"].to_string();
        assert!(sentences.contains("It earns nothing: ") && sentences.contains("credited to you"), "{sentences}");
        let mine = company.as_affiliate(ada.affiliate).await.get("/me/zero-earnings").await.ok();
        assert_eq!(&mine["data"][0], one);

        let key = company.api(Scope::Read).await;
        let sale = key.get(&format!("/sales/{}", one["sale"].as_str().unwrap())).await.ok();
        let company_s = sale["earns_nothing"]["sentences"].to_string();
        assert!(company_s.contains("credited to the affiliate because") && !company_s.contains("you"), "{company_s}");
        let lines = key.get(&format!("/commissions?sale={}", one["sale"].as_str().unwrap())).await.ok();
        assert_eq!(lines["data"], json!([]), "it is no line");
        company.prove_books().await;
    }
}

#[tokio::test]
async fn the_reason_is_the_same_in_every_order_and_however_often_it_is_told() {
    let s = story();
    let upgrade = |s: &Story| but(later(3, s.invoice(2, "subscription_update")), marked());
    let events = [vec![upgrade(&s)], s.paying(2, 2, 12_000), vec![upgrade(&s)]].concat();
    let events = numbered(events);
    let mut told = Vec::new();
    for turn in 0..events.len() {
        let company = Company::with(percent(json!({ "expansion": "none" })), &[]).await;
        let ada = company.partner("ada").await;
        let mut turned = events.clone();
        turned.rotate_left(turn);
        company.take_in(&turned).await;
        company.take_in(&turned).await;
        let of_company = nothing(&company, ada).await;
        assert_eq!(of_company.len(), 1, "{turned:#?}");
        told.push(of_company[0]["explanation"].clone());
        company.prove_books().await;
    }
    told.dedup();
    assert_eq!(told.len(), 1, "{told:#?}");
}

#[tokio::test]
async fn the_reason_goes_when_a_line_comes_and_is_renewed_when_another_holds() {
    let company = Company::with(percent(json!({ "recurring": null })), &[]).await;
    let (ada, bob) = (company.partner("ada").await, company.partner("bob").await);
    company.take_in(&[by_kim(1).session(), by_kim(2).session(), by_kim(3).session()]).await;
    let told = nothing(&company, ada).await;
    let numbers: Vec<_> = told.iter().map(|one| &one["explanation"]["figures"]["payment_number"]).collect();
    assert_eq!(numbers, [&json!(3), &json!(2)]);
    // Stronger evidence comes with another event of the first purchase: it was never Ada's.
    let mut again = by_kim(1).session();
    again["id"] = json!("evt_again");
    again["data"]["object"]["discounts"] = json!([{ "promotion_code": { "id": "promo_1", "code": "bob20" } }]);
    company.take_in(&[again]).await;
    let told = nothing(&company, ada).await;
    let numbers: Vec<_> = told.iter().map(|one| &one["explanation"]["figures"]["payment_number"]).collect();
    assert_eq!(numbers, [&json!(2)], "the second is the first now, and earns");
    assert_eq!(company.lines(ada).await.last().unwrap().amount_minor, 1_000);
    assert_eq!(nothing(&company, bob).await, Vec::<Value>::new());
    company.prove_books().await;
}

#[tokio::test]
async fn a_walk_along_the_pages_tells_each_sale_once_and_only_its_affiliate_s() {
    let company = Company::with(percent(json!({ "recurring": null })), &[]).await;
    let (ada, bob) = (company.partner("ada").await, company.partner("bob").await);
    let others = |n: u32| Purchase { at: 1_798_761_600, ..Purchase::new(n) }.referred("ada").session();
    let sold =
        [by_kim(1).session(), by_kim(2).session(), others(10), by_kim(3).session(), others(11), by_kim(4).session()];
    company.take_in(&sold).await;
    let mine = company.as_affiliate(ada.affiliate).await;
    let (mut lines, mut nothing, mut cursor) = (0, Vec::new(), String::new());
    loop {
        let page = mine.get(&format!("/me/earnings?limit=1{cursor}")).await.ok();
        lines += page["data"].as_array().unwrap().len();
        nothing.extend(page["earns_nothing"].as_array().unwrap().iter().map(|one| one["sale"].to_string()));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    nothing.sort();
    nothing.dedup();
    assert_eq!((lines, nothing.len()), (3, 3));
    let pending = mine.get("/me/earnings?status=pending").await.ok();
    assert_eq!((pending["data"].as_array().unwrap().len(), &pending["earns_nothing"]), (3, &json!([])));
    let elsewhere = mine.get("/me/earnings?program=nowhere").await;
    elsewhere.refused(422, "invalid_param", Some("program"));
    let of_bob = company.as_affiliate(bob.affiliate).await;
    assert_eq!(of_bob.get("/me/zero-earnings").await.ok()["data"], json!([]));
    assert_eq!(of_bob.get("/me/earnings").await.ok()["earns_nothing"], json!([]));
}

#[tokio::test]
async fn who_the_customer_is_and_who_decided_is_not_told_to_the_affiliate() {
    let company = Company::with(percent(json!({ "products": ["prod_pro"] })), &[]).await;
    let ada = company.partner("ada").await;
    let key = company.api(Scope::Write).await;
    let lead = json!({ "email": "kim1@buyers.example.com", "affiliate": ada.affiliate });
    key.post("/leads", lead).await.ok();
    company.take_in(&[Purchase::new(1).intent(), Purchase::new(1).session()]).await;
    let told = nothing(&company, ada).await;
    assert_eq!(told.len(), 1);
    assert!(!told[0].to_string().contains("kim1@"), "{told:#?}");
    let sale = key.get(&format!("/sales/{}", told[0]["sale"].as_str().unwrap())).await.ok();
    assert!(sale["earns_nothing"]["figures"]["evidence"]["value"] == json!("kim1@buyers.example.com"), "{sale:#?}");
}
