//! Runs of payouts: what a slot of a program's schedule leads to, and what Process Payouts Now does. Drafting, approving and
//! executing a batch, and the record of the run, are one transaction, so that nothing is left half done; a slot is taken in
//! the same transaction, so that it runs once whatever number of processes sees it, also long after its time.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgConnection;
use tokio::sync::OnceCell;

use super::Error;
use super::approve::{self, Refusal};
use super::draft::{self, Drafted, Plan, Wanted};
use super::finalize;
use super::retry::retrying;
use crate::Engine;
use crate::domain::actor::Actor;
use crate::domain::ids::{BatchId, EnrollmentId, ProgramId};
use crate::domain::money::Money;
use crate::domain::payout::Cutoff;
use crate::domain::period::Period;
use crate::domain::program::Cadence;
use crate::domain::schedule::{RunOutcome, RunTask};
use crate::rails;
use crate::store::batch_views::{self, BatchView};
use crate::store::payout_batches;
use crate::store::runs::{self, Finish, ScheduledProgram};

/// Who drafts scheduled batches.
pub const SCHEDULE: Actor = Actor::System("schedule");

/// How long Stripe's balance is waited for. A run is right without it.
const BALANCE_WITHIN: Duration = Duration::from_secs(3);

/// How long a slot whose run failed waits before it is begun again.
const BEGIN_AGAIN: TimeDelta = TimeDelta::minutes(5);

/// Runs every program's slot that is due at `now` and did not run. After an outage the latest slot runs, and those before it
/// are recorded as missed. Returns how many slots ran here; a program whose run fails doesn't stop the others.
///
/// # Errors
/// When the database doesn't answer.
pub async fn run_due(engine: &Engine, now: DateTime<Utc>) -> Result<usize, Error> {
    let mut conn = engine.pool.acquire().await?;
    let programs = runs::scheduled_programs(&mut conn, now).await?;
    drop(conn);
    let (mut ran, balance) = (0, OnceCell::new());
    for program in programs {
        let mut slots = program.schedule.slots(program.recorded_until, now);
        let Some(slot) = slots.pop().or(program.failed_slot) else { continue };
        // Read before the transaction, which must not wait for Stripe, and once for all programs.
        let available = balance.get_or_init(|| available(engine)).await.as_deref();
        match run_slot(engine, now, &program, (slot, &slots), available).await {
            Ok(true) => ran += 1,
            Ok(false) => {}
            Err(refusal) => {
                tracing::error!(program = %program.id, %refusal, "a scheduled payout failed");
                if let Err(error) = record_failed_slot(engine, now, program.id, slot, &refusal).await {
                    tracing::error!(program = %program.id, %error, "the failure of a scheduled payout is not on record");
                }
            }
        }
    }
    Ok(ran)
}

async fn record_failed_slot(
    engine: &Engine,
    now: DateTime<Utc>,
    program_id: ProgramId,
    slot: DateTime<Utc>,
    refusal: &Refusal,
) -> sqlx::Result<()> {
    let mut conn = engine.pool.acquire().await?;
    let why = refusal.to_string();
    let failed = (why.as_str(), now + BEGIN_AGAIN);
    runs::record_failed_slot(&mut conn, now, program_id, slot, &SCHEDULE.audit_name(), failed).await
}

/// `false`: the slot ran elsewhere.
async fn run_slot(
    engine: &Engine,
    now: DateTime<Utc>,
    program: &ScheduledProgram,
    (slot, missed): (DateTime<Utc>, &[DateTime<Utc>]),
    available: Option<&[Money]>,
) -> Result<bool, Refusal> {
    let by = SCHEDULE.audit_name();
    retrying(|| async {
        let mut tx = engine.pool.begin().await?;
        let Some(run) = runs::take_slot(&mut tx, now, program.id, slot, &by).await? else { return Ok(false) };
        runs::record_missed(&mut tx, now, program.id, missed, &by).await?;
        let ended = finalize::finalize_at_slot(&mut tx, now, &SCHEDULE, program.id, slot).await?;
        let (period, cutoff) = paid_at(program, slot, ended);
        let wanted = Wanted { program_id: program.id, period: period.as_deref(), available, cutoff };
        let drafted = draft::draft_in(&mut tx, now, &SCHEDULE, wanted).await?;
        let batches: Vec<BatchId> = drafted.batch_id.into_iter().collect();
        let (outcome, note) = match drafted.batch_id {
            None => (RunOutcome::NothingDue, nobody_due(&drafted)),
            Some(_) if !program.auto_execute => (RunOutcome::Drafted, "A batch was drafted for review.".to_owned()),
            Some(_) if engine.stripe.is_none() => {
                (RunOutcome::Drafted, "Stripe wasn't connected, so the batch was drafted for review.".to_owned())
            }
            Some(id) => release(&mut tx, now, &SCHEDULE, id).await?,
        };
        runs::finish(&mut tx, now, run, &Finish { outcome, note: &note, batches: &batches }).await?;
        tx.commit().await?;
        Ok(true)
    })
    .await
}

