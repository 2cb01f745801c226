//! What a sale was for, and the sales that turned out to be the same purchase: parts of the page of a sale.

use leptos::prelude::*;
use purser::desk::commissions::LineExplanation;
use purser::desk::sale_story::{SaleMerge, SaleRelease, SaleStory, SoldLine};
use purser::domain::currency::Currency;
use purser::domain::money::Money;

use super::words::capitalized;
use crate::components::{Banner, Column, Section, Table, Tone, amount, badge, calculation, id_chip, moment};

const LINES: &[Column] =
    &[Column::wrap("What"), Column::text("Product"), Column::text("Campaign"), Column::amount("Paid for it")];

/// Leads from a sale that turned out to be another one to that one.
pub fn merged_banner(story: &SaleStory) -> Option<AnyView> {
    let into = story.merged_into?;
    let why = story.merges.iter().find(|merge| merge.sale == story.sale.id)?.reason_message.clone();
    Some(
        view! {
            <Banner tone=Tone::Info title="This turned out to be the same purchase as another sale, which counts for both.">
                <p>{why} " " <a href=format!("/admin/sales/{into}")>"Go to the sale that counts"</a></p>
            </Banner>
        }
        .into_any(),
    )
}

/// Why the sale has no commission line, as a line would tell its amount.
pub fn earns_nothing(explanation: &LineExplanation) -> AnyView {
    let sentences: Vec<AnyView> =
        explanation.sentences.iter().map(|text| view! { <li>{text.clone()}</li> }.into_any()).collect();
    let calculated = explanation.figures.as_ref().map(calculation);
    view! {
        <p>{badge(Tone::Quiet, "Earns nothing")} " There is no line, because the rule makes nothing of this sale. The affiliate reads why under Earnings."</p>
        <div class="columns">
            <div class="card prose"><ul>{sentences}</ul></div>
            {calculated}
        </div>
    }
    .into_any()
}

/// The lines of the invoice or checkout; nothing when Stripe told none and no rule asks for them.
pub fn bought(story: &SaleStory) -> Option<AnyView> {
    let note = story.lines_message.clone().map(|message| view! { <p>{message}</p> });
    let table = story.sale.currency.filter(|_| !story.lines.is_empty()).map(|currency| {
        let rows = story.lines.iter().map(|line| row(line, currency)).collect();
        view! { <Table caption="What was bought" columns=LINES rows=rows /> }
    });
    if note.is_none() && table.is_none() {
        return None;
    }
    Some(view! { <Section title="What was bought">{note}{table}</Section> }.into_any())
}

fn row(line: &SoldLine, currency: Currency) -> Vec<AnyView> {
    let money = |minor| Money::new(minor, currency);
    let mut aside = Vec::new();
    if line.proration {
        aside.push("for a change within the period".to_owned());
    }
    if line.discount_minor != 0 {
        aside.push(format!("{} discount", money(line.discount_minor)));
    }
    if line.tax_minor != 0 {
        aside.push(format!("{} tax", money(line.tax_minor)));
    }
    let aside = (!aside.is_empty()).then(|| view! { <span class="sub">{aside.join(", ")}</span> });
    let counts = match line.counts {
        Some(true) => "Pays for it",
        Some(false) => "Doesn't pay for it",
        None => "Nobody is credited",
    };
    let product = line.product.clone().or(line.price.clone());
    vec![
        view! { <span>{line.description.clone()}{aside}</span> }.into_any(),
        product.map_or_else(|| view! { <span class="hint">"Not named"</span> }.into_any(), id_chip),
        counts.into_any(),
        amount(money(line.paid_minor)),
    ]
}

/// An event has a page; anything else that brought something out is said in words.
fn caused(cause: String) -> AnyView {
    if cause.starts_with("evt_") {
        view! { " By " <a href=format!("/admin/webhook-events/{cause}")>"this event"</a> "." }.into_any()
    } else {
        view! { {format!(" By: {cause}.")} }.into_any()
    }
}

/// Which sales became one, when and why.
pub fn merges(story: &SaleStory) -> Option<AnyView> {
    let into_this: Vec<AnyView> = story.merges.iter().filter(|merge| merge.into == story.sale.id).map(merged).collect();
    if into_this.is_empty() {
        return None;
    }
    Some(
        view! {
            <Section title="Made of several">
                <p>"Stripe told of this purchase as if it were several. They count once, and what was earned twice was taken back."</p>
                <ul class="steps">{into_this}</ul>
            </Section>
        }
        .into_any(),
    )
}

fn merged(merge: &SaleMerge) -> AnyView {
    let ids: Vec<AnyView> = merge.stripe_ids.iter().map(|id| view! { {id_chip(id.clone())} " " }.into_any()).collect();
    let cause = merge.cause.clone().map(caused);
    view! {
        <li>
            <div>
                <strong>{capitalized(&merge.kind)} " " {ids}</strong>
                <p>{merge.reason_message.clone()} {cause}</p>
                <p>
                    {merge.merged_at.map(moment)} " "
                    <a href=format!("/admin/sales/{}", merge.sale)>"As it was told"</a>
                </p>
            </div>
        </li>
    }
    .into_any()
}

/// Payments that were taken for an invoice's by mistake, when, and how it came out.
pub fn releases(story: &SaleStory) -> Option<AnyView> {
    if story.releases.is_empty() {
        return None;
    }
    let told: Vec<AnyView> = story.releases.iter().map(|release| released(release, story)).collect();
    Some(
        view! {
            <Section title="Counted as one for a while">
                <p>
                    "An invoice and a payment that Stripe doesn't link count once, as long as nothing tells them apart. "
                    "These did, until more was told; both count since then."
                </p>
                <ul class="steps">{told}</ul>
            </Section>
        }
        .into_any(),
    )
}

fn released(release: &SaleRelease, story: &SaleStory) -> AnyView {
    let (what, other) = if release.payment == story.sale.id {
        ("This payment was taken for another sale's", release.invoice)
    } else {
        ("Another payment was taken for this sale's", release.payment)
    };
    view! {
        <li>
            <div>
                <strong>{what}</strong>
                <p>{release.reason_message.clone()} {caused(release.cause.clone())}</p>
                <p>
                    {moment(release.merged_at)} " until " {moment(release.released_at)} " "
                    <a href=format!("/admin/sales/{other}")>"The other sale"</a>
                </p>
            </div>
        </li>
    }
    .into_any()
}
