//! Commission periods: the record of each that was finalized, and the figures of those that can still change.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::domain::currency::Currency;
use crate::domain::ids::{EnrollmentId, ProgramId};
use crate::domain::line::LineStatus;
use crate::domain::money::Money;
use crate::domain::period::{Period, PeriodKind};

/// What of a program decides its periods.
#[derive(Debug, Clone)]
pub struct PeriodTerms {
    pub kind: PeriodKind,
    pub auto_credit: bool,
    /// The program's first day.
    pub since: DateTime<Utc>,
}

pub async fn terms(conn: &mut PgConnection, program_id: ProgramId) -> sqlx::Result<Option<PeriodTerms>> {
    sqlx::query_as!(
        PeriodTerms,
        r#"select commission_period as "kind: _", auto_credit, created_at as since from programs where id = $1"#,
        program_id.0,
    )
    .fetch_optional(conn)
    .await
}

/// Lets one transaction at a time finalize periods of the program.
pub async fn lock_program(conn: &mut PgConnection, program_id: ProgramId) -> sqlx::Result<()> {
    sqlx::query!("select id from programs where id = $1 for no key update", program_id.0).fetch_optional(conn).await?;
    Ok(())
}

/// A period that was finalized.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finalized {
    pub period: Period,
    pub finalized_at: DateTime<Utc>,
    pub finalized_by: String,
    pub totals: Vec<StatusTotal>,
}

impl Finalized {
    /// How many lines of the status there were.
    pub fn lines(&self, status: LineStatus) -> i64 {
        self.of(status).map(|total| total.lines).sum()
    }

    /// What the lines of the status sum to, by currency.
    pub fn amounts(&self, status: LineStatus) -> Vec<Money> {
        self.of(status).map(|total| Money::new(total.amount_minor, total.currency)).collect()
    }

    fn of(&self, status: LineStatus) -> impl Iterator<Item = &StatusTotal> {
        self.totals.iter().filter(move |total| total.status == status)
    }

    /// In a sentence or two: `October 2026: 12 lines were finalized, 340.00 USD. 3 pending lines stay out.`
    pub fn note(&self) -> String {
        let label = self.period.label();
        let mut note = match self.lines(LineStatus::Finalized) {
            0 => format!("{label}: nothing was there to finalize."),
            lines => {
                let sums: Vec<String> = self.amounts(LineStatus::Finalized).iter().map(ToString::to_string).collect();
                let were = if lines == 1 { "line was" } else { "lines were" };
                format!("{label}: {lines} {were} finalized, {}.", sums.join(", "))
            }
        };
        // What matured only after a slot that ran late was pending at the slot.
        let pending = self.lines(LineStatus::Pending) + self.lines(LineStatus::Approved);
        let out = [(pending, "pending"), (self.lines(LineStatus::OnHold), "on hold")];
        let out: Vec<String> =
            out.iter().filter(|(lines, _)| *lines > 0).map(|(n, word)| format!("{n} {word}")).collect();
        if !out.is_empty() {
            note.push_str(&format!(" Left for a later period: {}.", out.join(", ")));
        }
        note
    }
}

/// Lines of one status and currency. `Finalized` was locked, the others were left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusTotal {
    pub status: LineStatus,
    pub currency: Currency,
    pub lines: i64,
    pub amount_minor: i64,
}

/// The finalization that covers what was earned before `ends_at`: the first that was of a period that ends then or later.
pub async fn covering(
    conn: &mut PgConnection,
    program_id: ProgramId,
    ends_at: DateTime<Utc>,
) -> sqlx::Result<Option<Finalized>> {
    let row = sqlx::query!(
        r#"select name as "period: Period", finalized_at, finalized_by from commission_periods
        where program_id = $1 and ends_at >= $2 order by ends_at, finalized_at limit 1"#,
        program_id.0,
        ends_at,
    )
    .fetch_optional(&mut *conn)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let totals = totals(conn, program_id, row.period).await?;
    let (finalized_at, finalized_by) = (row.finalized_at, row.finalized_by);
    Ok(Some(Finalized { period: row.period, finalized_at, finalized_by, totals }))
}

/// Every finalization of the program, the latest period first.
pub async fn finalized(conn: &mut PgConnection, program_id: ProgramId) -> sqlx::Result<Vec<Finalized>> {
    let rows = sqlx::query!(
        r#"select name as "period: Period", finalized_at, finalized_by from commission_periods
        where program_id = $1 order by ends_at desc, begins_at desc"#,
        program_id.0,
    )
    .fetch_all(&mut *conn)
    .await?;
    let all = sqlx::query!(
        r#"select name as "period: Period", status as "status: LineStatus", currency as "currency: Currency", lines,
            amount_minor
        from commission_period_totals where program_id = $1 order by currency"#,
        program_id.0,
    )
    .fetch_all(conn)
    .await?;
    let totals_of = |period| {
        let its = all.iter().filter(move |total| total.period == period);
        its.map(|total| StatusTotal {
            status: total.status,
            currency: total.currency,
            lines: total.lines,
            amount_minor: total.amount_minor,
        })
    };
    let read = rows.into_iter().map(|row| Finalized {
        period: row.period,
        finalized_at: row.finalized_at,
        finalized_by: row.finalized_by,
        totals: totals_of(row.period).collect(),
    });
    Ok(read.collect())
}