/// What a slot pays, and how its batch is called. Who is paid by the month is paid what was finalized with the period that
/// is over; otherwise it is whatever had matured by the slot.
fn paid_at(program: &ScheduledProgram, slot: DateTime<Utc>, ended: Period) -> (Option<String>, Cutoff) {
    let by_slot = Cutoff { matured_by: Some(slot), ..Cutoff::default() };
    if program.schedule.cadence == Cadence::Monthly {
        let cutoff = Cutoff { earned_before: Some(ended.ends_at()), only_finalized: true, ..by_slot };
        return (Some(ended.to_string()), cutoff);
    }
    (program.schedule.period_before(slot), by_slot)
}

/// Approves the batch and lets the executor start on it, if one pair of eyes is enough. A refusal has written nothing: what could
/// refuse the start refused the approval before.
async fn release(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    actor: &Actor,
    id: BatchId,
) -> Result<(RunOutcome, String), Refusal> {
    match approve::approve_in(conn, now, actor, id).await {
        Ok(()) => {
            approve::start_in(conn, now, actor, id).await?;
            Ok((RunOutcome::Executing, "The payout was started.".to_owned()))
        }
        Err(Refusal::Conflict { code: "four_eyes", .. }) => {
            Ok((RunOutcome::Drafted, "The batch was drafted; it needed somebody else's approval.".to_owned()))
        }
        Err(refusal) => Err(refusal),
    }
}

/// What Process Payouts Now did in a program.
#[derive(Debug, Clone, Default)]
pub struct Processed {
    /// Started, or drafted for another pair of eyes.
    pub batches: Vec<BatchId>,
    /// Not started: they stay drafts.
    pub refused: Vec<RefusedBatch>,
}

/// A batch that could not be started: `code` and `message` as in [`Refusal::Conflict`].
#[derive(Debug, Clone)]
pub struct RefusedBatch {
    pub id: BatchId,
    pub code: &'static str,
    pub message: String,
}

impl RefusedBatch {
    /// The refusal for people who look at several batches.
    pub fn sentence(&self) -> String {
        format!("Batch {} is not paid: {}", self.id, self.message)
    }
}

/// Process Payouts Now for one program: drafts what is due, approves and executes it, together with the scheduled drafts that
/// wait for review. A batch that needs another pair of eyes stays a draft; one that is refused does too, and the others are
/// started all the same. Nothing when nobody is due. `available`: what [`available`] said before.
///
/// # Errors
/// [`Refusal::Stage`]; the failure is on record then.
pub async fn process_now(
    engine: &Engine,
    now: DateTime<Utc>,
    actor: &Actor,
    program_id: ProgramId,
    available: Option<&[Money]>,
) -> Result<Processed, Refusal> {
    let done = retrying(|| process_once(engine, now, actor, program_id, available)).await;
    if let Err(refusal) = &done {
        let mut conn = engine.pool.acquire().await?;
        let (task, by, why) = (RunTask::Payouts, actor.audit_name(), refusal.to_string());
        runs::record_failure(&mut conn, now, task, Some(program_id), &by, &why).await?;
    }
    done
}

async fn process_once(
    engine: &Engine,
    now: DateTime<Utc>,
    actor: &Actor,
    program_id: ProgramId,
    available: Option<&[Money]>,
) -> Result<Processed, Refusal> {
    let mut tx = engine.pool.begin().await?;
    let mut batches = payout_batches::lock_drafts_of(&mut tx, program_id, &SCHEDULE.audit_name()).await?;
    let wanted = Wanted { program_id, period: None, available, cutoff: Cutoff::default() };
    let drafted = draft::draft_in(&mut tx, now, actor, wanted).await?;
    batches.extend(drafted.batch_id);
    let mut done = Processed::default();
    let (mut outcome, mut note) = (RunOutcome::NothingDue, nobody_due(&drafted));
    for &id in &batches {
        match release(&mut tx, now, actor, id).await {
            Ok((became, why)) => {
                if done.batches.is_empty() || became == RunOutcome::Drafted {
                    (outcome, note) = (became, why);
                }
                done.batches.push(id);
            }
            Err(Refusal::Conflict { code, message }) => done.refused.push(RefusedBatch { id, code, message }),
            Err(other) => return Err(other),
        }
    }
    if !done.refused.is_empty() {
        let done_else = (!done.batches.is_empty()).then_some(note);
        let told: Vec<String> = done_else.into_iter().chain(done.refused.iter().map(RefusedBatch::sentence)).collect();
        (outcome, note) = (RunOutcome::Failed, told.join(" "));
    }
    let finish = Finish { outcome, note: &note, batches: &batches };
    runs::record(&mut tx, now, RunTask::Payouts, Some(program_id), &actor.audit_name(), &finish).await?;
    tx.commit().await?;
    Ok(done)
}

