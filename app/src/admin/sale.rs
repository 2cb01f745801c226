//! One sale: what was paid, under which ids Stripe knows it, who is credited by which evidence, its commission lines; and the
//! way to credit it by hand when nobody is.

use leptos::prelude::*;
use purser::desk::affiliates::{self, Affiliate, AffiliateQuery};
use purser::desk::audit::{self, Names};
use purser::desk::commissions::{self, CommissionQuery};
use purser::desk::line_story::{self, LineStory};
use purser::desk::sales::{ConsideredEvidence, Sale};
use purser::desk::{Error, PageRequest};
use purser::desk::{campaigns, sale_refunds, sale_story};
use purser::domain::actor::Permission;
use purser::domain::explanation::Reader;
use purser::domain::ids::SaleId;
use purser::domain::money::Money;

use super::commission_rows::lines_table;
use super::sale_refunds::refunds_section;
use super::sale_story::{bought, earns_nothing, merged_banner, merges, releases};
use super::sales::sale_badge;
use super::sign_rows::signs_section;
use super::words::{capitalized, evidence_words, named_words};
use crate::components::{
    Column, Crumb, Empty, Field, PageHead, Section, Table, amount, barred, confirm, id_chip, moment, timeline,
};
use crate::visit::{Shown, Visit, page};

const WEIGHED: &[Column] = &[
    Column::text("Evidence that did not count"),
    Column::text("As in the purchase"),
    Column::text("Leads to"),
    Column::wrap("Why not"),
];

const MOST_MATCHES: i64 = 10;

pub fn show() -> AnyView {
    page(|visit: Visit| async move { body(&visit).await })
}

async fn body(visit: &Visit) -> Shown {
    let (engine, actor) = (&visit.engine, visit.actor()?);
    let id: SaleId = visit.id().parse()?;
    let story = sale_story::get(engine, actor, id).await?;
    let sale = story.sale.clone();
    let query = CommissionQuery { sale: Some(id), ..CommissionQuery::default() };
    let lines = commissions::list(engine, actor, &query, &visit.all_at_once()?).await?.data;
    let told = line_story::of_sale(engine, actor, id).await?;
    let refunds = refunds_section(&sale_refunds::of_sale(engine, actor, id, &told).await?);
    let names = audit::names(engine, actor).await?;
    let happened = happened(&names, &told);
    let title =
        sale.currency.map_or_else(|| "Sale".to_owned(), |currency| Money::new(sale.paid_minor, currency).to_string());
    let customer = sale.email.clone().or_else(|| sale.stripe_customer_id.clone());
    let context =
        customer.map_or_else(|| "The customer isn't known.".to_owned(), |customer| format!("Paid by {customer}"));
    let (money, ids) = (money(&sale), ids(&sale));
    let credit = credit(visit, &sale).await?;
    let signs = signs_section(&sale.signs);
    let nothing = story.earns_nothing.as_ref().map(earns_nothing);
    let lines = if lines.is_empty() && nothing.is_some() {
        ().into_any()
    } else if lines.is_empty() {
        let teaches = if sale.attributed {
            "The rule makes nothing of this sale: it pays for other payments or products, or what it pays at most is used up."
        } else {
            "A sale makes a line once it is paid and credited, and every refund corrects it by another."
        };
        view! { <Empty title="No commission lines" teaches=teaches /> }.into_any()
    } else {
        lines_table(lines)
    };
    Ok(view! {
        <PageHead title=title context=context badge=sale_badge(&sale.status) crumbs=vec![Crumb::new("/admin/sales", "Sales")] />
        {merged_banner(&story)}
        <Section title="Credited to">{credit}</Section>
        {signs}
        <div class="columns">
            <Section title="What was paid">{money}</Section>
            <Section title="At Stripe">{ids}</Section>
        </div>
        {refunds}
        {bought(&story)}
        <Section title="Commission lines">{nothing}{lines}</Section>
        {happened}
        {merges(&story)}
        {releases(&story)}
    }
    .into_any())
}

fn happened(names: &Names, story: &LineStory) -> Option<AnyView> {
    let told = timeline(story, Reader::Company, |by| named_words(names, by));
    (!story.events.is_empty()).then(|| {
        view! { <Section title="What happened to the commission"><div class="card">{told}</div></Section> }.into_any()
    })
}

fn money(sale: &Sale) -> AnyView {
    let Some(currency) = sale.currency else {
        return view! { <div class="card"><p class="hint">"Nothing yet."</p></div> }.into_any();
    };
    let fact = |name: &'static str, minor: i64| {
        (minor != 0).then(|| view! { <dt>{name}</dt><dd>{amount(Money::new(minor, currency))}</dd> })
    };
    view! {
        <div class="card">
            <dl class="facts">
                <dt>"Paid"</dt>
                <dd>{amount(Money::new(sale.paid_minor, currency))}</dd>
                {fact("Tax in it", sale.tax_minor)}
                {fact("Shipping in it", sale.shipping_minor)}
                {fact("Discount before it", sale.discount_minor)}
                {fact("Paid back since", sale.refunded_minor)}
                <dt>"When"</dt>
                <dd>{moment(sale.paid_at.unwrap_or(sale.created_at))}</dd>
            </dl>
        </div>
    }
    .into_any()
}

