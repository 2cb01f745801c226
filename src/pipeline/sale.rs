//! From what events say to one sale each: finds the sale by any of its ids, joins what is known, and hands a paid sale on
//! to attribution. Source: design §2; `domain::sale` says what several descriptions make together.

use std::cmp::Reverse;

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgConnection;

use super::attribute::{self, Intake};
use super::{Error, accrue, given_back};
use crate::Engine;
use crate::domain::attribution::UnattributedReason;
use crate::domain::ids::SaleId;
use crate::domain::sale::{SaleKind, SaleState, SaleStatus};
use crate::store::sale_likeness::{self, Likeness};
use crate::store::sales::{self, SaleRow};
use crate::store::signs;
use crate::store::{self, conversions, sale_merges};
use crate::stripe::event::Description;

/// How many provisional sales one sweep settles before it asks again.
const SWEEP: i64 = 100;

/// How long a sale that can't be settled waits for the next try.
const SETTLE_AGAIN: TimeDelta = TimeDelta::minutes(5);

/// How far apart an invoice and its payment may be, when nothing but their likeness links them.
const SAME_TIME: TimeDelta = TimeDelta::minutes(10);

const COUNTED_TWICE: &str = "The purchase turned out to be counted twice";

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
    let mut names = sales::alias_locks(&description.aliases);
    names.extend(attribute::buyer_locks(&description.state));
    sales::lock_names(conn, &names).await?;
    let known = lock_known(conn, &description.aliases).await?;
    let sale = match split(conn, known).await? {
        None => {
            let id = SaleId::new(now);
            sales::insert(conn, now, id, &description.state).await?;
            SaleRow { id, state: description.state.clone(), refunded_minor: 0, merged_into: None }
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
    go_on(conn, intake, sale.id).await?;
    Ok(sale.id)
}

/// The sales that the aliases lead to, rows locked. Another event may merge a sale while its row is waited for; then the
/// aliases are followed again. What is merged and still has aliases was only believed to be the other sale.
async fn lock_known(conn: &mut PgConnection, aliases: &[String]) -> Result<Vec<SaleRow>, Error> {
    let mut merged_before = Vec::new();
    loop {
        let mut rows = Vec::new();
        for id in sales::ids_by_aliases(conn, aliases).await? {
            rows.extend(sales::lock(conn, id).await?);
        }
        let merged: Vec<SaleId> = rows.iter().filter(|row| row.merged_into.is_some()).map(|row| row.id).collect();
        if merged == merged_before {
            return follow(conn, rows).await;
        }
        merged_before = merged;
    }
}

/// Leads on from payments that were counted as an invoice's, when nothing better is known of them now.
async fn follow(conn: &mut PgConnection, mut rows: Vec<SaleRow>) -> Result<Vec<SaleRow>, Error> {
    if rows.iter().any(|row| row.merged_into.is_none()) {
        for row in &mut rows {
            if row.merged_into.is_some() {
                row.state.status = SaleStatus::Waiting;
            }
        }
        return Ok(rows);
    }
    let mut ends = Vec::new();
    for mut row in rows {
        while let Some(next) = row.merged_into {
            let Some(found) = sales::lock(conn, next).await? else { break };
            row = found;
        }
        if ends.iter().all(|end: &SaleRow| end.id != row.id) {
            ends.push(row);
        }
    }
    Ok(ends)
}

/// Which of the sales stays: one that stands for itself, then the credited one, so that as little as possible is corrected; else the best described; else
/// the oldest.
async fn split(conn: &mut PgConnection, mut rows: Vec<SaleRow>) -> Result<Option<(SaleRow, Vec<SaleRow>)>, Error> {
    if rows.len() < 2 {
        return Ok(rows.pop().map(|row| (row, rows)));
    }
    let mut ranked = Vec::with_capacity(rows.len());
    for row in rows {
        let credited = conversions::of_sale(conn, row.id).await?.is_some();
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

/// The next step of a sale whose state is up to date.
async fn go_on(conn: &mut PgConnection, intake: &Intake<'_>, sale_id: SaleId) -> Result<(), Error> {
    let Some(sale) = sales::lock(conn, sale_id).await? else {
        return Err(Error::Unreadable(format!("sale {sale_id} is gone")));
    };
    match sale.state.status {
        SaleStatus::Paid if told_apart(conn, intake, &sale).await? => {
            let kept = given_back::refresh(conn, intake.now, sale_id).await?;
            attribute::credit(conn, intake, &sale).await?;
            given_back::stop(conn, intake, sale_id, &kept.disputes).await
        }
        SaleStatus::Paid => Ok(()),
        SaleStatus::Provisional => {
            given_back::refresh(conn, intake.now, sale_id).await?;
            sales::set_unattributed(conn, sale_id, Some(UnattributedReason::AwaitingDetails)).await?;
            Ok(())
        }
        SaleStatus::Waiting | SaleStatus::Merged => {
            given_back::refresh(conn, intake.now, sale_id).await?;
            sales::set_unattributed(conn, sale_id, None).await?;
            Ok(())
        }
    }
}

/// Since 2025-03-31 neither an invoice nor its payment names the other, and the event that links them may not be sent. A
/// payment and an invoice of one customer over one amount at one time are then taken to be the same, so that nothing is
/// paid for twice. False: the sale is a payment and was counted as an invoice's.
async fn told_apart(conn: &mut PgConnection, intake: &Intake<'_>, sale: &SaleRow) -> Result<bool, Error> {
    let (Some(customer), Some(payment)) = (&sale.state.customer, &sale.state.payment) else { return Ok(true) };
    if payment.paid_minor == 0 || payment.out_of_band {
        return Ok(true);
    }
    // Two that are taken in at the same moment would not see each other.
    attribute::lock_buyer(conn, &sale.state).await?;
    let like = Likeness {
        customer,
        currency: payment.currency.as_str(),
        paid_minor: payment.paid_minor,
        paid_at: payment.paid_at,
        within: SAME_TIME,
    };
    match sale.state.kind {
        SaleKind::Payment => {
            let Some(invoice) = sale_likeness::invoice_without_payment(conn, &like).await? else { return Ok(true) };
            absorb(conn, intake, sale.id, invoice).await?;
            Ok(false)
        }
        SaleKind::Invoice => {
            if let Some(bare) = sale_likeness::payment_without_invoice(conn, sale.id, &like).await? {
                absorb(conn, intake, bare, sale.id).await?;
            }
            Ok(true)
        }
        SaleKind::Checkout => Ok(true),
    }
}

async fn absorb(conn: &mut PgConnection, intake: &Intake<'_>, bare: SaleId, invoice: SaleId) -> Result<(), Error> {
    accrue::retire(conn, intake, bare, COUNTED_TWICE).await?;
    sale_merges::absorb(conn, intake.now, (bare, invoice), intake.cause).await?;
    signs::hand_on_cards(conn, bare, invoice).await?;
    given_back::apply(conn, intake, invoice).await
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
    loop {
        let mut tx = engine.pool.begin().await?;
        match describe(&mut tx, &intake, description).await {
            Ok(_) => return Ok(tx.commit().await?),
            Err(Error::Store(error)) if store::is_retryable(&error) => tx.rollback().await?,
            Err(error) => return Err(error),
        }
    }
}

async fn settle_one(engine: &Engine, now: DateTime<Utc>, sale_id: SaleId) -> Result<(), Error> {
    let promotions = attribute::Promotions::unasked();
    let cause = format!("{sale_id} had no better description");
    let intake = Intake { now, cause: &cause, promotions: &promotions };
    loop {
        let mut tx = engine.pool.begin().await?;
        match settle_in(&mut tx, &intake, sale_id).await {
            Ok(()) => return Ok(tx.commit().await?),
            Err(Error::Store(error)) if store::is_retryable(&error) => tx.rollback().await?,
            Err(error) => return Err(error),
        }
    }
}

async fn settle_in(conn: &mut PgConnection, intake: &Intake<'_>, sale_id: SaleId) -> Result<(), Error> {
    let aliases = sales::aliases_of(conn, sale_id).await?;
    sales::lock_names(conn, &sales::alias_locks(&aliases)).await?;
    let Some(sale) = attribute::lock_sale(conn, sale_id).await? else { return Ok(()) };
    if sale.state.status != SaleStatus::Provisional {
        return Ok(());
    }
    let state = SaleState { status: SaleStatus::Paid, ..sale.state }.settled();
    sales::update(conn, intake.now, sale_id, &state).await?;
    go_on(conn, intake, sale_id).await
}