/// What [`process_now`] would do for a program.
#[derive(Debug, Clone)]
pub struct Foreseen {
    /// The batch that would be drafted.
    pub plan: Plan,
    /// The scheduled drafts that would be released with it, oldest first.
    pub drafts: Vec<BatchView>,
}

/// What [`process_now`] would do, without doing it and without keeping anybody waiting.
///
/// # Errors
/// As [`draft::draft`].
pub async fn preview(engine: &Engine, now: DateTime<Utc>, program_id: ProgramId) -> Result<Foreseen, Error> {
    let mut tx = engine.pool.begin_with("begin isolation level repeatable read, read only").await?;
    let plan = draft::preview(&mut tx, now, program_id).await?;
    let waiting = payout_batches::drafts_of(&mut tx, &[program_id], Some(&SCHEDULE.audit_name())).await?;
    let drafts = batch_views::batches_of(&mut tx, &waiting).await?;
    Ok(Foreseen { plan, drafts })
}

/// A draft by hand, with its record. As [`draft::draft`], and with a `period` of what was earned before its end: a period
/// that is over is finalized on the way. When nobody new is due but a scheduled draft waits for review, then that one is
/// answered with.
///
/// # Errors
/// As [`draft::draft`].
pub async fn draft_now(
    engine: &Engine,
    now: DateTime<Utc>,
    actor: &Actor,
    program_id: ProgramId,
    period: Option<Period>,
    available: Option<&[Money]>,
) -> Result<Drafted, Error> {
    let name = period.map(|period| period.to_string());
    let is_over = period.is_some_and(|period| period.has_ended(now));
    let earned_before = period.map(Period::ends_at);
    let cutoff = Cutoff { earned_before, only_finalized: is_over, ..Cutoff::default() };
    let wanted = Wanted { program_id, period: name.as_deref(), available, cutoff };
    retrying(|| async {
        let mut tx = engine.pool.begin().await?;
        if let Some(period) = period.filter(|_| is_over) {
            finalize::finalize_in(&mut tx, now, actor, program_id, (period, None)).await?;
        }
        let mut drafted = draft::draft_in(&mut tx, now, actor, wanted).await?;
        if drafted.batch_id.is_none() {
            let waiting = payout_batches::drafts_of(&mut tx, &[program_id], Some(&SCHEDULE.audit_name())).await?;
            drafted.batch_id = waiting.first().copied();
        }
        let batches: Vec<BatchId> = drafted.batch_id.into_iter().collect();
        let (outcome, note) = match batches.is_empty() {
            true => (RunOutcome::NothingDue, nobody_due(&drafted)),
            false => (RunOutcome::Drafted, "A batch was drafted for review.".to_owned()),
        };
        let finish = Finish { outcome, note: &note, batches: &batches };
        runs::record(&mut tx, now, RunTask::Payouts, Some(program_id), &actor.audit_name(), &finish).await?;
        tx.commit().await?;
        Ok(drafted)
    })
    .await
}

fn nobody_due(drafted: &Drafted) -> String {
    let people: BTreeSet<EnrollmentId> = drafted.left_out.iter().map(|left| left.enrollment_id).collect();
    match people.len() {
        0 => "Nobody was due.".to_owned(),
        1 => "Nobody was due; 1 affiliate with a balance was left out.".to_owned(),
        many => format!("Nobody was due; {many} affiliates with a balance were left out."),
    }
}

/// What the rail can send now; `None` when it doesn't say, or not soon: whoever asks shows it beside other figures, or asks again.
pub async fn available(engine: &Engine) -> Option<Vec<Money>> {
    let rail = rails::of(engine, crate::domain::batch::Rail::StripeConnect)?;
    match tokio::time::timeout(BALANCE_WITHIN, rail.available()).await {
        Ok(Ok(available)) => Some(available),
        Ok(Err(why)) => {
            tracing::warn!(%why, "Stripe's balance can't be read");
            None
        }
        Err(_) => {
            tracing::warn!("Stripe's balance is not read: no answer came in time");
            None
        }
    }
}
