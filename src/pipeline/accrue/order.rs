//! What one sale means for those after it: their numbers among a buyer's payments, and what tiers and caps count. All of
//! it happens under the enrollment's lock, so two sales that are taken in at once come to what one after the other does.
//!
//! Other sales' rows are read, not locked: who changes one of them brings it to its target afterwards, under this lock.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::{Error, Intake, Occasion, collected, post, rule_of};
use crate::domain::commission::{self, PaymentPlace};
use crate::domain::currency::Currency;
use crate::domain::ids::{RuleVersionId, SaleId};
use crate::domain::money;
use crate::domain::numbering::{self, BuyerKey, Position};
use crate::domain::rule::{CapPer, Rule};
use crate::domain::tally::Tally;
use crate::store::conversions::{self, Priceable};
use crate::store::ledger::EnrollmentLock;
use crate::store::sales::{self, SaleRow};
use crate::store::series::{self, Found, NearPayment, Series, SeriesSale};

/// How many sales are read at a time.
const PAGE: i64 = 100;

/// A sale that came, went, or is not what or where it was.
#[derive(Debug, Clone)]
pub(super) struct Change {
    pub(super) series: Series,
    pub(super) sale_id: SaleId,
    /// The program's.
    pub(super) currency: String,
    /// The first and the last place that it had or has.
    pub(super) from: Position,
    pub(super) to: Position,
    /// Whose it was and is.
    pub(super) buyers: Vec<BuyerKey>,
}

/// Numbers the buyers' payments, counts for tiers and caps where rules ask, and brings every sale that comes out
/// differently to its target. `sale` is the changed one, unless it is gone.
pub(super) async fn settle(
    conn: &mut PgConnection,
    intake: &Intake<'_>,
    lock: &mut EnrollmentLock,
    change: Change,
    sale: Option<(&SaleRow, Priceable)>,
) -> Result<(), Error> {
    let (near, followed) = near(conn, &change, sale.is_some()).await?;
    let renumbered = renumber(conn, &near, &change).await?;
    let mut walk = Walk::new(&change, followed)?;
    let counted: BTreeSet<SaleId> = near.iter().filter(|near| near.tallied).map(|near| near.payment.sale_id).collect();
    for Renumbered { sale_id, position, .. } in renumbered.iter().filter(|one| one.sale_id != change.sale_id) {
        let (sale_id, position) = (*sale_id, position.clone());
        if counted.contains(&sale_id) {
            walk.touch(sale_id, position);
            continue;
        }
        let Some(other) = conversions::of_sale(conn, sale_id).await? else { continue };
        let rule = rule_of(&other)?;
        if rule.looks_back() {
            walk.touch(sale_id, position);
        } else if let Some(row) = sales::read(conn, sale_id).await? {
            post(conn, lock, intake, (&row, &other), (&rule, &other.payment_place()), Occasion::Itself).await?;
        }
    }
    if let Some((row, mut sale)) = sale {
        let rule = rule_of(&sale)?;
        // It was read before the lock was there; its number may have changed since.
        if let Some(NearPayment { payment, .. }) = near.iter().find(|near| near.payment.sale_id == change.sale_id) {
            sale.number_as(payment.payment_number, payment.first_paid_at);
        }
        if let Some(numbered) = renumbered.iter().find(|one| one.sale_id == change.sale_id) {
            sale.number_as(numbered.payment_number, numbered.first_paid_at);
        }
        if rule.looks_back() || walk.needed {
            walk.touch(change.sale_id, change.to.clone());
        } else {
            post(conn, lock, intake, (row, &sale), (&rule, &sale.payment_place()), Occasion::Itself).await?;
        }
    }
    if walk.needed { walk.go(conn, intake, lock, &near).await } else { Ok(()) }
}

/// The payments that may be the buyers', renumbered ones' other relations included; and whether anything from the change
/// on has been counted.
async fn near(conn: &mut PgConnection, change: &Change, is_there: bool) -> Result<(Vec<NearPayment>, bool), Error> {
    let (near, mut followed) =
        series::payments_near(conn, change.series, change.sale_id, &change.buyers, &change.from).await?;
    if !is_there && !followed {
        followed = series::is_counted_from(conn, change.series, &change.from).await?;
    }
    let mut buyers = change.buyers.clone();
    for other in near.iter().map(|near| &near.payment.buyer).filter(|other| change.concerns(other)) {
        let is_asked = |asked: &Option<String>, of: fn(&BuyerKey) -> &Option<String>| {
            asked.is_none() || buyers.iter().any(|buyer| of(buyer) == asked)
        };
        if !is_asked(&other.customer, |buyer| &buyer.customer) || !is_asked(&other.email, |buyer| &buyer.email) {
            buyers.push(other.clone());
        }
    }
    if buyers.len() == change.buyers.len() {
        return Ok((near, followed));
    }
    let (near, _) = series::payments_near(conn, change.series, change.sale_id, &buyers, &change.from).await?;
    Ok((near, followed))
}

