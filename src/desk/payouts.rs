//! Payouts as people run them: draft, review, approve, execute, cancel, try again, and look. The money itself is moved by
//! the executor; nothing here waits for it.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::page::not_a_cursor;
use super::{DEFAULT_LIMIT, Error, Page, PageRequest, Result, periods, runs};
use crate::Engine;
use crate::domain::actor::{Actor, Permission};
use crate::domain::batch::{BatchStatus, ItemStatus};
use crate::domain::ids::{AffiliateId, BatchId, EnrollmentId, PayoutItemId, ProgramId};
use crate::domain::money::Money;
use crate::domain::payout;
use crate::domain::schedule::RunTask;
use crate::pipeline::draft::{Drafted, Plan};
use crate::pipeline::four_eyes::{self, FourEyes};
use crate::pipeline::payout_run::Foreseen;
use crate::pipeline::{approve as decide, execute as executing, pay_again, payout_run};
use crate::rails;
use crate::store::batch_views::{self, BatchFilter, BatchView, SkippedCursor, SkippedView};
use crate::store::item_views::{self, ItemFilter, ItemView, MakeUp};
use crate::store::payout_calls::{self, AttemptView, Trouble};
use crate::store::{affiliates, payout_batches};

/// Batches, newest first.
///
/// # Errors
/// [`Error::Forbidden`], [`Error::Invalid`] for a cursor that is none.
pub async fn list(actor: &Actor, engine: &Engine, filter: &BatchFilter, page: &PageRequest) -> Result<Page<BatchView>> {
    actor.require(Permission::Read)?;
    let mut conn = engine.pool.acquire().await?;
    let rows = batch_views::batches(&mut conn, filter, page.before::<BatchId>()?, page.fetch()).await?;
    Ok(page.page(rows, |batch| batch.id))
}

/// A text that changes whenever the newest batches and runs do, and with the payouts under way: open pages ask for it often, so it is
/// one short query.
///
/// # Errors
/// [`Error::Forbidden`].
pub async fn version(actor: &Actor, engine: &Engine) -> Result<String> {
    actor.require(Permission::Read)?;
    let mut conn = engine.pool.acquire().await?;
    Ok(batch_views::version(&mut conn, DEFAULT_LIMIT).await?)
}

/// # Errors
/// [`Error::NotFound`].
pub async fn get(actor: &Actor, engine: &Engine, id: BatchId) -> Result<BatchView> {
    actor.require(Permission::Read)?;
    let mut conn = engine.pool.acquire().await?;
    batch_views::batch(&mut conn, id).await?.ok_or(Error::NotFound("payout batch"))
}

/// The items of a batch, of an affiliate, or in a status, newest first.
///
/// # Errors
/// [`Error::Forbidden`], [`Error::Invalid`].
pub async fn items(actor: &Actor, engine: &Engine, filter: &ItemFilter, page: &PageRequest) -> Result<Page<ItemView>> {
    actor.require(Permission::Read)?;
    let mut conn = engine.pool.acquire().await?;
    let rows = item_views::items(&mut conn, filter, page.before::<PayoutItemId>()?, page.fetch()).await?;
    Ok(page.page(rows, |item| item.id))
}

/// How many affiliates the batch still pays: one in three currencies is one.
///
/// # Errors
/// [`Error::Forbidden`].
pub async fn payees_left(actor: &Actor, engine: &Engine, id: BatchId) -> Result<i64> {
    actor.require(Permission::Read)?;
    Ok(payout_batches::count_payees_left(&mut *engine.pool.acquire().await?, id).await?)
}

/// What the batch's items that stand aside until the rail's balance covers them sum to, by currency.
///
/// # Errors
/// [`Error::Forbidden`].
pub async fn waiting_for_funds(actor: &Actor, engine: &Engine, id: BatchId) -> Result<Vec<Money>> {
    actor.require(Permission::Read)?;
    Ok(payout_calls::waiting_for_funds(&mut *engine.pool.acquire().await?, id).await?)
}

/// What keeps items of the batch from being paid now, the most frequent reason first.
///
/// # Errors
/// [`Error::Forbidden`].
pub async fn troubles(actor: &Actor, engine: &Engine, id: BatchId) -> Result<Vec<Trouble>> {
    actor.require(Permission::Read)?;
    let mut conn = engine.pool.acquire().await?;
    Ok(payout_calls::troubles(&mut conn, id).await?)
}

