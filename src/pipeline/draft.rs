//! Drafting: who of a program is due, finalized into the items of a new batch, and who is left out with what reason. All
//! of it is one transaction under the enrollments' locks, taken in id order, so that two drafts at once can't take the same
//! line. It goes through the enrollments some thousand at a time with a few statements for each thousand, and keeps nothing
//! of them but who is left out. Whoever posts for an enrollment of the draft waits until it commits.

use chrono::{DateTime, Utc};
use serde_json::json;
use sqlx::{PgConnection, PgPool};

use super::Error;
use super::retry::retrying;
use crate::domain::actor::Actor;
use crate::domain::batch::{Rail, SkipReason};
use crate::domain::ids::{AffiliateId, BatchId, EnrollmentId, PaymentMethodId, PayoutItemId, ProgramId};
use crate::domain::money::Money;
use crate::domain::payout::{self, Cutoff, Eligibility};
use crate::store::audit;
use crate::store::ledger::{self, EnrollmentLock, ItemRef, PayableBalance};
use crate::store::manifest::{self, ManifestHash};
use crate::store::payout_batches::{self, NewBatch, NewSkipped, Payee, ProgramTerms};
use crate::store::payout_items::{self, NewItem};

/// Enrollments that are drafted at once: enough that round trips don't count, few enough that memory doesn't either.
const AT_ONCE: usize = 2_000;

/// Rows of those who are left out that go into one statement.
const SKIPS_AT_ONCE: usize = 5_000;

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

    fn skipped(&self) -> NewSkipped {
        let (enrollment_id, reason, amount) = (self.enrollment_id, self.reason, self.amount);
        NewSkipped { enrollment_id, reason, amount, minimum_minor: self.minimum.map(|minimum| minimum.amount_minor) }
    }
}

/// What a draft would hold.
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
#[derive(Debug, Clone, Default)]
pub struct Drafted {
    pub batch_id: Option<BatchId>,
    /// How many payouts, and what they sum to by currency.
    pub items: usize,
    pub totals: Vec<Money>,
    /// Also when there is no batch to record them with.
    pub left_out: Vec<NewSkipped>,
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
    draft_in_steps(pool, now, actor, wanted, AT_ONCE).await
}

/// As [`draft`], `at_once` enrollments at a time; the draft is the same whatever their number.
///
/// # Errors
/// As [`draft`].
pub async fn draft_in_steps(
    pool: &PgPool,
    now: DateTime<Utc>,
    actor: &Actor,
    wanted: Wanted<'_>,
    at_once: usize,
) -> Result<Drafted, Error> {
    retrying(|| async {
        let mut tx = pool.begin().await?;
        let drafted = run(&mut tx, now, actor, wanted, at_once).await?;
        // What matured on the way stays matured, also when nobody is due.
        tx.commit().await?;
        Ok(drafted)
    })
    .await
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
    run(conn, now, actor, wanted, AT_ONCE).await
}

/// What [`draft`] would do, as seen by the caller's transaction, which need not write.
///
/// # Errors
/// As [`draft`].
pub(super) async fn preview(conn: &mut PgConnection, now: DateTime<Utc>, program_id: ProgramId) -> Result<Plan, Error> {
    let terms = terms(conn, program_id).await?;
    let (candidates, maturing) = candidates(conn, now, &terms).await?;
    let matured_by = (!maturing.is_empty()).then_some(now);
    let mut plan = Plan::default();
    for enrollments in candidates.chunks(AT_ONCE) {
        let balances = ledger::payable_balances(conn, program_id, enrollments, Cutoff::default(), matured_by).await?;
        for decision in decide(conn, &terms, enrollments, &balances).await? {
            match decision {
                Decision::Due(due) => plan.due.push(due),
                Decision::LeftOut(left_out) => plan.left_out.push(left_out),
            }
        }
    }
    Ok(plan)
}

