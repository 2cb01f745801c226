//! Drafting: who of a program is due, finalized into the items of a new batch, and who is left out with what reason. All
//! of it is one transaction under the enrollments' locks, taken in id order, so that two drafts at once can't take the same
//! line; the preview is the same work, rolled back.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::json;
use sha2::{Digest, Sha256};
use sqlx::{PgConnection, PgPool};

use super::Error;
use super::retry::retrying;
use crate::domain::actor::Actor;
use crate::domain::batch::{Rail, SkipReason};
use crate::domain::ids::{AffiliateId, BatchId, EnrollmentId, PaymentMethodId, PayoutItemId, ProgramId};
use crate::domain::money::Money;
use crate::domain::payout::{self, Cutoff, Eligibility};
use crate::store::audit;
use crate::store::ledger::{self, EnrollmentLock, ItemRef};
use crate::store::payout_batches::{self, NewBatch, NewSkipped, Payee, ProgramTerms};
use crate::store::payout_items::{self, ItemRow, NewItem};

/// Somebody who will be paid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    pub enrollment_id: EnrollmentId,
    pub affiliate_id: AffiliateId,
    pub affiliate_name: String,
    pub amount: Money,
    pub payment_method_id: PaymentMethodId,
    pub destination: String,
}

/// Somebody who is left out; the amount is what the reason is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    pub enrollment_id: EnrollmentId,
    pub affiliate_id: AffiliateId,
    pub affiliate_name: String,
    pub reason: SkipReason,
    pub amount: Money,
    /// The minimum that the amount is below.
    pub minimum: Option<Money>,
}

impl LeftOut {
    /// The reason in words.
    pub fn sentence(&self) -> String {
        self.reason.sentence(self.minimum)
    }

    fn skipped(&self) -> NewSkipped<'static> {
        let (enrollment_id, reason, amount) = (self.enrollment_id, self.reason, self.amount);
        let minimum_minor = self.minimum.map(|minimum| minimum.amount_minor);
        NewSkipped { enrollment_id, reason, amount, minimum_minor, note: None }
    }
}

/// What a draft holds, or would hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    pub due: Vec<Due>,
    pub left_out: Vec<LeftOut>,
}

impl Plan {
    /// What is paid in all, by currency.
    ///
    /// # Errors
    /// [`Error::Money`].
    pub fn totals(&self) -> Result<Vec<Money>, Error> {
        let mut totals = Vec::new();
        for due in &self.due {
            payout::gather(&mut totals, due.amount)?;
        }
        Ok(totals)
    }
}

/// A draft that was written, or the reason why there is none: nobody is due.
#[derive(Debug, Clone)]
pub struct Drafted {
    pub batch_id: Option<BatchId>,
    pub plan: Plan,
}

/// What a draft is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    pub program_id: ProgramId,
    /// A name for the run.
    pub period: Option<&'a str>,
    /// What the rail had before, for the manifest.
    pub available: Option<&'a [Money]>,
    pub cutoff: Cutoff,
}

/// Drafts a batch for everybody in the program who is due at `now`. Matured lines of a program that credits by itself are
/// approved on the way.
///
/// # Errors
/// [`Error::Unreadable`] when there is no such program; see [`Error`].
pub async fn draft(pool: &PgPool, now: DateTime<Utc>, actor: &Actor, wanted: Wanted<'_>) -> Result<Drafted, Error> {
    retrying(|| async {
        let mut tx = pool.begin().await?;
        let drafted = draft_in(&mut tx, now, actor, wanted).await?;
        // What matured on the way stays matured, also when nobody is due.
        tx.commit().await?;
        Ok(drafted)
    })
    .await
}

/// What [`draft`] would do, without doing it.
///
/// # Errors
/// As [`draft`].
pub async fn preview(pool: &PgPool, now: DateTime<Utc>, actor: &Actor, program_id: ProgramId) -> Result<Plan, Error> {
    retrying(|| async {
        let mut tx = pool.begin().await?;
        let terms = terms(&mut tx, program_id).await?;
        let (plan, _) = plan(&mut tx, now, actor, &terms, Cutoff::default()).await?;
        tx.rollback().await?;
        Ok(plan)
    })
    .await
}

