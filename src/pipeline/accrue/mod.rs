//! The commission of a credited sale. Whatever changes, the same function brings the sale's lines to what they should sum
//! to, and posts only the difference (design §6, target rule): the first sale, a better description, a refund, a sale
//! before it that came late.

mod books;
mod nothing;
mod order;
mod refund;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::Error;
use super::attribute::Intake;
use super::{signs, stops, tell};
use crate::domain::actor::Actor;
use crate::domain::commission::{self, Collected, PaymentPlace, Priced, RuleSource};
use crate::domain::currency::Currency;
use crate::domain::explained_refund::ExplainedRefund;
use crate::domain::explanation::{Evidence, ExplainedLine, Reader};
use crate::domain::ids::{CampaignId, EnrollmentId, LineId, SaleId};
use crate::domain::line::{LineKind, LineStatus};
use crate::domain::numbering::{BuyerKey, Position};
use crate::domain::rule::Rule;
use crate::domain::sale::{SaleKind, SaleState};
use crate::store::conversions::{self, Credit, Placed, Priceable};
use crate::store::given_back;
use crate::store::ledger::{self, EnrollmentLock};
use crate::store::sale_lines;
use crate::store::sales::{self, SaleRow};
use crate::store::series::Series;
use crate::store::zero_earnings;

pub use nothing::keep_nothing_collected;

use books::{Books, Step};
use nothing::PricedSale;
use order::Change;

const ACTOR: Actor = Actor::System("intake");

const OTHER_CURRENCY: &str = "The purchase turned out to be in another currency";

const OTHER_AFFILIATE: &str = "The purchase turned out to be another affiliate's";

/// Where a sale stands by what is known of it; none before it is paid.
pub(super) fn placed(state: &SaleState) -> Option<Placed> {
    state.payment.as_ref().map(|payment| Placed {
        paid_at: payment.paid_at,
        buyer: BuyerKey { customer: state.customer.clone(), email: state.email.clone() },
        is_expansion: state.is_expansion(),
    })
}

/// Brings the lines of a credited sale to what its rule makes of what the merchant keeps, and those of the sales whose
/// number, tier or cap it changes. Writes nothing when all is there already, or when nobody is credited.
///
/// # Errors
/// See [`Error`].
pub async fn bring_to_target(conn: &mut PgConnection, intake: &Intake<'_>, sale_id: SaleId) -> Result<(), Error> {
    let Some(sale) = sales::lock(conn, sale_id).await? else { return Ok(()) };
    let Some(mut conversion) = conversions::of_sale(conn, sale_id).await? else { return Ok(()) };
    let Some(placed) = placed(&sale.state).filter(|_| !conversion.retired) else { return Ok(()) };
    let mut lock = ledger::lock_enrollment(conn, EnrollmentId(conversion.enrollment_id)).await?;
    let stands = Position { paid_at: placed.paid_at, order_key: conversion.smallest_alias.clone() };
    let (stood, bought) = (conversion.position(), conversion.buyer());
    if stood.as_ref() != Some(&stands) || bought != placed.buyer || conversion.is_expansion != placed.is_expansion {
        conversions::set_place(conn, sale_id, &placed, &stands.order_key).await?;
        conversion.position_at = Some(placed.paid_at);
        conversion.is_expansion = placed.is_expansion;
    }
    let mut change = Change::at(&conversion, stands);
    if let Some(stood) = stood {
        change.reaches(stood);
    }
    change.buyers.push(placed.buyer);
    if !change.buyers.contains(&bought) {
        change.buyers.push(bought);
    }
    let rule = rule_of(&conversion)?;
    if collected(&rule, &sale.state, sale.refunded_minor)?.unknown_products && sale.state.kind != SaleKind::Payment {
        sale_lines::want(conn, sale_id, intake.now).await?;
    }
    order::settle(conn, intake, &mut lock, change, Some((&sale, conversion))).await
}