async fn terms(conn: &mut PgConnection, program_id: ProgramId) -> Result<ProgramTerms, Error> {
    let terms = payout_batches::program_terms(conn, program_id).await?;
    terms.ok_or_else(|| Error::Unreadable("there is no such program".to_owned()))
}

/// Whom a draft looks at, in id order; and who of them has lines that mature on the way.
async fn candidates(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    terms: &ProgramTerms,
) -> Result<(Vec<EnrollmentId>, Vec<EnrollmentId>), Error> {
    let mut candidates = payout_batches::candidates(conn, terms.id).await?;
    let due = match terms.auto_credit {
        true => ledger::due_enrollments(conn, now, Some(terms.id), true).await?,
        false => Vec::new(),
    };
    let maturing: Vec<EnrollmentId> = due.into_iter().map(|(_, enrollment)| enrollment).collect();
    candidates.extend(&maturing);
    candidates.sort_unstable();
    candidates.dedup();
    Ok((candidates, maturing))
}

async fn run(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    actor: &Actor,
    wanted: Wanted<'_>,
    at_once: usize,
) -> Result<Drafted, Error> {
    let terms = terms(conn, wanted.program_id).await?;
    let (candidates, maturing) = candidates(conn, now, &terms).await?;
    let mut drafting = Drafting { now, actor, terms, wanted, drafted: Drafted::default() };
    for enrollments in candidates.chunks(at_once.max(1)) {
        let mut locks = ledger::lock_enrollments(conn, enrollments).await?;
        if enrollments.iter().any(|enrollment| maturing.binary_search(enrollment).is_ok()) {
            ledger::mature_due_lines(conn, &mut locks, now, actor).await?;
        }
        drafting.take(conn, &mut locks, enrollments).await?;
    }
    drafting.finish(conn).await
}

/// A draft under way.
struct Drafting<'a> {
    now: DateTime<Utc>,
    actor: &'a Actor,
    terms: ProgramTerms,
    wanted: Wanted<'a>,
    drafted: Drafted,
}

impl Drafting<'_> {
    /// Decides about the locked enrollments, and writes the items of those who are due.
    async fn take(
        &mut self,
        conn: &mut PgConnection,
        locks: &mut [EnrollmentLock],
        enrollments: &[EnrollmentId],
    ) -> Result<(), Error> {
        let (program, cutoff) = (self.terms.id, self.wanted.cutoff);
        let balances = ledger::payable_balances(conn, program, enrollments, cutoff, None).await?;
        let mut items = Vec::new();
        for decision in decide(conn, &self.terms, enrollments, &balances).await? {
            match decision {
                Decision::Due(due) => {
                    payout::gather(&mut self.drafted.totals, due.amount)?;
                    let batch_id = self.batch(conn).await?;
                    items.push(due.item(self.now, batch_id, program));
                }
                Decision::LeftOut(left) => self.drafted.left_out.push(left.skipped()),
            }
        }
        if items.is_empty() {
            return Ok(());
        }
        self.drafted.items += items.len();
        payout_items::insert_all(conn, self.now, &items).await?;
        let refs: Vec<_> =
            items.iter().map(|item| (item.enrollment_id, ItemRef { id: item.id, amount: item.amount })).collect();
        ledger::finalize_into_items(conn, locks, self.now, self.actor, (program, cutoff), &refs).await?;
        ledger::reserve_all(conn, locks, self.now, &refs).await?;
        Ok(())
    }

    /// The batch, which the first item begins.
    async fn batch(&mut self, conn: &mut PgConnection) -> Result<BatchId, Error> {
        if let Some(id) = self.drafted.batch_id {
            return Ok(id);
        }
        let batch = NewBatch {
            id: BatchId::new(self.now),
            program_id: self.terms.id,
            period: self.wanted.period,
            drafted_by: &self.actor.audit_name(),
            available: self.wanted.available,
            manifest_hash: ManifestHash::default().finish(),
        };
        payout_batches::insert(conn, self.now, &batch).await?;
        self.drafted.batch_id = Some(batch.id);
        Ok(batch.id)
    }

    /// Seals the batch: its manifest, who was left out, and the record of who drafted it.
    async fn finish(self, conn: &mut PgConnection) -> Result<Drafted, Error> {
        let drafted = self.drafted;
        let Some(id) = drafted.batch_id else { return Ok(drafted) };
        let hash = manifest::stored(conn, id).await?;
        payout_batches::set_manifest(conn, id, hash).await?;
        for skips in drafted.left_out.chunks(SKIPS_AT_ONCE) {
            payout_batches::insert_skipped(conn, id, skips, None).await?;
        }
        let details = json!({ "totals": drafted.totals, "items": drafted.items, "left_out": drafted.left_out.len() });
        let object = ("payout_batch", id.to_string());
        audit::record(conn, self.now, self.actor, "payout_batch.drafted", object, details).await?;
        Ok(drafted)
    }
}

