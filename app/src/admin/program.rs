//! One program: its settings in words, and the campaigns that say what its sales earn.

use chrono::{DateTime, Utc};
use leptos::prelude::*;
use purser::desk::campaigns::{self, Campaign};
use purser::desk::programs::{self, Program};
use purser::domain::actor::Permission;
use purser::domain::ids::CampaignId;
use purser::domain::money::Money;
use purser::domain::program::Cadence;

use super::program_form::{period_word, weekday_name};
use super::program_form_attribution::{action_word, source_word};
use super::programs::{cadence_word, days};
use crate::components::time::day_text;
use crate::components::{Column, Crumb, Empty, PageHead, Section, Table, Tone, amount, badge, campaign_badge};
use crate::visit::page;

const CAMPAIGNS: &[Column] = &[
    Column::text("Campaign"),
    Column::wrap("A sale earns"),
    Column::text("Dates"),
    Column::text("Status"),
    Column::wrap("New sales today"),
];

pub fn show() -> AnyView {
    page(|visit| async move {
        let program = programs::get(&visit.engine, visit.actor()?, &visit.id()).await?;
        let id = program.id.to_string();
        let now = visit.engine.clock.now().await;
        let campaigns =
            campaigns::list(&visit.engine, visit.actor()?, now, Some(&id), &visit.all_at_once()?).await?.data;
        let may_change = visit.may(Permission::Write);
        let edit = may_change
            .then(|| view! { <a class="button" href=format!("/admin/programs/{id}/edit")>"Edit settings"</a> });
        let new = may_change.then(|| {
            view! { <a class="button primary" href=format!("/admin/campaigns/new?program={}", program.slug)>"New campaign"</a> }
        });
        let affiliates = format!("/admin/affiliates?program={}", program.slug);
        let context = format!("{} · pays in {}", program.site_url, program.currency.code());
        let facts = facts(&program, now);
        let pricing = campaigns::pricing(&visit.engine, visit.actor()?, now, &id).await?;
        let campaigns = table(&campaigns, pricing.as_ref(), now);
        Ok(view! {
            <PageHead title=program.name context=context crumbs=vec![Crumb::new("/admin/programs", "Programs")]>
                <a class="button" href=affiliates>"Its affiliates"</a>
                {edit}
                {new}
            </PageHead>
            <Section title="Campaigns" context="What a sale earns. A referral code follows the campaign that runs when the customer pays.">{campaigns}</Section>
            <Section title="Settings">{facts}</Section>
        }
        .into_any())
    })
}

fn table(campaigns: &[Campaign], pricing: Option<&Campaign>, now: DateTime<Utc>) -> AnyView {
    if campaigns.is_empty() {
        let teaches = "Without a campaign no sale of this program earns anything. A campaign is a rule, such as 20 % of each \
            payment for a year, with optional dates.";
        return view! { <Empty title="No campaign yet" teaches=teaches /> }.into_any();
    }
    let rows = campaigns
        .iter()
        .map(|campaign| {
            vec![
                view! { <a href=format!("/admin/campaigns/{}", campaign.id)>{campaign.name.clone()}</a> }.into_any(),
                campaign.rule_summary.clone().into_any(),
                dates(campaign).into_any(),
                campaign_badge(campaign, now),
                today(campaign, pricing, runs(campaigns, now)),
            ]
        })
        .collect();
    let none = pricing.is_none().then(|| {
        view! { <p class="hint">"No campaign runs today: a new sale earns nothing, and is listed as unattributed."</p> }
    });
    view! { <Table caption="Campaigns" columns=CAMPAIGNS rows=rows /> {none} }.into_any()
}

fn is_running(campaign: &Campaign, now: DateTime<Utc>) -> bool {
    campaign.active
        && campaign.starts_at.is_none_or(|starts_at| starts_at <= now)
        && campaign.ends_at.is_none_or(|ends_at| now < ends_at)
}

/// How many of the campaigns run.
fn runs(campaigns: &[Campaign], now: DateTime<Utc>) -> Vec<CampaignId> {
    campaigns.iter().filter(|campaign| is_running(campaign, now)).map(|campaign| campaign.id).collect()
}

/// Whether the campaign prices a new sale, and why or which sales it prices instead.
fn today(campaign: &Campaign, pricing: Option<&Campaign>, running: Vec<CampaignId>) -> AnyView {
    let Some(first) = pricing.filter(|_| running.contains(&campaign.id)) else {
        return view! { <span class="hint">"None"</span> }.into_any();
    };
    if first.id == campaign.id {
        let why = match (running.len(), campaign.starts_at) {
            (1, _) => "The only one that runs.",
            (_, Some(_)) => "Of those that run, it started last.",
            (_, None) => "Of those without dates, it is the newest.",
        };
        return view! { <span>{badge(Tone::Good, "Prices them")}<span class="sub">{why}</span></span> }.into_any();
    }
    let why = match (first.starts_at, campaign.starts_at) {
        (Some(_), None) => format!("“{}” comes first, because it has a start date.", first.name),
        (Some(_), Some(_)) => format!("“{}” comes first, because it started later.", first.name),
        (None, _) => format!("“{}” comes first, because it is newer.", first.name),
    };
    let what = match campaign.coupons.is_empty() {
        true => "Only of customers it won".to_owned(),
        false => format!("Those with {}, and of customers it won", campaign.coupons.join(", ").to_uppercase()),
    };
    view! { <span>{what}<span class="sub">{why}</span></span> }.into_any()
}

