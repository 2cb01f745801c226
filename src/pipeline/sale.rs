//! From what events say to one sale each: finds the sale by any of its ids, joins what is known, and hands a paid sale on
//! to attribution. Source: design §2; `domain::sale` says what several descriptions make together.

use std::cmp::Reverse;

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgConnection;

use super::attribute::{self, Intake};
use super::retry::retrying;
use super::twins::{self, COUNTED_TWICE, Place};
use super::{Error, accrue, given_back};
use crate::Engine;
use crate::domain::attribution::UnattributedReason;
use crate::domain::ids::SaleId;
use crate::domain::sale::{MergeReason, ReleaseReason, SaleState, SaleStatus};
use crate::store::sales::{self, SaleRow};
use crate::store::signs;
use crate::store::{conversions, sale_merges};
use crate::stripe::event::Description;

/// How many provisional sales one sweep settles before it asks again.
const SWEEP: i64 = 100;

/// How long a sale that can't be settled waits for the next try.
const SETTLE_AGAIN: TimeDelta = TimeDelta::minutes(5);

/// Takes in what an event says of a sale: makes the sale, or tells an existing one more, or finds that several are one.
/// A paid sale is credited, or its commission brought to what it should be.
///
/// # Errors
/// See [`Error`]; nothing is written then, if the caller rolls back.
pub async fn describe(
    conn: &mut PgConnection,
    intake: &Intake<'_>,
    description: &Description,
) -> Result<SaleId, Error> {
    let now = intake.now;
    sales::lock_names(conn, &sales::alias_locks(&description.aliases)).await?;
    let known = lock_known(conn, description).await?;
    let places = known.iter().filter_map(|row| Place::of(&row.state)).collect();
    let sale = match split(conn, known).await? {
        None => {
            let id = SaleId::new(now);
            sales::insert(conn, now, id, &description.state).await?;
            SaleRow::new(id, description.state.clone())
        }
        Some((kept, others)) => join(conn, intake, kept, others, &description.state).await?,
    };
    sales::add_aliases(conn, now, sale.id, &description.aliases).await?;
    if let Some(card) = &description.card {
        signs::add_card(conn, sale.id, card).await?;
    }
    if let Some(charge) = &description.charge {
        given_back::keep_charge(conn, now, charge.clone()).await?;
    }
    go_on(conn, intake, &sale, places).await?;
    Ok(sale.id)
}

/// The sales that the aliases lead to: their buyers' names are locked, with those of the description, and then their rows.
/// Another event may merge a sale or name its buyer while it is waited for; then it is looked again. What was only taken for
/// an invoice's payment stands for itself here.
async fn lock_known(conn: &mut PgConnection, description: &Description) -> Result<Vec<SaleRow>, Error> {
    let mut names = attribute::buyer_locks(&description.state);
    loop {
        let known = sales::known_by_aliases(conn, &description.aliases).await?;
        for sale in &known {
            names.extend(attribute::names_of(sale.customer.as_deref(), sale.email.as_deref()));
        }
        sales::lock_names(conn, &names).await?;
        let mut rows = Vec::with_capacity(known.len());
        for sale in known {
            rows.extend(sales::lock(conn, sale.id).await?);
        }
        let is_named = |row: &SaleRow| attribute::buyer_locks(&row.state).iter().all(|name| names.contains(name));
        if rows.iter().any(|row| row.merged_because == Some(MergeReason::Linked) || !is_named(row)) {
            continue;
        }
        for row in rows.iter_mut().filter(|row| row.merged_into.is_some()) {
            row.state.status = SaleStatus::Paid;
        }
        return Ok(rows);
    }
}

/// Which of the sales stays: one that stands for itself, then the credited one, so that as little as possible is corrected; else the best described; else
/// the oldest.
async fn split(conn: &mut PgConnection, mut rows: Vec<SaleRow>) -> Result<Option<(SaleRow, Vec<SaleRow>)>, Error> {
    if rows.len() < 2 {
        return Ok(rows.pop().map(|row| (row, rows)));
    }
    let mut ranked = Vec::with_capacity(rows.len());
    for row in rows {
        let credited = conversions::of_sale(conn, row.id).await?.is_some_and(|conversion| !conversion.retired);
        ranked.push(((row.merged_into.is_none(), credited, row.state.kind, Reverse(row.id)), row));
    }
    ranked.sort_by_key(|(rank, _)| Reverse(*rank));
    let mut ranked = ranked.into_iter().map(|(_, row)| row);
    Ok(ranked.next().map(|kept| (kept, ranked.collect())))
}

async fn join(
    conn: &mut PgConnection,
    intake: &Intake<'_>,
    kept: SaleRow,
    others: Vec<SaleRow>,
    told: &SaleState,
) -> Result<SaleRow, Error> {
    let mut state = kept.state.clone();
    for other in others {
        accrue::retire(conn, intake, other.id, COUNTED_TWICE).await?;
        if other.taken_for().is_some_and(|invoice| invoice != kept.id) {
            let why = (ReleaseReason::Described, intake.cause);
            sale_merges::record_release(conn, intake.now, other.id, why).await?;
        }
        sale_merges::merge(conn, intake.now, (other.id, kept.id), intake.cause).await?;
        signs::hand_on_cards(conn, other.id, kept.id).await?;
        state = other.state.join(state);
    }
    let state = state.join(told.clone());
    if state != kept.state {
        sales::update(conn, intake.now, kept.id, &state).await?;
    }
    Ok(SaleRow { state, ..kept })
}

