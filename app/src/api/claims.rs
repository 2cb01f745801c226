//! Claiming a purchase, and answering a claim.

use leptos::prelude::*;
use purser::desk::Error;
use purser::desk::claims::{self, NewClaim};

use super::holds::named;
use super::typed::given;
use super::{Asked, Done, answer};

const LIST: &str = "/claims";

#[server(prefix = "/do", endpoint = "make-claim")]
pub async fn make_claim(
    #[server(default)] email: String,
    #[server(default)] reference: String,
    #[server(default)] bought_on: String,
    #[server(default)] note: String,
) -> Result<(), ServerFnError> {
    let asked = Asked::current()?;
    let outcome = async {
        let day = bought_on.trim().parse();
        let bought_on = day.map_err(|_| Error::invalid("bought_on", "Give the day of the purchase."))?;
        let new = NewClaim { email: given(&email), reference: given(&reference), bought_on, note: given(&note) };
        claims::make(&asked.engine, asked.actor()?, asked.now().await, new).await?;
        Ok::<_, Error>(Done::saying(LIST, "Received. You read here and by mail what comes of it."))
    };
    let typed = [("email", &*email), ("reference", &*reference), ("bought_on", &*bought_on), ("note", &*note)];
    answer(outcome.await, LIST, &typed);
    Ok(())
}

#[server(prefix = "/admin/do", endpoint = "accept-claim")]
pub async fn accept_claim(id: String, sale: String) -> Result<(), ServerFnError> {
    let asked = Asked::current()?;
    let page = format!("/admin/claims/{id}");
    let outcome = async {
        let wrong = |_| Error::invalid("sale", "Give the id of a sale: it begins with sal_.");
        let sale = sale.trim().parse().map_err(wrong)?;
        let claim = claims::accept(&asked.engine, asked.actor()?, asked.now().await, id.parse()?, sale).await?;
        Ok::<_, Error>(Done::saying(
            page.clone(),
            format!("Accepted: the sale is credited to {}.", claim.affiliate_name),
        ))
    };
    answer(outcome.await, &page, &[("sale", &sale)]);
    Ok(())
}

#[server(prefix = "/admin/do", endpoint = "decline-claim")]
pub async fn decline_claim(id: String, #[server(default)] decline_reason: String) -> Result<(), ServerFnError> {
    let asked = Asked::current()?;
    let page = format!("/admin/claims/{id}");
    let outcome = async {
        let now = asked.now().await;
        let declined = claims::decline(&asked.engine, asked.actor()?, now, id.parse()?, &decline_reason).await;
        declined.map_err(|error| named(error, "decline_reason"))?;
        Ok::<_, Error>(Done::saying(page.clone(), "Declined. The affiliate is told, with your reason."))
    };
    answer(outcome.await, &page, &[("decline_reason", &decline_reason)]);
    Ok(())
}
