//! How an affiliate is paid: connecting a Stripe account, what Stripe still asks for in words, and the way back from Stripe.

use leptos::prelude::*;
use purser::desk::Error;
use purser::desk::payment_methods::{self, PaymentMethodView};
use purser::domain::program::PaymentMethodStatus;

use crate::components::time::day_text;
use crate::components::{Banner, PageHead, Section, Tone, confirm, id_chip, method_badge, moment};
use crate::visit::{Visit, page};

pub fn show() -> AnyView {
    page(|visit: Visit| async move {
        let method = the_method(&visit).await?;
        let back = visit.query("back").is_some();
        Ok(body(method, back))
    })
}

/// Pending methods are read again at Stripe, so that coming back from onboarding shows what Stripe says now.
async fn the_method(visit: &Visit) -> Result<Option<PaymentMethodView>, Error> {
    let now = visit.engine.clock.now().await;
    let methods = payment_methods::list(visit.actor()?, &visit.engine, now).await?;
    Ok(methods.into_iter().next())
}

/// What the affiliate has to do before they can be paid; None when nothing is.
pub async fn next_step(visit: &Visit) -> Result<Option<AnyView>, Error> {
    let method = the_method(visit).await?;
    let (title, text) = match method.as_ref().map(|method| method.status) {
        Some(PaymentMethodStatus::Verified) => return Ok(None),
        None => ("Connect your Stripe account", "It takes a few minutes, and payouts wait until it is done."),
        Some(PaymentMethodStatus::Pending) => {
            ("Finish connecting your Stripe account", "Payouts wait until Stripe has what it needs.")
        }
        Some(PaymentMethodStatus::Restricted) => {
            ("Stripe needs information from you", "Payouts wait until Stripe has it.")
        }
    };
    Ok(Some(
        view! {
            <div class="banner warn" role="status">
                <div>
                    <strong>{title}</strong>
                    <p>{text}</p>
                </div>
                <a class="button primary" href="/settings/payment-method">"Set up payouts"</a>
            </div>
        }
        .into_any(),
    ))
}

fn body(method: Option<PaymentMethodView>, back: bool) -> AnyView {
    let Some(method) = method else { return none_yet() };
    let badge = method_badge(method.status);
    let arrived = back.then(|| arrival(method.status));
    let facts = facts(&method);
    let asked = asked(&method);
    let primary = primary(&method);
    view! {
        <PageHead title="Payment method" context=context(method.status) badge=badge>
            {primary}
        </PageHead>
        {arrived}
        {asked}
        <Section title="Your Stripe account"><div class="card">{facts}</div></Section>
        {further(&method)}
    }
    .into_any()
}

fn none_yet() -> AnyView {
    view! {
        <PageHead title="Payment method" context="You are paid through Stripe: your bank details stay with Stripe, not with the company.">
            {connect("Connect Stripe Account", true)}
        </PageHead>
        <div class="card prose">
            <h2>"How it goes"</h2>
            <ul>
                <li>"Stripe asks who you are and where your money should go. That takes a few minutes."</li>
                <li>"You come back here and see whether Stripe needs anything more."</li>
                <li>"From then on every payout goes to your Stripe balance, and from there to your bank."</li>
            </ul>
        </div>
    }
    .into_any()
}

fn connect(text: &'static str, primary: bool) -> AnyView {
    let class = if primary { "primary" } else { "" };
    view! {
        <form method="post" action="/do/connect-stripe">
            <button class=class>{text}</button>
        </form>
    }
    .into_any()
}

fn primary(method: &PaymentMethodView) -> AnyView {
    match method.status {
        PaymentMethodStatus::Verified => view! {
            <form method="post" action="/do/open-stripe">
                <input type="hidden" name="id" value=method.id.to_string() />
                <button class="primary">"Open my Stripe dashboard"</button>
            </form>
        }
        .into_any(),
        PaymentMethodStatus::Pending if !method.details_submitted => connect("Connect Stripe Account", true),
        _ => connect("Give Stripe what it needs", true),
    }
}

fn context(status: PaymentMethodStatus) -> &'static str {
    match status {
        PaymentMethodStatus::Verified => "Payouts go to your Stripe balance, and from there to your bank.",
        PaymentMethodStatus::Pending => "Stripe isn't finished with your account, so payouts wait.",
        PaymentMethodStatus::Restricted => "Stripe has stopped payouts to your account until it gets what it asks for.",
    }
}

/// Said once, to somebody who just came back from Stripe.
fn arrival(status: PaymentMethodStatus) -> AnyView {
    let (tone, title) = match status {
        PaymentMethodStatus::Verified => {
            (Tone::Good, "Welcome back: your Stripe account is connected and ready for payouts.")
        }
        PaymentMethodStatus::Pending => {
            (Tone::Info, "Welcome back. Stripe isn't finished yet: see below what is missing.")
        }
        PaymentMethodStatus::Restricted => (Tone::Warn, "Welcome back. Stripe needs more from you: see below."),
    };
    view! { <Banner tone=tone title=title /> }.into_any()
}

fn asked(method: &PaymentMethodView) -> Option<AnyView> {
    if method.requirements.is_empty() && method.disabled.is_none() && !method.is_being_verified {
        return None;
    }
    let needs: Vec<AnyView> = method
        .requirements
        .iter()
        .map(|needed| {
            let late = needed.past_due.then_some(" (overdue)");
            view! { <li>{needed.words.clone()}{late}</li> }.into_any()
        })
        .collect();
    let needs = (!needs.is_empty()).then(|| view! { <ul>{needs}</ul> });
    let deadline = method.deadline.map(|at| format!("Stripe needs it by {}.", day_text(at)));
    let disabled = method.disabled.clone();
    let checking =
        method.is_being_verified.then_some("Stripe is checking what you sent. There is nothing to do for now.");
    Some(
        view! {
            <Section title="What Stripe still asks for">
                <div class="card prose">
                    {disabled.map(|why| view! { <p>{why}</p> })}
                    {needs}
                    {deadline.map(|text| view! { <p>{text}</p> })}
                    {checking.map(|text| view! { <p>{text}</p> })}
                </div>
            </Section>
        }
        .into_any(),
    )
}

fn facts(method: &PaymentMethodView) -> AnyView {
    let yes = |flag: bool| if flag { "Yes" } else { "Not yet" };
    view! {
        <dl class="facts">
            <dt>"State"</dt>
            <dd>{method_badge(method.status)}</dd>
            {method.account.clone().map(|account| view! { <dt>"Account"</dt><dd>{id_chip(account)}</dd> })}
            <dt>"Details given"</dt>
            <dd>{yes(method.details_submitted)}</dd>
            <dt>"Pays out to your bank"</dt>
            <dd>{yes(method.payouts_enabled)}</dd>
            {method.checked_at.map(|at| view! { <dt>"Last looked at"</dt><dd>{moment(at)}</dd> })}
        </dl>
    }
    .into_any()
}

fn further(method: &PaymentMethodView) -> AnyView {
    let id = method.id.to_string();
    let disconnect = view! {
        <p>"Payouts leave you out until you connect an account again. What you earned stays yours, and your Stripe account itself stays as it is."</p>
        <form method="post" action="/do/remove-payment-method">
            <input type="hidden" name="id" value=id.clone() />
            <button class="danger">"Disconnect this account"</button>
        </form>
    }
    .into_any();
    view! {
        <div class="actions">
            <form method="post" action="/do/check-payment-method">
                <input type="hidden" name="id" value=id />
                <button>"Check again with Stripe"</button>
            </form>
            {confirm("Disconnect…", false, disconnect)}
        </div>
    }
    .into_any()
}
