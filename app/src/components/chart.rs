//! A small bar chart as SVG: the last bar is labelled, the rest is told by the text alternative and the table behind it.

use leptos::prelude::*;
use purser::domain::currency::Currency;
use purser::domain::money::Money;

use super::{Column, Table, amount};

const WIDTH: i64 = 440;
const HEIGHT: i64 = 140;
const TOP: i64 = 24;
const BOTTOM: i64 = 22;
const GAP: i64 = 8;

/// One bar: its name (when it begins) and its amount in minor units.
#[derive(Clone)]
pub struct Bar {
    pub name: String,
    pub amount_minor: i64,
}

const COLUMNS: &[Column] = &[Column::text("From"), Column::amount("Amount")];

#[component]
pub fn Bars(#[prop(into)] title: String, currency: Currency, bars: Vec<Bar>) -> impl IntoView {
    let Some(last) = bars.last().cloned() else { return ().into_any() };
    let largest = bars.iter().map(|bar| bar.amount_minor).max().unwrap_or(0).max(1);
    let count = i64::try_from(bars.len()).unwrap_or(1);
    let step = WIDTH / count;
    let shapes: Vec<AnyView> =
        bars.iter().zip(0..).map(|(bar, index)| shape(bar, index, step, largest, index == count - 1)).collect();
    let latest = Money::new(last.amount_minor, currency);
    let alternative = format!("{title}: {latest} since {}, the last of {count} bars.", last.name);
    let rows = bars
        .iter()
        .map(|bar| vec![bar.name.clone().into_any(), amount(Money::new(bar.amount_minor, currency))])
        .collect();
    view! {
        <figure class="chart">
            <svg viewBox=format!("0 0 {WIDTH} {HEIGHT}") role="img" aria-label=alternative.clone()>
                {shapes}
                <line x1="0" x2=WIDTH y1=HEIGHT - BOTTOM y2=HEIGHT - BOTTOM></line>
                <text class="value" x=WIDTH - 2 y="14" text-anchor="end">{latest.to_string()}</text>
            </svg>
            <figcaption>{alternative}</figcaption>
            <details class="why">
                <summary>"The figures as a table"</summary>
                <Table caption=title columns=COLUMNS rows=rows />
            </details>
        </figure>
    }
    .into_any()
}

fn shape(bar: &Bar, index: i64, step: i64, largest: i64, is_last: bool) -> AnyView {
    let room = HEIGHT - TOP - BOTTOM;
    // Widened, so that no amount overflows on its way to pixels.
    let tall = i128::from(bar.amount_minor.max(0)) * i128::from(room) / i128::from(largest);
    let tall = i64::try_from(tall).unwrap_or(0).max(1);
    let x = index * step + GAP / 2;
    let width = (step - GAP).max(2);
    let class = if is_last { "" } else { "past" };
    view! {
        <rect class=class x=x y=HEIGHT - BOTTOM - tall width=width height=tall rx="2"></rect>
        <text x=x + width / 2 y=HEIGHT - 6 text-anchor="middle">{bar.name.clone()}</text>
    }
    .into_any()
}
