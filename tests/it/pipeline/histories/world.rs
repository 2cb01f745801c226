//! Where histories happen: a company and its sandbox, with a program and affiliates of its own for each history.

use chrono::TimeDelta;
use purser::domain::batch::BatchStatus;
use purser::domain::ids::{AffiliateId, BatchId, PayoutItemId, ProgramId};
use purser::sandbox::SECRET_KEY;
use purser::store::payout_items;
use purser::{Engine, clock, jobs};
use serde_json::{Value, json};

use super::history::{Fate, History};
use super::telling::Names;
use crate::harness::{ADMIN, Company, Partner, Payer};

/// Rounds that a batch may take: every fate needs two or three.
const ROUNDS: usize = 12;

/// More than all histories pay.
pub const PLENTY: i64 = 1_000_000_000_000;

/// As many as a history has at most.
const PARTNERS: usize = 2;

/// Only a superuser's session may pass by the triggers that keep the books as they are.
const FORGET: &str = "begin; set local session_replication_role = replica;
    delete from payout_item_lines; delete from transfer_attempts; delete from payout_items; delete from payout_skipped;
    delete from payout_batches; delete from hold_lines; delete from holds; delete from commission_line_history;
    delete from commissions_ledger; delete from ledger_entries; delete from ledger_transactions; delete from balances;
    delete from ledger_chains; delete from commission_period_totals; delete from commission_periods;
    delete from transfer_reversals; delete from inbox_events; commit";

pub struct World {
    payer: Payer,
    /// Affiliates who can be paid, with their accounts; each history enrolls them in its own program.
    affiliates: Vec<(AffiliateId, String)>,
    histories: u32,
}

impl World {
    pub async fn new() -> Self {
        let mut payer = Payer::deaf().await;
        let mut config = (*payer.engine().config).clone();
        config.stripe.absent_after = TimeDelta::zero();
        payer.company.engine = Engine::new(config, payer.engine().pool.clone());
        payer.company.engine.clock = clock::Clock::Own(payer.sandbox.sandbox.clone());
        let mut affiliates = Vec::new();
        for n in 0..PARTNERS {
            let id = payer.ready_partner(&format!("partner{n}")).await.affiliate;
            let account = format!("select stripe_account from payment_methods where affiliate_id = '{}'", id.0);
            affiliates.push((id, payer.company.text(&account).await.unwrap()));
        }
        let world = Self { payer, affiliates, histories: 0 };
        for currency in ["usd", "eur"] {
            world.have(currency, PLENTY).await;
        }
        world
    }

    pub fn engine(&self) -> &Engine {
        self.payer.engine()
    }

    pub fn company(&self) -> &Company {
        &self.payer.company
    }

    pub fn program(&self) -> ProgramId {
        self.payer.company.program
    }

    /// A program and affiliates with connected accounts, for one history. The books of the one before are forgotten, so that
    /// the proof of the books is about this one alone.
    pub async fn begin(&mut self, history: &History) -> (Names, Vec<(Partner, String)>) {
        self.company().run(FORGET.to_owned()).await;
        self.histories += 1;
        let begin = self.engine().clock.now().await.timestamp();
        let names = Names { history: self.histories, begin };
        let slug = format!("program-{}", self.histories);
        self.payer.company.begin_program(&slug, history.rule.json.clone()).await;
        let terms = history.terms;
        self.company()
            .run(format!(
                "update programs set hold_days = {}, auto_credit = {}, min_payout_minor = {}, commission_period = 'day'
                where slug = '{slug}'",
                terms.hold_days, terms.auto_credit, terms.min_payout
            ))
            .await;
        if let Some(min_euros) = terms.min_euros {
            self.company()
                .run(format!(
                    "insert into program_min_payouts (program_id, currency, amount_minor)
                    select id, 'eur', {min_euros} from programs where slug = '{slug}'"
                ))
                .await;
        }
        let mut partners = Vec::new();
        for (n, (affiliate, account)) in self.affiliates.iter().enumerate().take(history.partners) {
            partners.push((self.company().enroll(*affiliate, &names.code(n)).await, account.clone()));
        }
        (names, partners)
    }

