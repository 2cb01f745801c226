//! What affiliates read of money that is available, and batches in the console: approved before they are paid, and followed by the
//! lists.

use axum::http::StatusCode;
use chrono::Utc;
use purser::desk::adjustments::{self, NewAdjustment};
use purser::desk::affiliates::{self, AffiliatePatch};
use purser::desk::enrollments::NewEnrollment;
use purser::desk::programs::{self, NewProgram, Program};
use purser::desk::users;
use purser::domain::actor::{Actor, Role};
use purser::domain::currency::Currency;
use purser::domain::line::LineKind;

use crate::visitor::{Portals, Visitor, set_password};

const SETUP: Actor = Actor::System("test");

impl Portals {
    /// Pat is in a program in euros that pays from 10.00 on.
    async fn enroll_pat(&self) -> Program {
        self.enroll_pat_in("Spring").await
    }

    async fn enroll_pat_in(&self, name: &str) -> Program {
        let new = serde_json::json!({ "name": name, "currency": "eur", "site_url": "https://example.com" });
        let new: NewProgram = serde_json::from_value(new).unwrap();
        let program = programs::create(&self.engine, &SETUP, Utc::now(), new).await.unwrap();
        let enrollment = NewEnrollment { program: program.slug.clone(), code: None, coupons: None, status: None };
        let patch = AffiliatePatch { enrollments: Some(vec![enrollment]), ..AffiliatePatch::default() };
        affiliates::update(&self.engine, &SETUP, Utc::now(), self.pat().await, patch).await.unwrap();
        program
    }

    async fn pat(&self) -> purser::domain::ids::AffiliateId {
        let id = sqlx::query_scalar("select id from affiliates").fetch_one(&self.engine.pool).await.unwrap();
        purser::domain::ids::AffiliateId(id)
    }

    /// A bonus, which is available at once.
    async fn give(&self, program: &Program, amount_minor: i64) {
        let bonus = NewAdjustment {
            affiliate: self.pat().await,
            program: program.slug.clone(),
            kind: LineKind::Bonus,
            amount_minor,
            currency: Currency::EUR,
            reason: "For the talk in May.".to_owned(),
        };
        adjustments::add(&SETUP, &self.engine, Utc::now(), &bonus, &format!("bonus-{amount_minor}")).await.unwrap();
    }

    /// Pat has a Stripe account in this state, in place of the one before.
    async fn connect_pat(&self, status: &str) {
        let statement =
            "insert into payment_methods (id, affiliate_id, type, status, stripe_account, account_key, created_at)
            select gen_random_uuid(), id, 'stripe_connect', $1, 'acct_pat', 'account:pat', now() from affiliates
            on conflict (account_key) do update set status = excluded.status";
        sqlx::query(statement).bind(status).execute(&self.engine.pool).await.unwrap();
    }
}

const METHOD: &str = r#"<a href="/settings/payment-method">"#;

