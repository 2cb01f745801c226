//! The company that a rehearsal pays for: a program, affiliates whose accounts can be paid, and what they have earned, in a
//! database of their own; and the batch that pays it.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures::{StreamExt, TryStreamExt};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};

use super::troupe::Troupe;
use super::{Error, Place, Plan};
use crate::Engine;
use crate::config::Config;
use crate::desk::{PageRequest, payouts, programs};
use crate::domain::actor::Actor;
use crate::domain::batch::{BatchStatus, ItemStatus};
use crate::domain::currency::Currency;
use crate::domain::ids::{AffiliateId, BatchId, EnrollmentId, PaymentMethodId, ProgramId};
use crate::domain::line::{LineKind, LineStatus};
use crate::domain::money::Money;
use crate::domain::posting::{Account, Posting};
use crate::domain::program::AffiliateStatus;
use crate::pipeline::payment_method::apply_account;
use crate::store::affiliates::{self, AffiliateRow};
use crate::store::batch_views::BatchView;
use crate::store::item_views::{ItemFilter, ItemView};
use crate::store::ledger::{self, NewLine};
use crate::store::{self, enrollments, payment_methods};
use crate::stripe::client::{AccountOrder, CallError};

pub(super) const ACTOR: Actor = Actor::System("rehearsal");

/// Affiliates that are made at the same time.
const AT_ONCE: usize = 8;
/// More than the affiliates can earn together.
const FUNDS_MINOR: i64 = 100_000_000_000;
pub(super) const ANSWER_WITHIN: Duration = Duration::from_secs(20);

pub(super) struct Stage {
    pub engine: Engine,
    pub sandbox: SandboxDoor,
    pub batch: BatchId,
    items: usize,
}

impl Stage {
    /// Makes the company, and lets its batch execute.
    pub async fn set(place: &Place, plan: &Plan, troupe: &Troupe) -> Result<Self, Error> {
        let config = Config::read(&|name| troupe.variable(name))?;
        let engine = Engine::connect(config, &place.database_url).await?;
        store::migrate(&engine.pool).await?;
        let sandbox = SandboxDoor::new(&troupe.sandbox_url)?;
        sandbox.control("balance", &json!({ "currency": "usd", "available": FUNDS_MINOR })).await?;
        let now = engine.clock.now().await;
        let program = serde_json::from_value(json!({
            "name": "Rehearsal", "slug": "rehearsal", "currency": "usd", "site_url": "https://shop.example.com",
            "min_payout": 0, "cadence": "manual",
        }));
        let program = program.map_err(|error| Error::Stuck(error.to_string()))?;
        let program = programs::create(&engine, &ACTOR, now, program).await?.id;
        let mut random = StdRng::seed_from_u64(plan.seed);
        let amounts: Vec<i64> = (0..plan.items).map(|_| random.random_range(1_000..90_000)).collect();
        let shared = Arc::new((engine.clone(), sandbox.clone()));
        futures::stream::iter(amounts.into_iter().enumerate())
            .map(|(n, amount_minor)| {
                let shared = shared.clone();
                async move { add_partner(&shared.0, &shared.1, program, now, n, amount_minor).await }
            })
            .buffer_unordered(AT_ONCE)
            .try_collect::<Vec<()>>()
            .await?;
        let started = payouts::process_now(&ACTOR, &engine, now, Some(program)).await?;
        let batch = started.done.first().ok_or_else(|| Error::Stuck("nobody is due".to_owned()))?.id;
        Ok(Self { engine, sandbox, batch, items: plan.items })
    }

    /// How many payouts have come to their end; `None` when the batch has.
    pub async fn progress(&self) -> Option<usize> {
        // While the database is away, nothing is known to have happened.
        let Ok(view) = self.view().await else { return Some(0) };
        let done = view.summary.posted.count.saturating_add(view.summary.failed.count);
        (view.status != BatchStatus::Completed).then(|| usize::try_from(done).unwrap_or(0))
    }

    pub fn is_nearly_done(&self, done: usize) -> bool {
        done.saturating_mul(10) >= self.items.saturating_mul(9)
    }

    /// What an admin does by Ask Now for each payout whose outcome isn't known, rather than wait for its next turn.
    pub async fn ask_about_unresolved(&self) {
        let now = self.engine.clock.now().await;
        for item in self.some_items(ItemStatus::Unresolved).await {
            if let Err(error) = payouts::refresh(&ACTOR, &self.engine, now, item.id).await {
                tracing::debug!(item = %item.id, %error, "a payout can't be asked about now");
            }
        }
    }

    /// How far the batch is, and what is still open in it, in words.
    pub async fn situation(&self) -> String {
        let view = match self.view().await {
            Ok(view) => view,
            Err(error) => return format!("nothing is known of it: {error}"),
        };
        let (posted, failed) = (view.summary.posted.count, view.summary.failed.count);
        let mut text = format!("it is {}, {posted} payouts are posted, {failed} failed", view.status);
        if let Some(reason) = &view.paused_reason {
            text.push_str(&format!(" ({reason})"));
        }
        for status in [ItemStatus::Pending, ItemStatus::Sending, ItemStatus::Processing, ItemStatus::Unresolved] {
            for item in self.some_items(status).await {
                let (code, message) = (item.error_code.unwrap_or_default(), item.error_message.unwrap_or_default());
                text.push_str(&format!("\n  {} is {status} after {} calls: {code} {message}", item.id, item.attempts));
            }
        }
        text
    }

