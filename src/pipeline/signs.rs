//! Looks for signs of fraud in a conversion, in the transaction that credits it, so that a held line can't be paid in
//! between. A sign is found whichever of two sales is taken in first, and it is the later payment that carries it: the
//! conversion above the hour's limit, and the purchase of a buyer who had bought through somebody else.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use sqlx::PgConnection;

use super::attribute::Intake;
use super::{Error, stops, tell};
use crate::domain::actor::Actor;
use crate::domain::fraud::{OwnPurchase, SignKind, own_purchase};
use crate::domain::ids::{HoldId, SaleId};
use crate::domain::line::LineStatus;
use crate::domain::program::{HoldReason, SignAction};
use crate::store::holds::{self, NewHold, Reach};
use crate::store::ledger::{self, EnrollmentLock, LineRow};
use crate::store::sales;
use crate::store::signs::{self, Case};

const ACTOR: Actor = Actor::System("fraud_signs");
const HOUR: TimeDelta = TimeDelta::hours(1);
/// How many other sales are looked at because of one.
const MOST_OTHERS: i64 = 100;

/// Takes the sale's cards for the rest of the transaction: two sales that one card paid, credited at the same moment, would
/// not see each other.
pub(super) async fn lock_cards(conn: &mut PgConnection, sale: SaleId) -> Result<(), Error> {
    let cards = signs::cards(conn, sale).await?;
    let names: Vec<String> = cards.iter().map(|card| format!("card:{card}")).collect();
    Ok(sales::lock_names(conn, &names).await?)
}

/// Looks at the sale, and at those whose standing it changes. What was found before is not raised again.
///
/// # Errors
/// See [`Error`].
pub(super) async fn look(conn: &mut PgConnection, intake: &Intake<'_>, sale: SaleId) -> Result<(), Error> {
    let Some(case) = signs::case(conn, sale).await? else { return Ok(()) };
    if let Some(hold) = case.open_hold {
        let mut lock = ledger::lock_enrollment(conn, case.enrollment_id).await?;
        stop_new_lines(conn, &mut lock, intake.now, &case, hold).await?;
    }
    own(conn, intake, &case).await?;
    crowd(conn, intake, &case).await?;
    shared(conn, intake, &case).await
}

/// Stops a line that the sale has just got, or got back from a payout, if a sign wants the sale held: an open hold takes it in,
/// and a sign that was found before there was anything to stop makes its hold now.
///
/// # Errors
/// See [`Error`].
pub(super) async fn stop_added(
    conn: &mut PgConnection,
    lock: &mut EnrollmentLock,
    now: DateTime<Utc>,
    sale: SaleId,
) -> Result<(), Error> {
    if !signs::wants_held(conn, lock.enrollment_id(), sale).await? {
        return Ok(());
    }
    let Some(case) = signs::case(conn, sale).await? else { return Ok(()) };
    if let Some(hold) = case.open_hold {
        stop_new_lines(conn, lock, now, &case, hold).await?;
    }
    for (kind, detail) in signs::without_hold(conn, &case).await? {
        hold_lines(conn, lock, now, &case, (kind, &detail)).await?;
    }
    Ok(())
}

async fn own(conn: &mut PgConnection, intake: &Intake<'_>, case: &Case) -> Result<(), Error> {
    if case.self_referral == SignAction::Off {
        return Ok(());
    }
    let Some(detail) = own_purchase_of(case) else { return Ok(()) };
    raise(conn, intake, case, SignKind::SelfReferral, &detail).await?;
    if case.customer.is_none() {
        return Ok(());
    }
    // What the customer bought before it was known who that is.
    for other in signs::unmarked_of_customer(conn, case, MOST_OTHERS).await? {
        let Some(other) = signs::case(conn, other).await? else { continue };
        if let Some(detail) = own_purchase_of(&other) {
            raise(conn, intake, &other, SignKind::SelfReferral, &detail).await?;
        }
    }
    Ok(())
}

fn own_purchase_of(case: &Case) -> Option<String> {
    let affiliate = &case.affiliate_email;
    let own = case.email.as_deref().and_then(|email| Some((email, own_purchase(email, affiliate)?)));
    match own {
        Some((email, OwnPurchase::Email)) => {
            return Some(format!("The customer's e-mail {email} is {}'s own ({affiliate}).", case.affiliate_name));
        }
        Some((email, OwnPurchase::Domain(domain))) => {
            let name = &case.affiliate_name;
            return Some(format!("The customer {email} and {name} have addresses of one company ({domain})."));
        }
        None => {}
    }
    let email = case.customer_emails.iter().find(|email| own_purchase(email, affiliate) == Some(OwnPurchase::Email))?;
    let customer = case.customer.as_deref().unwrap_or_default();
    Some(format!("The customer {customer} is known as {email} too, which is {}'s own.", case.affiliate_name))
}

