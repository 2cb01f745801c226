//! The lines of one sale, what they come to, and the line that brings them to a target (design §6, target rule).

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgConnection;

use super::super::Error;
use super::Intake;
use crate::domain::currency::Currency;
use crate::domain::ids::{AffiliateId, CampaignId, ConversionId, LineId, ProgramId, RuleVersionId, SaleId};
use crate::domain::line::{LineKind, LineStatus};
use crate::domain::money::{self, Money};
use crate::domain::posting::{Account, Posting};
use crate::store::conversions::Priceable;
use crate::store::holds;
use crate::store::ledger::{self, EnrollmentLock, LineRow, NewLine};

/// What has to be done for the lines to sum to the target; amounts in minor units.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
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
pub(super) struct Books {
    sale_id: SaleId,
    currency: Currency,
    /// All of them, in whatever currency.
    lines: Vec<LineRow>,
    /// What the currency's lines sum to, cancelled ones left out.
    pub(super) posted_minor: i64,
    /// What somebody took away by rejecting a hold: it is not earned again.
    rejected_minor: i64,
    /// Nothing is left of the sale beside what was taken away so.
    is_rejected: bool,
}

impl Books {
    /// The lock is asked for, so that nobody writes lines meanwhile.
    pub(super) async fn of_sale(
        conn: &mut PgConnection,
        lock: &mut EnrollmentLock,
        sale_id: SaleId,
        currency: Currency,
    ) -> Result<Books, Error> {
        let lines = ledger::lines_of_sale(conn, lock.enrollment_id(), sale_id).await?;
        let may_be = |line: &LineRow| line.status == LineStatus::Cancelled || line.kind == LineKind::Clawback;
        let rejected = if lines.iter().any(may_be) {
            holds::rejected_of_sale(conn, lock.enrollment_id(), sale_id).await?
        } else {
            Vec::new()
        };
        let mut books = Books { sale_id, currency, lines, posted_minor: 0, rejected_minor: 0, is_rejected: false };
        books.posted_minor = money::sum(books.alive().map(|line| line.amount.amount_minor))?;
        books.weigh_rejected(&rejected)?;
        Ok(books)
    }

    /// What is cancelled was taken away by that, what was finalized by a line of its own.
    fn weigh_rejected(&mut self, rejected: &[LineId]) -> Result<(), Error> {
        let is_in = |line: &&LineRow| rejected.contains(&line.id) && line.amount.currency == self.currency;
        let amounts = self.lines.iter().filter(is_in).map(|line| match (line.status, line.kind) {
            (LineStatus::Cancelled, _) => Ok(line.amount.amount_minor),
            (_, LineKind::Clawback) => money::sub(0, line.amount.amount_minor),
            _ => Ok(0),
        });
        self.rejected_minor = money::sum(amounts.collect::<Result<Vec<i64>, _>>()?)?;
        let stands = |line: &LineRow| line.amount.amount_minor > 0 && !rejected.contains(&line.id);
        let is_rejected = !self.alive().any(stands);
        self.is_rejected = is_rejected;
        Ok(())
    }

    /// The other currencies in which the sale has earned.
    pub(super) fn other_currencies(&self) -> Vec<Currency> {
        let mut others: Vec<Currency> = self.lines.iter().map(|line| line.amount.currency).collect();
        others.retain(|other| *other != self.currency);
        others.sort();
        others.dedup();
        others
    }

    /// The currency's lines that were not cancelled.
    pub(super) fn alive(&self) -> impl Iterator<Item = &LineRow> {
        let counts = |line: &&LineRow| line.status != LineStatus::Cancelled && line.amount.currency == self.currency;
        self.lines.iter().filter(counts)
    }

    /// Whether the sale never had a line in the enrollment.
    pub(super) fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// What is still to be posted. What was rejected counts as if it stood, and is not taken back a second time.
    fn change_to(&self, target_minor: i64) -> Result<i64, Error> {
        let change = money::sub(target_minor, money::add(self.posted_minor, self.rejected_minor)?)?;
        if self.rejected_minor <= 0 {
            return Ok(change);
        }
        let change = change.max(money::sub(0, self.posted_minor)?);
        // Of a sale that was rejected as a whole a better tier or a freed cap makes nothing more.
        Ok(if self.is_rejected { change.min(0) } else { change })
    }

    pub(super) fn step_to(&self, target_minor: i64) -> Result<Option<Step>, Error> {
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
    pub(super) fn line(
        &self,
        intake: &Intake<'_>,
        conversion: &Priceable,
        step: Step,
        reason: String,
        explanation: serde_json::Value,
    ) -> Result<NewLine, Error> {
        let matures_at = conversion
            .position_at
            .and_then(|paid_at| paid_at.checked_add_signed(TimeDelta::days(i64::from(conversion.hold_days))))
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
            earned_at: enters.earned_at,
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
            earned_at: Some(line.earned_at),
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
    /// Of a line that goes with another: when that was earned.
    earned_at: Option<DateTime<Utc>>,
}

impl Entry {
    fn pending(kind: LineKind, amount_minor: i64) -> Entry {
        let posting = Posting::accrue(amount_minor);
        Entry { kind, amount_minor, status: LineStatus::Pending, held_from: None, posting, earned_at: None }
    }

    /// What was finalized is never touched: less is taken back from the payable balance, more is added to it.
    fn after_payout(amount_minor: i64) -> Result<Entry, Error> {
        let (kind, posting) = if amount_minor < 0 {
            (LineKind::Clawback, Posting::clawback(money::sub(0, amount_minor)?))
        } else {
            (LineKind::Recredit, Posting::recredit(amount_minor))
        };
        Ok(Entry { kind, amount_minor, status: LineStatus::Approved, held_from: None, posting, earned_at: None })
    }
}
