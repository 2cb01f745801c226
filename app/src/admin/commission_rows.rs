//! Commission lines as the company's pages list them.

use leptos::prelude::*;
use purser::desk::commissions::Commission;

use crate::components::{Column, Table, line_badge, sign_badges};
use crate::portal::earnings::{amount_and_net, dates, kind_label, when};

const COLUMNS: &[Column] = &[
    Column::text("Date"),
    Column::text("Affiliate"),
    Column::text("What"),
    Column::text("Status"),
    Column::wrap("Why"),
    Column::amount("Amount"),
];

pub fn lines_table(lines: Vec<Commission>) -> AnyView {
    let rows = lines.into_iter().map(row).collect();
    view! { <Table caption="Commission lines, newest first" columns=COLUMNS rows=rows /> }.into_any()
}

fn row(line: Commission) -> Vec<AnyView> {
    let sentences: Vec<AnyView> =
        line.explanation.sentences.iter().map(|text| view! { <li>{text.clone()}</li> }.into_any()).collect();
    let (next, with_net) = (when(&line), amount_and_net(&line));
    vec![
        dates(&line),
        view! { <a href=format!("/admin/affiliates/{}", line.affiliate)>{line.affiliate_name}</a> }.into_any(),
        view! { <a class="word" href=format!("/admin/commissions/{}", line.id)>{kind_label(line.kind)}</a> }.into_any(),
        view! { <span>{line_badge(line.status)}<span class="sub">{next}</span></span> }.into_any(),
        view! {
            <span>{line.reason}{sign_badges(&line.signs)}</span>
            <details class="why">
                <summary>"How it came about"</summary>
                <ul>{sentences}</ul>
            </details>
        }
        .into_any(),
        with_net,
    ]
}
