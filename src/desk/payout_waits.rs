//! What an affiliate's available money waits for until a payout takes it: the same rule that leaves people out of a draft, told
//! before there is one.

use std::collections::BTreeMap;

use super::Result;
use super::me::terms;
use crate::Engine;
use crate::domain::actor::Actor;
use crate::domain::batch::SkipReason;
use crate::domain::currency::Currency;
use crate::domain::ids::{EnrollmentId, ProgramId};
use crate::domain::money::Money;
use crate::domain::payout::Eligibility;
use crate::store::{enrollments, payout_batches};

/// Why what is available in a program and currency goes into no payout now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PayoutWait {
    pub reason: SkipReason,
    /// The least that is paid at once.
    pub minimum: Money,
}

/// Everything of an affiliate's that waits.
#[derive(Debug, Clone, Default)]
pub struct PayoutWaits(BTreeMap<(ProgramId, Currency), PayoutWait>);

impl PayoutWaits {
    /// None when the next payout takes it, or when nothing is available.
    pub fn of(&self, program: ProgramId, currency: Currency) -> Option<PayoutWait> {
        self.0.get(&(program, currency)).copied()
    }
}

/// What the affiliate's available money waits for.
///
/// # Errors
/// [`super::Error::Forbidden`] for everyone who is no affiliate.
pub async fn mine(engine: &Engine, actor: &Actor) -> Result<PayoutWaits> {
    let affiliate = actor.own_affiliate()?;
    let mut conn = engine.pool.acquire().await?;
    let enrolled = enrollments::of_affiliates(&mut conn, &[affiliate.0]).await?;
    let balances = enrollments::balances_of_affiliates(&mut conn, &[affiliate.0]).await?;
    let ids: Vec<EnrollmentId> = enrolled.iter().map(|row| row.id).collect();
    let payees = payout_batches::payees(&mut conn, &ids).await?;
    let terms = terms(&mut conn, &enrolled).await?;
    let mut waits = BTreeMap::new();
    for balance in balances {
        let payee = payees.iter().find(|payee| payee.enrollment_id == balance.enrollment_id);
        let Some((payee, terms)) = payee.zip(terms.get(&balance.program_id)) else { continue };
        let minimum = terms.minimum(balance.currency);
        let standing = payee.standing(balance.payable_minor, balance.held_minor, minimum.amount_minor);
        if let Eligibility::Skipped(reason, _) = standing.eligibility() {
            waits.insert((balance.program_id, balance.currency), PayoutWait { reason, minimum });
        }
    }
    Ok(PayoutWaits(waits))
}
