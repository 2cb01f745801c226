//! Commission periods of a program: which there are, what finalizing one would lock and leave out, and finalizing it.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgConnection;
use utoipa::ToSchema;

use super::{Error, Page, PageRequest, Result, programs};
use crate::Engine;
use crate::domain::actor::{Actor, Permission};
use crate::domain::ids::ProgramId;
use crate::domain::line::LineStatus;
use crate::domain::money::{Money, MoneyError};
use crate::domain::payout;
use crate::domain::period::{Period, PeriodKind, PeriodStatus};
use crate::pipeline::finalize as finalizing;
use crate::store::periods::{self, Finalized, OpenLines, PeriodTerms};

/// Commission lines and what they sum to, by currency.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct PeriodTally {
    pub lines: i64,
    pub amounts: Vec<Money>,
}

/// A commission period of a program. Before it is finalized the figures are what finalizing it now would do, with what is
/// left of the periods before it; after it they are what finalizing did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct CommissionPeriod {
    pub program: ProgramId,
    pub period: Period,
    /// For people: `November 2026`.
    pub label: String,
    pub begins_at: DateTime<Utc>,
    /// The first moment after it.
    pub ends_at: DateTime<Utc>,
    pub status: PeriodStatus,
    /// The period whose finalization locked it: itself, or a later one that covered it.
    pub finalized_with: Option<Period>,
    pub finalized_at: Option<DateTime<Utc>>,
    pub finalized_by: Option<String>,
    /// What was locked; nothing for a period that a later one covered.
    pub finalized: PeriodTally,
    /// What finalizing it now would lock.
    pub to_finalize: PeriodTally,
    /// What its hold window keeps out, or an approval that is missing.
    pub pending: PeriodTally,
    /// What holds keep out.
    pub on_hold: PeriodTally,
}

/// The periods of a program since it began, the latest first.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::Invalid`] for the program or the cursor.
pub async fn list(
    engine: &Engine,
    actor: &Actor,
    now: DateTime<Utc>,
    program: &str,
    page: &PageRequest,
) -> Result<Page<CommissionPeriod>> {
    actor.require(Permission::Read)?;
    let not_a_cursor = |_| Error::invalid("cursor", "`cursor` must be the `next_cursor` of an earlier page.");
    let before = page.before_text().map(str::parse::<Period>).transpose().map_err(not_a_cursor)?;
    let books = Books::of(engine, now, program).await?;
    let mut listed = books.periods();
    if let Some(before) = before {
        listed.retain(|period| order(*period) < order(before));
    }
    listed.truncate(usize::try_from(page.fetch()).unwrap_or(usize::MAX));
    let rows = listed.into_iter().map(|period| books.told(period)).collect::<std::result::Result<Vec<_>, _>>()?;
    Ok(page.page(rows, |row| row.period))
}

/// One period of the program.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::Invalid`] when the name is none of the program's periods.
pub async fn get(
    engine: &Engine,
    actor: &Actor,
    now: DateTime<Utc>,
    program: &str,
    period: &str,
) -> Result<CommissionPeriod> {
    actor.require(Permission::Read)?;
    let books = Books::of(engine, now, program).await?;
    Ok(books.told(books.named(period)?)?)
}

/// Finalizes a period that is over; a period that was finalized before, or covered by a later one, is answered as it is.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::Invalid`] naming the field; [`Error::Conflict`] with `period_not_over`.
pub async fn finalize(
    engine: &Engine,
    actor: &Actor,
    now: DateTime<Utc>,
    program: &str,
    period: &str,
) -> Result<CommissionPeriod> {
    actor.require(Permission::Payouts)?;
    // No connection is held while another is waited for: enough callers at once would wait for each other.
    let before = Books::of(engine, now, program).await?;
    let (id, named) = (before.program, before.named(period)?);
    finalizing::finalize(&engine.pool, now, actor, id, named).await?;
    let mut conn = engine.pool.acquire().await?;
    Ok(Books::read(&mut conn, id, now).await?.told(named)?)
}

/// The period with this name.
pub(super) fn read(name: &str) -> Result<Period> {
    let wrong = "`period` must be a month such as `2026-11`, a week such as `2026-W47` or a day such as `2026-11-21`.";
    name.parse().map_err(|_| Error::invalid("period", wrong))
}

/// The period that a payout of the program is asked for by name: one of its kind that has begun.
pub(super) async fn of_payout(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    program_id: ProgramId,
    name: &str,
) -> Result<Period> {
    let terms = periods::terms(conn, program_id).await?.ok_or(Error::NotFound("program"))?;
    let period = of_kind(terms.kind, name)?;
    if period.begins_at() > now {
        let latest = Period::containing(terms.kind, now);
        let message = format!("`period` must not begin in the future: `{latest}` is the latest.");
        return Err(Error::invalid("period", message));
    }
    Ok(period)
}

fn of_kind(kind: PeriodKind, name: &str) -> Result<Period> {
    let of = |period: &Period| period.kind() == kind;
    name.parse().ok().filter(of).ok_or_else(|| {
        let message =
            format!("`period` must be a {kind} such as `{}`: the program's commission period.", kind.example());
        Error::invalid("period", message)
    })
}

/// The later first; of those that end together the shorter.
fn order(period: Period) -> (DateTime<Utc>, DateTime<Utc>) {
    (period.ends_at(), period.begins_at())
}

