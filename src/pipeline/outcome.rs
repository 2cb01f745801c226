//! What becomes of an item: posted, failed, or back to the queue, with the ledger's posting, the attempt's end and what the
//! affiliate is told, all in one transaction. Answers of calls and events of the rail meet here: whoever comes first writes
//! it, whoever comes second finds it written.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use sqlx::{Acquire, PgConnection};
use uuid::Uuid;

use super::retry::retrying;
use super::{Error, Outcome, approve, pay_again, stops, tell};
use crate::Engine;
use crate::domain::actor::Actor;
use crate::domain::batch::{BatchStatus, ItemStatus};
use crate::domain::funds::pause_after_refusals;
use crate::domain::line::{LineKind, LineStatus};
use crate::domain::money::{self, Money};
use crate::domain::posting::Posting;
use crate::failpoint::Step;
use crate::store::funds::{self, WaitingItem};
use crate::store::ledger::{self, EnrollmentLock, NewLine};
use crate::store::payout_batches;
use crate::store::payout_claims::{self, AttemptEnd, ClaimedItem};
use crate::store::payout_items::{self, ItemRow};
use crate::stripe::client::Transfer;

const ACTOR: Actor = Actor::System("payouts");

/// The code of an item, and of a batch, that waits for the rail's balance.
pub(super) const SHORT: &str = "balance_insufficient";

/// What is known about an item after a call or a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    Posted {
        transfer_id: String,
    },
    /// For good. `replaced`: a new item takes its place in the same transaction, so nobody needs to be told.
    Failed {
        code: String,
        message: String,
        replaced: bool,
    },
    /// The rail has too little money; nothing moved.
    Short {
        message: String,
    },
    /// Not yet: the item waits as `to` (pending or unresolved) for `pause`.
    Waits {
        to: ItemStatus,
        pause: TimeDelta,
        code: String,
        message: String,
    },
}

/// A call that was made: its number, and how it ended.
#[derive(Debug, Clone)]
pub struct Call {
    pub n: i32,
    /// As [`AttemptEnd::outcome`].
    pub outcome: &'static str,
    pub http_status: Option<u16>,
    pub error: Option<(String, String)>,
}

/// Writes the verdict of the worker `owner` on an item that it claimed. A worker that lost its lease may still report a
/// transfer, because the same key gives the same transfer; anything else it says is out of date.
///
/// # Errors
/// [`Error::Unreadable`] when the item is recorded as failed, or with another transfer.
pub async fn record(
    engine: &Engine,
    now: DateTime<Utc>,
    claimed: &ClaimedItem,
    owner: Uuid,
    call: Option<&Call>,
    verdict: &Verdict,
) -> Result<(), Error> {
    retrying(|| record_once(engine, now, claimed, owner, call, verdict)).await
}

async fn record_once(
    engine: &Engine,
    now: DateTime<Utc>,
    claimed: &ClaimedItem,
    owner: Uuid,
    call: Option<&Call>,
    verdict: &Verdict,
) -> Result<(), Error> {
    let mut tx = engine.pool.begin().await?;
    if matches!(verdict, Verdict::Failed { replaced: true, .. }) {
        // The new item joins the batch, whose lock comes before the enrollment's.
        payout_batches::lock(&mut tx, claimed.batch_id).await?;
    }
    let mut lock = ledger::lock_enrollment(&mut tx, claimed.enrollment_id).await?;
    let item = payout_items::lock(&mut tx, claimed.enrollment_id, claimed.id).await?;
    if let Some(call) = call {
        let (error_code, error_message) =
            call.error.as_ref().map_or((None, None), |(code, text)| (Some(code.as_str()), Some(text.as_str())));
        let end = AttemptEnd { outcome: call.outcome, http_status: call.http_status, error_code, error_message };
        payout_claims::end_attempt(&mut tx, item.enrollment_id, item.id, call.n, now, &end).await?;
    }
    let mine = item.lease_owner == Some(owner) && item.status.is_live();
    match verdict {
        Verdict::Posted { transfer_id } => post(&mut tx, &mut lock, now, &item, transfer_id).await?,
        _ if !mine => {}
        Verdict::Failed { code, message, replaced } => {
            fail(&mut tx, &mut lock, now, &item, (code, message, *replaced)).await?;
        }
        Verdict::Short { message } => {
            let pause = pause_after_refusals(funds::refusals_before(&mut tx, &item).await?);
            funds::set_aside(&mut tx, &item, pause, message).await?;
        }
        Verdict::Waits { to, pause, code, message } => {
            // Only a claimed pending item may go back; what was unresolved before stays it.
            let to = if item.status == ItemStatus::Sending { *to } else { item.status };
            payout_items::put_back(&mut tx, &item, to, *pause, Some((code, message))).await?;
        }
    }
    engine.config.payouts.failpoint.reach(Step::Recording);
    tx.commit().await?;
    Ok(())
}

