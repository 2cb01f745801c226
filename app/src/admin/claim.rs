//! One claim: what the affiliate says, the sales that may be meant and to whom each is credited, and the answer.

use leptos::prelude::*;
use purser::desk::audit::{self, Names};
use purser::desk::claims::{self, Claim, MatchedSale};
use purser::desk::sales::Sale;
use purser::domain::actor::Permission;
use purser::domain::claim::ClaimStatus;
use purser::domain::money::Money;

use super::words::{evidence_words, named_words};
use crate::components::time::day_text;
use crate::components::{Crumb, Empty, Field, PageHead, Section, barred, claim_badge, confirm, date, id_chip, moment};
use crate::visit::{Visit, page};

pub fn show() -> AnyView {
    page(|visit: Visit| async move {
        let (claim, matches) = claims::get(&visit.engine, visit.actor()?, visit.id().parse()?).await?;
        let names = audit::names(&visit.engine, visit.actor()?).await?;
        let (facts, answer) = (facts(&claim), answer(&visit, &names, &claim, &matches));
        let title = format!("Claim of {}", claim.affiliate_name);
        let context = "The affiliate sees their own words and your answer, nothing else of this page.";
        Ok(view! {
            <PageHead title=title context=context badge=claim_badge(claim.status) crumbs=vec![Crumb::new("/admin/claims", "Claims")] />
            {facts}
            {answer}
        }
        .into_any())
    })
}

fn facts(claim: &Claim) -> AnyView {
    let fact = |name: &'static str, value: Option<String>| {
        value.filter(|value| !value.is_empty()).map(|value| view! { <dt>{name}</dt><dd>{value}</dd> })
    };
    view! {
        <div class="card">
            <dl class="facts">
                <dt>"Affiliate"</dt>
                <dd>
                    <a href=format!("/admin/affiliates/{}", claim.affiliate)>{claim.affiliate_name.clone()}</a>
                </dd>
                {fact("Customer's e-mail", claim.email.clone())}
                {fact("Order reference", claim.reference.clone())}
                <dt>"Bought on"</dt>
                <dd>{date(claim.bought_on)}</dd>
                {fact("They add", Some(claim.note.clone()))}
                <dt>"Claimed"</dt>
                <dd>{moment(claim.created_at)}</dd>
                <dt>"Id"</dt>
                <dd>{id_chip(claim.id.to_string())}</dd>
            </dl>
        </div>
    }
    .into_any()
}

fn answer(visit: &Visit, names: &Names, claim: &Claim, matches: &[MatchedSale]) -> AnyView {
    if let (Some(at), Some(by)) = (claim.decided_at, claim.decided_by.as_deref()) {
        return answered(claim, view! { {named_words(names, by)} ", " {moment(at)} ". " }.into_any());
    }
    let may = visit.may(Permission::Write);
    let meant: Vec<AnyView> = matches.iter().map(|found| candidate(names, claim, found, may)).collect();
    let meant = if meant.is_empty() {
        let teaches = "No sale has this reference or e-mail, and none near that day is credited to nobody.";
        view! { <Empty title="No sale looks like it" teaches=teaches /> }.into_any()
    } else {
        view! { <ul class="steps">{meant}</ul> }.into_any()
    };
    let decision = if may { decision(visit, claim) } else { barred("answer claims") };
    view! {
        <Section title="Sales that may be meant" context="The likeliest first.">{meant}</Section>
        <Section title="Another answer">{decision}</Section>
    }
    .into_any()
}

fn answered(claim: &Claim, who: AnyView) -> AnyView {
    let what = match (claim.status, claim.sale) {
        (ClaimStatus::Accepted, Some(sale)) => {
            view! { <p>"Accepted by " {who} <a href=format!("/admin/sales/{sale}")>"The sale that was credited"</a></p> }
                .into_any()
        }
        _ => view! { <p>"Declined by " {who} "The affiliate reads: “" {claim.reason.clone()} "”"</p> }.into_any(),
    };
    view! { <Section title="Answer">{what}</Section> }.into_any()
}

fn candidate(names: &Names, claim: &Claim, found: &MatchedSale, may: bool) -> AnyView {
    let sale = &found.sale;
    let paid = sale.currency.map(|currency| Money::new(sale.paid_minor, currency).to_string()).unwrap_or_default();
    let customer =
        sale.email.clone().or(sale.stripe_customer_id.clone()).unwrap_or_else(|| "Unknown customer".to_owned());
    let when = sale.paid_at.map_or_else(|| "not paid yet".to_owned(), |at| format!("paid on {}", day_text(at)));
    let theirs = sale.affiliate == Some(claim.affiliate);
    let open = may && sale.status == "paid" && (sale.affiliate.is_none() || theirs);
    let button = if theirs {
        "Accept: it is theirs already".to_owned()
    } else {
        format!("Credit the sale of {paid} to {}", claim.affiliate_name)
    };
    let form = open.then(|| {
        view! {
            <form method="post" action="/admin/do/accept-claim">
                <input type="hidden" name="id" value=claim.id.to_string() />
                <input type="hidden" name="sale" value=sale.id.to_string() />
                <button class="primary">{button}</button>
            </form>
        }
    });
    view! {
        <li>
            <div>
                <strong><a href=format!("/admin/sales/{}", sale.id)>{paid}</a></strong>
                <p>{format!("{customer}, {when}. {}", found.why)}</p>
                <p>{credited(names, sale)}</p>
            </div>
            {form}
        </li>
    }
    .into_any()
}

fn credited(names: &Names, sale: &Sale) -> String {
    match (&sale.affiliate_name, &sale.evidence) {
        (Some(name), Some(evidence)) => {
            format!("Credited to {name}. {}.", evidence_words(names, &evidence.kind, &evidence.value))
        }
        (Some(name), None) => format!("Credited to {name}."),
        (None, _) => {
            let reason =
                sale.reason_message.clone().unwrap_or_else(|| "It waits for what Stripe says next.".to_owned());
            format!("Credited to nobody. {reason}")
        }
    }
}

fn decision(visit: &Visit, claim: &Claim) -> AnyView {
    let id = claim.id.to_string();
    let open = |field| visit.error_of(field).is_some();
    let other = view! {
        <p>"The affiliate earns on it by the campaign that ran when it was paid. A sale that somebody else is credited with is refused."</p>
        <form class="form" method="post" action="/admin/do/accept-claim">
            <input type="hidden" name="id" value=id.clone() />
            <Field label="Id of the sale" name="sale" autocomplete="off" value=visit.typed("sale", "") error=visit.error_of("sale") hint="It stands on the sale's page and begins with sal_." />
            <button class="primary">{format!("Credit it to {}", claim.affiliate_name)}</button>
        </form>
    };
    let decline = view! {
        <p>"Nothing is credited. The affiliate is told, with your reason, and may claim again."</p>
        <form class="form" method="post" action="/admin/do/decline-claim">
            <input type="hidden" name="id" value=id />
            <Field label="Why is it declined?" name="decline_reason" autocomplete="off" value=visit.typed("decline_reason", "") error=visit.error_of("decline_reason") hint="The affiliate reads it." />
            <button class="danger">"Decline the claim"</button>
        </form>
    };
    view! {
        <div class="actions">
            {confirm("Credit another sale…", open("sale"), other.into_any())}
            {confirm("Decline…", open("decline_reason"), decline.into_any())}
        </div>
    }
    .into_any()
}
