//! Payout batches: a run of payouts of one program. Rows change only along design §5, under the batch's row lock; locks of
//! enrollments are taken after it.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

use crate::domain::batch::{BatchStatus, SkipReason};
use crate::domain::currency::Currency;
use crate::domain::ids::{AffiliateId, BatchId, EnrollmentId, PaymentMethodId, ProgramId};
use crate::domain::minimum::{self, MinPayouts};
use crate::domain::money::Money;
use crate::domain::payout::Standing;
use crate::domain::program::{AffiliateStatus, EnrollmentStatus, PaymentMethodStatus};

/// What of a program decides its payouts. Amounts in minor units of its currency.
#[derive(Debug, Clone)]
pub struct ProgramTerms {
    pub id: ProgramId,
    pub slug: String,
    pub currency: Currency,
    pub auto_credit: bool,
    pub min_payout_minor: i64,
    /// The least that is paid in other currencies, in their minor units.
    pub min_payouts: Json<MinPayouts>,
}

impl ProgramTerms {
    /// The least that is paid at once in a currency.
    pub fn minimum(&self, currency: Currency) -> Money {
        minimum::minimum(Money::new(self.min_payout_minor, self.currency), &self.min_payouts, currency)
    }
}

pub async fn program_terms(conn: &mut PgConnection, id: ProgramId) -> sqlx::Result<Option<ProgramTerms>> {
    sqlx::query_as!(
        ProgramTerms,
        r#"select id as "id: _", slug, currency as "currency: _", auto_credit, min_payout_minor,
            other_min_payouts(id) as "min_payouts!: Json<MinPayouts>"
        from programs where id = $1"#,
        id.0,
    )
    .fetch_optional(conn)
    .await
}

