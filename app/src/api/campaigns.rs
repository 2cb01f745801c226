//! Making a campaign, changing it or its rule, and withdrawing a rule that is still to come.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use leptos::prelude::*;
use purser::desk::campaigns::{self, CampaignPatch, NewCampaign};
use purser::desk::{Error, programs, rule_versions};
use purser::domain::currency::Currency;
use purser::domain::ids::CampaignId;
use serde_json::Value;

use super::typed::given;
use super::{Asked, Done, answer};
use crate::rule_form::{self, Fields};
use crate::visit::query_of;

/// The editor has many fields, and rows of tiers: they come as they are, by name. Without an `id` the campaign is a new one.
#[server(prefix = "/admin/do", endpoint = "save-campaign")]
pub async fn save_campaign(#[server(flatten)] fields: BTreeMap<String, String>) -> Result<(), ServerFnError> {
    let asked = Asked::current()?;
    let (id, program) = (text(&fields, "id"), text(&fields, "program"));
    // A refused form is shown again from its address: a cookie would be too small for it.
    let page = match id.is_empty() {
        true => format!("/admin/campaigns/new?{}", query_of(&fields)),
        false => format!("/admin/campaigns/{id}/edit?{}", query_of(&fields)),
    };
    let outcome = save(&asked, &fields, id, program).await.map_err(at_its_field);
    let names: Vec<(&str, &str)> = fields.keys().map(|name| (name.as_str(), "")).collect();
    answer(outcome, &page, &names);
    Ok(())
}

/// Takes back version `version` of the rule before it comes into force.
#[server(prefix = "/admin/do", endpoint = "withdraw-rule-version")]
pub async fn withdraw_rule_version(id: String, version: i32) -> Result<(), ServerFnError> {
    let asked = Asked::current()?;
    let page = format!("/admin/campaigns/{id}");
    let outcome = async {
        let now = asked.now().await;
        rule_versions::withdraw(&asked.engine, asked.actor()?, now, id.parse()?, version).await?;
        Ok::<_, Error>(Done::saying(page.clone(), format!("Version {version} is withdrawn. It will price no sale.")))
    };
    answer(outcome.await, &page, &[]);
    Ok(())
}

fn text<'a>(fields: &'a Fields, name: &str) -> &'a str {
    fields.get(name).map_or("", String::as_str)
}

async fn save(asked: &Asked, fields: &Fields, id: &str, program: &str) -> Result<Done, Error> {
    let program = programs::get(&asked.engine, asked.actor()?, program).await?;
    let name = text(fields, "name").to_owned();
    let rule = rule(fields, program.currency)?;
    let starts_at = start_of_day("starts_on", text(fields, "starts_on"))?;
    let ends_at = start_of_day("ends_before", text(fields, "ends_before"))?;
    let effective_from = minute("effective_from", text(fields, "effective_from"))?;
    let landing_url = given(text(fields, "landing_url"));
    let active = text(fields, "active") == "true";
    let coupons = coupons(text(fields, "coupons"));
    let now = asked.now().await;
    if id.is_empty() {
        let program = program.id.to_string();
        if active && starts_at.is_none() && ends_at.is_none() && text(fields, "takes_over") != "true" {
            confirm_taking_over(asked, now, &program).await?;
        }
        let active = Some(active);
        let new = NewCampaign { program, name, landing_url, starts_at, ends_at, active, rule, coupons };
        let made = campaigns::create(&asked.engine, asked.actor()?, now, new).await?;
        return Ok(saved(made.id, "Saved. Sales are priced by version 1 of the rule.".to_owned()));
    }
    let id: CampaignId = id.parse()?;
    let patch = CampaignPatch {
        name: Some(name),
        landing_url: Some(landing_url),
        starts_at: Some(starts_at),
        ends_at: Some(ends_at),
        active: Some(active),
        rule: Some(rule),
        effective_from,
        coupons: Some(coupons),
    };
    let after = campaigns::update(&asked.engine, asked.actor()?, now, id, patch).await?;
    let scheduled = effective_from.filter(|from| *from > now).map_or_else(String::new, |from| {
        format!(" until {}, when a changed rule takes its place", from.format("%-d %b %Y, %H:%M UTC"))
    });
    Ok(saved(id, format!("Saved. Sales are priced by version {} of the rule{scheduled}.", after.rule_version)))
}

