//! Holds: a stop put on commission lines until somebody decides. The lines themselves move through the ledger.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::domain::hold::HoldScope;
use crate::domain::ids::{AffiliateId, BatchId, EnrollmentId, HoldId, LineId, PayoutItemId, ProgramId, SaleId};
use crate::domain::program::{HoldReason, HoldStatus};

/// A hold to be placed.
#[derive(Debug, Clone)]
pub struct NewHold<'a> {
    pub id: HoldId,
    pub enrollment_id: EnrollmentId,
    pub reason_kind: HoldReason,
    /// In words.
    pub reason: &'a str,
    /// What the reason stands on, for programs.
    pub evidence: Value,
    pub placed_by: &'a str,
    pub reach: Reach<'a>,
}

/// What a hold stops beside the lines that it is placed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach<'a> {
    Lines,
    /// Every line of the sale, while Stripe's dispute is open.
    Disputed(SaleId, &'a str),
    /// Every unpaid line of the enrollment.
    Enrollment,
}

impl Reach<'_> {
    fn scope(self) -> HoldScope {
        match self {
            Reach::Lines => HoldScope::Lines,
            Reach::Disputed(..) => HoldScope::Sale,
            Reach::Enrollment => HoldScope::Enrollment,
        }
    }
}

/// A hold and its lines' place.
#[derive(Debug, Clone)]
pub struct HoldRow {
    pub id: HoldId,
    pub enrollment_id: EnrollmentId,
    pub affiliate_id: AffiliateId,
    pub affiliate_name: String,
    pub program_id: ProgramId,
    pub program_name: String,
    pub reason_kind: HoldReason,
    pub reason: String,
    pub evidence: Value,
    pub scope: HoldScope,
    /// Whose lines it stops, by scope `sale`.
    pub sale_id: Option<SaleId>,
    /// Stripe's dispute that it waits for.
    pub dispute_id: Option<String>,
    pub status: HoldStatus,
    pub placed_at: DateTime<Utc>,
    pub placed_by: String,
    pub decided_at: Option<DateTime<Utc>>,
    pub decided_by: Option<String>,
    pub decision_reason: Option<String>,
    pub lines: i64,
}