/// A payment whose number among its buyer's has changed.
struct Renumbered {
    sale_id: SaleId,
    position: Position,
    payment_number: u32,
    first_paid_at: DateTime<Utc>,
}

/// Writes the numbers that the change has made different. Payments before it keep theirs.
async fn renumber(conn: &mut PgConnection, near: &[NearPayment], change: &Change) -> Result<Vec<Renumbered>, Error> {
    let mut renumbered = Vec::new();
    for NearPayment { payment, .. } in near.iter().filter(|near| near.payment.position >= change.from) {
        if payment.sale_id != change.sale_id && !change.concerns(&payment.buyer) {
            continue;
        }
        let (payment_number, first_paid_at) = numbering::place(payment, near.iter().map(|near| &near.payment));
        if (payment.payment_number, payment.first_paid_at) != (payment_number, first_paid_at) {
            conversions::number(conn, payment.sale_id, payment_number, first_paid_at).await?;
            let (sale_id, position) = (payment.sale_id, payment.position.clone());
            renumbered.push(Renumbered { sale_id, position, payment_number, first_paid_at });
        }
    }
    Ok(renumbered)
}

impl Change {
    /// Whether the buyer's payments may be numbered differently now.
    fn concerns(&self, buyer: &BuyerKey) -> bool {
        self.buyers.iter().any(|changed| changed.is_same(buyer))
    }
}

/// A way along the series, from the change to where all is as it was.
struct Walk<'a> {
    change: &'a Change,
    program: Currency,
    /// A sale whose own figures or number have changed, with where it stands.
    touched: BTreeSet<SaleId>,
    /// The last place where something may differ for a reason that isn't the sale before it.
    last: Position,
    needed: bool,
    rules: BTreeMap<RuleVersionId, Rule>,
    /// Counted, not written yet.
    pending: Vec<(SaleId, Found)>,
}

