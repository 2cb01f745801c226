//! Signs of fraud: found whichever sale comes first, raised once, and held in the transaction that credits.

use purser::desk::holds;
use purser::domain::actor::Scope;
use purser::domain::ids::HoldId;
use serde_json::{Value, json};

use crate::harness::events::Purchase;
use crate::harness::{ADMIN, Company, Partner};

/// A charge that names its card.
fn charge(purchase: &Purchase, card: &str) -> Value {
    let mut event = purchase.charge();
    event["data"]["object"]["payment_method_details"] = json!({ "type": "card", "card": { "fingerprint": card } });
    event
}

/// The affiliate's own purchase, under an address that only looks different.
fn own(n: u32) -> Purchase {
    Purchase { email: "Ada+home@Partners.Example.Org".into(), ..Purchase::new(n).referred("ada") }
}

/// `kind:n` of every sign, by the purchase's customer, sorted.
async fn signs(company: &Company) -> Vec<String> {
    let query = "select string_agg(g.kind || ':' || coalesce(s.stripe_customer_id, ''), ' ' order by s.paid_at, s.stripe_customer_id)
        from conversion_signs g join conversions c on c.id = g.conversion_id join sales s on s.id = c.sale_id";
    company.text(query).await.map(|text| text.split(' ').map(str::to_owned).collect()).unwrap_or_default()
}

async fn statuses(company: &Company, partner: Partner) -> Vec<String> {
    company.lines(partner).await.into_iter().map(|line| line.status).collect()
}

async fn the_hold(company: &Company) -> HoldId {
    HoldId(company.text("select id::text from holds where status = 'open'").await.unwrap().parse().unwrap())
}

#[tokio::test]
async fn an_own_purchase_is_held_with_the_sign_named_and_once_released_never_held_again() {
    let company = Company::new().await;
    let ada = company.partner("ada").await;
    let purchase = own(1);
    company.take_in(&purchase.one_time()).await;
    company.take_in(&purchase.one_time()).await;
    assert_eq!(statuses(&company, ada).await, ["on_hold"]);
    assert_eq!((signs(&company).await, company.count("holds").await), (vec!["self_referral:cus_1".to_owned()], 1));
    let reason = company.text("select reason from holds where reason_kind = 'fraud_sign'").await.unwrap();
    assert!(reason.starts_with("Own purchase: ") && reason.contains("ada+home@partners.example.org"), "{reason}");

    let key = company.api(Scope::Read).await;
    let sale = key.get("/sales?flagged=true").await.ok()["data"][0].clone();
    assert_eq!(
        (&sale["signs"][0]["kind"], &sale["signs"][0]["hold_status"]),
        (&json!("self_referral"), &json!("open"))
    );
    assert_eq!(key.get("/commissions?flagged=true").await.ok()["data"][0]["signs"], sale["signs"]);
    assert_eq!(key.get("/sales?flagged=false").await.ok()["data"], json!([]));
    let mine = company.as_affiliate(ada.affiliate).await;
    let line = mine.get("/me/earnings").await.ok()["data"][0].clone();
    let told = mine.get(&format!("/me/earnings/{}", line["id"].as_str().unwrap())).await.ok();
    assert!(told.get("signs").is_none(), "{told}");
    assert!(!told.to_string().contains("Own purchase"), "how it was found stays with the company: {told}");
    assert!(told["history"][1]["why"].as_str().unwrap().contains("reviews"), "{told}");

    let now = company.engine.clock.now().await;
    holds::approve(&ADMIN, &company.engine, now, the_hold(&company).await, "A gift, they asked before").await.unwrap();
    assert_eq!(statuses(&company, ada).await, ["pending"]);
    let mut again = purchase.charge();
    again["id"] = json!("evt_again");
    company.take_in(&[again]).await;
    assert_eq!((statuses(&company, ada).await, company.count("holds").await), (vec!["pending".to_owned()], 1));
    company.prove_books().await;
}