/// Places the hold; what it stops is added to it.
pub async fn insert(conn: &mut PgConnection, now: DateTime<Utc>, hold: &NewHold<'_>) -> sqlx::Result<()> {
    let (sale, dispute) = match hold.reach {
        Reach::Disputed(sale, dispute) => (Some(sale.0), Some(dispute)),
        Reach::Lines | Reach::Enrollment => (None, None),
    };
    sqlx::query!(
        "insert into holds (enrollment_id, id, reason_kind, reason, status, placed_at, placed_by, evidence, scope, sale_id,
            dispute_id)
        values ($1, $2, $3, $4, 'open', $5, $6, $7, $8, $9, $10)",
        hold.enrollment_id.0,
        hold.id.0,
        hold.reason_kind.as_str(),
        hold.reason,
        now,
        hold.placed_by,
        hold.evidence,
        hold.reach.scope().as_str(),
        sale as Option<Uuid>,
        dispute,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Stops the lines by the hold too.
pub async fn add_lines(
    conn: &mut PgConnection,
    enrollment_id: EnrollmentId,
    hold: HoldId,
    lines: &[LineId],
) -> sqlx::Result<()> {
    let lines: Vec<Uuid> = lines.iter().map(|line| line.0).collect();
    sqlx::query!(
        "insert into hold_lines (enrollment_id, hold_id, line_id) select $1, $2, line from unnest($3::uuid[]) as t (line)
        on conflict do nothing",
        enrollment_id.0,
        hold.0,
        &lines,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// What narrows a list of holds.
#[derive(Debug, Clone, Default)]
pub struct HoldFilter<'a> {
    pub status: Option<HoldStatus>,
    /// Open ones, or those that have ended.
    pub ended: Option<bool>,
    pub reason_kind: Option<HoldReason>,
    pub affiliate: Option<AffiliateId>,
    pub program: Option<ProgramId>,
    pub ids: Option<&'a [Uuid]>,
    /// Those that stop or stopped the line.
    pub line: Option<LineId>,
    /// Stripe's dispute.
    pub dispute: Option<&'a str>,
}

/// Holds, newest first.
pub async fn list(
    conn: &mut PgConnection,
    filter: &HoldFilter<'_>,
    before: Option<Uuid>,
    limit: i64,
) -> sqlx::Result<Vec<HoldRow>> {
    sqlx::query_as!(
        HoldRow,
        r#"select h.id as "id: _", h.enrollment_id as "enrollment_id: _", e.affiliate_id as "affiliate_id: _",
            a.name as affiliate_name, e.program_id as "program_id: _", p.name as program_name,
            h.reason_kind as "reason_kind: _", h.reason, h.evidence, h.scope as "scope: _", h.sale_id as "sale_id: _",
            h.dispute_id, h.status as "status: _", h.placed_at, h.placed_by, h.decided_at, h.decided_by, h.decision_reason,
            (select count(*) from hold_lines l where l.enrollment_id = h.enrollment_id and l.hold_id = h.id) as "lines!"
        from holds h
        join enrollments e on e.id = h.enrollment_id
        join affiliates a on a.id = e.affiliate_id
        join programs p on p.id = e.program_id
        where ($1::text is null or h.status = $1) and ($2::boolean is null or (h.status <> 'open') = $2)
            and ($3::text is null or h.reason_kind = $3) and ($4::uuid is null or e.affiliate_id = $4)
            and ($5::uuid is null or e.program_id = $5) and ($6::uuid[] is null or h.id = any($6))
            and ($7::text is null or h.dispute_id = $7)
            and ($8::uuid is null or exists (
                select 1 from hold_lines l where l.enrollment_id = h.enrollment_id and l.hold_id = h.id and l.line_id = $8))
            and ($9::uuid is null or h.id < $9)
        order by h.id desc limit $10"#,
        filter.status.map(HoldStatus::as_str),
        filter.ended,
        filter.reason_kind.map(HoldReason::as_str),
        filter.affiliate.map(|id| id.0) as Option<Uuid>,
        filter.program.map(|id| id.0) as Option<Uuid>,
        filter.ids as Option<&[Uuid]>,
        filter.dispute,
        filter.line.map(|id| id.0) as Option<Uuid>,
        before,
        limit,
    )
    .fetch_all(conn)
    .await
}

pub async fn find(conn: &mut PgConnection, id: HoldId) -> sqlx::Result<Option<HoldRow>> {
    Ok(list(conn, &HoldFilter { ids: Some(&[id.0]), ..HoldFilter::default() }, None, 1).await?.pop())
}

/// The holds that wait, or waited, for the dispute, in the order of their enrollments.
pub async fn of_dispute(conn: &mut PgConnection, dispute: &str) -> sqlx::Result<Vec<HoldRow>> {
    let filter = HoldFilter { dispute: Some(dispute), ..HoldFilter::default() };
    let mut holds = list(conn, &filter, None, i64::MAX).await?;
    holds.sort_by_key(|hold| hold.enrollment_id);
    Ok(holds)
}

/// An open hold, and why it stops what it stops.
#[derive(Debug, Clone)]
pub struct Stopping {
    pub id: HoldId,
    pub reason_kind: HoldReason,
    pub reason: String,
}

impl Stopping {
    /// Why the lines wait, as a sentence for the affiliate.
    pub fn told(&self) -> &str {
        if self.reason_kind == HoldReason::Manual { &self.reason } else { self.reason_kind.told() }
    }
}

/// The open holds that are about any of the lines, oldest first, each with those of the lines that it is about: a hold of their
/// whole enrollment, of their sale, on them, or on other lines of their sale.
pub async fn reaching(
    conn: &mut PgConnection,
    enrollment_id: EnrollmentId,
    lines: &[LineId],
) -> sqlx::Result<Vec<(Stopping, Vec<LineId>)>> {
    let lines: Vec<Uuid> = lines.iter().map(|line| line.0).collect();
    let rows = sqlx::query!(
        r#"select hold_id as "id!: HoldId", reason_kind as "reason_kind!: HoldReason", reason as "reason!",
            array_agg(line_id order by line_id) as "lines!"
        from open_hold_reach where enrollment_id = $1 and line_id = any($2)
        group by hold_id, reason_kind, reason order by hold_id"#,
        enrollment_id.0,
        &lines,
    )
    .fetch_all(conn)
    .await?;
    let stopping = rows.into_iter().map(|row| {
        let hold = Stopping { id: row.id, reason_kind: row.reason_kind, reason: row.reason };
        (hold, row.lines.into_iter().map(LineId).collect())
    });
    Ok(stopping.collect())
}

/// The oldest open hold that stops a line which the item was to pay.
pub async fn stopping_item(
    conn: &mut PgConnection,
    enrollment_id: EnrollmentId,
    item: PayoutItemId,
) -> sqlx::Result<Option<Stopping>> {
    sqlx::query_as!(
        Stopping,
        r#"select h.id as "id: _", h.reason_kind as "reason_kind: _", h.reason
        from payout_item_lines il
        join commissions_ledger l on l.enrollment_id = il.enrollment_id and l.id = il.line_id
        join hold_lines s on s.enrollment_id = l.enrollment_id and s.line_id = l.id
        join holds h on h.enrollment_id = s.enrollment_id and h.id = s.hold_id
        where il.enrollment_id = $1 and il.item_id = $2 and l.stopped and h.status = 'open' order by h.id limit 1"#,
        enrollment_id.0,
        item.0,
    )
    .fetch_optional(conn)
    .await
}

/// The items of the batch of which a line came back that an open hold may be about, or a sign that has no hold yet, in the
/// order of their enrollments.
pub async fn items_to_stop(conn: &mut PgConnection, batch: BatchId) -> sqlx::Result<Vec<(EnrollmentId, PayoutItemId)>> {
    let rows = sqlx::query!(
        r#"select i.enrollment_id as "enrollment_id: EnrollmentId", i.id as "id: PayoutItemId" from payout_items i
        where i.batch_id = $1 and i.enrollment_id in (
            select enrollment_id from holds where status = 'open'
            union select enrollment_id from conversion_signs where action = 'hold' and hold_id is null)
        order by i.enrollment_id, i.id"#,
        batch.0,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.enrollment_id, row.id)).collect())
}

