//! A program's fields as the API has them: reading, defaults, changes, and the checks whose refusals name the field.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use sqlx::types::Json;
use utoipa::ToSchema;

use crate::desk::field::{self, nullable};
use crate::desk::{Error, Result};
use crate::domain::attribution::{AttributionOrder, ClickRule, EvidenceSource};
use crate::domain::currency::Currency;
use crate::domain::ids::ProgramId;
use crate::domain::minimum::{self, MinPayouts, default_minimum};
use crate::domain::money::Money;
use crate::domain::period::PeriodKind;
use crate::domain::program::{Cadence, SignAction};
use crate::store::programs::{ProgramRow, schedule};

const DEFAULT_HOLD_DAYS: i32 = 30;
const DEFAULT_COOKIE_DAYS: i32 = 60;
const MOST_DAYS: i32 = 3650;
const DEFAULT_VELOCITY_PER_HOUR: i32 = 20;
const MOST_PER_HOUR: i32 = 100_000;

/// An affiliate program. Amounts in minor units of `currency`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Program {
    pub id: ProgramId,
    pub name: String,
    pub slug: String,
    pub currency: Currency,
    /// Where visitors of unknown codes go.
    pub site_url: String,
    /// Days before a commission can be approved.
    pub hold_days: i32,
    /// Commissions are approved by themselves when their hold window is over.
    pub auto_credit: bool,
    /// The least that is paid at once.
    #[serde(rename = "min_payout")]
    pub min_payout_minor: i64,
    /// The least that is paid in other currencies, in minor units of each. One that isn't named takes the figure of
    /// `min_payout`: 10.00 EUR as 10.00 USD, 10 JPY.
    #[schema(value_type = BTreeMap<String, i64>)]
    pub min_payouts: MinPayouts,
    pub cadence: Cadence,
    /// The day of the weekly cadence: Monday is 1.
    pub payout_weekday: i16,
    /// The day of the monthly cadence, 1 to 31; in shorter months the last day stands for it.
    pub payout_day: i16,
    /// Scheduled batches are paid at once; otherwise they wait for review.
    pub auto_execute: bool,
    /// What is earned in one is finalized together, once it is over.
    pub commission_period: PeriodKind,
    /// Above which share of what an affiliate's customers paid in 30 days refunds stop the affiliate's unpaid commissions:
    /// percent as text, or null for no limit.
    #[schema(value_type = Option<String>)]
    pub refund_rate_threshold: Option<Decimal>,
    /// Above which sum of refunds in 30 days they stop, in the program's currency; null for no limit.
    #[serde(rename = "refund_amount_threshold")]
    pub refund_amount_threshold_minor: Option<i64>,
    /// Batches above this need a second person's approval; null for none.
    #[serde(rename = "four_eyes_above")]
    pub four_eyes_above_minor: Option<i64>,
    /// Days that a click counts.
    pub cookie_days: i32,
    /// Which evidence counts first, when several kinds name somebody: each kind once.
    #[schema(value_type = Vec<EvidenceSource>)]
    pub attribution_order: AttributionOrder,
    /// Which of several clicks counts.
    pub click_rule: ClickRule,
    /// Invoices that are marked as paid outside of Stripe earn too.
    pub count_out_of_band: bool,
    /// What happens when the buyer looks like the affiliate.
    pub self_referral: SignAction,
    /// What happens when an affiliate has more conversions in an hour than `velocity_per_hour`.
    pub velocity_sign: SignAction,
    pub velocity_per_hour: i32,
    /// What happens when the buyer's card or customer was seen with another affiliate.
    pub shared_buyer_sign: SignAction,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Program {
    /// The least that is paid at once in a currency.
    pub fn minimum(&self, currency: Currency) -> Money {
        minimum::minimum(Money::new(self.min_payout_minor, self.currency), &self.min_payouts, currency)
    }

    /// The next slot of its schedule after `now`; none when it is paid by hand.
    pub fn next_payout_at(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        schedule(self.cadence, self.payout_weekday, self.payout_day).next(now)
    }
}

/// A program to be made. What is left out takes its default.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewProgram {
    pub name: String,
    /// Lower-case letters, digits and dashes; made from the name when it is left out.
    #[serde(default)]
    pub slug: Option<String>,
    pub currency: Currency,
    /// An http or https address.
    pub site_url: String,
    pub hold_days: Option<i32>,
    pub auto_credit: Option<bool>,
    /// The least that is paid at once; ten whole units when it is left out: 10.00 EUR, 10 JPY.
    pub min_payout: Option<i64>,
    /// The least that is paid in other currencies, in minor units of each.
    #[serde(default)]
    #[schema(value_type = BTreeMap<String, i64>)]
    pub min_payouts: MinPayouts,
    pub cadence: Option<Cadence>,
    pub payout_weekday: Option<i16>,
    pub payout_day: Option<i16>,
    pub auto_execute: Option<bool>,
    pub commission_period: Option<PeriodKind>,
    /// Percent, as text or number.
    #[schema(value_type = Option<String>)]
    pub refund_rate_threshold: Option<Decimal>,
    pub refund_amount_threshold: Option<i64>,
    pub four_eyes_above: Option<i64>,
    pub cookie_days: Option<i32>,
    #[schema(value_type = Option<Vec<EvidenceSource>>)]
    pub attribution_order: Option<AttributionOrder>,
    pub click_rule: Option<ClickRule>,
    pub count_out_of_band: Option<bool>,
    pub self_referral: Option<SignAction>,
    pub velocity_sign: Option<SignAction>,
    pub velocity_per_hour: Option<i32>,
    pub shared_buyer_sign: Option<SignAction>,
}