#[tokio::test]
async fn a_purchase_upheld_as_the_affiliate_s_own_is_nobody_s_until_it_is_credited_to_another() {
    let company = Company::new().await;
    let (ada, ben) = (company.partner("ada").await, company.partner("ben").await);
    company.take_in(&own(1).one_time()).await;
    let now = company.engine.clock.now().await;
    holds::reject(&ADMIN, &company.engine, now, the_hold(&company).await, "Your own purchase").await.unwrap();

    let key = company.api(Scope::Payouts).await;
    let listed = key.get("/sales?attributed=false&reason=self_referral").await.ok()["data"].clone();
    assert_eq!((&listed[0]["attributed"], &listed[0]["reason"]), (&json!(false), &json!("self_referral")));
    assert_eq!(key.get("/sales?attributed=true").await.ok()["data"], json!([]));
    let path = format!("/sales/{}/attribute", listed[0]["id"].as_str().unwrap());
    let refused = key.post(&path, json!({ "affiliate": ada.affiliate })).await;
    assert_eq!((refused.status, refused.json["error"]["param"].as_str()), (422, Some("affiliate")), "{refused:?}");
    key.post(&path, json!({ "affiliate": ben.affiliate })).await.ok();

    assert_eq!(
        (statuses(&company, ada).await, statuses(&company, ben).await),
        (vec!["cancelled".to_owned()], vec!["pending".to_owned()])
    );
    assert_eq!(key.get("/sales?attributed=false").await.ok()["data"], json!([]));
    company.take_in(&own(1).one_time()).await;
    assert_eq!(statuses(&company, ben).await, ["pending"]);
    company.prove_books().await;
}

#[tokio::test]
async fn a_program_says_whether_a_sign_is_ignored_marked_or_holds() {
    for (action, expected_signs, status) in [("off", 0, "pending"), ("flag", 1, "pending"), ("hold", 1, "on_hold")] {
        let company = Company::new().await;
        let ada = company.partner("ada").await;
        company.run(format!("update programs set self_referral = '{action}'")).await;
        company.take_in(&own(1).one_time()).await;
        assert_eq!(statuses(&company, ada).await, [status], "{action}");
        assert_eq!(company.count("conversion_signs").await, expected_signs, "{action}");
    }
}

#[tokio::test]
async fn a_customer_who_turns_out_to_be_the_affiliate_was_it_before_too() {
    for late in [false, true] {
        let company = Company::new().await;
        let ada = company.partner("ada").await;
        let first = Purchase { customer: Some("cus_9".into()), ..Purchase::new(1).referred("ada") };
        let second = Purchase { customer: Some("cus_9".into()), at: first.at + 60, ..own(2) };
        let mut events = [first.session(), second.session()];
        if late {
            events.reverse();
        }
        company.take_in(&events).await;
        assert_eq!(signs(&company).await, ["self_referral:cus_9", "self_referral:cus_9"], "late: {late}");
        assert_eq!(statuses(&company, ada).await, ["on_hold", "on_hold"]);
        company.prove_books().await;
    }
}

#[tokio::test]
async fn the_conversion_above_the_hour_s_limit_is_marked_whatever_came_first() {
    let orders = [[0, 1, 2, 3], [3, 2, 1, 0], [2, 0, 3, 1], [1, 3, 0, 2]];
    for order in orders {
        let company = Company::new().await;
        company.partner("ada").await;
        company.run("update programs set velocity_per_hour = 2".to_owned()).await;
        let minutes = [0, 20, 40, 65];
        let all: Vec<Value> = (0..4)
            .map(|n: u32| {
                let at = 1_800_000_000 + minutes[n as usize] * 60;
                Purchase { at, ..Purchase::new(n).referred("ada") }.session()
            })
            .collect();
        company.take_in(&order.map(|n| all[n].clone())).await;
        // Within the hour before minute 65 came those of 20, 40 and 65.
        assert_eq!(signs(&company).await, ["velocity:cus_2", "velocity:cus_3"], "{order:?}");
    }
}

