//! Holds to read: each with what is at stake, the lines it stops, and what a hold on an affiliate would stop. Deciding is in
//! `desk::holds`.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgConnection;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Error, MAX_LIMIT, Page, PageRequest, Result, programs};
use crate::Engine;
use crate::domain::actor::{Actor, Permission};
use crate::domain::fraud::SignKind;
use crate::domain::ids::{AffiliateId, EnrollmentId, HoldId, LineId, SaleId};
use crate::domain::line::LineStatus;
use crate::domain::money::Money;
use crate::domain::program::{HoldReason, HoldStatus};
use crate::domain::refund_limits::{Figures, Refund};
use crate::pipeline;
use crate::store::hold_lines_view::{self, StakeRow};
use crate::store::holds::{self as rows, HoldFilter, HoldRow};
use crate::store::refund_limits;
use crate::stripe::dashboard;

/// A hold with what it stops now, per currency; nothing once it is decided.
#[derive(Debug, Clone)]
pub struct HeldCase {
    pub hold: HoldRow,
    pub amounts: Vec<Money>,
    /// What of it is final: a rejection takes it back by lines of its own.
    pub finals: Vec<Money>,
}

/// What a hold stands on, for the company alone.
#[derive(Debug, Clone)]
pub enum Evidence {
    Dispute {
        id: String,
        amount: Option<Money>,
        dashboard_url: String,
    },
    Sign(SignKind),
    Refunds(RefundCase),
    /// The word of who placed it.
    Word,
}

/// The refunds behind a hold for too many of them.
#[derive(Debug, Clone)]
pub struct RefundCase {
    /// While it is open, the figures of today's last 30 days in its currency; none when nothing of that is left.
    pub now: Option<Figures>,
    /// Whether they are above a limit of today.
    pub exceeds: bool,
    /// Newest first, at most [`MAX_LIMIT`]: while it is open those that count today, afterwards those that were weighed.
    pub refunds: Vec<Refund>,
}

/// What the hold stands on.
///
/// # Errors
/// [`Error::Forbidden`].
pub async fn evidence(engine: &Engine, actor: &Actor, now: DateTime<Utc>, case: &HeldCase) -> Result<Evidence> {
    actor.require(Permission::Read)?;
    let hold = &case.hold;
    if let Some(id) = &hold.dispute_id {
        let amount = serde_json::from_value(hold.evidence.clone()).ok();
        let dashboard_url = dashboard::dispute_url(engine.config.stripe.mode(), id);
        return Ok(Evidence::Dispute { id: id.clone(), amount, dashboard_url });
    }
    if hold.reason_kind == HoldReason::RefundThreshold {
        return Ok(Evidence::Refunds(refund_case(engine, now, hold).await?));
    }
    let sign = hold.evidence.get("sign").and_then(|sign| sign.as_str()?.parse().ok());
    Ok(sign.map_or(Evidence::Word, Evidence::Sign))
}

async fn refund_case(engine: &Engine, now: DateTime<Utc>, hold: &HoldRow) -> Result<RefundCase> {
    let mut conn = engine.pool.acquire().await?;
    let enrollment = hold.enrollment_id;
    if hold.status != HoldStatus::Open {
        let refunds = refund_limits::weighed(&mut conn, enrollment, hold.id, MAX_LIMIT).await?;
        return Ok(RefundCase { now: None, exceeds: false, refunds });
    }
    let placed = hold.evidence.get("figures").and_then(|it| serde_json::from_value::<Figures>(it.clone()).ok());
    let (mut refunds, figures) = pipeline::refund_limits::now(&mut conn, enrollment, now).await?;
    let limits = refund_limits::limits(&mut conn, enrollment).await?;
    let own = figures.into_iter().find(|own| placed.is_some_and(|placed| placed.currency == own.currency));
    let exceeds = own.map(|own| own.exceeds(&limits)).transpose()?.flatten().is_some();
    refunds.truncate(usize::try_from(MAX_LIMIT).unwrap_or(usize::MAX));
    Ok(RefundCase { now: own, exceeds, refunds })
}

impl HeldCase {
    /// The sale that it is about, when it is about one.
    pub fn sale(&self) -> Option<SaleId> {
        let named = || self.hold.evidence.get("sale")?.as_str()?.parse().ok();
        self.hold.sale_id.or_else(named)
    }
}

/// A line that a hold stopped, and how it stands now.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct HeldLine {
    pub id: LineId,
    pub reason: String,
    #[serde(flatten)]
    pub amount: Money,
    pub status: LineStatus,
    /// Its amount is locked by a payout that was not made: a rejection takes it back by a line of its own.
    #[serde(rename = "final")]
    pub is_final: bool,
    pub created_at: DateTime<Utc>,
}

/// What a hold placed now would stop in an enrollment, in one currency.
#[derive(Debug, Clone)]
pub struct Stoppable {
    pub enrollment: EnrollmentId,
    pub lines: i64,
    pub amount: Money,
}

/// What narrows a list of holds. `program` is an id or slug.
#[derive(Debug, Clone, Default)]
pub struct HoldQuery {
    pub status: Option<HoldStatus>,
    /// Only open ones, or only those that have ended.
    pub ended: Option<bool>,
    pub reason_kind: Option<HoldReason>,
    pub affiliate: Option<AffiliateId>,
    pub program: Option<String>,
}