/// An affiliate's own payouts, newest first; drafts and failed tries that were made again are not shown.
///
/// # Errors
/// [`Error::Forbidden`] for everybody else.
pub async fn own_items(
    actor: &Actor,
    engine: &Engine,
    program_id: Option<ProgramId>,
    page: &PageRequest,
) -> Result<Page<ItemView>> {
    let affiliate_id = Some(actor.own_affiliate()?);
    let filter = ItemFilter { affiliate_id, program_id, only_released: true, ..ItemFilter::default() };
    let mut conn = engine.pool.acquire().await?;
    let rows = item_views::items(&mut conn, &filter, page.before::<PayoutItemId>()?, page.fetch()).await?;
    Ok(page.page(rows, |item| item.id))
}

/// An item with its calls at the rail.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn item(actor: &Actor, engine: &Engine, id: PayoutItemId) -> Result<(ItemView, Vec<AttemptView>)> {
    actor.require(Permission::Read)?;
    let mut conn = engine.pool.acquire().await?;
    let found = item_views::items_of(&mut conn, vec![id]).await?.pop();
    let item = found.ok_or(Error::NotFound("payout item"))?;
    let attempts = payout_calls::attempts(&mut conn, id).await?;
    Ok((item, attempts))
}

/// Who was left out of the batch, and why.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Invalid`] for `cursor`.
pub async fn skipped(actor: &Actor, engine: &Engine, id: BatchId, page: &PageRequest) -> Result<Page<SkippedView>> {
    actor.require(Permission::Read)?;
    let after = page.before_text().map(skipped_cursor).transpose()?;
    let mut conn = engine.pool.acquire().await?;
    batch_views::batch(&mut conn, id).await?.ok_or(Error::NotFound("payout batch"))?;
    let rows = batch_views::skipped(&mut conn, id, after, page.fetch()).await?;
    Ok(page.page(rows, |row| format!("{}.{}", row.enrollment_id, row.currency)))
}

fn skipped_cursor(text: &str) -> Result<SkippedCursor> {
    let parts =
        text.split_once('.').and_then(|(enrollment, currency)| enrollment.parse().ok().zip(currency.parse().ok()));
    parts.ok_or_else(not_a_cursor)
}

/// What each of the items is made of, for their review.
///
/// # Errors
/// [`Error::Forbidden`].
pub async fn make_up(actor: &Actor, engine: &Engine, items: &[ItemView]) -> Result<Vec<MakeUp>> {
    actor.require(Permission::Read)?;
    let items: Vec<PayoutItemId> = items.iter().map(|item| item.id).collect();
    let mut conn = engine.pool.acquire().await?;
    Ok(item_views::make_up(&mut conn, &items).await?)
}

/// Where the item's transfer is shown in the rail's dashboard.
pub fn dashboard_url(engine: &Engine, item: &ItemView) -> Option<String> {
    item.transfer_id.as_deref().map(|id| rails::dashboard_url(engine.config.stripe.mode(), id))
}

/// What [`process_now`] would do, without doing it: who is paid, which scheduled drafts are released, and who is left out.
#[derive(Debug, Clone)]
pub struct Preview {
    pub program_id: ProgramId,
    pub plan: Plan,
    /// The scheduled drafts that wait for review, oldest first.
    pub drafts: Vec<BatchView>,
    /// What is paid in all, with the drafts.
    pub totals: Vec<Money>,
    /// How many affiliates that is for.
    pub payees: i64,
    /// What the rail has; `None` when it doesn't say.
    pub available: Option<Vec<Money>>,
}

