//! Commission lines to read: what each is worth, where it is on its way, and why. The company sees all of them, an
//! affiliate their own through `desk::me`.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use sqlx::PgConnection;
use utoipa::ToSchema;
use uuid::Uuid;

use super::signs::{self, Sign};
use super::{Error, Page, PageRequest, Result, periods, programs};
use crate::Engine;
use crate::domain::actor::{Actor, Permission};
use crate::domain::currency::Currency;
use crate::domain::explanation::{Explanation, Reader};
use crate::domain::ids::{
    AffiliateId, CampaignId, ConversionId, EnrollmentId, LineId, PayoutItemId, ProgramId, SaleId,
};
use crate::domain::line::{LineKind, LineStatus};
use crate::domain::money::Money;
use crate::domain::period::Period;
use crate::store::lines_view::{self, HistoryRow, LineFilter, LineView};

/// Why a line has its amount, in sentences, with the figures behind them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct LineExplanation {
    pub sentences: Vec<String>,
    /// How the amount was computed: collected, deductions, basis, rule, rate, evidence; null when no rule priced the line.
    #[schema(value_type = Option<Object>)]
    pub figures: Option<Explanation>,
}

/// A commission line. `amount` in minor units of `currency`; corrections and clawbacks are negative.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Commission {
    pub id: LineId,
    pub affiliate: AffiliateId,
    pub affiliate_name: String,
    pub program: ProgramId,
    pub program_name: String,
    pub enrollment: EnrollmentId,
    pub campaign: Option<CampaignId>,
    pub conversion: Option<ConversionId>,
    pub sale: Option<SaleId>,
    /// When the customer paid.
    pub sale_paid_at: Option<DateTime<Utc>>,
    #[serde(rename = "amount")]
    pub amount_minor: i64,
    pub currency: Currency,
    pub status: LineStatus,
    pub kind: LineKind,
    pub reason: String,
    /// The line that this one corrects.
    pub corrects: Option<LineId>,
    /// End of the hold window.
    pub matures_at: DateTime<Utc>,
    pub approved_at: Option<DateTime<Utc>>,
    pub finalized_at: Option<DateTime<Utc>>,
    /// The commission period with whose finalization it was locked; null when a payout locked it.
    pub finalized_with: Option<Period>,
    pub paid_at: Option<DateTime<Utc>>,
    pub cancelled_at: Option<DateTime<Utc>>,
    pub payout_item: Option<PayoutItemId>,
    /// The transfer that pays it, once there is one.
    pub transfer_id: Option<String>,
    pub explanation: LineExplanation,
    /// What all lines of its sale come to in its currency, cancelled ones left out; null for a line of no sale.
    #[serde(rename = "sale_net")]
    pub sale_net_minor: Option<i64>,
    /// Signs of fraud on its conversion; never told to the affiliate.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub signs: Vec<Sign>,
    pub created_at: DateTime<Utc>,
}

/// A change of a line's status.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct HistoryStep {
    pub from: Option<LineStatus>,
    pub to: LineStatus,
    pub at: DateTime<Utc>,
    /// Who did it, as the audit log names them; for affiliates only whether it was the company or a schedule.
    pub by: String,
    pub why: String,
}

/// What narrows a list of lines. `program` is an id or slug; `period` is a month, week or day, such as `2026-11`, in which
/// they were earned: a correction goes with the line that it corrects.
#[derive(Debug, Clone, Default)]
pub struct CommissionQuery {
    pub affiliate: Option<AffiliateId>,
    pub program: Option<String>,
    pub status: Option<LineStatus>,
    pub kind: Option<LineKind>,
    pub sale: Option<SaleId>,
    /// What a payout is made of.
    pub payout_item: Option<PayoutItemId>,
    /// Only lines with signs of fraud, or only those without.
    pub flagged: Option<bool>,
    /// A part of the affiliate's name or e-mail.
    pub search: Option<String>,
    pub period: Option<String>,
}

