//! What happened to the lines of a sale, as it happened: what, by how much, why, and where the sum stood then.

use leptos::prelude::*;
use purser::desk::line_story::{LineEvent, LineStory};
use purser::domain::explanation::Reader;
use purser::domain::money::Money;

use super::{amount, moment};

/// The story in its order, for its reader; `by` words who did something.
pub fn timeline(story: &LineStory, reader: Reader, by: impl Fn(&str) -> String) -> AnyView {
    let events: Vec<AnyView> = story.events.iter().map(|event| happened(story, event, reader, &by)).collect();
    view! { <ol class="timeline">{events}</ol> }.into_any()
}

fn happened(story: &LineStory, event: &LineEvent, reader: Reader, by: &impl Fn(&str) -> String) -> AnyView {
    let several = story.lines.len() > 1;
    let here = if reader == Reader::Affiliate { "/earnings" } else { "/admin/commissions" };
    let change = event.change.map(|change| view! { <span class="change">{signed(change)}</span> });
    let net = (several && event.change.is_some())
        .then(|| view! { <span class="net">"Net of the sale then: " {amount(event.net)}</span> });
    let line = event.wrote.and_then(|id| story.lines.iter().find(|line| line.id == id));
    let figures = line.and_then(|line| line.explanation.figures.as_ref());
    let arithmetic = figures.and_then(|figures| figures.change_in_words(reader));
    let link = event.wrote.filter(|_| several).map(|id| {
        view! { <a href=format!("{here}/{id}")>"How it came about"</a> }
    });
    let by = by(&event.by);
    view! {
        <li>
            <div class="head">
                <strong>{event.what.clone()}</strong>
                {change}
            </div>
            <p>{event.why.clone()}</p>
            {arithmetic.map(|told| view! { <p>{told}</p> })}
            <p class="aside">{moment(event.at)} <span>{by}</span> {link} {net}</p>
        </li>
    }
    .into_any()
}

/// With a plus where something was added, so that the direction is never in doubt.
fn signed(change: Money) -> AnyView {
    let plus = (change.amount_minor > 0).then_some("+");
    view! { {plus}{amount(change)} }.into_any()
}
