//! Purchases that an affiliate misses: claiming one, and what came of the claims. Nothing here tells whether there is such a
//! purchase before the company has decided.

use leptos::prelude::*;
use purser::desk::claims::{self, MyClaim};
use purser::domain::claim::ClaimStatus;

use crate::components::time::day_text;
use crate::components::{Column, Empty, Field, PageHead, Pager, Section, Table, claim_badge, date, day};
use crate::visit::{Visit, page};

const COLUMNS: &[Column] =
    &[Column::text("Made"), Column::wrap("Purchase"), Column::text("Status"), Column::wrap("What came of it")];

pub fn show() -> AnyView {
    page(|visit: Visit| async move {
        let list = claims::mine(&visit.engine, visit.actor()?, &visit.page_request()?).await?;
        let today = visit.engine.clock.now().await.date_naive().to_string();
        let form = form(&visit, today);
        let empty = list.data.is_empty();
        let rows = list.data.into_iter().map(row).collect();
        let made = if empty {
            let teaches = "What you claim appears here, with the company's answer.";
            view! { <Empty title="No claims yet" teaches=teaches /> }.into_any()
        } else {
            view! { <Table caption="Your claims, newest first" columns=COLUMNS rows=rows /> }.into_any()
        };
        Ok(view! {
            <PageHead title="Claims" context="Somebody bought because of you, and it isn't in your earnings? Tell the company, and they look for it." />
            <Section title="Claim a purchase">{form}</Section>
            <Section title="Your claims">{made}</Section>
            <Pager here="/claims" next_cursor=list.next_cursor started=visit.query("cursor").is_some() />
        }
        .into_any())
    })
}

fn form(visit: &Visit, today: String) -> AnyView {
    let typed = |name| visit.typed(name, "");
    view! {
        <form class="form" method="post" action="/do/make-claim">
            <Field label="The customer's e-mail" name="email" kind="email" autocomplete="off" value=typed("email") error=visit.error_of("email") optional=true hint="Give this or an order reference; both is better." />
            <Field label="Order reference" name="reference" autocomplete="off" value=typed("reference") error=visit.error_of("reference") optional=true hint="An id from the receipt that begins with cs_, in_, pi_, ch_ or sub_, or an order number." />
            <Field label="Day of the purchase" name="bought_on" kind="date" value=visit.typed("bought_on", today) error=visit.error_of("bought_on") />
            <Field label="Anything else (optional)" name="note" autocomplete="off" value=typed("note") error=visit.error_of("note") optional=true hint="How you know the customer, or what they bought." />
            <div class="actions">
                <button class="primary">"Claim this purchase"</button>
            </div>
        </form>
    }
    .into_any()
}

fn row(claim: MyClaim) -> Vec<AnyView> {
    let named = claim.reference.clone().or(claim.email.clone()).unwrap_or_default();
    let also = claim.reference.is_some().then(|| claim.email.clone()).flatten();
    let note = (!claim.note.is_empty()).then(|| view! { <span class="sub">{claim.note.clone()}</span> });
    vec![
        day(claim.created_at),
        view! {
            <span>
                {named}
                {also.map(|email| view! { <span class="sub">{email}</span> })}
                <span class="sub">"Bought on " {date(claim.bought_on)}</span>
                {note}
            </span>
        }
        .into_any(),
        claim_badge(claim.status),
        outcome(&claim),
    ]
}

fn outcome(claim: &MyClaim) -> AnyView {
    match (claim.status, claim.commission) {
        (ClaimStatus::Open, _) => "Received. The company looks for the purchase.".into_any(),
        (ClaimStatus::Accepted, Some(line)) => {
            view! { <span>"Credited to you. " <a href=format!("/earnings/{line}")>"See what it earned"</a></span> }
                .into_any()
        }
        (ClaimStatus::Accepted, None) => "Credited to you. By the campaign's rule it earned nothing.".into_any(),
        (ClaimStatus::Declined, _) => {
            let on = claim.decided_at.map(day_text).unwrap_or_default();
            view! { <span>{claim.reason.clone()} <span class="sub">{on}</span></span> }.into_any()
        }
    }
}
