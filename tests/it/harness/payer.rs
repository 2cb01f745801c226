//! A company that pays through a Stripe sandbox of its own, over HTTP: affiliates with money, connected accounts, faults,
//! and a worker that runs until a batch is done.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use purser::Engine;
use purser::desk::payment_methods::{self, OnboardingUrls};
use purser::desk::payouts;
use purser::domain::actor::{Actor, Role};
use purser::domain::batch::BatchStatus;
use purser::domain::ids::{BatchId, LineId, PaymentMethodId, UserId};
use purser::domain::line::{LineKind, LineStatus};
use purser::domain::money::Money;
use purser::domain::posting::{Account, Posting};
use purser::jobs;
use purser::sandbox::{Endpoint, Options, Running, SECRET_KEY, Sandbox};
use purser::store::batch_views::BatchView;
use purser::store::item_views::{ItemFilter, ItemView};
use purser::store::ledger::{self, NewLine};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Company, Partner, SECRET};

pub const ADMIN: Actor = Actor::User { id: UserId(Uuid::from_u128(1)), role: Role::Finance };
pub const OTHER_ADMIN: Actor = Actor::User { id: UserId(Uuid::from_u128(2)), role: Role::Owner };

pub struct Payer {
    pub company: Company,
    pub sandbox: Running,
}

impl Payer {
    /// Without webhooks: the engine learns outcomes from its own calls alone.
    pub async fn deaf() -> Self {
        Self::with(Options::default()).await
    }

    async fn with(options: Options) -> Self {
        let sandbox = Sandbox::start(options, ([127, 0, 0, 1], 0).into()).await.unwrap();
        let environment = [
            ("STRIPE_SECRET_KEY", SECRET_KEY.to_owned()),
            ("STRIPE_API_BASE", sandbox.url()),
            ("PURSER_CLOCK", "sandbox".to_owned()),
            ("PURSER_TRANSFER_RATE", "1000".to_owned()),
        ];
        let rule = json!({ "type": "percent", "rate": "20", "recurring": "forever" });
        let mut company = Company::with(rule, &environment).await;
        let mut config = (*company.engine.config).clone();
        config.stripe.timeout = Duration::from_millis(400);
        config.stripe.absent_after = TimeDelta::seconds(2);
        company.engine = Engine::new(config, company.engine.pool.clone());
        Self { company, sandbox }
    }

    /// With webhooks to the company's door.
    pub async fn new() -> Self {
        Self::deaf().await.hearing()
    }

    /// With webhooks; the clock shows `start` at first, and the program began then.
    pub async fn starting(start: &str) -> Self {
        let start_at = Some(start.parse().unwrap());
        let payer = Self::with(Options { start_at, ..Options::default() }).await;
        payer.company.run(format!("update programs set created_at = '{start}', schedule_from = '{start}'")).await;
        payer.hearing()
    }

    fn hearing(self) -> Self {
        let payer = self;
        let url = format!("{}/webhooks/stripe", payer.company.url);
        for connect in [false, true] {
            payer.sandbox.sandbox.add_webhook(Endpoint { url: url.clone(), secret: SECRET.to_owned() }, connect);
        }
        payer
    }

    pub fn engine(&self) -> &Engine {
        &self.company.engine
    }

    pub async fn now(&self) -> DateTime<Utc> {
        self.engine().clock.now().await
    }

    /// An affiliate whose Stripe account can be paid.
    pub async fn ready_partner(&self, name: &str) -> Partner {
        let partner = self.company.partner(name).await;
        let account = self.connect(partner).await;
        self.set_account(&account, json!({ "state": "active" })).await;
        let (actor, now) = (actor_of(partner), self.now().await);
        let method = payment_methods::list(&actor, self.engine(), now).await.unwrap().remove(0);
        assert!(method.status.can_be_paid(), "{method:?}");
        partner
    }

    /// Connects a Stripe account and returns its id; onboarding is not done yet.
    pub async fn connect(&self, partner: Partner) -> String {
        let urls = OnboardingUrls {
            refresh_url: "https://partners.example.com/again".to_owned(),
            return_url: "https://partners.example.com/back".to_owned(),
        };
        let now = self.now().await;
        let (method, _) = payment_methods::connect_stripe(&actor_of(partner), self.engine(), now, &urls).await.unwrap();
        method.account.unwrap()
    }

    pub async fn method_id(&self, partner: Partner) -> PaymentMethodId {
        let now = self.now().await;
        payment_methods::list(&actor_of(partner), self.engine(), now).await.unwrap().remove(0).id
    }

    /// Gives the partner a payable line.
    pub async fn earn(&self, partner: Partner, amount_minor: i64, currency: &str) -> LineId {
        let money = Money::new(amount_minor, currency.parse().unwrap());
        self.line(partner, money, LineStatus::Approved, Account::Payable, self.now().await).await
    }

    /// Gives the partner a pending line that matures at a time.
    pub async fn earn_until(&self, partner: Partner, amount_minor: i64, matures_at: DateTime<Utc>) -> LineId {
        let money = Money::new(amount_minor, "usd".parse().unwrap());
        self.line(partner, money, LineStatus::Pending, Account::Pending, matures_at).await
    }

