//! A draft of a rule, replayed on past sales before it counts: what affiliates earned, what they would have earned, and the
//! difference. Changes nothing; the database refuses to, too.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::PgConnection;
use utoipa::ToSchema;

use super::draft_replay::{self, Draft};
use super::{Error, Result};
use crate::Engine;
use crate::domain::actor::{Actor, Permission};
use crate::domain::commission::PaymentPlace;
use crate::domain::currency::Currency;
use crate::domain::ids::{AffiliateId, CampaignId};
use crate::domain::money;
use crate::domain::numbering::Position;
use crate::domain::replay::Replay;
use crate::domain::rule::Rule;
use crate::store::replay::{self as store, Earned, Seller};
use crate::store::series::{self, Series, SeriesSale};
use crate::store::{campaigns, programs};

/// The period when none is given, in days up to now.
pub const USUAL_DAYS: i64 = 90;
/// Sales that one replay looks at, those before the period included, because tiers and caps count them.
const MOST_SALES: i64 = 1_000_000;
/// Sales in memory at once.
const AT_ONCE: i64 = 1_000;

/// What to replay.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReplayRequest {
    #[schema(value_type = Object)]
    pub rule: Value,
    /// First moment of the period; 90 days before its end when it is left out.
    pub from: Option<DateTime<Utc>>,
    /// End of the period, not in it; now when it is left out.
    pub to: Option<DateTime<Utc>>,
}

/// What sales earned and would have earned; amounts in minor units of `currency`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct Difference {
    pub currency: Currency,
    pub sales: i64,
    #[serde(rename = "now")]
    pub now_minor: i64,
    #[serde(rename = "then")]
    pub then_minor: i64,
    #[serde(rename = "difference")]
    pub difference_minor: i64,
}

/// One affiliate's sales in one currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct AffiliateDifference {
    pub affiliate: AffiliateId,
    pub affiliate_name: String,
    #[serde(flatten)]
    pub figures: Difference,
}

/// A replay's answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Replayed {
    pub from: DateTime<Utc>,
    pub to: DateTime<Utc>,
    /// Whether all the program's sales were looked at that the campaign would have priced, because it has priced none yet;
    /// else its own.
    pub whole_program: bool,
    /// Affiliates with sales in the period, the largest difference first.
    pub data: Vec<AffiliateDifference>,
    /// By currency.
    pub totals: Vec<Difference>,
    /// Sales that are in no figure, because somebody rejected their commission.
    pub rejected_sales: i64,
}

/// Prices the campaign's sales of a period by `rule`, as if it had always been in force, and compares with what they earned.
/// One that has priced none is replayed on those of its program that it would have priced.
///
/// # Errors
/// [`Error::Forbidden`], [`Error::NotFound`]; [`Error::Invalid`] for the rule or the period; [`Error::Conflict`]
/// `too_many_sales` when the campaign has more than a million.
pub async fn replay(
    engine: &Engine,
    actor: &Actor,
    now: DateTime<Utc>,
    id: CampaignId,
    request: &ReplayRequest,
) -> Result<Replayed> {
    actor.require(Permission::Read)?;
    let rule = Rule::from_json(&request.rule)?;
    let (from, to) = period(now, request)?;
    let mut tx = store::begin(&engine.pool).await?;
    let campaign = campaigns::find(&mut tx, now, id).await?.ok_or(Error::NotFound("campaign"))?;
    if !store::has_sales(&mut tx, id).await? {
        tx.rollback().await?;
        return draft_replay::replay_draft(engine, actor, now, &Draft::of(&campaign), request).await;
    }
    let program = programs::find(&mut tx, campaign.program_id).await?.ok_or(Error::NotFound("program"))?;
    check_size(store::count(&mut tx, id, to).await?)?;
    let mut replayed = Replayed::of_campaign(from, to);
    for seller in store::sellers(&mut tx, id, from, to).await? {
        let series = Series { enrollment_id: seller.enrollment_id, campaign_id: id };
        let mut one = OneSeller::new(Replay::new(&rule, program.currency));
        one.walk(&mut tx, series, from, to).await?;
        replayed.take(&seller, one)?;
    }
    tx.rollback().await?;
    replayed.sort();
    Ok(replayed)
}

/// # Errors
/// [`Error::Conflict`] when so many sales are more than one replay looks at.
pub(super) fn check_size(sales: i64) -> Result<()> {
    if sales > MOST_SALES {
        let message = format!("There are more than {MOST_SALES} sales. Choose an earlier end of the period.");
        return Err(Error::conflict("too_many_sales", message));
    }
    Ok(())
}