/// What is decided about an enrollment in one currency.
enum Decision {
    Due(Due),
    LeftOut(LeftOut),
}

/// Decides about each of the balances, which are in the order of `enrollments`.
async fn decide(
    conn: &mut PgConnection,
    terms: &ProgramTerms,
    enrollments: &[EnrollmentId],
    balances: &[PayableBalance],
) -> Result<Vec<Decision>, Error> {
    let payees = payout_batches::payees(conn, enrollments).await?;
    let decision = |balance: &PayableBalance| {
        let at = payees.binary_search_by_key(&balance.enrollment_id, |payee| payee.enrollment_id).ok()?;
        payees[at].decide(terms, balance)
    };
    Ok(balances.iter().filter_map(decision).collect())
}

impl Payee {
    /// `None`: there is nothing to pay and nothing to say.
    fn decide(&self, terms: &ProgramTerms, balance: &PayableBalance) -> Option<Decision> {
        let PayableBalance { currency, payable_minor, held_minor, .. } = *balance;
        let minimum = terms.minimum(currency);
        let left_out = |reason, amount_minor| {
            let minimum = (reason == SkipReason::BelowMinimum).then_some(minimum);
            Decision::LeftOut(self.left_out((reason, minimum), Money::new(amount_minor, currency)))
        };
        match self.standing(payable_minor, held_minor, minimum.amount_minor).eligibility() {
            Eligibility::Nothing => None,
            Eligibility::Skipped(reason, amount_minor) => Some(left_out(reason, amount_minor)),
            Eligibility::Due => match self.due(Money::new(payable_minor, currency)) {
                Some(due) => Some(Decision::Due(due)),
                None => Some(left_out(SkipReason::OnboardingIncomplete, payable_minor)),
            },
        }
    }

    fn left_out(&self, (reason, minimum): (SkipReason, Option<Money>), amount: Money) -> LeftOut {
        let (enrollment_id, affiliate_id, affiliate_name) =
            (self.enrollment_id, self.affiliate_id, self.affiliate_name.clone());
        LeftOut { enrollment_id, affiliate_id, affiliate_name, reason, amount, minimum }
    }

    /// `None`: the method has no account yet.
    fn due(&self, amount: Money) -> Option<Due> {
        let method = self.method.as_ref()?;
        Some(Due {
            enrollment_id: self.enrollment_id,
            affiliate_id: self.affiliate_id,
            affiliate_name: self.affiliate_name.clone(),
            amount,
            payment_method_id: method.id,
            destination: method.stripe_account.clone()?,
        })
    }
}

impl Due {
    fn item(self, now: DateTime<Utc>, batch_id: BatchId, program_id: ProgramId) -> NewItem {
        NewItem {
            id: PayoutItemId::new(now),
            enrollment_id: self.enrollment_id,
            batch_id,
            program_id,
            affiliate_id: self.affiliate_id,
            amount: self.amount,
            payment_method_id: self.payment_method_id,
            rail: Rail::StripeConnect,
            destination: self.destination,
            retry_of: None,
        }
    }
}