/// The sale that the dispute is about turned out to be another one's description.
pub async fn set_sale(conn: &mut PgConnection, hold: &HoldRow, sale: SaleId) -> sqlx::Result<()> {
    sqlx::query!(
        "update holds set sale_id = $3 where enrollment_id = $1 and id = $2 and sale_id is distinct from $3",
        hold.enrollment_id.0,
        hold.id.0,
        sale.0,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The hold's lines that its end moves: when it isn't rejected, only those that no other open hold stops too.
pub async fn lines_to_decide(
    conn: &mut PgConnection,
    hold: &HoldRow,
    decision: HoldStatus,
) -> sqlx::Result<Vec<LineId>> {
    sqlx::query_scalar!(
        r#"select l.line_id as "id: LineId" from hold_lines l
        where l.enrollment_id = $1 and l.hold_id = $2 and ($3 or not exists (
            select 1 from hold_lines o join holds h on h.enrollment_id = o.enrollment_id and h.id = o.hold_id
            where o.enrollment_id = $1 and o.line_id = l.line_id and o.hold_id <> $2 and h.status = 'open'))
        order by l.line_id"#,
        hold.enrollment_id.0,
        hold.id.0,
        decision == HoldStatus::Rejected,
    )
    .fetch_all(conn)
    .await
}

/// The sale's lines that a rejected hold was on: those that it cancelled, and those that take finalized ones back.
pub async fn rejected_of_sale(
    conn: &mut PgConnection,
    enrollment_id: EnrollmentId,
    sale_id: SaleId,
) -> sqlx::Result<Vec<LineId>> {
    sqlx::query_scalar!(
        r#"select c.id as "id: LineId" from commissions_ledger c
        where c.enrollment_id = $1 and c.sale_id = $2 and exists (
            select 1 from hold_lines l join holds h on h.enrollment_id = l.enrollment_id and h.id = l.hold_id
            where l.enrollment_id = c.enrollment_id and l.line_id = c.id and h.status = 'rejected')"#,
        enrollment_id.0,
        sale_id.0,
    )
    .fetch_all(conn)
    .await
}

/// Decides an open hold. `false`: it was decided before.
pub async fn decide(
    conn: &mut PgConnection,
    hold: &HoldRow,
    status: HoldStatus,
    now: DateTime<Utc>,
    by: &str,
    reason: &str,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "update holds set status = $3, decided_at = $4, decided_by = $5, decision_reason = $6
        where enrollment_id = $1 and id = $2 and status = 'open'",
        hold.enrollment_id.0,
        hold.id.0,
        status.as_str(),
        now,
        by,
        reason,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}