async fn crowd(conn: &mut PgConnection, intake: &Intake<'_>, case: &Case) -> Result<(), Error> {
    if case.velocity_sign == SignAction::Off || case.is_renewal {
        return Ok(());
    }
    // The enrollment's conversions are counted one after the other.
    ledger::lock_enrollment(conn, case.enrollment_id).await?;
    crowded(conn, intake, case).await?;
    let most = i64::from(case.velocity_per_hour).saturating_add(1);
    for later in signs::unmarked_after(conn, case, HOUR, most).await? {
        if let Some(later) = signs::case(conn, later).await? {
            crowded(conn, intake, &later).await?;
        }
    }
    Ok(())
}

async fn crowded(conn: &mut PgConnection, intake: &Intake<'_>, case: &Case) -> Result<(), Error> {
    let limit = i64::from(case.velocity_per_hour);
    if signs::within(conn, case, HOUR, limit.saturating_add(1)).await? <= limit {
        return Ok(());
    }
    let detail = format!("{} had more than {limit} conversions within the hour before it.", case.affiliate_name);
    raise(conn, intake, case, SignKind::Velocity, &detail).await
}

async fn shared(conn: &mut PgConnection, intake: &Intake<'_>, case: &Case) -> Result<(), Error> {
    let others = signs::shared(conn, case, MOST_OTHERS).await?;
    let came =
        |other: &signs::Shared| (other.paid_at, other.order_key.clone()) < (case.paid_at, case.order_key.clone());
    if let Some(earlier) = others.iter().find(|other| came(other))
        && case.shared_buyer_sign != SignAction::Off
    {
        let detail = bought_before(earlier.same_customer, &earlier.affiliate_name, earlier.sale_id);
        raise(conn, intake, case, SignKind::SharedBuyer, &detail).await?;
    }
    for later in others.iter().filter(|other| !came(other)) {
        let Some(later_case) = signs::case(conn, later.sale_id).await? else { continue };
        if later_case.shared_buyer_sign != SignAction::Off {
            let detail = bought_before(later.same_customer, &case.affiliate_name, case.sale_id);
            raise(conn, intake, &later_case, SignKind::SharedBuyer, &detail).await?;
        }
    }
    Ok(())
}

fn bought_before(same_customer: bool, affiliate: &str, sale: SaleId) -> String {
    let what = if same_customer { "The customer" } else { "The card" };
    format!("{what} paid for a purchase before that is credited to {affiliate} ({sale}).")
}

async fn raise(
    conn: &mut PgConnection,
    intake: &Intake<'_>,
    case: &Case,
    kind: SignKind,
    detail: &str,
) -> Result<(), Error> {
    let action = match kind {
        SignKind::SelfReferral => case.self_referral,
        SignKind::Velocity => case.velocity_sign,
        SignKind::SharedBuyer => case.shared_buyer_sign,
    };
    if !signs::insert(conn, intake.now, case, (kind, action), detail).await? || action != SignAction::Hold {
        return Ok(());
    }
    let mut lock = ledger::lock_enrollment(conn, case.enrollment_id).await?;
    hold_lines(conn, &mut lock, intake.now, case, (kind, detail)).await
}

async fn hold_lines(
    conn: &mut PgConnection,
    lock: &mut EnrollmentLock,
    now: DateTime<Utc>,
    case: &Case,
    (kind, detail): (SignKind, &str),
) -> Result<(), Error> {
    let lines = stoppable(conn, case).await?;
    // What is paid or cancelled can't be stopped: the sign stays as a mark, until the sale earns something more.
    if lines.is_empty() {
        return Ok(());
    }
    let hold = HoldId::new(now);
    let reason = format!("{}: {detail}", kind.label());
    let placed_by = ACTOR.audit_name();
    let new = NewHold {
        id: hold,
        enrollment_id: case.enrollment_id,
        reason_kind: HoldReason::FraudSign,
        reason: &reason,
        evidence: json!({ "sign": kind, "sale": case.sale_id, "conversion": case.conversion_id }),
        placed_by: &placed_by,
        reach: Reach::Lines,
    };
    holds::insert(conn, now, &new).await?;
    signs::set_hold(conn, case, kind, hold).await?;
    let (why, mark) = (HoldReason::FraudSign.told(), lock.mark());
    stops::stop(conn, lock, now, &ACTOR, (hold, why), &lines).await?;
    tell::held(conn, now, mark, why).await
}

/// The conversion's lines that are in no payout; those that another hold stops are stopped by both.
async fn stoppable(conn: &mut PgConnection, case: &Case) -> Result<Vec<LineRow>, Error> {
    let lines = ledger::lines_of_sale(conn, case.enrollment_id, case.sale_id).await?;
    Ok(lines.into_iter().filter(stops::is_stoppable).collect())
}

/// Lines that came after the hold, such as one that is credited again, are stopped by it too.
async fn stop_new_lines(
    conn: &mut PgConnection,
    lock: &mut EnrollmentLock,
    now: DateTime<Utc>,
    case: &Case,
    hold: HoldId,
) -> Result<(), Error> {
    let mut lines = stoppable(conn, case).await?;
    lines.retain(|line| line.status != LineStatus::OnHold && !line.stopped);
    stops::stop(conn, lock, now, &ACTOR, (hold, HoldReason::FraudSign.told()), &lines).await
}