/// # Errors
/// [`Error::NotFound`] for a program that isn't there.
pub async fn preview(
    actor: &Actor,
    engine: &Engine,
    now: DateTime<Utc>,
    programs: &[ProgramId],
) -> Result<Vec<Preview>> {
    actor.require(Permission::Read)?;
    let available = payout_run::available(engine).await;
    let mut previews = Vec::with_capacity(programs.len());
    for &program_id in programs {
        must_exist(engine, program_id).await?;
        let Foreseen { plan, drafts } = payout_run::preview(engine, now, program_id).await?;
        let mut totals = plan.totals()?;
        for amount in drafts.iter().flat_map(|draft| &draft.totals) {
            payout::gather(&mut totals, *amount)?;
        }
        let released: Vec<BatchId> = drafts.iter().map(|draft| draft.id).collect();
        let released = payout_batches::payees_left(&mut *engine.pool.acquire().await?, &released).await?;
        let payees: BTreeSet<AffiliateId> = plan.due.iter().map(|due| due.affiliate_id).chain(released).collect();
        let payees = i64::try_from(payees.len()).unwrap_or(i64::MAX);
        previews.push(Preview { program_id, plan, drafts, totals, payees, available: available.clone() });
    }
    Ok(previews)
}

/// The drafts of these programs that still pay somebody, newest first.
///
/// # Errors
/// [`Error::Forbidden`].
pub async fn waiting_drafts(actor: &Actor, engine: &Engine, programs: &[ProgramId]) -> Result<Vec<BatchId>> {
    actor.require(Permission::Read)?;
    Ok(payout_batches::drafts_of(&mut *engine.pool.acquire().await?, programs, None).await?)
}

/// What Stripe can send now; `None` when it doesn't say, or not within a short time: a page doesn't wait for it.
///
/// # Errors
/// [`Error::Forbidden`].
pub async fn available(actor: &Actor, engine: &Engine) -> Result<Option<Vec<Money>>> {
    actor.require(Permission::Read)?;
    Ok(payout_run::available(engine).await)
}

/// Drafts a batch of everybody who is due. When nobody is, the scheduled draft that waits for review is the answer; without
/// one there is no batch, and the answer says who was left out. With the name of a `period` it is what was earned before the
/// period's end: of one that is over, what was finalized, which is done on the way. A failure is on record.
///
/// # Errors
/// [`Error::NotFound`] for a program that isn't there; [`Error::Invalid`] for a `period` that is none or has not begun.
pub async fn draft(
    actor: &Actor,
    engine: &Engine,
    now: DateTime<Utc>,
    program_id: ProgramId,
    period: Option<&str>,
) -> Result<Drafted> {
    actor.require(Permission::Payouts)?;
    let available = payout_run::available(engine).await;
    draft_one(actor, engine, now, (program_id, period), available.as_deref()).await
}

/// Something that was done for several programs, or for one, and where it was refused.
#[derive(Debug, Default)]
pub struct EachProgram<T> {
    pub done: Vec<T>,
    pub refused: Vec<Refused>,
}

/// A program, or a batch of it, for which it was refused.
#[derive(Debug)]
pub struct Refused {
    pub program_id: ProgramId,
    pub program_slug: String,
    /// None: no batch of it was reached.
    pub batch_id: Option<BatchId>,
    /// Names the batch.
    pub error: Error,
}

impl<T> EachProgram<T> {
    /// Unless anything was done: the refusal, when one program was asked for, or when nothing of it is anybody's but ours.
    fn or_refusal(mut self, programs: usize) -> Result<Self> {
        let is_whole = programs == 1 || self.refused.iter().all(|refused| refused.error.is_our_fault());
        if self.done.is_empty() && !self.refused.is_empty() && is_whole {
            return Err(self.refused.swap_remove(0).error);
        }
        Ok(self)
    }
}

/// As [`draft`], for each of the programs; where it is refused doesn't keep it from the others.
///
/// # Errors
/// As [`draft`] for one program. Of several, when all failed by our own fault.
pub async fn draft_each(
    actor: &Actor,
    engine: &Engine,
    now: DateTime<Utc>,
    programs: &[ProgramId],
) -> Result<EachProgram<Drafted>> {
    actor.require(Permission::Payouts)?;
    let programs = named(engine, Some(programs)).await?;
    let available = payout_run::available(engine).await;
    let mut each = EachProgram { done: Vec::with_capacity(programs.len()), refused: Vec::new() };
    let asked = programs.len();
    for (program_id, program_slug) in programs {
        match draft_one(actor, engine, now, (program_id, None), available.as_deref()).await {
            Ok(drafted) => each.done.push(drafted),
            Err(error) => each.refused.push(Refused { program_id, program_slug, batch_id: None, error }),
        }
    }
    each.or_refusal(asked)
}