/// What home, the list and the line's own page say of what happens next.
async fn assert_next(partner: &mut Visitor, words: &str) {
    let list = partner.get("/earnings").await.text;
    let at = list.find(r#"href="/earnings/com_"#).unwrap() + r#"href=""#.len();
    let line = &list[at..at + list[at..].find('"').unwrap()];
    for path in ["/", "/earnings", line] {
        let page = partner.get(path).await.text;
        assert!(page.contains(words), "{words} is not at {path}: {page}");
        let goes = page.contains("Goes into the next payout");
        assert_eq!(goes, words.contains("Goes into"), "{path}: {page}");
    }
}

#[tokio::test]
async fn available_money_says_what_it_really_waits_for() {
    let portals = Portals::open().await;
    let program = portals.enroll_pat().await;
    let mut partner = portals.partner().await;
    portals.give(&program, 400).await;
    portals.connect_pat("verified").await;
    let list = partner.get("/earnings").await.text;
    assert!(list.contains("Waits until 10.00 EUR is available"), "{list}");
    assert!(partner.get("/").await.text.contains("6.00 EUR more until it is paid"));

    portals.give(&program, 3_600).await;
    assert_next(&mut partner, "Goes into the next payout").await;
    portals.connect_pat("restricted").await;
    assert_next(&mut partner, &format!("{METHOD}Waits until Stripe can pay you")).await;
    sqlx::query("delete from payment_methods").execute(&portals.engine.pool).await.unwrap();
    assert_next(&mut partner, &format!("{METHOD}Waits for your payment method")).await;
}

/// The draft of a batch that pays Pat.
async fn draft(portals: &Portals, owner: &mut Visitor) -> String {
    let program = portals.enroll_pat().await;
    portals.give(&program, 4_000).await;
    portals.connect_pat("verified").await;
    let drafted = owner.post("/admin/do/draft-payouts", "program=").await;
    assert!(drafted.location().starts_with("/admin/payouts/bat_"), "{}", drafted.location());
    drafted.location().to_owned()
}

#[tokio::test]
async fn a_batch_approved_without_paying_says_who_approved_it_and_offers_to_pay() {
    let portals = Portals::open().await;
    let mut owner = portals.owner().await;
    let page = draft(&portals, &mut owner).await;
    let id = page.rsplit('/').next().unwrap();
    assert!(owner.get(&page).await.text.contains("Approve without paying yet"));
    let approved = owner.post("/admin/do/approve-payout", &format!("id={id}")).await;
    assert_eq!(approved.location(), page);
    let shown = owner.get(&page).await.text;
    assert!(shown.contains("approved on ") && shown.contains(" by owner@example.com."), "{shown}");
    assert!(!shown.contains("Leave out"), "{shown}");
    assert!(shown.contains("Pay 1 affiliate 40.00 EUR") && !shown.contains("Approve without paying"), "{shown}");
    assert!(owner.get("/admin").await.text.contains("/admin/payouts?status=approved"), "the home reminds of it");
    let moved: i64 = sqlx::query_scalar("select count(*) from payout_items where status <> 'pending'")
        .fetch_one(&portals.engine.pool)
        .await
        .unwrap();
    assert_eq!(moved, 0);
}

#[tokio::test]
async fn approving_without_paying_asks_for_the_second_person_as_well() {
    let portals = Portals::open().await;
    let mut owner = portals.owner().await;
    let page = draft(&portals, &mut owner).await;
    sqlx::query("update payout_batches set four_eyes_above_minor = 100").execute(&portals.engine.pool).await.unwrap();
    let fields = format!("id={}", page.rsplit('/').next().unwrap());
    owner.post("/admin/do/approve-payout", &fields).await;
    assert!(owner.get(&page).await.text.contains("Approve without paying yet"), "who drafted it can't approve it");

    let now = Utc::now();
    let finance = users::create(&portals.engine, &SETUP, now, "finance@example.com", Role::Finance).await.unwrap();
    set_password(&portals.engine, &finance.set_password_url).await;
    let mut finance = portals.visitor();
    finance.sign_in("/admin/do/sign-in", "finance@example.com", crate::visitor::PASSWORD).await;
    finance.post("/admin/do/approve-payout", &fields).await;
    assert!(finance.get(&page).await.text.contains(" by finance@example.com."));
}

#[tokio::test]
async fn the_lists_of_batches_and_runs_follow_what_happens() {
    let portals = Portals::open().await;
    let mut owner = portals.owner().await;
    assert_eq!(
        portals.visitor().get("/admin/live/payouts").await.location(),
        "/admin/sign-in?next=/admin/live/payouts"
    );
    let mut versions = vec![version(&mut owner).await];
    let page = draft(&portals, &mut owner).await;
    versions.push(version(&mut owner).await);
    assert_eq!(version(&mut owner).await, versions[1], "nothing happened since");
    owner.post("/admin/do/approve-payout", &format!("id={}", page.rsplit('/').next().unwrap())).await;
    versions.push(version(&mut owner).await);
    for change in [
        "update payout_batches set status = 'executing', executed_at = now()",
        "update payout_items set status = 'sending'",
        "update payout_items set status = 'unresolved'",
    ] {
        sqlx::query(change).execute(&portals.engine.pool).await.unwrap();
        versions.push(version(&mut owner).await);
    }
    versions.dedup();
    assert_eq!(versions.len(), 6, "each change is seen: {versions:?}");
    let older = format!("/admin/payouts?cursor={}", page.rsplit('/').next().unwrap());
    for (path, follows) in [("/admin/payouts", true), ("/admin/runs", true), (older.as_str(), false)] {
        let list = owner.get(path).await;
        assert_eq!((list.status, list.text.contains("/admin/live/payouts")), (StatusCode::OK, follows), "{path}");
    }
}

async fn version(owner: &mut Visitor) -> String {
    let answer = owner.get("/admin/live/payouts").await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    answer.text
}

#[tokio::test]
async fn a_program_without_anybody_due_never_leads_to_another_program_s_draft() {
    let portals = Portals::open().await;
    let mut owner = portals.owner().await;
    let page = draft(&portals, &mut owner).await;
    let empty = portals.enroll_pat_in("Empty").await;
    let led = owner.post("/admin/do/draft-payouts", &format!("program={}", empty.id)).await;
    assert_eq!(led.location(), "/admin/payouts");
    assert!(owner.get("/admin/payouts").await.text.contains("Nobody is due"));
    let led = owner.post("/admin/do/draft-payouts", "program=").await;
    assert_eq!(led.location(), page, "of all programs it is the draft that waits");

    let item = item_page(&mut owner, &page).await;
    let fields = format!("id={}&batch={}&reason=Asked+to+wait", last(&item), last(&page));
    owner.post("/admin/do/leave-out-item", &fields).await;
    portals.connect_pat("restricted").await;
    let led = owner.post("/admin/do/draft-payouts", "program=").await;
    assert_eq!(led.location(), "/admin/payouts", "a draft that pays nobody is none to lead to");
}

#[tokio::test]
async fn who_was_left_out_is_told_with_the_reason_the_name_and_the_payout_that_has_the_money() {
    let portals = Portals::open().await;
    let mut owner = portals.owner().await;
    let page = draft(&portals, &mut owner).await;
    let item = item_page(&mut owner, &page).await;
    let fields = format!("id={}&batch={}&reason=Asked+to+wait", last(&item), last(&page));
    owner.post("/admin/do/leave-out-item", &fields).await;
    for path in [&item, &page] {
        let text = owner.get(path).await.text;
        assert!(text.contains("Asked to wait") && text.contains("owner@example.com"), "{path}: {text}");
    }
    let batch = owner.get(&page).await.text;
    assert!(batch.contains("Left out: ") && batch.contains("40.00 EUR to Pat Marlow"), "the history has it: {batch}");
    assert!(batch.contains("40.00 EUR waits; listed below"), "{batch}");
    assert!(owner.get(&item).await.text.contains("the money is due again"));
    owner.post("/admin/do/draft-payouts", "program=").await;
    let told = owner.get(&item).await.text;
    assert!(told.contains("Its money is in ") && !told.contains("the money is due again"), "{told}");
}

/// The page of the draft's only payout.
async fn item_page(owner: &mut Visitor, page: &str) -> String {
    let text = owner.get(page).await.text;
    let at = text.find("/admin/payout-items/pit_").unwrap_or_else(|| panic!("{text}"));
    let end = text[at..].find(['"', '#']).unwrap();
    text[at..at + end].to_owned()
}

fn last(path: &str) -> &str {
    path.rsplit('/').next().unwrap()
}
