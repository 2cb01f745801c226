//! What a sale earned an affiliate, told as it happened: each change of each of its lines with what it did to the sum, and
//! where the sum stands. A line of no sale, such as a bonus, tells its own story.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgConnection;
use utoipa::ToSchema;
use uuid::Uuid;

use super::commissions::{Commission, HistoryStep};
use super::{Error, MAX_LIMIT, Result};
use crate::Engine;
use crate::domain::actor::{Actor, Permission};
use crate::domain::currency::Currency;
use crate::domain::ids::{EnrollmentId, LineId, SaleId};
use crate::domain::line::{LineKind, LineStatus};
use crate::domain::money::{self, Money, MoneyError};
use crate::store::lines_view::{self, LineFilter};

/// The lines of one sale and what happened to them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct LineStory {
    /// The first line first.
    pub lines: Vec<Commission>,
    /// As it happened.
    pub events: Vec<LineEvent>,
    /// What the lines come to, by currency; cancelled ones don't count.
    pub net: Vec<Money>,
}

/// Something that happened to lines of a sale at one moment, for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct LineEvent {
    pub at: DateTime<Utc>,
    /// `Credited`, `Taken back`, `Paid` …
    pub what: String,
    /// The lines, at least one.
    pub lines: Vec<LineId>,
    /// By how much it changed what the sale earns; null for a step on the way to payment.
    pub change: Option<Money>,
    /// What the sale earned after it, in the currency of the lines.
    pub net: Money,
    pub why: String,
    pub by: String,
    /// The line is there because of it: its amount is explained in its sentences.
    pub wrote: Option<LineId>,
}

/// The story of an affiliate's own line.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::NotFound`], for another's line too.
pub async fn mine(engine: &Engine, actor: &Actor, id: LineId) -> Result<LineStory> {
    let affiliate = actor.own_affiliate()?;
    let mut conn = engine.pool.acquire().await?;
    let line = lines_view::find(&mut conn, id, Some(affiliate)).await?.ok_or(Error::NotFound("commission"))?;
    let line = Commission::from(line).for_affiliate();
    let told = match line.sale {
        Some(sale) => {
            lines_of(&mut conn, sale, Some(&line)).await?.into_iter().map(Commission::for_affiliate).collect()
        }
        None => vec![line],
    };
    story(&mut conn, told, HistoryStep::for_affiliate).await
}

/// The story of any line.
///
/// # Errors
/// [`Error::Forbidden`], [`Error::NotFound`].
pub async fn of_line(engine: &Engine, actor: &Actor, id: LineId) -> Result<LineStory> {
    actor.require(Permission::Read)?;
    let mut conn = engine.pool.acquire().await?;
    let line = Commission::from(lines_view::find(&mut conn, id, None).await?.ok_or(Error::NotFound("commission"))?);
    let lines = match line.sale {
        Some(sale) => lines_of(&mut conn, sale, Some(&line)).await?,
        None => vec![line],
    };
    story(&mut conn, lines, |step| step).await
}

/// The story of a sale, whoever it was credited to over time.
///
/// # Errors
/// [`Error::Forbidden`].
pub async fn of_sale(engine: &Engine, actor: &Actor, sale: SaleId) -> Result<LineStory> {
    actor.require(Permission::Read)?;
    let mut conn = engine.pool.acquire().await?;
    let lines = lines_of(&mut conn, sale, None).await?;
    story(&mut conn, lines, |step| step).await
}

/// The sale's lines, oldest first: all of them, or those in the enrollment of one.
async fn lines_of(conn: &mut PgConnection, sale: SaleId, like: Option<&Commission>) -> Result<Vec<Commission>> {
    let filter = LineFilter { sale: Some(sale), affiliate: like.map(|line| line.affiliate), ..LineFilter::default() };
    let rows = lines_view::list(conn, &filter, None, MAX_LIMIT).await?;
    let mut lines: Vec<Commission> = rows.into_iter().map(Commission::from).collect();
    lines.retain(|line| like.is_none_or(|like| like.enrollment == line.enrollment));
    lines.reverse();
    Ok(lines)
}