/// The next step of a sale whose state is up to date: what it may be taken for is looked at where it was (`places`) and where
/// it is.
async fn go_on(
    conn: &mut PgConnection,
    intake: &Intake<'_>,
    sale: &SaleRow,
    mut places: Vec<Place>,
) -> Result<(), Error> {
    places.extend(Place::of(&sale.state));
    places.dedup();
    let mut due = twins::pair(conn, intake, &places, sale).await?;
    due.retain(|id| *id != sale.id);
    due.push(sale.id);
    for (n, id) in due.iter().enumerate() {
        if !due[..n].contains(id) {
            credit(conn, intake, *id).await?;
        }
    }
    Ok(())
}

async fn credit(conn: &mut PgConnection, intake: &Intake<'_>, sale_id: SaleId) -> Result<(), Error> {
    let Some(sale) = sales::lock(conn, sale_id).await? else {
        return Err(Error::Unreadable(format!("sale {sale_id} is gone")));
    };
    match sale.state.status {
        SaleStatus::Paid => {
            let kept = given_back::refresh(conn, intake.now, sale_id).await?;
            attribute::credit(conn, intake, &sale).await?;
            given_back::stop(conn, intake, sale_id, &kept).await
        }
        SaleStatus::Provisional => {
            given_back::refresh(conn, intake.now, sale_id).await?;
            Ok(sales::set_unattributed(conn, sale_id, Some(UnattributedReason::AwaitingDetails)).await?)
        }
        SaleStatus::Waiting => {
            given_back::refresh(conn, intake.now, sale_id).await?;
            Ok(sales::set_unattributed(conn, sale_id, None).await?)
        }
        // What went back of it is the business of the sale that it went into.
        SaleStatus::Merged => Ok(sales::set_unattributed(conn, sale_id, None).await?),
    }
}

/// Turns bare payments that nothing described in time into sales of their own. Returns how many.
///
/// # Errors
/// From the database, when it doesn't answer; those before it are settled. What can't be priced is logged and put off.
pub async fn settle_provisional(engine: &Engine, now: DateTime<Utc>) -> Result<usize, Error> {
    let mut settled = 0;
    loop {
        let due = sales::due_provisional(&mut *engine.pool.acquire().await?, now, SWEEP).await?;
        if due.is_empty() {
            return Ok(settled);
        }
        for sale_id in due {
            match settle_one(engine, now, sale_id).await {
                Ok(()) => settled += 1,
                // One that can't be settled doesn't keep the others waiting.
                Err(error) => {
                    tracing::error!(sale = %sale_id, %error, "a bare payment can't become a sale; it is tried again");
                    let mut conn = engine.pool.acquire().await?;
                    sales::put_off_settling(&mut conn, sale_id, now + SETTLE_AGAIN).await?;
                }
            }
        }
    }
}

/// Takes in what somebody found out about a sale, in a transaction of its own.
///
/// # Errors
/// See [`Error`].
pub async fn tell(engine: &Engine, now: DateTime<Utc>, cause: &str, description: &Description) -> Result<(), Error> {
    let promotions = attribute::Promotions::unasked();
    let intake = Intake { now, cause, promotions: &promotions };
    retrying(|| async {
        let mut tx = engine.pool.begin().await?;
        describe(&mut tx, &intake, description).await?;
        Ok(tx.commit().await?)
    })
    .await
}

async fn settle_one(engine: &Engine, now: DateTime<Utc>, sale_id: SaleId) -> Result<(), Error> {
    let promotions = attribute::Promotions::unasked();
    let cause = format!("{sale_id} had no better description");
    let intake = Intake { now, cause: &cause, promotions: &promotions };
    retrying(|| async {
        let mut tx = engine.pool.begin().await?;
        settle_in(&mut tx, &intake, sale_id).await?;
        Ok(tx.commit().await?)
    })
    .await
}

async fn settle_in(conn: &mut PgConnection, intake: &Intake<'_>, sale_id: SaleId) -> Result<(), Error> {
    let aliases = sales::aliases_of(conn, sale_id).await?;
    sales::lock_names(conn, &sales::alias_locks(&aliases)).await?;
    let Some(sale) = attribute::lock_sale(conn, sale_id).await? else { return Ok(()) };
    if sale.state.status != SaleStatus::Provisional {
        return Ok(());
    }
    let state = SaleState { status: SaleStatus::Paid, ..sale.state.clone() }.settled();
    sales::update(conn, intake.now, sale_id, &state).await?;
    go_on(conn, intake, &SaleRow { state, ..sale }, Vec::new()).await
}
