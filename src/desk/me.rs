//! What an affiliate sees of their own: programs with figures, earnings with their reasons, notifications. Every query is
//! narrowed to the affiliate who asks, so another's object is not there.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgConnection;
use utoipa::ToSchema;

use super::commissions::{self, Commission, CommissionQuery, HistoryStep};
use super::enrollments::Enrollment;
use super::{Error, Page, PageRequest, Result, programs};
use crate::Engine;
use crate::domain::actor::Actor;
use crate::domain::currency::Currency;
use crate::domain::ids::{AffiliateId, LineId, NotificationId, ProgramId};
use crate::domain::line::LineStatus;
use crate::domain::money::{self, Money};
use crate::domain::program::{AffiliateStatus, EnrollmentStatus};
use crate::store::enrollments::{BalanceRow, EnrollmentRow};
use crate::store::payout_batches::{self, ProgramTerms};
use crate::store::{affiliates, enrollments, lines_view, me_view, notifications};

/// Figures of a program in one currency; amounts in minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct Stats {
    pub currency: Currency,
    /// Visits through the affiliate's links.
    pub clicks: i64,
    /// People who became the affiliate's.
    pub referrals: i64,
    /// Sales credited in this currency.
    pub conversions: i64,
    #[serde(rename = "total_commission")]
    pub total_commission_minor: i64,
    #[serde(rename = "pending_commission")]
    pub pending_commission_minor: i64,
    #[serde(rename = "held_commission")]
    pub held_commission_minor: i64,
    /// Below zero after a clawback: the next commissions are netted first.
    #[serde(rename = "available_for_payout")]
    pub available_for_payout_minor: i64,
    #[serde(rename = "in_transit")]
    pub in_transit_minor: i64,
    #[serde(rename = "paid_commission")]
    pub paid_commission_minor: i64,
    /// What must be available before it is paid.
    #[serde(rename = "min_payout")]
    pub min_payout_minor: i64,
}

impl Stats {
    /// What is missing until the next payout; none when nothing is available, or enough.
    pub fn missing(&self) -> Option<Money> {
        let missing_minor = money::sub(self.min_payout_minor, self.available_for_payout_minor).ok()?;
        (self.available_for_payout_minor > 0 && missing_minor > 0).then(|| Money::new(missing_minor, self.currency))
    }
}

/// The figures in the program's own currency, and all of them by currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ProgramStats {
    #[serde(flatten)]
    pub main: Stats,
    /// The program's currency first, then every other one that something was earned in.
    pub by_currency: Vec<Stats>,
}

/// A program the affiliate is in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct MyProgram {
    pub program: ProgramId,
    pub program_name: String,
    pub program_slug: String,
    pub affiliate: AffiliateId,
    pub status: EnrollmentStatus,
    pub code: Option<String>,
    pub codes: Vec<String>,
    pub coupons: Vec<String>,
    /// The link to share.
    pub referral_url: Option<String>,
    pub stats: ProgramStats,
    pub joined_at: DateTime<Utc>,
}

/// The affiliate who asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Me {
    pub id: AffiliateId,
    pub email: String,
    pub name: String,
    pub status: AffiliateStatus,
    pub programs: Vec<MyProgram>,
    pub unread_notifications: i64,
}

/// A message in the portal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Notification {
    pub id: NotificationId,
    pub kind: String,
    pub title: String,
    pub body: String,
    pub link: Option<String>,
    pub created_at: DateTime<Utc>,
    pub read_at: Option<DateTime<Utc>>,
}

/// The affiliate with programs and figures.
///
/// # Errors
/// [`Error::Forbidden`] for everyone who is no affiliate.
pub async fn overview(engine: &Engine, actor: &Actor) -> Result<Me> {
    let id = actor.own_affiliate()?;
    let mut conn = engine.pool.acquire().await?;
    let affiliate = affiliates::find(&mut conn, id).await?.ok_or(Error::NotFound("affiliate"))?;
    let enrolled = enrollments::of_affiliates(&mut conn, &[id.0]).await?;
    let balances = enrollments::balances_of_affiliates(&mut conn, &[id.0]).await?;
    let figures = Figures {
        reach: me_view::reach(&mut conn, id).await?,
        conversions: me_view::conversions(&mut conn, id).await?,
        balances,
        terms: terms(&mut conn, &enrolled).await?,
    };
    let programs = enrolled.iter().map(|row| my_program(engine, row, &figures)).collect::<Result<_>>()?;
    Ok(Me {
        id,
        email: affiliate.email,
        name: affiliate.name,
        status: affiliate.status,
        programs,
        unread_notifications: notifications::unread(&mut conn, id).await?,
    })
}