async fn story(
    conn: &mut PgConnection,
    lines: Vec<Commission>,
    told: impl Fn(HistoryStep) -> HistoryStep,
) -> Result<LineStory> {
    let enrollments: Vec<EnrollmentId> = lines.iter().map(|line| line.enrollment).collect();
    let ids: Vec<Uuid> = lines.iter().map(|line| line.id.0).collect();
    let mut steps: Vec<(LineId, HistoryStep)> = Vec::new();
    for (line, row) in lines_view::histories(conn, &enrollments, &ids).await? {
        steps.push((line, told(HistoryStep::from(row))));
    }
    let by_id: HashMap<LineId, &Commission> = lines.iter().map(|line| (line.id, line)).collect();
    let events = events(&by_id, steps)?;
    Ok(LineStory { net: net(&lines)?, events, lines })
}

fn net(lines: &[Commission]) -> std::result::Result<Vec<Money>, MoneyError> {
    let mut sums = Sums::default();
    for line in lines.iter().filter(|line| line.status != LineStatus::Cancelled) {
        sums.add(Money::new(line.amount_minor, line.currency))?;
    }
    Ok(sums.0)
}

/// The steps in their order; those of several lines that happened together are one.
fn events(
    lines: &HashMap<LineId, &Commission>,
    steps: Vec<(LineId, HistoryStep)>,
) -> std::result::Result<Vec<LineEvent>, MoneyError> {
    let (mut events, mut sums): (Vec<LineEvent>, Sums) = (Vec::new(), Sums::default());
    for (id, step) in steps {
        let Some(line) = lines.get(&id) else { continue };
        let amount = Money::new(line.amount_minor, line.currency);
        let (what, change) = told(line, &step)?;
        let net = sums.add(Money::new(change.unwrap_or(0), amount.currency))?;
        let change = change.map(|minor| Money::new(minor, amount.currency));
        match events.last_mut() {
            Some(last) if last.is_same(&step, what, change, net.currency) => {
                last.lines.push(id);
                last.net = net;
                if let (Some(sum), Some(change)) = (&mut last.change, change) {
                    *sum = sum.checked_add(change)?;
                }
            }
            _ => events.push(LineEvent {
                at: step.at,
                what: what.to_owned(),
                lines: vec![id],
                change,
                net,
                wrote: step.from.is_none().then_some(id),
                why: step.why,
                by: step.by,
            }),
        }
    }
    Ok(events)
}

impl LineEvent {
    fn is_same(&self, step: &HistoryStep, what: &str, change: Option<Money>, currency: Currency) -> bool {
        (self.at, self.what.as_str(), &self.why) == (step.at, what, &step.why)
            && self.change.is_some() == change.is_some()
            && self.wrote.is_none()
            && step.from.is_some()
            && self.net.currency == currency
    }
}

/// What the step is called, and by how many minor units it changes what is earned.
fn told(line: &Commission, step: &HistoryStep) -> std::result::Result<(&'static str, Option<i64>), MoneyError> {
    let amount = line.amount_minor;
    Ok(match (step.from, step.to) {
        (None, _) => (entered(line.kind, amount), Some(amount)),
        (_, LineStatus::Cancelled) => ("Cancelled", Some(money::sub(0, amount)?)),
        (_, LineStatus::OnHold) => ("Put on hold", None),
        (Some(LineStatus::OnHold), _) => ("Released", None),
        (_, LineStatus::Approved) => ("Available for the next payout", None),
        (Some(LineStatus::Approved), LineStatus::Finalized) if line.finalized_with.is_some() => ("Final", None),
        (_, LineStatus::Finalized) => ("In a payout", None),
        (_, LineStatus::Paid) => ("Paid", None),
        (_, LineStatus::Pending) => ("Pending", None),
    })
}

fn entered(kind: LineKind, amount_minor: i64) -> &'static str {
    match kind {
        LineKind::Commission => "Credited",
        LineKind::Correction if amount_minor < 0 => "Reduced",
        LineKind::Correction => "Increased",
        LineKind::Clawback => "Taken back",
        LineKind::Recredit => "Credited again",
        LineKind::Bonus => "Bonus",
        LineKind::Adjustment => "Adjusted",
    }
}

/// Amounts by currency.
#[derive(Debug, Default)]
struct Sums(Vec<Money>);

impl Sums {
    /// Returns the sum with it.
    fn add(&mut self, amount: Money) -> std::result::Result<Money, MoneyError> {
        if let Some(sum) = self.0.iter_mut().find(|sum| sum.currency == amount.currency) {
            *sum = sum.checked_add(amount)?;
            return Ok(*sum);
        }
        self.0.push(amount);
        Ok(amount)
    }
}
