//! The signs of fraud on one sale: what was found, and what was decided about it.

use leptos::prelude::*;
use purser::desk::signs::Sign;

use crate::components::{Column, Section, Table, hold_badge, moment, sign_badges};

const COLUMNS: &[Column] =
    &[Column::text("Sign"), Column::wrap("What was found"), Column::text("When"), Column::text("Hold")];

/// Nothing when there is no sign.
pub fn signs_section(signs: &[Sign]) -> Option<AnyView> {
    if signs.is_empty() {
        return None;
    }
    let rows = signs.iter().map(row).collect();
    let table = view! { <Table caption="Signs of fraud" columns=COLUMNS rows=rows /> }.into_any();
    let context =
        "Hints for you, never proofs. The affiliate reads none of this, only that a held commission is reviewed.";
    Some(view! { <Section title="Signs of fraud" context=context>{table}</Section> }.into_any())
}

fn row(sign: &Sign) -> Vec<AnyView> {
    let hold = match (sign.hold, sign.hold_status) {
        (Some(id), Some(status)) => view! { <a href=format!("/admin/holds/{id}")>{hold_badge(status)}</a> }.into_any(),
        _ => view! { <span class="hint">"Only marked"</span> }.into_any(),
    };
    vec![
        sign_badges(std::slice::from_ref(sign)).into_any(),
        sign.detail.clone().into_any(),
        moment(sign.found_at),
        hold,
    ]
}
