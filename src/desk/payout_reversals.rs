//! Taking posted payouts back, whole or in part, with a reason; and the bank payouts that failed at the affiliates' end.

use chrono::{DateTime, Utc};

use super::payouts::{item, must_be_connected};
use super::{Error, Result, field};
use crate::Engine;
use crate::domain::actor::{Actor, Permission};
use crate::domain::ids::{PayoutItemId, ReversalId};
use crate::pipeline::reversal::{self, Wanted};
use crate::store::bank_payouts::{self, FailedView};
use crate::store::item_views::ItemView;
use crate::store::reversals::{self, ReversalRow};

/// Bank payouts that are listed.
const MOST_LISTED: i64 = 200;

/// Takes a posted payout's transfer back: `amount_minor` of it, or all that is left. The money is payable again. `id` makes the
/// same request twice one; the outcome may not be known yet in the answer.
///
/// # Errors
/// [`Error::NotFound`]; `Invalid` for `reason` and `amount`; `Conflict` with `not_posted`, `more_than_left` or
/// `reversal_under_way`; `Unavailable` when Stripe isn't connected.
pub async fn reverse(
    actor: &Actor,
    engine: &Engine,
    now: DateTime<Utc>,
    id: PayoutItemId,
    (request, amount_minor, reason): (ReversalId, Option<i64>, &str),
) -> Result<(ItemView, Vec<ReversalRow>)> {
    actor.require(Permission::Payouts)?;
    must_be_connected(engine)?;
    let reason = field::reason(reason)?;
    if amount_minor.is_some_and(|amount| amount < 1) {
        return Err(Error::invalid(
            "amount",
            "`amount` must be more than nothing; leave it out to take back all that is left.",
        ));
    }
    let wanted = Wanted { id: request, item_id: id, amount_minor, reason };
    reversal::request(&engine.pool, now, actor, wanted).await?;
    reversal::advance(engine, now, request).await?;
    Ok((item(actor, engine, id).await?.0, of_item(actor, engine, id).await?))
}

/// What was asked to be taken back of the item, oldest first.
///
/// # Errors
/// [`Error::Forbidden`].
pub async fn of_item(actor: &Actor, engine: &Engine, id: PayoutItemId) -> Result<Vec<ReversalRow>> {
    actor.require(Permission::Read)?;
    let mut conn = engine.pool.acquire().await?;
    Ok(reversals::of_item(&mut conn, id).await?)
}

/// Failed bank payouts that no later one made good, newest first.
///
/// # Errors
/// [`Error::Forbidden`].
pub async fn failed_bank_payouts(actor: &Actor, engine: &Engine) -> Result<Vec<FailedView>> {
    actor.require(Permission::Read)?;
    let mut conn = engine.pool.acquire().await?;
    Ok(bank_payouts::failed(&mut conn, MOST_LISTED).await?)
}
