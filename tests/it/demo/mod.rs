//! The demo's scenarios, played through the doors of an app and a sandbox that really serve.

use std::collections::HashMap;

use chrono::Utc;
use purser::clock::Clock;
use purser::config::Config;
use purser::demo::{self, DemoSummary};
use purser::desk::affiliates::{self, AffiliateQuery};
use purser::desk::sign_in::{self, Realm};
use purser::desk::{PageRequest, claims, me, payouts, sales, users};
use purser::domain::actor::{Actor, Role};
use purser::domain::batch::{BatchStatus, ItemStatus, SkipReason};
use purser::domain::claim::ClaimStatus;
use purser::domain::currency::Currency;
use purser::domain::fraud::SignKind;
use purser::domain::ids::BatchId;
use purser::domain::program::HoldStatus;
use purser::sandbox::{Endpoint, Options, Running, SECRET_KEY, Sandbox};
use purser::store::batch_views::{BatchFilter, BatchView};
use purser::store::item_views::{ItemFilter, ItemView};
use purser::{Engine, http, pipeline};

use crate::harness::TestDb;

const ADMIN: Actor = Actor::System("test");

/// An app and a sandbox that deliver to each other, and the database under them.
struct Stage {
    engine: Engine,
    app: String,
    sandbox: Running,
    _db: TestDb,
}

impl Stage {
    async fn set(scenario: &demo::Scenario) -> Self {
        let db = TestDb::new().await;
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let app = format!("http://{}", listener.local_addr().unwrap());
        let (secrets, hook) = (["whsec_account", "whsec_connect"], format!("{app}/webhooks/stripe"));
        let endpoint = |secret: &str| vec![Endpoint { url: hook.clone(), secret: secret.to_owned() }];
        let options = Options {
            seed: Some(demo::SEED),
            webhooks: endpoint(secrets[0]),
            connect_webhooks: endpoint(secrets[1]),
            start_at: Some(scenario.starts_at(Utc::now())),
            ..Options::default()
        };
        let sandbox = Sandbox::start(options, "127.0.0.1:0".parse().unwrap()).await.unwrap();
        let values = HashMap::from([
            ("PURSER_PUBLIC_URL", app.clone()),
            ("PURSER_SECRET_KEY", "ZGVtby1kZW1vLWRlbW8tZGVtby1kZW1vLWRlbW8tZGU=".to_owned()),
            ("STRIPE_SECRET_KEY", SECRET_KEY.to_owned()),
            ("STRIPE_API_BASE", sandbox.url()),
            ("STRIPE_WEBHOOK_SECRETS", secrets.join(",")),
            ("PURSER_CLOCK", "sandbox".to_owned()),
            ("PURSER_TRANSFER_RATE", "500".to_owned()),
        ]);
        let config = Config::read(&|name| values.get(name).cloned()).unwrap();
        let mut engine = Engine::new(config, db.pool.clone());
        engine.clock = Clock::Own(sandbox.sandbox.clone());
        let doors = http::webhooks::router(engine.clone()).merge(http::referral::router(engine.clone()));
        tokio::spawn(async move { axum::serve(listener, doors).await });
        Self { engine, app, sandbox, _db: db }
    }

    async fn play(&self, scenario: &'static demo::Scenario) -> DemoSummary {
        demo::play(&self.engine, &self.app, scenario).await.unwrap()
    }

    async fn affiliates(&self) -> Vec<String> {
        let all = affiliates::list(&self.engine, &ADMIN, &AffiliateQuery::default(), &everything()).await.unwrap();
        all.data.into_iter().map(|affiliate| affiliate.email).collect()
    }

    /// Who is in the batch's list of those left out, and why.
    async fn left_out(&self, batch: BatchId) -> Vec<(String, SkipReason)> {
        let skipped = payouts::skipped(&ADMIN, &self.engine, batch, &PageRequest::default()).await.unwrap().data;
        skipped.into_iter().map(|skipped| (skipped.affiliate_name, skipped.reason)).collect()
    }

    async fn batches(&self, status: BatchStatus) -> Vec<BatchView> {
        let filter = BatchFilter { status: Some(status), ..BatchFilter::default() };
        payouts::list(&ADMIN, &self.engine, &filter, &everything()).await.unwrap().data
    }

    async fn items(&self, filter: ItemFilter) -> Vec<ItemView> {
        payouts::items(&ADMIN, &self.engine, &filter, &everything()).await.unwrap().data
    }
}

