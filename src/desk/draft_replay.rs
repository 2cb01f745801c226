//! A campaign that has priced nothing yet, replayed on all past sales of its program that it would have priced: those that no
//! other campaign comes before, by dates and coupons, and what their buyers bought afterwards. Changes nothing.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::replay::{OneSeller, ReplayRequest, Replayed, check_size, period};
use super::{Result, programs};
use crate::Engine;
use crate::domain::actor::{Actor, Permission};
use crate::domain::commission::PaymentPlace;
use crate::domain::ids::{CampaignId, EnrollmentId, ProgramId, SaleId};
use crate::domain::numbering::{self, NumberedPayment, Position};
use crate::domain::replay::Replay;
use crate::domain::rule::Rule;
use crate::store::attribution::{self, Dates};
use crate::store::campaigns::CampaignRow;
use crate::store::replay::{self as store, Earned, Origin};
use crate::store::series::{self, Series, SeriesSale};

/// Sales of a campaign in memory at once.
const AT_ONCE: i64 = 500;

/// A campaign as it is being written.
#[derive(Debug, Clone, Default)]
pub struct Draft {
    /// A program's id or slug.
    pub program: String,
    /// Its own id, when it is kept already.
    pub campaign: Option<CampaignId>,
    pub starts_at: Option<DateTime<Utc>>,
    pub ends_at: Option<DateTime<Utc>>,
    /// Promotion codes that lead to it, in lower case.
    pub coupons: BTreeSet<String>,
}

/// Prices the program's sales of a period that the draft would have priced, and compares with what they earned. Sales that
/// nobody is credited with are not among them.
///
/// # Errors
/// [`super::Error::Forbidden`]; [`super::Error::Invalid`] for the program, the rule or the period; [`super::Error::Conflict`] `too_many_sales`
/// when the program has more than a million.
pub async fn replay_draft(
    engine: &Engine,
    actor: &Actor,
    now: DateTime<Utc>,
    draft: &Draft,
    request: &ReplayRequest,
) -> Result<Replayed> {
    actor.require(Permission::Read)?;
    let rule = Rule::from_json(&request.rule)?;
    let (from, to) = period(now, request)?;
    let mut tx = store::begin(&engine.pool).await?;
    let program = programs::resolve_param(&mut tx, "program", &draft.program).await?;
    let currency = store::currency(&mut tx, program).await?;
    check_size(store::count_of_program(&mut tx, program, to).await?)?;
    let others = attribution::campaigns(&mut tx, program, None, now).await?;
    let others: Vec<Dates> = others.into_iter().filter(|other| Some(other.id) != draft.campaign).collect();
    let mut replayed = Replayed::of_program(from, to);
    for seller in store::sellers_of_program(&mut tx, program, from, to).await? {
        let mut one = OneSeller::new(Replay::new(&rule, currency));
        let mut chosen = Chosen { draft, others: &others, won: Vec::new() };
        let mut sales = Sales::of(&mut tx, seller.enrollment_id, program).await?;
        while let Some((sale, origin, earned)) = sales.next(&mut tx, from, to).await? {
            if let Some(place) = chosen.place(&sale, &origin) {
                one.take(&sale, place, earned.as_ref(), from, to)?;
            }
        }
        replayed.take(&seller, one)?;
    }
    tx.rollback().await?;
    replayed.sort();
    Ok(replayed)
}

/// Whether the campaign has priced nothing yet.
///
/// # Errors
/// [`super::Error::Forbidden`].
pub async fn is_draft(engine: &Engine, actor: &Actor, id: CampaignId) -> Result<bool> {
    actor.require(Permission::Read)?;
    let mut conn = engine.pool.acquire().await?;
    Ok(!store::has_sales(&mut conn, id).await?)
}

/// Which of an affiliate's sales the draft prices.
struct Chosen<'a> {
    draft: &'a Draft,
    others: &'a [Dates],
    /// Those that it priced, in order.
    won: Vec<NumberedPayment>,
}

impl Chosen<'_> {
    /// Where the sale stands among those of the draft, if it is one.
    fn place(&mut self, sale: &SeriesSale, origin: &Origin) -> Option<PaymentPlace> {
        let is_same_buyer = |won: &&NumberedPayment| won.buyer.is_same(&sale.buyer);
        let is_won = match (&origin.coupon, origin.inherited) {
            (_, true) => self.won.iter().any(|won| is_same_buyer(&won)),
            (Some(code), _) if self.draft.coupons.contains(code) => self.draft.is_on(sale.position.paid_at),
            (Some(_), _) if origin.coupon_of_other => false,
            _ => self.draft.comes_first(self.others, sale.position.paid_at),
        };
        if !is_won {
            return None;
        }
        let mut payment = NumberedPayment {
            sale_id: sale.sale_id,
            position: sale.position.clone(),
            buyer: sale.buyer.clone(),
            is_expansion: sale.payment.is_expansion,
            payment_number: 1,
            first_paid_at: sale.position.paid_at,
        };
        let before = self.won.iter().filter(is_same_buyer).chain([&payment]);
        let (payment_number, first_paid_at) = numbering::place(&payment, before);
        (payment.payment_number, payment.first_paid_at) = (payment_number, first_paid_at);
        self.won.push(payment);
        Some(PaymentPlace { payment_number, first_paid_at, ..sale.payment })
    }
}