/// Lines, newest first.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::Invalid`] for a filter or the cursor.
pub async fn list(
    engine: &Engine,
    actor: &Actor,
    query: &CommissionQuery,
    page: &PageRequest,
) -> Result<Page<Commission>> {
    actor.require(Permission::Read)?;
    let mut page = read_page(engine, query, page).await?;
    let mut conn = engine.pool.acquire().await?;
    signs::add(&mut conn, &mut page.data).await?;
    Ok(page)
}

/// A line and its steps.
///
/// # Errors
/// [`Error::Forbidden`], [`Error::NotFound`].
pub async fn get(engine: &Engine, actor: &Actor, id: LineId) -> Result<(Commission, Vec<HistoryStep>)> {
    actor.require(Permission::Read)?;
    let mut conn = engine.pool.acquire().await?;
    let line = lines_view::find(&mut conn, id, None).await?.ok_or(Error::NotFound("commission"))?;
    let steps = lines_view::history(&mut conn, line.enrollment_id, id).await?;
    let mut line = [Commission::from(line)];
    signs::add(&mut conn, &mut line).await?;
    add_nets(&mut conn, &mut line).await?;
    let [line] = line;
    Ok((line, steps.into_iter().map(HistoryStep::from).collect()))
}

pub(super) async fn read_page(
    engine: &Engine,
    query: &CommissionQuery,
    page: &PageRequest,
) -> Result<Page<Commission>> {
    let before = page.before::<LineId>()?;
    let (earned_from, earned_until) = match query.period.as_deref().filter(|text| !text.is_empty()) {
        Some(name) => {
            let period = periods::read(name)?;
            (Some(period.begins_at()), Some(period.ends_at()))
        }
        None => (None, None),
    };
    let mut conn = engine.pool.acquire().await?;
    let program = match query.program.as_deref().filter(|text| !text.is_empty()) {
        Some(program) => Some(programs::resolve_param(&mut conn, "program", program).await?),
        None => None,
    };
    let filter = LineFilter {
        affiliate: query.affiliate,
        program,
        status: query.status,
        kind: query.kind,
        sale: query.sale,
        payout_item: query.payout_item,
        flagged: query.flagged,
        search: query.search.clone().filter(|text| !text.trim().is_empty()),
        earned_from,
        earned_until,
    };
    let rows = lines_view::list(&mut conn, &filter, before, page.fetch()).await?;
    let mut page = page.page(rows.into_iter().map(Commission::from).collect(), |line: &Commission| line.id);
    add_nets(&mut conn, &mut page.data).await?;
    Ok(page)
}

/// Puts what its sale comes to to each line, with one question for all.
pub(super) async fn add_nets(conn: &mut PgConnection, lines: &mut [Commission]) -> Result<()> {
    let sales: Vec<Uuid> = lines.iter().filter_map(|line| line.sale).map(|sale| sale.0).collect();
    if sales.is_empty() {
        return Ok(());
    }
    let nets = lines_view::sale_nets(conn, &sales).await?;
    for line in lines {
        let its = nets.iter().find(|net| {
            (net.enrollment_id, Some(net.sale_id), net.currency) == (line.enrollment, line.sale, line.currency)
        });
        line.sale_net_minor = its.map(|net| net.net_minor);
    }
    Ok(())
}

impl LineExplanation {
    /// Lines that no rule priced are told by their reason; those that were added by hand say so.
    fn read(explanation: Value, reason: &str, (kind, amount): (LineKind, Money)) -> Self {
        match serde_json::from_value::<Explanation>(explanation) {
            Ok(figures) => LineExplanation { sentences: figures.sentences(Reader::Company), figures: Some(figures) },
            Err(_) => LineExplanation { sentences: by_hand(kind, amount, reason, Reader::Company), figures: None },
        }
    }

