//! The form of a campaign and its rule, new or changed. A different rule becomes the campaign's next version when it is saved.

use chrono::{DateTime, Utc};
use leptos::prelude::*;
use purser::desk::Error;
use purser::desk::campaigns::{self, Campaign};
use purser::desk::programs::{self, Program};
use purser::domain::actor::Permission;
use purser::domain::ids::CampaignId;
use purser::domain::rule::{Expansion, Rate, Recurring, Rule};

use crate::api::typed::amount_text;
use crate::components::{Check, Crumb, Field, PageHead, Select};
use crate::visit::{Visit, page};

pub fn show_new() -> AnyView {
    page(|visit| async move {
        visit.actor()?.require(Permission::Write)?;
        let program = programs::get(&visit.engine, visit.actor()?, &visit.query("program").unwrap_or_default()).await?;
        let here = format!("/admin/programs/{}", program.slug);
        let fields = fields(&visit, &program, None)?;
        let crumbs = vec![Crumb::new("/admin/programs", "Programs"), Crumb::new(here.clone(), program.name)];
        Ok(view! {
            <PageHead title="New campaign" context="What a sale through an affiliate of this program earns." crumbs=crumbs />
            <form class="form card" method="post" action="/admin/do/save-campaign">
                <input type="hidden" name="program" value=program.slug />
                {fields}
                <div class="actions">
                    <button class="primary">"Make the campaign"</button>
                    <a class="button" href=here>"Cancel"</a>
                </div>
            </form>
        }
        .into_any())
    })
}

pub fn show_edit() -> AnyView {
    page(|visit| async move {
        visit.actor()?.require(Permission::Write)?;
        let id: CampaignId = visit.id().parse()?;
        let now = visit.engine.clock.now().await;
        let campaign = campaigns::get(&visit.engine, visit.actor()?, now, id).await?;
        let program = programs::get(&visit.engine, visit.actor()?, &campaign.program.to_string()).await?;
        let here = format!("/admin/campaigns/{id}");
        let fields = fields(&visit, &program, Some(&campaign))?;
        let crumbs = vec![Crumb::new("/admin/programs", "Programs"), Crumb::new(here.clone(), campaign.name)];
        let context = format!(
            "A changed rule becomes version {} and prices sales from then on. Commissions that exist keep theirs.",
            campaign.rule_version + 1
        );
        Ok(view! {
            <PageHead title="Edit campaign" context=context crumbs=crumbs />
            <form class="form card" method="post" action="/admin/do/save-campaign">
                <input type="hidden" name="id" value=id.to_string() />
                <input type="hidden" name="program" value=program.id.to_string() />
                {fields}
                <div class="actions">
                    <button class="primary">"Save"</button>
                    <a class="button" href=here>"Cancel"</a>
                </div>
            </form>
        }
        .into_any())
    })
}

fn fields(visit: &Visit, program: &Program, campaign: Option<&Campaign>) -> Result<AnyView, Error> {
    let rule = campaign.map(|campaign| Rule::from_json(&campaign.rule)).transpose()?;
    let landing = campaign.and_then(|campaign| campaign.landing_url.clone()).unwrap_or_default();
    let active = visit.typed("active", campaign.is_none_or(|campaign| campaign.active).to_string()) == "true";
    let day = |at: Option<DateTime<Utc>>| at.map(|at| at.format("%Y-%m-%d").to_string()).unwrap_or_default();
    let starts_on = visit.typed("starts_on", day(campaign.and_then(|campaign| campaign.starts_at)));
    let ends_before = visit.typed("ends_before", day(campaign.and_then(|campaign| campaign.ends_at)));
    Ok(view! {
        <Field label="Name" name="name" autocomplete="off" value=visit.typed("name", campaign.map(|c| c.name.clone()).unwrap_or_default()) error=visit.error_of("name") focused=campaign.is_none() />
        {rate(visit, program, rule.as_ref())}
        {payments(visit, rule.as_ref())}
        {limits(visit, program, rule.as_ref())}
        <Field label="Landing page" name="landing_url" kind="url" optional=true value=visit.typed("landing_url", landing) error=visit.error_of("landing_url") hint="Where its referral links lead. Empty: the program's site." />
        <div class="pair">
            <Field label="Starts on" name="starts_on" kind="date" optional=true value=starts_on error=visit.error_of("starts_on") hint="0:00 UTC. Empty: at once." />
            <Field label="Ends before" name="ends_before" kind="date" optional=true value=ends_before error=visit.error_of("ends_before") hint="0:00 UTC. Empty: never." />
        </div>
        <Check label="Sales earn by this campaign" name="active" checked=active hint="Switched off, new sales earn nothing by it." />
    }
    .into_any())
}

