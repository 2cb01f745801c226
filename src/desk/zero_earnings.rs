//! Credited sales that earn nothing, each with the reason: the neighbours of the commission lines. The company sees all of
//! them, an affiliate their own, among their lines or alone.

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::commissions::{Commission, LineExplanation, sentence};
use super::{Error, MAX_LIMIT, Page, PageRequest, Result, me, programs};
use crate::Engine;
use crate::domain::actor::{Actor, Permission};
use crate::domain::currency::Currency;
use crate::domain::ids::{AffiliateId, CampaignId, LineId, ProgramId, SaleId, ZeroEarningId};
use crate::store::zero_earnings::{self, ZeroEarningFilter, ZeroEarningView};

/// A credited sale that earns nothing, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ZeroEarning {
    pub id: ZeroEarningId,
    pub affiliate: AffiliateId,
    pub affiliate_name: String,
    pub program: ProgramId,
    pub program_name: String,
    pub campaign: CampaignId,
    pub sale: SaleId,
    /// When the customer paid.
    pub sale_paid_at: Option<DateTime<Utc>>,
    /// Always 0.
    #[serde(rename = "amount")]
    pub amount_minor: i64,
    /// The sale's.
    pub currency: Currency,
    /// Why it earns nothing, in a sentence.
    pub reason: String,
    pub explanation: LineExplanation,
    pub created_at: DateTime<Utc>,
}

/// What narrows the company's list. `program` is an id or a slug.
#[derive(Debug, Clone, Default)]
pub struct ZeroEarningQuery {
    pub affiliate: Option<AffiliateId>,
    pub program: Option<String>,
}

/// What an affiliate reads under Earnings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Earning {
    Line(Box<Commission>),
    Nothing(Box<ZeroEarning>),
}

/// The sales that earn nothing, newest first.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::Invalid`] for the cursor or the program.
pub async fn list(
    engine: &Engine,
    actor: &Actor,
    query: &ZeroEarningQuery,
    page: &PageRequest,
) -> Result<Page<ZeroEarning>> {
    actor.require(Permission::Read)?;
    let program = programs::id_param(engine, actor, query.program.as_deref()).await?;
    let before = page.before::<ZeroEarningId>()?;
    let filter = ZeroEarningFilter { affiliate: query.affiliate, program, before, ..ZeroEarningFilter::default() };
    let found = read(engine, &filter, page.fetch()).await?;
    Ok(page.page(found, |one| one.id))
}

/// Why the sale earns nothing; none when it earns something, or is nobody's.
///
/// # Errors
/// [`Error::Forbidden`].
pub async fn of_sale(engine: &Engine, actor: &Actor, sale: SaleId) -> Result<Option<ZeroEarning>> {
    actor.require(Permission::Read)?;
    let filter = ZeroEarningFilter { sale: Some(sale), ..ZeroEarningFilter::default() };
    Ok(read(engine, &filter, 1).await?.pop())
}

/// The affiliate's own, newest first; `program` is an id or slug.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::Invalid`] for the cursor or the program.
pub async fn mine(
    engine: &Engine,
    actor: &Actor,
    program: Option<&str>,
    page: &PageRequest,
) -> Result<Page<ZeroEarning>> {
    let before = page.before::<ZeroEarningId>()?;
    let found = own(engine, actor, program, (before, None), page.fetch()).await?;
    Ok(page.page(found, |one| one.id))
}

/// One of the affiliate's.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::NotFound`], for another's too.
pub async fn my_own(engine: &Engine, actor: &Actor, id: ZeroEarningId) -> Result<ZeroEarning> {
    let affiliate = actor.own_affiliate()?;
    let mut conn = engine.pool.acquire().await?;
    let found = zero_earnings::find(&mut conn, id, Some(affiliate)).await?.ok_or(Error::NotFound("sale"))?;
    Ok(ZeroEarning::from(found).for_affiliate())
}