#[tokio::test]
async fn renewals_come_by_themselves_and_count_for_no_haste() {
    let company = Company::new().await;
    company.partner("ada").await;
    company.run("update programs set velocity_per_hour = 1".to_owned()).await;
    let first = Purchase::new(1).referred("ada");
    company.take_in(&first.subscription()).await;
    for n in 2..5 {
        let renewal = Purchase { customer: first.customer.clone(), at: first.at + i64::from(n), ..Purchase::new(n) };
        company.take_in(&[renewal.renewal(1)]).await;
    }
    assert_eq!((company.count("conversions").await, signs(&company).await.len()), (4, 0));
}

#[tokio::test]
async fn a_card_that_paid_for_another_affiliate_before_marks_the_later_sale_whatever_came_first() {
    for order in [[0, 1, 2, 3], [2, 3, 0, 1], [1, 3, 0, 2], [2, 0, 1, 3]] {
        let company = Company::new().await;
        let (ada, ben) = (company.partner("ada").await, company.partner("ben").await);
        company.run("update programs set shared_buyer_sign = 'hold'".to_owned()).await;
        let first = Purchase::new(1).referred("ada");
        let later = Purchase { at: first.at + 60, ..Purchase::new(2).referred("ben") };
        let all = [first.session(), charge(&first, "fp_1"), later.session(), charge(&later, "fp_1")];
        company.take_in(&order.map(|n: usize| all[n].clone())).await;
        assert_eq!(signs(&company).await, ["shared_buyer:cus_2"], "{order:?}");
        assert_eq!(statuses(&company, ada).await, ["pending"], "{order:?}");
        assert_eq!(statuses(&company, ben).await, ["on_hold"], "{order:?}");
        let detail = company.text("select detail from conversion_signs").await.unwrap();
        assert!(detail.starts_with("The card") && detail.contains("ada"), "{detail}");
        company.prove_books().await;
    }
}

#[tokio::test]
async fn one_affiliate_s_customers_may_share_a_card_and_other_cards_mark_nobody() {
    let company = Company::new().await;
    company.partner("ada").await;
    company.partner("ben").await;
    let (first, second, third) =
        (Purchase::new(1).referred("ada"), Purchase::new(2).referred("ada"), Purchase::new(3).referred("ben"));
    for (purchase, card) in [(&first, "fp_1"), (&second, "fp_1"), (&third, "fp_2")] {
        company.take_in(&[purchase.session(), charge(purchase, card)]).await;
    }
    assert_eq!((company.count("conversions").await, signs(&company).await.len()), (3, 0));
}

#[tokio::test]
async fn sales_that_are_taken_in_at_the_same_moment_see_each_other() {
    let company = Company::new().await;
    for name in ["ada", "ben", "cleo", "dov"] {
        company.partner(name).await;
    }
    company.run("update programs set shared_buyer_sign = 'hold'".to_owned()).await;
    for (n, name) in [(1, "ada"), (2, "ben"), (3, "cleo"), (4, "dov")] {
        let purchase = Purchase { at: 1_800_000_000 + i64::from(n), ..Purchase::new(n).referred(name) };
        for event in [charge(&purchase, "fp_1"), purchase.session(), purchase.intent()] {
            assert_eq!(company.send(&event).await.status(), 200);
        }
    }
    futures::future::join_all((0..6).map(|_| company.drain())).await;
    company.drain().await;
    assert_eq!(signs(&company).await, ["shared_buyer:cus_2", "shared_buyer:cus_3", "shared_buyer:cus_4"]);
    assert_eq!(company.count("commissions_ledger where status = 'on_hold'").await, 3);
    assert_eq!(company.count("inbox_events where status = 'failed'").await, 0);
    company.prove_books().await;
}

#[tokio::test]
async fn a_sign_on_what_is_paid_already_is_a_mark_without_a_hold() {
    let company = Company::new().await;
    let ben = company.partner("ben").await;
    company.partner("ada").await;
    company.run("update programs set shared_buyer_sign = 'hold'".to_owned()).await;
    let first = Purchase::new(1).referred("ada");
    let later = Purchase { at: first.at + 60, ..Purchase::new(2).referred("ben") };
    company.take_in(&[later.session(), charge(&later, "fp_1")]).await;
    for status in ["approved", "finalized", "paid"] {
        company.run(format!("update commissions_ledger set status = '{status}'")).await;
    }
    company.take_in(&[first.session(), charge(&first, "fp_1")]).await;
    assert_eq!((signs(&company).await, company.count("holds").await), (vec!["shared_buyer:cus_2".to_owned()], 0));
    assert_eq!(statuses(&company, ben).await, ["paid"]);
}