impl Draft {
    /// The campaign as it is kept.
    pub(super) fn of(campaign: &CampaignRow) -> Draft {
        Draft {
            program: campaign.program_id.to_string(),
            campaign: Some(campaign.id),
            starts_at: campaign.starts_at,
            ends_at: campaign.ends_at,
            coupons: campaign.coupons.iter().cloned().collect(),
        }
    }

    fn is_on(&self, at: DateTime<Utc>) -> bool {
        self.starts_at.is_none_or(|start| start <= at) && self.ends_at.is_none_or(|end| at < end)
    }

    /// Whether it prices a sale of that time before the others do: of campaigns that run, the one that started last comes
    /// first, then those without a start, the newest first.
    fn comes_first(&self, others: &[Dates], at: DateTime<Utc>) -> bool {
        let runs = |other: &&Dates| {
            other.active && other.starts_at.is_none_or(|start| start <= at) && other.ends_at.is_none_or(|end| at < end)
        };
        self.is_on(at) && others.iter().filter(runs).all(|other| other.starts_at <= self.starts_at)
    }
}

/// One affiliate's sales of all campaigns of a program, in the order in which they were paid.
struct Sales {
    enrollment: EnrollmentId,
    of_campaigns: Vec<OfCampaign>,
    origins: BTreeMap<SaleId, Origin>,
    earned: BTreeMap<SaleId, Earned>,
}

struct OfCampaign {
    campaign: CampaignId,
    after: Position,
    is_read: bool,
    waiting: VecDeque<SeriesSale>,
}

impl Sales {
    async fn of(conn: &mut PgConnection, enrollment: EnrollmentId, program: ProgramId) -> Result<Sales> {
        let campaigns = store::campaigns_of(conn, enrollment, program).await?;
        let fresh =
            |campaign| OfCampaign { campaign, after: Position::start(), is_read: false, waiting: VecDeque::new() };
        let of_campaigns = campaigns.into_iter().map(fresh).collect();
        Ok(Sales { enrollment, of_campaigns, origins: BTreeMap::new(), earned: BTreeMap::new() })
    }

    /// The next sale, how it was credited, and what it earned if it was paid in the period. None at the period's end.
    async fn next(
        &mut self,
        conn: &mut PgConnection,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> Result<Option<(SeriesSale, Origin, Option<Earned>)>> {
        for n in 0..self.of_campaigns.len() {
            if self.of_campaigns[n].waiting.is_empty() && !self.of_campaigns[n].is_read {
                self.read(conn, n, from).await?;
            }
        }
        let heads = self.of_campaigns.iter_mut().filter(|of| !of.waiting.is_empty());
        let first = heads.min_by_key(|of| of.waiting.front().map(|sale| sale.position.clone()));
        let Some(sale) = first.and_then(|of| of.waiting.pop_front()).filter(|sale| sale.position.paid_at < to) else {
            return Ok(None);
        };
        let unknown = Origin { sale_id: sale.sale_id, inherited: false, coupon: None, coupon_of_other: false };
        let origin = self.origins.remove(&sale.sale_id).unwrap_or(unknown);
        let earned = self.earned.remove(&sale.sale_id);
        Ok(Some((sale, origin, earned)))
    }

    async fn read(&mut self, conn: &mut PgConnection, n: usize, from: DateTime<Utc>) -> Result<()> {
        let of = &mut self.of_campaigns[n];
        let of_series = Series { enrollment_id: self.enrollment, campaign_id: of.campaign };
        let page = series::after(conn, of_series, &of.after, AT_ONCE).await?;
        of.is_read = page.len() < usize::try_from(AT_ONCE).unwrap_or(usize::MAX);
        if let Some(last) = page.last() {
            of.after = last.position.clone();
        }
        let all: Vec<_> = page.iter().map(|sale| sale.sale_id.0).collect();
        let in_period = page.iter().filter(|sale| sale.position.paid_at >= from);
        let in_period: Vec<_> = in_period.map(|sale| sale.sale_id.0).collect();
        of.waiting.extend(page);
        self.origins.extend(store::origins(conn, &all).await?.into_iter().map(|origin| (origin.sale_id, origin)));
        let earned = store::earned(conn, self.enrollment, &in_period).await?;
        self.earned.extend(earned.into_iter().map(|earned| (earned.sale_id, earned)));
        Ok(())
    }
}