/// Writes that the locked item won't be paid. `replaced`: a new item takes its place, if it can.
async fn fail(
    conn: &mut PgConnection,
    lock: &mut EnrollmentLock,
    now: DateTime<Utc>,
    item: &ItemRow,
    (code, message, replaced): (&str, &str, bool),
) -> Result<(), Error> {
    payout_items::mark_failed(conn, item, now, code, message).await?;
    ledger::give_back(conn, lock, now, &ACTOR, item.as_ref(), message).await?;
    stops::lines_back(conn, lock, now, item.id).await?;
    if !(replaced && replace(conn, now, item).await?) {
        tell::payout_failed(conn, now, item, code).await?;
    }
    Ok(())
}

/// Puts a new item in the place of one that waits for the balance: the rail keeps its refusal for the old one's key, whatever
/// there is by now. `false`: it doesn't wait any more, or its batch isn't executing.
///
/// # Errors
/// See [`Error`].
pub(super) async fn renew(engine: &Engine, now: DateTime<Utc>, waiting: &WaitingItem) -> Result<bool, Error> {
    const MESSAGE: &str = "Stripe's available balance was too low. A new payout takes its place.";
    retrying(|| async {
        let mut tx = engine.pool.begin().await?;
        let batch = payout_batches::lock(&mut tx, waiting.batch_id).await?;
        if batch.is_none_or(|batch| batch.status != BatchStatus::Executing) {
            return Ok(false);
        }
        let mut lock = ledger::lock_enrollment(&mut tx, waiting.enrollment_id).await?;
        if !funds::lock_waiting(&mut tx, waiting).await? {
            return Ok(false);
        }
        funds::take_up(&mut tx, waiting).await?;
        let item = payout_items::lock(&mut tx, waiting.enrollment_id, waiting.id).await?;
        fail(&mut tx, &mut lock, now, &item, (SHORT, MESSAGE, true)).await?;
        tx.commit().await?;
        Ok(true)
    })
    .await
}

/// Puts a new item in the failed one's place, in the same transaction, so that no crash comes between. `false`: the affiliate
/// can't be paid any more, and the item stays failed, as shown.
async fn replace(conn: &mut PgConnection, now: DateTime<Utc>, item: &ItemRow) -> Result<bool, Error> {
    let mut tx = conn.begin().await?;
    match pay_again::retry_within(&mut tx, now, &ACTOR, item.id).await {
        Ok(new) => {
            tx.commit().await?;
            tracing::info!(failed = %item.id, %new, "a payout takes another's place");
            Ok(true)
        }
        Err(approve::Refusal::Stage(error)) => Err(error),
        Err(refusal) => {
            tx.rollback().await?;
            tracing::warn!(item = %item.id, %refusal, "a payout is not tried again");
            Ok(false)
        }
    }
}

/// Writes that the locked item's transfer exists. Nothing happens when that is known.
async fn post(
    conn: &mut PgConnection,
    lock: &mut EnrollmentLock,
    now: DateTime<Utc>,
    item: &ItemRow,
    transfer_id: &str,
) -> Result<(), Error> {
    match (item.status, item.transfer_id.as_deref()) {
        (ItemStatus::Posted | ItemStatus::Reversed, Some(known)) if known == transfer_id => return Ok(()),
        (ItemStatus::Posted | ItemStatus::Reversed | ItemStatus::Failed, _) => {
            let text = format!(
                "transfer {transfer_id} pays payout {}, which is recorded as {}: look at both in Stripe before anything \
                 is paid again",
                item.id, item.status
            );
            tracing::error!("{text}");
            return Err(Error::Unreadable(text));
        }
        _ => {}
    }
    payout_items::mark_posted(conn, item, now, transfer_id).await?;
    ledger::settle(conn, lock, now, &ACTOR, item.as_ref(), item.rail, transfer_id).await?;
    tell::payout_posted(conn, now, item, transfer_id).await?;
    Ok(())
}

fn read_transfer(object: &Value) -> Result<Transfer, Error> {
    serde_json::from_value(object.clone())
        .map_err(|error| Error::Unreadable(format!("the transfer can't be read: {error}")))
}

