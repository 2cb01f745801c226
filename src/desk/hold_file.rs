//! Holds to read: each with what is at stake, the lines it stops, and what a hold on an affiliate would stop. Deciding is in
//! `desk::holds`.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Error, MAX_LIMIT, Page, PageRequest, Result, holds};
use crate::Engine;
use crate::domain::actor::{Actor, Permission};
use crate::domain::ids::{AffiliateId, EnrollmentId, HoldId, LineId};
use crate::domain::line::LineStatus;
use crate::domain::money::Money;
use crate::domain::program::HoldStatus;
use crate::store::hold_lines_view::{self, StakeRow};
use crate::store::holds::{self as rows, HoldRow};

/// A hold with what it stops now, per currency; nothing once it is decided.
#[derive(Debug, Clone)]
pub struct HeldCase {
    pub hold: HoldRow,
    pub amounts: Vec<Money>,
}

/// A line that a hold stopped, and how it stands now.
#[derive(Debug, Clone)]
pub struct HeldLine {
    pub id: LineId,
    pub reason: String,
    pub amount: Money,
    pub status: LineStatus,
    pub created_at: DateTime<Utc>,
}

/// What a hold placed now would stop in an enrollment, in one currency.
#[derive(Debug, Clone)]
pub struct Stoppable {
    pub enrollment: EnrollmentId,
    pub lines: i64,
    pub amount: Money,
}

/// Holds, newest first.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::Invalid`] for the cursor.
pub async fn list(
    engine: &Engine,
    actor: &Actor,
    status: Option<HoldStatus>,
    page: &PageRequest,
) -> Result<Page<HeldCase>> {
    let found = holds::list(actor, engine, status, page).await?;
    let ids: Vec<Uuid> = found.data.iter().map(|hold| hold.id.0).collect();
    let mut conn = engine.pool.acquire().await?;
    let stakes = hold_lines_view::stakes(&mut conn, &ids).await?;
    let data = found.data.into_iter().map(|hold| case(hold, &stakes)).collect();
    Ok(Page { data, next_cursor: found.next_cursor })
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
    let ids = hold_lines_view::open_of_affiliate(&mut conn, affiliate).await?;
    let plain: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let stakes = hold_lines_view::stakes(&mut conn, &plain).await?;
    let mut open = Vec::with_capacity(ids.len());
    for id in ids {
        open.extend(rows::find(&mut conn, id).await?.map(|hold| case(hold, &stakes)));
    }
    let stoppable = hold_lines_view::stoppable(&mut conn, affiliate).await?;
    let stoppable = stoppable.into_iter().map(|row| Stoppable {
        enrollment: row.enrollment_id,
        lines: row.lines,
        amount: Money::new(row.amount_minor, row.currency),
    });
    Ok((open, stoppable.collect()))
}

fn case(hold: HoldRow, stakes: &[StakeRow]) -> HeldCase {
    let own = stakes.iter().filter(|stake| stake.hold_id == hold.id);
    let amounts = own.map(|stake| Money::new(stake.amount_minor, stake.currency)).collect();
    HeldCase { hold, amounts }
}
