//! From what Stripe says of refunds and disputes to what the merchant keeps of a sale. Each telling is kept by its id; the
//! sale's sum is then worked out anew from all that is known (`domain::given_back`), and its lines follow. What is told
//! before its sale waits, and is applied in the transaction that makes the sale.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::attribute::Intake;
use super::{Error, Outcome, accrue, refund_limits, stops};
use crate::domain::given_back::{self, Charge, Dispute, Known, PaymentRef, Refund};
use crate::domain::ids::SaleId;
use crate::domain::money::Money;
use crate::store::sales::{self, SaleRow};
use crate::store::{charges, disputes, given_back as store, parked, refunds};
use crate::stripe::event::ChargeRefunded;

/// Takes in what an event says of a refund.
///
/// # Errors
/// See [`Error`].
pub(super) async fn on_refund(conn: &mut PgConnection, intake: &Intake<'_>, told: Refund) -> Result<Outcome, Error> {
    let payment = lock_payment(conn, told.payment.clone()).await?;
    let what = format!("refund {}", told.id);
    keep_refund(conn, intake, Refund { payment: payment.clone(), ..told }).await?;
    land(conn, intake, &payment, &what).await
}

/// Takes in what an event says of all that was refunded of a charge.
///
/// # Errors
/// See [`Error`].
pub(super) async fn on_charge_refunded(
    conn: &mut PgConnection,
    intake: &Intake<'_>,
    told: ChargeRefunded,
) -> Result<Outcome, Error> {
    let payment = lock_payment(conn, told.charge.payment()).await?;
    keep_charge(conn, intake.now, told.charge).await?;
    for refund in told.refunds {
        keep_refund(conn, intake, refund).await?;
    }
    land(conn, intake, &payment, "what was refunded").await
}

/// Takes in what an event says of a dispute.
///
/// # Errors
/// See [`Error`].
pub(super) async fn on_dispute(conn: &mut PgConnection, intake: &Intake<'_>, told: Dispute) -> Result<Outcome, Error> {
    let payment = lock_payment(conn, told.payment.clone()).await?;
    let what = format!("dispute {}", told.id);
    let told = Dispute { payment: payment.clone(), ..told };
    let dispute = match disputes::find(conn, &told.id).await? {
        Some(known) => known.join(told),
        None => told,
    };
    disputes::keep(conn, intake.now, &dispute, intake.cause).await?;
    land(conn, intake, &payment, &what).await
}

/// Keeps what an event says of a charge. Whoever calls holds its names.
///
/// # Errors
/// See [`Error`].
pub(super) async fn keep_charge(conn: &mut PgConnection, now: DateTime<Utc>, told: Charge) -> Result<(), Error> {
    let charge = match charges::find(conn, &told.id).await? {
        Some(known) => known.join(told),
        None => told,
    };
    Ok(charges::keep(conn, now, &charge).await?)
}

async fn keep_refund(conn: &mut PgConnection, intake: &Intake<'_>, told: Refund) -> Result<(), Error> {
    let refund = match refunds::find(conn, &told.id).await? {
        Some(known) => known.join(told),
        None => told,
    };
    Ok(refunds::keep(conn, intake.now, &refund, intake.cause).await?)
}

/// Takes the payment's names, so that whoever makes its sale at the same moment sees what is told, or is seen. Returns it
/// with the intent of its charge, where that is known.
async fn lock_payment(conn: &mut PgConnection, payment: PaymentRef) -> Result<PaymentRef, Error> {
    sales::lock_names(conn, &sales::alias_locks(&payment.names())).await?;
    let known = charges::with_intent(conn, payment.clone()).await?;
    if known != payment {
        sales::lock_names(conn, &sales::alias_locks(&known.names())).await?;
    }
    Ok(known)
}

/// Applies what was just kept to the sale of the payment, or lets the event wait for it.
async fn land(
    conn: &mut PgConnection,
    intake: &Intake<'_>,
    payment: &PaymentRef,
    what: &str,
) -> Result<Outcome, Error> {
    match sale_of(conn, payment).await? {
        Some(sale) => {
            apply(conn, intake, sale.id).await?;
            Ok(Outcome::Processed)
        }
        None => {
            parked::wait(conn, intake.cause, &payment.names()).await?;
            Ok(Outcome::Parked(format!("{what} waits for the sale of {}", payment.name())))
        }
    }
}