impl<'a> Walk<'a> {
    fn new(change: &'a Change, needed: bool) -> Result<Walk<'a>, Error> {
        let program = change.currency.parse().map_err(|unknown| Error::Unreadable(format!("{unknown}")))?;
        let (touched, rules, pending) = (BTreeSet::new(), BTreeMap::new(), Vec::new());
        Ok(Walk { change, program, touched, last: change.to.clone(), needed, rules, pending })
    }

    fn touch(&mut self, sale_id: SaleId, position: Position) {
        self.needed = true;
        self.touched.insert(sale_id);
        self.reach(&position);
    }

    fn reach(&mut self, position: &Position) {
        if *position > self.last {
            self.last = position.clone();
        }
    }

    async fn go(
        mut self,
        conn: &mut PgConnection,
        intake: &Intake<'_>,
        lock: &mut EnrollmentLock,
        near: &[NearPayment],
    ) -> Result<(), Error> {
        self.read_rules(conn).await?;
        if self.caps_customers() {
            self.reach_counted(near, &self.change.buyers.clone());
        }
        let before = series::tally_before(conn, self.change.series, &self.change.from).await?;
        let (mut after, mut tally) = before.unwrap_or_else(|| (Position::start(), Tally::default()));
        loop {
            let page = series::after(conn, self.change.series, &after, PAGE).await?;
            let is_last_page = page.len() < usize::try_from(PAGE).unwrap_or(usize::MAX);
            for sale in page {
                let is_beyond = sale.position > self.last;
                if is_beyond && sale.found.tally.is_none() {
                    return self.write(conn).await;
                }
                let (found, place) = self.count(conn, &tally, &sale).await?;
                self.price(conn, intake, lock, &sale, (&found, &place)).await?;
                let is_same = found == sale.found;
                tally = found.tally.clone().unwrap_or_default();
                after = sale.position.clone();
                if !is_same {
                    self.keep(conn, &sale, found).await?;
                } else if after >= self.last {
                    return self.write(conn).await;
                }
            }
            self.write(conn).await?;
            if is_last_page {
                return Ok(());
            }
        }
    }

    async fn read_rules(&mut self, conn: &mut PgConnection) -> Result<(), Error> {
        for (id, rule) in series::rules(conn, self.change.series.campaign_id).await? {
            let rule = Rule::from_json(&rule).map_err(|invalid| Error::Unreadable(format!("rule {id}: {invalid}")))?;
            self.rules.insert(id, rule);
        }
        Ok(())
    }

    fn rule(&self, sale: &SeriesSale) -> Result<&Rule, Error> {
        let missing = || Error::Unreadable(format!("{} has a rule of another campaign", sale.sale_id));
        self.rules.get(&sale.rule_version_id).ok_or_else(missing)
    }

    /// Whether any version of the rule has a cap per customer, so that a sale matters to its buyer's later ones.
    fn caps_customers(&self) -> bool {
        self.rules.values().any(|rule| rule.cap.is_some_and(|cap| cap.per == CapPer::Customer))
    }

    fn reach_counted(&mut self, near: &[NearPayment], buyers: &[BuyerKey]) {
        for NearPayment { payment, tallied, .. } in near {
            if *tallied && buyers.iter().any(|buyer| buyer.is_same(&payment.buyer)) {
                self.reach(&payment.position);
            }
        }
    }

    async fn count(
        &mut self,
        conn: &mut PgConnection,
        before: &Tally,
        sale: &SeriesSale,
    ) -> Result<(Found, PaymentPlace), Error> {
        let is_per_customer = self.rule(sale)?.cap.is_some_and(|cap| cap.per == CapPer::Customer);
        let used_minor = if is_per_customer { self.used_by_customer(conn, sale).await? } else { 0 };
        let rule = self.rule(sale)?;
        let collected = collected(rule, &sale.state, sale.refunded_minor)?;
        let counted = before.count(rule, self.program, &collected, sale.payment, used_minor)?;
        let priced = commission::commission_for(rule, &collected, &counted.place)?;
        let found = Found {
            tally: Some(counted.tally),
            allowed_minor: Some(counted.allowed_minor),
            target_minor: Some(priced.target_minor),
        };
        Ok((found, counted.place))
    }

    /// What the buyer's payments before this one were allowed in its currency, minor units.
    async fn used_by_customer(&mut self, conn: &mut PgConnection, sale: &SeriesSale) -> Result<i64, Error> {
        let near = self.buyers_of(conn, sale).await?;
        let currency = sale.state.payment.as_ref().map(|payment| payment.currency);
        let before = near.iter().filter(|near| {
            near.payment.position < sale.position
                && near.payment.buyer.is_same(&sale.buyer)
                && near.currency == currency
        });
        Ok(money::sum(before.map(|near| near.allowed_minor))?)
    }

    async fn buyers_of(&mut self, conn: &mut PgConnection, sale: &SeriesSale) -> Result<Vec<NearPayment>, Error> {
        self.write(conn).await?;
        let buyers = std::slice::from_ref(&sale.buyer);
        Ok(series::payments_near(conn, self.change.series, sale.sale_id, buyers, &sale.position).await?.0)
    }

    /// Brings the sale to its target, when that is not what it was.
    async fn price(
        &mut self,
        conn: &mut PgConnection,
        intake: &Intake<'_>,
        lock: &mut EnrollmentLock,
        sale: &SeriesSale,
        (found, place): (&Found, &PaymentPlace),
    ) -> Result<(), Error> {
        let is_touched = self.touched.contains(&sale.sale_id);
        let rule = self.rule(sale)?;
        let comes_out_differently = rule.looks_back() && found.target_minor != sale.found.target_minor;
        // What earns nothing is told with where it stands, too.
        let stands_elsewhere = found.target_minor == Some(0) && rule.tiers.is_some() && found.tally != sale.found.tally;
        if !(is_touched || comes_out_differently || stands_elsewhere) {
            return Ok(());
        }
        let Some(conversion) = conversions::of_sale(conn, sale.sale_id).await? else { return Ok(()) };
        let Some(row) = sales::read(conn, sale.sale_id).await? else { return Ok(()) };
        let occasion = if is_touched { Occasion::Itself } else { Occasion::Another };
        post(conn, lock, intake, (&row, &conversion), (rule, place), occasion).await
    }

    /// What a sale is allowed matters to its buyer's later ones.
    async fn keep(&mut self, conn: &mut PgConnection, sale: &SeriesSale, found: Found) -> Result<(), Error> {
        let is_allowed_as_before = found.allowed_minor == sale.found.allowed_minor;
        self.pending.push((sale.sale_id, found));
        if !is_allowed_as_before && self.caps_customers() {
            let near = self.buyers_of(conn, sale).await?;
            self.reach_counted(&near, std::slice::from_ref(&sale.buyer));
        }
        Ok(())
    }

    async fn write(&mut self, conn: &mut PgConnection) -> Result<(), Error> {
        let counted = std::mem::take(&mut self.pending);
        if counted.is_empty() {
            return Ok(());
        }
        Ok(series::keep(conn, &counted).await?)
    }
}
