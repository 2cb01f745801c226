//! Making a campaign and changing it or its rule.

#![expect(clippy::too_many_arguments, reason = "a form's server function takes an argument for each of its fields")]

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use leptos::prelude::*;
use purser::desk::Error;
use purser::desk::campaigns::{self, Campaign, CampaignPatch, NewCampaign};
use purser::desk::programs;
use purser::domain::currency::Currency;
use serde_json::{Value, json};

use super::typed::{amount_minor, given, whole};
use super::{Asked, Done, answer};
use crate::visit::escaped;

/// The form as it was typed.
struct Form {
    name: String,
    landing_url: String,
    starts_on: String,
    ends_before: String,
    active: String,
    rule: RuleForm,
}

/// The rule's part of the form; amounts in whole units of the program's currency.
struct RuleForm {
    kind: String,
    rate: String,
    amount: String,
    recurring: String,
    recurring_count: String,
    expansion: String,
    cap: String,
    exclude_tax: String,
    exclude_shipping: String,
}

/// Without an `id` the campaign is a new one.
#[server(prefix = "/admin/do", endpoint = "save-campaign")]
pub async fn save_campaign(
    #[server(default)] id: String,
    program: String,
    name: String,
    #[server(default)] landing_url: String,
    #[server(default)] starts_on: String,
    #[server(default)] ends_before: String,
    #[server(default)] active: String,
    kind: String,
    #[server(default)] rate: String,
    #[server(default)] amount: String,
    recurring: String,
    #[server(default)] recurring_count: String,
    #[server(default)] expansion: String,
    #[server(default)] cap: String,
    #[server(default)] exclude_tax: String,
    #[server(default)] exclude_shipping: String,
) -> Result<(), ServerFnError> {
    let asked = Asked::current()?;
    let rule =
        RuleForm { kind, rate, amount, recurring, recurring_count, expansion, cap, exclude_tax, exclude_shipping };
    let form = Form { name, landing_url, starts_on, ends_before, active, rule };
    let outcome = async {
        let saved = form.save(&asked, &id, &program).await.map_err(at_its_field)?;
        let message = format!("Saved. Sales are priced by version {} of the rule.", saved.rule_version);
        Ok(Done::saying(format!("/admin/campaigns/{}", saved.id), message))
    };
    let page = match id.is_empty() {
        true => format!("/admin/campaigns/new?program={}", escaped(&program)),
        false => format!("/admin/campaigns/{id}/edit"),
    };
    answer(outcome.await, &page, &form.typed());
    Ok(())
}

impl Form {
    async fn save(&self, asked: &Asked, id: &str, program: &str) -> Result<Campaign, Error> {
        let program = programs::get(&asked.engine, asked.actor()?, program).await?;
        let rule = self.rule.json(program.currency)?;
        let starts_at = start_of_day("starts_on", &self.starts_on)?;
        let ends_at = start_of_day("ends_before", &self.ends_before)?;
        let (landing_url, active) = (given(&self.landing_url), self.active == "true");
        let now = asked.now().await;
        if id.is_empty() {
            let new = NewCampaign {
                program: program.id.to_string(),
                name: self.name.clone(),
                landing_url,
                starts_at,
                ends_at,
                active: Some(active),
                rule,
                coupons: Vec::new(),
            };
            return campaigns::create(&asked.engine, asked.actor()?, now, new).await;
        }
        let patch = CampaignPatch {
            name: Some(self.name.clone()),
            landing_url: Some(landing_url),
            starts_at: Some(starts_at),
            ends_at: Some(ends_at),
            active: Some(active),
            rule: Some(rule),
            ..CampaignPatch::default()
        };
        campaigns::update(&asked.engine, asked.actor()?, now, id.parse()?, patch).await
    }

    fn typed(&self) -> Vec<(&str, &str)> {
        let flag = |text: &str| if text == "true" { "true" } else { "false" };
        vec![
            ("name", &self.name),
            ("landing_url", &self.landing_url),
            ("starts_on", &self.starts_on),
            ("ends_before", &self.ends_before),
            ("active", flag(&self.active)),
            ("kind", &self.rule.kind),
            ("rate", &self.rule.rate),
            ("amount", &self.rule.amount),
            ("recurring", &self.rule.recurring),
            ("recurring_count", &self.rule.recurring_count),
            ("expansion", &self.rule.expansion),
            ("cap", &self.rule.cap),
            ("exclude_tax", flag(&self.rule.exclude_tax)),
            ("exclude_shipping", flag(&self.rule.exclude_shipping)),
        ]
    }
}