/// The sale that the payment is part of now, row locked: by its intent, else by its charge, and from a sale that went into
/// another on to that one.
async fn sale_of(conn: &mut PgConnection, payment: &PaymentRef) -> Result<Option<SaleRow>, Error> {
    for name in payment.names() {
        if let Some(known) = sales::known_by_aliases(conn, &[name]).await?.first() {
            return lock_end(conn, known.id).await;
        }
    }
    Ok(None)
}

async fn lock_end(conn: &mut PgConnection, sale_id: SaleId) -> Result<Option<SaleRow>, Error> {
    let mut next = sale_id;
    loop {
        let Some(sale) = sales::lock(conn, next).await? else { return Ok(None) };
        match sale.merged_into {
            Some(into) => next = into,
            None => return Ok(Some(sale)),
        }
    }
}

/// Works out anew what went back of the sale, and brings its lines after it: for a sale whose payments, refunds or disputes
/// have become others. A sale that went into another is that one's business.
///
/// # Errors
/// See [`Error`].
pub(super) async fn apply(conn: &mut PgConnection, intake: &Intake<'_>, sale_id: SaleId) -> Result<(), Error> {
    let Some(sale) = lock_end(conn, sale_id).await? else { return Ok(()) };
    let kept = refresh(conn, intake.now, sale.id).await?;
    if kept.changed {
        accrue::bring_to_target(conn, intake, sale.id).await?;
    }
    stop(conn, intake, sale.id, &kept).await
}

/// What was worked out for a sale.
#[derive(Debug, Default)]
pub(super) struct Kept {
    /// Another amount went back than before, or it is made up otherwise: the sale's lines must follow.
    pub(super) changed: bool,
    /// The disputes of its payments, open and over.
    disputes: Vec<Dispute>,
}

/// Works out anew what went back of the sale, and ends the wait of events that were parked for it.
///
/// # Errors
/// See [`Error`].
pub(super) async fn refresh(conn: &mut PgConnection, now: DateTime<Utc>, sale_id: SaleId) -> Result<Kept, Error> {
    let traces = store::traces(conn, sale_id).await?;
    if !traces.given_back && !traces.waited_for {
        return Ok(Kept::default());
    }
    let Some(sale) = sales::lock(conn, sale_id).await? else { return Ok(Kept::default()) };
    let names = store::names(conn, sale_id).await?;
    let known = Known {
        charges: charges::of_names(conn, &names).await?,
        refunds: refunds::of_names(conn, &names).await?,
        disputes: disputes::of_names(conn, &names).await?,
    };
    let parts = match &sale.state.payment {
        Some(payment) => given_back::given_back(payment.currency, payment.paid_minor, &known)?,
        None => Vec::new(),
    };
    if traces.waited_for {
        let charges = known.charges.iter().map(|charge| charge.id.clone());
        let waited_under: Vec<String> = names.iter().cloned().chain(charges).collect();
        parked::end(conn, now, &waited_under).await?;
    }
    let changed = store::keep(conn, now, sale_id, (given_back::total(&parts)?, &parts), &known).await?;
    Ok(Kept { changed, disputes: known.disputes })
}

/// As [`stop`], for a sale that was credited when all that went back of it was known already.
///
/// # Errors
/// See [`Error`].
pub(super) async fn stop_credited(conn: &mut PgConnection, intake: &Intake<'_>, sale_id: SaleId) -> Result<(), Error> {
    if !store::traces(conn, sale_id).await?.given_back {
        return Ok(());
    }
    let names = store::names(conn, sale_id).await?;
    let disputes = disputes::of_names(conn, &names).await?;
    stop(conn, intake, sale_id, &Kept { changed: true, disputes }).await
}

/// Stops the sale's unpaid lines while a payment of it is disputed, and lets what is left of them go when that is over; and
/// measures the affiliate when another amount went back. Called when its lines are at their target.
///
/// # Errors
/// See [`Error`].
pub(super) async fn stop(
    conn: &mut PgConnection,
    intake: &Intake<'_>,
    sale_id: SaleId,
    kept: &Kept,
) -> Result<(), Error> {
    for dispute in &kept.disputes {
        if dispute.is_open() {
            let amount = Money::new(dispute.amount_minor, dispute.currency);
            stops::dispute_opened(conn, intake, sale_id, &dispute.id, amount).await?;
        } else if dispute.is_lost() {
            stops::dispute_lost(conn, intake, sale_id, &dispute.id).await?;
        } else {
            stops::dispute_won(conn, intake, sale_id, &dispute.id).await?;
        }
    }
    if kept.changed { refund_limits::check(conn, intake, sale_id).await } else { Ok(()) }
}