/// When sales earn by the campaign.
pub fn dates(campaign: &Campaign) -> String {
    match (campaign.starts_at, campaign.ends_at) {
        (None, None) => "always".to_owned(),
        (Some(from), None) => format!("from {}", day_text(from)),
        (None, Some(until)) => format!("until {}", day_text(until)),
        (Some(from), Some(until)) => format!("{} – {}", day_text(from), day_text(until)),
    }
}

/// `Monthly, on day 1 at 02:00 UTC; each batch waits for your review. Next on 1 December 2026.`
fn payouts_words(program: &Program, now: DateTime<Utc>) -> AnyView {
    let word = cadence_word(program.cadence);
    let on = match program.cadence {
        Cadence::Manual => return word.into_any(),
        Cadence::Daily => String::new(),
        Cadence::Weekly => format!(" on {}s", weekday_name(program.payout_weekday)),
        Cadence::Monthly => format!(" on day {}", program.payout_day),
    };
    let then = if program.auto_execute { "paid at once" } else { "drafted for review" };
    let next = program.next_payout_at(now).map(|next| format!(" Next on {}.", day_text(next)));
    let runs = format!("/admin/runs?program={}", program.slug);
    view! { {format!("{word}{on} at 02:00 UTC, {then}.")}{next}" "<a href=runs>"Its runs"</a> }.into_any()
}

fn facts(program: &Program, now: DateTime<Utc>) -> AnyView {
    let money = |minor| amount(Money::new(minor, program.currency));
    let approval = if program.auto_credit {
        "by itself, when the hold window is over"
    } else {
        "by a person, after the hold window"
    };
    let approvers = program.four_eyes_above_minor.map_or_else(
        || "one person, for any amount".into_any(),
        |minor| view! { "a second person, above " {money(minor)} }.into_any(),
    );
    let payouts = payouts_words(program, now);
    let periods = format!("/admin/periods?program={}", program.slug);
    view! {
        <div class="card">
            <dl class="facts">
                <dt>"Slug"</dt>
                <dd>{program.slug.clone()}</dd>
                <dt>"Hold window"</dt>
                <dd>{days(program.hold_days)}</dd>
                <dt>"Commissions are approved"</dt>
                <dd>{approval}</dd>
                <dt>"Payouts"</dt>
                <dd>{payouts}</dd>
                <dt>"Commission period"</dt>
                <dd>{period_word(program.commission_period)}", UTC. "<a href=periods>"Its periods"</a></dd>
                <dt>"Smallest payout"</dt>
                <dd>{money(program.min_payout_minor)}{other_minimums(program)}</dd>
                <dt>"Payouts are approved by"</dt>
                <dd>{approvers}</dd>
                <dt>"A click counts for"</dt>
                <dd>{days(program.cookie_days)}</dd>
                <dt>"Of several clicks"</dt>
                <dd>{format!("the {} one counts", program.click_rule)}</dd>
                <dt>"Order of evidence"</dt>
                <dd>{order_words(program)}</dd>
                <dt>"Invoices paid outside of Stripe"</dt>
                <dd>{if program.count_out_of_band { "earn commission" } else { "earn nothing" }}</dd>
                <dt>"Fraud signs"</dt>
                <dd>{sign_words(program)}</dd>
                <dt>"Held when refunds reach"</dt>
                <dd>{refund_limits(program)}</dd>
            </dl>
        </div>
    }
    .into_any()
}

/// What is named for other currencies: `1,500 JPY, 20.000 KWD`.
fn other_minimums(program: &Program) -> Option<AnyView> {
    let named = program.min_payouts.iter().map(|(currency, minor)| Money::new(*minor, *currency).to_string());
    let named = named.collect::<Vec<_>>().join(", ");
    (!named.is_empty())
        .then(|| view! { <span class="sub">{format!("{named}; the same figure in others")}</span> }.into_any())
}

fn order_words(program: &Program) -> String {
    program.attribution_order.sources().iter().map(|source| source_word(*source)).collect::<Vec<_>>().join(", then ")
}

/// What each fraud sign does: `buyer looks like the affiliate: hold the commission; …`.
fn sign_words(program: &Program) -> String {
    let velocity = format!("more than {} sales an hour", program.velocity_per_hour);
    [
        ("buyer looks like the affiliate", program.self_referral),
        (velocity.as_str(), program.velocity_sign),
        ("buyer known through another affiliate", program.shared_buyer_sign),
    ]
    .map(|(sign, action)| format!("{sign}: {}", action_word(action).to_lowercase()))
    .join("; ")
}

/// Above which share or sum of refunds an affiliate's commissions are held.
fn refund_limits(program: &Program) -> String {
    let rate = program.refund_rate_threshold.map(|rate| format!("{rate} % of an affiliate's sales of 30 days"));
    let sum = program.refund_amount_threshold_minor.map(|minor| Money::new(minor, program.currency).to_string());
    match (rate, sum) {
        (None, None) => "no limit is set".to_owned(),
        (Some(only), None) | (None, Some(only)) => only,
        (Some(rate), Some(sum)) => format!("{rate}, or {sum}"),
    }
}