async fn terms(conn: &mut PgConnection, program_id: ProgramId) -> Result<ProgramTerms, Error> {
    let terms = payout_batches::program_terms(conn, program_id).await?;
    terms.ok_or_else(|| Error::Unreadable("there is no such program".to_owned()))
}

/// As [`draft`], within the caller's transaction.
///
/// # Errors
/// As [`draft`].
pub(super) async fn draft_in(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    actor: &Actor,
    wanted: Wanted<'_>,
) -> Result<Drafted, Error> {
    let program_id = wanted.program_id;
    let terms = terms(conn, program_id).await?;
    let (plan, mut locks) = plan(conn, now, actor, &terms, wanted.cutoff).await?;
    if plan.due.is_empty() {
        return Ok(Drafted { batch_id: None, plan });
    }
    let batch_id = BatchId::new(now);
    let items: Vec<NewItem> = plan.due.iter().map(|due| due.item(now, batch_id, program_id)).collect();
    let drafted_by = actor.audit_name();
    let batch = NewBatch {
        id: batch_id,
        program_id,
        period: wanted.period,
        drafted_by: &drafted_by,
        available: wanted.available,
        manifest_hash: manifest_hash(items.iter().map(ManifestLine::from)),
    };
    payout_batches::insert(conn, now, &batch).await?;
    for item in &items {
        let lock = locks.get_mut(&item.enrollment_id);
        let lock = lock.ok_or_else(|| Error::Unreadable("an item without its enrollment's lock".to_owned()))?;
        fill(conn, now, actor, lock, (item, wanted.cutoff)).await?;
    }
    let details = json!({ "totals": plan.totals()?, "items": items.len(), "left_out": plan.left_out.len() });
    audit::record(conn, now, actor, "payout_batch.drafted", ("payout_batch", batch_id.to_string()), details).await?;
    for left in &plan.left_out {
        payout_batches::insert_skipped(conn, batch_id, left.skipped()).await?;
    }
    Ok(Drafted { batch_id: Some(batch_id), plan })
}

/// Writes the item, locks its lines into it and reserves its money.
async fn fill(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    actor: &Actor,
    lock: &mut EnrollmentLock,
    (item, cutoff): (&NewItem, Cutoff),
) -> Result<(), Error> {
    payout_items::insert(conn, now, item).await?;
    let reference = ItemRef { id: item.id, amount: item.amount };
    ledger::finalize_into_item(conn, lock, now, actor, reference, cutoff).await?;
    ledger::reserve(conn, lock, now, reference).await?;
    Ok(())
}

async fn plan(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    actor: &Actor,
    terms: &ProgramTerms,
    cutoff: Cutoff,
) -> Result<(Plan, BTreeMap<EnrollmentId, EnrollmentLock>), Error> {
    let mut plan = Plan::default();
    let mut locks = BTreeMap::new();
    for enrollment in payout_batches::candidates(conn, terms.id, now).await? {
        let mut lock = ledger::lock_enrollment(conn, enrollment).await?;
        if terms.auto_credit {
            ledger::mature_due_lines(conn, &mut lock, now, actor).await?;
        }
        plan_enrollment(conn, &lock, terms, cutoff, &mut plan).await?;
        locks.insert(enrollment, lock);
    }
    Ok((plan, locks))
}

