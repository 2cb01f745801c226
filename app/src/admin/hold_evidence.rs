//! What a hold stands on: the dispute, the sign of fraud, or the word of who placed it. For the company alone.

use leptos::prelude::*;
use purser::desk::Error;
use purser::desk::hold_file::{self, Evidence, HeldCase};
use purser::domain::fraud::SignKind;

use crate::components::{Section, amount, id_chip};
use crate::visit::Visit;

/// The section with what the hold stands on and whom it concerns.
///
/// # Errors
/// From the desk.
pub async fn section(visit: &Visit, case: &HeldCase) -> Result<AnyView, Error> {
    let now = visit.engine.clock.now().await;
    let evidence = hold_file::evidence(&visit.engine, visit.actor()?, now, case).await?;
    Ok(shown(case, evidence))
}

fn shown(case: &HeldCase, evidence: Evidence) -> AnyView {
    let sale = case.sale().map(|id| {
        view! { <p><a href=format!("/admin/sales/{id}")>"See the sale"</a>", its payments and what it earned."</p> }
    });
    let stands_on = match evidence {
        Evidence::Dispute { id, amount: disputed, dashboard_url } => view! {
            <dl class="facts">
                <dt>"Dispute"</dt>
                <dd>{id_chip(id)}</dd>
                {disputed.map(|money| view! { <dt>"Disputed"</dt><dd>{amount(money)}</dd> })}
                <dt>"At Stripe"</dt>
                <dd><a href=dashboard_url rel="noopener">"Answer it in Stripe's dashboard"</a></dd>
            </dl>
            <p class="hint">"Won, it releases the lines by itself; lost, the lost part is taken from them and the rest is released."</p>
        }
        .into_any(),
        Evidence::Sign(kind) => view! { <p>{sign_words(kind)}" It is a hint, never a proof."</p> }.into_any(),
        Evidence::Word => view! { <p>"Placed by hand: the reason above is all there is."</p> }.into_any(),
    };
    view! { <Section title="Evidence" context="The affiliate reads none of this."><div class="card">{stands_on}{sale}</div></Section> }
        .into_any()
}

fn sign_words(kind: SignKind) -> &'static str {
    match kind {
        SignKind::SelfReferral => "The buyer looks like the affiliate, or like somebody of their company.",
        SignKind::Velocity => "More conversions came within an hour than the program expects.",
        SignKind::SharedBuyer => "The customer or the card bought before through another affiliate.",
    }
}
