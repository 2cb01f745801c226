//! Making a program and changing its settings.

#![expect(clippy::too_many_arguments, reason = "a form's server function takes an argument for each of its fields")]

use std::collections::BTreeMap;

use leptos::prelude::*;
use purser::desk::Error;
use purser::desk::programs::{self, NewProgram, Program, ProgramPatch};
use purser::domain::attribution::{AttributionOrder, ClickRule, EvidenceSource};
use purser::domain::currency::Currency;
use purser::domain::minimum::MinPayouts;
use purser::domain::program::{Cadence, SignAction};

use super::typed::{amount_minor, given, whole};
use super::{Asked, Done, answer};
use crate::min_payouts;

/// The form as it was typed; amounts in whole units of the program's currency.
struct Form {
    name: String,
    slug: String,
    currency: String,
    site_url: String,
    hold_days: String,
    cookie_days: String,
    auto_credit: String,
    cadence: String,
    payout_weekday: String,
    payout_day: String,
    auto_execute: String,
    commission_period: String,
    min_payout: String,
    four_eyes_above: String,
    refund_rate_threshold: String,
    refund_amount_threshold: String,
    /// Words of the kinds of evidence, the strongest first.
    attribution_order: [String; 5],
    click_rule: String,
    count_out_of_band: String,
    self_referral: String,
    velocity_sign: String,
    velocity_per_hour: String,
    shared_buyer_sign: String,
    /// The rows of smallest payouts in other currencies, by name.
    rows: BTreeMap<String, String>,
}

/// Without an `id` the program is a new one.
#[server(prefix = "/admin/do", endpoint = "save-program")]
pub async fn save_program(
    #[server(default)] id: String,
    name: String,
    #[server(default)] slug: String,
    #[server(default)] currency: String,
    site_url: String,
    #[server(default)] hold_days: String,
    #[server(default)] cookie_days: String,
    #[server(default)] auto_credit: String,
    #[server(default)] cadence: String,
    #[server(default)] payout_weekday: String,
    #[server(default)] payout_day: String,
    #[server(default)] auto_execute: String,
    #[server(default)] commission_period: String,
    #[server(default)] min_payout: String,
    #[server(default)] four_eyes_above: String,
    #[server(default)] refund_rate_threshold: String,
    #[server(default)] refund_amount_threshold: String,
    #[server(default)] order_1: String,
    #[server(default)] order_2: String,
    #[server(default)] order_3: String,
    #[server(default)] order_4: String,
    #[server(default)] order_5: String,
    #[server(default)] click_rule: String,
    #[server(default)] count_out_of_band: String,
    #[server(default)] self_referral: String,
    #[server(default)] velocity_sign: String,
    #[server(default)] velocity_per_hour: String,
    #[server(default)] shared_buyer_sign: String,
    #[server(flatten)] rows: BTreeMap<String, String>,
) -> Result<(), ServerFnError> {
    let asked = Asked::current()?;
    let form = Form {
        name,
        slug,
        currency,
        site_url,
        hold_days,
        cookie_days,
        auto_credit,
        cadence,
        payout_weekday,
        payout_day,
        auto_execute,
        commission_period,
        min_payout,
        four_eyes_above,
        refund_rate_threshold,
        refund_amount_threshold,
        attribution_order: [order_1, order_2, order_3, order_4, order_5],
        click_rule,
        count_out_of_band,
        self_referral,
        velocity_sign,
        velocity_per_hour,
        shared_buyer_sign,
        rows,
    };
    let outcome = async {
        let (saved, message) = if id.is_empty() {
            (form.create(&asked).await, "The program is made. Give it a campaign that says what a sale earns.")
        } else {
            (form.update(&asked, &id).await, "The settings are saved.")
        };
        let saved = saved.map_err(|error| min_payouts::at_its_row(at_its_field(error), &form.rows))?;
        Ok(Done::saying(format!("/admin/programs/{}", saved.id), message))
    };
    let page = if id.is_empty() { "/admin/programs/new".to_owned() } else { format!("/admin/programs/{id}/edit") };
    answer(outcome.await, &page, &form.typed(&form.order_text()));
    Ok(())
}

impl Form {
    async fn create(&self, asked: &Asked) -> Result<Program, Error> {
        let unknown =
            |_| Error::invalid("currency", "Give a three-letter currency that Stripe knows, such as USD or EUR.");
        let currency: Currency = self.currency.trim().parse().map_err(unknown)?;
        let settings = self.settings(currency, &MinPayouts::new())?;
        let named = settings.min_payouts.into_iter().filter_map(|(currency, minor)| Some((currency, minor?)));
        let new = NewProgram {
            name: self.name.clone(),
            slug: given(&self.slug),
            currency,
            site_url: self.site_url.trim().to_owned(),
            hold_days: settings.hold_days,
            auto_credit: settings.auto_credit,
            min_payout: settings.min_payout,
            min_payouts: named.collect(),
            cadence: settings.cadence,
            payout_weekday: settings.payout_weekday,
            payout_day: settings.payout_day,
            auto_execute: settings.auto_execute,
            commission_period: settings.commission_period,
            refund_rate_threshold: settings.refund_rate_threshold.flatten(),
            refund_amount_threshold: settings.refund_amount_threshold.flatten(),
            four_eyes_above: settings.four_eyes_above.flatten(),
            cookie_days: settings.cookie_days,
            attribution_order: settings.attribution_order,
            click_rule: settings.click_rule,
            count_out_of_band: settings.count_out_of_band,
            self_referral: settings.self_referral,
            velocity_sign: settings.velocity_sign,
            velocity_per_hour: settings.velocity_per_hour,
            shared_buyer_sign: settings.shared_buyer_sign,
        };
        programs::create(&asked.engine, asked.actor()?, asked.now().await, new).await
    }