    /// The first payouts in a status; none while the database is away.
    async fn some_items(&self, status: ItemStatus) -> Vec<ItemView> {
        let filter = ItemFilter { batch_id: Some(self.batch), status: Some(status), ..ItemFilter::default() };
        let page = payouts::items(&ACTOR, &self.engine, &filter, &PageRequest::default()).await;
        page.map(|page| page.data).unwrap_or_default()
    }

    async fn view(&self) -> Result<BatchView, crate::desk::Error> {
        payouts::get(&ACTOR, &self.engine, self.batch).await
    }

    pub async fn close(self) {
        self.engine.pool.close().await;
    }
}

/// An affiliate with a Stripe account that takes transfers, and with what they have earned.
async fn add_partner(
    engine: &Engine,
    sandbox: &SandboxDoor,
    program_id: ProgramId,
    now: DateTime<Utc>,
    n: usize,
    amount_minor: i64,
) -> Result<(), Error> {
    let (affiliate_id, enrollment_id) = (AffiliateId::new(now), EnrollmentId::new(now));
    let email = format!("partner{n}@partners.example.org");
    let name = format!("Partner {n}");
    let status = AffiliateStatus::Active;
    let row = AffiliateRow { id: affiliate_id, email: email.clone(), name, status, created_at: now, updated_at: now };
    let mut tx = engine.pool.begin().await?;
    affiliates::insert(&mut tx, &row).await?;
    enrollments::insert(&mut tx, enrollment_id, affiliate_id, program_id, now).await?;
    let method = payment_methods::find_or_start_connect(&mut tx, now, affiliate_id, PaymentMethodId::new(now)).await?;
    tx.commit().await?;

    let client = engine.stripe.as_ref().ok_or_else(|| Error::Stuck("the sandbox has no key".to_owned()))?;
    let order = AccountOrder { email, affiliate_id, payment_method_id: method.id };
    let account = client.create_account(&order, &method.account_key).await.map_err(refused)?;
    sandbox.control(&format!("accounts/{}", account.id), &json!({ "state": "active" })).await?;
    let account = client.account(&account.id).await.map_err(refused)?;

    let mut tx = engine.pool.begin().await?;
    apply_account(&mut tx, now, now, &account).await?;
    let mut lock = ledger::lock_enrollment(&mut tx, enrollment_id).await.map_err(crate::pipeline::Error::from)?;
    let line = earned(program_id, affiliate_id, now, amount_minor);
    ledger::add_line(&mut tx, &mut lock, now, &ACTOR, &line).await.map_err(crate::pipeline::Error::from)?;
    tx.commit().await?;
    Ok(())
}

fn refused(error: CallError) -> Error {
    Error::Sandbox { path: "/v1/accounts".to_owned(), said: error.to_string() }
}

fn earned(program_id: ProgramId, affiliate_id: AffiliateId, now: DateTime<Utc>, amount_minor: i64) -> NewLine {
    NewLine {
        program_id,
        affiliate_id,
        campaign_id: None,
        rule_version_id: None,
        conversion_id: None,
        sale_id: None,
        kind: LineKind::Bonus,
        amount: Money::new(amount_minor, Currency::USD),
        reason: "Earned in a rehearsal".to_owned(),
        corrects: None,
        reversed_item_id: None,
        explanation: json!({}),
        cause: "rehearsal".to_owned(),
        idempotency_key: format!("rehearsal:{affiliate_id}"),
        matures_at: now,
        earned_at: None,
        status: LineStatus::Approved,
        held_from: None,
        posting: Posting::accrue_into(Account::Payable, amount_minor),
    }
}

/// The sandbox's controls and its own books.
#[derive(Debug, Clone)]
pub(super) struct SandboxDoor {
    url: String,
    http: reqwest::Client,
}

impl SandboxDoor {
    fn new(url: &str) -> Result<Self, Error> {
        let http = reqwest::Client::builder().no_proxy().timeout(ANSWER_WITHIN).build()?;
        Ok(Self { url: url.to_owned(), http })
    }

    async fn control(&self, path: &str, body: &Value) -> Result<Value, Error> {
        let answer = self.http.post(format!("{}/sandbox/{path}", self.url)).json(body).send().await?;
        if !answer.status().is_success() {
            return Err(Error::Sandbox { path: path.to_owned(), said: answer.text().await? });
        }
        Ok(answer.json().await?)
    }

    pub async fn read(&self, path: &str) -> Result<Vec<Value>, Error> {
        let answer: Value = self.http.get(format!("{}/sandbox/{path}", self.url)).send().await?.json().await?;
        Ok(answer["data"].as_array().cloned().unwrap_or_default())
    }

    pub async fn add_faults(&self, faults: &[Value]) -> Result<(), Error> {
        self.control("faults", &json!(faults)).await.map(drop)
    }

    pub async fn clear_faults(&self) -> Result<(), Error> {
        self.http.delete(format!("{}/sandbox/faults", self.url)).send().await?.error_for_status()?;
        Ok(())
    }

    /// Whether nearly none of the faults that were asked for wait any more.
    pub async fn faults_are_used_up(&self) -> Result<bool, Error> {
        Ok(self.read("faults").await?.len() < 2)
    }

    /// How often each fault has struck, by its name.
    pub async fn faults_struck(&self) -> Result<std::collections::BTreeMap<String, usize>, Error> {
        let mut struck = std::collections::BTreeMap::new();
        for call in self.read("log").await? {
            if let Some(fault) = call["fault"].as_str() {
                *struck.entry(fault.to_owned()).or_default() += 1;
            }
        }
        Ok(struck)
    }
}
