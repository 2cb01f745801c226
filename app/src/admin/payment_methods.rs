//! How an affiliate is paid, as the company sees it.

use leptos::prelude::*;
use purser::desk::Error;
use purser::desk::payment_methods::{self, PaymentMethodView};
use purser::domain::ids::AffiliateId;

use super::rail_words::method_words;
use crate::components::{id_chip, method_badge, moment};
use crate::visit::Visit;

pub async fn of_affiliate(visit: &Visit, id: AffiliateId) -> Result<AnyView, Error> {
    let methods = payment_methods::of_affiliate(visit.actor()?, &visit.engine, id).await?;
    if methods.is_empty() {
        return Ok(view! { <div class="card"><p class="hint">"None yet. They connect a Stripe account in their portal; until then payouts leave them out."</p></div> }.into_any());
    }
    let shown: Vec<AnyView> = methods.iter().map(method).collect();
    Ok(view! { <div class="card">{shown}</div> }.into_any())
}

fn method(method: &PaymentMethodView) -> AnyView {
    let needs: Vec<AnyView> =
        method.requirements.iter().map(|needed| view! { <li>{needed.words.clone()}</li> }.into_any()).collect();
    let needs = (!needs.is_empty()).then(|| view! { <dt>"Stripe asks for"</dt><dd><ul>{needs}</ul></dd> });
    view! {
        <dl class="facts">
            <dt>"Kind"</dt>
            <dd>{method_words(method.rail)}</dd>
            <dt>"State"</dt>
            <dd>{method_badge(method.status)}</dd>
            {method.account.clone().map(|account| view! { <dt>"Account"</dt><dd>{id_chip(account)}</dd> })}
            {method.disabled.clone().map(|why| view! { <dt>"Stopped"</dt><dd>{why}</dd> })}
            {needs}
            {method.checked_at.map(|at| view! { <dt>"Looked at"</dt><dd>{moment(at)}</dd> })}
        </dl>
    }
    .into_any()
}
