//! Connecting a Stripe account and what can be done with it afterwards.

use leptos::prelude::*;
use purser::desk::Error;
use purser::desk::payment_methods::{self, OnboardingUrls};

use super::{Asked, Done, answer};

const PAGE: &str = "/settings/payment-method";

/// Leads to Stripe's onboarding; Stripe leads back to the page, which reads the account again.
#[server(prefix = "/do", endpoint = "connect-stripe")]
pub async fn connect_stripe() -> Result<(), ServerFnError> {
    let asked = Asked::current()?;
    let outcome = async {
        let base = &asked.engine.config.public_url;
        let urls =
            OnboardingUrls { return_url: format!("{base}{PAGE}?back=1"), refresh_url: format!("{base}{PAGE}/again") };
        let (_, link) =
            payment_methods::connect_stripe(asked.actor()?, &asked.engine, asked.now().await, &urls).await?;
        Ok::<_, Error>(Done::go(link))
    };
    answer(outcome.await, PAGE, &[]);
    Ok(())
}

#[server(prefix = "/do", endpoint = "open-stripe")]
pub async fn open_stripe(id: String) -> Result<(), ServerFnError> {
    let asked = Asked::current()?;
    let outcome = async {
        let link = payment_methods::login_link(asked.actor()?, &asked.engine, id.parse()?).await?;
        Ok::<_, Error>(Done::go(link))
    };
    answer(outcome.await, PAGE, &[]);
    Ok(())
}

#[server(prefix = "/do", endpoint = "check-payment-method")]
pub async fn check_payment_method(id: String) -> Result<(), ServerFnError> {
    let asked = Asked::current()?;
    let outcome = async {
        payment_methods::refresh(asked.actor()?, &asked.engine, asked.now().await, id.parse()?).await?;
        Ok::<_, Error>(Done::saying(PAGE, "This is what Stripe says now."))
    };
    answer(outcome.await, PAGE, &[]);
    Ok(())
}

#[server(prefix = "/do", endpoint = "remove-payment-method")]
pub async fn remove_payment_method(id: String) -> Result<(), ServerFnError> {
    let asked = Asked::current()?;
    let outcome = async {
        payment_methods::remove(asked.actor()?, &asked.engine, asked.now().await, id.parse()?).await?;
        Ok::<_, Error>(Done::saying(PAGE, "Disconnected. Payouts wait until you connect an account again."))
    };
    answer(outcome.await, PAGE, &[]);
    Ok(())
}