/// The affiliate's sales that earn nothing and stand between the lines of a page: a walk along the pages tells each once.
/// At most [`MAX_LIMIT`] a page; [`mine`] lists them all.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::Invalid`] for the cursor or the program.
pub async fn beside(
    engine: &Engine,
    actor: &Actor,
    program: Option<&str>,
    lines: &Page<Commission>,
    page: &PageRequest,
) -> Result<Vec<ZeroEarning>> {
    let last = lines.data.last().filter(|_| lines.next_cursor.is_some()).map(|line| line.id.0);
    own(engine, actor, program, (page.before::<LineId>()?, last), MAX_LIMIT).await
}

/// The affiliate's lines and sales that earn nothing in one list, newest first; `program` is an id or slug.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::Invalid`] for the cursor or the program.
pub async fn among_lines(
    engine: &Engine,
    actor: &Actor,
    program: Option<&str>,
    page: &PageRequest,
) -> Result<Page<Earning>> {
    let lines = me::earnings(engine, actor, program.map(str::to_owned), None, page).await?;
    let nothing = own(engine, actor, program, (page.before::<LineId>()?, None), page.fetch()).await?;
    let mut rows: Vec<Earning> = lines.data.into_iter().map(|line| Earning::Line(Box::new(line))).collect();
    let last_line = rows.last().map(Earning::key).filter(|_| lines.next_cursor.is_some());
    rows.extend(nothing.into_iter().map(|one| Earning::Nothing(Box::new(one))));
    rows.sort_by_key(|row| std::cmp::Reverse(row.key()));
    let mut cut = page.page(rows, |row| LineId(row.key()));
    // The page of lines ends where there are more of them, whether or not others stand between.
    if cut.next_cursor.is_none() {
        cut.next_cursor = last_line.map(|key| LineId(key).to_string());
    }
    Ok(cut)
}

impl Earning {
    /// What the list is ordered by.
    fn key(&self) -> Uuid {
        match self {
            Earning::Line(line) => line.id.0,
            Earning::Nothing(one) => one.id.0,
        }
    }
}

async fn own(
    engine: &Engine,
    actor: &Actor,
    program: Option<&str>,
    (before, after): (Option<Uuid>, Option<Uuid>),
    limit: i64,
) -> Result<Vec<ZeroEarning>> {
    let affiliate = Some(actor.own_affiliate()?);
    let program = me::program_param(engine, actor, program.filter(|text| !text.is_empty())).await?;
    let filter = ZeroEarningFilter { affiliate, program, sale: None, before, after };
    Ok(read(engine, &filter, limit).await?.into_iter().map(ZeroEarning::for_affiliate).collect())
}

async fn read(engine: &Engine, filter: &ZeroEarningFilter, limit: i64) -> Result<Vec<ZeroEarning>> {
    let mut conn = engine.pool.acquire().await?;
    let rows = zero_earnings::list(&mut conn, filter, limit).await?;
    Ok(rows.into_iter().map(ZeroEarning::from).collect())
}

impl ZeroEarning {
    fn for_affiliate(mut self) -> Self {
        self.explanation = self.explanation.for_affiliate();
        self
    }
}

impl From<ZeroEarningView> for ZeroEarning {
    fn from(row: ZeroEarningView) -> Self {
        let explanation = LineExplanation::of_figures(row.explanation);
        let because = explanation.figures.as_ref().and_then(|figures| figures.earns_nothing_because.as_deref());
        ZeroEarning {
            id: row.id,
            affiliate: row.affiliate_id,
            affiliate_name: row.affiliate_name,
            program: row.program_id,
            program_name: row.program_name,
            campaign: row.campaign_id,
            sale: row.sale_id,
            sale_paid_at: row.sale_paid_at,
            amount_minor: 0,
            currency: row.currency,
            reason: sentence(because.unwrap_or("the rule makes nothing of it")),
            explanation,
            created_at: row.created_at,
        }
    }
}