/// Takes back everything that the sale earned, because it is no sale of its own: lines that no payout has locked are
/// cancelled, and the rest is taken back by a line of its own. It counts nowhere from then on.
///
/// # Errors
/// See [`Error`].
pub async fn retire(conn: &mut PgConnection, intake: &Intake<'_>, sale_id: SaleId, why: &str) -> Result<(), Error> {
    let Some(sale) = sales::lock(conn, sale_id).await? else { return Ok(()) };
    let Some(conversion) = conversions::of_sale(conn, sale_id).await? else { return Ok(()) };
    if conversion.retired {
        return Ok(());
    }
    let mut lock = ledger::lock_enrollment(conn, EnrollmentId(conversion.enrollment_id)).await?;
    take_back(conn, &mut lock, intake, (&sale, &conversion), why).await?;
    conversions::retire(conn, sale_id).await?;
    zero_earnings::clear(conn, sale_id).await?;
    close_ranks(conn, &mut lock, intake, &conversion).await
}

/// Moves the sale's credit: the lines of an affiliate who loses it go, and the sales that it stood before are priced
/// without it. What it earns where it is now is [`bring_to_target`]'s.
///
/// # Errors
/// See [`Error`].
pub async fn hand_over(
    conn: &mut PgConnection,
    intake: &Intake<'_>,
    sale: &SaleRow,
    before: &Priceable,
    credit: &Credit,
) -> Result<(), Error> {
    let (loses, gets) = (EnrollmentId(before.enrollment_id), credit.enrollment_id);
    // Both are taken now, in one order for all who do so.
    ledger::lock_enrollment(conn, loses.min(gets)).await?;
    ledger::lock_enrollment(conn, loses.max(gets)).await?;
    let mut lock = ledger::lock_enrollment(conn, loses).await?;
    if loses != gets {
        let mark = lock.mark();
        take_back(conn, &mut lock, intake, (sale, before), OTHER_AFFILIATE).await?;
        tell::money_moved(conn, intake.now, mark, OTHER_AFFILIATE).await?;
    }
    conversions::credit_anew(conn, sale.id, credit).await?;
    close_ranks(conn, &mut lock, intake, before).await
}

/// Numbers and prices anew what came after a sale that is gone.
async fn close_ranks(
    conn: &mut PgConnection,
    lock: &mut EnrollmentLock,
    intake: &Intake<'_>,
    gone: &Priceable,
) -> Result<(), Error> {
    let Some(stood) = gone.position() else { return Ok(()) };
    let mut change = Change::at(gone, stood);
    change.buyers.push(gone.buyer());
    order::settle(conn, intake, lock, change, None).await
}

/// Takes back all that the sale earned in the enrollment, in every currency.
async fn take_back(
    conn: &mut PgConnection,
    lock: &mut EnrollmentLock,
    intake: &Intake<'_>,
    (sale, conversion): (&SaleRow, &Priceable),
    why: &str,
) -> Result<(), Error> {
    let Some(payment) = &sale.state.payment else { return Ok(()) };
    let books = Books::of_sale(conn, lock, sale.id, payment.currency).await?;
    for currency in books.other_currencies().into_iter().chain([payment.currency]) {
        take_back_in(conn, lock, intake, conversion, currency, why).await?;
    }
    Ok(())
}

async fn take_back_in(
    conn: &mut PgConnection,
    lock: &mut EnrollmentLock,
    intake: &Intake<'_>,
    conversion: &Priceable,
    currency: Currency,
    why: &str,
) -> Result<(), Error> {
    let sale_id = SaleId(conversion.sale_id);
    let books = Books::of_sale(conn, lock, sale_id, currency).await?;
    let open: Vec<LineId> = books.alive().filter(|line| !line.status.is_locked()).map(|line| line.id).collect();
    cancel(conn, lock, intake.now, &open, why).await?;
    let books = Books::of_sale(conn, lock, sale_id, currency).await?;
    let Some(step) = books.step_to(0)? else { return Ok(()) };
    let explanation = serde_json::json!({ "because": why });
    let line = books.line(intake, conversion, step, why.to_owned(), explanation)?;
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

/// Why a sale is priced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Occasion {
    /// Something became known of the sale itself, or of its buyer.
    Itself,
    /// Another sale that counts before it came late or went.
    Another,
}

