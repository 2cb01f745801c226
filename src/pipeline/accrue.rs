//! The commission of a credited sale. Whatever changes, the same function brings the sale's lines to what they should sum
//! to, and posts only the difference (design §6, target rule): the first sale, a better description, a refund.

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgConnection;

use super::Error;
use super::attribute::Intake;
use crate::domain::actor::Actor;
use crate::domain::commission::{self, Collected, PaymentPlace, Priced, RuleSource};
use crate::domain::currency::Currency;
use crate::domain::explanation::{Evidence, ExplainedLine};
use crate::domain::ids::{
    AffiliateId, CampaignId, ConversionId, EnrollmentId, LineId, ProgramId, RuleVersionId, SaleId,
};
use crate::domain::line::{LineKind, LineStatus};
use crate::domain::money::{self, Money};
use crate::domain::posting::{Account, Posting};
use crate::domain::rule::Rule;
use crate::domain::sale::{Payment, SaleKind, SaleState};
use crate::store::conversions::{self, Priceable};
use crate::store::holds;
use crate::store::ledger::{self, EnrollmentLock, LineRow, NewLine};
use crate::store::sale_lines;
use crate::store::sales;

const ACTOR: Actor = Actor::System("intake");

const OTHER_CURRENCY: &str = "The purchase turned out to be in another currency";

/// Brings the lines of a credited sale to what its rule makes of what the merchant keeps. Writes nothing when they are
/// there already, or when nobody is credited.
///
/// # Errors
/// See [`Error`].
pub async fn bring_to_target(conn: &mut PgConnection, intake: &Intake<'_>, sale_id: SaleId) -> Result<(), Error> {
    let Some(sale) = sales::lock(conn, sale_id).await? else { return Ok(()) };
    let Some(conversion) = conversions::of_sale(conn, sale_id).await? else { return Ok(()) };
    let Some(payment) = &sale.state.payment else { return Ok(()) };
    let rule = Rule::from_json(&conversion.rule)
        .map_err(|invalid| Error::Unreadable(format!("rule version {}: {invalid}", conversion.rule_version)))?;
    let collected = Collected::of_sale(&rule, &sale.state, payment, sale.refunded_minor)?;
    if collected.unknown_products && sale.state.kind != SaleKind::Payment {
        sale_lines::want(conn, sale_id, intake.now).await?;
    }
    let place = PaymentPlace {
        payment_number: u32::try_from(conversion.payment_number).unwrap_or(1),
        first_paid_at: conversion.first_paid_at,
        paid_at: payment.paid_at,
        is_expansion: conversion.is_expansion,
        standing: 1,
        cap_left_minor: None,
    };
    let priced = commission::commission_for(&rule, &collected, &place)?;

    let mut lock = ledger::lock_enrollment(conn, EnrollmentId(conversion.enrollment_id)).await?;
    // Amounts of two currencies never net: what was earned in one that turned out to be wrong goes.
    for other in currencies(conn, &lock, sale_id).await?.into_iter().filter(|other| *other != payment.currency) {
        take_back(conn, &mut lock, intake, (&conversion, payment), (sale_id, other), OTHER_CURRENCY).await?;
    }
    let books = Books::of_sale(conn, &mut lock, sale_id, payment.currency).await?;
    let Some(step) = books.step_to(priced.target_minor)? else { return Ok(()) };
    if let Step::Cancel(lines) = &step {
        let why = if sale.refunded_minor > 0 { "Payment refunded" } else { "The purchase earns nothing any more" };
        return cancel(conn, &mut lock, intake.now, lines, why).await;
    }
    let source = source(&conversion)?;
    let mut explanation = commission::explain(&priced, &rule, &collected, &place, books.posted_minor, source)?;
    explanation.lines = explained_lines(&rule, &sale.state, payment)?;
    let explanation = serde_json::to_value(explanation).map_err(|error| Error::Unreadable(error.to_string()))?;
    let reason = reason(&step, &conversion, &priced);
    let beside = if let Step::Correct { like, .. } = &step { Some(*like) } else { None };
    let line = books.line(intake, &conversion, payment, step, reason, explanation)?;
    let added = ledger::add_line(conn, &mut lock, intake.now, &ACTOR, &line).await?;
    if let (LineStatus::OnHold, Some(added), Some(beside)) = (line.status, added, beside) {
        holds::join(conn, lock.enrollment_id(), added, beside).await?;
    }
    Ok(())
}

/// What was bought, and what of it counts; nothing to tell when the rule takes every product.
fn explained_lines(rule: &Rule, sale: &SaleState, payment: &Payment) -> Result<Vec<ExplainedLine>, Error> {
    let Some(lines) = sale.lines.as_ref().filter(|_| !rule.products.is_empty()) else { return Ok(Vec::new()) };
    let parts = lines.parts(payment)?;
    let explained = lines.lines.values().zip(parts).map(|(line, part)| ExplainedLine {
        name: line.name().to_owned(),
        paid_minor: part.paid_minor,
        counts: Collected::counts(rule, line),
    });
    Ok(explained.collect())
}

