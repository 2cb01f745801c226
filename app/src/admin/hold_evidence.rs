//! What a hold stands on: the dispute, the sign of fraud, or the word of who placed it. For the company alone.

use leptos::prelude::*;
use purser::desk::Error;
use purser::desk::hold_file::{self, Evidence, HeldCase, RefundCase};
use purser::domain::fraud::SignKind;
use purser::domain::program::HoldStatus;

use crate::components::{Column, Section, Table, amount, id_chip, moment};
use crate::visit::Visit;

const REFUNDS: &[Column] =
    &[Column::text("When"), Column::text("Refund or dispute"), Column::text("Of"), Column::amount("Given back")];

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
        Evidence::Refunds(found) => refunds(case.hold.status == HoldStatus::Open, &found),
        Evidence::Word => view! { <p>"Placed by hand: the reason above is all there is."</p> }.into_any(),
    };
    view! { <Section title="Evidence" context="The affiliate reads none of this."><div class="card">{stands_on}{sale}</div></Section> }
        .into_any()
}

fn refunds(open: bool, found: &RefundCase) -> AnyView {
    let now = found.now.map(|figures| {
        let share = figures.percent().map(|percent| format!(", {percent} %")).unwrap_or_default();
        format!("In the last 30 days {} of {} was refunded{share}.", figures.refunded(), figures.paid())
    });
    let standing = match (open, found.exceeds) {
        (true, true) => "That is above the limit.",
        (true, false) => {
            "That isn't above the limit any more, because refunds failed, became older than 30 days, or the limit was \
            changed. The hold isn't released by itself: decide about it."
        }
        (false, _) => "These were weighed with it.",
    };
    let rows: Vec<Vec<AnyView>> = found
        .refunds
        .iter()
        .map(|refund| {
            let sale = format!("/admin/sales/{}", refund.sale_id);
            vec![
                moment(refund.at),
                id_chip(refund.id.clone()),
                view! { <a href=sale>"See the sale"</a> }.into_any(),
                amount(refund.amount),
            ]
        })
        .collect();
    let list = (!rows.is_empty()).then(|| view! { <Table caption="Refunds" columns=REFUNDS rows=rows /> });
    view! {
        <p>{now}" "{standing}</p>
        {list}
        <p class="hint">"What is known when you decide is weighed with it and doesn't count again: only refunds that come afterwards can raise another hold."</p>
    }
    .into_any()
}

fn sign_words(kind: SignKind) -> &'static str {
    match kind {
        SignKind::SelfReferral => "The buyer looks like the affiliate, or like somebody of their company.",
        SignKind::Velocity => "More conversions came within an hour than the program expects.",
        SignKind::SharedBuyer => "The customer or the card bought before through another affiliate.",
    }
}