async fn draft_one(
    actor: &Actor,
    engine: &Engine,
    now: DateTime<Utc>,
    (program_id, period): (ProgramId, Option<&str>),
    available: Option<&[Money]>,
) -> Result<Drafted> {
    must_exist(engine, program_id).await?;
    let period = match period {
        Some(name) => Some(periods::of_payout(&mut *engine.pool.acquire().await?, now, program_id, name).await?),
        None => None,
    };
    let drafted = payout_run::draft_now(engine, now, actor, program_id, period, available).await;
    if let Err(error) = &drafted {
        let mut conn = engine.pool.acquire().await?;
        runs::record_failure(&mut conn, now, (RunTask::Payouts, Some(program_id)), actor, error).await?;
    }
    Ok(drafted?)
}

/// The name of the affiliate that an enrollment's payouts go to.
///
/// # Errors
/// [`Error::Forbidden`].
pub async fn name_of_payee(actor: &Actor, engine: &Engine, enrollment: EnrollmentId) -> Result<String> {
    actor.require(Permission::Read)?;
    Ok(payout_batches::payee(&mut *engine.pool.acquire().await?, enrollment).await?.affiliate_name)
}

/// Why somebody else than who drafted the batch approves it; `None`: anybody with the rights may.
///
/// # Errors
/// [`Error::Forbidden`].
pub async fn four_eyes(actor: &Actor, engine: &Engine, id: BatchId) -> Result<Option<FourEyes>> {
    actor.require(Permission::Read)?;
    Ok(four_eyes::of_batch(&mut *engine.pool.acquire().await?, id).await?)
}

/// # Errors
/// [`Error::NotFound`]; [`Error::Conflict`] with `illegal_transition` or `four_eyes`.
pub async fn approve(actor: &Actor, engine: &Engine, now: DateTime<Utc>, id: BatchId) -> Result<BatchView> {
    actor.require(Permission::Payouts)?;
    decide::approve(&engine.pool, now, actor, id).await?;
    get(actor, engine, id).await
}

/// Starts an approved batch, or lets a paused one go on.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Conflict`] with `illegal_transition`; [`Error::Unavailable`] when Stripe isn't connected.
pub async fn execute(actor: &Actor, engine: &Engine, now: DateTime<Utc>, id: BatchId) -> Result<BatchView> {
    actor.require(Permission::Payouts)?;
    must_be_connected(engine)?;
    decide::start(&engine.pool, now, actor, id).await?;
    get(actor, engine, id).await
}

/// Stops an executing batch until somebody executes it again.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Conflict`] with `illegal_transition`.
pub async fn stop(actor: &Actor, engine: &Engine, now: DateTime<Utc>, id: BatchId) -> Result<BatchView> {
    actor.require(Permission::Payouts)?;
    decide::stop(&engine.pool, now, actor, id).await?;
    get(actor, engine, id).await
}

/// Cancels a batch that was not executed: its money is payable again.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Conflict`] with `illegal_transition`.
pub async fn cancel(actor: &Actor, engine: &Engine, now: DateTime<Utc>, id: BatchId) -> Result<BatchView> {
    actor.require(Permission::Payouts)?;
    decide::cancel(&engine.pool, now, actor, id).await?;
    get(actor, engine, id).await
}

/// Process Payouts Now: drafts, approves and executes a batch of the program, or of every program, and with it the scheduled
/// drafts that wait for review. A batch that needs another pair of eyes stays a draft. Nothing when nobody is due. What is
/// refused doesn't stop the others: it is told with the batches.
///
/// # Errors
/// [`Error::NotFound`] for a program that isn't there; [`Error::Unavailable`] when Stripe isn't connected. What was refused, when
/// nothing else was done for the one program that was asked for.
pub async fn process_now(
    actor: &Actor,
    engine: &Engine,
    now: DateTime<Utc>,
    program_id: Option<ProgramId>,
) -> Result<EachProgram<BatchView>> {
    actor.require(Permission::Payouts)?;
    must_be_connected(engine)?;
    let one = program_id.map(|id| [id]);
    let programs = named(engine, one.as_ref().map(<[ProgramId; 1]>::as_slice)).await?;
    // Once for all programs: each would wait as long when Stripe doesn't answer.
    let available = payout_run::available(engine).await;
    let mut each = EachProgram { done: Vec::new(), refused: Vec::new() };
    let asked = programs.len();
    for (program_id, slug) in programs {
        let refused = |batch_id, error| Refused { program_id, program_slug: slug.clone(), batch_id, error };
        match payout_run::process_now(engine, now, actor, program_id, available.as_deref()).await {
            Ok(processed) => {
                let why = processed.refused.into_iter();
                each.refused.extend(why.map(|why| refused(Some(why.id), Error::conflict(why.code, why.sentence()))));
                each.done.extend(processed.batches);
            }
            Err(refusal) => each.refused.push(refused(None, refusal.into())),
        }
    }
    let EachProgram { done, refused } = each.or_refusal(asked)?;
    let mut batches = Vec::with_capacity(done.len());
    for id in done {
        batches.push(get(actor, engine, id).await?);
    }
    Ok(EachProgram { done: batches, refused })
}