#[tokio::test]
async fn a_line_that_two_holds_stop_is_gone_once_one_of_them_is_upheld() {
    let company = Company::new().await;
    let ada = company.partner("ada").await;
    company.run("update programs set velocity_sign = 'hold', velocity_per_hour = 1".to_owned()).await;
    let first = Purchase::new(1).referred("ada");
    company.take_in(&first.one_time()).await;
    company.take_in(&Purchase { at: first.at + 60, ..own(2) }.one_time()).await;
    assert_eq!(company.count("holds where status = 'open'").await, 2);
    let of = |sign: &str| format!("select id::text from holds where evidence ->> 'sign' = '{sign}'");
    let hold = async |sign: &str| HoldId(company.text(&of(sign)).await.unwrap().parse().unwrap());

    let now = company.engine.clock.now().await;
    holds::reject(&ADMIN, &company.engine, now, hold("self_referral").await, "Your own purchase").await.unwrap();
    assert_eq!(statuses(&company, ada).await, ["pending", "cancelled"]);
    holds::approve(&ADMIN, &company.engine, now, hold("velocity").await, "A busy hour").await.unwrap();
    assert_eq!(statuses(&company, ada).await, ["pending", "cancelled"]);
    company.prove_books().await;
}

#[tokio::test]
async fn a_rejected_sale_earns_nothing_by_a_better_tier_either() {
    let tier = json!({ "metric": "conversions", "window": "all_time", "at_least": 2, "rate": "20" });
    let company =
        Company::with(json!({ "type": "percent", "rate": "10", "recurring": "forever", "tiers": [tier] }), &[]).await;
    let ada = company.partner("ada").await;
    let own = own(2);
    company.take_in(&own.one_time()).await;
    let now = company.engine.clock.now().await;
    holds::reject(&ADMIN, &company.engine, now, the_hold(&company).await, "Your own purchase").await.unwrap();
    company.take_in(&Purchase { at: own.at - 60, ..Purchase::new(1).referred("ada") }.one_time()).await;
    let lines = company.lines(ada).await;
    let earned: i64 = lines.iter().filter(|line| line.status != "cancelled").map(|line| line.amount_minor).sum();
    assert_eq!(earned, 1_000, "the honest sale alone");
    company.prove_books().await;
}

#[tokio::test]
async fn a_sign_that_was_there_before_the_line_holds_the_line() {
    let cap = json!({ "amount": 2_000, "per": "month" });
    let company =
        Company::with(json!({ "type": "percent", "rate": "20", "recurring": "forever", "cap": cap }), &[]).await;
    let (ada, ben) = (company.partner("ada").await, company.partner("ben").await);
    let first = Purchase::new(1).referred("ada");
    company.take_in(&first.one_time()).await;
    // The cap is used up: there is a sign, and nothing to hold.
    company.take_in(&Purchase { at: first.at + 60, ..own(2) }.one_time()).await;
    assert_eq!((signs(&company).await, company.count("holds").await), (vec!["self_referral:cus_2".to_owned()], 0));
    // The first sale turns out to be another affiliate's, by evidence that counts before a code.
    let discount = json!([{ "promotion_code": { "id": "promo_1", "object": "promotion_code", "code": "BEN20" } }]);
    let mut told = Purchase { discounts: discount, ..first }.session();
    told["id"] = json!("evt_told_again");
    company.take_in(&[told]).await;
    assert_eq!(company.lines(ben).await.len(), 1);
    let open: Vec<String> = statuses(&company, ada).await.into_iter().filter(|status| status != "cancelled").collect();
    assert_eq!((open, company.count("holds where status = 'open'").await), (vec!["on_hold".to_owned()], 1));
    company.prove_books().await;
}