/// Changes of a program: what is left out stays, null takes a limit away.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProgramPatch {
    pub name: Option<String>,
    pub slug: Option<String>,
    /// May be given only as it is: a program's currency never changes.
    pub currency: Option<Currency>,
    pub site_url: Option<String>,
    pub hold_days: Option<i32>,
    pub auto_credit: Option<bool>,
    pub min_payout: Option<i64>,
    /// By currency: those that aren't named stay, null takes one away.
    #[serde(default)]
    #[schema(value_type = BTreeMap<String, Option<i64>>)]
    pub min_payouts: BTreeMap<Currency, Option<i64>>,
    pub cadence: Option<Cadence>,
    pub payout_weekday: Option<i16>,
    pub payout_day: Option<i16>,
    pub auto_execute: Option<bool>,
    pub commission_period: Option<PeriodKind>,
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<String>)]
    pub refund_rate_threshold: Option<Option<Decimal>>,
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<i64>)]
    pub refund_amount_threshold: Option<Option<i64>>,
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<i64>)]
    pub four_eyes_above: Option<Option<i64>>,
    pub cookie_days: Option<i32>,
    #[schema(value_type = Option<Vec<EvidenceSource>>)]
    pub attribution_order: Option<AttributionOrder>,
    pub click_rule: Option<ClickRule>,
    pub count_out_of_band: Option<bool>,
    pub self_referral: Option<SignAction>,
    pub velocity_sign: Option<SignAction>,
    pub velocity_per_hour: Option<i32>,
    pub shared_buyer_sign: Option<SignAction>,
}

/// The program with defaults for what was left out.
pub(super) fn made(new: NewProgram, now: DateTime<Utc>) -> ProgramRow {
    let slug = new.slug.clone().unwrap_or_else(|| field::slug_of(&new.name));
    ProgramRow {
        id: ProgramId::new(now),
        slug,
        name: new.name.trim().to_owned(),
        currency: new.currency,
        site_url: new.site_url,
        hold_days: new.hold_days.unwrap_or(DEFAULT_HOLD_DAYS),
        auto_credit: new.auto_credit.unwrap_or(true),
        min_payout_minor: new.min_payout.unwrap_or_else(|| default_minimum(new.currency).amount_minor),
        min_payouts: Json(new.min_payouts),
        cadence: new.cadence.unwrap_or(Cadence::Manual),
        payout_weekday: new.payout_weekday.unwrap_or(1),
        payout_day: new.payout_day.unwrap_or(1),
        auto_execute: new.auto_execute.unwrap_or(false),
        schedule_from: now,
        commission_period: new.commission_period.unwrap_or(PeriodKind::Month),
        refund_rate_threshold: new.refund_rate_threshold,
        refund_amount_threshold_minor: new.refund_amount_threshold,
        four_eyes_above_minor: new.four_eyes_above,
        cookie_days: new.cookie_days.unwrap_or(DEFAULT_COOKIE_DAYS),
        attribution_order: new.attribution_order.unwrap_or_default(),
        click_rule: new.click_rule.unwrap_or(ClickRule::Last),
        count_out_of_band: new.count_out_of_band.unwrap_or(true),
        self_referral: new.self_referral.unwrap_or(SignAction::Hold),
        velocity_sign: new.velocity_sign.unwrap_or(SignAction::Flag),
        velocity_per_hour: new.velocity_per_hour.unwrap_or(DEFAULT_VELOCITY_PER_HOUR),
        shared_buyer_sign: new.shared_buyer_sign.unwrap_or(SignAction::Flag),
        created_at: now,
        updated_at: now,
    }
}