/// Brings the sale's lines to what the rule makes of it at its place. What went back before the sale was credited is taken
/// from what it earned, so that the lines tell the same whichever was known first.
async fn post(
    conn: &mut PgConnection,
    lock: &mut EnrollmentLock,
    intake: &Intake<'_>,
    (sale, conversion): (&SaleRow, &Priceable),
    by: (&Rule, &PaymentPlace),
    occasion: Occasion,
) -> Result<(), Error> {
    if sale.refunded_minor > 0 && ledger::lines_of_sale(conn, lock.enrollment_id(), sale.id).await?.is_empty() {
        let whole = SaleRow { refunded_minor: 0, ..sale.clone() };
        given_back::set_followed(conn, sale.id, &[]).await?;
        post_kept(conn, lock, intake, (&whole, conversion), by, occasion).await?;
    }
    let mark = lock.mark();
    match post_kept(conn, lock, intake, (sale, conversion), by, occasion).await? {
        Some(why) => tell::money_moved(conn, intake.now, mark, &why).await,
        None => Ok(()),
    }
}

/// Brings the sale's lines to what the rule makes of what the merchant keeps of it. Returns what to tell the affiliate, when
/// they follow money that went back to the customer.
async fn post_kept(
    conn: &mut PgConnection,
    lock: &mut EnrollmentLock,
    intake: &Intake<'_>,
    (sale, conversion): (&SaleRow, &Priceable),
    (rule, place): (&Rule, &PaymentPlace),
    occasion: Occasion,
) -> Result<Option<String>, Error> {
    let collected = collected(rule, &sale.state, sale.refunded_minor)?;
    let priced = commission::commission_for(rule, &collected, place)?;
    let books = Books::of_sale(conn, lock, sale.id, collected.currency).await?;
    // Amounts of two currencies never net: what was earned in one that turned out to be wrong goes.
    let others = books.other_currencies();
    for other in &others {
        take_back_in(conn, lock, intake, conversion, *other, OTHER_CURRENCY).await?;
    }
    let books = if others.is_empty() { books } else { Books::of_sale(conn, lock, sale.id, collected.currency).await? };
    let priced_sale = PricedSale { sale: &sale.state, rule, collected: &collected, place, priced: &priced };
    let due = refund::due(conn, sale, conversion, (books.posted_minor, priced.target_minor)).await?;
    let step = books.step_to(priced.target_minor)?;
    if step.is_none() && books.is_empty() {
        let explanation = priced_sale.explanation(0, source(conversion)?, None)?;
        nothing::keep(conn, intake.now, conversion, &explanation).await?;
        return Ok(None);
    }
    if conversion.earns_nothing {
        zero_earnings::clear(conn, sale.id).await?;
    }
    let Some(step) = step else { return Ok(None) };
    let refund = match due {
        Some(due) => Some(due.follow(conn, sale).await?),
        None => None,
    };
    let told = refund.as_ref().map(|refund| refund.sentence(collected.currency, Reader::Affiliate));
    let reason = reason(&step, conversion, &priced, (&collected, refund.as_ref()), occasion);
    if let Step::Cancel(lines) = &step {
        cancel(conn, lock, intake.now, lines, &reason).await?;
        return Ok(told);
    }
    let is_restored = refund.as_ref().is_some_and(ExplainedRefund::is_restored);
    let explanation = priced_sale.explanation(books.posted_minor, source(conversion)?, refund)?;
    let mut line = books.line(intake, conversion, step, reason, explanation)?;
    if is_restored && line.kind == LineKind::Correction && line.amount.amount_minor > 0 {
        line.kind = LineKind::Recredit;
    }
    let Some(added) = ledger::add_line(conn, lock, intake.now, &ACTOR, &line).await? else { return Ok(None) };
    stops::line_added(conn, lock, intake.now, added).await?;
    if line.status != LineStatus::OnHold && line.amount.amount_minor > 0 {
        signs::stop_added(conn, lock, intake.now, sale.id).await?;
    }
    Ok(told)
}