impl RuleForm {
    /// The rule as the contract writes it.
    fn json(&self, currency: Currency) -> Result<Value, Error> {
        let mut rule = if self.kind == "flat" {
            json!({ "type": "flat", "amount": amount_minor("amount", &self.amount, currency)?, "currency": currency.as_str() })
        } else {
            json!({ "type": self.kind, "rate": self.rate.trim() })
        };
        let count: Option<u32> = whole("recurring_count", &self.recurring_count)?;
        rule["recurring"] = match self.recurring.as_str() {
            "months" => json!({ "months": count }),
            "payments" => json!({ "payments": count }),
            "forever" => json!("forever"),
            _ => Value::Null,
        };
        rule["expansion"] = json!(given(&self.expansion));
        if let Some(cap) = amount_minor("cap", &self.cap, currency)? {
            rule["cap"] = json!({ "amount": cap, "per": "sale" });
        }
        rule["exclude_tax"] = json!(self.exclude_tax == "true");
        rule["exclude_shipping"] = json!(self.exclude_shipping == "true");
        Ok(rule)
    }
}

fn start_of_day(param: &str, text: &str) -> Result<Option<DateTime<Utc>>, Error> {
    let wrong = |_| Error::invalid(param, "Give a date, such as 2026-11-30.");
    let day: Option<NaiveDate> = given(text).map(|text| text.parse().map_err(wrong)).transpose()?;
    Ok(day.map(|day| day.and_time(NaiveTime::MIN).and_utc()))
}

/// The desk speaks of the API's fields; here are the form's, with what each takes.
fn at_its_field(error: Error) -> Error {
    let Error::Invalid { param, message } = error else { return error };
    let (field, takes) = match param.as_str() {
        "rule.type" => ("kind", "Choose how a sale earns."),
        "rule.rate" => ("rate", "Give a percentage above 0 and up to 100, such as 20 or 12.5."),
        "rule.amount" => ("amount", "Give an amount above zero."),
        "rule.recurring" => ("recurring_count", "Give how many, at least 1."),
        "rule.cap" | "rule.cap.amount" => ("cap", "Give an amount above zero, or leave it empty."),
        "ends_at" => ("ends_before", "It must end after it starts."),
        other => return Error::invalid(other, message),
    };
    Error::invalid(field, takes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use purser::domain::rule::Rule;

    fn form(kind: &str, recurring: &str, count: &str) -> RuleForm {
        let text = str::to_owned;
        RuleForm {
            kind: text(kind),
            rate: text("12.5"),
            amount: text("10"),
            recurring: text(recurring),
            recurring_count: text(count),
            expansion: text("none"),
            cap: String::new(),
            exclude_tax: text("true"),
            exclude_shipping: String::new(),
        }
    }

    fn summary(form: &RuleForm) -> Result<String, Error> {
        let rule = Rule::from_json(&form.json(Currency::USD)?).map_err(|wrong| at_its_field(wrong.into()))?;
        Ok(rule.summary())
    }

    #[test]
    fn the_form_writes_the_rule_that_it_shows() {
        let told = |kind, recurring, count| summary(&form(kind, recurring, count)).unwrap();
        assert_eq!(told("percent", "months", "12"), "12.5 % of each payment for 12 months");
        assert_eq!(told("flat", "payments", "3"), "10.00 USD of the first 3 payments");
        assert_eq!(told("percent", "first", ""), "12.5 % of the first payment");
        let rule = Rule::from_json(&form("percent", "forever", "").json(Currency::USD).unwrap()).unwrap();
        assert!(rule.exclude_tax && !rule.exclude_shipping);
    }

    #[test]
    fn what_is_wrong_with_the_rule_is_said_at_the_forms_field() {
        let refused = |form: RuleForm| summary(&form).unwrap_err().param().map(str::to_owned);
        assert_eq!(refused(form("percent", "months", "")).as_deref(), Some("recurring_count"));
        assert_eq!(refused(RuleForm { rate: "200".into(), ..form("percent", "first", "") }).as_deref(), Some("rate"));
        assert_eq!(refused(RuleForm { amount: "0".into(), ..form("flat", "first", "") }).as_deref(), Some("amount"));
        assert_eq!(refused(RuleForm { cap: "0".into(), ..form("percent", "first", "") }).as_deref(), Some("cap"));
    }
}