/// The id of the program that a filter names by id or slug; `None` when it names none.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::Invalid`] when there is no such program.
pub async fn program_param(engine: &Engine, actor: &Actor, program: Option<&str>) -> Result<Option<ProgramId>> {
    actor.own_affiliate()?;
    let Some(program) = program else { return Ok(None) };
    let mut conn = engine.pool.acquire().await?;
    Ok(Some(programs::resolve_param(&mut conn, "program", program).await?))
}

/// A text that changes whenever the affiliate's earnings do: open pages ask for it often, so it is one short query.
///
/// # Errors
/// [`Error::Forbidden`] for everyone who is no affiliate.
pub async fn version(engine: &Engine, actor: &Actor) -> Result<String> {
    let affiliate = actor.own_affiliate()?;
    let mut conn = engine.pool.acquire().await?;
    Ok(me_view::version(&mut conn, affiliate).await?)
}

/// The affiliate's lines, newest first; `program` is an id or slug.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::Invalid`] for a filter or the cursor.
pub async fn earnings(
    engine: &Engine,
    actor: &Actor,
    program: Option<String>,
    status: Option<LineStatus>,
    page: &PageRequest,
) -> Result<Page<Commission>> {
    let affiliate = Some(actor.own_affiliate()?);
    let query = CommissionQuery { affiliate, program, status, ..CommissionQuery::default() };
    let mut lines = commissions::read_page(engine, &query, page).await?;
    lines.data = lines.data.into_iter().map(Commission::for_affiliate).collect();
    Ok(lines)
}

/// One of the affiliate's lines and its steps.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::NotFound`], for another's line too.
pub async fn earning(engine: &Engine, actor: &Actor, id: LineId) -> Result<(Commission, Vec<HistoryStep>)> {
    let affiliate = actor.own_affiliate()?;
    let mut conn = engine.pool.acquire().await?;
    let line = lines_view::find(&mut conn, id, Some(affiliate)).await?.ok_or(Error::NotFound("commission"))?;
    let steps = lines_view::history(&mut conn, line.enrollment_id, id).await?;
    let steps = steps.into_iter().map(HistoryStep::from).map(HistoryStep::for_affiliate);
    let mut line = [Commission::from(line).for_affiliate()];
    commissions::add_nets(&mut conn, &mut line).await?;
    let [line] = line;
    Ok((line, steps.collect()))
}

/// The affiliate's notifications, newest first.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::Invalid`] for the cursor.
pub async fn notifications(engine: &Engine, actor: &Actor, page: &PageRequest) -> Result<Page<Notification>> {
    let affiliate = actor.own_affiliate()?;
    let before = page.before::<NotificationId>()?;
    let mut conn = engine.pool.acquire().await?;
    let rows = notifications::list(&mut conn, affiliate, before, page.fetch()).await?;
    Ok(page.page(rows.into_iter().map(Notification::from).collect(), |notification| notification.id))
}

/// How many notifications wait to be read.
///
/// # Errors
/// [`Error::Forbidden`].
pub async fn unread_notifications(engine: &Engine, actor: &Actor) -> Result<i64> {
    let affiliate = actor.own_affiliate()?;
    let mut conn = engine.pool.acquire().await?;
    Ok(notifications::unread(&mut conn, affiliate).await?)
}

