//! Commission lines: new ones enter with their posting, and a status moves only together with the money under it.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::many::{NewPosting, enrollments_of, post_many};
use super::{Cause, EnrollmentLock, LedgerError, Posted, post, read_currency};
use crate::domain::actor::Actor;
use crate::domain::currency::Currency;
use crate::domain::ids::{
    AffiliateId, CampaignId, ConversionId, EnrollmentId, LineId, PayoutItemId, ProgramId, RuleVersionId, SaleId,
};
use crate::domain::line::{LineKind, LineStatus, Transition};
use crate::domain::money::Money;
use crate::domain::posting::{Account, Posting};

/// A line to be written. Its status is where it enters: `pending`, `approved` or, with `held_from`, `on_hold`.
#[derive(Debug, Clone)]
pub struct NewLine {
    pub program_id: ProgramId,
    pub affiliate_id: AffiliateId,
    pub campaign_id: Option<CampaignId>,
    pub rule_version_id: Option<RuleVersionId>,
    pub conversion_id: Option<ConversionId>,
    pub sale_id: Option<SaleId>,
    pub kind: LineKind,
    pub amount: Money,
    /// In words, for the affiliate.
    pub reason: String,
    pub corrects: Option<LineId>,
    /// The item whose transfer was reversed, when the line gives that money back to the balance.
    pub reversed_item_id: Option<PayoutItemId>,
    pub explanation: serde_json::Value,
    /// The fact behind the line: an event id, or who did it.
    pub cause: String,
    /// Unique within the enrollment: the same fact makes one line.
    pub idempotency_key: String,
    pub matures_at: DateTime<Utc>,
    /// When the money was earned, of a line that goes with another; else it is earned as it is written.
    pub earned_at: Option<DateTime<Utc>>,
    pub status: LineStatus,
    pub held_from: Option<LineStatus>,
    /// How the money enters; sums to the line's amount in the account of its status.
    pub posting: Posting,
}

/// A line as it stands.
#[derive(Debug, Clone)]
pub struct LineRow {
    pub id: LineId,
    pub enrollment_id: EnrollmentId,
    pub kind: LineKind,
    pub amount: Money,
    pub status: LineStatus,
    pub held_from: Option<LineStatus>,
    /// Finalized, in no payout, and on hold.
    pub stopped: bool,
    pub sale_id: Option<SaleId>,
    pub payout_item_id: Option<PayoutItemId>,
    pub matures_at: DateTime<Utc>,
    /// To which commission period it belongs.
    pub earned_at: DateTime<Utc>,
}

/// Writes a line with its posting. `None`: the fact made its line before, and nothing was written.
///
/// # Errors
/// See [`LedgerError`].
pub async fn add_line(
    conn: &mut PgConnection,
    lock: &mut EnrollmentLock,
    now: DateTime<Utc>,
    actor: &Actor,
    line: &NewLine,
) -> Result<Option<LineId>, LedgerError> {
    let id = LineId::new(now);
    let cause = Cause { text: &line.cause, idempotency_key: &line.idempotency_key, line_id: Some(id), item_id: None };
    let posted = post(conn, lock, now, line.posting, line.amount.currency, cause).await?;
    if posted == Posted::Already {
        return Ok(None);
    }
    // The line and the first step of its history.
    sqlx::query!(
        "with line as (
            insert into commissions_ledger
                (enrollment_id, id, program_id, affiliate_id, campaign_id, rule_version_id, conversion_id, sale_id, kind,
                 amount_minor, currency, reason, corrects, reversed_item_id, explanation, cause, matures_at, created_at,
                 status, held_from, approved_at, earned_at)
            values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18::timestamptz, $19,
                $20, case when $19 = 'approved' then $18::timestamptz end, $22)
            returning enrollment_id, id, status, created_at, reason
        )
        insert into commission_line_history (enrollment_id, line_id, n, from_status, to_status, at, actor, why)
        select enrollment_id, id, 1, null, status, created_at, $21, reason from line",
        lock.enrollment_id().0,
        id.0,
        line.program_id.0,
        line.affiliate_id.0,
        line.campaign_id.map(|id| id.0) as Option<Uuid>,
        line.rule_version_id.map(|id| id.0) as Option<Uuid>,
        line.conversion_id.map(|id| id.0) as Option<Uuid>,
        line.sale_id.map(|id| id.0) as Option<Uuid>,
        line.kind.as_str(),
        line.amount.amount_minor,
        line.amount.currency.as_str(),
        line.reason,
        line.corrects.map(|id| id.0) as Option<Uuid>,
        line.reversed_item_id.map(|id| id.0) as Option<Uuid>,
        line.explanation,
        line.cause,
        line.matures_at,
        now,
        line.status.as_str(),
        line.held_from.map(LineStatus::as_str),
        actor.audit_name(),
        line.earned_at,
    )
    .execute(conn)
    .await?;
    Ok(Some(id))
}