fn ids(sale: &Sale) -> AnyView {
    let ids: Vec<AnyView> =
        sale.stripe_ids.iter().map(|id| view! { <div>{id_chip(id.clone())}</div> }.into_any()).collect();
    let numbers = (!sale.invoice_numbers.is_empty())
        .then(|| view! { <dt>"Invoice number"</dt><dd>{sale.invoice_numbers.join(", ")}</dd> });
    let reason = sale
        .billing_reason
        .as_deref()
        .map(|reason| view! { <dt>"Invoiced because"</dt><dd>{capitalized(reason)}</dd> });
    view! {
        <div class="card">
            <dl class="facts">
                <dt>"Described by"</dt>
                <dd>{capitalized(&sale.kind)}</dd>
                <dt>"Known as"</dt>
                <dd>{ids}</dd>
                {numbers}
                {sale.stripe_customer_id.clone().map(|id| view! { <dt>"Customer"</dt><dd>{id_chip(id)}</dd> })}
                {sale.subscription.clone().map(|id| view! { <dt>"Subscription"</dt><dd>{id_chip(id)}</dd> })}
                {reason}
                <dt>"Here"</dt>
                <dd>{id_chip(sale.id.to_string())}</dd>
            </dl>
        </div>
    }
    .into_any()
}

async fn credit(visit: &Visit, sale: &Sale) -> Result<AnyView, Error> {
    if sale.attributed
        && let (Some(id), Some(name)) = (sale.affiliate, sale.affiliate_name.clone())
    {
        let evidence = sale.evidence.as_ref();
        let names = audit::names(&visit.engine, visit.actor()?).await?;
        let evidence = evidence.map(|found| evidence_words(&names, &found.kind, &found.value)).unwrap_or_default();
        let now = visit.engine.clock.now().await;
        let campaign = match sale.campaign {
            Some(id) => Some(campaigns::get(&visit.engine, visit.actor()?, now, id).await?),
            None => None,
        };
        let campaign = campaign.map(|campaign| {
            view! {
                <dt>"Campaign"</dt>
                <dd><a href=format!("/admin/campaigns/{}", campaign.id)>{campaign.name}</a>" prices it"</dd>
            }
        });
        let weighed = weighed(&sale.considered);
        return Ok(view! {
            <div class="card">
                <dl class="facts">
                    <dt>"Affiliate"</dt>
                    <dd>
                        <a href=format!("/admin/affiliates/{id}")>{name}</a>
                    </dd>
                    <dt>"Evidence"</dt>
                    <dd>{evidence}</dd>
                    {campaign}
                </dl>
            </div>
            {weighed}
        }
        .into_any());
    }
    let reason = sale.reason_message.clone().unwrap_or_else(|| "It waits for what Stripe says next.".to_owned());
    let by_hand = by_hand(visit, sale).await?;
    let weighed = weighed(&sale.considered);
    Ok(view! { <p>"Nobody. " {reason}</p> {weighed} <div id="credit">{by_hand}</div> }.into_any())
}

/// What else was weighed, and why it didn't count.
fn weighed(considered: &[ConsideredEvidence]) -> Option<AnyView> {
    let rows: Vec<Vec<AnyView>> = considered.iter().filter(|piece| !piece.counted).map(piece_row).collect();
    (!rows.is_empty())
        .then(|| view! { <Table caption="Evidence that did not count" columns=WEIGHED rows=rows /> }.into_any())
}

fn piece_row(piece: &ConsideredEvidence) -> Vec<AnyView> {
    let value = piece.value.clone();
    let value = if value.contains('@') { value.into_any() } else { id_chip(value) };
    let whose = piece.affiliate.map(|id| view! { <a href=format!("/admin/affiliates/{id}")>"See the affiliate"</a> });
    let why = piece.reason_message.clone().unwrap_or_else(|| "Other evidence counts more.".to_owned());
    vec![capitalized(piece.kind.as_str()).into_any(), value, whose.into_any(), why.into_any()]
}

/// A search, so that the page stays short whatever the number of affiliates, and a button for each that is found.
async fn by_hand(visit: &Visit, sale: &Sale) -> Result<AnyView, Error> {
    if sale.status != "paid" {
        return Ok(().into_any());
    }
    if !visit.may(Permission::Write) {
        return Ok(barred("credit sales"));
    }
    let search = visit.query("search");
    let found = match &search {
        None => Vec::new(),
        Some(_) => {
            let query = AffiliateQuery { search: search.clone(), ..AffiliateQuery::default() };
            let some = PageRequest::new(Some(MOST_MATCHES), None)?;
            affiliates::list(&visit.engine, visit.actor()?, &query, &some).await?.data
        }
    };
    let paid = sale.currency.map(|currency| Money::new(sale.paid_minor, currency).to_string()).unwrap_or_default();
    let nobody = search.is_some() && found.is_empty();
    let matches: Vec<AnyView> = found.iter().map(|affiliate| candidate(sale.id, affiliate, &paid)).collect();
    let body = view! {
        <p>"The affiliate earns on this sale by the campaign that ran when it was paid, as if the customer had come through their link, and on what the customer paid later. It can't be moved to somebody else afterwards."</p>
        <form class="filters" method="get">
            <Field label="Name, e-mail or code" name="search" kind="search" value=search.unwrap_or_default() />
            <button>"Search"</button>
        </form>
        {nobody.then(|| view! { <p>"No affiliate matches."</p> })}
        <ul class="steps">{matches}</ul>
    };
    let open = visit.query("search").is_some() || visit.query("credit").is_some();
    Ok(confirm("Credit it by hand…", open, body.into_any()))
}

fn candidate(sale: SaleId, affiliate: &Affiliate, paid: &str) -> AnyView {
    view! {
        <li>
            <div>
                <strong>{affiliate.name.clone()}</strong>
                <p>{affiliate.email.clone()}</p>
            </div>
            <form method="post" action="/admin/do/credit-sale">
                <input type="hidden" name="sale" value=sale.to_string() />
                <input type="hidden" name="affiliate" value=affiliate.id.to_string() />
                <button>{format!("Credit {paid} to {}", affiliate.name)}</button>
            </form>
        </li>
    }
    .into_any()
}