/// The period that is asked for, its end not in it.
pub(super) fn period(now: DateTime<Utc>, request: &ReplayRequest) -> Result<(DateTime<Utc>, DateTime<Utc>)> {
    let to = request.to.unwrap_or(now);
    let usual = to.checked_sub_signed(TimeDelta::days(USUAL_DAYS)).unwrap_or(to);
    let from = request.from.unwrap_or(usual);
    if from >= to {
        return Err(Error::invalid("to", "`to` must be later than `from`."));
    }
    Ok((from, to))
}

impl Replayed {
    fn of_campaign(from: DateTime<Utc>, to: DateTime<Utc>) -> Self {
        Replayed { from, to, whole_program: false, data: Vec::new(), totals: Vec::new(), rejected_sales: 0 }
    }

    pub(super) fn of_program(from: DateTime<Utc>, to: DateTime<Utc>) -> Self {
        Replayed { whole_program: true, ..Self::of_campaign(from, to) }
    }

    /// The largest difference first.
    pub(super) fn sort(&mut self) {
        self.data.sort_by_key(|row| std::cmp::Reverse(row.figures.difference_minor.unsigned_abs()));
    }

    /// Takes what was found along an affiliate's sales.
    pub(super) fn take(&mut self, seller: &Seller, one: OneSeller<'_>) -> Result<()> {
        self.rejected_sales = money::add(self.rejected_sales, one.rejected)?;
        for figures in one.figures.into_values() {
            match self.totals.iter_mut().find(|total| total.currency == figures.currency) {
                Some(total) => total.add(figures.sales, figures.now_minor, figures.then_minor)?,
                None => self.totals.push(figures),
            }
            let (affiliate, affiliate_name) = (seller.affiliate_id, seller.name.clone());
            self.data.push(AffiliateDifference { affiliate, affiliate_name, figures });
        }
        Ok(())
    }
}

impl Difference {
    fn add(&mut self, sales: i64, now_minor: i64, then_minor: i64) -> Result<()> {
        self.sales = money::add(self.sales, sales)?;
        self.now_minor = money::add(self.now_minor, now_minor)?;
        self.then_minor = money::add(self.then_minor, then_minor)?;
        self.difference_minor = money::sub(self.then_minor, self.now_minor)?;
        Ok(())
    }
}

/// A walk along one affiliate's sales.
pub(super) struct OneSeller<'a> {
    replay: Replay<'a>,
    figures: BTreeMap<Currency, Difference>,
    rejected: i64,
}

impl<'a> OneSeller<'a> {
    pub(super) fn new(replay: Replay<'a>) -> Self {
        OneSeller { replay, figures: BTreeMap::new(), rejected: 0 }
    }

    async fn walk(
        &mut self,
        conn: &mut PgConnection,
        series: Series,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> Result<()> {
        let mut after = Position::start();
        loop {
            let page = series::after(conn, series, &after, AT_ONCE).await?;
            let is_last = page.len() < usize::try_from(AT_ONCE).unwrap_or(usize::MAX)
                || page.last().is_some_and(|sale| sale.position.paid_at >= to);
            if let Some(last) = page.last() {
                after = last.position.clone();
            }
            self.take_page(conn, series, &page, from, to).await?;
            if is_last {
                return Ok(());
            }
        }
    }

    async fn take_page(
        &mut self,
        conn: &mut PgConnection,
        series: Series,
        page: &[SeriesSale],
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> Result<()> {
        let counts = |sale: &SeriesSale| sale.position.paid_at >= from && sale.position.paid_at < to;
        let ids: Vec<_> = page.iter().filter(|sale| counts(sale)).map(|sale| sale.sale_id.0).collect();
        let earned = store::earned(conn, series.enrollment_id, &ids).await?;
        let earned: BTreeMap<_, _> = earned.into_iter().map(|earned| (earned.sale_id, earned)).collect();
        for sale in page.iter().filter(|sale| sale.position.paid_at < to) {
            self.take(sale, sale.payment, earned.get(&sale.sale_id), from, to)?;
        }
        Ok(())
    }

    /// Prices the next sale at its place; one of the period is compared with what it `earned`.
    pub(super) fn take(
        &mut self,
        sale: &SeriesSale,
        place: PaymentPlace,
        earned: Option<&Earned>,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> Result<()> {
        let then_minor = self.replay.next(&sale.state, sale.refunded_minor, &sale.buyer, place)?;
        let counts = sale.position.paid_at >= from && sale.position.paid_at < to;
        let Some(payment) = sale.state.payment.as_ref().filter(|_| counts) else { return Ok(()) };
        if earned.is_some_and(|earned| earned.is_rejected) {
            self.rejected = money::add(self.rejected, 1)?;
            return Ok(());
        }
        let currency = payment.currency;
        let nothing = Difference { currency, sales: 0, now_minor: 0, then_minor: 0, difference_minor: 0 };
        let figures = self.figures.entry(currency).or_insert(nothing);
        figures.add(1, earned.map_or(0, |earned| earned.earned_minor), then_minor)
    }
}