/// Whoever may write to the Stripe account can make a transfer that names a payout; only the one that Purser would have made
/// for it, in a batch that was released, is taken for it.
fn must_be_ours(transfer: &Transfer, item: &ItemRow) -> Result<(), Error> {
    let is_same = transfer.amount == item.amount_minor
        && transfer.currency == item.currency.as_str()
        && transfer.destination.as_deref().is_none_or(|destination| destination == item.destination);
    let released = matches!(item.batch_status, BatchStatus::Executing | BatchStatus::Paused | BatchStatus::Completed);
    if is_same && released {
        return Ok(());
    }
    let text = format!("transfer {} names payout {}, which was never sent like this", transfer.id, item.id);
    Err(Error::Unreadable(text))
}

/// Takes in `transfer.created`: the transfer of an item whose outcome nobody knew is posted by it. Transfers that name no
/// item are somebody else's.
///
/// # Errors
/// [`Error::Unreadable`] when the transfer contradicts what is recorded.
pub async fn on_transfer_created(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    object: &Value,
) -> Result<Outcome, Error> {
    let transfer = read_transfer(object)?;
    let Some(id) = transfer.item() else { return Ok(Outcome::Ignored) };
    let Some(found) = payout_items::find(conn, id).await? else { return Ok(Outcome::Ignored) };
    let mut lock = ledger::lock_enrollment(conn, found.enrollment_id).await?;
    let item = payout_items::lock(conn, found.enrollment_id, id).await?;
    must_be_ours(&transfer, &item)?;
    // The worker whose call is on the way learns of the transfer itself, from the answer or by the same key.
    if !(item.status == ItemStatus::Sending && item.is_leased) {
        post(conn, &mut lock, now, &item, &transfer.id).await?;
    }
    Ok(Outcome::Processed)
}

/// Takes in `transfer.reversed` and `transfer.updated`: what was taken back becomes payable again by a new line, up to the
/// transfer's running total, however often and in whatever order the events come.
///
/// # Errors
/// See [`Error`].
pub async fn on_transfer_reversed(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    object: &Value,
) -> Result<Outcome, Error> {
    take_back(conn, now, &read_transfer(object)?).await
}

/// Books what a transfer says was taken back of it in all: events and answers of calls meet here.
///
/// # Errors
/// See [`Error`].
pub(super) async fn take_back(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    transfer: &Transfer,
) -> Result<Outcome, Error> {
    let Some(id) = transfer.item() else { return Ok(Outcome::Ignored) };
    let Some(found) = payout_items::find(conn, id).await? else { return Ok(Outcome::Ignored) };
    let mut lock = ledger::lock_enrollment(conn, found.enrollment_id).await?;
    let mut item = payout_items::lock(conn, found.enrollment_id, id).await?;
    if item.status.is_live() {
        must_be_ours(transfer, &item)?;
        post(conn, &mut lock, now, &item, &transfer.id).await?;
        item = payout_items::lock(conn, found.enrollment_id, id).await?;
    }
    if item.transfer_id.as_deref() != Some(transfer.id.as_str()) {
        return Err(Error::Unreadable(format!("payout {id} was not made by transfer {}", transfer.id)));
    }
    let target_minor = transfer.amount_reversed.unwrap_or(0).min(item.amount_minor);
    let back_minor = money::sub(target_minor, item.reversed_minor)?;
    if back_minor <= 0 {
        return Ok(Outcome::Processed);
    }
    reverse(conn, &mut lock, now, &item, target_minor, back_minor).await?;
    Ok(Outcome::Processed)
}

async fn reverse(
    conn: &mut PgConnection,
    lock: &mut EnrollmentLock,
    now: DateTime<Utc>,
    item: &ItemRow,
    target_minor: i64,
    back_minor: i64,
) -> Result<(), Error> {
    let amount = Money::new(back_minor, item.currency);
    let line = NewLine {
        program_id: item.program_id,
        affiliate_id: item.affiliate_id,
        campaign_id: None,
        rule_version_id: None,
        conversion_id: None,
        sale_id: None,
        kind: LineKind::Adjustment,
        amount,
        reason: format!("Transfer of payout {} was reversed", item.id),
        corrects: None,
        reversed_item_id: Some(item.id),
        explanation: Value::Object(serde_json::Map::new()),
        cause: item.transfer_id.clone().unwrap_or_default(),
        idempotency_key: format!("reverse:{}:{target_minor}", item.id),
        matures_at: now,
        earned_at: None,
        status: LineStatus::Approved,
        held_from: None,
        posting: Posting::reverse(item.rail, back_minor),
    };
    if let Some(added) = ledger::add_line(conn, lock, now, &ACTOR, &line).await? {
        stops::line_added(conn, lock, now, added).await?;
    }
    payout_items::mark_reversed(conn, item, target_minor).await?;
    tell::payout_reversed(conn, now, item, amount, target_minor).await?;
    Ok(())
}