    /// What a rule made of a sale, told to the company.
    pub(super) fn of_figures(explanation: Value) -> Self {
        let figures: Option<Explanation> = serde_json::from_value(explanation).ok();
        let sentences = figures.as_ref().map(|figures| figures.sentences(Reader::Company)).unwrap_or_default();
        LineExplanation { sentences, figures }
    }

    /// The same, told to the affiliate: without what the company alone knows of the customer, or of who decided. What no
    /// rule explains is as it was.
    pub(super) fn for_affiliate(mut self) -> Self {
        if let Some(figures) = &mut self.figures {
            if let Some(evidence) = figures.evidence.as_mut().filter(|evidence| !evidence.kind.is_told()) {
                evidence.value.clear();
            }
            self.sentences = figures.sentences(Reader::Affiliate);
        }
        self
    }
}

/// Lines that no rule priced, in words.
fn by_hand(kind: LineKind, amount: Money, reason: &str, reader: Reader) -> Vec<String> {
    let size = Money::new(amount.amount_minor.saturating_abs(), amount.currency);
    let (whom, whose) = match reader {
        Reader::Affiliate => ("you", "your"),
        Reader::Company => ("the affiliate", "the affiliate's"),
    };
    let what = match kind {
        LineKind::Bonus => Some(format!("The company gave {whom} a bonus of {size}.")),
        LineKind::Adjustment if amount.amount_minor < 0 => {
            Some(format!("The company took {size} off {whose} balance."))
        }
        LineKind::Adjustment => Some(format!("The company added {size} to {whose} balance.")),
        _ => None,
    };
    what.into_iter().chain([sentence(reason)]).collect()
}

/// A text as a sentence of its own.
pub(super) fn sentence(text: &str) -> String {
    let mut letters = text.trim().chars();
    let mut text: String =
        letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default();
    if !text.ends_with(['.', '!', '?']) {
        text.push('.');
    }
    text
}

impl Commission {
    /// The line as its affiliate reads it: without what the company alone knows of the customer, or of who decided.
    pub(super) fn for_affiliate(mut self) -> Self {
        if self.explanation.figures.is_none() {
            let amount = Money::new(self.amount_minor, self.currency);
            self.explanation.sentences = by_hand(self.kind, amount, &self.reason, Reader::Affiliate);
        }
        self.explanation = self.explanation.for_affiliate();
        self
    }
}

impl From<LineView> for Commission {
    fn from(row: LineView) -> Self {
        let money = Money::new(row.amount_minor, row.currency);
        Commission {
            signs: Vec::new(),
            explanation: LineExplanation::read(row.explanation, &row.reason, (row.kind, money)),
            id: row.id,
            affiliate: row.affiliate_id,
            affiliate_name: row.affiliate_name,
            program: row.program_id,
            program_name: row.program_name,
            enrollment: row.enrollment_id,
            campaign: row.campaign_id,
            conversion: row.conversion_id,
            sale: row.sale_id,
            sale_paid_at: row.sale_paid_at,
            amount_minor: row.amount_minor,
            currency: row.currency,
            status: row.status,
            kind: row.kind,
            reason: row.reason,
            corrects: row.corrects,
            matures_at: row.matures_at,
            approved_at: row.approved_at,
            finalized_at: row.finalized_at,
            finalized_with: row.finalized_with,
            paid_at: row.paid_at,
            cancelled_at: row.cancelled_at,
            payout_item: row.payout_item_id,
            transfer_id: row.transfer_id,
            created_at: row.created_at,
            sale_net_minor: None,
        }
    }
}

impl HistoryStep {
    /// The step as the line's affiliate reads it: who of the company did it is the company's.
    pub(super) fn for_affiliate(self) -> Self {
        let by = if self.by.starts_with("system:") { "Purser" } else { "The company" };
        HistoryStep { by: by.to_owned(), ..self }
    }
}

impl From<HistoryRow> for HistoryStep {
    fn from(row: HistoryRow) -> Self {
        HistoryStep { from: row.from_status, to: row.to_status, at: row.at, by: row.actor, why: row.why }
    }
}