async fn plan_enrollment(
    conn: &mut PgConnection,
    lock: &EnrollmentLock,
    terms: &ProgramTerms,
    cutoff: Cutoff,
    plan: &mut Plan,
) -> Result<(), Error> {
    let enrollment_id = lock.enrollment_id();
    let payee = payout_batches::payee(conn, enrollment_id).await?;
    for (currency, balances) in ledger::balances(conn, enrollment_id).await? {
        let (payable_minor, _) = ledger::payable_lines_total(conn, lock, currency, cutoff).await?;
        let minimum = terms.minimum(currency);
        let standing = payee.standing(payable_minor, balances.held_minor, minimum.amount_minor);
        let amount = Money::new(payable_minor, currency);
        match (standing.eligibility(), &payee) {
            (Eligibility::Nothing, _) => {}
            (Eligibility::Skipped(reason, amount_minor), payee) => {
                let minimum = (reason == SkipReason::BelowMinimum).then_some(minimum);
                plan.left_out.push(payee.left_out(
                    enrollment_id,
                    (reason, minimum),
                    Money::new(amount_minor, currency),
                ));
            }
            (Eligibility::Due, payee) => match payee.due(enrollment_id, amount) {
                Some(due) => plan.due.push(due),
                None => {
                    let incomplete = (SkipReason::OnboardingIncomplete, None);
                    plan.left_out.push(payee.left_out(enrollment_id, incomplete, amount));
                }
            },
        }
    }
    Ok(())
}

impl Payee {
    fn left_out(
        &self,
        enrollment_id: EnrollmentId,
        (reason, minimum): (SkipReason, Option<Money>),
        amount: Money,
    ) -> LeftOut {
        let (affiliate_id, affiliate_name) = (self.affiliate_id, self.affiliate_name.clone());
        LeftOut { enrollment_id, affiliate_id, affiliate_name, reason, amount, minimum }
    }

    /// `None`: the method has no account yet.
    fn due(&self, enrollment_id: EnrollmentId, amount: Money) -> Option<Due> {
        let method = self.method.as_ref()?;
        Some(Due {
            enrollment_id,
            affiliate_id: self.affiliate_id,
            affiliate_name: self.affiliate_name.clone(),
            amount,
            payment_method_id: method.id,
            destination: method.stripe_account.clone()?,
        })
    }
}

impl Due {
    fn item(&self, now: DateTime<Utc>, batch_id: BatchId, program_id: ProgramId) -> NewItem {
        NewItem {
            id: PayoutItemId::new(now),
            enrollment_id: self.enrollment_id,
            batch_id,
            program_id,
            affiliate_id: self.affiliate_id,
            amount: self.amount,
            payment_method_id: self.payment_method_id,
            rail: Rail::StripeConnect,
            destination: self.destination.clone(),
            retry_of: None,
        }
    }
}

/// An item as the manifest names it.
pub(super) struct ManifestLine {
    pub id: PayoutItemId,
    pub enrollment_id: EnrollmentId,
    pub amount: Money,
    pub rail: Rail,
    pub destination: String,
}

impl From<&ItemRow> for ManifestLine {
    fn from(item: &ItemRow) -> Self {
        let (id, enrollment_id, amount, rail) = (item.id, item.enrollment_id, item.amount(), item.rail);
        ManifestLine { id, enrollment_id, amount, rail, destination: item.destination.clone() }
    }
}

impl From<&NewItem> for ManifestLine {
    fn from(item: &NewItem) -> Self {
        let (id, enrollment_id, amount, rail) = (item.id, item.enrollment_id, item.amount, item.rail);
        ManifestLine { id, enrollment_id, amount, rail, destination: item.destination.clone() }
    }
}

/// SHA-256 over the items in the order of their ids, every field on a line of its own: what was approved is what is paid.
pub(super) fn manifest_hash(lines: impl Iterator<Item = ManifestLine>) -> [u8; 32] {
    let mut lines: Vec<ManifestLine> = lines.collect();
    lines.sort_by_key(|line| line.id);
    let mut hasher = Sha256::new();
    for line in lines {
        let Money { amount_minor, currency } = line.amount;
        let text = format!(
            "{}\n{}\n{amount_minor}\n{currency}\n{}\n{}\n\n",
            line.id, line.enrollment_id, line.rail, line.destination
        );
        hasher.update(text.as_bytes());
    }
    hasher.finalize().into()
}
