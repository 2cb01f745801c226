//! The review of a batch, before and after: the whole manifest with what a reviewer should look at, leaving somebody out, and
//! trying all of a batch's failed payouts again.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::audit::AuditEntry;
use super::payouts::{get, item, items, make_up};
use super::{MAX_LIMIT, Page, PageRequest, Result, field};
use crate::Engine;
use crate::domain::actor::{Actor, Permission};
use crate::domain::batch::ItemStatus;
use crate::domain::ids::{BatchId, PayoutItemId};
use crate::domain::manifest::Warning;
use crate::pipeline::pay_again::Refused;
use crate::pipeline::{leave_out, pay_again};
use crate::store::audit;
use crate::store::batch_items;
use crate::store::item_views::{self, ItemFilter, ItemView, MakeUp};

/// Leaves an item of a draft out of it, with a reason that stays on record; its money is payable again.
///
/// # Errors
/// [`super::Error::NotFound`]; [`super::Error::Invalid`] for `reason`; [`super::Error::Conflict`] with `illegal_transition`.
pub async fn leave_out(
    actor: &Actor,
    engine: &Engine,
    now: DateTime<Utc>,
    id: PayoutItemId,
    reason: &str,
) -> Result<ItemView> {
    actor.require(Permission::Payouts)?;
    let reason = field::reason(reason)?;
    leave_out::leave_out(&engine.pool, now, actor, id, reason).await?;
    Ok(item(actor, engine, id).await?.0)
}

/// Tries every failed item of the batch again that can be, all in one batch; answers with the new items and with why the others
/// can't, in the order of the affiliates' enrollments.
///
/// # Errors
/// [`super::Error::NotFound`].
pub async fn retry_failed(
    actor: &Actor,
    engine: &Engine,
    now: DateTime<Utc>,
    id: BatchId,
) -> Result<(Vec<ItemView>, Vec<(ItemView, Refused)>)> {
    actor.require(Permission::Payouts)?;
    let again = pay_again::retry_all(&engine.pool, now, actor, id).await?;
    let ids = again.items.iter().copied().chain(again.refused.iter().map(|why| why.item)).collect();
    let told = item_views::items_of(&mut *engine.pool.acquire().await?, ids).await?;
    let mut told: BTreeMap<PayoutItemId, ItemView> = told.into_iter().map(|item| (item.id, item)).collect();
    let retried = again.items.iter().filter_map(|id| told.remove(id)).collect();
    let refused = again.refused.into_iter().filter_map(|why| Some((told.remove(&why.item)?, why))).collect();
    Ok((retried, refused))
}

/// A payout of a batch's manifest: what it is made of, and what a reviewer should look at.
#[derive(Debug, Clone)]
pub struct ManifestEntry {
    pub item: ItemView,
    pub make_up: MakeUp,
    pub warnings: Vec<Warning>,
}

/// The manifest of a batch, newest payouts first; who was left out by hand is not in it.
///
/// # Errors
/// [`super::Error::NotFound`]; [`super::Error::Invalid`] for `cursor`.
pub async fn manifest(actor: &Actor, engine: &Engine, id: BatchId, page: &PageRequest) -> Result<Page<ManifestEntry>> {
    actor.require(Permission::Read)?;
    get(actor, engine, id).await?;
    let filter = ItemFilter { batch_id: Some(id), ..ItemFilter::default() };
    let Page { data, next_cursor } = items(actor, engine, &filter, page).await?;
    let made: BTreeMap<PayoutItemId, MakeUp> =
        make_up(actor, engine, &data).await?.into_iter().map(|made| (made.item_id, made)).collect();
    let entry = |item: ItemView| {
        let make_up = *made.get(&item.id)?;
        Some(ManifestEntry { warnings: make_up.warnings(item.amount_minor), make_up, item })
    };
    let standing = data.into_iter().filter(|item| item.status != ItemStatus::LeftOut);
    Ok(Page { data: standing.filter_map(entry).collect(), next_cursor })
}

/// Something that was done to a batch, or by hand to one of its payouts.
#[derive(Debug, Clone)]
pub struct Act {
    pub entry: AuditEntry,
    /// The payout that it was done to.
    pub item: Option<ItemView>,
}

/// What was done to the batch and by hand to its payouts, newest first: at most some hundred acts.
///
/// # Errors
/// [`super::Error::Forbidden`].
pub async fn history(actor: &Actor, engine: &Engine, id: BatchId) -> Result<Vec<Act>> {
    actor.require(Permission::Read)?;
    let mut conn = engine.pool.acquire().await?;
    let changed = batch_items::changed_by_hand(&mut conn, id, MAX_LIMIT).await?;
    let items = item_views::items_of(&mut conn, changed).await?;
    let items: BTreeMap<String, ItemView> = items.into_iter().map(|item| (item.id.to_string(), item)).collect();
    let objects: Vec<String> = items.keys().cloned().chain([id.to_string()]).collect();
    let log = audit::of_objects(&mut conn, &objects, 2 * MAX_LIMIT).await?;
    let act = |row: audit::AuditRow| Act { item: items.get(&row.object_id).cloned(), entry: row.into() };
    Ok(log.into_iter().map(act).collect())
}
