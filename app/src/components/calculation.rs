//! How a line's amount came about, as a small calculation: every step with its figure, results under a rule.

use leptos::prelude::*;
use purser::domain::calculation::{Figure, Step};
use purser::domain::explanation::Explanation;

use super::amount;

/// The table; nothing when an amount in it leaves its range.
pub fn calculation(figures: &Explanation) -> AnyView {
    let steps = figures.calculation().unwrap_or_default();
    if steps.is_empty() {
        return ().into_any();
    }
    let rows: Vec<AnyView> = steps.into_iter().map(row).collect();
    view! {
        <div class="card">
            <table class="calculation">
                <caption class="visually-hidden">"How the amount was calculated"</caption>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
    .into_any()
}

fn row(step: Step) -> AnyView {
    let figure = match step.figure {
        Figure::Amount(money) => amount(money),
        Figure::Words(words) => words.into_any(),
    };
    let class = if step.is_result { "result" } else { "" };
    view! {
        <tr class=class>
            <th scope="row">{step.about}</th>
            <td>{figure}</td>
        </tr>
    }
    .into_any()
}
