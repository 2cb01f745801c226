//! Takes stored events up, one at a time and any number of workers at once: an event's effects and its mark are one
//! transaction, so a killed worker leaves nothing half done and another goes on.

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgConnection;

use super::attribute::{Intake, Promotions};
use super::{Error, Outcome, bank_payout, given_back, outcome, payment_method, sale, sale_lines};
use crate::Engine;
use crate::domain::program::InboxStatus;
use crate::store::inbox::{self, Claimed};
use crate::stripe::client::{Account, CallError};
use crate::stripe::event::{self, Envelope, Fact};

/// How often the same event is begun again at once, when it lost a race.
const RACES: u32 = 20;

/// How long an event is put off when something that it needs doesn't answer.
const PUT_OFF: TimeDelta = TimeDelta::seconds(5);

/// Takes up the event that waits longest. Returns whether there was one.
///
/// # Errors
/// From the database, when it doesn't answer; the event is as it was.
pub async fn process_next(engine: &Engine, now: DateTime<Utc>) -> Result<bool, Error> {
    let mut promotions = if engine.stripe.is_some() { Promotions::askable() } else { Promotions::unasked() };
    let mut account = None;
    let mut races = 0;
    loop {
        let mut tx = engine.pool.begin().await?;
        let Some(claimed) = inbox::claim_next(&mut tx, now).await? else { return Ok(false) };
        match apply(&mut tx, now, &claimed, &promotions, account.as_ref()).await {
            Ok(outcome) => {
                let (status, reason) = match &outcome {
                    Outcome::Processed => (InboxStatus::Processed, None),
                    Outcome::Ignored => (InboxStatus::Ignored, None),
                    Outcome::Parked(reason) => (InboxStatus::Parked, Some(reason.as_str())),
                };
                inbox::mark(&mut tx, &claimed.id, status, reason, now).await?;
                tx.commit().await?;
                return Ok(true);
            }
            Err(error) if error.is_passing() && races < RACES => {
                tx.rollback().await?;
                races += 1;
            }
            Err(Error::UnknownPromotions(ids)) => {
                tx.rollback().await?;
                if let Err(error) = ask(engine, &mut promotions, ids).await {
                    put_off(engine, now, &claimed, &error).await?;
                    return Ok(true);
                }
            }
            Err(Error::UnclearAccount(id)) => {
                tx.rollback().await?;
                match read_account(engine, &id).await {
                    Ok(read) => account = Some(read),
                    Err(error) => {
                        put_off(engine, now, &claimed, &error).await?;
                        return Ok(true);
                    }
                }
            }
            Err(error) => {
                tx.rollback().await?;
                give_up(engine, now, &claimed, &error).await?;
                return Ok(true);
            }
        }
    }
}

/// Asks Stripe for the texts of promotion codes, with no transaction open.
pub(super) async fn ask(engine: &Engine, promotions: &mut Promotions, ids: Vec<String>) -> Result<(), CallError> {
    for id in ids {
        let text = match &engine.stripe {
            Some(stripe) => match stripe.promotion_code(&id).await {
                Ok(promotion) => Some(promotion.code),
                // Stripe says no, for instance because the code is gone: it names nobody.
                Err(error) if !error.may_pass() => None,
                Err(error) => return Err(error),
            },
            None => None,
        };
        promotions.learn(id, text);
    }
    Ok(())
}

async fn read_account(engine: &Engine, id: &str) -> Result<Account, CallError> {
    match &engine.stripe {
        Some(stripe) => stripe.account(id).await,
        None => Err(CallError::Unauthorized { message: "Stripe isn't connected, and must be asked.".to_owned() }),
    }
}

async fn put_off(
    engine: &Engine,
    now: DateTime<Utc>,
    claimed: &Claimed,
    error: &(dyn std::fmt::Display + Sync),
) -> Result<(), Error> {
    tracing::warn!(event = claimed.id, %error, "an event is put off");
    let mut conn = engine.pool.acquire().await?;
    Ok(inbox::put_off(&mut conn, &claimed.id, &error.to_string(), now + PUT_OFF).await?)
}

/// What could not be applied keeps its reason: a passing one is tried again later, any other waits for somebody.
async fn give_up(engine: &Engine, now: DateTime<Utc>, claimed: &Claimed, error: &Error) -> Result<(), Error> {
    if error.is_passing() {
        return put_off(engine, now, claimed, error).await;
    }
    tracing::error!(event = claimed.id, %error, "an event could not be applied");
    let mut conn = engine.pool.acquire().await?;
    Ok(inbox::mark(&mut conn, &claimed.id, InboxStatus::Failed, Some(&error.to_string()), now).await?)
}

async fn apply(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    claimed: &Claimed,
    promotions: &Promotions,
    asked: Option<&Account>,
) -> Result<Outcome, Error> {
    let unreadable = |error: event::Unreadable| Error::Unreadable(format!("the event can't be read: {error}"));
    let envelope = Envelope::read(&claimed.payload).map_err(unreadable)?;
    let created_at = envelope.created_at().unwrap_or(now);
    let intake = Intake { now, cause: &claimed.id, promotions };
    match event::read(envelope, now).map_err(unreadable)? {
        Fact::Refund(refund) => given_back::on_refund(conn, &intake, *refund).await,
        Fact::ChargeRefunded(told) => given_back::on_charge_refunded(conn, &intake, *told).await,
        Fact::Dispute(dispute) => given_back::on_dispute(conn, &intake, *dispute).await,
        Fact::Sale(description) => {
            sale::describe(conn, &intake, &description).await?;
            Ok(Outcome::Processed)
        }
        Fact::AccountUpdated(object) => match asked {
            Some(account) => payment_method::on_account_asked(conn, now, account).await,
            None => payment_method::on_account_updated(conn, now, created_at, &object).await,
        },
        Fact::BankPayout { account, status, payout } => {
            bank_payout::on_bank_payout(conn, now, created_at, (&account, status), &payout).await
        }
        Fact::TransferCreated(transfer) => outcome::on_transfer_created(conn, now, &transfer).await,
        Fact::TransferReversed(transfer) => outcome::on_transfer_reversed(conn, now, &transfer).await,
        Fact::Other => Ok(Outcome::Ignored),
    }
}

/// Takes up everything that is due: the inbox, what has to be asked about sales, bare payments whose wait is over. For tests, scenarios and the
/// command line; a server's workers do it as it comes.
///
/// # Errors
/// As [`process_next`].
pub async fn drain(engine: &Engine, now: DateTime<Utc>) -> Result<(), Error> {
    while process_next(engine, now).await? {}
    sale::settle_provisional(engine, now).await?;
    while sale_lines::ask_next(engine, now).await? {}
    Ok(())
}

/// Makes a failed, parked or ignored event wait for the workers again. Returns whether there was such an event.
///
/// # Errors
/// From the database.
pub async fn replay(conn: &mut PgConnection, now: DateTime<Utc>, event_id: &str) -> Result<bool, Error> {
    let replayed = inbox::replay(conn, event_id, now).await?;
    if replayed {
        inbox::notify(conn).await?;
    }
    Ok(replayed)
}
