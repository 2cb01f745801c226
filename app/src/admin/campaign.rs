//! One campaign: what its sales earn now, and every version of its rule, because commissions name the version that priced them.

use leptos::prelude::*;
use purser::desk::campaigns::{self, Campaign};
use purser::desk::programs::{self, Program};
use purser::desk::rule_versions::{self, RuleVersion};
use purser::domain::actor::Permission;
use purser::domain::currency::Currency;
use purser::domain::ids::CampaignId;
use purser::domain::money::Money;
use purser::domain::rule::{Expansion, Rule};

use super::program::dates;
use super::words::actor_words;
use crate::components::{Column, Crumb, PageHead, Section, Table, campaign_badge, id_chip, moment};
use crate::visit::page;

const VERSIONS: &[Column] = &[
    Column::text("Version"),
    Column::wrap("A sale earns"),
    Column::wrap("Details"),
    Column::text("In force since"),
    Column::text("Written by"),
];

pub fn show() -> AnyView {
    page(|visit| async move {
        let id: CampaignId = visit.id().parse()?;
        let now = visit.engine.clock.now().await;
        let campaign = campaigns::get(&visit.engine, visit.actor()?, now, id).await?;
        let program = programs::get(&visit.engine, visit.actor()?, &campaign.program.to_string()).await?;
        let versions = rule_versions::list(&visit.engine, visit.actor()?, now, id).await?;
        let standing = campaign_badge(&campaign, now);
        let edit = visit.may(Permission::Write).then(
            || view! { <a class="button primary" href=format!("/admin/campaigns/{id}/edit")>"Edit campaign"</a> },
        );
        let facts = facts(&campaign, &program);
        let rows = versions.iter().map(|version| row(version, program.currency)).collect();
        let crumbs = vec![
            Crumb::new("/admin/programs", "Programs"),
            Crumb::new(format!("/admin/programs/{}", program.id), program.name.clone()),
        ];
        Ok(view! {
            <PageHead title=campaign.name context=campaign.rule_summary badge=standing crumbs=crumbs>{edit}</PageHead>
            {facts}
            <Section title="Rule versions" context="A version never changes. A sale is priced by the version in force when it is credited.">
                <Table caption="Rule versions" columns=VERSIONS rows=rows />
            </Section>
        }
        .into_any())
    })
}

fn facts(campaign: &Campaign, program: &Program) -> AnyView {
    let landing = campaign.landing_url.clone().unwrap_or_else(|| format!("{} (the program's site)", program.site_url));
    view! {
        <div class="card">
            <dl class="facts">
                <dt>"Program"</dt>
                <dd>
                    <a href=format!("/admin/programs/{}", program.id)>{program.name.clone()}</a>
                </dd>
                <dt>"Dates"</dt>
                <dd>{dates(campaign)}</dd>
                <dt>"Referral links lead to"</dt>
                <dd>{landing}</dd>
                <dt>"Id"</dt>
                <dd>{id_chip(campaign.id.to_string())}</dd>
            </dl>
        </div>
    }
    .into_any()
}

fn row(version: &RuleVersion, currency: Currency) -> Vec<AnyView> {
    let (summary, details) = match Rule::from_json(&version.rule) {
        Ok(rule) => (rule.summary(), details(&rule, currency)),
        Err(_) => ("It can't be read by this version of Purser.".to_owned(), String::new()),
    };
    vec![
        version.version.to_string().into_any(),
        summary.into_any(),
        details.into_any(),
        moment(version.effective_from),
        actor_words(&version.created_by).into_any(),
    ]
}

/// What the summary leaves out.
fn details(rule: &Rule, currency: Currency) -> String {
    let mut told = Vec::new();
    if let Some(cap) = rule.cap {
        told.push(format!("at most {} a {}", Money::new(cap.amount_minor, currency), cap.per.as_str()));
    }
    told.push(match (rule.exclude_tax, rule.exclude_shipping) {
        (true, true) => "without tax and shipping".to_owned(),
        (true, false) => "without tax, with shipping".to_owned(),
        (false, true) => "with tax, without shipping".to_owned(),
        (false, false) => "with tax and shipping".to_owned(),
    });
    told.push(match rule.expansion {
        Expansion::None => "upgrades earn nothing".to_owned(),
        Expansion::Recurring => "upgrades earn as payments do".to_owned(),
        Expansion::OneTime => "upgrades earn once".to_owned(),
    });
    told.join(", ")
}