fn source(conversion: &Priceable) -> Result<RuleSource<'_>, Error> {
    let kind = conversion.evidence_kind.parse().map_err(|error| Error::Unreadable(format!("{error}")))?;
    Ok(RuleSource {
        campaign: &conversion.campaign,
        version: u32::try_from(conversion.rule_version).unwrap_or(1),
        evidence: Some(Evidence { kind, value: conversion.evidence_value.clone() }),
        currency: conversion.program_currency.parse().map_err(|unknown| Error::Unreadable(format!("{unknown}")))?,
    })
}

/// Why a line is there or goes, in words for the affiliate.
fn reason(
    step: &Step,
    conversion: &Priceable,
    priced: &Priced,
    (collected, refund): (&Collected, Option<&ExplainedRefund>),
    occasion: Occasion,
) -> String {
    match (step, refund, &priced.earns_nothing_because, occasion) {
        (Step::Commission(_), ..) => format!("Commission of {}", conversion.campaign),
        (Step::Cancel(_), Some(refund), ..) => refund.cancelled_because(),
        (Step::Cancel(_), ..) if collected.refunded_minor > 0 => "Payment refunded".to_owned(),
        (Step::Cancel(_), _, _, Occasion::Another) => "Sales that count before it used up the cap".to_owned(),
        (Step::Cancel(_), ..) => "The purchase earns nothing any more".to_owned(),
        (_, Some(refund), ..) => refund.reason(),
        (_, None, Some(because), _) => format!("Corrected: {because}"),
        (_, None, None, Occasion::Another) => "Corrected: the sales that count before it changed".to_owned(),
        (_, None, None, Occasion::Itself) => "Corrected to what the purchase came to".to_owned(),
    }
}

/// What the rule sees of the sale.
fn collected(rule: &Rule, sale: &SaleState, refunded_minor: i64) -> Result<Collected, Error> {
    let unpaid = || Error::Unreadable("a credited sale has no amount".to_owned());
    let payment = sale.payment.as_ref().ok_or_else(unpaid)?;
    Ok(Collected::of_sale(rule, sale, payment, refunded_minor)?)
}

/// What was bought, and what of it counts; nothing to tell when the rule takes every product.
fn explained_lines(rule: &Rule, sale: &SaleState) -> Result<Vec<ExplainedLine>, Error> {
    let Some(lines) = sale.lines.as_ref().filter(|_| !rule.products.is_empty()) else { return Ok(Vec::new()) };
    let Some(payment) = &sale.payment else { return Ok(Vec::new()) };
    let parts = lines.parts(payment)?;
    let explained = lines.lines.values().zip(parts).map(|(line, part)| ExplainedLine {
        name: line.name().to_owned(),
        paid_minor: part.paid_minor,
        counts: Collected::counts(rule, line),
    });
    Ok(explained.collect())
}

fn rule_of(conversion: &Priceable) -> Result<Rule, Error> {
    Rule::from_json(&conversion.rule)
        .map_err(|invalid| Error::Unreadable(format!("rule version {}: {invalid}", conversion.rule_version)))
}

impl Change {
    fn at(conversion: &Priceable, stands: Position) -> Change {
        let series = Series {
            enrollment_id: EnrollmentId(conversion.enrollment_id),
            campaign_id: CampaignId(conversion.campaign_id),
        };
        let sale_id = SaleId(conversion.sale_id);
        let currency = conversion.program_currency.clone();
        Change { series, sale_id, currency, from: stands.clone(), to: stands, buyers: Vec::with_capacity(2) }
    }

    fn reaches(&mut self, position: Position) {
        if position < self.from {
            self.from = position;
        } else if position > self.to {
            self.to = position;
        }
    }
}