async fn totals(conn: &mut PgConnection, program_id: ProgramId, period: Period) -> sqlx::Result<Vec<StatusTotal>> {
    sqlx::query_as!(
        StatusTotal,
        r#"select status as "status: _", currency as "currency: _", lines, amount_minor
        from commission_period_totals where program_id = $1 and name = $2 order by currency"#,
        program_id.0,
        period.to_string(),
    )
    .fetch_all(conn)
    .await
}

/// Writes the record of a finalization.
pub async fn insert(conn: &mut PgConnection, program_id: ProgramId, finalized: &Finalized) -> sqlx::Result<()> {
    let period = finalized.period;
    sqlx::query!(
        "insert into commission_periods (program_id, name, begins_at, ends_at, finalized_at, finalized_by)
        values ($1, $2, $3, $4, $5, $6)",
        program_id.0,
        period.to_string(),
        period.begins_at(),
        period.ends_at(),
        finalized.finalized_at,
        finalized.finalized_by,
    )
    .execute(&mut *conn)
    .await?;
    for total in &finalized.totals {
        sqlx::query!(
            "insert into commission_period_totals (program_id, name, status, currency, lines, amount_minor)
            values ($1, $2, $3, $4, $5, $6)",
            program_id.0,
            period.to_string(),
            total.status.as_str(),
            total.currency.as_str(),
            total.lines,
            total.amount_minor,
        )
        .execute(&mut *conn)
        .await?;
    }
    Ok(())
}

/// The enrollments at which finalization looks, in id order: with approved lines, or pending ones whose hold window is over
/// at `now`. Whoever a draft in the same transaction may look at is among them too, so that locks keep one order.
pub async fn candidates(
    conn: &mut PgConnection,
    program_id: ProgramId,
    now: DateTime<Utc>,
) -> sqlx::Result<Vec<EnrollmentId>> {
    sqlx::query_scalar!(
        r#"with touched as (
            select enrollment_id from commissions_ledger
            where program_id = $1 and (status = 'approved' or (status = 'pending' and matures_at <= $2))
        )
        select e.id as "id: EnrollmentId" from enrollments e
        where e.program_id = $1 and (
            e.id in (select enrollment_id from touched)
            or exists (select 1 from balances b where b.enrollment_id = e.id and (b.payable_minor <> 0 or b.held_minor <> 0)))
        order by e.id"#,
        program_id.0,
        now,
    )
    .fetch_all(conn)
    .await
}

/// Lines earned before `until` that can still change, by status and currency.
pub async fn open_totals(
    conn: &mut PgConnection,
    program_id: ProgramId,
    until: DateTime<Utc>,
) -> sqlx::Result<Vec<StatusTotal>> {
    sqlx::query_as!(
        StatusTotal,
        r#"select status as "status: _", currency as "currency: _", count(*) as "lines!",
            sum(amount_minor)::bigint as "amount_minor!"
        from commissions_ledger
        where program_id = $1 and status in ('pending', 'approved', 'on_hold')
            and coalesce(earned_at, created_at) < $2
        group by status, currency order by currency, status"#,
        program_id.0,
        until,
    )
    .fetch_all(conn)
    .await
}

/// Lines that can still change, by the period of a kind in which they were earned.
#[derive(Debug, Clone)]
pub struct OpenLines {
    /// The first moment of the period.
    pub begins_at: DateTime<Utc>,
    pub status: LineStatus,
    pub currency: Currency,
    /// The hold window is over.
    pub has_matured: bool,
    /// Reduces every payout, whenever it was written: below zero, and no correction of a line that can still change.
    pub is_debt: bool,
    pub lines: i64,
    pub amount_minor: i64,
}

pub async fn open_lines(
    conn: &mut PgConnection,
    program_id: ProgramId,
    kind: PeriodKind,
    now: DateTime<Utc>,
) -> sqlx::Result<Vec<OpenLines>> {
    sqlx::query_as!(
        OpenLines,
        r#"select date_trunc($2, coalesce(earned_at, created_at), 'UTC') as "begins_at!", status as "status: _", currency as "currency: _",
            matures_at <= $3 as "has_matured!", amount_minor < 0 and kind <> 'correction' as "is_debt!", count(*) as "lines!",
            sum(amount_minor)::bigint as "amount_minor!"
        from commissions_ledger
        where program_id = $1 and status in ('pending', 'approved', 'on_hold')
        group by 1, status, currency, 4, 5 order by 1, currency"#,
        program_id.0,
        kind.as_str(),
        now,
    )
    .fetch_all(conn)
    .await
}