/// Holds, newest first.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::Invalid`] for a filter or the cursor.
pub async fn list(engine: &Engine, actor: &Actor, query: &HoldQuery, page: &PageRequest) -> Result<Page<HeldCase>> {
    actor.require(Permission::Read)?;
    let before = page.before::<HoldId>()?;
    let mut conn = engine.pool.acquire().await?;
    let program = match query.program.as_deref().filter(|text| !text.is_empty()) {
        Some(program) => Some(programs::resolve_param(&mut conn, "program", program).await?),
        None => None,
    };
    let filter = HoldFilter {
        status: query.status,
        ended: query.ended,
        reason_kind: query.reason_kind,
        affiliate: query.affiliate,
        program,
        ..HoldFilter::default()
    };
    let found = rows::list(&mut conn, &filter, before, page.fetch()).await?;
    let found = page.page(found, |hold| hold.id);
    Ok(Page { data: cases(&mut conn, found.data).await?, next_cursor: found.next_cursor })
}

/// These holds, newest first; those that don't exist are left out.
///
/// # Errors
/// [`Error::Forbidden`].
pub async fn chosen(engine: &Engine, actor: &Actor, ids: &[HoldId]) -> Result<Vec<HeldCase>> {
    actor.require(Permission::Read)?;
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let mut conn = engine.pool.acquire().await?;
    let filter = HoldFilter { ids: Some(&ids), ..HoldFilter::default() };
    let found = rows::list(&mut conn, &filter, None, MAX_LIMIT).await?;
    cases(&mut conn, found).await
}

/// The holds that stop the line, or stopped it, newest first.
///
/// # Errors
/// [`Error::Forbidden`].
pub async fn of_line(engine: &Engine, actor: &Actor, line: LineId) -> Result<Vec<HeldCase>> {
    actor.require(Permission::Read)?;
    let mut conn = engine.pool.acquire().await?;
    let filter = HoldFilter { line: Some(line), ..HoldFilter::default() };
    let found = rows::list(&mut conn, &filter, None, MAX_LIMIT).await?;
    cases(&mut conn, found).await
}

/// How many holds wait for a decision.
///
/// # Errors
/// [`Error::Forbidden`].
pub async fn open_count(engine: &Engine, actor: &Actor) -> Result<i64> {
    actor.require(Permission::Read)?;
    let mut conn = engine.pool.acquire().await?;
    Ok(hold_lines_view::open_count(&mut conn).await?)
}

/// A hold and its newest lines, at most [`MAX_LIMIT`].
///
/// # Errors
/// [`Error::Forbidden`], [`Error::NotFound`].
pub async fn get(engine: &Engine, actor: &Actor, id: HoldId) -> Result<(HeldCase, Vec<HeldLine>)> {
    actor.require(Permission::Read)?;
    let mut conn = engine.pool.acquire().await?;
    let hold = rows::find(&mut conn, id).await?.ok_or(Error::NotFound("hold"))?;
    let stakes = hold_lines_view::stakes(&mut conn, &[id.0]).await?;
    let lines = hold_lines_view::lines(&mut conn, hold.enrollment_id, id, MAX_LIMIT).await?;
    let lines = lines.into_iter().map(|row| HeldLine {
        id: row.id,
        reason: row.reason,
        amount: Money::new(row.amount_minor, row.currency),
        status: row.status,
        is_final: row.is_final,
        created_at: row.created_at,
    });
    Ok((case(hold, &stakes), lines.collect()))
}

/// The affiliate's open holds, oldest first, and what another hold would stop.
///
/// # Errors
/// [`Error::Forbidden`].
pub async fn of_affiliate(
    engine: &Engine,
    actor: &Actor,
    affiliate: AffiliateId,
) -> Result<(Vec<HeldCase>, Vec<Stoppable>)> {
    actor.require(Permission::Read)?;
    let mut conn = engine.pool.acquire().await?;
    let open = HoldFilter { affiliate: Some(affiliate), ended: Some(false), ..HoldFilter::default() };
    let mut open = rows::list(&mut conn, &open, None, MAX_LIMIT).await?;
    open.reverse();
    let open = cases(&mut conn, open).await?;
    let stoppable = hold_lines_view::stoppable(&mut conn, affiliate).await?;
    let stoppable = stoppable.into_iter().map(|row| Stoppable {
        enrollment: row.enrollment_id,
        lines: row.lines,
        amount: Money::new(row.amount_minor, row.currency),
    });
    Ok((open, stoppable.collect()))
}

async fn cases(conn: &mut PgConnection, holds: Vec<HoldRow>) -> Result<Vec<HeldCase>> {
    let ids: Vec<Uuid> = holds.iter().map(|hold| hold.id.0).collect();
    let stakes = hold_lines_view::stakes(conn, &ids).await?;
    Ok(holds.into_iter().map(|hold| case(hold, &stakes)).collect())
}

fn case(hold: HoldRow, stakes: &[StakeRow]) -> HeldCase {
    let own = || stakes.iter().filter(|stake| stake.hold_id == hold.id);
    let amounts = own().map(|stake| Money::new(stake.amount_minor, stake.currency)).collect();
    let is_some = |amount: &Money| amount.amount_minor != 0;
    let finals = own().map(|stake| Money::new(stake.final_minor, stake.currency)).filter(is_some).collect();
    HeldCase { hold, amounts, finals }
}
