//! Execution: one claimed item through one step: a call with its key, or a question to the rail, and the record of what
//! came of it. No transaction is open across a network call; the attempt is written and committed before the call, so that
//! a call whose end nobody saw is known (design §8). The loop that claims items is `jobs::payouts`.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::Acquire;
use tokio::time::Instant;
use uuid::Uuid;

use super::outcome::{self, Call, SHORT, Verdict};
use super::{Error, approve};
use crate::Engine;
use crate::domain::actor::Actor;
use crate::domain::batch::{ItemStatus, Rail as RailName};
use crate::domain::ids::{BatchId, PayoutItemId};
use crate::domain::payout::{Step as NextStep, pause_after};
use crate::failpoint::Step;
use crate::rails::{self, Order, Rail, SendOutcome, StopCode, Unanswered};
use crate::store::payout_claims::{self, ClaimedItem, Wanted};
use crate::store::{payout_batches, rate};

/// The only rail so far whose calls are made here; its bucket of tokens bears its name.
const RAIL: RailName = RailName::StripeConnect;

/// How soon the rail is asked again about an item that it doesn't show yet.
const ASK_AGAIN: TimeDelta = TimeDelta::seconds(3);
/// How soon a refused call is repeated whose earlier try may have moved the money, when the rail couldn't be asked.
const CALL_AGAIN: TimeDelta = TimeDelta::seconds(10);

/// Calls under way in one process, whatever the rate.
const MOST_IN_FLIGHT: usize = 512;

const ACTOR: Actor = Actor::System("payouts");

/// A worker's name in leases.
pub type Owner = Uuid;

/// What there is to do right now.
#[derive(Debug)]
pub enum Claim {
    /// These, at least one.
    Items(Vec<ClaimedItem>),
    NothingDue,
    /// Nothing before the rail's rate allows it: after this time.
    NotYet(Duration),
}

/// Claims at most `at_most` due items for `owner`, and no more than the rail's rate allows at this moment: so nobody holds an
/// item that has to wait for its turn, and each process has at most a fraction of a second's items in hand.
///
/// # Errors
/// See [`Error`].
pub async fn claim_due(engine: &Engine, owner: Owner, at_most: usize) -> Result<Claim, Error> {
    let mut conn = engine.pool.acquire().await?;
    if at_most == 0 || !payout_claims::any_due(&mut conn).await? {
        return Ok(Claim::NothingDue);
    }
    let mut tx = conn.begin().await?;
    let allowance = rate::allowance(&mut tx, RAIL.as_str(), engine.config.stripe.transfers_per_second).await?;
    if allowance.tokens == 0 {
        tx.commit().await?;
        return Ok(Claim::NotYet(allowance.next));
    }
    let at_most = allowance.tokens.min(i64::try_from(at_most).unwrap_or(i64::MAX));
    let claimed = payout_claims::claim(&mut tx, owner, lease(engine), Wanted::Due { at_most }).await?;
    rate::spend(&mut tx, RAIL.as_str(), i64::try_from(claimed.len()).unwrap_or(at_most)).await?;
    tx.commit().await?;
    engine.config.payouts.failpoint.reach(Step::Claimed);
    Ok(if claimed.is_empty() { Claim::NothingDue } else { Claim::Items(claimed) })
}

/// How many calls may be under way in one process: as many as the rate starts in a second, so that an answer may take that long
/// without slowing the batch down (Little's law), within bounds.
pub fn most_in_flight(engine: &Engine) -> usize {
    usize::try_from(engine.config.stripe.transfers_per_second).unwrap_or(MOST_IN_FLIGHT).clamp(8, MOST_IN_FLIGHT)
}

fn lease(engine: &Engine) -> Duration {
    engine.config.payouts.lease
}

/// Takes one item whose outcome isn't known a step further at once, whether it is due or not; nothing when a worker has it.
///
/// # Errors
/// See [`Error`].
pub async fn advance_one(engine: &Engine, now: DateTime<Utc>, id: PayoutItemId) -> Result<(), Error> {
    let owner = Uuid::now_v7();
    let mut conn = engine.pool.acquire().await?;
    let claimed = payout_claims::claim(&mut conn, owner, lease(engine), Wanted::One(id)).await?;
    drop(conn);
    for item in claimed {
        advance(engine, now, owner, &item).await?;
        approve::complete(&engine.pool, now, item.batch_id).await?;
    }
    Ok(())
}