pub(super) fn patched(row: ProgramRow, patch: ProgramPatch) -> ProgramRow {
    let mut min_payouts = row.min_payouts;
    for (currency, amount) in patch.min_payouts {
        match amount {
            Some(minor) => min_payouts.insert(currency, minor),
            None => min_payouts.remove(&currency),
        };
    }
    ProgramRow {
        slug: patch.slug.unwrap_or(row.slug),
        name: patch.name.map_or(row.name, |name| name.trim().to_owned()),
        site_url: patch.site_url.unwrap_or(row.site_url),
        hold_days: patch.hold_days.unwrap_or(row.hold_days),
        auto_credit: patch.auto_credit.unwrap_or(row.auto_credit),
        min_payout_minor: patch.min_payout.unwrap_or(row.min_payout_minor),
        min_payouts,
        cadence: patch.cadence.unwrap_or(row.cadence),
        payout_weekday: patch.payout_weekday.unwrap_or(row.payout_weekday),
        payout_day: patch.payout_day.unwrap_or(row.payout_day),
        auto_execute: patch.auto_execute.unwrap_or(row.auto_execute),
        commission_period: patch.commission_period.unwrap_or(row.commission_period),
        refund_rate_threshold: patch.refund_rate_threshold.unwrap_or(row.refund_rate_threshold),
        refund_amount_threshold_minor: patch.refund_amount_threshold.unwrap_or(row.refund_amount_threshold_minor),
        four_eyes_above_minor: patch.four_eyes_above.unwrap_or(row.four_eyes_above_minor),
        cookie_days: patch.cookie_days.unwrap_or(row.cookie_days),
        attribution_order: patch.attribution_order.unwrap_or(row.attribution_order),
        click_rule: patch.click_rule.unwrap_or(row.click_rule),
        count_out_of_band: patch.count_out_of_band.unwrap_or(row.count_out_of_band),
        self_referral: patch.self_referral.unwrap_or(row.self_referral),
        velocity_sign: patch.velocity_sign.unwrap_or(row.velocity_sign),
        velocity_per_hour: patch.velocity_per_hour.unwrap_or(row.velocity_per_hour),
        shared_buyer_sign: patch.shared_buyer_sign.unwrap_or(row.shared_buyer_sign),
        ..row
    }
}

pub(super) fn check(row: &ProgramRow) -> Result<()> {
    field::name("name", &row.name)?;
    field::slug("slug", &row.slug)?;
    field::url("site_url", &row.site_url)?;
    for (param, days) in [("hold_days", row.hold_days), ("cookie_days", row.cookie_days)] {
        if !(0..=MOST_DAYS).contains(&days) {
            return Err(Error::invalid(param, format!("`{param}` must be from 0 to {MOST_DAYS} days.")));
        }
    }
    for (param, day, last) in [("payout_weekday", row.payout_weekday, 7), ("payout_day", row.payout_day, 31)] {
        if !(1..=last).contains(&day) {
            return Err(Error::invalid(param, format!("`{param}` must be from 1 to {last}.")));
        }
    }
    if !(1..=MOST_PER_HOUR).contains(&row.velocity_per_hour) {
        return Err(Error::invalid(
            "velocity_per_hour",
            format!("`velocity_per_hour` must be from 1 to {MOST_PER_HOUR} conversions an hour."),
        ));
    }
    let example = default_minimum(row.currency);
    for (param, amount) in [
        ("min_payout", Some(row.min_payout_minor)),
        ("refund_amount_threshold", row.refund_amount_threshold_minor),
        ("four_eyes_above", row.four_eyes_above_minor),
    ] {
        if amount.is_some_and(|amount| amount < 0) {
            return Err(Error::invalid(
                param,
                format!("`{param}` must be 0 or more, in minor units ({} is {example}).", example.amount_minor),
            ));
        }
    }
    check_min_payouts(row)?;
    if row.refund_rate_threshold.is_some_and(|rate| rate < Decimal::ZERO || rate > Decimal::ONE_HUNDRED) {
        return Err(Error::invalid(
            "refund_rate_threshold",
            "`refund_rate_threshold` must be a percentage from 0 to 100.",
        ));
    }
    Ok(())
}

fn check_min_payouts(row: &ProgramRow) -> Result<()> {
    for (&currency, &minor) in &row.min_payouts.0 {
        let param = format!("min_payouts.{currency}");
        if currency == row.currency {
            let message = format!("`min_payout` is the minimum in {}, the program's own currency.", currency.code());
            return Err(Error::invalid(&param, message));
        }
        if minor < 0 {
            let (example, minor) = (default_minimum(currency), default_minimum(currency).amount_minor);
            return Err(Error::invalid(
                &param,
                format!("`{param}` must be 0 or more, in minor units ({minor} is {example})."),
            ));
        }
    }
    Ok(())
}

impl From<ProgramRow> for Program {
    fn from(row: ProgramRow) -> Self {
        Program {
            id: row.id,
            name: row.name,
            slug: row.slug,
            currency: row.currency,
            site_url: row.site_url,
            hold_days: row.hold_days,
            auto_credit: row.auto_credit,
            min_payout_minor: row.min_payout_minor,
            min_payouts: row.min_payouts.0,
            cadence: row.cadence,
            payout_weekday: row.payout_weekday,
            payout_day: row.payout_day,
            auto_execute: row.auto_execute,
            commission_period: row.commission_period,
            refund_rate_threshold: row.refund_rate_threshold.map(|rate| rate.normalize()),
            refund_amount_threshold_minor: row.refund_amount_threshold_minor,
            four_eyes_above_minor: row.four_eyes_above_minor,
            cookie_days: row.cookie_days,
            attribution_order: row.attribution_order,
            click_rule: row.click_rule,
            count_out_of_band: row.count_out_of_band,
            self_referral: row.self_referral,
            velocity_sign: row.velocity_sign,
            velocity_per_hour: row.velocity_per_hour,
            shared_buyer_sign: row.shared_buyer_sign,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}