fn everything() -> PageRequest {
    PageRequest::new(Some(100), None).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_company_shows_every_condition_and_its_books_hold() {
    let scenario = demo::scenario(None).unwrap();
    let stage = Stage::set(scenario).await;
    let summary = stage.play(scenario).await;
    assert!(!summary.already_played);

    let drafts = stage.batches(BatchStatus::Draft).await;
    let [draft] = drafts.as_slice() else { panic!("one payout waits for review, not {}", drafts.len()) };
    let waiting = stage.items(ItemFilter { batch_id: Some(draft.id), ..ItemFilter::default() }).await;
    assert!(waiting.len() >= 4, "{waiting:?}");
    assert!(waiting.iter().any(|item| item.affiliate_email == "mara@example.com"), "{waiting:?}");
    let left_out = stage.left_out(draft.id).await;
    for (name, reason) in [
        ("Elif Marsh", SkipReason::NoPaymentMethod),
        ("Dario Quist", SkipReason::OnboardingIncomplete),
        ("Nadia Brook", SkipReason::BelowMinimum),
        ("Oskar Lindholt", SkipReason::OnHold),
        ("Petra Vale", SkipReason::NegativeBalance),
    ] {
        assert!(left_out.contains(&(name.to_owned(), reason)), "{name} is not left out as {reason:?}: {left_out:?}");
    }

    assert!(stage.batches(BatchStatus::Completed).await.len() >= 6, "months of payouts are history");
    let posted = stage.items(ItemFilter { status: Some(ItemStatus::Posted), ..ItemFilter::default() }).await;
    assert!(posted.iter().any(|item| item.currency == Currency::EUR), "euros were paid");
    let failed = stage.items(ItemFilter { status: Some(ItemStatus::Failed), ..ItemFilter::default() }).await;
    let [failed] = failed.as_slice() else { panic!("one payout failed, not {}", failed.len()) };
    assert!(failed.error_message.is_some(), "{failed:?}");
    let quinn = Actor::Affiliate { id: failed.affiliate_id };
    assert!(me::unread_notifications(&stage.engine, &quinn).await.unwrap() > 0, "Quinn was told");

    let flagged = sales::SaleQuery { flagged: Some(true), ..sales::SaleQuery::default() };
    let flagged = sales::list(&stage.engine, &ADMIN, &flagged, &everything()).await.unwrap().data;
    let [own] = flagged.as_slice() else { panic!("one sale shows a sign of fraud, not {}", flagged.len()) };
    assert_eq!((own.signs[0].kind, own.signs[0].hold_status), (SignKind::SelfReferral, Some(HoldStatus::Open)));
    let claims = claims::list(&stage.engine, &ADMIN, Some(ClaimStatus::Open), None, &everything()).await.unwrap().data;
    let [claim] = claims.as_slice() else { panic!("one claim waits, not {}", claims.len()) };
    let (_, matches) = claims::get(&stage.engine, &ADMIN, claim.id).await.unwrap();
    assert_eq!(matches[0].sale.email, claim.email, "the claimed sale is found");

    let nobody = sales::SaleQuery { attributed: Some(false), ..sales::SaleQuery::default() };
    let unattributed = sales::list(&stage.engine, &ADMIN, &nobody, &everything()).await.unwrap().data;
    assert_eq!(unattributed.len(), 7, "sales that nobody is credited for");
    let report = pipeline::verify::verify(&stage.engine.pool).await.unwrap();
    assert!(report.holds(), "{:?}", report.first);
    let behind = (Utc::now() - stage.sandbox.sandbox.now()).num_seconds().abs();
    assert!(behind < 120, "the story ends at the present, not {behind} s from it");
    stage.sandbox.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_story_that_was_told_is_recognised_and_not_told_again() {
    let scenario = demo::scenario(Some("first-day")).unwrap();
    let stage = Stage::set(scenario).await;
    let first = stage.play(scenario).await;
    let told = stage.affiliates().await;
    let again = stage.play(scenario).await;
    assert!(again.already_played && !first.already_played);
    assert_eq!(again.logins, first.logins);
    assert_eq!(stage.affiliates().await, told);
    for login in &first.logins {
        let realm = if login.url.contains("/admin") { Realm::Company } else { Realm::Affiliate };
        let now = stage.engine.clock.now().await;
        sign_in::authenticate(&stage.engine, now, realm, &login.email, &login.password, None).await.unwrap();
    }
    stage.sandbox.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_with_another_company_is_left_alone() {
    let scenario = demo::scenario(Some("first-day")).unwrap();
    let stage = Stage::set(scenario).await;
    let now = stage.engine.clock.now().await;
    users::create(&stage.engine, &ADMIN, now, "ada@example.com", Role::Owner).await.unwrap();
    let refused = demo::play(&stage.engine, &stage.app, scenario).await;
    assert!(matches!(refused, Err(demo::Error::NotEmpty(_))), "{refused:?}");
    assert!(stage.affiliates().await.is_empty());
    stage.sandbox.stop().await.unwrap();
}