/// Takes one claimed item one step further and records the outcome.
///
/// # Errors
/// See [`Error`]; the item then stays under its lease until that runs out.
pub async fn advance(engine: &Engine, now: DateTime<Utc>, owner: Owner, item: &ClaimedItem) -> Result<(), Error> {
    let work = Work { engine, owner, item, order: order_of(item), began: Instant::now(), now };
    let Some(rail) = rails::of(engine, item.rail) else {
        let reason = "Stripe isn't connected: set STRIPE_SECRET_KEY and start again.";
        work.waits("not_connected", reason, TimeDelta::seconds(30)).await?;
        return pause(engine, item.batch_id, StopCode::Unauthorized.as_str(), reason).await;
    };
    match item.history.next_step(now, item.paused) {
        NextStep::Call => work.call(rail.as_ref()).await,
        NextStep::Ask { absence_ends_it } => work.ask(rail.as_ref(), absence_ends_it).await,
    }
}

async fn pause(engine: &Engine, batch_id: BatchId, code: &str, reason: &str) -> Result<(), Error> {
    let mut conn = engine.pool.acquire().await?;
    if payout_batches::pause(&mut conn, batch_id, code, reason).await? {
        tracing::warn!(batch = %batch_id, code, "a payout batch is paused");
    }
    Ok(())
}

fn order_of(item: &ClaimedItem) -> Order {
    Order {
        item_id: item.id,
        batch_id: item.batch_id,
        affiliate_id: item.affiliate_id,
        amount: item.amount,
        destination: item.destination.clone(),
        idempotency_key: item.idempotency_key.clone(),
    }
}

/// One step of one item.
struct Work<'a> {
    engine: &'a Engine,
    owner: Owner,
    item: &'a ClaimedItem,
    order: Order,
    began: Instant,
    now: DateTime<Utc>,
}

impl Work<'_> {
    /// The business time by now: what it was at the beginning, and the time that has passed since.
    fn time(&self) -> DateTime<Utc> {
        self.now + TimeDelta::from_std(self.began.elapsed()).unwrap_or_default()
    }

    async fn record(&self, call: Option<&Call>, verdict: &Verdict) -> Result<(), Error> {
        outcome::record(self.engine, self.time(), self.item, self.owner, call, verdict).await
    }

    async fn waits(&self, code: &str, message: &str, pause: TimeDelta) -> Result<(), Error> {
        self.record(None, &self.waiting(code, message, pause)).await
    }

    fn waiting(&self, code: &str, message: &str, pause: TimeDelta) -> Verdict {
        let to = self.item.history.standing_by();
        Verdict::Waits { to, pause, code: code.to_owned(), message: message.to_owned() }
    }

    async fn call(&self, rail: &dyn Rail) -> Result<(), Error> {
        let failpoint = self.engine.config.payouts.failpoint;
        let mut conn = self.engine.pool.acquire().await?;
        let begun =
            payout_claims::begin_attempt(&mut conn, self.item, self.owner, lease(self.engine), self.time()).await?;
        drop(conn);
        let Some(n) = begun else {
            return self.waits("paused", "The batch was stopped before the call.", TimeDelta::zero()).await;
        };
        failpoint.reach(Step::AttemptBegun);
        let answer = failpoint.during(Step::Calling, rail.send(&self.order)).await;
        failpoint.reach(Step::Answered);
        let call = call_of(n, &answer);
        let verdict = self.judge(rail, &answer).await?;
        self.record(Some(&call), &verdict).await?;
        failpoint.reach(Step::Recorded);
        self.after(&answer).await
    }

    /// What the answer makes of the item.
    async fn judge(&self, rail: &dyn Rail, answer: &SendOutcome) -> Result<Verdict, Error> {
        let tries = self.item.attempts.saturating_add(1);
        Ok(match answer {
            SendOutcome::Posted { transfer_id } => Verdict::Posted { transfer_id: transfer_id.clone() },
            SendOutcome::Failed { code, message } => self.refused(rail, code, message).await,
            SendOutcome::NotExecuted { code, message, .. } => self.waiting(code, message, pause_after(tries)),
            SendOutcome::BalanceInsufficient { message } => self.short(rail, message).await,
            SendOutcome::Stop { code: StopCode::Unauthorized, message } => {
                self.waiting(StopCode::Unauthorized.as_str(), message, TimeDelta::zero())
            }
            SendOutcome::Stop { code, message } => unresolved(code.as_str(), message, TimeDelta::zero()),
            SendOutcome::Unknown { message, .. } => unresolved("unknown", message, pause_after(tries)),
        })
    }

    /// A refusal ends the item, unless an earlier call may have moved the money: then the rail must show that it didn't.
    async fn refused(&self, rail: &dyn Rail, code: &str, message: &str) -> Verdict {
        let failed = Verdict::Failed { code: code.to_owned(), message: message.to_owned(), replaced: false };
        self.unless_moved(rail, failed, message).await
    }

    async fn unless_moved(&self, rail: &dyn Rail, failed: Verdict, message: &str) -> Verdict {
        if !self.item.history.may_have_moved {
            return failed;
        }
        match self.look(rail).await {
            Ok(Some(transfer_id)) => Verdict::Posted { transfer_id },
            Ok(None) if self.absence_is_proof() => failed,
            Ok(None) => unresolved("unknown", message, self.proof_in()),
            Err(Unanswered(why)) => unresolved("unknown", &why, CALL_AGAIN),
        }
    }

    /// The item waits for the balance, under which its key is of no use any more: the rail keeps its refusal. When an earlier
    /// call may have moved the money, a new item takes its place only once the rail has shown that it didn't.
    async fn short(&self, rail: &dyn Rail, message: &str) -> Verdict {
        if !self.item.history.may_have_moved {
            return Verdict::Short { message: message.to_owned() };
        }
        let text = format!("{message} A new payout takes its place.");
        let replaced = Verdict::Failed { code: SHORT.to_owned(), message: text, replaced: true };
        self.unless_moved(rail, replaced, message).await
    }

    /// What follows from the answer for others than this item.
    async fn after(&self, answer: &SendOutcome) -> Result<(), Error> {
        let batch_id = self.item.batch_id;
        match answer {
            SendOutcome::NotExecuted { too_fast: true, .. } => {
                let mut conn = self.engine.pool.acquire().await?;
                Ok(rate::slow_down(&mut conn, self.item.rail.as_str()).await?)
            }
            SendOutcome::Stop { code, message } => pause(self.engine, batch_id, code.as_str(), message).await,
            _ => Ok(()),
        }
    }

    /// Asks the rail whether the item's transfer exists.
    async fn ask(&self, rail: &dyn Rail, absence_ends_it: bool) -> Result<(), Error> {
        if !self.item.history.may_have_moved {
            return self.waits("paused", "The batch was stopped before the call.", TimeDelta::zero()).await;
        }
        let verdict = match self.look(rail).await {
            Ok(Some(transfer_id)) => Verdict::Posted { transfer_id },
            Ok(None) if absence_ends_it && self.absence_is_proof() => {
                let message = "Stripe has no transfer for this payout: nothing was sent.".to_owned();
                Verdict::Failed { code: "no_transfer".to_owned(), message, replaced: false }
            }
            Ok(None) => unresolved("unknown", "Stripe doesn't show a transfer yet; it is asked again.", ASK_AGAIN),
            Err(Unanswered(why)) => unresolved("unknown", &why, ASK_AGAIN),
        };
        self.record(None, &verdict).await
    }

    async fn look(&self, rail: &dyn Rail) -> Result<Option<String>, Unanswered> {
        rail.find(&self.order).await
    }

    /// The refusal is kept for the key, so that another call before then would bring nothing new.
    fn proof_in(&self) -> TimeDelta {
        self.item.history.proof_in(self.now, self.engine.config.stripe.absent_after)
    }

    fn absence_is_proof(&self) -> bool {
        self.item.history.absence_is_proof(self.now, self.engine.config.stripe.absent_after)
    }
}