    async fn line(
        &self,
        partner: Partner,
        amount: Money,
        status: LineStatus,
        account: Account,
        matures_at: DateTime<Utc>,
    ) -> LineId {
        let now = self.now().await;
        let mut tx = self.engine().pool.begin().await.unwrap();
        let mut lock = ledger::lock_enrollment(&mut tx, partner.enrollment).await.unwrap();
        let line = NewLine {
            program_id: self.company.program,
            affiliate_id: partner.affiliate,
            campaign_id: None,
            rule_version_id: None,
            conversion_id: None,
            sale_id: None,
            kind: LineKind::Bonus,
            amount,
            reason: "Bonus".to_owned(),
            corrects: None,
            reversed_item_id: None,
            explanation: json!({}),
            cause: "test".to_owned(),
            idempotency_key: Uuid::now_v7().to_string(),
            matures_at,
            earned_at: None,
            status,
            held_from: None,
            posting: Posting::accrue_into(account, amount.amount_minor),
        };
        let id = ledger::add_line(&mut tx, &mut lock, now, &Actor::System("test"), &line).await.unwrap().unwrap();
        tx.commit().await.unwrap();
        id
    }

    /// Drafts, approves and executes; the batch is left to a worker.
    pub async fn process_now(&self) -> BatchId {
        let now = self.now().await;
        let batches = payouts::process_now(&ADMIN, self.engine(), now, Some(self.company.program)).await.unwrap().done;
        assert_eq!(batches.len(), 1, "somebody is due");
        batches[0].id
    }

    /// Works until nothing is due.
    pub async fn work(&self) {
        jobs::payouts::run_until_idle(self.engine()).await;
    }

    /// Works until the batch has the status; a batch that never gets there fails the test.
    pub async fn work_until(&self, batch: BatchId, status: BatchStatus) -> BatchView {
        for _ in 0..200 {
            self.work().await;
            let view = self.batch(batch).await;
            if view.status == status {
                return view;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("the batch is {:?}", self.batch(batch).await);
    }

    pub async fn batch(&self, id: BatchId) -> BatchView {
        payouts::get(&ADMIN, self.engine(), id).await.unwrap()
    }

    /// The batch's items, oldest first.
    pub async fn items(&self, batch: BatchId) -> Vec<ItemView> {
        let filter = ItemFilter { batch_id: Some(batch), ..ItemFilter::default() };
        let page = purser::desk::PageRequest::new(Some(100), None).unwrap();
        let mut items = payouts::items(&ADMIN, self.engine(), &filter, &page).await.unwrap().data;
        items.reverse();
        items
    }

    pub async fn control(&self, path: &str, body: Value) -> Value {
        let url = format!("{}/sandbox/{path}", self.sandbox.url());
        let answer = self.company.http.post(url).json(&body).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{path}: {}", answer.text().await.unwrap());
        answer.json().await.unwrap()
    }

    /// Somebody else's call of Stripe's API with the company's key; `form` is URL-encoded.
    pub async fn call_stripe(&self, path: &str, form: String) -> Value {
        let url = format!("{}/v1/{path}", self.sandbox.url());
        let request = self.company.http.post(url).bearer_auth(SECRET_KEY);
        let request = request.header("content-type", "application/x-www-form-urlencoded").body(form);
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 200, "{path}: {}", answer.text().await.unwrap());
        answer.json().await.unwrap()
    }

    pub async fn set_account(&self, account: &str, state: Value) {
        self.control(&format!("accounts/{account}"), state).await;
    }

    /// Makes the next `times` transfer calls go wrong.
    pub async fn fault(&self, fault: &str, times: u32) {
        let orders = json!([{
            "match": { "method": "POST", "path": "/v1/transfers" }, "times": times, "fault": fault,
        }]);
        self.control("faults", orders).await;
    }

    /// What the sandbox counts as transfers: its own books, the judge of double payment.
    pub async fn transfers(&self) -> Vec<Value> {
        let url = format!("{}/sandbox/transfers/summary", self.sandbox.url());
        let answer: Value = self.company.http.get(url).send().await.unwrap().json().await.unwrap();
        answer["data"].as_array().unwrap().clone()
    }

    /// Each item has at most one transfer; returns how many were made in all.
    pub async fn count_transfers_at_most_one_each(&self) -> usize {
        let transfers = self.transfers().await;
        for transfer in &transfers {
            assert_eq!(transfer["transfers"], 1, "{transfer}");
        }
        transfers.len()
    }

    /// Waits until every webhook is delivered, and takes them in.
    pub async fn take_events(&self) {
        assert!(self.sandbox.sandbox.settle(Duration::from_secs(10)).await, "webhooks are delivered");
        self.company.drain().await;
    }

    pub async fn advance_hours(&self, hours: i64) {
        self.control("advance", json!({ "hours": hours })).await;
    }
}

/// The partner, signed in.
pub fn actor_of(partner: Partner) -> Actor {
    Actor::Affiliate { id: partner.affiliate }
}