/// A new campaign without dates would price every new sale: it is asked for by its own mark.
async fn confirm_taking_over(asked: &Asked, now: DateTime<Utc>, program: &str) -> Result<(), Error> {
    let pricing = campaigns::pricing(&asked.engine, asked.actor()?, now, program).await?;
    let Some(pricing) = pricing.filter(|pricing| pricing.starts_at.is_none()) else { return Ok(()) };
    let message = format!(
        "Without dates this campaign prices all new sales of the program from now on, in place of “{}”. Give it a start date, or mark \
         “Price all new sales from now on” below if that is what you mean.",
        pricing.name
    );
    Err(Error::invalid("starts_on", message))
}

fn saved(id: CampaignId, message: String) -> Done {
    Done::saying(format!("/admin/campaigns/{id}"), message)
}

/// The codes in the form's field.
pub fn coupons(typed: &str) -> Vec<String> {
    typed.split([',', '\n', ' ', '\r']).filter_map(given).collect()
}

/// The rule of the form as the contract writes it; errors name the form's field.
pub fn rule(fields: &Fields, currency: Currency) -> Result<Value, Error> {
    let rule = rule_form::read(&rule_form::typed(fields), currency);
    Ok(rule.map_err(|wrong| Error::invalid(wrong.field, wrong.message))?.to_json())
}

/// 0:00 UTC of a day.
///
/// # Errors
/// [`Error::Invalid`] naming `param`.
pub fn start_of_day(param: &str, text: &str) -> Result<Option<DateTime<Utc>>, Error> {
    let wrong = |_| Error::invalid(param, "Give a date, such as 2026-11-30.");
    let day: Option<NaiveDate> = given(text).map(|text| text.parse().map_err(wrong)).transpose()?;
    Ok(day.map(|day| day.and_time(NaiveTime::MIN).and_utc()))
}

/// What a field for date and time holds, read as UTC.
fn minute(param: &str, text: &str) -> Result<Option<DateTime<Utc>>, Error> {
    let wrong = |_| Error::invalid(param, "Give a date and a time in UTC, such as 2026-11-30T09:00.");
    let read = |text: String| {
        NaiveDateTime::parse_from_str(&text, "%Y-%m-%dT%H:%M")
            .or_else(|_| NaiveDateTime::parse_from_str(&text, "%Y-%m-%dT%H:%M:%S"))
            .map_err(wrong)
    };
    Ok(given(text).map(read).transpose()?.map(|at| at.and_utc()))
}

/// The desk speaks of the API's fields; here are the form's, with what each takes.
fn at_its_field(error: Error) -> Error {
    match error {
        Error::Invalid { param, .. } if param == "ends_at" => {
            Error::invalid("ends_before", "It must end after it starts.")
        }
        Error::Invalid { param, .. } if param == "effective_from" => Error::invalid(
            "effective_from",
            "Give a time that is still to come, or leave it empty: sales paid before keep the rule that they were priced by.",
        ),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_minutes_are_read_as_utc() {
        let told = |at: Option<DateTime<Utc>>| at.map(|at| at.to_rfc3339()).unwrap_or_default();
        assert_eq!(told(start_of_day("starts_on", "2026-11-30").unwrap()), "2026-11-30T00:00:00+00:00");
        assert_eq!(told(minute("effective_from", "2026-11-30T09:05").unwrap()), "2026-11-30T09:05:00+00:00");
        assert_eq!(told(minute("effective_from", " ").unwrap()), "");
        assert_eq!(minute("effective_from", "tomorrow").unwrap_err().param(), Some("effective_from"));
        assert_eq!(start_of_day("starts_on", "30.11.2026").unwrap_err().param(), Some("starts_on"));
    }
}