/// What is known of a program's periods.
struct Books {
    program: ProgramId,
    terms: PeriodTerms,
    now: DateTime<Utc>,
    /// The latest first.
    finalized: Vec<Finalized>,
    open: Vec<OpenLines>,
}

impl Books {
    /// Of the program that a request names.
    async fn of(engine: &Engine, now: DateTime<Utc>, program: &str) -> Result<Books> {
        let mut conn = engine.pool.acquire().await?;
        let id = programs::resolve_param(&mut conn, "program", program).await?;
        Books::read(&mut conn, id, now).await
    }

    async fn read(conn: &mut PgConnection, program: ProgramId, now: DateTime<Utc>) -> Result<Books> {
        let terms = periods::terms(conn, program).await?.ok_or(Error::NotFound("program"))?;
        let finalized = periods::finalized(conn, program).await?;
        let open = periods::open_lines(conn, program, terms.kind, now).await?;
        Ok(Books { program, terms, now, finalized, open })
    }

    fn named(&self, name: &str) -> Result<Period> {
        match name.parse::<Period>() {
            // The program's periods may have been of another kind then.
            Ok(period) if self.finalized.iter().any(|of| of.period == period) => Ok(period),
            _ => self.since_the_first(of_kind(self.terms.kind, name)?),
        }
    }

    /// Refuses a period in which nothing can have been earned: its record would lock what is owed since.
    fn since_the_first(&self, period: Period) -> Result<Period> {
        let first = Period::containing(self.terms.kind, self.begins_at());
        if order(period) < order(first) {
            let message = format!("`period` must not end before the program began: `{first}` is the first.");
            return Err(Error::invalid("period", message));
        }
        Ok(period)
    }

    /// The program's first day, or that of its first line.
    fn begins_at(&self) -> DateTime<Utc> {
        let first_open = self.open.first().map_or(self.now, |lines| lines.begins_at);
        self.terms.since.min(first_open).min(self.now)
    }

    /// Every period since the first line or the program's first day, with those of other kinds that were finalized.
    fn periods(&self) -> Vec<Period> {
        let first = self.begins_at();
        let mut listed: Vec<Period> = self.finalized.iter().map(|of| of.period).collect();
        let mut period = Period::containing(self.terms.kind, self.now);
        while period.ends_at() > first {
            let by_another_kind = self.covering(period).is_some_and(|of| of.period.kind() != self.terms.kind);
            if !by_another_kind && !listed.contains(&period) {
                listed.push(period);
            }
            period = period.previous();
        }
        listed.sort_by_key(|period| std::cmp::Reverse(order(*period)));
        listed
    }

    /// The earliest finalization that locked what was earned in the period.
    fn covering(&self, period: Period) -> Option<&Finalized> {
        self.finalized.iter().rev().find(|of| of.period.ends_at() >= period.ends_at())
    }

    fn told(&self, period: Period) -> std::result::Result<CommissionPeriod, MoneyError> {
        let own = self.finalized.iter().find(|of| of.period == period);
        let covering = own.or_else(|| self.covering(period));
        let status = match covering {
            Some(_) => PeriodStatus::Finalized,
            None if period.has_ended(self.now) => PeriodStatus::Ended,
            None => PeriodStatus::Open,
        };
        let mut told = CommissionPeriod {
            program: self.program,
            period,
            label: period.label(),
            begins_at: period.begins_at(),
            ends_at: period.ends_at(),
            status,
            finalized_with: covering.map(|of| of.period),
            finalized_at: covering.map(|of| of.finalized_at),
            finalized_by: covering.map(|of| of.finalized_by.clone()),
            finalized: PeriodTally::default(),
            to_finalize: PeriodTally::default(),
            pending: PeriodTally::default(),
            on_hold: PeriodTally::default(),
        };
        match (own, covering) {
            (Some(own), _) => told.add_finalized(own)?,
            (None, Some(_)) => {}
            (None, None) => told.add_open(&self.open, self.terms.auto_credit)?,
        }
        Ok(told)
    }
}

impl CommissionPeriod {
    fn add_finalized(&mut self, own: &Finalized) -> std::result::Result<(), MoneyError> {
        for total in &own.totals {
            let tally = match total.status {
                LineStatus::Finalized => &mut self.finalized,
                LineStatus::OnHold => &mut self.on_hold,
                _ => &mut self.pending,
            };
            tally.add(total.lines, Money::new(total.amount_minor, total.currency))?;
        }
        Ok(())
    }

    fn add_open(&mut self, open: &[OpenLines], credits: bool) -> std::result::Result<(), MoneyError> {
        for lines in open {
            let of_now = lines.begins_at < self.ends_at;
            let is_payable = match lines.status {
                LineStatus::Approved => true,
                LineStatus::Pending => credits && lines.has_matured,
                _ => false,
            };
            let tally = match lines.status {
                _ if is_payable && (of_now || lines.is_debt) => &mut self.to_finalize,
                LineStatus::OnHold if of_now => &mut self.on_hold,
                LineStatus::Pending if of_now => &mut self.pending,
                _ => continue,
            };
            tally.add(lines.lines, Money::new(lines.amount_minor, lines.currency))?;
        }
        Ok(())
    }
}

impl PeriodTally {
    fn add(&mut self, lines: i64, amount: Money) -> std::result::Result<(), MoneyError> {
        self.lines = self.lines.checked_add(lines).ok_or(MoneyError::Overflow)?;
        payout::gather(&mut self.amounts, amount)
    }
}