#[expect(clippy::too_many_arguments, reason = "one row's columns")]
pub(super) async fn add_history(
    conn: &mut PgConnection,
    enrollment_id: EnrollmentId,
    lines: &[Uuid],
    from: Option<LineStatus>,
    to: LineStatus,
    now: DateTime<Utc>,
    actor: &Actor,
    why: &str,
) -> Result<(), LedgerError> {
    sqlx::query!(
        "insert into commission_line_history (enrollment_id, line_id, n, from_status, to_status, at, actor, why)
        select $1, step.line_id, 1 + (
            select coalesce(max(n), 0) from commission_line_history h where h.enrollment_id = $1 and h.line_id = step.line_id
        ), $3, $4, $5, $6, $7
        from unnest($2::uuid[]) as step (line_id)",
        enrollment_id.0,
        lines,
        from.map(LineStatus::as_str),
        to.as_str(),
        now,
        actor.audit_name(),
        why,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Moves a line's status, with the money: approve, hold, release (to where it was) or cancel. Finalizing and paying go
/// through the payout functions. `why` is kept in the line's history; `key` makes the posting happen once.
///
/// # Errors
/// [`LedgerError::Illegal`] when design §5 has no such step, [`LedgerError::NoSuchLine`].
#[expect(clippy::too_many_arguments, reason = "who, when and why belong to every step")]
pub async fn move_line(
    conn: &mut PgConnection,
    lock: &mut EnrollmentLock,
    now: DateTime<Utc>,
    actor: &Actor,
    line_id: LineId,
    to: LineStatus,
    why: &str,
    key: &str,
) -> Result<Transition, LedgerError> {
    let line = line(conn, lock.enrollment_id(), line_id).await?;
    if line.status.step(to, line.held_from)? == Transition::AlreadyApplied {
        return Ok(Transition::AlreadyApplied);
    }
    let account = |status| Account::of_line(status).ok_or_else(|| LedgerError::Unreadable("no account".into()));
    let amount = line.amount.amount_minor;
    let posting = match to {
        LineStatus::Approved if line.status == LineStatus::Pending => Posting::mature(amount),
        LineStatus::Pending | LineStatus::Approved => Posting::release(account(to)?, amount),
        LineStatus::OnHold => Posting::hold(account(line.status)?, amount),
        LineStatus::Cancelled => Posting::cancel(account(line.status)?, amount),
        LineStatus::Finalized | LineStatus::Paid => {
            return Err(LedgerError::Unreadable("payouts finalize and pay lines".into()));
        }
    };
    let cause = Cause { text: why, idempotency_key: key, line_id: Some(line_id), item_id: None };
    post(conn, lock, now, posting, line.amount.currency, cause).await?;
    let held_from = (to == LineStatus::OnHold).then_some(line.status.as_str());
    sqlx::query!(
        "update commissions_ledger set status = $3, held_from = $4,
            approved_at = case when $3 = 'approved' then coalesce(approved_at, $5) else approved_at end,
            cancelled_at = case when $3 = 'cancelled' then $5 else cancelled_at end
        where enrollment_id = $1 and id = $2",
        lock.enrollment_id().0,
        line_id.0,
        to.as_str(),
        held_from,
        now,
    )
    .execute(&mut *conn)
    .await?;
    add_history(conn, lock.enrollment_id(), &[line_id.0], Some(line.status), to, now, actor, why).await?;
    Ok(Transition::Executed(to))
}

struct RawLine {
    enrollment_id: Uuid,
    id: Uuid,
    kind: String,
    amount_minor: i64,
    currency: String,
    status: String,
    held_from: Option<String>,
    stopped: bool,
    sale_id: Option<Uuid>,
    payout_item_id: Option<Uuid>,
    matures_at: DateTime<Utc>,
    earned_at: DateTime<Utc>,
}

impl TryFrom<RawLine> for LineRow {
    type Error = LedgerError;

    fn try_from(raw: RawLine) -> Result<Self, LedgerError> {
        let status = |text: &str| text.parse().map_err(|unknown| LedgerError::Unreadable(format!("{unknown}")));
        Ok(LineRow {
            id: LineId(raw.id),
            enrollment_id: EnrollmentId(raw.enrollment_id),
            kind: raw.kind.parse().map_err(|unknown| LedgerError::Unreadable(format!("{unknown}")))?,
            amount: Money::new(raw.amount_minor, read_currency(&raw.currency)?),
            status: status(&raw.status)?,
            held_from: raw.held_from.as_deref().map(status).transpose()?,
            stopped: raw.stopped,
            sale_id: raw.sale_id.map(SaleId),
            payout_item_id: raw.payout_item_id.map(PayoutItemId),
            matures_at: raw.matures_at,
            earned_at: raw.earned_at,
        })
    }
}

/// A line of the enrollment.
///
/// # Errors
/// [`LedgerError::NoSuchLine`].
pub async fn line(
    conn: &mut PgConnection,
    enrollment_id: EnrollmentId,
    line_id: LineId,
) -> Result<LineRow, LedgerError> {
    sqlx::query_as!(
        RawLine,
        r#"select enrollment_id, id, kind, amount_minor, currency, status, held_from, stopped, sale_id, payout_item_id,
            matures_at, coalesce(earned_at, created_at) as "earned_at!"
        from commissions_ledger where enrollment_id = $1 and id = $2"#,
        enrollment_id.0,
        line_id.0,
    )
    .fetch_optional(conn)
    .await?
    .ok_or(LedgerError::NoSuchLine(line_id))?
    .try_into()
}

/// The line that the posting with this key wrote, if there is one.
///
/// # Errors
/// From the database.
pub async fn line_of_key(
    conn: &mut PgConnection,
    enrollment_id: EnrollmentId,
    idempotency_key: &str,
) -> Result<Option<LineId>, LedgerError> {
    let line = sqlx::query_scalar!(
        "select line_id from ledger_transactions where enrollment_id = $1 and idempotency_key = $2",
        enrollment_id.0,
        idempotency_key,
    )
    .fetch_optional(conn)
    .await?;
    Ok(line.flatten().map(LineId))
}

/// The lines of a sale in the enrollment, oldest first.
///
/// # Errors
/// From the database.
pub async fn lines_of_sale(
    conn: &mut PgConnection,
    enrollment_id: EnrollmentId,
    sale_id: SaleId,
) -> Result<Vec<LineRow>, LedgerError> {
    sqlx::query_as!(
        RawLine,
        r#"select enrollment_id, id, kind, amount_minor, currency, status, held_from, stopped, sale_id, payout_item_id,
            matures_at, coalesce(earned_at, created_at) as "earned_at!"
        from commissions_ledger where enrollment_id = $1 and sale_id = $2 order by id"#,
        enrollment_id.0,
        sale_id.0,
    )
    .fetch_all(conn)
    .await?
    .into_iter()
    .map(LineRow::try_from)
    .collect()
}

/// What the sale's lines sum to, cancelled ones left out; minor units of the sale's currency (design §6, target rule).
///
/// # Errors
/// From the database.
pub async fn posted_for_sale(
    conn: &mut PgConnection,
    enrollment_id: EnrollmentId,
    sale_id: SaleId,
    currency: Currency,
) -> Result<i64, LedgerError> {
    let posted = sqlx::query_scalar!(
        r#"select coalesce(sum(amount_minor), 0)::bigint as "posted!" from commissions_ledger
        where enrollment_id = $1 and sale_id = $2 and currency = $3 and status <> 'cancelled'"#,
        enrollment_id.0,
        sale_id.0,
        currency.as_str(),
    )
    .fetch_one(conn)
    .await?;
    Ok(posted)
}

/// The enrollment's lines that are neither paid nor cancelled, those in a payout too; oldest first.
///
/// # Errors
/// From the database.
pub async fn unpaid_lines(conn: &mut PgConnection, enrollment_id: EnrollmentId) -> Result<Vec<LineRow>, LedgerError> {
    sqlx::query_as!(
        RawLine,
        r#"select enrollment_id, id, kind, amount_minor, currency, status, held_from, stopped, sale_id, payout_item_id,
            matures_at, coalesce(earned_at, created_at) as "earned_at!"
        from commissions_ledger where enrollment_id = $1
            and status in ('pending', 'approved', 'on_hold', 'finalized')
        order by id"#,
        enrollment_id.0,
    )
    .fetch_all(conn)
    .await?
    .into_iter()
    .map(LineRow::try_from)
    .collect()
}

/// Enrollments that have lines whose hold window is over, by program, and in id order within it. `only_auto`: of programs that credit by themselves.
///
/// # Errors
/// From the database.
pub async fn due_enrollments(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    program_id: Option<ProgramId>,
    only_auto: bool,
) -> Result<Vec<(ProgramId, EnrollmentId)>, LedgerError> {
    let due = sqlx::query!(
        "select distinct l.program_id, l.enrollment_id from commissions_ledger l join programs p on p.id = l.program_id
        where l.status = 'pending' and l.matures_at <= $1 and ($2::uuid is null or l.program_id = $2)
            and (p.auto_credit or not $3)
        order by l.program_id, l.enrollment_id",
        now,
        program_id.map(|id| id.0) as Option<Uuid>,
        only_auto,
    )
    .fetch_all(conn)
    .await?;
    Ok(due.into_iter().map(|row| (ProgramId(row.program_id), EnrollmentId(row.enrollment_id))).collect())
}

/// Approves every line of the locked enrollments whose hold window is over: one posting per enrollment and currency, one step
/// of history per line. Returns how many lines and what they sum to, per enrollment and currency.
///
/// # Errors
/// See [`LedgerError`].
pub async fn mature_due_lines(
    conn: &mut PgConnection,
    locks: &mut [EnrollmentLock],
    now: DateTime<Utc>,
    actor: &Actor,
) -> Result<Vec<(i64, Money)>, LedgerError> {
    let why = "Hold window over";
    // A line leaves `pending` once (trigger), so the first of the set names the posting for good.
    let rows = sqlx::query!(
        r#"with moved as (
            update commissions_ledger set status = 'approved', approved_at = $2
            where enrollment_id = any($1) and status = 'pending' and matures_at <= $2
            returning enrollment_id, id, currency, amount_minor
        ), noted as (
            insert into commission_line_history (enrollment_id, line_id, n, from_status, to_status, at, actor, why)
            select enrollment_id, id, 1 + (
                select coalesce(max(n), 0) from commission_line_history h
                where h.enrollment_id = moved.enrollment_id and h.line_id = moved.id
            ), 'pending', 'approved', $2, $3, $4
            from moved
        )
        select enrollment_id as "enrollment_id!: EnrollmentId", currency as "currency!: Currency", count(*) as "lines!",
            sum(amount_minor)::bigint as "amount_minor!", min(id::text) as "first!"
        from moved group by enrollment_id, currency order by enrollment_id, currency"#,
        enrollments_of(locks) as Vec<EnrollmentId>,
        now,
        actor.audit_name(),
        why,
    )
    .fetch_all(&mut *conn)
    .await?;
    let postings: Vec<NewPosting> = rows
        .iter()
        .map(|row| NewPosting {
            enrollment_id: row.enrollment_id,
            posting: Posting::mature(row.amount_minor),
            currency: row.currency,
            cause: why.to_owned(),
            idempotency_key: format!("mature:{}", row.first),
            line_id: None,
            item_id: None,
        })
        .collect();
    post_many(conn, locks, now, &postings).await?;
    Ok(rows.into_iter().map(|row| (row.lines, Money::new(row.amount_minor, row.currency))).collect())
}