    async fn update(&self, asked: &Asked, id: &str) -> Result<Program, Error> {
        let program = programs::get(&asked.engine, asked.actor()?, id).await?;
        let patch = ProgramPatch {
            name: Some(self.name.clone()),
            slug: given(&self.slug),
            site_url: Some(self.site_url.trim().to_owned()),
            ..self.settings(program.currency, &program.min_payouts)?
        };
        programs::update(&asked.engine, asked.actor()?, asked.now().await, id, patch).await
    }

    /// As a change that sets every one of them; an empty limit takes the limit away.
    fn settings(&self, currency: Currency, kept: &MinPayouts) -> Result<ProgramPatch, Error> {
        let wrong_rate = |_| Error::invalid("refund_rate_threshold", "Give a percentage from 0 to 100, such as 15.");
        let rate = given(&self.refund_rate_threshold).map(|text| text.parse().map_err(wrong_rate)).transpose()?;
        let refunds = amount_minor("refund_amount_threshold", &self.refund_amount_threshold, currency)?;
        Ok(ProgramPatch {
            hold_days: whole("hold_days", &self.hold_days)?,
            cookie_days: whole("cookie_days", &self.cookie_days)?,
            auto_credit: Some(self.auto_credit == "true"),
            cadence: chosen::<Cadence>("cadence", &self.cadence)?,
            payout_weekday: whole("payout_weekday", &self.payout_weekday)?,
            payout_day: whole("payout_day", &self.payout_day)?,
            auto_execute: Some(self.auto_execute == "true"),
            commission_period: chosen("commission_period", &self.commission_period)?,
            min_payout: amount_minor("min_payout", &self.min_payout, currency)?,
            min_payouts: min_payouts::read(&self.rows, kept)?.unwrap_or_default(),
            four_eyes_above: Some(amount_minor("four_eyes_above", &self.four_eyes_above, currency)?),
            refund_rate_threshold: Some(rate),
            refund_amount_threshold: Some(refunds),
            attribution_order: self.order()?,
            click_rule: chosen::<ClickRule>("click_rule", &self.click_rule)?,
            count_out_of_band: Some(self.count_out_of_band == "true"),
            self_referral: chosen::<SignAction>("self_referral", &self.self_referral)?,
            velocity_sign: chosen("velocity_sign", &self.velocity_sign)?,
            velocity_per_hour: whole("velocity_per_hour", &self.velocity_per_hour)?,
            shared_buyer_sign: chosen("shared_buyer_sign", &self.shared_buyer_sign)?,
            ..ProgramPatch::default()
        })
    }

    /// None when the form came without an order.
    fn order(&self) -> Result<Option<AttributionOrder>, Error> {
        if self.attribution_order.iter().all(String::is_empty) {
            return Ok(None);
        }
        let wrong = || {
            let message = "Give each kind of evidence one place: one of them is chosen twice, and another is missing.";
            Error::invalid("attribution_order", message)
        };
        let sources = self.attribution_order.iter().map(|word| word.parse::<EvidenceSource>());
        let sources = sources.collect::<Result<Vec<_>, _>>().map_err(|_| wrong())?;
        AttributionOrder::try_from(sources).map(Some).map_err(|_| wrong())
    }

    /// The order as one text, as the form reads it back.
    fn order_text(&self) -> String {
        self.attribution_order.join(",")
    }

    fn typed<'a>(&'a self, order: &'a str) -> Vec<(&'a str, &'a str)> {
        let rows = self.rows.iter().map(|(name, typed)| (name.as_str(), typed.as_str()));
        let fields = [
            ("name", self.name.as_str()),
            ("slug", &self.slug),
            ("currency", &self.currency),
            ("site_url", &self.site_url),
            ("hold_days", &self.hold_days),
            ("cookie_days", &self.cookie_days),
            ("auto_credit", if self.auto_credit == "true" { "true" } else { "false" }),
            ("cadence", &self.cadence),
            ("payout_weekday", &self.payout_weekday),
            ("payout_day", &self.payout_day),
            ("auto_execute", if self.auto_execute == "true" { "true" } else { "false" }),
            ("commission_period", &self.commission_period),
            ("min_payout", &self.min_payout),
            ("four_eyes_above", &self.four_eyes_above),
            ("refund_rate_threshold", &self.refund_rate_threshold),
            ("refund_amount_threshold", &self.refund_amount_threshold),
            ("attribution_order", order),
            ("click_rule", &self.click_rule),
            ("count_out_of_band", if self.count_out_of_band == "true" { "true" } else { "false" }),
            ("self_referral", &self.self_referral),
            ("velocity_sign", &self.velocity_sign),
            ("velocity_per_hour", &self.velocity_per_hour),
            ("shared_buyer_sign", &self.shared_buyer_sign),
        ];
        fields.into_iter().chain(rows).collect()
    }
}

/// A choice of a list. Nothing chosen is None.
fn chosen<T: std::str::FromStr>(param: &str, word: &str) -> Result<Option<T>, Error> {
    given(word).map(|word| word.parse().map_err(|_| Error::invalid(param, "Choose one of the list."))).transpose()
}

/// A taken slug is shown at its field.
fn at_its_field(error: Error) -> Error {
    match error {
        Error::Conflict { code: "slug_taken", message } => Error::invalid("slug", message),
        other => other,
    }
}
