//! One campaign: what its sales earn now, and every version of its rule, because commissions name the version that priced them.

use leptos::prelude::*;
use purser::desk::campaigns::{self, Campaign};
use purser::desk::programs::{self, Program};
use purser::desk::rule_versions::{self, RuleVersion};
use purser::domain::actor::Permission;
use purser::domain::currency::Currency;
use purser::domain::ids::CampaignId;
use purser::domain::rule::version::VersionState;
use purser::domain::rule::{Rule, TIERS_NEVER_REACH_BACK};

use super::program::dates;
use super::words::actor_words;
use crate::components::{
    Column, Crumb, PageHead, Section, Table, campaign_badge, confirm, id_chip, moment, version_badge,
};
use crate::visit::page;

const VERSIONS: &[Column] = &[
    Column::text("Version"),
    Column::wrap("A sale earns"),
    Column::text("Counts from"),
    Column::wrap("What changed"),
    Column::wrap("Written by"),
];

const POINTS: &[Column] = &[Column::text("About"), Column::wrap("The rule in force says")];

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
        let has_tiers = Rule::from_json(&campaign.rule).is_ok_and(|rule| rule.tiers.is_some());
        let about_tiers = if has_tiers { TIERS_NEVER_REACH_BACK } else { "" };
        let points = points(&campaign, program.currency);
        let may_change = visit.may(Permission::Write);
        let rows = versions.iter().map(|version| row(version, id, may_change)).collect();
        let crumbs = vec![
            Crumb::new("/admin/programs", "Programs"),
            Crumb::new(format!("/admin/programs/{}", program.id), program.name.clone()),
        ];
        Ok(view! {
            <PageHead title=campaign.name context=campaign.rule_summary badge=standing crumbs=crumbs>{edit}</PageHead>
            {facts}
            <Section title="The rule" context=about_tiers>
                <Table caption="The rule in force, point by point" columns=POINTS rows=points />
            </Section>
            <Section title="Rule versions" context="A version never changes. A sale is priced by the version in force when it was paid.">
                <Table caption="Rule versions" columns=VERSIONS rows=rows />
            </Section>
        }
        .into_any())
    })
}

fn facts(campaign: &Campaign, program: &Program) -> AnyView {
    let landing = campaign.landing_url.clone().unwrap_or_else(|| format!("{} (the program's site)", program.site_url));
    let coupons = match campaign.coupons.is_empty() {
        true => "None of its own: affiliates' coupons follow the campaign that runs".to_owned(),
        false => campaign.coupons.join(", "),
    };
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
                <dt>"Coupons"</dt>
                <dd>{coupons}</dd>
                <dt>"Id"</dt>
                <dd>{id_chip(campaign.id.to_string())}</dd>
            </dl>
        </div>
    }
    .into_any()
}

fn points(campaign: &Campaign, currency: Currency) -> Vec<Vec<AnyView>> {
    let rule = Rule::from_json(&campaign.rule).map(|rule| rule.points(currency)).unwrap_or_default();
    rule.into_iter().map(|point| vec![point.about.into_any(), point.says.into_any()]).collect()
}

fn row(version: &RuleVersion, campaign: CampaignId, may_change: bool) -> Vec<AnyView> {
    let number = view! { <span>{version.version} " " {version_badge(version.state)}</span> };
    let changed: Vec<AnyView> =
        version.differences.iter().map(|text| view! { <li>{text.clone()}</li> }.into_any()).collect();
    let changed = match version.version {
        1 => view! { <span>"The first version"</span> }.into_any(),
        _ => view! { <ul>{changed}</ul> }.into_any(),
    };
    let by = version.created_by_email.clone().unwrap_or_else(|| actor_words(&version.created_by));
    let withdrawn = version.withdrawn_at.map(|at| view! { <span class="sub">"Withdrawn " {moment(at)}</span> });
    let withdraw = (may_change && version.state == VersionState::Scheduled).then(|| withdrawal(version, campaign));
    vec![
        number.into_any(),
        version.summary.clone().into_any(),
        moment(version.effective_from),
        changed,
        view! { <span>{by}</span> <span class="sub">{moment(version.created_at)}</span> {withdrawn} {withdraw} }
            .into_any(),
    ]
}

fn withdrawal(version: &RuleVersion, campaign: CampaignId) -> AnyView {
    let number = version.version.to_string();
    let says = format!(
        "Version {number} then never prices a sale, and the version before it stays in force. It stays in this list."
    );
    let body = view! {
        <p>{says}</p>
        <form method="post" action="/admin/do/withdraw-rule-version">
            <input type="hidden" name="id" value=campaign.to_string() />
            <input type="hidden" name="version" value=number.clone() />
            <button>{format!("Withdraw version {number}")}</button>
        </form>
    };
    confirm("Withdraw", false, body.into_any())
}
