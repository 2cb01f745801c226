//! Sales that nobody is credited with: how many for which reason, and looking at them again after the cause was mended.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::{Error, Result, programs};
use crate::Engine;
use crate::domain::actor::{Actor, Permission};
use crate::domain::attribution::UnattributedReason;
use crate::domain::currency::Currency;
use crate::domain::ids::SaleId;
use crate::pipeline::look_again::look_again;
use crate::store::{audit, sales_view, unattributed_view};

/// Most sales that are looked at again at once.
pub const MOST_AT_ONCE: usize = 200;
/// The navigation counts no further.
pub const MOST_COUNTED: i64 = 100;

/// Sales of one reason in one currency; the amount in minor units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Figure {
    pub reason: UnattributedReason,
    /// None when nothing was paid yet.
    pub currency: Option<Currency>,
    pub sales: i64,
    pub paid_minor: i64,
}

/// What looking again came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct LookedAgain {
    pub looked_at: usize,
    pub credited: usize,
    /// There are more of the reason than are looked at at once: do it again.
    pub more: bool,
}

/// All unattributed sales by reason, the most first.
///
/// # Errors
/// [`Error::Forbidden`].
pub async fn figures(engine: &Engine, actor: &Actor) -> Result<Vec<Figure>> {
    actor.require(Permission::Read)?;
    let mut conn = engine.pool.acquire().await?;
    let rows = unattributed_view::figures(&mut conn).await?;
    let figure = |row: unattributed_view::ReasonFigure| Figure {
        reason: row.reason,
        currency: row.currency,
        sales: row.sales,
        paid_minor: row.paid_minor,
    };
    Ok(rows.into_iter().map(figure).collect())
}

/// How many sales have a reason that somebody can mend, up to [`MOST_COUNTED`].
///
/// # Errors
/// [`Error::Forbidden`].
pub async fn to_mend(engine: &Engine, actor: &Actor) -> Result<i64> {
    actor.require(Permission::Read)?;
    let mut conn = engine.pool.acquire().await?;
    Ok(unattributed_view::to_mend(&mut conn, MOST_COUNTED).await?)
}

/// Weighs one sale again. Returns whether somebody is credited with it now.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::NotFound`].
pub async fn look_at(engine: &Engine, actor: &Actor, now: DateTime<Utc>, id: SaleId) -> Result<bool> {
    actor.require(Permission::Write)?;
    let mut conn = engine.pool.acquire().await?;
    let sale = sales_view::find(&mut conn, id).await?.ok_or(Error::NotFound("sale"))?;
    drop(conn);
    let credited = look_again(engine, now, &actor.audit_name(), id).await?;
    if credited {
        let details = json!({ "reason_before": sale.unattributed_reason });
        let mut tx = engine.pool.begin().await?;
        audit::record(&mut tx, now, actor, "sale.looked_at_again", ("sale", id.to_string()), details).await?;
        tx.commit().await?;
    }
    Ok(credited)
}

/// Weighs the sales of a reason again, oldest first and at most [`MOST_AT_ONCE`]; `program` (id or slug) narrows them to
/// those whose evidence leads into it.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::Invalid`] for the program. What was credited until an error stays credited.
pub async fn look_at_all(
    engine: &Engine,
    actor: &Actor,
    now: DateTime<Utc>,
    reason: UnattributedReason,
    program: Option<&str>,
) -> Result<LookedAgain> {
    actor.require(Permission::Write)?;
    let program = programs::id_param(engine, actor, program).await?.map(unattributed_view::containing);
    let mut conn = engine.pool.acquire().await?;
    let fetch = i64::try_from(MOST_AT_ONCE).unwrap_or(i64::MAX).saturating_add(1);
    let mut ids = unattributed_view::of_reason(&mut conn, reason, program, fetch).await?;
    drop(conn);
    let more = ids.len() > MOST_AT_ONCE;
    ids.truncate(MOST_AT_ONCE);
    let mut credited = 0;
    for id in &ids {
        // One that an earlier one took along is credited too.
        credited += usize::from(look_at(engine, actor, now, *id).await?);
    }
    Ok(LookedAgain { looked_at: ids.len(), credited, more })
}