fn unresolved(code: &str, message: &str, pause: TimeDelta) -> Verdict {
    Verdict::Waits { to: ItemStatus::Unresolved, pause, code: code.to_owned(), message: message.to_owned() }
}

fn call_of(n: i32, answer: &SendOutcome) -> Call {
    let (outcome, http_status, code, message) = match answer {
        SendOutcome::Posted { .. } => return Call { n, outcome: "posted", http_status: Some(200), error: None },
        SendOutcome::Failed { code, message } => ("failed", None, code.as_str(), message),
        SendOutcome::NotExecuted { code, message, .. } => ("not_executed", None, code.as_str(), message),
        SendOutcome::BalanceInsufficient { message } => ("balance_insufficient", None, SHORT, message),
        SendOutcome::Stop { code: StopCode::Unauthorized, message } => {
            ("not_executed", None, StopCode::Unauthorized.as_str(), message)
        }
        // Whatever the key was used for before may have moved money.
        SendOutcome::Stop { code, message } => ("unknown", None, code.as_str(), message),
        SendOutcome::Unknown { http_status, message } => ("unknown", *http_status, "unknown", message),
    };
    Call { n, outcome, http_status, error: Some((code.to_owned(), message.clone())) }
}

/// Completes the batches whose items are all final and that nobody completed: their last worker was killed, or events
/// posted what a paused batch was waiting for.
///
/// # Errors
/// See [`Error`].
pub async fn complete_finished(engine: &Engine, now: DateTime<Utc>) -> Result<(), Error> {
    let mut conn = engine.pool.acquire().await?;
    let finished = payout_batches::finished(&mut conn).await?;
    drop(conn);
    for batch in finished {
        match approve::start(&engine.pool, now, &ACTOR, batch).await {
            Err(approve::Refusal::Stage(error)) => return Err(error),
            // Another process completed it in between.
            Err(approve::Refusal::Conflict { code: "illegal_transition", .. }) => {}
            Err(refusal) => tracing::warn!(%batch, %refusal, "a finished batch is not completed"),
            Ok(()) => drop(approve::complete(&engine.pool, now, batch).await?),
        }
    }
    Ok(())
}