/// Takes back everything that the sale earned, because it is no sale of this affiliate: lines that no payout has locked
/// are cancelled, and the rest is taken back by a line of its own.
///
/// # Errors
/// See [`Error`].
pub async fn retire(conn: &mut PgConnection, intake: &Intake<'_>, sale_id: SaleId, why: &str) -> Result<(), Error> {
    let Some(conversion) = conversions::of_sale(conn, sale_id).await? else { return Ok(()) };
    let Some(sale) = sales::lock(conn, sale_id).await? else { return Ok(()) };
    let Some(payment) = &sale.state.payment else { return Ok(()) };
    let mut lock = ledger::lock_enrollment(conn, EnrollmentId(conversion.enrollment_id)).await?;
    for currency in currencies(conn, &lock, sale_id).await? {
        take_back(conn, &mut lock, intake, (&conversion, payment), (sale_id, currency), why).await?;
    }
    Ok(())
}

/// The currencies in which the sale has earned in the enrollment.
async fn currencies(conn: &mut PgConnection, lock: &EnrollmentLock, sale_id: SaleId) -> Result<Vec<Currency>, Error> {
    let mut all = Vec::new();
    for line in ledger::lines_of_sale(conn, lock.enrollment_id(), sale_id).await? {
        if !all.contains(&line.amount.currency) {
            all.push(line.amount.currency);
        }
    }
    Ok(all)
}

async fn take_back(
    conn: &mut PgConnection,
    lock: &mut EnrollmentLock,
    intake: &Intake<'_>,
    (conversion, payment): (&Priceable, &Payment),
    (sale_id, currency): (SaleId, Currency),
    why: &str,
) -> Result<(), Error> {
    let books = Books::of_sale(conn, lock, sale_id, currency).await?;
    let open: Vec<LineId> = books.alive().filter(|line| !line.status.is_locked()).map(|line| line.id).collect();
    cancel(conn, lock, intake.now, &open, why).await?;
    let books = Books::of_sale(conn, lock, sale_id, currency).await?;
    let Some(step) = books.step_to(0)? else { return Ok(()) };
    let explanation = serde_json::json!({ "because": why });
    let line = books.line(intake, conversion, payment, step, why.to_owned(), explanation)?;
    ledger::add_line(conn, lock, intake.now, &ACTOR, &line).await?;
    Ok(())
}

async fn cancel(
    conn: &mut PgConnection,
    lock: &mut EnrollmentLock,
    now: DateTime<Utc>,
    lines: &[LineId],
    why: &str,
) -> Result<(), Error> {
    for &line in lines {
        let key = format!("cancel:{line}");
        ledger::move_line(conn, lock, now, &ACTOR, line, LineStatus::Cancelled, why, &key).await?;
    }
    Ok(())
}

fn source(conversion: &Priceable) -> Result<RuleSource<'_>, Error> {
    let kind = conversion.evidence_kind.parse().map_err(|error| Error::Unreadable(format!("{error}")))?;
    Ok(RuleSource {
        campaign: &conversion.campaign,
        version: u32::try_from(conversion.rule_version).unwrap_or(1),
        evidence: Some(Evidence { kind, value: conversion.evidence_value.clone() }),
    })
}

fn reason(step: &Step, conversion: &Priceable, priced: &Priced) -> String {
    match step {
        Step::Commission(_) => format!("Commission of {}", conversion.campaign),
        _ => match &priced.earns_nothing_because {
            Some(because) => format!("Corrected: {because}"),
            None => "Corrected to what the purchase came to".to_owned(),
        },
    }
}

/// What has to be done for the lines to sum to the target; amounts in minor units.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    /// The sale's first line.
    Commission(i64),
    /// Nothing is locked and nothing is earned: the lines themselves go.
    Cancel(Vec<LineId>),
    /// A signed change beside a line that no payout has locked, in its status.
    Correct { amount_minor: i64, like: LineId },
    /// A signed change of what is locked or was cancelled before.
    Change(i64),
}

/// The lines of a sale in an enrollment that is locked, and what they come to in one currency.
struct Books {
    sale_id: SaleId,
    currency: Currency,
    /// All of them, in whatever currency.
    lines: Vec<LineRow>,
    /// What the currency's lines sum to, cancelled ones left out.
    posted_minor: i64,
    /// What somebody took away by rejecting a hold: it is not earned again.
    rejected_minor: i64,
}

impl Books {
    /// The lock is asked for, so that nobody writes lines meanwhile.
    async fn of_sale(
        conn: &mut PgConnection,
        lock: &mut EnrollmentLock,
        sale_id: SaleId,
        currency: Currency,
    ) -> Result<Books, Error> {
        let lines = ledger::lines_of_sale(conn, lock.enrollment_id(), sale_id).await?;
        let rejected_minor = holds::rejected_of_sale(conn, lock.enrollment_id(), sale_id, currency).await?;
        let mut books = Books { sale_id, currency, lines, posted_minor: 0, rejected_minor };
        books.posted_minor = money::sum(books.alive().map(|line| line.amount.amount_minor))?;
        Ok(books)
    }