/// The programs with their slugs, in the order asked for; all of them by slug when none are named.
async fn named(engine: &Engine, programs: Option<&[ProgramId]>) -> Result<Vec<(ProgramId, String)>> {
    let mut conn = engine.pool.acquire().await?;
    let ids = match programs {
        Some(ids) => ids.to_vec(),
        None => payout_batches::program_ids(&mut conn).await?,
    };
    let mut named = Vec::with_capacity(ids.len());
    for id in ids {
        let terms = payout_batches::program_terms(&mut conn, id).await?.ok_or(Error::NotFound("program"))?;
        named.push((id, terms.slug));
    }
    Ok(named)
}

/// Tries a failed item again, as a new item.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Conflict`] as [`pay_again::retry`] says.
pub async fn retry(actor: &Actor, engine: &Engine, now: DateTime<Utc>, id: PayoutItemId) -> Result<ItemView> {
    actor.require(Permission::Payouts)?;
    let new = pay_again::retry(&engine.pool, now, actor, id).await?;
    Ok(item(actor, engine, new).await?.0)
}

/// Takes an item whose outcome isn't known a step further at once: the same call, or a question to Stripe. Any other item
/// is shown as it is.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Unavailable`] when Stripe isn't connected.
pub async fn refresh(actor: &Actor, engine: &Engine, now: DateTime<Utc>, id: PayoutItemId) -> Result<ItemView> {
    actor.require(Permission::Payouts)?;
    must_be_connected(engine)?;
    let (found, _) = item(actor, engine, id).await?;
    if matches!(found.status, ItemStatus::Processing | ItemStatus::Unresolved) {
        executing::advance_one(engine, now, id).await?;
    }
    Ok(item(actor, engine, id).await?.0)
}

/// An affiliate's payouts for the company's pages, newest first.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn of_affiliate(
    actor: &Actor,
    engine: &Engine,
    affiliate_id: AffiliateId,
    page: &PageRequest,
) -> Result<Page<ItemView>> {
    actor.require(Permission::Read)?;
    let mut conn = engine.pool.acquire().await?;
    affiliates::find(&mut conn, affiliate_id).await?.ok_or(Error::NotFound("affiliate"))?;
    drop(conn);
    items(actor, engine, &ItemFilter { affiliate_id: Some(affiliate_id), ..ItemFilter::default() }, page).await
}

/// Whether the batch may still be changed by its review page.
pub fn is_under_review(batch: &BatchView) -> bool {
    matches!(batch.status, BatchStatus::Draft | BatchStatus::Approved)
}

async fn must_exist(engine: &Engine, program_id: ProgramId) -> Result<()> {
    let mut conn = engine.pool.acquire().await?;
    payout_batches::program_terms(&mut conn, program_id).await?.ok_or(Error::NotFound("program"))?;
    Ok(())
}

pub(super) fn must_be_connected(engine: &Engine) -> Result<()> {
    if engine.stripe.is_some() {
        return Ok(());
    }
    let message = "Stripe isn't connected. Set STRIPE_SECRET_KEY and start Purser again.".to_owned();
    Err(Error::Unavailable { message })
}

impl From<decide::Refusal> for Error {
    fn from(refusal: decide::Refusal) -> Self {
        match refusal {
            decide::Refusal::NotFound(noun) => Error::NotFound(noun),
            decide::Refusal::Conflict { code, message } => Error::Conflict { code, message },
            decide::Refusal::Stage(error) => error.into(),
        }
    }
}