    pub async fn advance(&self, days: u32) {
        self.payer.advance_hours(24 * i64::from(days)).await;
    }

    /// What transfers to these accounts meet from now on; nothing when there are none.
    pub async fn meet(&self, fates: Vec<(String, Fate)>) {
        let order = |(account, fate): &(String, Fate)| {
            let (fault, times) = match fate {
                Fate::Arrives => return None,
                Fate::Lost(fault) => (*fault, 1),
                Fate::Refused => ("account_disabled", 1_000),
                Fate::NeverMade => ("500", 1_000),
                Fate::Short => ("balance_insufficient", 1),
            };
            let calls = json!({ "method": "POST", "path": "/v1/transfers", "account": account });
            Some(json!({ "match": calls, "times": times, "fault": fault }))
        };
        let orders: Vec<Value> = fates.iter().filter_map(order).collect();
        let url = format!("{}/sandbox/faults", self.payer.sandbox.url());
        let request = if orders.is_empty() {
            self.company().http.delete(url)
        } else {
            self.company().http.post(url).json(&orders)
        };
        assert_eq!(request.send().await.unwrap().status(), 200);
    }

    /// Stripe has so much of the currency, and no more.
    pub async fn have(&self, currency: &str, available: i64) {
        self.payer.control("balance", json!({ "currency": currency, "available": available })).await;
    }

    /// Works until nothing can be paid for want of balance; says whether the batch waits for it.
    pub async fn work_until_short(&self, batch: BatchId) -> bool {
        jobs::payouts::run_until_idle(self.engine()).await;
        self.payer.batch(batch).await.paused_code.as_deref() == Some("balance_insufficient")
    }

    /// Works until the batch is completed, without waiting for the times at which things are tried again.
    pub async fn work_off(&self, batch: BatchId) -> Result<(), String> {
        let engine = self.engine();
        for _ in 0..ROUNDS {
            jobs::payouts::run_until_idle(engine).await;
            match self.payer.batch(batch).await.status {
                BatchStatus::Completed => return Ok(()),
                BatchStatus::Paused => {
                    let now = engine.clock.now().await;
                    let resumed = purser::desk::payouts::execute(&ADMIN, engine, now, batch).await;
                    resumed.map_err(|error| error.to_string())?;
                }
                _ => payout_items::make_due(&mut engine.pool.acquire().await.unwrap(), batch).await.unwrap(),
            }
        }
        Err(format!("the batch does not end: {:?}, {:?}", self.payer.batch(batch).await, self.payer.items(batch).await))
    }

    /// Reverses a part of the transfer; returns the transfer as it is then.
    pub async fn take_back(&self, transfer: &str, amount: i64) -> Value {
        let url = format!("{}/v1/transfers/{transfer}", self.payer.sandbox.url());
        let http = &self.company().http;
        let request = http.post(format!("{url}/reversals")).bearer_auth(SECRET_KEY);
        let request =
            request.header("content-type", "application/x-www-form-urlencoded").body(format!("amount={amount}"));
        assert_eq!(request.send().await.unwrap().status(), 200);
        self.transfer(transfer).await
    }

    /// The transfer as Stripe shows it.
    pub async fn transfer(&self, transfer: &str) -> Value {
        let url = format!("{}/v1/transfers/{transfer}", self.payer.sandbox.url());
        let request = self.company().http.get(url).bearer_auth(SECRET_KEY);
        request.send().await.unwrap().json().await.unwrap()
    }

    /// What the sandbox counts as transfers of this history's items.
    pub async fn transfers(&self) -> Vec<Value> {
        let items: Vec<uuid::Uuid> =
            sqlx::query_scalar("select id from payout_items").fetch_all(&self.engine().pool).await.unwrap();
        let item = |transfer: &Value| transfer["payout_item_id"].as_str()?.parse::<PayoutItemId>().ok();
        let mut transfers = self.payer.transfers().await;
        transfers.retain(|transfer| item(transfer).is_some_and(|item| items.contains(&item.0)));
        transfers
    }
}