    /// The currency's lines that were not cancelled.
    fn alive(&self) -> impl Iterator<Item = &LineRow> {
        let counts = |line: &&LineRow| line.status != LineStatus::Cancelled && line.amount.currency == self.currency;
        self.lines.iter().filter(counts)
    }

    /// What is still to be posted. What was rejected counts as if it stood, and is not taken back a second time.
    fn change_to(&self, target_minor: i64) -> Result<i64, Error> {
        let change = money::sub(target_minor, money::add(self.posted_minor, self.rejected_minor)?)?;
        if self.rejected_minor <= 0 {
            return Ok(change);
        }
        Ok(change.max(money::sub(0, self.posted_minor)?))
    }

    fn step_to(&self, target_minor: i64) -> Result<Option<Step>, Error> {
        let change = self.change_to(target_minor)?;
        if change == 0 {
            return Ok(None);
        }
        if self.lines.is_empty() {
            return Ok(Some(Step::Commission(change)));
        }
        let paid_out = self.alive().any(|line| line.status.is_locked());
        Ok(Some(match self.alive().find(|line| line.kind == LineKind::Commission).or_else(|| self.alive().next()) {
            Some(_) if !paid_out && target_minor == 0 => Step::Cancel(self.alive().map(|line| line.id).collect()),
            Some(line) if !paid_out => Step::Correct { amount_minor: change, like: line.id },
            _ => Step::Change(change),
        }))
    }

    /// The line that carries the step out.
    fn line(
        &self,
        intake: &Intake<'_>,
        conversion: &Priceable,
        payment: &Payment,
        step: Step,
        reason: String,
        explanation: serde_json::Value,
    ) -> Result<NewLine, Error> {
        let matures_at = payment
            .paid_at
            .checked_add_signed(TimeDelta::days(i64::from(conversion.hold_days)))
            .ok_or_else(|| Error::Unreadable("the hold window ends after the calendar".to_owned()))?;
        let first = self.lines.iter().find(|line| line.kind == LineKind::Commission).map(|line| line.id);
        let paid_out = self.alive().any(|line| line.status.is_locked());
        let enters = match step {
            Step::Commission(amount) => Entry::pending(LineKind::Commission, amount),
            Step::Correct { amount_minor, like } => self.beside(like, amount_minor)?,
            Step::Change(amount) if !paid_out => Entry::pending(LineKind::Recredit, amount),
            Step::Change(amount) => Entry::after_payout(amount)?,
            Step::Cancel(_) => return Err(Error::Unreadable("a cancellation is no line".to_owned())),
        };
        // The lines of a sale are written under the enrollment's lock, so their number names the next.
        let key = match enters.kind {
            LineKind::Commission => format!("commission:{}", self.sale_id),
            _ => format!("change:{}:{}", self.sale_id, self.lines.len()),
        };
        Ok(NewLine {
            program_id: ProgramId(conversion.program_id),
            affiliate_id: AffiliateId(conversion.affiliate_id),
            campaign_id: Some(CampaignId(conversion.campaign_id)),
            rule_version_id: Some(RuleVersionId(conversion.rule_version_id)),
            conversion_id: Some(ConversionId(conversion.id)),
            sale_id: Some(self.sale_id),
            kind: enters.kind,
            amount: Money::new(enters.amount_minor, self.currency),
            reason,
            corrects: if enters.kind == LineKind::Commission { None } else { first },
            reversed_item_id: None,
            explanation,
            cause: intake.cause.to_owned(),
            idempotency_key: key,
            matures_at,
            status: enters.status,
            held_from: enters.held_from,
            posting: enters.posting,
        })
    }

    /// A change that stands beside an open line, and goes its way with it.
    fn beside(&self, like: LineId, amount_minor: i64) -> Result<Entry, Error> {
        let line = self.lines.iter().find(|line| line.id == like);
        let (Some(line), Some(account)) = (line, line.and_then(|line| Account::of_line(line.status))) else {
            return Err(Error::Unreadable(format!("line {like} can't be corrected")));
        };
        Ok(Entry {
            kind: LineKind::Correction,
            amount_minor,
            status: line.status,
            held_from: line.held_from,
            posting: Posting::accrue_into(account, amount_minor),
        })
    }
}

/// How a line enters the books.
struct Entry {
    kind: LineKind,
    amount_minor: i64,
    status: LineStatus,
    held_from: Option<LineStatus>,
    posting: Posting,
}

impl Entry {
    fn pending(kind: LineKind, amount_minor: i64) -> Entry {
        let posting = Posting::accrue(amount_minor);
        Entry { kind, amount_minor, status: LineStatus::Pending, held_from: None, posting }
    }

    /// What was finalized is never touched: less is taken back from the payable balance, more is added to it.
    fn after_payout(amount_minor: i64) -> Result<Entry, Error> {
        let (kind, posting) = if amount_minor < 0 {
            (LineKind::Clawback, Posting::clawback(money::sub(0, amount_minor)?))
        } else {
            (LineKind::Recredit, Posting::recredit(amount_minor))
        };
        Ok(Entry { kind, amount_minor, status: LineStatus::Approved, held_from: None, posting })
    }
}
