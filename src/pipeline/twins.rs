//! Since 2025-03-31 neither an invoice nor its payment names the other, and the event that links them may not be sent. A
//! payment and an invoice of one customer over one amount at one time are then taken to be the same, so that nothing is paid
//! for twice. It is a belief: whenever more is told of either, all that are alike are paired anew, and a payment that was taken
//! for a wrong invoice's becomes a sale of its own again.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::Error;
use super::accrue;
use super::attribute::Intake;
use crate::domain::ids::SaleId;
use crate::domain::sale::{ReleaseReason, SaleKind, SaleState, SaleStatus};
use crate::domain::twins::{self, SAME_TIME, Twin};
use crate::store::sale_likeness::{self, Candidate, Likeness};
use crate::store::sale_merges;
use crate::store::sales::{self, SaleRow};

/// How often the look around a sale is widened because one more like it was found at its edge.
const MOST_ROUNDS: usize = 50;

pub(super) const COUNTED_TWICE: &str = "The purchase turned out to be counted twice";

/// Where a sale's twin is to be looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    like: Likeness,
    paid_at: DateTime<Utc>,
}

impl Place {
    /// None: the sale can't be mistaken for another.
    pub(super) fn of(state: &SaleState) -> Option<Place> {
        let is_twin = state.kind != SaleKind::Checkout && state.status == SaleStatus::Paid;
        let payment = state.payment.as_ref().filter(|paid| is_twin && paid.paid_minor != 0 && !paid.out_of_band)?;
        let (currency, paid_minor) = (payment.currency, payment.paid_minor);
        let like = Likeness { customer: state.customer.clone()?, currency, paid_minor };
        Some(Place { like, paid_at: payment.paid_at })
    }
}

/// Pairs what is alike at the places, after `subject` came or changed, and keeps the difference. Returns the sales whose credit
/// is to be looked at: payments first, since an invoice's may follow from theirs. The customers' names are locked.
///
/// # Errors
/// See [`Error`].
pub(super) async fn pair(
    conn: &mut PgConnection,
    intake: &Intake<'_>,
    places: &[Place],
    subject: &SaleRow,
) -> Result<Vec<SaleId>, Error> {
    let mut alike: BTreeMap<&Likeness, BTreeMap<SaleId, Candidate>> = BTreeMap::new();
    for place in places {
        let near = look_around(conn, place).await?;
        alike.entry(&place.like).or_default().extend(near.into_iter().map(|one| (one.id, one)));
    }
    let pairs: Vec<(SaleId, SaleId)> = alike.values().flat_map(believed).collect();
    let has_changed = alike.len() > 1;
    let found: BTreeMap<SaleId, Candidate> = alike.into_values().flatten().collect();
    let mut taken: Vec<(SaleId, SaleId)> = found.values().filter_map(|one| Some((one.id, one.taken_for?))).collect();
    // What it is now may be at none of the places.
    if let Some(invoice) = subject.taken_for().filter(|_| !found.contains_key(&subject.id)) {
        taken.push((subject.id, invoice));
    }
    let (released, taken_anew) = (missing(&taken, &pairs), missing(&pairs, &taken));
    if !(released.is_empty() && taken_anew.is_empty()) {
        lock_emails(conn, &found).await?;
    }
    for (payment, invoice) in &released {
        let because = why_released((found.get(payment), found.get(invoice)), subject, has_changed);
        sale_merges::release(conn, intake.now, *payment, (because, intake.cause)).await?;
    }
    for (payment, invoice) in &taken_anew {
        accrue::retire(conn, intake, *payment, COUNTED_TWICE).await?;
        sale_merges::absorb(conn, intake.now, (*payment, *invoice), intake.cause).await?;
    }
    let mut credit: Vec<SaleId> = released.iter().map(|(payment, _)| *payment).collect();
    credit.extend(released.iter().chain(&taken_anew).map(|(_, invoice)| *invoice));
    // What it names counts for the invoice.
    credit.extend(pairs.iter().filter(|(payment, _)| *payment == subject.id).map(|(_, invoice)| *invoice));
    Ok(credit)
}

fn missing(all: &[(SaleId, SaleId)], among: &[(SaleId, SaleId)]) -> Vec<(SaleId, SaleId)> {
    all.iter().filter(|pair| !among.contains(pair)).copied().collect()
}

/// What is alike around the place, and around what is found there, until nothing that could be paired is left out.
async fn look_around(conn: &mut PgConnection, place: &Place) -> Result<Vec<Candidate>, Error> {
    let (mut first, mut last) = (place.paid_at, place.paid_at);
    let mut near = Vec::new();
    for _ in 0..MOST_ROUNDS {
        near = sale_likeness::candidates(conn, &place.like, (first - SAME_TIME, last + SAME_TIME)).await?;
        let reached = (first, last);
        first = near.iter().map(|one| one.paid_at).fold(first, DateTime::min);
        last = near.iter().map(|one| one.paid_at).fold(last, DateTime::max);
        if reached == (first, last) {
            break;
        }
    }
    Ok(near)
}

fn believed(near: &BTreeMap<SaleId, Candidate>) -> Vec<(SaleId, SaleId)> {
    let twin = |one: &Candidate| Twin { id: one.id, key: one.key.clone(), paid_at: one.paid_at };
    let payments: Vec<Twin<SaleId>> = near.values().filter(|one| !one.is_invoice).map(twin).collect();
    let invoices: Vec<Twin<SaleId>> = near.values().filter(|one| one.is_invoice).map(twin).collect();
    twins::pairs(&payments, &invoices)
}

/// Whose sales are credited has their names locked before any enrollment.
async fn lock_emails(conn: &mut PgConnection, found: &BTreeMap<SaleId, Candidate>) -> Result<(), Error> {
    let emails = found.values().filter_map(|one| one.email.as_ref());
    let names: Vec<String> = emails.map(|email| format!("email:{email}")).collect();
    Ok(sales::lock_names(conn, &names).await?)
}

/// `has_changed`: the subject's customer, currency or amount.
fn why_released(pair: (Option<&Candidate>, Option<&Candidate>), subject: &SaleRow, has_changed: bool) -> ReleaseReason {
    match pair {
        (Some(payment), Some(invoice)) if (payment.paid_at - invoice.paid_at).abs() <= SAME_TIME => {
            ReleaseReason::Nearer
        }
        (Some(_), None) if !has_changed => ReleaseReason::OtherPayment,
        (None, _) if subject.state.kind != SaleKind::Payment => ReleaseReason::Described,
        _ => ReleaseReason::Unlike,
    }
}
