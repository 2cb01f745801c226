//! Payouts that wait for the rail's balance. One look asks the balance once and acts for every batch under way: what fits into it
//! is tried again, what is more than it stands aside, and a batch of which nothing can be paid pauses until something can be.
//! Looks may happen in any number of processes; at worst a payout is refused once more, and then waits longer.

use chrono::{DateTime, Utc};

use super::{Error, approve, outcome, payout_run};
use crate::Engine;
use crate::domain::actor::Actor;
use crate::domain::currency::Currency;
use crate::domain::funds::{Shortage, sentence};
use crate::domain::ids::BatchId;
use crate::domain::money::Money;
use crate::store::funds::{self, Live, WaitingItem};

const ACTOR: Actor = Actor::System("payouts");

/// Waiting items that are read at once.
const AT_ONCE: i64 = 200;

const TOO_LITTLE: &str = "Stripe's available balance is too low for it.";

/// Looks whether the balance covers anything that waits for it. Returns how many items are tried again.
///
/// # Errors
/// See [`Error`].
pub async fn look(engine: &Engine, now: DateTime<Utc>) -> Result<usize, Error> {
    let mut conn = engine.pool.acquire().await?;
    if !funds::anything_waits(&mut conn).await? {
        return Ok(0);
    }
    drop(conn);
    // No connection is held while Stripe is asked.
    let Some(available) = payout_run::available(engine).await else { return Ok(0) };
    let live = set_aside(engine, &available).await?;
    let mut released = 0;
    for currency in currencies(&live) {
        let budget = budget(&live, &available, currency);
        resume(engine, now, &live, budget).await?;
        released += release(engine, now, budget).await?;
    }
    tell(engine, &live, &available).await?;
    Ok(released)
}

fn currencies(live: &[Live]) -> Vec<Currency> {
    let mut all: Vec<Currency> = live.iter().map(|of| of.currency).collect();
    all.sort_unstable();
    all.dedup();
    all
}

fn available_in(available: &[Money], currency: Currency) -> Money {
    available.iter().find(|part| part.currency == currency).copied().unwrap_or(Money::new(0, currency))
}

/// What is available beyond what is about to leave anyway.
fn budget(live: &[Live], available: &[Money], currency: Currency) -> Money {
    let leaving = live.iter().filter(|of| of.currency == currency).map(|of| of.leaving_minor);
    let left = leaving.fold(available_in(available, currency).amount_minor, i64::saturating_sub);
    Money::new(left, currency)
}

/// Puts aside what is yet to be tried and can't be paid, and reads what is live then.
async fn set_aside(engine: &Engine, available: &[Money]) -> Result<Vec<Live>, Error> {
    let mut conn = engine.pool.acquire().await?;
    let live = funds::live(&mut conn).await?;
    let mut changed = 0;
    for currency in currencies(&live) {
        changed += funds::set_aside_above(&mut conn, available_in(available, currency), TOO_LITTLE).await?;
    }
    Ok(if changed == 0 { live } else { funds::live(&mut conn).await? })
}

/// Lets batches go on that stand still for want of balance and of which something can be paid, or that were given something to
/// pay since.
async fn resume(engine: &Engine, now: DateTime<Utc>, live: &[Live], budget: Money) -> Result<(), Error> {
    let fits = |of: &Live| of.untried > 0 || of.least_ready_minor.is_some_and(|least| least <= budget.amount_minor);
    for of in live.iter().filter(|of| of.paused && of.currency == budget.currency && fits(of)) {
        let batch = of.batch_id;
        match approve::go_on(&engine.pool, now, &ACTOR, batch).await {
            Err(approve::Refusal::Stage(error)) => return Err(error),
            Err(refusal) => tracing::warn!(%batch, %refusal, "a paused batch does not go on"),
            Ok(true) => tracing::info!(%batch, "a paused batch goes on: the balance suffices for some of it"),
            Ok(false) => {}
        }
    }
    Ok(())
}

/// Has items tried again, oldest first, each that fits into what those before it leave: so none is left that could be paid.
async fn release(engine: &Engine, now: DateTime<Utc>, mut budget: Money) -> Result<usize, Error> {
    let (mut released, mut after) = (0, None);
    loop {
        let mut conn = engine.pool.acquire().await?;
        let page = funds::ready(&mut conn, budget, after, AT_ONCE).await?;
        drop(conn);
        for item in &page {
            let Some(left) = budget.amount_minor.checked_sub(item.amount_minor).filter(|left| *left >= 0) else {
                continue;
            };
            if try_again(engine, now, item).await? {
                released += 1;
            }
            // Another process that was quicker has it tried from the same balance.
            budget.amount_minor = left;
        }
        match page.last() {
            Some(last) if i64::try_from(page.len()) == Ok(AT_ONCE) => after = Some(last.id),
            _ => return Ok(released),
        }
    }
}

/// `false`: it doesn't wait any more.
async fn try_again(engine: &Engine, now: DateTime<Utc>, item: &WaitingItem) -> Result<bool, Error> {
    if item.was_refused {
        return outcome::renew(engine, now, item).await;
    }
    let mut conn = engine.pool.acquire().await?;
    Ok(funds::make_due(&mut conn, item).await?)
}

/// Pauses the batches of which nothing can be paid, and says of each what it waits for.
async fn tell(engine: &Engine, live: &[Live], available: &[Money]) -> Result<(), Error> {
    let mut batches: Vec<BatchId> = live.iter().map(|of| of.batch_id).collect();
    batches.dedup();
    let mut conn = engine.pool.acquire().await?;
    for batch in batches {
        let parts: Vec<&Live> = live.iter().filter(|of| of.batch_id == batch).collect();
        let stands_still = parts.iter().all(|of| {
            let covered =
                of.least_minor.is_some_and(|least| least <= available_in(available, of.currency).amount_minor);
            of.untried == 0 && !covered
        });
        if !stands_still {
            continue;
        }
        let waiting = parts.iter().filter(|of| of.waiting > 0);
        let shortages: Vec<Shortage> =
            waiting.map(|of| Shortage::of(available, of.waiting, Money::new(of.waiting_minor, of.currency))).collect();
        let reason = sentence(&shortages);
        if parts.iter().any(|of| of.paused) {
            funds::say_why(&mut conn, batch, &reason).await?;
        } else if parts.iter().all(|of| of.under_way == 0) && funds::pause(&mut conn, batch, &reason).await? {
            tracing::warn!(%batch, "a payout batch is paused: {reason}");
        }
    }
    Ok(())
}