/// Marks one notification as read, or all of them with `None`.
///
/// # Errors
/// [`Error::Forbidden`]; [`Error::NotFound`], for another's notification too.
pub async fn mark_read(engine: &Engine, actor: &Actor, now: DateTime<Utc>, id: Option<NotificationId>) -> Result<()> {
    let affiliate = actor.own_affiliate()?;
    let mut conn = engine.pool.acquire().await?;
    let found = notifications::mark_read(&mut conn, affiliate, id, now).await?;
    if id.is_some() && found == 0 {
        return Err(Error::NotFound("notification"));
    }
    Ok(())
}

/// The terms of every program that the affiliate is in.
pub(super) async fn terms(
    conn: &mut PgConnection,
    enrolled: &[EnrollmentRow],
) -> Result<BTreeMap<ProgramId, ProgramTerms>> {
    let mut all = BTreeMap::new();
    for row in enrolled {
        let terms = payout_batches::program_terms(conn, row.program_id).await?;
        all.extend(terms.map(|terms| (row.program_id, terms)));
    }
    Ok(all)
}

struct Figures {
    terms: BTreeMap<ProgramId, ProgramTerms>,
    reach: Vec<me_view::ReachRow>,
    conversions: Vec<me_view::ConversionsRow>,
    balances: Vec<BalanceRow>,
}

fn my_program(engine: &Engine, row: &EnrollmentRow, figures: &Figures) -> Result<MyProgram> {
    let mut currencies = vec![row.program_currency];
    let earned = figures.balances.iter().filter(|b| b.enrollment_id == row.id).map(|b| b.currency);
    let sold = figures.conversions.iter().filter(|c| c.enrollment_id == row.id).map(|c| c.currency);
    for currency in earned.chain(sold) {
        if !currencies.contains(&currency) {
            currencies.push(currency);
        }
    }
    let main = stats(row, row.program_currency, figures)?;
    let by_currency =
        currencies.into_iter().map(|currency| stats(row, currency, figures)).collect::<Result<Vec<Stats>>>()?;
    let enrollment = Enrollment::from(row);
    Ok(MyProgram {
        referral_url: enrollment.code.as_ref().map(|code| format!("{}/r/{code}", engine.config.public_url)),
        program: row.program_id,
        program_name: enrollment.program_name,
        program_slug: enrollment.program_slug,
        affiliate: row.affiliate_id,
        status: row.status,
        code: enrollment.code,
        codes: enrollment.codes,
        coupons: enrollment.coupons,
        stats: ProgramStats { main, by_currency },
        joined_at: row.joined_at,
    })
}

fn stats(row: &EnrollmentRow, currency: Currency, figures: &Figures) -> Result<Stats> {
    let reach = figures.reach.iter().find(|reach| reach.enrollment_id == row.id);
    let sold = figures.conversions.iter().find(|c| c.enrollment_id == row.id && c.currency == currency);
    let balance = figures.balances.iter().find(|b| b.enrollment_id == row.id && b.currency == currency);
    let amount = |of: fn(&BalanceRow) -> i64| balance.map_or(0, of);
    let (pending, held) = (amount(|b| b.pending_minor), amount(|b| b.held_minor));
    let (available, in_transit) = (amount(|b| b.payable_minor), amount(|b| b.in_transit_minor));
    let paid = amount(|b| b.paid_minor);
    let minimum = figures.terms.get(&row.program_id).map(|terms| terms.minimum(currency));
    Ok(Stats {
        currency,
        clicks: reach.map_or(0, |reach| reach.clicks),
        referrals: reach.map_or(0, |reach| reach.referrals),
        conversions: sold.map_or(0, |sold| sold.conversions),
        total_commission_minor: money::sum([pending, held, available, in_transit, paid])?,
        pending_commission_minor: pending,
        held_commission_minor: held,
        available_for_payout_minor: available,
        in_transit_minor: in_transit,
        paid_commission_minor: paid,
        min_payout_minor: minimum.ok_or(Error::NotFound("program"))?.amount_minor,
    })
}

impl From<notifications::NotificationRow> for Notification {
    fn from(row: notifications::NotificationRow) -> Self {
        Notification {
            id: row.id,
            kind: row.kind,
            title: row.title,
            body: row.body,
            link: row.link,
            created_at: row.created_at,
            read_at: row.read_at,
        }
    }
}
