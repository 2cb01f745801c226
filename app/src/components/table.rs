//! Lists: a table on wide screens, a card per row on phones (the column marked `first` leads the card). The label of each
//! cell comes from its column, so that a card explains itself.

use leptos::prelude::*;

#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Column {
    pub label: &'static str,
    class: &'static str,
}

impl Column {
    pub const fn text(label: &'static str) -> Self {
        Self { label, class: "" }
    }

    /// Long text that takes the card's whole width.
    pub const fn wrap(label: &'static str) -> Self {
        Self { label, class: "wrap" }
    }

    pub const fn number(label: &'static str) -> Self {
        Self { label, class: "number" }
    }

    /// The amount that leads the card on phones.
    pub const fn amount(label: &'static str) -> Self {
        Self { label, class: "number first" }
    }
}

/// A table with a caption for screen readers. Each row has one view per column; `totals` is the row under the rule.
#[component]
pub fn Table(
    #[prop(into)] caption: String,
    columns: &'static [Column],
    rows: Vec<Vec<AnyView>>,
    #[prop(optional)] totals: Option<Vec<AnyView>>,
) -> impl IntoView {
    let head: Vec<AnyView> = columns
        .iter()
        .map(|column| view! { <th scope="col" class=column.class>{column.label}</th> }.into_any())
        .collect();
    let body: Vec<AnyView> = rows.into_iter().map(|cells| row(columns, cells)).collect();
    let foot = totals.map(|cells| view! { <tfoot>{row(columns, cells)}</tfoot> });
    view! {
        <div class="table-box">
            <table class="table">
                <caption class="visually-hidden">{caption}</caption>
                <thead>
                    <tr>{head}</tr>
                </thead>
                <tbody>{body}</tbody>
                {foot}
            </table>
        </div>
    }
    .into_any()
}

fn row(columns: &'static [Column], cells: Vec<AnyView>) -> AnyView {
    let cells: Vec<AnyView> = columns
        .iter()
        .zip(cells)
        .map(|(column, cell)| view! { <td class=column.class data-label=column.label>{cell}</td> }.into_any())
        .collect();
    view! { <tr>{cells}</tr> }.into_any()
}

/// The way to the next page of a list; `here` is the address with its filters and without a cursor.
#[component]
pub fn Pager(#[prop(into)] here: String, next_cursor: Option<String>, started: bool) -> impl IntoView {
    if next_cursor.is_none() && !started {
        return ().into_any();
    }
    let joint = if here.contains('?') { '&' } else { '?' };
    let next = next_cursor.map(|cursor| {
        view! { <a class="button" rel="next" href=format!("{here}{joint}cursor={cursor}")>"Next page"</a> }
    });
    view! {
        <nav class="pager" aria-label="Pages">
            {started.then(|| view! { <a class="button" href=here>"First page"</a> })}
            {next}
        </nav>
    }
    .into_any()
}
