//! Entering leads, and setting their customer ids.

use leptos::prelude::*;
use purser::desk::Error;
use purser::desk::leads::{self, LeadPatch, NewLead, Retroactive, imports};

use super::typed::given;
use super::{Asked, Done, answer};

#[server(prefix = "/admin/do", endpoint = "add-lead")]
pub async fn add_lead(
    #[server(default)] email: String,
    #[server(default)] stripe_customer_id: String,
    affiliate: String,
) -> Result<(), ServerFnError> {
    let asked = Asked::current()?;
    let outcome = async {
        let new = NewLead {
            email: given(&email),
            stripe_customer_id: given(&stripe_customer_id),
            affiliate: affiliate.trim().to_owned(),
        };
        let lead = leads::create(&asked.engine, asked.actor()?, asked.now().await, new).await?;
        let message = format!("The lead is {}'s from now on.", lead.affiliate_name);
        Ok::<_, Error>(Done::saying(format!("/admin/leads/{}", lead.id), message))
    };
    let typed = [("email", &*email), ("stripe_customer_id", &*stripe_customer_id), ("affiliate", &*affiliate)];
    answer(outcome.await, "/admin/leads/new", &typed);
    Ok(())
}

#[server(prefix = "/admin/do", endpoint = "set-lead-customer")]
pub async fn set_lead_customer(
    lead: String,
    stripe_customer_id: String,
    #[server(default)] retroactive: String,
) -> Result<(), ServerFnError> {
    let asked = Asked::current()?;
    let page = format!("/admin/leads/{lead}");
    let outcome = async {
        let patch = LeadPatch { stripe_customer_id: Some(given(&stripe_customer_id)), ..LeadPatch::default() };
        let past = (retroactive == "apply").then_some(Retroactive::Apply);
        let now = asked.now().await;
        let changed = leads::update(&asked.engine, asked.actor()?, now, lead.parse()?, patch, past).await?;
        let message = match changed.retroactive {
            Some(past) if past.credited == 1 => "The customer id is set, and 1 past payment is credited.".to_owned(),
            Some(past) => format!("The customer id is set, and {} past payments are credited.", past.credited),
            None => "The customer id is set. It counts for payments from now on.".to_owned(),
        };
        Ok::<_, Error>(Done::saying(page.clone(), message))
    };
    answer(outcome.await, &page, &[("stripe_customer_id", &stripe_customer_id)]);
    Ok(())
}

#[server(prefix = "/admin/do", endpoint = "enter-leads")]
pub async fn enter_leads(import: String) -> Result<(), ServerFnError> {
    let asked = Asked::current()?;
    let page = format!("/admin/leads/imports/{import}");
    let outcome = async {
        imports::apply(&asked.engine, asked.actor()?, asked.now().await, import.parse()?).await?;
        Ok::<_, Error>(Done::saying(page.clone(), "The leads are entered. Each row says what became of it."))
    };
    answer(outcome.await, &page, &[]);
    Ok(())
}