fn rate(visit: &Visit, program: &Program, rule: Option<&Rule>) -> AnyView {
    let (kind, percent, amount) = match rule.map(|rule| &rule.rate) {
        None => ("percent", "20".to_owned(), String::new()),
        Some(Rate::Percent(percent)) => ("percent", percent.to_string(), String::new()),
        Some(Rate::Flat { amount_minor, currency }) => ("flat", String::new(), amount_text(*amount_minor, *currency)),
    };
    let kinds = vec![
        ("percent".to_owned(), "A percentage of what the customer pays".to_owned()),
        ("flat".to_owned(), "The same amount for each sale".to_owned()),
    ];
    let amount_label = format!("Amount, {}", program.currency.code());
    view! {
        <Select label="A sale earns" name="kind" options=kinds value=visit.typed("kind", kind) error=visit.error_of("kind") />
        <div class="pair">
            <Field label="Percent" name="rate" inputmode="decimal" optional=true value=visit.typed("rate", percent) error=visit.error_of("rate") hint="For a percentage." />
            <Field label=amount_label name="amount" inputmode="decimal" optional=true value=visit.typed("amount", amount) error=visit.error_of("amount") hint="For the same amount each time." />
        </div>
    }
    .into_any()
}

fn payments(visit: &Visit, rule: Option<&Rule>) -> AnyView {
    let (recurring, count) = match rule.map_or(Recurring::FirstOnly, |rule| rule.recurring) {
        Recurring::FirstOnly => ("first", String::new()),
        Recurring::Months(months) => ("months", months.to_string()),
        Recurring::Payments(payments) => ("payments", payments.to_string()),
        Recurring::Forever => ("forever", String::new()),
    };
    let expansion = match rule.map_or(Expansion::None, |rule| rule.expansion) {
        Expansion::None => "none",
        Expansion::Recurring => "recurring",
        Expansion::OneTime => "one_time",
    };
    let choice = |value: &str, text: &str| (value.to_owned(), text.to_owned());
    let which = vec![
        choice("first", "The first payment only"),
        choice("months", "Payments of the first months"),
        choice("payments", "The first few payments"),
        choice("forever", "Every payment"),
    ];
    let upgrades = vec![
        choice("none", "Earn nothing"),
        choice("recurring", "Earn as a payment does"),
        choice("one_time", "Earn once, as a first sale does"),
    ];
    view! {
        <div class="pair">
            <Select label="Which payments of a customer" name="recurring" options=which value=visit.typed("recurring", recurring) error=visit.error_of("recurring") />
            <Field label="How many" name="recurring_count" inputmode="numeric" optional=true value=visit.typed("recurring_count", count) error=visit.error_of("recurring_count") hint="Months or payments." />
        </div>
        <Select label="Upgrades of a subscription" name="expansion" options=upgrades value=visit.typed("expansion", expansion) error=visit.error_of("expansion") />
    }
    .into_any()
}

fn limits(visit: &Visit, program: &Program, rule: Option<&Rule>) -> AnyView {
    let cap = rule.and_then(|rule| rule.cap).map(|cap| amount_text(cap.amount_minor, program.currency));
    let flag = |name, kept: Option<bool>| visit.typed(name, kept.unwrap_or(true).to_string()) == "true";
    let tax = flag("exclude_tax", rule.map(|rule| rule.exclude_tax));
    let shipping = flag("exclude_shipping", rule.map(|rule| rule.exclude_shipping));
    view! {
        <Field label="At most, for one sale" name="cap" inputmode="decimal" optional=true value=visit.typed("cap", cap.unwrap_or_default()) error=visit.error_of("cap") hint="Empty: no cap." />
        <Check label="Tax doesn't count" name="exclude_tax" checked=tax />
        <Check label="Shipping doesn't count" name="exclude_shipping" checked=shipping />
    }
    .into_any()
}