/// All programs, in the order of their slugs.
pub async fn program_ids(conn: &mut PgConnection) -> sqlx::Result<Vec<ProgramId>> {
    sqlx::query_scalar!(r#"select id as "id: ProgramId" from programs order by slug"#).fetch_all(conn).await
}

pub async fn program_id_of_slug(conn: &mut PgConnection, slug: &str) -> sqlx::Result<Option<ProgramId>> {
    sqlx::query_scalar!(r#"select id as "id: ProgramId" from programs where slug = $1"#, slug)
        .fetch_optional(conn)
        .await
}

/// The program's enrollments with anything payable or held, in id order.
pub async fn candidates(conn: &mut PgConnection, program_id: ProgramId) -> sqlx::Result<Vec<EnrollmentId>> {
    sqlx::query_scalar!(
        r#"select e.id as "id: EnrollmentId" from enrollments e
        where e.program_id = $1 and exists (
            select 1 from balances b where b.enrollment_id = e.id and (b.payable_minor <> 0 or b.held_minor <> 0))
        order by e.id"#,
        program_id.0,
    )
    .fetch_all(conn)
    .await
}

/// Where an enrollment is paid.
#[derive(Debug, Clone)]
pub struct Payee {
    pub enrollment_id: EnrollmentId,
    pub affiliate_id: AffiliateId,
    pub affiliate_name: String,
    pub affiliate: AffiliateStatus,
    pub enrollment: EnrollmentStatus,
    pub method: Option<PayeeMethod>,
}

/// The method that the next payout would use: a verified one when there is one.
#[derive(Debug, Clone)]
pub struct PayeeMethod {
    pub id: PaymentMethodId,
    pub status: PaymentMethodStatus,
    pub stripe_account: Option<String>,
}

pub async fn payee(conn: &mut PgConnection, enrollment_id: EnrollmentId) -> sqlx::Result<Payee> {
    payees(conn, &[enrollment_id]).await?.pop().ok_or(sqlx::Error::RowNotFound)
}

/// Where these enrollments are paid, in id order.
pub async fn payees(conn: &mut PgConnection, enrollments: &[EnrollmentId]) -> sqlx::Result<Vec<Payee>> {
    let rows = sqlx::query!(
        r#"select e.id as "enrollment_id: EnrollmentId", a.id as "affiliate_id: AffiliateId", a.name,
            a.status as "affiliate: AffiliateStatus", e.status as "enrollment: EnrollmentStatus",
            m.id as "method_id?: PaymentMethodId", m.status as "method?: PaymentMethodStatus", m.stripe_account
        from enrollments e join affiliates a on a.id = e.affiliate_id
        left join lateral (
            select id, status, stripe_account from payment_methods
            where affiliate_id = a.id and removed_at is null and type = 'stripe_connect'
            order by (status = 'verified') desc, id limit 1
        ) m on true
        where e.id = any($1) order by e.id"#,
        enrollments as &[EnrollmentId],
    )
    .fetch_all(conn)
    .await?;
    let payees = rows.into_iter().map(|row| Payee {
        enrollment_id: row.enrollment_id,
        affiliate_id: row.affiliate_id,
        affiliate_name: row.name,
        affiliate: row.affiliate,
        enrollment: row.enrollment,
        method: row.method_id.zip(row.method).map(|(id, status)| PayeeMethod {
            id,
            status,
            stripe_account: row.stripe_account,
        }),
    });
    Ok(payees.collect())
}

impl Payee {
    /// The payee's standing in a currency. Minor units.
    pub fn standing(&self, payable_minor: i64, held_minor: i64, minimum_minor: i64) -> Standing {
        Standing {
            payable_minor,
            held_minor,
            minimum_minor,
            affiliate: self.affiliate,
            enrollment: self.enrollment,
            method: self.method.as_ref().map(|method| method.status),
        }
    }
}

/// A batch to be written.
#[derive(Debug, Clone)]
pub struct NewBatch<'a> {
    pub id: BatchId,
    pub program_id: ProgramId,
    pub period: Option<&'a str>,
    pub drafted_by: &'a str,
    /// What the rail had available before, by currency; `None` when it could not be read.
    pub available: Option<&'a [Money]>,
    pub manifest_hash: [u8; 32],
}

/// Writes the batch as a draft.
pub async fn insert(conn: &mut PgConnection, now: DateTime<Utc>, batch: &NewBatch<'_>) -> sqlx::Result<()> {
    let available = batch.available.map(|amounts| serde_json::json!(amounts));
    sqlx::query!(
        "insert into payout_batches
            (id, program_id, period, status, drafted_at, drafted_by, available_at_draft, manifest_hash, four_eyes_above_minor)
        values ($1, $2, $3, 'draft', $4, $5, $6, $7, (select four_eyes_above_minor from programs where id = $2))",
        batch.id.0,
        batch.program_id.0,
        batch.period,
        now,
        batch.drafted_by,
        available,
        &batch.manifest_hash[..],
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Somebody who is not in a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewSkipped {
    pub enrollment_id: EnrollmentId,
    pub reason: SkipReason,
    /// What the reason is about.
    pub amount: Money,
    /// The minimum that the amount is below, in minor units of its currency.
    pub minimum_minor: Option<i64>,
}

impl NewSkipped {
    /// The reason in words.
    pub fn sentence(&self) -> String {
        self.reason.sentence(self.minimum_minor.map(|minor| Money::new(minor, self.amount.currency)))
    }
}

/// Records who was left out of the batch; `note` is what somebody said of it.
pub async fn insert_skipped(
    conn: &mut PgConnection,
    batch_id: BatchId,
    skipped: &[NewSkipped],
    note: Option<&str>,
) -> sqlx::Result<()> {
    let enrollments: Vec<Uuid> = skipped.iter().map(|one| one.enrollment_id.0).collect();
    let currencies: Vec<String> = skipped.iter().map(|one| one.amount.currency.as_str().to_owned()).collect();
    let reasons: Vec<String> = skipped.iter().map(|one| one.reason.as_str().to_owned()).collect();
    let amounts: Vec<i64> = skipped.iter().map(|one| one.amount.amount_minor).collect();
    let minimums: Vec<Option<i64>> = skipped.iter().map(|one| one.minimum_minor).collect();
    sqlx::query!(
        "insert into payout_skipped (enrollment_id, batch_id, currency, reason, amount_minor, minimum_minor, note)
        select s.enrollment_id, $1, s.currency, s.reason, s.amount_minor, s.minimum_minor, $2
        from unnest($3::uuid[], $4::text[], $5::text[], $6::bigint[], $7::bigint[])
            as s (enrollment_id, currency, reason, amount_minor, minimum_minor)",
        batch_id.0,
        note,
        &enrollments,
        &currencies,
        &reasons,
        &amounts,
        &minimums as &[Option<i64>],
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Sets the manifest of a batch that is locked or new: when its items are written, and after somebody was left out of it.
pub async fn set_manifest(conn: &mut PgConnection, id: BatchId, manifest_hash: [u8; 32]) -> sqlx::Result<()> {
    sqlx::query!("update payout_batches set manifest_hash = $2 where id = $1", id.0, &manifest_hash[..])
        .execute(conn)
        .await?;
    Ok(())
}

/// A batch whose row is locked until the transaction ends.
#[derive(Debug, Clone)]
pub struct LockedBatch {
    pub id: BatchId,
    pub program_id: ProgramId,
    pub status: BatchStatus,
    pub drafted_by: String,
    pub manifest_hash: Vec<u8>,
    pub paused_code: Option<String>,
    /// Above this somebody else than who drafted approves: the program's amount at drafting or now, whichever is less.
    pub four_eyes_above_minor: Option<i64>,
}

/// Locks the batch. `None`: there is none.
pub async fn lock(conn: &mut PgConnection, id: BatchId) -> sqlx::Result<Option<LockedBatch>> {
    sqlx::query_as!(
        LockedBatch,
        r#"select b.id as "id: _", b.program_id as "program_id: _", b.status as "status: _", b.drafted_by, b.manifest_hash,
            b.paused_code, least(b.four_eyes_above_minor, p.four_eyes_above_minor) as four_eyes_above_minor
        from payout_batches b join programs p on p.id = b.program_id where b.id = $1 for no key update of b"#,
        id.0,
    )
    .fetch_optional(conn)
    .await
}

/// Above this somebody else than who drafted the batch approves it, as [`LockedBatch::four_eyes_above_minor`]. `None`: nobody needs to.
pub async fn four_eyes_above(conn: &mut PgConnection, id: BatchId) -> sqlx::Result<Option<Money>> {
    let found = sqlx::query!(
        r#"select least(b.four_eyes_above_minor, p.four_eyes_above_minor) as above_minor, p.currency as "currency: Currency"
        from payout_batches b join programs p on p.id = b.program_id where b.id = $1"#,
        id.0,
    )
    .fetch_optional(conn)
    .await?;
    Ok(found.and_then(|row| Some(Money::new(row.above_minor?, row.currency))))
}

/// Locks the program's drafts that `drafted_by` made and that still pay somebody, oldest first.
pub async fn lock_drafts_of(
    conn: &mut PgConnection,
    program_id: ProgramId,
    drafted_by: &str,
) -> sqlx::Result<Vec<BatchId>> {
    sqlx::query_scalar!(
        r#"select b.id as "id: BatchId" from payout_batches b
        where b.program_id = $1 and b.drafted_by = $2 and b.status = 'draft'
            and exists (select 1 from payout_items i where i.batch_id = b.id and i.status = 'pending')
        order by b.id for no key update of b"#,
        program_id.0,
        drafted_by,
    )
    .fetch_all(conn)
    .await
}

/// The programs' drafts that still pay somebody, newest first: those that `drafted_by` made, or everybody's.
pub async fn drafts_of(
    conn: &mut PgConnection,
    programs: &[ProgramId],
    drafted_by: Option<&str>,
) -> sqlx::Result<Vec<BatchId>> {
    sqlx::query_scalar!(
        r#"select b.id as "id: BatchId" from payout_batches b
        where b.program_id = any($1) and ($2::text is null or b.drafted_by = $2) and b.status = 'draft'
            and exists (select 1 from payout_items i where i.batch_id = b.id and i.status = 'pending')
        order by b.id desc"#,
        programs as &[ProgramId],
        drafted_by,
    )
    .fetch_all(conn)
    .await
}

/// Whom the batches still pay, each once.
pub async fn payees_left(conn: &mut PgConnection, batches: &[BatchId]) -> sqlx::Result<Vec<AffiliateId>> {
    sqlx::query_scalar!(
        r#"select distinct affiliate_id as "id: AffiliateId" from payout_items
        where batch_id = any($1) and status in ('pending', 'sending', 'processing', 'unresolved')"#,
        batches as &[BatchId],
    )
    .fetch_all(conn)
    .await
}

/// How many affiliates [`payees_left`] would name for the batch: an open page asks again and again.
pub async fn count_payees_left(conn: &mut PgConnection, batch_id: BatchId) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"select count(distinct affiliate_id) as "payees!" from payout_items
        where batch_id = $1 and status in ('pending', 'sending', 'processing', 'unresolved')"#,
        batch_id.0,
    )
    .fetch_one(conn)
    .await
}

pub async fn mark_approved(
    conn: &mut PgConnection,
    batch: &LockedBatch,
    now: DateTime<Utc>,
    by: &str,
) -> sqlx::Result<()> {
    sqlx::query!(
        "update payout_batches set status = 'approved', approved_at = $2, approved_by = $3 where id = $1",
        batch.id.0,
        now,
        by,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Starts the batch, or starts it again after a pause.
pub async fn mark_executing(conn: &mut PgConnection, batch: &LockedBatch, now: DateTime<Utc>) -> sqlx::Result<()> {
    sqlx::query!(
        "update payout_batches set status = 'executing', executed_at = coalesce(executed_at, $2), paused_code = null,
            paused_reason = null
        where id = $1",
        batch.id.0,
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

pub async fn mark_cancelled(
    conn: &mut PgConnection,
    batch: &LockedBatch,
    now: DateTime<Utc>,
    by: &str,
) -> sqlx::Result<()> {
    sqlx::query!(
        "update payout_batches set status = 'cancelled', cancelled_at = $2, cancelled_by = $3 where id = $1",
        batch.id.0,
        now,
        by,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Stops an executing batch. `false`: it was not executing.
pub async fn pause(conn: &mut PgConnection, id: BatchId, code: &str, reason: &str) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "update payout_batches set status = 'paused', paused_code = $2, paused_reason = $3
        where id = $1 and status = 'executing'",
        id.0,
        code,
        reason,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Stops a locked batch for good, also one that would go on by itself.
pub async fn mark_stopped(conn: &mut PgConnection, batch: &LockedBatch, reason: &str) -> sqlx::Result<()> {
    sqlx::query!(
        "update payout_batches set status = 'paused', paused_code = 'stopped', paused_reason = $2 where id = $1",
        batch.id.0,
        reason,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Completes the locked batch if it is executing and all its items are final. `true`: it is completed now.
///
/// The lock must have been taken by a statement before: only then does this one see every item that was added to the
/// batch under the same lock.
pub async fn complete_if_final(conn: &mut PgConnection, batch: &LockedBatch, now: DateTime<Utc>) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "update payout_batches set status = 'completed', completed_at = $2
        where id = $1 and status = 'executing' and not exists (
            select 1 from payout_items
            where batch_id = $1 and status in ('pending', 'sending', 'processing', 'unresolved'))",
        batch.id.0,
        now,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Batches under way, executing or paused, without an item that can still change.
pub async fn finished(conn: &mut PgConnection) -> sqlx::Result<Vec<BatchId>> {
    sqlx::query_scalar!(
        r#"select b.id as "id: BatchId" from payout_batches b
        where b.status in ('executing', 'paused') and not exists (
            select 1 from payout_items i
            where i.batch_id = b.id and i.status in ('pending', 'sending', 'processing', 'unresolved'))
        order by b.id"#,
    )
    .fetch_all(conn)
    .await
}
